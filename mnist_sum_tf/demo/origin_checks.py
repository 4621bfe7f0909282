"""Host and Origin checks: other web pages must not use a local server.

A browser lets any page post to any address, and a foreign page can read answers,
too, once its own name resolves to this machine ("DNS rebinding").
"""

import ipaddress
import re
import urllib.parse

from mnist_sum_tf.demo.error_responses import Refused

# Nobody else can make these names resolve here. The port may be a tunnel's.
LOCAL_HOST = re.compile(
    r"(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]*)?", re.IGNORECASE
)
FORBIDDEN = 403


def is_loopback(address: str) -> bool:
    """Whether an IP address is reached from its own machine only."""
    return ipaddress.ip_address(address).is_loopback


def check_host(host: str | None) -> None:
    """Accepts requests whose Host is a name of this machine.

    Args:
        host: the header; `None` where there is none, which no browser does.

    Raises:
        Refused: with status 403.
    """
    if host is not None and not LOCAL_HOST.fullmatch(host):
        raise Refused(
            FORBIDDEN,
            f"Expected a Host of localhost, 127.0.0.1 or [::1]. Received: {host[:100]}",
        )


def check_origin(origin: str | None, host: str | None) -> None:
    """Accepts the page that is served here, and clients that are not browsers.

    Args:
        origin: the header, such as `http://localhost:8600`; `None` where there is
            none.
        host: the header, such as `localhost:8600`.

    Raises:
        Refused: with status 403.
    """
    if origin is not None and _place(origin) != (host or "").lower():
        raise Refused(
            FORBIDDEN,
            f"Expected an Origin at {(host or 'the Host')[:100]}. "
            f"Received: {origin[:100]}",
        )


def _place(origin: str) -> str | None:
    """Host and port of an origin; `null`, which a browser says too, has none."""
    try:
        return urllib.parse.urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None
