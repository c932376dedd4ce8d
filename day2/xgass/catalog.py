"""Find the catalogue of the tutorial, real or simulated, and say which one it is."""

import io
import os
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from .download import ASKED_BUDGET, AUTO_BUDGET, CATALOGUE, MAX_BYTES, DataError, download_catalogue
from .pictures import download_pictures, find_pictures

DATA = Path(__file__).resolve().parents[2] / "data"
COLUMNS = (
    "GASS RA DEC zSDSS Dlum lgMstar expAB_r model_r ext_r petrR50_r petrR90_r lgmust CINDX INCL "
    "NUVr SFR_best HIsrc lgMHI lgGF HIconf_flag"
).split()  # what the tutorial uses; data/README.md has units and sources
INTEGERS = ("GASS", "HIsrc")
N_GALAXIES = 1179
FIRST_MOCK_ID = 900_000  # real GASS ids are smaller, simulated ones larger
N_FAST, FAST_SEED = 300, 42
COMPLETE = 0.95  # share of the pictures below which the real universe is refused
N_SMOKE = 20  # pictures of real galaxies that are enough for a smoke test in the fast mode
MAX_COLUMNS, MAX_VALUE = 500, 1e6  # far beyond anything that a catalogue of these galaxies holds
BY_HAND = (
    "run `make data` when online, or get xGASS_representative_sample.fits from xgass.icrar.org by hand "
    "and put it into data/xgass or into a folder that XGASS_DATA names"
)


def load_catalog(source: str = "auto", images: bool = False) -> pd.DataFrame:
    """Load the galaxy catalogue and print one line that says which universe it comes from.

    ``"auto"`` takes the first that can be had: the folder named by the environment variable ``XGASS_DATA``,
    ``data/xgass``, a download into ``data/xgass`` (at most 10 s without a network), the simulated sample
    in ``data/mock``. A broken file in the folder that ``XGASS_DATA`` names is an error, since that folder was
    asked for; one in ``data/xgass`` is downloaded again.

    Parameters
    ----------
    source : {"auto", "xgass", "mock"}
        Which universe. ``"auto"`` is overridden by the environment variable ``XGASS_SOURCE``.
    images : bool
        Add a column ``image`` (path of the picture) and keep only the galaxies that have one. Unless the fast
        mode is on, pictures that are missing in ``data/xgass`` are downloaded (about 5 minutes, once). Below
        95 % of them the real data are refused; in the fast mode, 20 pictures are enough for a smoke test.

    Returns
    -------
    pandas.DataFrame
        One row per galaxy in the order of the file, indexed by ``GASS`` (int64), with the official column
        names and units of xGASS (see ``data/README.md``); missing values are -99 as published.
        ``df.attrs["source"]`` is ``"xgass"`` or ``"mock"``. With ``TUTORIAL_FAST=1`` in the environment a
        fixed subset of 300 galaxies.

    Raises
    ------
    DataError
        The source asked for cannot be had, or a file is not what its name says.

    References
    ----------
    Catinella et al. 2018, MNRAS 476, 875 (arXiv:1802.02373).
    """
    if source == "auto":
        source = os.environ.get("XGASS_SOURCE", "").strip() or "auto"
    if source not in ("auto", "xgass", "mock"):
        raise DataError(f'the source is "auto", "xgass" or "mock", not {source!r} (argument or XGASS_SOURCE)')
    if source == "mock":
        return _mock(images, "asked for")
    try:
        return _real(images, AUTO_BUDGET if source == "auto" else ASKED_BUDGET)
    except _Unavailable as error:
        if source == "auto":
            return _mock(images, str(error))
        raise DataError(f"the real xGASS data cannot be had: {error}. What to do: {BY_HAND}") from error


class _Unavailable(DataError):
    """The real data are not there, or not complete, and the next place may be tried."""


