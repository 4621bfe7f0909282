"""The same weights in every runtime that is installed."""

import logging
import pathlib

import numpy as np

from mnist_sum_tf.models.encoder import channels_of
from mnist_sum_tf.runtimes.loading import load_file
from mnist_sum_tf.runtimes.outputs import OUTPUTS
from mnist_sum_tf.runtimes.packages import import_package
from mnist_sum_tf.runtimes.saved_model import saved_model_reader
from mnist_sum_tf.serving.exported import load_exported_model
from mnist_sum_tf.serving.formats.file_export import FILES, check_packages
from mnist_sum_tf.torch_bridge import state_dicts
from mnist_sum_tf.user_errors import UserError

SAVED_MODEL = "SavedModel"
EXTRA = "benchmark"


def load_contenders(model_path, folder) -> dict:
    """Converts an exported model and loads it everywhere.

    Args:
        model_path: see `find_saved_model`.
        folder: where files may be written.

    Returns:
        Name -> reader, see `load_file`; runtimes that are not installed are
        named in the log and missing.
    """
    folder = pathlib.Path(folder)
    onnx_path = folder / FILES["onnx", None][0]
    model = load_exported_model(model_path)
    makers = {
        "ONNX Runtime": lambda: _file_reader(model, folder, "onnx"),
        "LiteRT": lambda: _file_reader(model, folder, "litert"),
        "LiteRT int8": lambda: _file_reader(model, folder, "litert", "int8"),
        "OpenVINO": lambda: openvino_reader(onnx_path, "f32"),
        "OpenVINO bf16": lambda: openvino_reader(onnx_path, "bf16"),
        "PyTorch": lambda: torch_reader(model, "float32"),
        "PyTorch bf16": lambda: torch_reader(model, "mixed_bfloat16"),
    }
    readers = {SAVED_MODEL: saved_model_reader(model_path)}
    for name, make in makers.items():
        try:
            readers[name] = make()
        except UserError as error:
            logging.warning("%s is left out: %s", name, error)
    return readers


def _file_reader(model, folder, file_format: str, quantization: str | None = None):
    """Writes the model as a file of a format, and loads it."""
    check_packages(file_format)  # Converters raise an `ImportError` of their own.
    name, write = FILES[file_format, quantization]
    write(model, str(folder / name))
    return load_file(folder / name)


def openvino_reader(onnx_path, precision: str):
    """Runs an `.onnx` file in OpenVINO, computed in `"f32"` or `"bf16"`."""
    openvino = import_package("openvino", EXTRA)
    if not pathlib.Path(onnx_path).exists():
        raise UserError(
            "OpenVINO reads the ONNX file. Received: none, as it could not be written"
        )
    compiled = openvino.Core().compile_model(
        str(onnx_path), "CPU", {"INFERENCE_PRECISION_HINT": precision}
    )
    names = [
        next(name for name in OUTPUTS if name in output.names)
        for output in compiled.outputs
    ]
    request = compiled.create_infer_request()

    def read(images):
        values = request.infer({"images": images}).values()
        return {name: np.array(value) for name, value in zip(names, values)}

    return read


def torch_reader(model, precision: str):
    """Runs the PyTorch twin, which answers with logits and decoder's sums."""
    torch = import_package("torch", EXTRA)
    from mnist_sum_tf.torch_bridge import twin

    channels = channels_of(model.get_layer("encoder"))
    other = twin.CombinedModel(block_channels=channels).eval()
    other.load_state_dict(
        {
            name: torch.from_numpy(value)
            for name, value in state_dicts.state_dict_of(model).items()
        }
    )
    autocast = precision == "mixed_bfloat16"

    def read(images):
        with (
            torch.inference_mode(),
            torch.autocast("cpu", torch.bfloat16, enabled=autocast),
        ):
            logits, sums = other(twin.normalised(images))
            digits = logits.argmax(-1).int()
        return {"digits": digits.numpy(), "sum": sums.float().numpy()}

    return read
