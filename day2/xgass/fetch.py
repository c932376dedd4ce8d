"""Get files, bounded in bytes (in seconds by whoever waits: name look-ups have no time-out); write them."""

import hashlib
import os
from multiprocessing import TimeoutError as PoolTimeoutError
from pathlib import Path

import requests

from . import DataError

_XGASS = "https://xgass.icrar.org/assets/data/xGASS_representative_sample"
CATALOGUE = {  # the first that can be had is used; without a known hash, its content must do
    f"{_XGASS}.fits": "2b7ba7fc6202f6879fdfcce76f8f3d8fcf3d2effd677747275212c382be3deb4",
    f"{_XGASS}.ascii": None,
}
SIZE, SCALE = 224, 0.396  # px, arcsec/px (the native scale of SDSS): 88.7 arcsec hold every xGASS galaxy
_CUTOUT = (
    f"SkyServerWS/ImgCutout/getjpeg?ra={{ra:.6f}}&dec={{dec:.6f}}&scale={SCALE}&width={SIZE}&height={SIZE}"
)
_HIPS2FITS = (
    f"hips-image-services/hips2fits?hips=CDS/P/SDSS9/color&width={SIZE}&height={SIZE}"
    f"&fov={SIZE * SCALE / 3600:.6f}&projection=TAN&ra={{ra:.6f}}&dec={{dec:.6f}}&format=jpg"
)
PICTURES = {  # first, second, ... choice for each picture (RA, Dec in deg); all serve the SDSS imaging
    "SDSS SkyServer": f"https://skyserver.sdss.org/dr18/{_CUTOUT}",
    "SDSS SkyServer DR19": f"https://skyserver.sdss.org/dr19/{_CUTOUT}",  # as public code asks it in 2025
    "CDS hips2fits": f"https://alasky.cds.unistra.fr/{_HIPS2FITS}",
    "CDS hips2fits mirror": f"https://alaskybis.cds.unistra.fr/{_HIPS2FITS}",
    "Legacy Survey viewer": "https://www.legacysurvey.org/viewer/cutout.jpg"
    f"?ra={{ra:.6f}}&dec={{dec:.6f}}&layer=sdss&pixscale={SCALE}&size={SIZE}",
}
MAX_BYTES = 5_000_000  # the catalogue has 0.4 MB, a picture 10 kB; nothing larger is downloaded or read
TIMEOUT = (3.0, 15.0)  # s, to connect and between two pieces of an answer
HEADERS = {"User-Agent": "AstroHackWeek2022 (https://github.com/jwuphysics/AstroHackWeek2022)"}


def check_size(size: int, most: int = MAX_BYTES) -> None:
    """Raise `DataError` for a size (bytes) beyond all that the tutorial needs."""
    if size > most:
        raise DataError(f"larger than {most / 1e6:.0f} MB")


def fetch(url: str, sha256: str | None = None, session: requests.Session | None = None) -> bytes:
    """Get a file into memory; raises what requests raises, and `DataError` if it is too large or another."""
    raw = b""
    with (session or requests).get(url, stream=True, timeout=TIMEOUT, headers=HEADERS) as reply:
        reply.raise_for_status()
        for piece in reply.iter_content(65536):
            raw += piece
            check_size(len(raw))
    if sha256 and hashlib.sha256(raw).hexdigest() != sha256:
        raise DataError("not the file with the known hash")
    return raw


def why(error: Exception) -> str:
    """Say in a few words, without the paths of this machine, why a request or a file failed."""
    if isinstance(error, DataError):
        return str(error)
    if isinstance(error, requests.HTTPError):
        return f"HTTP {error.response.status_code}"
    if isinstance(error, (requests.Timeout, PoolTimeoutError)):
        return "no answer in time"
    if isinstance(error, (requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        return "no network connection" if isinstance(error, requests.ConnectionError) else "cut off"
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
