"""Reads request bodies: few large ones at a time, each within a time limit."""

import contextlib
import socket
import time
from email.message import Message
from typing import BinaryIO

from mnist_sum_tf.demo.error_responses import Refused
from mnist_sum_tf.serving import errors

# A picture of 10 MB in base 64, and its JSON. The page refuses larger ones.
MAX_BODY_BYTES = 14_000_000
# A question about strokes has 30 to 40 kB. It is read at once, so that whoever sends a
# picture slowly is in the way of pictures only.
SMALL_BODY_BYTES = 100_000
# The page gives up on an answer sooner.
BODY_SECONDS = 15.0
# How long a request waits for a free slot.
SLOT_SECONDS = 5.0
REST_SECONDS = 3.0
CHUNK_BYTES = 65_536


def length_of(headers: Message) -> int:
    """The length of a request's body in bytes.

    Raises:
        Refused: if it is missing or too large.
    """
    length = headers.get("Content-Length", "")
    if not (length.isascii() and length.isdigit()):
        raise Refused(411, "Expected a Content-Length")
    if "Transfer-Encoding" in headers:  # Proxies may have used that instead.
        raise Refused(400, "Expected a Content-Length alone")
    # Python reads no numbers of thousands of digits.
    if len(length) > 20 or int(length) > MAX_BODY_BYTES:
        raise Refused(
            413, f"Expected up to {MAX_BODY_BYTES} bytes. Received: {length[:20]}"
        )
    return int(length)


@contextlib.contextmanager
def slot(semaphore):
    """Holds one of a semaphore's slots, once one is free.

    Raises:
        ServerBusy: if none is in time.
    """
    if not semaphore.acquire(timeout=SLOT_SECONDS):
        raise errors.ServerBusy("Expected fewer questions at a time: ask again")
    try:
        yield
    finally:
        semaphore.release()


def room_for(length: int, semaphore):
    """A slot to hold while a large body is in memory; none for a small one.

    Args:
        length: the body's, in bytes.
        semaphore: has a slot for each large body.
    """
    is_small = length <= SMALL_BODY_BYTES
    return contextlib.nullcontext() if is_small else slot(semaphore)


def read_body(connection: socket.socket, stream: BinaryIO, length: int) -> bytes:
    """Reads a body, however slowly it comes, for `BODY_SECONDS` in all.

    Args:
        connection: what `stream` reads; its timeout is changed.
        stream: has `read1`.
        length: the body's, in bytes.

    Raises:
        Refused: if less comes.
    """
    deadline = time.monotonic() + BODY_SECONDS
    body = bytearray()
    while len(body) < length:
        received = f"Received: {len(body)} of {length} bytes"
        most = min(length - len(body), CHUNK_BYTES)
        try:
            chunk = _read_chunk(connection, stream, most, deadline)
        except TimeoutError:
            limit = f"within {BODY_SECONDS:g} seconds"
            raise Refused(408, f"Expected the body {limit}. {received}") from None
        if not chunk:
            raise Refused(400, f"Expected the whole body. {received}")
        body += chunk
    return bytes(body)


def _read_chunk(connection, stream, most: int, deadline: float) -> bytes:
    """Reads what has arrived, up to `most` bytes; none if the client is gone."""
    left = deadline - time.monotonic()
    if left <= 0:  # Each read may be in time, and the whole too late.
        raise TimeoutError
    connection.settimeout(left)
    try:
        return stream.read1(most)
    except ConnectionError:
        return b""


def drop_rest(connection: socket.socket) -> None:
    """Ends a connection, after briefly draining what its client still sends.

    Closed with unread bytes, it would be reset, and the answer lost
    before a client that is still sending has read it.
    """
    deadline = time.monotonic() + REST_SECONDS
    with contextlib.suppress(OSError):  # The client has gone, or does not end.
        connection.shutdown(socket.SHUT_WR)
        while (left := deadline - time.monotonic()) > 0:
            connection.settimeout(left)
            if not connection.recv(CHUNK_BYTES):
                return
