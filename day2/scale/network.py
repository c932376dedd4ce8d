"""What `train.py` and `predict.py` share: the network of part 2, and how pictures and tables are read."""

import contextlib
import copy
import csv
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from accelerate import Accelerator
from PIL import Image, UnidentifiedImageError
from torch.utils.data import Dataset

from xgass import DataError

warnings.filterwarnings("ignore", message=".*torch.jit.script.*")  # a note to the developers of a library
from fastai.vision.models.xresnet import xresnet18  # noqa: E402

SIZE = 64  # pixels per side that the network sees, as in part 2
PART = 4096  # rows of a table that are in memory at once
MAX_PIXELS = 25_000_000  # of a picture file; a small file can claim more than the memory holds
MISSING = ("", "nan", "na", "n/a", "null", "none", "<na>", "--")  # how programs write that a value is missing

warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)  # MAX_PIXELS is stricter


def open_picture(path: str | Path) -> Image.Image:
    """Open a picture of the kind that the network may see, and no other.

    Parameters
    ----------
    path : str or Path
        A square JPEG or PNG of SIZE pixels or more: 8-bit grey, RGB, CMYK or palette.

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
                    raise DataError("not 8 bits a colour")
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


def read(path: str | Path) -> torch.Tensor:
    """Read the middle 4/7 of a picture (51 of 89 arcsec), as part 2 does.

    Parameters
    ----------
    path : str or Path
        A picture that `open_picture` accepts.

    Returns
    -------
    torch.Tensor, (3, SIZE, SIZE), uint8
        Red, green and blue, 0 to 255.

    Raises
    ------
    DataError
        As `open_picture`.
    """
    picture = open_picture(path)
    low, high = picture.width * 3 // 14, picture.width * 11 // 14
    middle = np.array(picture.resize((SIZE, SIZE), box=(low, low, high, high)))
    return torch.from_numpy(middle).permute(2, 0, 1)


class Pictures(Dataset):
    """Pictures by path, and what is wrong with each, if anything: one bad file must not stop a night."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, str]:
        try:
            return read(self.paths[row]), ""
        except DataError as error:
            return torch.zeros(3, SIZE, SIZE, dtype=torch.uint8), str(error)


def places(images: pd.Series, table: Path) -> list[Path]:
    """Return the paths of pictures, which count from the folder of their table.

    Parameters
    ----------
    images : pandas.Series of str
        The column `image`; `~` stands for the home folder.
    table : Path
        The file of the table.

    Returns
    -------
    list of Path
    """
    return [table.parent / os.path.expanduser(image) for image in images]


def read_table(path: Path, columns: list[str]) -> Iterator[pd.DataFrame]:
    """Read some columns of a CSV or Parquet file, PART rows at a time.

    All values are text without blanks around: an id of 19 digits stays whole, also beside a missing one.

    Parameters
    ----------
    path : Path
        CSV with commas and a line of names (UTF-8), or Parquet.
    columns : list of str
        Which columns; the others are passed over.

    Yields
    ------
    pandas.DataFrame
        Text, with `columns` in their order.

    Raises
    ------
    DataError
        The file is of another kind, lacks a column, or has a line with too many or too few values.
    """
    try:
        with open(path, "rb") as file:
            rows = parquet_rows if file.read(4) == b"PAR1" else csv_rows
        values = rows(path, columns)
        while part := list(islice(values, PART)):
            yield pd.DataFrame(part, columns=columns, dtype="str")
    except (ValueError, csv.Error, pa.ArrowException) as error:
        reason = str(error).strip().splitlines()[0]
        raise DataError(f"{path} cannot be read as a table, CSV or Parquet: {reason}") from error


def positions(path: Path, names: list[str], columns: list[str]) -> list[int]:
    """Find where the columns stand among the names of a table.

    Parameters
    ----------
    path : Path
        The file, for the message.
    names, columns : list of str
        All columns, and those that are wanted.

    Returns
    -------
    list of int
        Positions in `names`, in the order of `columns`.

    Raises
    ------
    DataError
        One of the columns is not there, or more than once.
    """
    if wrong := [name for name in columns if names.count(name) != 1]:
        has = "".join(letter for letter in ", ".join(names)[:200] if letter.isprintable())
        raise DataError(f"{path}: {', '.join(wrong)} must be a column, once; it has: {has}")
    return [names.index(name) for name in columns]


