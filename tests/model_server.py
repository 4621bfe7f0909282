"""A stand-in for TensorFlow Serving: its protocols, its states, its errors.

It serves a folder of versions by gRPC (the real services, from the real protos)
and by REST, replays the warm-up requests and follows new versions. It runs a
SavedModel as the real server does: by a session, fed and fetched by the tensor
names of the signature, without Python's checks.

    python tests/model_server.py FOLDER [GRPC_PORT REST_PORT]
"""

import concurrent.futures
import os
import pathlib
import sys
import threading
import time

import grpc
import tensorflow as tf
from google.protobuf import any_pb2
from tensorflow.core.protobuf import config_pb2, error_codes_pb2, meta_graph_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_log_pb2,
    prediction_service_pb2_grpc,
    status_pb2,
)

STATE = get_model_status_pb2.ModelVersionStatus.State
WARMUP = os.path.join("assets.extra", "tf_serving_warmup_requests")
MAX_REQUESTS = 8
MAX_MESSAGE_BYTES = 64_000_000


class StatusError(Exception):
    """An error with one of gRPC's codes."""

    def __init__(self, code: grpc.StatusCode, message: str):
        super().__init__(message)
        self.code = code
        self.message = message


class Version:
    """One loaded SavedModel."""

    def __init__(self, path):
        self.session = tf.compat.v1.Session(graph=tf.Graph())
        with self.session.graph.as_default():
            loaded = tf.compat.v1.saved_model.load(self.session, ["serve"], str(path))
        self.signatures = dict(loaded.signature_def)
        self._callables = {}
        self.num_warmups = 0
        warmup = os.path.join(path, WARMUP)
        if os.path.exists(warmup):
            for record in tf.data.TFRecordDataset(warmup).as_numpy_iterator():
                log = prediction_log_pb2.PredictionLog.FromString(record)
                self.predict(log.predict_log.request)
                self.num_warmups += 1

    def predict(self, request) -> dict:
        """Outputs as arrays, by name."""
        name = request.model_spec.signature_name or "serving_default"
        if name not in self.signatures:
            raise StatusError(
                grpc.StatusCode.FAILED_PRECONDITION,
                f'Serving signature key "{name}" not found.',
            )
        signature = self.signatures[name]
        if set(request.inputs) != set(signature.inputs):
            raise StatusError(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"input size does not match signature: {len(request.inputs)}!="
                f"{len(signature.inputs)} len({{{','.join(request.inputs)}}}) "
                f"!= len({{{','.join(signature.inputs)}}}).",
            )
        outputs = sorted(request.output_filter or signature.outputs)
        key = (name, *outputs)
        if key not in self._callables:
            options = config_pb2.CallableOptions(
                feed=[signature.inputs[i].name for i in sorted(request.inputs)],
                fetch=[signature.outputs[o].name for o in outputs],
            )
            self._callables[key] = self.session._make_callable_from_options(options)
        try:
            feeds = [tf.make_ndarray(request.inputs[i]) for i in sorted(request.inputs)]
            for i, value in zip(sorted(request.inputs), feeds):
                expected = tf.as_dtype(signature.inputs[i].dtype)
                if tf.as_dtype(request.inputs[i].dtype) != expected:
                    raise StatusError(
                        grpc.StatusCode.INVALID_ARGUMENT,
                        f"Expects arg to be {expected.name} but "
                        f"{value.dtype} is provided",
                    )
            return dict(zip(outputs, self._callables[key](*feeds)))
        except (tf.errors.OpError, ValueError, TypeError) as error:
            raise StatusError(grpc.StatusCode.INVALID_ARGUMENT, str(error)) from error


