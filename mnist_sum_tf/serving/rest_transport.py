"""Requests to TensorFlow Serving by REST (JSON over HTTP or HTTPS)."""

import base64
import json
import time

import numpy as np
import requests

from mnist_sum_tf import config
from mnist_sum_tf.serving import errors

# The server has no limit of its own; no picture comes near this one.
MAX_MESSAGE_BYTES = 64_000_000
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
# What JSON does not tell.
DTYPES = {"digits": np.int32, "most_likely_sum": np.int32}


class RestTransport:
    """Connections to one server, which any number of threads may use.

    Args:
        url: `http://host:port` or `https://host/prefix`.
        model: the model's name on the server.
        version: the number of one version; the newest where `None`.
        ca_certificates: path of a PEM file with who may vouch for the server;
            the usual authorities where `None`.
        token: sent as `Authorization: Bearer <token>`.
    """

    def __init__(
        self, url, model, version=None, ca_certificates=None, token=None
    ):
        self._url = url.rstrip("/")
        path = f"{self._url}/v1/models/{requests.utils.quote(model, safe='')}"
        self._model = path
        if version is not None:
            self._model += f"/versions/{version}"
        self._session = requests.Session()
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=64)
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)
        # Not of the environment, where requests would look for passwords too.
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
        outputs = self._ask("POST", url, "outputs", timeout, text)
        if not isinstance(outputs, dict):
            # A single output comes without its name.
            outputs = {self._only_output(signature, timeout): outputs}
        return {
            name: np.array(value, DTYPES.get(name, np.float32))
            for name, value in outputs.items()
        }

    def versions(self, timeout: float) -> dict[int, str]:
        """The state of each version, `"AVAILABLE"` or one before or after."""
        found = self._ask("GET", self._model, "model_version_status", timeout)
        return {int(each["version"]): each["state"] for each in found}

    def signatures(self, timeout: float) -> dict:
        """The signatures of the model, as `SignatureDef`s in JSON."""
        url = f"{self._model}/metadata"
        metadata = self._ask("GET", url, "metadata", timeout)
        definitions = metadata["signature_def"]["signature_def"]
        return {
            name: definition
            for name, definition in definitions.items()
            if not name.startswith("__")  # TensorFlow's own.
        }

    def close(self) -> None:
        self._session.close()

    def _only_output(self, signature: str, timeout: float) -> str:
        known = {"encode": "digit_logits", "decode": "sum"}
        if signature in known:
            return known[signature]
        return next(iter(self.signatures(timeout)[signature]["outputs"]))

    def _check_size(self, num_bytes: int) -> None:
        if num_bytes > MAX_MESSAGE_BYTES:
            raise errors.MessageTooLarge(
                f"{self._url}: a request may have up to {MAX_MESSAGE_BYTES} "
                f"bytes. Received: {num_bytes}"
            )

    def _ask(self, method: str, url: str, key: str, timeout: float, body=None):
        """What a server's JSON has by this key."""
        deadline = time.monotonic() + timeout
        try:
            with self._session.request(
                method, url, data=body, stream=True, allow_redirects=False,
                timeout=timeout, headers={"Content-Type": "application/json"},
            ) as response:  # fmt: skip
                text = self._read(response, deadline, timeout)
        except requests.exceptions.SSLError as error:
            raise errors.ServingError(
                f"{self._url}: the server's certificate is not trusted. "
                f"Received: {config.first_line(error)}"
            ) from error
        except (requests.exceptions.InvalidURL, UnicodeError) as error:
            raise errors.ServingError(
                f"--server must be an address. Received: {self._url}"
            ) from error
        except requests.exceptions.RequestException as error:
            is_connected = not isinstance(error, requests.ConnectTimeout)
            if is_connected and "timed out" in str(error):
                raise self._late(timeout) from error
            raise errors.ServerUnavailable(
                f"{self._url}: expected a model server there. "
                f"Received: {config.first_line(error)}"
            ) from error
        return self._checked(response.status_code, text, key)

    def _read(self, response, deadline: float, timeout: float) -> bytes:
        """The body, if it comes in time and is not huge."""
        text = bytearray()
        for chunk in response.iter_content(65536):
            text += chunk
            if time.monotonic() > deadline:
                raise self._late(timeout)
            if len(text) > MAX_MESSAGE_BYTES:
                raise errors.MessageTooLarge(
                    f"{self._url}: an answer may have up to "
                    f"{MAX_MESSAGE_BYTES} bytes. Received: more"
                )
        return bytes(text)

    def _late(self, timeout: float) -> errors.DeadlineExceeded:
        return errors.DeadlineExceeded(
            f"{self._url}: expected an answer in time. Received: none after "
            f"{timeout:.3g} seconds"
        )

    def _checked(self, status: int, text: bytes, key: str):
        try:
            answer = json.loads(text)
        except ValueError:  # An error page of a proxy.
            answer = None
        is_json = isinstance(answer, dict)
        if status == 200 and is_json and key in answer and "error" not in answer:
            return answer[key]
        if not is_json or (status == 200 and "error" not in answer):
            # Not a model server's.
            answer = {"error": text.decode(errors="replace")}
        kind = FAILURES.get(status, errors.ServingError)
        reason = config.first_line(answer.get("error", "no reason given"))
        what = "the server did not answer the request"
        if kind is errors.RequestRefused:
            what = "the request was refused"
        raise kind(f"{self._url}: {what}. Received: status {status}, {reason}")


def _least_size(value: np.ndarray) -> int:
    """Bytes that an array has at least as JSON, without writing it."""
    if value.dtype == object:
        return sum(len(each) * 4 // 3 for each in value)
    return 2 * value.size


def _to_json(value: np.ndarray) -> list:
    """An array as nested lists, bytes in base 64."""
    if value.dtype == object:
        return [{"b64": base64.b64encode(each).decode()} for each in value]
    return value.tolist()
