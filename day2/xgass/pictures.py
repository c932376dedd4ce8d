"""Get SDSS color pictures of the galaxies, politely, and find those that are there and good."""

import io
import stat
import time
from multiprocessing import TimeoutError as PoolTimeoutError
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile

import pandas as pd
import requests
from PIL import Image
from tqdm.auto import tqdm
from urllib3.util import Retry

from . import DataError, DiskError
from .fetch import (
    NO_ANSWER,
    TOO_MANY_REQUESTS,
    check_size,
    fetch,
    fetch_in_time,
    size_fault,
    why,
    write_atomic,
)

SIZE = 224  # px
SCALE = 0.396  # arcsec/px, the native scale of SDSS: 88.7 arcsec hold every xGASS galaxy
# Two of the five known services: the survey's own, and one that keeps a copy of the imaging elsewhere.
SERVICES = {  # first and second choice for each picture (RA, Dec in deg)
    "SDSS SkyServer": "https://skyserver.sdss.org/dr18/SkyServerWS/ImgCutout/getjpeg"
    f"?ra={{ra:.6f}}&dec={{dec:.6f}}&scale={SCALE}&width={SIZE}&height={SIZE}",
    "CDS hips2fits": "https://alasky.cds.unistra.fr/hips-image-services/hips2fits?hips=CDS/P/SDSS9/color"
    f"&width={SIZE}&height={SIZE}&fov={SIZE * SCALE / 3600:.6f}&projection=TAN"
    "&ra={ra:.6f}&dec={dec:.6f}&format=jpg",
}
MIN_SIDE = 64  # px, what the network of part 2 needs
MIN_CONTRAST = 16  # of 255, of a cutout; less is an empty field: no galaxy of the sample is that faint
EMPTY = "an empty picture"
MAX_SIDE = 2048  # px, the largest cutout of SkyServer; 1 kB of JPEG may claim gigabytes of pixels
TRIAL = (187.7059, 12.3911)  # RA, Dec (deg) of M87: a picture that every service has
AT_ONCE = 8  # requests
PATIENCE = 8  # failures in a row, and a service is left for the next one
STALL = 60.0  # s without any answer: the same
ARCHIVE_BYTES = 200_000_000  # the most that an archive may have; about 12 MB are expected
ARCHIVE_SECONDS = 600.0
# A service in trouble is asked again; one that is silent, or that wants to be left alone, is not.
RETRY = Retry(2, connect=0, read=0, status_forcelist=(500, 502, 503, 504), backoff_factor=0.5,
              raise_on_status=False, respect_retry_after_header=False)  # fmt: skip


class Answer(NamedTuple):
    """What a service sent for a galaxy: a picture, or why there is none."""

    gass: int
    raw: bytes
    fault: str


def find_pictures(folder: Path, ids: pd.Index) -> tuple[pd.Series, int]:
    """Return the paths (str, by ``GASS``) of the good pictures of `ids`, and how many others are spoiled.

    They are called ``<GASS>.jpg``, .jpeg or .JPG; where there are several, the first of these names counts,
    good or not. Links are followed. A folder may be missing.
    """
    files = {}
    for path in sorted(folder.absolute().glob("*")):  # .JPG, .jpeg, .jpg: the last one stays
        if path.suffix.lower() in (".jpg", ".jpeg"):
            files[path.stem] = path
    good = {}
    n_spoiled = 0
    for gass in ids.tolist():
        path = files.get(str(gass))
        if path is None:
            continue
        if file_fault(path):
            n_spoiled += 1
        else:
            good[gass] = str(path)
    return pd.Series(good, dtype="str"), n_spoiled


