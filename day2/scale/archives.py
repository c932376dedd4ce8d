"""Files of torch, written whole and read with their check sums; folders that one process uses at a time."""

import contextlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import torch

from xgass import DataError
from xgass.fetch import why, write_atomic

from .errors import first_line

try:
    import fcntl
except ModuleNotFoundError:  # Windows has no such locks
    fcntl = None


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


def load_whole(path: Path) -> object:
    """Read a file of `save_whole`, or another one of torch: the caller looks at what is in it.

    Raises
    ------
    DataError
        It is cut, changed or of another kind.
    """
    raw = io.BytesIO(path.read_bytes())
    try:
        with zipfile.ZipFile(raw) as archive:
            changed = archive.testzip()
    except Exception as error:  # zipfile raises half a dozen kinds for damaged files
        raise _damaged(path, first_line(error)) from error
    if changed:
        raise _damaged(path, f"the check sum of {changed} is wrong")
    raw.seek(0)
    try:
        return torch.load(raw, weights_only=True, map_location="cpu")  # nothing in it is run
    except Exception as error:  # torch raises a dozen kinds for files of another kind
        first_sentence = first_line(error).split(". ")[0]
        raise _damaged(path, first_sentence) from error


def _damaged(path: Path, reason: str) -> DataError:
    """Return the error for a file that cannot be read."""
    way_out = "take another copy of it, or train anew with another --out"
    return DataError(f"{path} is damaged or of another kind ({reason}): {way_out}")


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
    with lock:
        if fcntl is not None:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                way_out = "wait for it, or name a new folder with --out"
                raise DataError(f"{folder} is in use by another process: {way_out}") from None
        yield
