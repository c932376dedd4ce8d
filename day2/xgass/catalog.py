"""Find the catalogue of the tutorial, real or simulated, and say which one it is."""

import gzip
import io
import os
import re
import time
import warnings
from multiprocessing.pool import ThreadPool
from pathlib import Path

import numpy as np
import pandas as pd
from astropy.io import ascii, fits

from . import DATA, DataError, is_fast
from .fetch import CATALOGUE, MAX_BYTES, check_size, fetch, why, write_atomic
from .pictures import download_pictures, find_pictures, unpack_archive

COLUMNS = {  # what the tutorial uses, and the values that can be; data/README.md has units and sources
    "GASS": (1, 999_999), "RA": (0, 360), "DEC": (-90, 90), "zSDSS": (0, 1), "Dlum": (0, 10_000),
    "lgMstar": (6, 13), "expAB_r": (0, 1), "model_r": (5, 25), "ext_r": (0, 5), "petrR50_r": (0, 200),
    "petrR90_r": (0, 200), "lgmust": (4, 12), "CINDX": (1, 10), "INCL": (0, 90), "NUVr": (-5, 15),
    "SFR_best": (0, 1000), "HIsrc": (1, 4), "lgMHI": (5, 13), "lgGF": (-5, 3), "HIconf_flag": (0, 1),
}  # fmt: skip
INTEGERS, MISSING, MAY_BE_MISSING = ["GASS", "HIsrc"], -99.0, ["NUVr", "SFR_best", "HIconf_flag"]
N_GALAXIES, N_FAST, FAST_SEED, MAX_COLUMNS = 1179, 300, 42, 500
FIRST_MOCK_ID = 900_000  # real GASS ids are smaller, simulated ones larger
COMPLETE = 0.95  # share of the pictures below which a universe is refused
SECONDS = {"auto": 9.0, "xgass": 120.0}  # for the network to answer; unasked, less than the promised 10
STEM = "xGASS_representative_sample"
WAYS_OUT = {
    "data/mock": "`git checkout -- data/mock`, or download the tutorial again",
    "XGASS_DATA": "put that right, unset XGASS_DATA (then data/xgass is taken), or set XGASS_SOURCE=mock",
    "the real catalogue": f"run `make data` online, or put {STEM}.fits from xgass.icrar.org into data/xgass",
}


def load_catalog(source: str = "auto", images: bool = False) -> pd.DataFrame:
    """Load the galaxy catalogue and print one line that says which universe it comes from.

    Parameters
    ----------
    source : {"auto", "xgass", "mock"}
        Which universe. ``XGASS_SOURCE`` overrides "auto", which takes the folder or file that ``XGASS_DATA``
        names, else the first that can be had: ``data/xgass``, a download into it, ``data/mock``.
    images : bool
        Add a column ``image`` (path of the picture) and keep only the galaxies that have one. What is missing
        or spoilt in ``data/xgass`` is downloaded first (5 minutes, once), but not in the fast mode.

    Returns
    -------
    pandas.DataFrame
        A row per galaxy (300 with ``TUTORIAL_FAST=1``) by ``GASS``; columns, units and their sources as in
        ``data/README.md``, missing values -99; ``attrs["source"]`` is "xgass" or "mock".

    Raises
    ------
    DataError
        What was asked for, by `source` or by a variable, cannot be had; or fewer than 95 % of the pictures.
    """
    source = (os.environ.get("XGASS_SOURCE", "").strip() or source) if source == "auto" else source
    if source not in ("auto", "xgass", "mock"):
        raise DataError(f'the source is "auto", "xgass" or "mock", not {source!r} (argument or XGASS_SOURCE)')
    df, line = _find(source, os.environ.get("XGASS_DATA", "").strip(), images)
    print(line)
    return df


def _find(source: str, named: str, images: bool, note: str = "asked for") -> tuple[pd.DataFrame, str]:
    """Return the table and the line that says where it is from."""
    place = "data/mock" if source == "mock" else "XGASS_DATA" if named else "the real catalogue"
    try:
        if source == "mock":
            return _chosen(_read(DATA / "mock" / "catalog.csv", True), DATA / "mock", images, note, mock=True)
        if named:
            path = _file_in(Path(os.path.expanduser(named)))
            return _chosen(_read(path), path.parent, images)
        return real_universe(images, SECONDS[source])
    except DataError as error:
        if source == "auto" and not named:
            return _find("mock", "", images, str(error))
        raise DataError(f"{place} cannot be used: {error}. What to do: {WAYS_OUT[place]}") from error