def csv_rows(path: Path, columns: list[str]) -> Iterator[list[str]]:
    """Read the values of a CSV file, row by row; commas at the end of a line and empty lines do not count.

    Parameters, values and errors are those of `read_table`.
    """
    with open(path, newline="", encoding="utf-8-sig") as file:
        lines = csv.reader(file, skipinitialspace=True, strict=True)
        names = ",".join(next(lines, [])).rstrip(", ").split(",")
        names = [name.strip() for name in names]
        where = positions(path, names, columns)
        for line in lines:
            values = [value.strip() for value in line]
            if not any(values):
                continue
            if len(values) < len(names) or any(values[len(names) :]):
                found = f"line {lines.line_num} has {len(values)} values, the first line {len(names)} names"
                raise DataError(f"{path}: {found}")
            yield [values[column] for column in where]


def parquet_rows(path: Path, columns: list[str]) -> Iterator[list[str]]:
    """Read the values of a Parquet file as text, row by row; a missing one is empty.

    Parameters, values and errors are those of `read_table`.
    """
    with pq.ParquetFile(path) as file:
        positions(path, file.schema_arrow.names, columns)
        for batch in file.iter_batches(PART, columns=columns):
            values = [batch.column(name).cast(pa.string()).to_pylist() for name in columns]
            for row in zip(*values, strict=True):
                yield ["" if value is None else value.strip() for value in row]


def faults(shown: pd.Series, wrong: dict[str, pd.Series]) -> list[str]:
    """Say for each fault how many rows have it, and the number and value of the first three.

    Parameters
    ----------
    shown : pandas.Series
        The column whose values are shown.
    wrong : dict of str to pandas.Series of bool
        The rows that have each fault.

    Returns
    -------
    list of str
        A line for each fault that some row has.
    """
    lines = []
    for fault, rows in wrong.items():
        if any(rows):
            first = [f"row {row + 1} ({shown.iloc[row]!r})" for row in np.flatnonzero(rows)[:3]]
            lines.append(f"{sum(rows)} of {len(shown)} rows have {fault}: {', '.join(first)}")
    return lines


def faults_of_ids(ids: pd.Series) -> list[str]:
    """Say what is wrong with the ids of a table.

    Parameters
    ----------
    ids : pandas.Series of str
        The column `id`, as the file has it.

    Returns
    -------
    list of str
        A line for each fault.
    """
    rounded = ids.str.fullmatch(r"[\d.]+[eE]\+?\d+")  # a program took them for decimal numbers
    wrong = {"no id": ids.str.lower().isin(MISSING), "the id of an earlier row": ids.duplicated()}
    return faults(ids, {**wrong, "a rounded id": rounded})


def untrained(device: torch.device) -> torch.nn.Module:
    """Return the network of part 2 before its training, in the layout that suits a device.

    Parameters
    ----------
    device : torch.device
        Where it will calculate.

    Returns
    -------
    torch.nn.Module
        From (n, 3, SIZE, SIZE) standardised pixels to (n, 1), the standardised label.
    """
    return xresnet18(n_out=1).to(device, memory_format=layout(device))


def standardised(pictures: torch.Tensor, mean: torch.Tensor, std: torch.Tensor) -> torch.Tensor:
    """Bring pictures around 0 with a spread of 1: a network likes that.

    Parameters
    ----------
    pictures : torch.Tensor, (n, 3, SIZE, SIZE)
        0 to 255.
    mean, std : torch.Tensor, (3,)
        Of each colour, on a scale from 0 to 1.

    Returns
    -------
    torch.Tensor, (n, 3, SIZE, SIZE), float32
        In the layout of their device.
    """
    pictures = (pictures / 255 - mean[:, None, None]) / std[:, None, None]
    return pictures.contiguous(memory_format=layout(pictures.device))


