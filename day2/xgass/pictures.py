"""Get SDSS colour pictures of the galaxies, politely and resumably, and find those that are there."""

import csv
import hashlib
import io
import os
import random
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import pandas as pd
import requests
from PIL import Image
from tqdm.auto import tqdm

from .download import (
    AUTO_BUDGET,
    MAX_BYTES,
    PICTURES,
    DataError,
    Source,
    first_answer,
    why_not,
    within,
    write_atomic,
)

SIZE, SCALE = 224, 0.396  # px, arcsec/px (the native scale of SDSS): 88.7 arcsec hold every xGASS galaxy
MIN_CONTRAST = 16  # of 255; less is an empty field: no galaxy of the sample is that faint
MAX_PICTURE = 1_000_000  # bytes; such a picture has about 10,000
MAX_SIDE = 2048  # px, the largest cutout of SkyServer; 1 kB of JPEG may claim gigabytes of pixels
USER_AGENT = "AstroHackWeek2022 (https://github.com/jwuphysics/AstroHackWeek2022)"
REQUESTS_AT_ONCE = 8
ATTEMPTS = 3  # per picture and service
PATIENCE = 16  # failures of a service without one success before it is put aside; a time-out counts twice
LONGEST_WAIT = 30.0  # s; a service that asks for more (Retry-After) is left alone
SECONDS_EACH = 2.0  # that SkyServer takes for a picture
PICTURE_TIME = 20.0  # s for one picture, from the question to the last byte


def picture_folder(folder: Path) -> Path:
    """Return the folder of the pictures: ``images``, else the only one whose name starts so."""
    folder = Path(folder)
    others = [path for path in folder.glob("images*") if path.is_dir()]
    return others[0] if len(others) == 1 else folder / "images"


def find_pictures(folder: Path, ids: pd.Index) -> pd.Series:
    """Find the pictures ``<GASS>.jpg`` that exist and are not empty.

    They are not decoded here, but whoever decodes them later is safe from files that are something else: the
    header and the end of each are looked at (0.05 s for all of them).

    Parameters
    ----------
    folder : Path
        The folder of the catalogue; see `picture_folder`.
    ids : pandas.Index
        The GASS ids to look for, shape (n,).

    Returns
    -------
    pandas.Series
        Path (str) by GASS id, shape (m,) with m <= n, in the order of `ids`.

    Raises
    ------
    DataError
        A picture is a link that leads out of the folder, is not a whole JPEG, or claims too many pixels.
    """
    folder = picture_folder(folder).resolve()
    found = {}
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_symlink() and not Path(os.path.realpath(entry.path)).is_relative_to(folder):
                    raise DataError(f"{entry.name} in {folder.name} is a link that leads out of the folder")
                if entry.name.endswith(".jpg") and os.path.isfile(entry.path):
                    found[entry.name] = entry.path
    except OSError:  # no such folder, or not a readable one: no pictures
        pass
    paths = {}
    for gass in ids.tolist():
        path = found.get(f"{gass}.jpg")
        if path and os.path.getsize(path) > 0:
            try:
                _check_header(path)
            except DataError as error:
                way_out = "delete it (`make data` gets those of data/xgass)"
                raise DataError(f"{gass}.jpg in {folder.name} is {error}: {way_out}") from error
            paths[gass] = path
    return pd.Series(paths, dtype="str")


