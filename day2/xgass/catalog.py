"""Find the catalog of the tutorial, real or simulated, and say which one it is."""

import os
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from . import DATA, STEM, DataError, is_fast
from .fetch import check_size, fetch_in_time, host_of, why, write_atomic
from .pictures import download_pictures, find_pictures, unpack_archive
from .table import N_GALAXIES, read_catalog
from .words import cannot_be_used, universe_line

_XGASS = f"https://xgass.icrar.org/assets/data/{STEM}"
CATALOG = {  # the first that can be had is used; without a known hash, its content must do
    f"{_XGASS}.fits": "2b7ba7fc6202f6879fdfcce76f8f3d8fcf3d2effd677747275212c382be3deb4",
    f"{_XGASS}.ascii": None,
}
N_FAST = 300
FAST_SEED = 42
COMPLETE = 0.95  # share of the pictures below which a universe is refused
SECONDS = {"auto": 9.0, "xgass": 120.0}  # for the network to answer; unasked, less than the promised 10


def load_catalog(source: str = "auto", images: bool = False) -> pd.DataFrame:
    """Load the galaxy catalog and print one line that says which universe it comes from.

    Parameters
    ----------
    source : {"auto", "xgass", "mock"}
        Which universe. ``XGASS_SOURCE`` overrides "auto", which takes the folder or file that ``XGASS_DATA``
        names, else the first that can be had: ``data/xgass``, a download into it, ``data/mock``.
    images : bool
        Add a column ``image`` (path of the picture) and keep only the galaxies that have one. What is missing
        or spoiled in ``data/xgass`` is downloaded first (5 minutes, once), but not in the fast mode.

    Returns
    -------
    pandas.DataFrame
        A row per galaxy (300 with ``TUTORIAL_FAST=1``) by ``GASS``; columns, units and their sources as in
        ``data/README.md``, missing values -99. ``attrs["source"]`` is "xgass" or "mock";
        ``attrs["n_missing"]`` counts the galaxies that were left out for want of a good picture,
        ``attrs["n_spoiled"]`` those among them whose picture is spoiled; both are 0 without `images`.

    Raises
    ------
    DataError
        What was asked for, by `source` or by a variable, cannot be had; or fewer than 95 % of the pictures.
    """
    if source == "auto":
        source = os.environ.get("XGASS_SOURCE", "").strip() or "auto"
    if source not in ("auto", "xgass", "mock"):
        raise DataError(f'the source is "auto", "xgass" or "mock", not {source!r} (argument or XGASS_SOURCE)')
    named = os.environ.get("XGASS_DATA", "").strip()
    if source == "mock":
        return _load_simulated(images, "as chosen")
    if named:
        return _load_named(Path(named).expanduser(), images)
    try:
        return load_real(images, SECONDS[source])
    except DataError as error:
        if source == "xgass":
            raise DataError(cannot_be_used("the real catalog", error)) from error
        return _load_simulated(images, str(error))


def _load_simulated(images: bool, reason: str) -> pd.DataFrame:
    """Load ``data/mock`` and print its line, which says the reason."""
    return _announced(simulated_universe(images, is_fast()), [reason])


def simulated_universe(images: bool, fast: bool = False) -> pd.DataFrame:
    """Read ``data/mock``, all of it or (`fast`) 300 galaxies; print nothing. Raises `DataError`."""
    folder = DATA / "mock"
    try:
        table = _read_file(folder / "catalog.csv", mock=True)
        return _chosen(table, folder, "mock", images, fast)
    except DataError as error:
        raise DataError(cannot_be_used("data/mock", error)) from error


def _load_named(path: Path, images: bool) -> pd.DataFrame:
    """Load the folder or file that ``XGASS_DATA`` names, and print its line."""
    folder = path.parent if path.is_file() else path
    try:
        table = _read_first_good(catalog_files(path))
        table = _chosen(table, folder, "xgass", images, is_fast())
    except DataError as error:
        raise DataError(cannot_be_used("XGASS_DATA", error)) from error
    return _announced(table, [])


def load_real(images: bool, seconds: float, enough: float = COMPLETE) -> pd.DataFrame:
    """Load ``data/xgass`` after a download of what is missing, and print its line.

    Pictures are downloaded if some are spoiled, or fewer than the share `enough` are there. The network has
    `seconds` (s) to answer. Raises `DataError` if the catalog, or 95 % of the pictures, cannot be had.
    """
    folder = DATA / "xgass"
    begun = time.monotonic()
    table = _real_catalog(folder, seconds)
    notes = []
    if images and not is_fast():
        left = max(seconds / 2, seconds - (time.monotonic() - begun))
        notes = _complete(table, folder, left, enough)
    try:
        return _announced(_chosen(table, folder, "xgass", images, is_fast()), notes)
    except DataError as error:
        raise DataError("; ".join([str(error), *notes])) from error


