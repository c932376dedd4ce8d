"""Get files, bounded in bytes and seconds, and write them whole or not at all."""

import hashlib
import os
import time
from multiprocessing import TimeoutError as PoolTimeoutError
from multiprocessing.pool import ThreadPool
from pathlib import Path
from urllib.parse import urlsplit

import requests

from . import DataError

MAX_BYTES = 5_000_000  # the catalog has 0.4 MB, a picture 10 kB
TIMEOUT = (3.0, 15.0)  # s, to connect and between two pieces of an answer
NO_ANSWER = "no answer in time"
TOO_MANY_REQUESTS = "HTTP 429"
HEADERS = {"User-Agent": "AstroHackWeek2022 (https://github.com/jwuphysics/AstroHackWeek2022)"}


def size_fault(size: int, most: int = MAX_BYTES) -> str:
    """Say so if a size (bytes) is beyond all that the tutorial needs."""
    return f"larger than {most / 1e6:.0f} MB" if size > most else ""


def check_size(size: int, most: int = MAX_BYTES) -> None:
    """Raise what `size_fault` says as a `DataError`."""
    fault = size_fault(size, most)
    if fault:
        raise DataError(fault)


def host_of(url: str) -> str:
    """Return the server of an address, with its port if that is given."""
    return urlsplit(url).netloc


def fetch(
    url: str,
    sha256: str | None = None,
    most: int = MAX_BYTES,
    seconds: float = 60.0,
    session: requests.Session | None = None,
) -> bytes:
    """Get a file into memory, of at most `most` bytes, in about `seconds` (s) once the server is found.

    Raises
    ------
    requests.RequestException
        The server does not answer, or not with the file.
    DataError
        The file is too large or too slow, or does not have the hash `sha256`.
    """
    deadline = time.monotonic() + seconds
    pieces = []
    size = 0
    asker = session or requests
    with asker.get(url, stream=True, timeout=TIMEOUT, headers=HEADERS) as reply:
        reply.raise_for_status()
        for piece in reply.iter_content(65536):
            pieces.append(piece)
            size += len(piece)
            check_size(size, most)
            if time.monotonic() > deadline:
                raise DataError(NO_ANSWER)
    raw = b"".join(pieces)
    if sha256 and hashlib.sha256(raw).hexdigest() != sha256:
        raise DataError("not the file with the known hash")
    return raw


def fetch_in_time(url: str, seconds: float, sha256: str | None = None, most: int = MAX_BYTES) -> bytes:
    """Get a file as `fetch` does, and stop waiting after `seconds` (s), whatever hangs.

    A name look-up has no time-out of its own: it is left behind in a thread.

    Raises
    ------
    DataError
        The file cannot be had; the message has the server and the reason.
    """
    with ThreadPool(1) as pool:
        job = pool.apply_async(fetch, (url, sha256, most, seconds))
        try:
            return job.get(max(0.0, seconds))
        except Exception as error:  # whatever the answer of a server can lead to
            raise DataError(f"{host_of(url)}: {why(error)}") from error


def why(error: Exception) -> str:
    """Say in a few words, without the paths of this machine, why a request or a file failed."""
    if isinstance(error, DataError):
        return str(error)
    if isinstance(error, requests.HTTPError):
        return f"HTTP {error.response.status_code}"
    if isinstance(error, requests.Timeout | PoolTimeoutError):
        return NO_ANSWER
    if isinstance(error, requests.exceptions.SSLError):
        return "no valid certificate (on macOS, Python of python.org: run Install Certificates.command)"
    if isinstance(error, requests.ConnectionError):
        return "no network connection"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "cut off"
    return getattr(error, "strerror", "") or type(error).__name__


def write_atomic(path: Path, raw: bytes) -> None:
    """Write `raw` whole or not at all, also when the process is killed or the disk is full.

    Raises
    ------
    OSError
        The file cannot be written; what was there is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.{os.getpid()}.tmp")  # all that a kill can leave
    try:
        with open(new, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    finally:
        new.unlink(missing_ok=True)
