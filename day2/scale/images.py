"""Pictures: which are accepted, and which part of them the network sees."""

import io
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch.utils.data import Dataset

from xgass import DataError

SIZE = 64  # pixels per side that the network sees
MAX_PIXELS = 25_000_000  # of a picture; a small file can claim more than the memory holds
MAX_BYTES = 200_000_000  # of a file

warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)  # MAX_PIXELS is stricter


def open_picture(path: str | Path) -> Image.Image:
    """Open a square JPEG or PNG of SIZE pixels or more: 8-bit gray, RGB, CMYK or palette, nothing else.

    The check sums of a PNG are asked, and a rotation that a camera noted (EXIF) is applied.

    Returns
    -------
    PIL.Image.Image
        Decoded, RGB.

    Raises
    ------
    DataError
        It is anything else, or damaged; the message has reason and path.
    """
    try:
        return decode(read_file(Path(path)))
    except UnidentifiedImageError:
        raise DataError(f"not a JPEG or PNG picture: {path}") from None
    except DataError as error:
        raise DataError(f"{error}: {path}") from None
    except Exception as error:  # decoders raise a dozen kinds
        raise DataError(f"cannot be read ({type(error).__name__}: {error}): {path}") from error


def read_file(path: Path) -> bytes:
    """Return the bytes of a picture file; a pipe would make the reader wait for ever."""
    if not path.is_file():
        raise DataError("no such file")
    if path.stat().st_size > MAX_BYTES:
        raise DataError(f"larger than {MAX_BYTES // 1_000_000} MB")
    return path.read_bytes()


def decode(raw: bytes) -> Image.Image:
    """Return the picture in the bytes of a file, RGB.

    Raises
    ------
    DataError
        It can be decoded, and is not accepted; the message has no path.
    Exception
        Pillow cannot decode it: `UnidentifiedImageError` for another format, a dozen kinds for a damaged one.
    """
    with Image.open(io.BytesIO(raw), formats=["JPEG", "PNG"]) as picture:
        check_shape(*picture.size)
        picture.verify()  # the check sums of a PNG; afterwards the picture cannot be used
    with Image.open(io.BytesIO(raw), formats=["JPEG", "PNG"]) as picture:
        # Pillow cuts 16 bits to 8 in silence; byte 24 of a PNG counts them.
        deep = picture.format == "PNG" and raw[24] > 8
        if deep or picture.mode in ("1", "I", "F"):
            raise DataError("not 8 bits a color")
        check_transparency(picture)
        opened = ImageOps.exif_transpose(picture).convert("RGB")
    if all(low == high for low, high in opened.getextrema()):
        raise DataError("an empty picture: every pixel is the same")
    return opened


def check_shape(width: int, height: int) -> None:
    """Raise `DataError` for a picture (pixels) that is too large, too small or not square."""
    if width * height > MAX_PIXELS:
        raise DataError(f"{width} x {height} px are too many")
    if width != height:
        raise DataError(f"not square ({width} x {height} px)")
    if width < SIZE:
        raise DataError(f"{width} x {width} px, {SIZE} x {SIZE} are needed")


def check_transparency(picture: Image.Image) -> None:
    """Raise `DataError` for a picture that hides pixels."""
    if "A" in picture.mode or "transparency" in picture.info:
        least_opaque = picture.convert("RGBA").getextrema()[3][0]
        if least_opaque < 255:
            raise DataError("has transparent pixels: what do they hide?")


def read_picture(path: str | Path, whole: bool = False) -> Image.Image:
    """Read the middle 4/7 of a picture (51 of 89 arcsec), or the whole of it.

    Returns
    -------
    PIL.Image.Image
        RGB, SIZE x SIZE pixels.

    Raises
    ------
    DataError
        As `open_picture`.
    """
    picture = open_picture(path)
    if whole:
        return picture.resize((SIZE, SIZE))
    low, high = picture.width * 3 // 14, picture.width * 11 // 14
    return picture.resize((SIZE, SIZE), box=(low, low, high, high))


def read_pixels(path: str | Path) -> torch.Tensor:
    """Read what the network sees of a picture: (3, SIZE, SIZE), uint8; raises as `open_picture` does."""
    return torch.from_numpy(np.array(read_picture(path))).permute(2, 0, 1)


def stamps(paths: Sequence[Path]) -> list[str]:
    """Return size (bytes) and time (ns) of each picture, which tell a replaced one; "" if it is not there."""
    found = []
    for path in paths:
        try:
            file = path.stat()
            found.append(f"{file.st_size} {file.st_mtime_ns}")
        except (OSError, ValueError):  # ValueError: no file can have such a name
            found.append("")
    return found


class Seen(NamedTuple):
    """What the network sees of a picture; also of a batch of pictures, as a DataLoader joins them."""

    pixels: torch.Tensor  # (3, SIZE, SIZE), uint8; black if there is a problem
    problem: str  # why the picture cannot be used, with its path; "" if it can


def see(path: str | Path) -> Seen:
    """Read a picture for the network, or the reason why not: one bad file must not stop a night."""
    try:
        return Seen(read_pixels(path), "")
    except DataError as error:
        return Seen(torch.zeros(3, SIZE, SIZE, dtype=torch.uint8), str(error))


class Pictures(Dataset):
    """Pictures by path, each as `see` returns it."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> Seen:
        return see(self.paths[row])
