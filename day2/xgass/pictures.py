"""Get SDSS colour pictures of the galaxies, politely, and find those that are there and good."""

import io
import shutil
import time
from multiprocessing import TimeoutError as PoolTimeoutError
from multiprocessing.pool import ThreadPool
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pooch
import requests
from PIL import Image
from tqdm.auto import tqdm
from urllib3.util import Retry

from . import DataError
from .fetch import HEADERS, PICTURES, SIZE, TIMEOUT, check_size, fetch, why, write_atomic

MIN_CONTRAST = 16  # of 255; less is an empty field: no galaxy of the sample is that faint
MAX_SIDE = 2048  # px, the largest cutout of SkyServer; 1 kB of JPEG may claim gigabytes of pixels
TRIAL = (187.7059, 12.3911)  # RA, Dec (deg) of M87: a picture that every service has
AT_ONCE, PATIENCE = 8, 8  # requests; failures in a row, and a service is left for the next one
STALL = 60.0  # s without any answer: the same
ABOUT, ARCHIVE_BYTES, ARCHIVE_SECONDS = 12_000_000, 200_000_000, 600.0  # an archive; the most it may take
# A service in trouble is asked again; one that is silent, or that wants to be left alone, is not.
RETRY = Retry(2, connect=0, read=0, status_forcelist=(500, 502, 503, 504), backoff_factor=0.5,
              raise_on_status=False, respect_retry_after_header=False)  # fmt: skip


def find_pictures(folder: Path, ids: pd.Index) -> tuple[pd.Series, int]:
    """Return the paths (str, by ``GASS``) of the good pictures of `ids`, and how many others are spoilt.

    They are called ``<GASS>.jpg``, .jpeg or .JPG; links are followed. A folder may be missing.
    """
    files = {p.stem: p for p in sorted(folder.absolute().glob("*")) if p.suffix.lower() in (".jpg", ".jpeg")}
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


class _Bar(tqdm):
    taken = 0  # bytes, which pooch does not limit
    __bool__ = True.__bool__  # for pooch: also where the total is not known

    def update(self, n: int = 1) -> bool | None:
        self.taken += n
        check_size(self.taken, ARCHIVE_BYTES)
        return super().update(n)


def unpack_archive(missing: pd.DataFrame, folder: Path, seconds: float) -> str:
    """Get pictures in one file, if ``data/registry.txt`` names one; return why it did not serve.

    The parameters are those of `download_pictures`, but the archive has half the time for its first byte.
    """
    store, registry = pooch.create(folder, ""), folder.parents[1] / "registry.txt"
    if registry.is_file():
        store.load_registry(registry)
    for name, sha256 in store.registry.items():
        url, bar = store.get_url(name), _Bar(total=ABOUT, unit="B", unit_scale=True)
        download = pooch.DOIDownloader if url.startswith("doi:") else pooch.HTTPDownloader
        print(f"Downloading the SDSS pictures as one archive: {ABOUT / 1e6:.0f} MB, a minute at 2 Mbit/s.")
        try:
            with TemporaryDirectory() as place, ThreadPool(1) as pool, bar:
                # Not by `pooch.retrieve`, which logs the paths of this machine and has no limits.
                path, get = Path(place, name), download(bar, timeout=TIMEOUT, headers=HEADERS)
                job = pool.apply_async(get, (url, path, None))
                job.wait(seconds / 2)
                job.get(ARCHIVE_SECONDS if bar.taken else 0)
                if pooch.file_hash(path) != sha256:
                    raise DataError("not the file with the known hash")
                shutil.unpack_archive(path, place, "zip")
                for gass, good in find_pictures(Path(place, "images"), missing.index)[0].items():
                    write_atomic(folder / f"{gass}.jpg", Path(good).read_bytes())
        except Exception as error:  # whatever servers, disks and files lead to
            return f"the archive did not serve: {why(error)}"
    return ""


def download_pictures(missing: pd.DataFrame, folder: Path, seconds: float) -> str:
    """Download pictures from the services in `fetch.PICTURES`; return why some did not come.

    Each is tried with one picture; the first that works is asked for all, at most 8 at a time, the next for
    what is left. A picture is decoded before it counts, and written whole or not at all.

    Parameters
    ----------
    missing : pandas.DataFrame
        The galaxies, indexed by ``GASS``; ``RA`` and ``DEC`` in degrees. Nothing else is written.
    folder : pathlib.Path
        Where ``<GASS>.jpg`` goes.
    seconds : float
        The time (s) for a first answer.
    """
    deadline, reasons = time.monotonic() + seconds, []
    positions = dict(zip(missing.index.tolist(), missing[["RA", "DEC"]].to_numpy(), strict=True))
    bar = tqdm(total=len(positions), desc="SDSS pictures (may be interrupted)", leave=False)
    with requests.Session() as session, ThreadPool(len(PICTURES)) as pool, bar:
        for adapter in session.adapters.values():
            adapter.max_retries = RETRY
        trials = {service: pool.apply_async(_get, [(session, service, 0, TRIAL)]) for service in PICTURES}
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
        answers = pool.imap_unordered(_get, [(session, service, *item) for item in positions.items()])
        while failures < PATIENCE and last != "HTTP 429":  # too many requests: it wants to be left alone
            try:
                gass, raw, reason = answers.next(STALL)
            except (StopIteration, PoolTimeoutError) as end:
                return last if isinstance(end, StopIteration) else "no answer in time"
            last, failures = (reason, failures + 1) if reason else (last, 0)
            if not reason:
                write_atomic(folder / f"{gass}.jpg", raw)  # here, for a thread may be left in the middle
                del positions[gass]
                bar.update()
    return last


def _get(job: tuple) -> tuple[int, bytes, str]:
    """Get one picture, or the reason why not: nothing that a server sends raises."""
    session, service, gass, (ra, dec) = job
    try:
        raw = fetch(PICTURES[service].format(ra=ra, dec=dec), session=session)
        return gass, raw, picture_fault(raw, SIZE)
    except Exception as error:
        return gass, b"", why(error)
