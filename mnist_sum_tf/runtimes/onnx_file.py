"""ONNX files, run by ONNX Runtime."""

from mnist_sum_tf.runtimes.packages import import_package

ERRORS_ONLY = 3


def load(path):
    """Loads an `.onnx` file.

    Returns:
        See `loading.load_file`.
    """
    onnxruntime = import_package("onnxruntime", extra="onnx")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = ERRORS_ONLY
    session = onnxruntime.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]

    def read(images):
        return dict(zip(names, session.run(names, {"images": images})))

    return read