def _check_header(path: str) -> None:
    """Look at both ends of a picture; `DataError` unless it is a JPEG that may be decoded without harm."""
    size = os.path.getsize(path)
    if size > MAX_BYTES:
        raise DataError(f"larger than {MAX_BYTES / 1e6:.0f} MB")
    try:
        # No other formats: some start programs (EPS), and all of them hide behind any name.
        with open(path, "rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # what follows is stricter
            width, height = Image.open(file, formats=["JPEG"]).size
            file.seek(max(0, size - 64))
            end = file.read()
    except Image.DecompressionBombError as error:
        raise DataError(f"larger than {MAX_SIDE} x {MAX_SIDE} px") from error
    except OSError as error:
        why = f"not readable ({error.strerror})" if error.strerror else "not a JPEG"
        raise DataError(why) from error
    except Exception as error:  # Pillow raises many kinds on broken files
        raise DataError(f"not a JPEG ({type(error).__name__})") from error
    if max(width, height) > MAX_SIDE:
        raise DataError(f"larger than {MAX_SIDE} x {MAX_SIDE} px ({width} x {height})")
    if b"\xff\xd9" not in end:
        raise DataError("cut off")


def check_picture(raw: bytes) -> None:
    """Decode a picture; `DataError` unless it is a whole JPEG of the right size that shows something."""
    if len(raw) > MAX_PICTURE:
        raise DataError("too many bytes")
    try:
        picture = Image.open(io.BytesIO(raw), formats=["JPEG"])
        if picture.size != (SIZE, SIZE):  # before anything is decoded
            raise DataError(f"{picture.size[0]} x {picture.size[1]} px instead of {SIZE} x {SIZE}")
        low, high = picture.convert("L").getextrema()
    except DataError:
        raise
    except Exception as error:  # Pillow raises many kinds on broken files
        raise DataError(f"not a whole JPEG ({type(error).__name__})") from error
    if b"\xff\xd9" not in raw[-64:]:  # Pillow may have been told to overlook that the end is missing
        raise DataError("not a whole JPEG (no end)")
    if high - low < MIN_CONTRAST:
        raise DataError("an empty picture")


@dataclass
class _Health:
    """How one service does; the workers share it, and a count lost between two of them does no harm."""

    failures: int = 0  # since the last success
    not_before: float = 0.0  # monotonic time until which it asked to be left alone
    error: str = "not asked"

    def works(self) -> bool:
        return self.failures < PATIENCE and self.not_before - time.monotonic() <= LONGEST_WAIT


def download_pictures(
    catalogue: pd.DataFrame,
    folder: Path,
    services: tuple[Source, ...] = PICTURES,
    budget: float = AUTO_BUDGET,
    pause: float = 0.1,
    backoff: float = 1.0,
    timeout: tuple[float, float] = (5.0, 15.0),
) -> str:
    """Download the pictures that are missing.

    Every picture is decoded before it counts and is put in place whole; the manifest (id, url, sha256, time
    in UTC) goes along. After an interruption at any point the next call asks only for what is missing.

    Parameters
    ----------
    catalogue : pandas.DataFrame
        Indexed by GASS, with RA and DEC in degrees.
    folder : Path
        Where ``<GASS>.jpg`` and ``manifest.csv`` go; made if absent.
    services : tuple of Source
        First, second, ... choice for each galaxy; the URL has the fields ra, dec, size, scale and fov.
    budget : float
        Seconds until one of the services must have answered.
    pause, backoff : float
        Seconds that a worker rests after each request, and after a failure (then twice that, and so on).
    timeout : tuple of float
        Seconds to connect, and between two pieces of an answer.

    Returns
    -------
    str
        The sha256 of the manifest, hexadecimal.

    Raises
    ------
    DataError
        No service works, or the folder cannot be written. What has arrived is kept.
    """
    folder, ids = Path(folder), catalogue.index.tolist()
    health = {service: _Health() for service in services}
    stop, lock = threading.Event(), threading.Lock()
    arrived: dict[int, tuple] = {}
    try:
        entries = _start(folder, ids)
        missing = catalogue[~catalogue.index.isin(entries)]
        if len(missing):
            first_answer([_url(service, *missing.iloc[0][["RA", "DEC"]]) for service in services], budget)
            minutes = max(1, round(len(missing) * SECONDS_EACH / REQUESTS_AT_ONCE / 60))
            print(
                f"Downloading {len(missing)} SDSS pictures, once: about {minutes} min. "
                "It may be interrupted: the next run goes on from there."
            )
        with (
            requests.Session() as session,
            tqdm(total=len(ids), initial=len(entries), desc="SDSS pictures", unit="", leave=False) as bar,
            open(folder / "manifest.csv", "a", newline="", encoding="utf-8") as manifest,
            ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool,
        ):
            session.headers["User-Agent"] = USER_AGENT

            def ask(url: str) -> bytes:
                return _ask(session, url, timeout)

            def work(gass: int, ra: float, dec: float) -> None:
                entry = _get_one(gass, ra, dec, folder, health, ask, stop, pause, backoff)
                if entry:
                    with lock:
                        arrived[gass] = entry
                        csv.writer(manifest, lineterminator="\n").writerow(entry)
                        manifest.flush()  # so that a killed run loses no more than the line under way
                        bar.update()

            try:
                columns = missing.index.tolist(), missing["RA"], missing["DEC"]
                jobs = [pool.submit(work, *position) for position in zip(*columns, strict=True)]
                for job in as_completed(jobs):
                    job.result()
            finally:
                stop.set()
                pool.shutdown(cancel_futures=True)
        # Another process may have worked in the same folder, and have replaced the manifest: what counts is
        # what is there now, and what this process knows.
        return _write_manifest(folder, _verified_entries(folder, ids, arrived))
    except OSError as error:  # a full disk, for example; the errors of requests do not get here
        raise DataError(f"the picture folder cannot be written: {why_not(error)}") from error


def _start(folder: Path, ids: list[int]) -> dict[int, tuple]:
    """Leave only good pictures and a whole manifest in the folder, and nothing of a killed run."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob(".*.tmp"):
        try:
            if time.time() - old.stat().st_mtime > 60:
                old.unlink()
        except FileNotFoundError:  # another process has just put its picture in place
            continue
    entries = _verified_entries(folder, ids)
    _write_manifest(folder, entries)
    return entries


def _get_one(
    gass: int,
    ra: float,
    dec: float,
    folder: Path,
    health: dict[Source, _Health],
    ask: Callable[[str], bytes],
    stop: threading.Event,
    pause: float,
    backoff: float,
) -> tuple | None:
    """Get the picture of one galaxy from the first service that has it; return its line of the manifest."""
    for service, state in health.items():
        url = _url(service, ra, dec)
        for attempt in range(ATTEMPTS):
            if not state.works():
                break
            if stop.wait(max(0.0, state.not_before - time.monotonic())):
                return None
            try:
                raw = ask(url)
                check_picture(raw)
                state.failures = 0
                write_atomic(folder / f"{gass}.jpg", raw)
                stop.wait(pause)
                return _entry(gass, url, raw, time.time())
            except requests.HTTPError as error:
                state.failures += 1
                state.error = f"HTTP {error.response.status_code}"
                asked_to_wait = _seconds(error.response.headers.get("Retry-After", ""))
                state.not_before = max(state.not_before, time.monotonic() + asked_to_wait)
                if error.response.status_code < 500 and error.response.status_code not in (408, 429):
                    break  # it does not have this picture, and will not have it in a second
            except (requests.Timeout, TimeoutError):
                state.failures += 2
                state.error = "no answer in time"
            except requests.RequestException as error:
                state.failures += 1
                state.error = f"no connection ({type(error).__name__})"
            except DataError as error:
                state.failures += 1
                state.error = str(error)
            if attempt + 1 < ATTEMPTS:
                stop.wait(backoff * 2**attempt * random.uniform(0.5, 1.5))
    if not stop.is_set() and not any(state.works() for state in health.values()):
        errors = [f"{service.name}: {state.error}" for service, state in health.items()]
        raise DataError(f"no picture service works ({'; '.join(errors)})")
    return None


def _ask(session: requests.Session, url: str, timeout: tuple[float, float]) -> bytes:
    """Ask for one picture; neither its bytes nor its seconds are without bound."""
    chunks: list[bytes] = []

    def stream(stop: threading.Event) -> None:
        size = 0
        with session.get(url, stream=True, timeout=timeout) as reply:
            reply.raise_for_status()
            for chunk in reply.iter_content(16384):
                size += len(chunk)
                if size > MAX_PICTURE:
                    raise DataError("too many bytes")
                if stop.is_set():
                    return
                chunks.append(chunk)

    within(time.monotonic() + PICTURE_TIME, stream)
    return b"".join(chunks)


def _url(service: Source, ra: float, dec: float) -> str:
    ra_text, dec_text, fov = f"{ra:.6f}", f"{dec:.6f}", SIZE * SCALE / 3600
    return service.url.format(ra=ra_text, dec=dec_text, size=SIZE, scale=SCALE, fov=fov)


def _seconds(retry_after: str) -> float:
    """Read a Retry-After header, seconds or a date; 0 if there is none."""
    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time.time())
    except (TypeError, ValueError):
        return 0.0


def _entry(gass: int, url: str, raw: bytes, when: float) -> tuple[int, str, str, str]:
    """Make a line of the manifest."""
    utc = datetime.fromtimestamp(when, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return gass, url, hashlib.sha256(raw).hexdigest(), utc


def _verified_entries(
    folder: Path, ids: list[int], arrived: dict[int, tuple] | None = None
) -> dict[int, tuple]:
    """Return the manifest's lines of the good pictures; bad ones are removed, unlisted ones added."""
    known = _read_manifest(folder) | (arrived or {})
    entries = {}
    for gass in ids:
        path = folder / f"{gass}.jpg"
        if path.is_symlink() or not path.is_file():
            continue  # a link would be replaced, never followed
        try:
            with open(path, "rb") as file:
                raw = file.read(MAX_PICTURE + 1)
                when = os.fstat(file.fileno()).st_mtime
        except FileNotFoundError:  # another process has just removed it as bad
            continue
        entries[gass] = _entry(gass, "", raw, when)
        listed = gass in known and known[gass][2] == entries[gass][2]
        if listed:
            entries[gass] = known[gass]
        try:
            _check_header(str(path))  # of the listed ones, too: the manifest may be somebody else's
            if not listed:
                check_picture(raw)
        except DataError:
            path.unlink(missing_ok=True)
            del entries[gass]
    return entries


def _read_manifest(folder: Path) -> dict[int, tuple]:
    """Read the manifest as far as it is whole: the last line of a killed run may be torn."""
    try:
        with open(folder / "manifest.csv", newline="", encoding="utf-8", errors="replace") as file:
            rows = list(csv.reader(file.read(MAX_BYTES).splitlines()))
    except (OSError, csv.Error):
        return {}
    rows = [row for row in rows if len(row) == 4 and row[0].isdecimal() and len(row[0]) < 8]
    return {int(row[0]): (int(row[0]), *row[1:]) for row in rows}


def _write_manifest(folder: Path, entries: dict[int, tuple]) -> str:
    """Write the manifest whole, sorted by id; return its sha256."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "url", "sha256", "time"])
    writer.writerows(entries[gass] for gass in sorted(entries))
    raw = text.getvalue().encode()
    write_atomic(folder / "manifest.csv", raw)
    return hashlib.sha256(raw).hexdigest()
