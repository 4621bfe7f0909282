"""Distils an ensemble of teachers into the encoder, in JAX: minutes on one GPU.

    deformed_digits   random variations: deformed, rotated, thickened, blended digits
    placements        where four of them stand
    drawing           both become images
    degradation       what paper, pen and camera do to them
    networks          the encoder and its teachers
    learning          a step of Adam
    teachers          learn single digits, and label the deformed ones
    students          the encoder learns their labels
    recipe            all of it, in a work directory

TensorFlow is not needed here: the weights are handed over in a file.
"""