def file_fault(path: Path, size: int | None = None) -> str:
    """Say what is wrong with the file of a picture, if anything, as `content_fault` does.

    Raises
    ------
    DiskError
        The disk does not let it be read.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # reading a pipe would never end
            return "no such file"
        fault = size_fault(status.st_size)
        if fault:
            return fault
        raw = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return "no such file"
    except OSError as error:
        raise DiskError(cannot_be_read(path.name, error)) from error
    return content_fault(raw, size)


def cannot_be_read(name: str, error: OSError) -> str:
    """Return the message about a file that the disk does not let be read."""
    again = "Run this again; from a mounted drive, copy the folder to a local disk first"
    return f"{name} cannot be read: {why(error)}. {again}"


def content_fault(raw: bytes, size: int | None = None) -> str:
    """Say what is wrong with a picture, if anything; whatever passes, part 2 can show to its network.

    A good one is a square JPEG of 64 px or more, whole, and not of one color. A cutout, whose `size` (px) is
    known, has just that.
    """
    try:
        # No other formats: some start programs (EPS), and all of them hide behind any name.
        image = Image.open(io.BytesIO(raw), formats=["JPEG"])
        width, height = image.size
        wanted = size or width
        # Before it is decoded:
        if width != wanted or height != wanted or not MIN_SIDE <= width <= MAX_SIDE:
            return f"{width} x {height} px"
        if b"\xff\xd9" not in raw[-64:]:  # Pillow can be told to overlook that the end is missing
            return "cut off"
        extremes = image.convert("RGB").getextrema()
    except Exception as error:  # Pillow raises many kinds on broken files
        return f"not a whole JPEG ({why(error)})"
    # A learner's own picture counts, however faint it is; a cutout is held to more by `_empty_sky`.
    is_of_one_color = all(low == high for low, high in extremes)
    return EMPTY if is_of_one_color else ""


def unpack_archive(missing: pd.DataFrame, folder: Path) -> None:
    """Get pictures in one file, if ``data/registry.txt`` names one; else do nothing.

    `missing` and `folder` are those of `download_pictures`. The file may take ARCHIVE_SECONDS.

    Raises
    ------
    DataError
        It does not serve; the message says why.
    """
    for name, sha256, url in read_registry(folder.parents[1] / "registry.txt"):
        print(f"Downloading the SDSS pictures as one archive, {name}: 12 MB, a minute at 2 Mbit/s.")
        try:
            raw = fetch_in_time(url, ARCHIVE_SECONDS, sha256, ARCHIVE_BYTES)
            with ZipFile(io.BytesIO(raw)) as archive:
                _take_pictures(archive, missing.index, folder)
        except Exception as error:  # whatever servers, disks and files lead to
            raise DataError(f"the archive did not serve: {why(error)}") from error


def read_registry(path: Path) -> list[list[str]]:
    """Return [name, sha256, address] of each line of a registry that is not a comment."""
    if not path.is_file():
        return []
    lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    return [words for words in lines if len(words) == 3 and not words[0].startswith("#")]


def _take_pictures(archive: ZipFile, ids: pd.Index, folder: Path) -> None:
    """Write the good pictures images/<GASS>.jpg of an archive."""
    there = {info.filename: info for info in archive.infolist()}
    for gass in ids.tolist():
        info = there.get(f"images/{gass}.jpg")
        if info is None:
            continue
        check_size(info.file_size)
        raw = archive.read(info)
        if not content_fault(raw):
            write_atomic(folder / f"{gass}.jpg", raw)


def download_pictures(missing: pd.DataFrame, folder: Path, seconds: float) -> None:
    """Download pictures from the SERVICES, one after the other, until none is missing.

    Each is tried with one picture, all of them together within `seconds` (s); then it is asked for all that
    are left, at most 8 at a time. A picture is decoded before it counts, and written whole or not at all.

    `missing` has the galaxies by ``GASS``, with ``RA`` and ``DEC`` in degrees; ``<GASS>.jpg`` of these, and
    nothing else, goes into `folder`.

    Raises
    ------
    DataError
        Some did not come, or cannot be written; what came is there.
    """
    deadline = time.monotonic() + seconds
    reasons = []
    positions = dict(zip(missing.index.tolist(), missing[["RA", "DEC"]].to_numpy(), strict=True))
    bar = tqdm(total=len(positions), desc="SDSS pictures (may be interrupted)", leave=False)
    with requests.Session() as session, ThreadPool(len(SERVICES)) as pool, bar:
        for adapter in session.adapters.values():
            adapter.max_retries = RETRY
        trials = {name: pool.apply_async(_get, [(session, name, 0, TRIAL)]) for name in SERVICES}
        for name, trial in trials.items():
            trial.wait(max(0.0, deadline - time.monotonic()))
            reason = trial.get().fault if trial.ready() else NO_ANSWER
            if not reason:
                reason = _ask(session, name, positions, folder, bar)
            if not positions:
                return
            reasons.append(f"{name}: {reason}")
    raise DataError(f"{len(positions)} pictures did not come ({'; '.join(reasons)})")


def _ask(session: requests.Session, service: str, positions: dict, folder: Path, bar: tqdm) -> str:
    """Ask a service for all pictures, drop from `positions` what comes; return the last reason why not."""
    reason = ""
    failures = 0  # in a row
    jobs = [(session, service, gass, position) for gass, position in positions.items()]
    with ThreadPool(AT_ONCE) as pool:  # at its end, the questions not yet asked are dropped
        answers = pool.imap_unordered(_get, jobs)
        for _ in jobs:
            try:
                answer = answers.next(STALL)
            except PoolTimeoutError:
                return NO_ANSWER
            if answer.fault:
                reason = answer.fault
                failures += 1
                if failures == PATIENCE or reason == TOO_MANY_REQUESTS:
                    return reason
                continue
            failures = 0
            _keep(answer, folder)
            del positions[answer.gass]
            bar.update()
    return reason


def _keep(answer: Answer, folder: Path) -> None:
    """Write a picture that came."""
    try:
        write_atomic(folder / f"{answer.gass}.jpg", answer.raw)
    except OSError as error:
        raise DataError(f"{folder.parent.name}/{folder.name} cannot be written: {why(error)}") from error


def _get(job: tuple) -> Answer:
    """Get one picture, or the reason why not: nothing that a server sends raises."""
    session, service, gass, (ra, dec) = job
    try:
        raw = fetch(SERVICES[service].format(ra=ra, dec=dec), session=session)
    except Exception as error:
        return Answer(gass, b"", why(error))
    return Answer(gass, raw, content_fault(raw, SIZE) or _empty_sky(raw))


def _empty_sky(raw: bytes) -> str:
    """Say so if a cutout shows no galaxy, for noise alone is not of one color."""
    low, high = Image.open(io.BytesIO(raw), formats=["JPEG"]).convert("L").getextrema()
    return EMPTY if high - low < MIN_CONTRAST else ""
