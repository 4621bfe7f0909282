"""Requests to TensorFlow Serving by gRPC."""

import grpc
import tensorflow as tf
from google.protobuf import json_format, message
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from mnist_sum_tf.serving import answer_checks, errors
from mnist_sum_tf.serving.version_status import VersionStatus
from mnist_sum_tf.user_errors import first_line

FAILURES = {
    grpc.StatusCode.UNAVAILABLE: errors.ServerUnavailable,
    grpc.StatusCode.NOT_FOUND: errors.ModelNotFound,
    grpc.StatusCode.INVALID_ARGUMENT: errors.RequestRefused,
    grpc.StatusCode.FAILED_PRECONDITION: errors.RequestRefused,
    grpc.StatusCode.OUT_OF_RANGE: errors.RequestRefused,
    grpc.StatusCode.DEADLINE_EXCEEDED: errors.DeadlineExceeded,
    grpc.StatusCode.RESOURCE_EXHAUSTED: errors.ServerBusy,
    grpc.StatusCode.UNAUTHENTICATED: errors.AccessRefused,
    grpc.StatusCode.PERMISSION_DENIED: errors.AccessRefused,
}
# TLS errors, which retrying does not fix, unlike an absent server.
TLS_MARKS = (*errors.MARKS_OF_DISTRUST, "WRONG_VERSION_NUMBER")
# What protocol buffers and `make_ndarray` raise for malformed messages.
MALFORMED_ANSWER_ERRORS = (TypeError, ValueError, message.DecodeError)
# Of a channel.
OPTIONS = (
    ("grpc.max_send_message_length", answer_checks.MAX_MESSAGE_BYTES),
    ("grpc.max_receive_message_length", answer_checks.MAX_MESSAGE_BYTES),
    # The client retries requests itself, within its deadline.
    ("grpc.enable_retries", 0),
    # By default it waits up to two minutes before it reconnects, and the client's
    # retries would all fail.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
    # The environment's proxy would be sent the token, perhaps in clear.
    ("grpc.enable_http_proxy", 0),
)


class GrpcTransport:
    """One connection, which any number of threads may use.

    Args:
        address: `host:port`.
        model: the model's name on the server.
        version: the number of one version; the newest where `None`.
        is_encrypted: whether the server speaks TLS.
        ca_certificates: PEM bytes of trusted certificate authorities; the default
            ones where `None`.
        token: sent as `authorization: Bearer <token>`.
    """

    def __init__(
        self,
        address,
        model,
        version=None,
        is_encrypted=False,
        ca_certificates=None,
        token=None,
    ):
        if is_encrypted:
            credentials = grpc.ssl_channel_credentials(ca_certificates)
            self._channel = grpc.secure_channel(address, credentials, OPTIONS)
        else:
            self._channel = grpc.insecure_channel(address, OPTIONS)
        self.address = f"grpc{'s' if is_encrypted else ''}://{address}"
        self._headers = [("authorization", f"Bearer {token}")] if token else []
        self._spec = model_pb2.ModelSpec(name=model)
        if version is not None:
            self._spec.version.value = version
        stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._predict, self._metadata = stub.Predict, stub.GetModelMetadata
        self._status = model_service_pb2_grpc.ModelServiceStub(
            self._channel
        ).GetModelStatus

    def predict(self, signature: str, inputs: dict, timeout: float) -> dict:
        """Runs a signature on arrays; see `Client.predict`."""
        request = predict_pb2.PredictRequest(model_spec=self._spec)
        request.model_spec.signature_name = signature
        for name, value in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
        response = self._call(self._predict, request, timeout)
        try:
            return {
                name: tf.make_ndarray(tensor)
                for name, tensor in response.outputs.items()
            }
        except MALFORMED_ANSWER_ERRORS as error:
            raise answer_checks.wrong_answer(self.address, first_line(error)) from error

    def versions(self, timeout: float) -> dict[int, VersionStatus]:
        """The status of each version."""
        request = get_model_status_pb2.GetModelStatusRequest(model_spec=self._spec)
        response = self._call(self._status, request, timeout)
        names = get_model_status_pb2.ModelVersionStatus.State.Name
        return {
            each.version: VersionStatus(names(each.state), each.status.error_message)
            for each in response.model_version_status
        }

    def signatures(self, timeout: float) -> dict:
        """The signatures of the model, as `SignatureDef`s in JSON.

        Each has `inputs` and `outputs`, even where there are none.
        """
        request = get_model_metadata_pb2.GetModelMetadataRequest(
            model_spec=self._spec, metadata_field=["signature_def"]
        )
        response = self._call(self._metadata, request, timeout)
        definitions = get_model_metadata_pb2.SignatureDefMap()
        try:
            is_there = response.metadata["signature_def"].Unpack(definitions)
        except MALFORMED_ANSWER_ERRORS:
            is_there = False
        if not is_there:
            raise answer_checks.wrong_answer(self.address, "no signatures")
        return {
            name: {"inputs": {}, "outputs": {}, **_to_dict(definition)}
            for name, definition in definitions.signature_def.items()
            if not name.startswith("__")  # TensorFlow's own.
        }

    def close(self) -> None:
        self._channel.close()

    def _call(self, method, request, timeout: float):
        try:
            return method(request, timeout=timeout, metadata=self._headers)
        except grpc.RpcError as error:
            raise self._failure(error) from error

    def _failure(self, error: grpc.RpcError) -> errors.ServingError:
        kind = FAILURES.get(error.code(), errors.ServingError)
        reason = str(error.details())
        details = first_line(reason)
        if any(mark in reason for mark in TLS_MARKS):
            return errors.tls_failure(self.address, reason)
        if "larger than max" in details:
            kind = errors.MessageTooLarge
        expected = {
            errors.ServerUnavailable: "expected a model server there",
            errors.DeadlineExceeded: "expected an answer in time",
            errors.RequestRefused: "the request was refused",
        }.get(kind, "the server did not answer the request")
        return kind(f"{self.address}: {expected}. Received: {details}")


def _to_dict(definition) -> dict:
    return json_format.MessageToDict(definition, preserving_proto_field_name=True)
