"""Files of torch, written whole and read with their check sums; folders that one process uses at a time."""

import contextlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import torch

from xgass import DataError
from xgass.fetch import why, write_atomic


def save_whole(path: Path, content: dict) -> None:
    """Write tensors, numbers and texts into a file; raises as `write_whole` does."""
    raw = io.BytesIO()
    torch.save(content, raw)
    write_whole(path, raw.getvalue())


def write_whole(path: Path, raw: bytes) -> None:
    """Write a file; raises `DataError` if the disk is full, say: then the older file is still there."""
    try:
        write_atomic(path, raw)
    except OSError as error:
        way_out = "make room, then the same command goes on from what is done"
        raise DataError(f"{path} cannot be written ({why(error)}): {way_out}") from error


def load_whole(path: Path) -> dict:
    """Read a file of `save_whole`; raises `DataError` if it is cut, changed or of another kind."""
    raw = io.BytesIO(path.read_bytes())
    try:
        with zipfile.ZipFile(raw) as archive:
            changed = archive.testzip()
        if changed:
            raise ValueError(f"the check sum of {changed} is wrong")
        raw.seek(0)
        return torch.load(raw, weights_only=True, map_location="cpu")  # nothing in it is run
    except Exception as error:  # torch raises a dozen kinds for files of another kind
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].split(". ")[0]
        way_out = "take another copy of it, or train anew with another --out"
        raise DataError(f"{path} is damaged or of another kind ({reason}): {way_out}") from error


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make a folder if need be, and keep it to this process; the lock of a killed one does not count.

    Raises
    ------
    DataError
        It cannot be made or written, or another process uses it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = open(folder / ".lock", "w")
    except OSError as error:
        way_out = "name another folder with --out"
        raise DataError(f"{folder} cannot be used as a folder ({why(error)}): {way_out}") from error
    with lock as file:
        try:
            import fcntl
        except ModuleNotFoundError:  # Windows has no such locks
            yield
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            way_out = "wait for it, or name a new folder with --out"
            raise DataError(f"{folder} is in use by another process: {way_out}") from None
        yield