def _real(images: bool, budget: float) -> pd.DataFrame:
    """Try the places of the real data in their order; `_Unavailable` says what was wrong with each."""
    reasons = []
    named = os.environ.get("XGASS_DATA", "").strip()
    if named:
        folder = Path(named).expanduser()
        df = _read_folder(folder)  # a broken file is an error here: this folder was asked for
        try:
            if df is None:
                raise _Unavailable("no xGASS catalogue in that folder")
            return _announce(*_select(df, folder, images))
        except _Unavailable as error:
            reasons.append(f"XGASS_DATA: {error}")
    folder = DATA / "xgass"
    try:
        df = get_catalogue(budget)
        if images and not is_fast() and len(find_pictures(folder, df.index)) < COMPLETE * len(df):
            try:
                download_pictures(df, folder / "images")
            except DataError as error:  # what has arrived may be enough
                reasons.append(str(error))
        return _announce(*_select(df, folder, images), reasons)
    except DataError as error:
        raise _Unavailable("; ".join([*reasons, str(error)])) from error


def get_catalogue(budget: float) -> pd.DataFrame:
    """Read the real catalogue in ``data/xgass``, after a download if it is absent or broken."""
    folder = DATA / "xgass"
    try:
        df = _read_folder(folder)
        broken = ""
    except DataError as error:
        df, broken = None, f"{error}; "
    if df is None:
        try:
            df = read_catalogue(download_catalogue(folder, read_catalogue, budget))
        except DataError as error:
            raise DataError(f"{broken}the real catalogue could not be downloaded: {error}") from error
    return df


def _mock(images: bool, why: str) -> pd.DataFrame:
    """Read the simulated sample that comes with the tutorial."""
    path = DATA / "mock" / "catalog.csv"
    try:
        if not path.is_file():
            raise DataError("data/mock/catalog.csv is missing")
        df = read_catalogue(path, mock=True)
        return _announce(*_select(df, path.parent, images, mock=True), [why], mock=True)
    except DataError as error:
        raise DataError(f"{error}; `git checkout -- data/mock` brings it back ({why})") from error


def _select(
    df: pd.DataFrame, folder: Path, images: bool, mock: bool = False
) -> tuple[pd.DataFrame, str, str]:
    """Keep the galaxies of the fast mode and those with a picture; say in words how many they are."""
    total, chosen, words = len(df), df.index, ""
    if is_fast():
        chosen, words = fast_ids(df.index), ", TUTORIAL_FAST=1"
    if images:
        paths = find_pictures(folder, df.index)
        there = paths.index.intersection(chosen)
        if len(paths) >= COMPLETE * total or (is_fast() and len(there) >= COMPLETE * len(chosen)):
            words += ", those with a picture" if len(there) < len(chosen) else ""
        elif is_fast() and len(paths) >= N_SMOKE and not mock:
            there = fast_ids(paths.index)
            words += f", a smoke test with {len(there)} pictures"
        else:
            hint = "" if mock else ", `make data` gets the others"
            raise _Unavailable(f"only {len(paths)} of {total} pictures are there{hint}")
        df, chosen = df.assign(image=paths.reindex(df.index)), there
    df = df[df.index.isin(chosen)].copy()
    return df, f"{len(df)} of {total}" if len(df) < total else f"{total}", words


def _announce(
    df: pd.DataFrame, count: str, words: str, notes: list[str] | None = None, mock: bool = False
) -> pd.DataFrame:
    """Print the one line, and mark the table with its universe."""
    note = "; ".join(notes or [])
    if mock:
        print(f"Using the SIMULATED sample: {count} mock galaxies{words} ({note}).")
    else:
        note = f"; {note}" if note else ""
        print(f"Using the real xGASS catalogue: {count} galaxies{words} (Catinella et al. 2018){note}.")
    df.attrs["source"] = "mock" if mock else "xgass"
    return df


