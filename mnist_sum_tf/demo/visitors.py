"""Who may ask: a server of this machine alone is not for every page of the web.

A browser lets any page post to any address. And a page from elsewhere reads answers,
too, once its own name is made to lead to this machine ("DNS rebinding").
"""

import ipaddress
import re
import urllib.parse

from mnist_sum_tf.demo.refusals import Refused

# Nobody else can make these lead here. The port may be that of a tunnel.
LOCAL_HOST = re.compile(
    r"(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]*)?", re.IGNORECASE
)
FORBIDDEN = 403


def is_loopback(address: str) -> bool:
    """Whether an IP address is reached from its own machine only."""
    return ipaddress.ip_address(address).is_loopback


def check_host(host: str | None) -> None:
    """Lets in who asks for this machine by a name of its own.

    Args:
        host: the header; `None` where there is none, which no browser does.

    Raises:
        Refused: with status 403.
    """
    if host is not None and not LOCAL_HOST.fullmatch(host):
        raise Refused(
            FORBIDDEN,
            "Expected a Host of localhost, 127.0.0.1 or [::1]. "
            f"Received: {host[:100]}",
        )


def check_origin(origin: str | None, host: str | None) -> None:
    """Lets in the page that is served here, and programs that are no browser.

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
