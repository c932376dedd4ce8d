"""Get the xGASS catalogue from its official site: bounded in time, resumable, verified before it counts."""

import os
import queue
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pooch
import requests
from tqdm.auto import tqdm


class Source(NamedTuple):
    """One thing that comes from the network: its name, address, known hash (or None) and credit."""

    name: str
    url: str
    sha256: str | None
    credit: str


XGASS_CREDIT = "no licence stated; cite Catinella et al. 2018, MNRAS 476, 875"
SDSS_CREDIT = "SDSS imaging, CC-BY, credit: Sloan Digital Sky Survey"

# The first file that can be had is used. A file without a known hash is verified by its content alone.
CATALOGUE = (
    Source(
        "xGASS_representative_sample.fits",
        "https://xgass.icrar.org/assets/data/xGASS_representative_sample.fits",
        "2b7ba7fc6202f6879fdfcce76f8f3d8fcf3d2effd677747275212c382be3deb4",
        XGASS_CREDIT,
    ),
    Source(
        "xGASS_representative_sample.ascii",
        "https://xgass.icrar.org/assets/data/xGASS_representative_sample.ascii",
        None,
        XGASS_CREDIT,
    ),
)

# First, second and third choice for each picture; the CDS has a mirror. All four serve the SDSS imaging.
_HIPS2FITS = (
    "hips-image-services/hips2fits?hips=CDS/P/SDSS9/color&width={size}&height={size}"
    "&fov={fov}&projection=TAN&ra={ra}&dec={dec}&format=jpg"
)
PICTURES = (
    Source(
        "SDSS SkyServer",
        "https://skyserver.sdss.org/dr18/SkyServerWS/ImgCutout/getjpeg"
        "?ra={ra}&dec={dec}&scale={scale}&width={size}&height={size}",
        None,
        SDSS_CREDIT,
    ),
    Source("CDS hips2fits", f"https://alasky.cds.unistra.fr/{_HIPS2FITS}", None, SDSS_CREDIT),
    Source("CDS hips2fits mirror", f"https://alaskybis.cds.unistra.fr/{_HIPS2FITS}", None, SDSS_CREDIT),
    Source(
        "Legacy Survey viewer",
        "https://www.legacysurvey.org/viewer/cutout.jpg?ra={ra}&dec={dec}&layer=sdss&pixscale={scale}&size={size}",
        None,
        SDSS_CREDIT,
    ),
)

MAX_BYTES = 5_000_000  # the catalogue has 0.4 MB; nothing larger is downloaded or read
AUTO_BUDGET = 9.0  # s, for everything, when the reader did not ask for a download: under the promised 10 s
ASKED_BUDGET = 120.0  # s, when the real data were asked for by name
CONNECT_TIMEOUT, READ_TIMEOUT = 3.0, 4.0  # s; so that a silent server leaves time for the next address
STALE = 10.0  # s without a new byte (more than READ_TIMEOUT): nobody is writing that partial file any more


class DataError(RuntimeError):
    """The data cannot be had or are not what they should be; the message says what to do."""


def download_catalogue(
    folder: Path,
    check: Callable[[Path], object],
    budget: float = AUTO_BUDGET,
    files: tuple[Source, ...] = CATALOGUE,
) -> Path:
    """Download the catalogue into a folder.

    The bytes go to a file of this process alone in ``folder/.download`` and replace nothing until they are
    complete, have the known hash and pass `check`. The next call goes on from what an interrupted one got.

    Parameters
    ----------
    folder : Path
        Where the file goes; made if absent.
    check : callable
        Takes the path of the new file, raises `DataError` if it is not a good catalogue.
    budget : float
        Seconds for all of it. What has arrived by then is kept and the next call goes on from there.
    files : tuple of Source
        What to try, in this order.

    Returns
    -------
    Path
        The new file in `folder`.

    Raises
    ------
    DataError
        No file could be had: what was tried, and why it failed.
    """
    deadline = time.monotonic() + budget
    work = Path(folder) / ".download"
    try:
        work.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=work).close()
    except OSError as error:
        raise DataError(f"data/{Path(folder).name} cannot be written: {why_not(error)}") from error
    reasons = []
    for source in files:
        for _attempt in range(2):
            resumed, reason = _try_one(source, folder, work, check, deadline)
            if reason is None:
                _tidy(work)
                return Path(folder) / source.name
            if not resumed:  # a resumed file may be a mixture: once more from the start
                break
        if reason not in reasons:
            reasons.append(reason)
        if time.monotonic() > deadline:
            break
    _tidy(work)
    raise DataError("; ".join(reasons))