def is_fast() -> bool:
    """Tell whether ``TUTORIAL_FAST`` asks for the small, quick version of everything."""
    return os.environ.get("TUTORIAL_FAST", "").strip() not in ("", "0")


def fast_ids(ids: pd.Index) -> np.ndarray:
    """Choose the galaxies of the fast mode: the same from the same ids, in whatever order they come."""
    ids = np.sort(np.asarray(ids))
    return np.random.default_rng(FAST_SEED).choice(ids, size=min(N_FAST, len(ids)), replace=False)


def _read_folder(folder: Path) -> pd.DataFrame | None:
    """Read the first good catalogue of a folder; None if it has no such file, `DataError` if none is good."""
    first_error = None
    for source in CATALOGUE:
        path = folder / source.name
        try:
            if path.is_file():
                return read_catalogue(path)
        except DataError as error:
            first_error = first_error or error
    if first_error:
        raise first_error
    return None


def read_catalogue(path: Path, mock: bool = False) -> pd.DataFrame:
    """Read and verify one catalogue file: the whole right table, or an error that names the file.

    Parameters
    ----------
    path : Path
        A FITS table if it is named ``.fits``, else text: names of the columns (also behind a ``#``), then one
        line per galaxy, separated by blanks or commas. Further columns and any order are welcome.
    mock : bool
        Whether the file should hold simulated galaxies, which are told by their ids.

    Returns
    -------
    pandas.DataFrame
        Indexed by ``GASS``; integers as int64, numbers as float64 in native byte order, text as str.

    Raises
    ------
    DataError
        The file is not such a catalogue. At most 5 MB are read before this is known.
    """
    path = Path(path)
    try:
        with open(path, "rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {error.strerror}") from error
    if len(raw) > MAX_BYTES:
        raise DataError(f"{path.name} is larger than {MAX_BYTES / 1e6:.0f} MB: not the catalogue")
    if not raw.strip():
        raise DataError(f"{path.name} is empty")
    if raw.lstrip()[:1] == b"<":
        raise DataError(f"{path.name} is a web page (HTML), not a catalogue")
    try:
        df = _parse_fits(raw) if path.suffix == ".fits" else _parse_text(raw)
        return _verified(df, mock)
    except DataError as error:
        raise DataError(f"{path.name}: {error}") from error