def real_universe(images: bool, seconds: float, enough: float = COMPLETE) -> tuple[pd.DataFrame, str]:
    """Read ``data/xgass`` after a download of what is missing; of pictures, below the share `enough`.

    The network has `seconds` (s) to answer. Returns the table and the line to print; raises `DataError`.
    """
    folder, notes = DATA / "xgass", []
    df, begun = _real_catalogue(folder, seconds), time.monotonic()
    for get in (unpack_archive, download_pictures) if images and not is_fast() else ():
        found, spoilt = find_pictures(folder / "images", df.index)
        if spoilt or len(found) < enough * len(df):
            left = max(seconds / 2, seconds - (time.monotonic() - begun))
            notes.append(get(df.drop(found.index), folder / "images", left))
    return _chosen(df, folder, images, *notes)


def _chosen(df: pd.DataFrame, folder: Path, images: bool, *notes: str, mock: bool = False) -> tuple:
    """Keep the galaxies of the fast mode and those with a picture; say in a line what they are."""
    total, words, notes = len(df), "", [*filter(None, notes)]
    if is_fast():
        subset = np.random.default_rng(FAST_SEED).choice(np.sort(df.index), size=N_FAST, replace=False)
        df, words = df[df.index.isin(subset)], ", TUTORIAL_FAST=1"
    if images:
        paths, spoilt = find_pictures(folder / "images", df.index)
        notes += [f"{spoilt} spoilt pictures count as missing"] if spoilt else []
        if len(paths) < COMPLETE * len(df):
            few = f"only {len(paths)} of {len(df)} pictures images/<GASS>.jpg (.jpeg, .JPG) are there"
            raise DataError("; ".join([f"{few}, {COMPLETE:.0%} are needed", *notes]))
        words += ", those with a picture" if len(paths) < len(df) else ""
        df = df.loc[paths.index].assign(image=paths)
    df = df.copy()
    df.attrs["source"] = "mock" if mock else "xgass"
    count = f"{len(df)} of {total}" if len(df) < total else total
    if mock:
        return df, f"Using the SIMULATED sample: {count} mock galaxies{words} ({'; '.join(notes)})."
    credit = "; ".join(["Catinella et al. 2018", *notes])
    return df, f"Using the real xGASS catalogue: {count} galaxies{words} ({credit})."


def _real_catalogue(folder: Path, seconds: float) -> pd.DataFrame:
    """Read the catalogue in a folder, after a download (`seconds` at most) of a good one if it has none."""
    deadline, reasons, path = time.monotonic() + seconds, [], _file_in(folder)
    try:
        return _read(path)
    except DataError as error:
        reasons += [str(error)] if path.exists() else []
    with ThreadPool(len(CATALOGUE)) as pool:
        jobs = {url: pool.apply_async(fetch, (url, sha256)) for url, sha256 in CATALOGUE.items()}
        for url, job in jobs.items():
            what = url.split("/")[2]
            try:
                raw = job.get(max(0.0, deadline - time.monotonic()))
                df = _read(raw)
                what = f"data/{folder.name} cannot be written"
                write_atomic(folder / Path(url).name, raw)
                return df
            except Exception as error:  # whatever the answer of a server can lead to
                reasons.append(f"{what}: {why(error)}")
    raise DataError("; ".join(dict.fromkeys(reasons)))


def _file_in(place: Path) -> Path:
    """Return the catalogue of a folder, of any format and spelling, FITS first; or the file itself."""
    paths = [path for path in place.glob("*") if path.name.lower().startswith(f"{STEM.lower()}.")]
    none = place / f"{STEM}.fits (or .fits.gz, .ascii, .csv, .ecsv)" if place.is_dir() else place
    return min(paths, key=lambda p: (".fit" not in p.name.lower(), p.suffix == ".readme", p), default=none)


def _read(source: Path | bytes, mock: bool = False) -> pd.DataFrame:
    """Read the 20 columns of FITS or text, as the content tells, and verify them; errors name the file."""
    name = f"{source.name}: " if isinstance(source, Path) else ""
    try:
        if isinstance(source, Path):
            check_size(source.stat().st_size)
            source = source.read_bytes()
        if source.startswith(b"\x1f\x8b"):
            source = gzip.GzipFile(fileobj=io.BytesIO(source)).read(MAX_BYTES + 1)
        check_size(len(source))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of astropy: what is wrong is said below
            return _verified(_fits(source) if source.startswith(b"SIMPLE") else _text(source), mock)
    except Exception as error:  # astropy raises a dozen kinds, from many depths, on broken files
        reason = str(error) if isinstance(error, DataError) else getattr(error, "strerror", "")
        unknown = f"no whole table, perhaps cut off ({type(error).__name__})"
        raise DataError(f"{name}{reason or unknown}") from error


