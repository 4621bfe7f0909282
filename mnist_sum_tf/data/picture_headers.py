"""An image file -> its bytes, once its header is checked.

`picture_files` decodes them, and finds damage beyond the header.
"""

import io
import os
import struct
import threading
import warnings

import PIL.Image

from mnist_sum_tf.user_errors import UserError

FORMATS = ("PNG", "JPEG", "GIF", "BMP")
SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp")
# A telephone's largest photographs; decoded, 150 MB.
MAX_PIXELS = 50_000_000
# Largest bitmap file of that many pixels, with its header and palette.
MAX_BYTES = 4 * MAX_PIXELS + 4096
HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis")
BITMAP_BITS = (8, 24, 32)
# Red, green and blue in a bitmap of 32 bits, as TensorFlow expects them.
USUAL_MASKS = tuple(struct.pack("<III", 0xFF0000, 0xFF00, 0xFF))
_WARNING_FILTERS = threading.Lock()


def read_picture(path) -> bytes:
    """Reads an image file and checks its header, without decoding it.

    Args:
        path: of a PNG, JPEG, GIF or BMP file.

    Returns:
        The file's bytes, for `decode_picture`, which finds damage beyond the
        header.

    Raises:
        UserError: if the file is missing, a folder, unreadable, empty, no
            image, of another format, or has more than `MAX_PIXELS` pixels.
    """
    path = os.fspath(path)
    try:
        with open(path, "rb") as file:
            image_bytes = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise UserError(
            f"{path}: there is no such image file. Received: {path}"
        ) from None
    except IsADirectoryError:
        raise UserError(f"{path}: expected an image file. Received: a folder") from None
    except OSError as error:
        raise UserError(
            f"{path}: the file cannot be read. Received: {error.strerror}"
        ) from None
    _check_header(path, image_bytes)
    return image_bytes


def _check_header(path: str, image_bytes: bytes) -> None:
    expected = f"{path}: expected a PNG, JPEG, GIF or BMP image. Received: "
    if not image_bytes:
        raise UserError(expected + "an empty file")
    if len(image_bytes) > MAX_BYTES:
        raise UserError(expected + f"more than {MAX_BYTES} bytes")
    # Without a plugin Pillow knows neither.
    if image_bytes[4:8] == b"ftyp" and image_bytes[8:12] in HEIC_BRANDS:
        raise UserError(expected + "a HEIC or AVIF file")
    try:
        kind, (width, height) = _kind_and_size(image_bytes)
    except PIL.Image.DecompressionBombError:
        raise UserError(
            f"{path}: an image may have up to {MAX_PIXELS} pixels. Received:"
            " several times as many"
        ) from None
    except Exception:  # Pillow raises many types for broken headers.
        raise UserError(
            expected + "a file that is no image, or one without pixels"
        ) from None
    if kind not in FORMATS:
        raise UserError(expected + f"a {kind} file")
    if kind == "BMP":
        _check_bitmap(path, image_bytes)
    # A GIF's first frame may be smaller than its screen, or larger: the graph looks.
    if kind != "GIF" and width * height > MAX_PIXELS:
        raise UserError(
            f"{path}: an image may have up to {MAX_PIXELS} pixels."
            f" Received: {width}x{height}"
        )


def _check_bitmap(path: str, image_bytes: bytes) -> None:
    """Raises `UserError` for bitmaps that `decode_picture` refuses."""
    header_bytes, bits = struct.unpack("<14xI10xH", image_bytes[:30].ljust(30, b"\0"))
    kind = f"one of {bits} bits"
    if header_bytes < 40:
        kind = "one of OS/2"
    elif bits in BITMAP_BITS and not _is_unusual(image_bytes):
        return
    elif bits in BITMAP_BITS:
        kind = "one that is compressed, or with unusual masks"
    raise UserError(
        f"{path}: expected a BMP image of 8, 24 or 32 bits, not compressed. "
        f"Received: {kind}"
    )


def _is_unusual(image_bytes: bytes) -> bool:
    compression = int.from_bytes(image_bytes[30:34], "little")
    has_usual_masks = tuple(image_bytes[54:66]) == USUAL_MASKS
    return compression not in (0, 3) or (compression == 3 and not has_usual_masks)


def _kind_and_size(image_bytes: bytes) -> tuple[str, tuple[int, int]]:
    # Filters of warnings are the process's: threads would restore each other's.
    with _WARNING_FILTERS, warnings.catch_warnings():
        # Our own bound is lower than the one Pillow warns at.
        warnings.simplefilter("ignore")
        with PIL.Image.open(io.BytesIO(image_bytes)) as image:
            # A telephone's JPEG with more pictures behind the first.
            return "JPEG" if image.format == "MPO" else image.format, image.size
