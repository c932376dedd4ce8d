"""Get SDSS color pictures of the galaxies, politely, and find those that are there and good."""

import io
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

from . import DataError
from .fetch import check_size, fetch, fetch_in_time, why, write_atomic

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
    """Return the paths (str, by ``GASS``) of the good pictures of `ids`, and how many others are spoilt.

    They are called ``<GASS>.jpg``, .jpeg or .JPG; links are followed. A folder may be missing.
    """
    files = {p.stem: p for p in sorted(folder.absolute().glob("*")) if p.suffix.lower() in (".jpg", ".jpeg")}
    good = {}
    n_spoilt = 0
    for gass in ids.tolist():
        path = files.get(str(gass))
        if path is None:
            continue
        if picture_fault(path):
            n_spoilt += 1
        else:
            good[gass] = str(path)
    return pd.Series(good, dtype="str"), n_spoilt


def picture_fault(picture: Path | bytes, size: int | None = None) -> str:
    """Say what is wrong with a picture, if anything; whatever passes, part 2 can show to its network.

    A good one is a square JPEG of 64 px or more, whole, and not of one color. A cutout, whose `size` (px) is
    known, has just that.

    Raises
    ------
    DataError
        The disk does not let it be read.
    """
    if isinstance(picture, Path):
        try:
            if not picture.is_file():  # reading a pipe would never end
                return "no such file"
            check_size(picture.stat().st_size)
            picture = picture.read_bytes()
        except OSError as error:
            again = "Run this again; from a mounted drive, copy the folder to a local disk first"
            raise DataError(f"{picture.name} cannot be read: {why(error)}. {again}") from error
        except DataError as error:
            return str(error)
    return _content_fault(picture, size)


def _content_fault(raw: bytes, size: int | None) -> str:
    """Say what is wrong with the bytes of a picture."""
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
    contrast = max(high - low for low, high in extremes)
    return "an empty picture" if contrast == 0 else ""


def unpack_archive(missing: pd.DataFrame, folder: Path, seconds: float) -> None:
    """Get pictures in one file, if ``data/registry.txt`` names one; the parameters of `download_pictures`.

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
        if not picture_fault(raw):
            write_atomic(folder / f"{gass}.jpg", raw)


def download_pictures(missing: pd.DataFrame, folder: Path, seconds: float) -> None:
    """Download pictures from the SERVICES, one after the other, until none is missing.

    Each is tried with one picture; then it is asked for all that are left, at most 8 at a time. A picture is
    decoded before it counts, and written whole or not at all.

    Parameters
    ----------
    missing : pandas.DataFrame
        The galaxies, indexed by ``GASS``; ``RA`` and ``DEC`` in degrees. Nothing else is written.
    folder : pathlib.Path
        Where ``<GASS>.jpg`` goes.
    seconds : float
        The time (s) for a first answer.

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
            reason = trial.get().fault if trial.ready() else "no answer in time"
            if not reason:
                reason = _ask(session, name, positions, folder, bar)
            if not positions:
                return
            reasons.append(f"{name}: {reason}")
    raise DataError(f"{len(positions)} pictures did not come ({'; '.join(reasons)})")


def _ask(session: requests.Session, service: str, positions: dict, folder: Path, bar: tqdm) -> str:
    """Ask a service for all pictures, drop from `positions` what comes; return the last reason why not."""
    last = ""
    failures = 0
    with ThreadPool(AT_ONCE) as pool:  # at its end, the questions not yet asked are dropped
        answers = pool.imap_unordered(_get, [(session, service, *item) for item in positions.items()])
        while failures < PATIENCE and last != "HTTP 429":  # too many requests: it wants to be left alone
            try:
                answer = answers.next(STALL)
            except StopIteration:
                return last
            except PoolTimeoutError:
                return "no answer in time"
            if answer.fault:
                last = answer.fault
                failures += 1
                continue
            failures = 0
            try:
                write_atomic(folder / f"{answer.gass}.jpg", answer.raw)
            except OSError as error:
                place = f"{folder.parent.name}/{folder.name}"
                raise DataError(f"{place} cannot be written: {why(error)}") from error
            del positions[answer.gass]
            bar.update()
    return last


def _get(job: tuple) -> Answer:
    """Get one picture, or the reason why not: nothing that a server sends raises."""
    session, service, gass, (ra, dec) = job
    try:
        raw = fetch(SERVICES[service].format(ra=ra, dec=dec), session=session)
    except Exception as error:
        return Answer(gass, b"", why(error))
    return Answer(gass, raw, picture_fault(raw, SIZE) or _empty_sky(raw))


def _empty_sky(raw: bytes) -> str:
    """Say so if a cutout shows nothing."""
    low, high = Image.open(io.BytesIO(raw), formats=["JPEG"]).convert("L").getextrema()
    return "an empty picture" if high - low < MIN_CONTRAST else ""
