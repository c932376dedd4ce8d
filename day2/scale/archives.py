"""Files of torch, written whole and read with their check sums; folders that one process uses at a time."""

import contextlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import torch

from xgass import DataError
from xgass.fetch import write_atomic


def save_whole(path: Path, content: dict) -> None:
    """Write tensors, numbers and texts into a file; if the disk is full, the older file is still there."""
    raw = io.BytesIO()
    torch.save(content, raw)
    write_atomic(path, raw.getvalue())


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
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise DataError(f"{path} is damaged or of another kind: {reason[0]}") from error


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep a folder to this process; the lock of a process that was killed does not count.

    Raises
    ------
    DataError
        Another process uses it.
    """
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows has no such locks
        yield
        return
    with open(folder / ".lock", "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            way_out = "wait for it, or name a new folder with --out"
            raise DataError(f"{folder} is in use by another process: {way_out}") from None
        yield