def _fits(raw: bytes) -> dict[str, np.ndarray]:
    """Take the columns of the tutorial from the first table; others are not looked at."""
    with fits.open(io.BytesIO(raw)) as hdus:
        columns, rows = hdus[1].columns, hdus[1].header["NAXIS2"]
        _check_shape(columns.names, rows)  # rows of no width need no bytes, only endless time
        for name in COLUMNS:  # numbers only: arrays of varying length (P, Q) claim gigabytes in a small file
            if not re.fullmatch("1?[BIJKED]", columns[name].format):
                raise DataError(f"column {name} is not numeric")
        data = hdus[1].data
        return {name: np.ma.masked_where(data[name] == columns[name].null, data[name]) for name in COLUMNS}


def _text(raw: bytes) -> dict[str, np.ndarray]:
    """Take the columns of the tutorial from a text; the head may be a comment."""
    if not raw.strip():
        raise DataError("the file is empty")
    if raw.lstrip().startswith(b"<"):
        votable = f'a VOTable; save it as FITS, e.g. Table.read(...).write("{STEM}.fits")'
        raise DataError(votable if b"<VOTABLE" in raw[:5000] else "a web page (HTML), not a catalogue")
    if b"\0" in raw:
        raise DataError("neither a FITS table nor text (NUL bytes)")
    if raw[-1:] not in b"\r\n":
        raise DataError("cut off: the last line does not end")
    text = raw.decode("utf-8-sig", errors="replace").replace("\t", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    words = re.compile(r"[^\s,\"'#]+").findall
    head = max(lines[:1000], key=lambda line: len({*COLUMNS} & {*words(line)}))
    rows = [line for line in lines if line[0] != "#" and line != head]
    _check_shape(words(head), len(rows))
    form = {"format": "basic", "guess": False, "delimiter": "," if "," in head else " "}
    table = ascii.read([head.lstrip("# "), *rows], include_names=[*COLUMNS], **form)
    return {name: np.ma.asanyarray(table[name]) for name in COLUMNS}


def _check_shape(names: list[str], rows: int) -> None:
    if wrong := [name for name in COLUMNS if names.count(name) != 1]:
        raise DataError(f"columns are missing or come twice: {', '.join(wrong)}")
    if rows != N_GALAXIES or len(names) > MAX_COLUMNS:
        raise DataError(f"{rows} rows of {len(names)} columns; the catalogue has {N_GALAXIES} rows")


def _verified(arrays: dict[str, np.ndarray], mock: bool) -> pd.DataFrame:
    """Check types, values and ids; return the table indexed by ``GASS``."""
    for name, values in arrays.items():
        if values.dtype.kind not in "iuf":
            raise DataError(f"column {name} is not numeric")
        if values.dtype.str.endswith("f4"):  # by way of the decimal number, so that 3.11 stays 3.11
            arrays[name] = values.astype(str)
    df = pd.DataFrame({name: values.astype(float).filled(np.nan) for name, values in arrays.items()})
    df[MAY_BE_MISSING] = df[MAY_BE_MISSING].fillna(
        MISSING
    )  # as published; other programs made something else of it
    good = df.ge([low for low, _ in COLUMNS.values()]) & df.le([high for _, high in COLUMNS.values()])
    good[MAY_BE_MISSING] |= df[MAY_BE_MISSING] == MISSING
    good[INTEGERS] &= df[INTEGERS] % 1 == 0
    good["GASS"] &= (df["GASS"] >= FIRST_MOCK_ID) == mock  # real labels never meet simulated pictures
    for column, row in np.argwhere(~good.to_numpy().T)[:1]:
        wrong = f"{df.iloc[row, column]:g} in row {row + 1}"
        raise DataError(f"column {df.columns[column]} has a value that cannot be: {wrong}")
    if df["GASS"].duplicated().any():
        raise DataError(f"GASS {df['GASS'][df['GASS'].duplicated()].iloc[0]:.0f} comes twice")
    return df.astype(dict.fromkeys(INTEGERS, np.int64)).set_index("GASS")
