"""Get SDSS colour pictures of the galaxies, politely, and find those that are there and good."""

import io
import time
from multiprocessing import TimeoutError as PoolTimeoutError
from multiprocessing.pool import ThreadPool
from pathlib import Path

import pandas as pd
import requests
from PIL import Image
from requests.adapters import HTTPAdapter
from tqdm.auto import tqdm
from urllib3.util import Retry

from .fetch import PICTURES, check_size, fetch, why, write_atomic

SIZE, SCALE = 224, 0.396  # px, arcsec/px (the native scale of SDSS): 88.7 arcsec hold every xGASS galaxy
MIN_CONTRAST = 16  # of 255; less is an empty field: no galaxy of the sample is that faint
MAX_SIDE = 2048  # px, the largest cutout of SkyServer; 1 kB of JPEG may claim gigabytes of pixels
TRIAL = (187.7059, 12.3911)  # RA, Dec (deg) of M87: a picture that every service has
AT_ONCE, PATIENCE = 8, 8  # requests; failures in a row, before a service is left for the next one
STALL = 60.0  # s without any answer: the same
# A service in trouble is asked again; one that is silent, or that wants to be left alone, is not.
RETRY = Retry(2, connect=0, read=0, status_forcelist=(500, 502, 503, 504), backoff_factor=0.5,
              raise_on_status=False, respect_retry_after_header=False)  # fmt: skip


def find_pictures(folder: Path, ids: pd.Index) -> tuple[pd.Series, int]:
    """Return the paths (str) of the good pictures ``<GASS>.jpg``, by id, and how many others are spoilt.

    The ending may be .jpeg or .JPG as well; links are followed; a folder that cannot be read has no pictures.
    """
    try:
        files = {p.stem: p for p in folder.resolve().iterdir() if p.suffix.lower() in (".jpg", ".jpeg")}
    except OSError:
        files = {}
    there = [gass for gass in ids.tolist() if str(gass) in files]
    paths = {gass: str(files[str(gass)]) for gass in there if not picture_fault(files[str(gass)])}
    return pd.Series(paths, dtype="str"), len(there) - len(paths)


def picture_fault(picture: Path | bytes, size: int | None = None) -> str:
    """Say what is wrong with a picture, if anything; it is a JPEG, not too large, and decoded to its end.

    If its width and height `size` (px) are known, it must have just these, and show something.
    """
    try:
        if isinstance(picture, Path):
            check_size(picture.stat().st_size)
            picture = picture.read_bytes() if picture.is_file() else b""  # reading a pipe would never end
        # No other formats: some start programs (EPS), and all of them hide behind any name.
        image = Image.open(io.BytesIO(picture), formats=["JPEG"])
        if max(image.size) > MAX_SIDE or (size and image.size != (size, size)):  # before it is decoded
            return f"{image.width} x {image.height} px"
        if b"\xff\xd9" not in picture[-64:]:  # Pillow can be told to overlook that the end is missing
            return "cut off"
        image.draft("L", (SIZE, SIZE))  # a large one at a fraction of its size
        low, high = image.convert("L").getextrema()
    except Exception as error:  # Pillow raises many kinds on broken files
        return f"not a whole JPEG ({why(error)})"
    return "an empty picture" if size and high - low < MIN_CONTRAST else ""


def picture_url(service: str, ra: float, dec: float) -> str:
    """Return the address of the picture at a position (deg) at one of the services in `fetch.PICTURES`."""
    position = {"ra": f"{ra:.6f}", "dec": f"{dec:.6f}", "fov": f"{SIZE * SCALE / 3600:.6f}"}
    return PICTURES[service].format(**position, size=SIZE, scale=SCALE)


def download_pictures(missing: pd.DataFrame, folder: Path, seconds: float) -> str:
    """Download the pictures of a table (index GASS; RA, DEC in degrees); return why some did not come.

    Every service is tried with one picture, for `seconds` at most. The first that works gets all requests,
    at most 8 at a time; what it does not deliver is asked of the next. A picture is decoded before it counts
    and written whole or not at all. To resume, ask for what is missing: the files are all that there is.
    """
    deadline, reasons = time.monotonic() + seconds, []
    positions = dict(zip(missing.index.tolist(), missing[["RA", "DEC"]].to_numpy(), strict=True))
    with (
        requests.Session() as session,
        ThreadPool(len(PICTURES)) as pool,
        tqdm(total=len(positions), desc="SDSS pictures (may be interrupted)", leave=False) as bar,
    ):
        for scheme in ("https://", "http://"):
            session.mount(scheme, HTTPAdapter(pool_maxsize=AT_ONCE, max_retries=RETRY))
        trials = {service: pool.apply_async(_get, [(session, service, TRIAL, 0)]) for service in PICTURES}
        for service, trial in trials.items():
            trial.wait(max(0.0, deadline - time.monotonic()))
            reason = trial.get()[2] if trial.ready() else "no answer in time"
            try:
                reason = reason or _ask(session, service, positions, folder, bar)
            except OSError as error:  # of the disk: those of the network are reasons by now
                return f"{folder.parent.name}/{folder.name} cannot be written: {why(error)}"
            if not positions:
                return ""
            reasons.append(f"{service}: {reason}")
    return f"{len(positions)} pictures did not come ({'; '.join(reasons)})"


def _ask(session: requests.Session, service: str, positions: dict, folder: Path, bar: tqdm) -> str:
    """Ask a service for all pictures, drop from `positions` what comes; return the last reason why not."""
    last, failures = "", 0
    with ThreadPool(AT_ONCE) as pool:  # at its end, the questions not yet asked are dropped
        jobs = [(session, service, position, gass) for gass, position in positions.items()]
        answers = pool.imap_unordered(_get, jobs)
        while failures < PATIENCE and last != "HTTP 429":  # too many requests: it wants to be left alone
            try:
                gass, raw, reason = answers.next(STALL)
            except StopIteration:
                break
            except PoolTimeoutError:
                return "no answer in time"
            if reason:
                last, failures = reason, failures + 1
            else:
                write_atomic(folder / f"{gass}.jpg", raw)  # here, for a thread may be left in the middle
                failures = 0
                del positions[gass]
                bar.update()
    return last


def _get(job: tuple) -> tuple[int, bytes, str]:
    """Get one picture, or the reason why not: nothing that a server sends raises."""
    session, service, position, gass = job
    try:
        raw = fetch(picture_url(service, *position), session=session)
        return gass, raw, picture_fault(raw, SIZE)
    except Exception as error:
        return gass, b"", why(error)