def _try_one(
    source: Source, folder: Path, work: Path, check: Callable, deadline: float
) -> tuple[bool, str | None]:
    """Try one file once; return whether it went on from a partial file, and why it failed (or None)."""
    resumed = False

    def downloader(url: str, output: str, _pooch: object) -> None:
        nonlocal resumed
        part = work / f"{source.name}.{uuid.uuid4().hex}.part"
        resumed = _claim(work, source.name, part)
        try:
            within(deadline, _stream, url, part)
        except DataError:
            part.unlink(missing_ok=True)
            raise
        except BaseException:
            if part.exists():
                os.utime(part, (0, 0))  # free for the next one, see _claim
            raise
        os.replace(part, output)

    host = urlsplit(source.url).hostname
    pooch.get_logger().setLevel("WARNING")
    fname = f"{uuid.uuid4().hex}-{source.name}"  # the name of this process alone; the suffix tells the format
    new = work / fname
    try:
        pooch.retrieve(source.url, source.sha256, fname=fname, path=work, downloader=downloader)
        check(new)
        os.replace(new, Path(folder) / source.name)
        return resumed, None
    except requests.HTTPError as error:
        return False, f"{host} answers {error.response.status_code} for {source.name}"
    except TimeoutError:
        return False, f"{host} did not deliver in time"
    except requests.Timeout:
        return False, f"{host} does not answer"
    except requests.ConnectionError:
        return False, f"no network connection to {host}"
    except requests.RequestException as error:
        return False, f"{host}: {type(error).__name__}"
    except DataError as error:
        return resumed, f"what {host} sends is refused: {str(error).replace(fname, source.name)}"
    except ValueError:  # pooch: the hash differs
        return resumed, f"what {host} sends as {source.name} does not have the known hash"
    except OSError as error:  # a full disk, for example
        return False, f"{source.name} could not be written: {why_not(error)}"
    finally:
        new.unlink(missing_ok=True)


def why_not(error: OSError) -> str:
    """Say what was wrong with a file, without the path on this machine."""
    return error.strerror or type(error).__name__


def _claim(work: Path, name: str, part: Path) -> bool:
    """Take over a partial file that nobody writes any more; False if there is none."""
    for old in work.glob(f"{name}.*.part"):
        try:
            if time.time() - old.stat().st_mtime > STALE:
                os.utime(old)  # first: under its new name it must not look abandoned
                os.rename(old, part)  # of two processes only one succeeds
                return True
        except OSError:
            continue
    return False


def _tidy(work: Path) -> None:
    """Remove what killed processes left more than an hour ago."""
    for old in work.glob("*"):
        try:
            if 3600 < time.time() - old.stat().st_mtime < 1e9:  # a released partial file has the time 0
                old.unlink()
        except OSError:
            continue


def write_atomic(path: Path, raw: bytes) -> None:
    """Write a file whole or not at all, also when the process is killed or the disk is full."""
    new = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with open(new, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    finally:
        new.unlink(missing_ok=True)


def first_answer(urls: list[str], budget: float) -> None:
    """Return as soon as one of the servers answers anything; `DataError` if none does in `budget` seconds."""
    answers: queue.Queue[bool] = queue.Queue()

    def ask(url: str) -> None:
        answered = False
        try:
            requests.head(url, timeout=(CONNECT_TIMEOUT, READ_TIMEOUT)).close()
            answered = True
        except (requests.RequestException, OSError):
            pass
        finally:
            answers.put(answered)

    deadline = time.monotonic() + budget
    for url in urls:
        threading.Thread(target=ask, args=(url,), daemon=True).start()
    for _ in urls:
        try:
            if answers.get(timeout=max(0.0, deadline - time.monotonic())):
                return
        except queue.Empty:
            break
    hosts = ", ".join(str(urlsplit(url).hostname) for url in urls)
    raise DataError(f"no network, or none of these answers: {hosts}")


def within(deadline: float, function: Callable, *args: object) -> None:
    """Run a function in a thread until it ends or the deadline passes: a name look-up has no time-out."""
    stop = threading.Event()
    errors: list[BaseException] = []

    def run() -> None:
        try:
            function(*args, stop)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        thread.join(max(0.0, deadline - time.monotonic()))
    finally:
        stop.set()
    if errors:
        raise errors[0]
    if thread.is_alive():
        raise TimeoutError


def _stream(url: str, part: Path, stop: threading.Event) -> None:
    """Append to `part` what is missing of `url`, until `stop` is set."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={have}-"} if have else {})}
    with requests.get(url, headers=headers, stream=True, timeout=(CONNECT_TIMEOUT, READ_TIMEOUT)) as reply:
        if reply.status_code == 416:  # nothing behind what we have: the hash or the content will tell
            return
        reply.raise_for_status()
        goes_on = reply.status_code == 206
        if goes_on and not reply.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            raise DataError("another part of the file than the one asked for")
        size = have if goes_on else 0
        length = reply.headers.get("Content-Length", "")
        total = size + int(length) if length.isdigit() else None
        if stop.is_set():
            return
        bar = tqdm(desc="xGASS", total=total, initial=size, unit="B", unit_scale=True, leave=False)
        with bar, open(part, "ab" if goes_on else "wb") as out:
            for chunk in reply.iter_content(16384):
                size += len(chunk)
                if stop.is_set():
                    return
                if size > MAX_BYTES:
                    raise DataError(f"larger than {MAX_BYTES / 1e6:.0f} MB")
                out.write(chunk)
                out.flush()
                bar.update(len(chunk))
            os.fsync(out.fileno())
        if total is not None and size < total:  # older urllib3 does not notice
            raise requests.ConnectionError