class ModelServer:
    """Serves the newest version in a folder.

    Args:
        folder: of versions.
        name: of the model.
        grpc_port, rest_port: free ones where 0.
        poll_seconds: between two looks at the folder.
    """

    def __init__(
        self,
        folder,
        name="mnist_sum",
        grpc_port=0,
        rest_port=0,
        poll_seconds=0.2,
    ):
        from model_server_rest import start_rest_server

        self.name = name
        self.folder = pathlib.Path(folder)
        self.versions = {}
        self.states = {}
        self.faults = {}
        self._slots = threading.BoundedSemaphore(MAX_REQUESTS)
        self._stopped = threading.Event()
        self._poll_seconds = poll_seconds
        self._grpc, grpc_port = _start_grpc_server(self, grpc_port)
        self._rest, rest_port = start_rest_server(self, rest_port)
        self.grpc_url = f"grpc://localhost:{grpc_port}"
        self.rest_url = f"http://localhost:{rest_port}"
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def stop(self):
        self._stopped.set()
        self._grpc.stop(0)
        self._rest.shutdown()
        self._rest.server_close()
        self._watcher.join()

    def wait(self, version: int, seconds: float = 60):
        """Waits until a version answers."""
        end = time.monotonic() + seconds
        while self.states.get(version) != STATE.AVAILABLE:
            if time.monotonic() > end:
                raise TimeoutError(f"version {version}: {self.states}")
            time.sleep(0.05)

    def predict(self, request) -> tuple[int, dict]:
        with self._slots:
            number = self._number(request.model_spec)
            return number, self.versions[number].predict(request)

    def metadata(self, spec):
        number = self._number(spec)
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.name = self.name
        response.model_spec.version.value = number
        definitions = get_model_metadata_pb2.SignatureDefMap()
        for name, definition in self.versions[number].signatures.items():
            definitions.signature_def[name].CopyFrom(
                meta_graph_pb2.SignatureDef.FromString(definition.SerializeToString())
            )
        content = any_pb2.Any()
        content.Pack(definitions)
        response.metadata["signature_def"].CopyFrom(content)
        return response

    def status(self, spec):
        response = get_model_status_pb2.GetModelStatusResponse()
        if spec.name == self.name:
            for number, state in sorted(self.states.items(), reverse=True):
                if spec.HasField("version") and spec.version.value != number:
                    continue
                response.model_version_status.add(
                    version=number,
                    state=state,
                    status=self.faults.get(number, status_pb2.StatusProto()),
                )
        if not response.model_version_status:
            wanted = spec.name
            if spec.HasField("version"):
                wanted += f" with version {spec.version.value}"
            raise StatusError(
                grpc.StatusCode.NOT_FOUND,
                f"Could not find any versions of model {wanted}",
            )
        return response

    def _number(self, spec) -> int:
        versions = sorted(self.versions)
        if spec.HasField("version"):
            wanted, found = f"Specific({spec.name}, {spec.version.value})", None
            if spec.version.value in versions:
                found = spec.version.value
        else:
            wanted, found = f"Latest({spec.name})", max(versions, default=None)
        if spec.name != self.name or found is None:
            raise StatusError(
                grpc.StatusCode.NOT_FOUND,
                f"Servable not found for request: {wanted}",
            )
        return found

    def _watch(self):
        while not self._stopped.wait(self._poll_seconds):
            numbers = [
                int(entry.name)
                for entry in self.folder.iterdir()
                if entry.name.isdigit()
            ]
            newest = max(numbers, default=None)
            if newest is not None and newest not in self.states:
                self._load(newest)

    def _load(self, number: int):
        """Loads a version; the one before answers until it is ready."""
        self.states[number] = STATE.LOADING
        try:
            self.versions[number] = Version(self.folder / str(number))
        except Exception as error:
            self.faults[number] = status_pb2.StatusProto(
                error_code=error_codes_pb2.UNKNOWN, error_message=str(error)
            )
            self.states[number] = STATE.END
            return
        self.states[number] = STATE.AVAILABLE
        for other in [each for each in self.versions if each != number]:
            del self.versions[other]
            self.states[other] = STATE.END


class _Predictions(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, server: ModelServer):
        self._server = server

    def Predict(self, request, context):
        try:
            number, outputs = self._server.predict(request)
        except StatusError as error:
            context.abort(error.code, error.message)
        response = predict_pb2.PredictResponse()
        response.model_spec.CopyFrom(request.model_spec)
        response.model_spec.version.value = number
        for name, value in outputs.items():
            response.outputs[name].CopyFrom(tf.make_tensor_proto(value))
        return response

    def GetModelMetadata(self, request, context):
        try:
            return self._server.metadata(request.model_spec)
        except StatusError as error:
            context.abort(error.code, error.message)


class _Models(model_service_pb2_grpc.ModelServiceServicer):
    def __init__(self, server: ModelServer):
        self._server = server

    def GetModelStatus(self, request, context):
        try:
            return self._server.status(request.model_spec)
        except StatusError as error:
            context.abort(error.code, error.message)


def _start_grpc_server(server: ModelServer, port: int):
    result = grpc.server(
        concurrent.futures.ThreadPoolExecutor(2 * MAX_REQUESTS),
        options=[("grpc.max_receive_message_length", MAX_MESSAGE_BYTES)],
    )
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        _Predictions(server), result
    )
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(_Models(server), result)
    port = result.add_insecure_port(f"localhost:{port}")
    result.start()
    return result, port


if __name__ == "__main__":
    import model_server  # So that there is one `StatusError`, not two.

    main_server = model_server.ModelServer(
        sys.argv[1], "mnist_sum", *map(int, sys.argv[2:])
    )
    print(main_server.grpc_url, main_server.rest_url, flush=True)
    threading.Event().wait()
