"""The encoder taught by an ensemble, within minutes on one GPU, in JAX.

    deformed_digits   digits written anew: deformed, turned, thickened, blended
    placements        where four of them stand
    drawing           both become images
    degradation       what paper, pen and camera do to them
    networks          the encoder and its teachers
    learning          a step of Adam
    teachers          learn single digits, and say what written ones are
    pupils            the encoder learns what they say
    recipe            all of it, in a work directory

TensorFlow is not needed here: the weights are handed over in a file.
"""
