"""The page's files, and pictures to try: all that a GET is answered with."""

import json
import pathlib
import urllib.parse
from typing import NamedTuple

PAGE = pathlib.Path(__file__).parent / "page"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
}
PICTURES = (".png", ".jpg", ".jpeg")


class File(NamedTuple):
    """The response to a GET request."""

    content_type: str
    content: bytes


def find_files(examples) -> dict[str, File]:
    """Every file that is served, by its path; other paths give 404.

    Args:
        examples: see `DemoConfig`.
    """
    return {**_page_files(), **_example_files(examples)}


def _page_files() -> dict[str, File]:
    files = {
        f"/{path.name}": _file(path) for path in PAGE.iterdir() if path.suffix in TYPES
    }
    return {"/": files["/index.html"], **files}


def _example_files(folder) -> dict[str, File]:
    there = folder and pathlib.Path(folder).is_dir()
    paths = sorted(pathlib.Path(folder).iterdir()) if there else []
    paths = [path for path in paths if path.suffix.lower() in PICTURES]
    # Quoted for the page, as `#` and `%` mean something in an address. A name that
    # is no UTF-8 has "?" in it both here and there.
    addresses = [
        "/examples/" + urllib.parse.quote(path.name, errors="replace") for path in paths
    ]
    files = {
        urllib.parse.unquote(address): _file(path)
        for address, path in zip(addresses, paths)
    }
    listed = json.dumps(addresses).encode()
    return {"/examples.json": File("application/json", listed), **files}


def _file(path: pathlib.Path) -> File:
    return File(TYPES[path.suffix.lower()], path.read_bytes())
