"""Read pictures: square JPEG or PNG files with 8 bits a color, and nothing else."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch.utils.data import Dataset

from xgass import DataError

SIZE = 64  # pixels per side that the network sees
MAX_PIXELS = 25_000_000  # of a picture file; a small file can claim more than the memory holds

warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)  # MAX_PIXELS is stricter


def open_picture(path: str | Path) -> Image.Image:
    """Open a picture of the kind that the network may see, and no other.

    Parameters
    ----------
    path : str or Path
        A square JPEG or PNG of SIZE pixels or more: 8-bit gray, RGB, CMYK or palette.

    Returns
    -------
    PIL.Image.Image
        Decoded, RGB.

    Raises
    ------
    DataError
        It is anything else, or cannot be decoded; the message has reason and path.
    """
    try:
        if not Path(path).is_file():  # a pipe, for example, would make the reader wait for ever
            raise DataError("no such file")
        with Image.open(path, formats=["JPEG", "PNG"]) as picture:
            width, height = picture.size
            if width * height > MAX_PIXELS:
                raise DataError(f"{width} x {height} px are too many")
            if width != height:
                raise DataError(f"not square ({width} x {height} px)")
            if width < SIZE:
                raise DataError(f"{width} x {width} px, {SIZE} x {SIZE} are needed")
            # Pillow cuts 16 bits to 8 in silence; byte 24 of a PNG counts them.
            with open(path, "rb") as file:
                if picture.format == "PNG" and file.read(25)[24] > 8 or picture.mode in ("1", "I", "F"):
                    raise DataError("not 8 bits a color")
            if "A" in picture.mode or "transparency" in picture.info:
                if picture.convert("RGBA").getextrema()[3][0] < 255:
                    raise DataError("has transparent pixels: what do they hide?")
            opened = picture.convert("RGB")
        if all(low == high for low, high in opened.getextrema()):
            raise DataError("an empty picture: every pixel is the same")
        return opened
    except UnidentifiedImageError:
        raise DataError(f"not a JPEG or PNG picture: {path}") from None
    except DataError as error:
        raise DataError(f"{error}: {path}") from None
    except Exception as error:  # decoders raise a dozen kinds
        raise DataError(f"cannot be read ({type(error).__name__}: {error}): {path}") from error


def read_picture(path: str | Path, whole: bool = False) -> Image.Image:
    """Read a picture as the network sees it: RGB, SIZE x SIZE pixels.

    It is the middle 4/7 of the file (51 of the 89 arcsec of a picture of the tutorial), or the `whole` of it.
    Raises `DataError` as `open_picture`.
    """
    picture = open_picture(path)
    if whole:
        return picture.resize((SIZE, SIZE))
    low, high = picture.width * 3 // 14, picture.width * 11 // 14
    return picture.resize((SIZE, SIZE), box=(low, low, high, high))


def as_tensor(picture: Image.Image) -> torch.Tensor:
    """Return an RGB picture as (3, rows, columns), uint8, 0 to 255."""
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)


class Pictures(Dataset):
    """Pictures by path, and what is wrong with each, if anything: one bad file must not stop a night."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, str]:
        try:
            return as_tensor(read_picture(self.paths[row])), ""
        except DataError as error:
            return torch.zeros(3, SIZE, SIZE, dtype=torch.uint8), str(error)