def _complete(table: pd.DataFrame, folder: Path, seconds: float, enough: float) -> list[str]:
    """Download pictures that are missing, from the archive, then from the services; return what failed."""
    notes = []
    for get in (unpack_archive, partial(download_pictures, seconds=seconds)):
        found, n_spoiled = find_pictures(folder / "images", table.index)
        if not n_spoiled and len(found) >= enough * len(table):
            break
        try:
            get(table.drop(found.index), folder / "images")
        except DataError as error:
            notes.append(str(error))
    return notes


def _chosen(table: pd.DataFrame, folder: Path, source: str, images: bool, fast: bool) -> pd.DataFrame:
    """Keep the galaxies of the fast mode and those with a picture; raise if too few have one."""
    if fast:
        subset = np.random.default_rng(FAST_SEED).choice(np.sort(table.index), size=N_FAST, replace=False)
        table = table[table.index.isin(subset)]
    n_spoiled = n_missing = 0
    if images:
        paths, n_spoiled = find_pictures(folder / "images", table.index)
        n_missing = len(table) - len(paths)
        if len(paths) < COMPLETE * len(table):
            few = f"only {len(paths)} of {len(table)} pictures images/<GASS>.jpg (.jpeg, .JPG) are there"
            spoiled = f"; {n_spoiled} spoiled pictures count as missing" if n_spoiled else ""
            raise DataError(f"{few}, {COMPLETE:.0%} are needed{spoiled}")
        table = table.loc[paths.index].assign(image=paths)
    table = table.copy()
    table.attrs.update(source=source, n_missing=n_missing, n_spoiled=n_spoiled)
    return table


def _announced(table: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Print the line that belongs to a table; return the table."""
    print(universe_line(table, N_GALAXIES, is_fast(), notes))
    return table


def _real_catalog(folder: Path, seconds: float) -> pd.DataFrame:
    """Read the catalog in a folder, after a download (`seconds` at most) of a good one if it has none."""
    deadline = time.monotonic() + seconds
    reasons = []
    if folder.is_dir():
        try:
            return _read_first_good(catalog_files(folder))
        except DataError as error:
            reasons.append(str(error))
    for position, (url, sha256) in enumerate(CATALOG.items()):
        tries_left = len(CATALOG) - position
        allowed = max(0.0, deadline - time.monotonic()) / tries_left
        try:
            raw = fetch_in_time(url, allowed, sha256)
        except DataError as error:
            reasons.append(str(error))
            continue
        try:
            table = read_catalog(raw, mock=False)
            write_atomic(folder / Path(url).name, raw)
            return table
        except DataError as error:
            reasons.append(f"{host_of(url)}: {error}")
        except OSError as error:
            reasons.append(f"data/{folder.name} cannot be written: {why(error)}")
    raise DataError("; ".join(dict.fromkeys(reasons)))


def catalog_files(path: Path) -> list[Path]:
    """Return the catalogs of a folder, of any format and spelling, FITS first; or the file itself.

    Raises
    ------
    DataError
        The folder has none, or there is nothing.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise DataError(f"{path.name}: No such file or directory")
    files = [file for file in path.iterdir() if file.name.lower().startswith(f"{STEM.lower()}.")]
    files = [file for file in files if file.suffix != ".readme"]
    if not files:
        raise DataError(f"{STEM}.fits (or .fits.gz, .ascii, .csv, .ecsv): No such file or directory")
    fits_first = sorted(files, key=lambda file: (".fit" not in file.name.lower(), file.name))
    return fits_first


def _read_first_good(paths: list[Path]) -> pd.DataFrame:
    """Read the first of several files that is a good catalog; if none is, the error is that of the first."""
    errors = []
    for path in paths:
        try:
            return _read_file(path)
        except DataError as error:
            errors.append(error)
    raise errors[0]


def _read_file(path: Path, mock: bool = False) -> pd.DataFrame:
    """Read and verify a file; errors name it."""
    try:
        check_size(path.stat().st_size)
        return read_catalog(path.read_bytes(), mock)
    except OSError as error:
        raise DataError(f"{path.name}: {why(error)}") from error
    except DataError as error:
        raise DataError(f"{path.name}: {error}") from error
