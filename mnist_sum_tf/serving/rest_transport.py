"""Requests to TensorFlow Serving by REST (JSON over HTTP or HTTPS)."""

import base64
import json
import time
from collections.abc import Callable

import numpy as np
import requests
import urllib3

from mnist_sum_tf.serving import answer_checks, errors, rest_answers
from mnist_sum_tf.serving.version_status import VersionStatus
from mnist_sum_tf.user_errors import first_line

FAILURES = {
    400: errors.RequestRefused,
    401: errors.AccessRefused,
    403: errors.AccessRefused,
    404: errors.ModelNotFound,
    413: errors.MessageTooLarge,
    429: errors.ServerBusy,
    502: errors.ServerUnavailable,
    503: errors.ServerUnavailable,
    504: errors.DeadlineExceeded,
}
# Size of the connection pool: this many threads need not reconnect.
MAX_CONNECTIONS = 1000
# Most bytes of an answer that are read at a time.
PIECE_BYTES = 65536
INVALID_URL_ERRORS = (
    requests.exceptions.InvalidURL,
    urllib3.exceptions.LocationValueError,
    UnicodeError,
)
# While a body is read, `requests` does not translate what urllib3 raises.
NO_ANSWER = (
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
)


class RestTransport:
    """Connections to one server, which any number of threads may use.

    Args:
        url: `http://host:port` or `https://host/prefix`.
        model: the model's name on the server.
        version: the number of one version; the newest where `None`.
        ca_certificates: path of a PEM file of trusted certificate authorities;
            the default ones where `None`.
        token: sent as `Authorization: Bearer <token>`.
    """

    def __init__(self, url, model, version=None, ca_certificates=None, token=None):
        self.address = url.rstrip("/")
        path = f"{self.address}/v1/models/{requests.utils.quote(model, safe='')}"
        self._model = path
        if version is not None:
            self._model += f"/versions/{version}"
        self._session = requests.Session()
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=MAX_CONNECTIONS)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)
        # Ignores the environment, where requests would look for passwords, too.
        self._session.trust_env = False
        self._session.verify = ca_certificates or True
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def predict(self, signature: str, inputs: dict, timeout: float) -> dict:
        """Runs a signature on arrays; see `Client.predict`."""
        self._check_size(sum(map(_least_size, inputs.values())))
        body = {
            "signature_name": signature,
            "inputs": {name: _to_json(value) for name, value in inputs.items()},
        }
        text = json.dumps(body, separators=(",", ":")).encode()
        self._check_size(len(text))
        url = f"{self._model}:predict"
        deadline = time.monotonic() + timeout
        outputs = self._ask("POST", url, "outputs", rest_answers.outputs, timeout, text)
        if rest_answers.UNNAMED in outputs:
            left = max(0.001, deadline - time.monotonic())
            (value,) = outputs.values()
            outputs = {self._only_output(signature, left): value}
        return outputs

    def versions(self, timeout: float) -> dict[int, VersionStatus]:
        """The status of each version."""
        return self._ask(
            "GET",
            self._model,
            "model_version_status",
            rest_answers.versions,
            timeout,
        )

    def signatures(self, timeout: float) -> dict:
        """The signatures of the model, as `SignatureDef`s in JSON.

        Each has `inputs` and `outputs`, even where there are none.
        """
        url = f"{self._model}/metadata"
        return self._ask("GET", url, "metadata", rest_answers.signatures, timeout)

    def close(self) -> None:
        self._session.close()

    def _only_output(self, signature: str, timeout: float) -> str:
        known = {"encode": "digit_logits", "decode": "sum"}
        if signature in known:
            return known[signature]
        found = self.signatures(timeout).get(signature, {"outputs": {}})
        if len(found["outputs"]) != 1:
            raise answer_checks.wrong_answer(
                self.address, f"outputs without names for {signature}"
            )
        return next(iter(found["outputs"]))

    def _check_size(self, num_bytes: int) -> None:
        most = answer_checks.MAX_MESSAGE_BYTES
        if num_bytes > most:
            raise errors.MessageTooLarge(
                f"{self.address}: a request may have up to {most} bytes. "
                f"Received: {num_bytes}"
            )

    def _ask(
        self,
        method: str,
        url: str,
        key: str,
        read: Callable,
        timeout: float,
        body=None,
    ):
        """What a function of `rest_answers` reads at this key of a server's JSON."""
        deadline = time.monotonic() + timeout
        try:
            with self._session.request(
                method,
                url,
                data=body,
                stream=True,
                allow_redirects=False,
                timeout=timeout,
                headers={"Content-Type": "application/json"},
            ) as response:
                text = self._read(response, deadline, timeout)
        except (*INVALID_URL_ERRORS, *NO_ANSWER) as error:
            raise self._failure(error, timeout) from error
        answer = self._checked(response.status_code, text, key)
        try:
            return read(answer)
        except rest_answers.MALFORMED_ANSWER_ERRORS as error:
            raise self._wrong(text) from error

    def _read(self, response, deadline: float, timeout: float) -> bytes:
        """The body, if it comes in time and is not huge.

        Each wait for more has a timeout of its own: a body that stops coming may
        take as long again.
        """
        text = bytearray()
        # What has arrived, where `read` would wait until a piece is full. There is
        # no `read1` in urllib3 1.
        read = getattr(response.raw, "read1", response.raw.read)
        while piece := read(PIECE_BYTES, decode_content=True):
            text += piece
            if time.monotonic() > deadline:
                raise self._late(timeout)
            if len(text) > answer_checks.MAX_MESSAGE_BYTES:
                raise errors.MessageTooLarge(
                    f"{self.address}: an answer may have up to "
                    f"{answer_checks.MAX_MESSAGE_BYTES} bytes. Received: more"
                )
        return bytes(text)

    def _failure(self, error: Exception, timeout: float) -> errors.ServingError:
        """Translates an exception of `requests` into a `ServingError`."""
        if isinstance(error, requests.exceptions.SSLError):
            return errors.tls_failure(self.address, str(error))
        if isinstance(error, INVALID_URL_ERRORS):
            return errors.ServingError(
                f"--server must be an address. Received: {self.address}"
            )
        is_connected = not isinstance(error, requests.ConnectTimeout)
        if is_connected and "timed out" in str(error):
            return self._late(timeout)
        return errors.ServerUnavailable(
            f"{self.address}: expected a model server there. Received: {_reason(error)}"
        )

    def _late(self, timeout: float) -> errors.DeadlineExceeded:
        return errors.DeadlineExceeded(
            f"{self.address}: expected an answer in time. Received: none after "
            f"{timeout:.3g} seconds"
        )

    def _wrong(self, text: bytes) -> errors.ServingError:
        received = first_line(text.decode(errors="replace"))
        return answer_checks.wrong_answer(self.address, f"status 200, {received}")

    def _checked(self, status: int, text: bytes, key: str):
        """The answer's value at the key; raises if it is no model server's."""
        answer = rest_answers.parse_json(text)
        is_json = isinstance(answer, dict)
        if status == 200 and not (is_json and "error" in answer):
            if is_json and key in answer:
                return answer[key]
            raise self._wrong(text)
        if not is_json:
            answer = {"error": text.decode(errors="replace")}
        kind = FAILURES.get(status, errors.ServingError)
        reason = first_line(answer.get("error", "no reason given"))
        what = "the server did not answer the request"
        if kind is errors.RequestRefused:
            what = "the request was refused"
        raise kind(f"{self.address}: {what}. Received: status {status}, {reason}")


def _reason(error: Exception) -> str:
    """The operating system's reason, in place of how `requests` came to fail."""
    cause = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return first_line(error)


def _least_size(value: np.ndarray) -> int:
    """A lower bound on an array's size in bytes as JSON."""
    if value.dtype == object:
        return sum(len(each) * 4 // 3 for each in value)
    return 2 * value.size


def _to_json(value: np.ndarray) -> list:
    """An array as nested lists, bytes in base 64."""
    if value.dtype == object:
        return [{"b64": base64.b64encode(each).decode()} for each in value]
    return value.tolist()