def layout(device: torch.device) -> torch.memory_format:
    """Return how pictures should lie in the memory of a device.

    Parameters
    ----------
    device : torch.device

    Returns
    -------
    torch.memory_format
        Colours last, which is faster; not on Apple's GPU, where some torch releases then miscalculate.
    """
    return torch.contiguous_format if device.type == "mps" else torch.channels_last


def best_device() -> torch.device:
    """Return the accelerator if there is one that can be trusted, else the CPU.

    Returns
    -------
    torch.device
        An Apple GPU only if its gradients are right; else a line is printed.
    """
    device = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if device is not None and device.type == "mps" and not right_gradients(device):
        print("Apple's GPU gives wrong gradients with this torch: the CPU is used.")
        device = None
    return device or torch.device("cpu")


def right_gradients(device: torch.device) -> bool:
    """Tell whether a device finds the gradients of a small network that the CPU finds.

    Parameters
    ----------
    device : torch.device

    Returns
    -------
    bool
        False, too, for a device that is built in and not available.
    """
    with torch.random.fork_rng(devices=[]):
        layers = [
            torch.nn.Conv2d(3, 8, 3),
            torch.nn.BatchNorm2d(8),
            torch.nn.ReLU(),
            torch.nn.Conv2d(8, 1, 3),
        ]
        small, pictures = torch.nn.Sequential(*layers), torch.randn(8, 3, 16, 16)
    gradients = []
    try:
        for place in (torch.device("cpu"), device):
            there = copy.deepcopy(small).to(place)
            there(pictures.to(place)).square().mean().backward()
            gradients.append([weight.grad.cpu() for weight in there.parameters()])
    except Exception:  # a device that is built in and not available
        return False
    return all(torch.allclose(a, b, rtol=1e-2, atol=1e-4) for a, b in zip(*gradients, strict=True))


def start(bf16: bool, **options: object) -> Accelerator:
    """Join the processes that `torchrun` has started: on the CPU if there is nothing faster.

    Parameters
    ----------
    bf16 : bool
        Calculate in bfloat16.
    **options : object
        For `accelerate.Accelerator`.

    Returns
    -------
    accelerate.Accelerator

    Raises
    ------
    DataError
        The device cannot calculate in bfloat16, or the processes do not find each other.
    """
    try:
        precision = "bf16" if bf16 else "no"
        accelerator = Accelerator(cpu=best_device().type == "cpu", mixed_precision=precision, **options)
    except ValueError as error:
        raise DataError(str(error)) from error
    started = int(os.environ.get("WORLD_SIZE", 1))
    if started != accelerator.num_processes:
        raise DataError(f"{started} processes were started, which do not find each other (`accelerate env`)")
    if accelerator.device.type == "cpu":  # two processes with all the cores each would wait for each other
        torch.set_num_threads(max(1, cores() // int(os.environ.get("LOCAL_WORLD_SIZE", 1))))
    return accelerator


def cores() -> int:
    """Return how many cores this process may use.

    Returns
    -------
    int
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def readers(accelerator: Accelerator) -> int:
    """Return how many further processes should read pictures.

    Parameters
    ----------
    accelerator : accelerate.Accelerator

    Returns
    -------
    int
        0 on the CPU, where the network needs the cores.
    """
    return 0 if accelerator.device.type == "cpu" else min(8, cores() // accelerator.num_processes)


@contextlib.contextmanager
def errors_in_one_line(script: str) -> Iterator[None]:
    """End the program with one line for an error that the user can mend, instead of a traceback.

    Parameters
    ----------
    script : str
        Its name, for the line.

    Raises
    ------
    SystemExit
        For a `DataError`, an `OSError` and a `KeyboardInterrupt`.
    """
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(f"{script}: interrupted; the same command goes on from what is done")
    except (DataError, OSError) as error:
        # of a process that reads pictures: without its traceback
        sys.exit(f"{script}: {str(error).split('DataError: ')[-1].strip()}")