def _parse_fits(raw: bytes) -> pd.DataFrame:
    from astropy.io import fits
    from astropy.table import Table

    if not raw.startswith(b"SIMPLE"):
        raise DataError("not a FITS file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fits.open(io.BytesIO(raw), disable_image_compression=True) as hdus:
                header = hdus[1].header
                size = header["NAXIS1"] * header["NAXIS2"]
                if size > len(raw) or header["TFIELDS"] > MAX_COLUMNS:
                    raise DataError("the table is cut off, or is not this catalogue")
                _check_rows(header["NAXIS2"])  # now: rows of no width need no bytes, only endless time
                # Of arrays of varying length all cells may claim the same bytes: gigabytes from a small file.
                varying = [c.name for c in hdus[1].columns if c.format.lstrip("0123456789")[:1] in "PQ"]
                if varying:
                    raise DataError(f"column {varying[0]} holds arrays of varying length: not this catalogue")
                # Notes of astropy make it build objects (coordinates) that pandas cannot hold.
                header.remove("COMMENT", ignore_missing=True, remove_all=True)
                table = Table.read(hdus[1])
        table.convert_bytestring_to_unicode()
        return table[[name for name in table.colnames if table[name].ndim == 1]].to_pandas()
    except DataError:
        raise
    except Exception as error:  # astropy raises a dozen kinds, from many depths, on broken files
        raise DataError(f"not a whole FITS table, perhaps cut off ({type(error).__name__})") from error


def _parse_text(raw: bytes) -> pd.DataFrame:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError("not a text file in ASCII or UTF-8") from error
    if "\0" in text:
        raise DataError("not a text file in ASCII or UTF-8: it has NUL bytes")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.endswith("\n"):
        raise DataError("cut off: the last line does not end")
    lines = [line for line in text.split("\n") if line.strip()]
    comments = [line.lstrip("# ") for line in lines if line.startswith("#")]
    lines = [line for line in lines if not line.startswith("#")]
    heads = [line for line in comments if "GASS" in line.replace(",", " ").split()]
    if not heads and not lines:
        raise DataError("nothing but comments")
    head = heads[-1] if heads else lines.pop(0)
    separator = "," if "," in head else None
    names = [name.strip() for name in head.split(separator, MAX_COLUMNS)]
    if len(names) > MAX_COLUMNS:
        raise DataError(f"more than {MAX_COLUMNS} columns: not this catalogue")
    if len(lines) > 10 * N_GALAXIES:
        raise DataError(f"{len(lines)} rows: not this catalogue")
    if "GASS" not in names:  # what was taken for the names may be a row of values
        raise DataError("columns are missing: no line names GASS and the others")
    rows = []
    for number, line in enumerate(lines, 1):
        row = [value.strip() for value in line.split(separator, MAX_COLUMNS)]
        if len(row) != len(names):
            raise DataError(f"row {number} has {len(row)} values for {len(names)} columns")
        rows.append(row)
    df = pd.DataFrame(rows, columns=names, dtype=object)
    if not df.columns.is_unique:
        raise DataError("a column name comes twice")
    for name in names:
        numbers = pd.to_numeric(df[name], errors="coerce")
        if df[name][numbers.isna()].str.strip("\"'").str.lower().isin(["", "nan", "null"]).all():
            df[name] = numbers
    return df.infer_objects()


def _check_rows(count: int) -> None:
    if count != N_GALAXIES:
        raise DataError(f"{count} rows, where the catalogue has {N_GALAXIES}")


def _verified(df: pd.DataFrame, mock: bool) -> pd.DataFrame:
    """Check names, types, values and ids; return the table indexed by ``GASS``."""
    missing = [name for name in COLUMNS if name not in df]
    if missing:
        raise DataError(f"columns are missing: {', '.join(missing)}")
    _check_rows(len(df))
    for name in COLUMNS:
        if df[name].dtype.kind not in "iuf":
            raise DataError(f"column {name} is not numeric")
        values = df[name].to_numpy(dtype=np.float64)
        if not (np.abs(values) <= MAX_VALUE).all():  # NaN is not, either
            raise DataError(f"column {name} has values that are not finite or absurdly large")
        if name in INTEGERS and (values != np.round(values)).any():
            raise DataError(f"column {name} has values that are not whole numbers")
    ids = df["GASS"].astype(np.int64)
    if ids.duplicated().any():
        raise DataError(f"GASS {ids[ids.duplicated()].iloc[0]} comes twice")
    if (ids < 1).any() or ((ids >= FIRST_MOCK_ID) != mock).any():
        told = "real galaxies in the simulated sample" if mock else "simulated galaxies in a real catalogue"
        raise DataError(f"ids that cannot be: {told}")
    if not (df["RA"].between(0, 360) & df["DEC"].between(-90, 90)).all():
        raise DataError("RA or DEC is not a position in degrees")
    return df.assign(**{name: _native(df[name]) for name in df}).set_index("GASS")


def _native(column: pd.Series) -> pd.Series:
    """Give a column the same type whatever file it came from: int64, float64 or text."""
    if column.dtype == np.float32:  # FITS: by way of the decimal number, so that 3.11 stays 3.11
        column = column.astype("str").astype(np.float64)
    if column.name in COLUMNS:
        return column.astype(np.int64 if column.name in INTEGERS else np.float64)
    if column.dtype.kind not in "iu" or column.isna().any() or column.max() > np.iinfo(np.int64).max:
        return column  # whole numbers that int64 does not hold stay as they were
    return column.astype(np.int64)
