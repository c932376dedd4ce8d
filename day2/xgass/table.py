"""From the bytes of a file to the verified catalog; nothing here opens, asks or prints."""

import gzip
import io
import re
import warnings

import numpy as np
import pandas as pd
from astropy.io import ascii, fits

from . import STEM, DataError
from .fetch import MAX_BYTES, check_size

COLUMNS = {  # what the tutorial uses, and the values that can be; data/README.md has units and sources
    "GASS": (1, 999_999), "RA": (0, 360), "DEC": (-90, 90), "zSDSS": (0, 1), "Dlum": (0, 10_000),
    "lgMstar": (6, 13), "expAB_r": (0, 1), "model_r": (5, 25), "ext_r": (0, 5), "petrR50_r": (0, 200),
    "petrR90_r": (0, 200), "lgmust": (4, 12), "CINDX": (1, 10), "INCL": (0, 90), "NUVr": (0.1, 15),
    "SFR_best": (1e-6, 1000), "HIsrc": (1, 4), "lgMHI": (5, 13), "lgGF": (-5, 3), "HIconf_flag": (0, 1),
}  # fmt: skip
INTEGERS = ["GASS", "HIsrc"]
MISSING = -99.0  # as published
MAY_BE_MISSING = ["NUVr", "SFR_best", "HIconf_flag"]
N_GALAXIES = 1179
BLANK = ("", "nan", "na", "n/a", "null", "none", "<na>", "--")  # how programs write that there is no value
MAX_COLUMNS = 500
FIRST_MOCK_ID = 900_000  # real GASS ids are smaller, simulated ones larger
# The FITS formats of a column with one number per row. No other is read: arrays of varying length (P, Q)
# claim gigabytes in a small file.
IN_A_BINARY_TABLE = r"1?[BIJKED]"  # B, I, J, K are integers; E, D are floats
IN_A_TEXT_TABLE = r"[IFED]\d+(\.\d+)?"  # its width, and digits behind the point: I6, F8.3, D25.17
ONE_NUMBER = re.compile(f"{IN_A_BINARY_TABLE}|{IN_A_TEXT_TABLE}")


def read_catalog(raw: bytes, mock: bool) -> pd.DataFrame:
    """Read the 20 columns of a FITS or text table, as its content tells, and verify them.

    Returns the table by ``GASS``, missing values -99.

    Raises
    ------
    DataError
        It is no whole catalog, or real galaxies where simulated ones are wanted (`mock`) or the reverse.
    """
    try:
        raw = _unpacked(raw)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of astropy: what is wrong is said below
            columns = _from_fits(raw) if raw.startswith(b"SIMPLE") else _from_text(raw)
    except DataError:
        raise
    except ascii.InconsistentTableError as error:
        way_out = "it is cut off, or a text has blanks: save it with commas"
        raise DataError(f"a row has more or fewer values than there are names: {way_out}") from error
    except Exception as error:  # astropy raises a dozen kinds, from many depths, on broken files
        raise DataError(f"no whole table, perhaps cut off ({type(error).__name__})") from error
    table = _as_numbers(columns)
    _check_values(table, mock)
    _check_relations(table)
    if not mock:  # the dust of simulated galaxies does not know their place
        _check_places(table)
    return table.astype(dict.fromkeys(INTEGERS, np.int64)).set_index("GASS")


def _unpacked(raw: bytes) -> bytes:
    """Undo gzip; no more than MAX_BYTES come out of it."""
    check_size(len(raw))
    if not raw.startswith(b"\x1f\x8b"):
        return raw
    unpacked = gzip.GzipFile(fileobj=io.BytesIO(raw)).read(MAX_BYTES + 1)
    check_size(len(unpacked))
    return unpacked


def _from_fits(raw: bytes) -> dict[str, np.ndarray]:
    """Take the columns of the tutorial from the first table that has them all, or else say what is wrong."""
    with fits.open(io.BytesIO(raw)) as hdus:
        tables = [hdu for hdu in hdus if isinstance(hdu, fits.BinTableHDU | fits.TableHDU)]
        if not tables:
            raise DataError("a FITS file without a table")
        complete = [hdu for hdu in tables if set(COLUMNS) <= set(hdu.columns.names)]
        hdu = (complete or tables)[0]
        # Rows of no width need no bytes, only endless time: they are counted before they are read.
        _check_shape(hdu.columns.names, hdu.header["NAXIS2"])
        if not hdu.verify_datasum():  # 2 where the file has no such sum
            raise DataError("damaged: the table does not have its own check sum (DATASUM)")
        for name in COLUMNS:
            if not ONE_NUMBER.fullmatch(hdu.columns[name].format):
                raise DataError(f"column {name} is not numeric")
        return {name: _masked(hdu.data[name], hdu.columns[name].null) for name in COLUMNS}


def _masked(values: np.ndarray, null: object) -> np.ma.MaskedArray:
    """Mask the number that stands for a missing value in a FITS column (its TNULL; None if it has none)."""
    if null is None:
        return np.ma.asarray(values)
    return np.ma.masked_where(values == null, values)


def _from_text(raw: bytes) -> dict[str, np.ndarray]:
    """Take the columns of the tutorial from a text; the line with their names may be a comment."""
    _check_is_text(raw)
    text = raw.decode("utf-8-sig", errors="replace")
    lines = [line for line in text.splitlines() if line.strip()]
    head = max(lines[:1000], key=_known_names)
    rows = [line for line in lines if not line.lstrip().startswith("#") and line != head]
    _check_shape(_words(head), len(rows))
    separator = " "
    for sign in (",", "\t"):
        if sign in head:
            separator = sign
            break
    form = "tab" if separator == "\t" else "basic"
    table = ascii.read(
        [head.lstrip("# "), *rows],
        format=form,
        delimiter=separator,
        guess=False,
        include_names=[*COLUMNS],
        fill_values=[(spelled, "0") for spelled in _spellings(BLANK)],  # masked
    )
    return {name: np.ma.asanyarray(table[name]) for name in COLUMNS}


def _spellings(words: tuple[str, ...]) -> set[str]:
    """Return words in the cases that programs write them in; astropy looks for the very letters."""
    return {"NaN", *words, *map(str.upper, words), *map(str.capitalize, words)}


def _check_is_text(raw: bytes) -> None:
    if not raw.strip():
        raise DataError("the file is empty")
    if b"<VOTABLE" in raw[:5000]:
        raise DataError(f'a VOTable; save it as FITS, e.g. Table.read(...).write("{STEM}.fits")')
    if raw.lstrip().startswith(b"<"):
        raise DataError("a web page (HTML), not a catalog")
    if b"\0" in raw:
        raise DataError("neither a FITS table nor text (NUL bytes): save it as FITS or as CSV (UTF-8)")
    if raw[-1:] not in b"\r\n":
        raise DataError("cut off: the last line does not end (if nothing is missing, end it)")


def _words(line: str) -> list[str]:
    return re.findall(r"[^\s,\"'#]+", line)


def _known_names(line: str) -> int:
    """Count the columns of the tutorial that a line names."""
    return len(set(COLUMNS) & set(_words(line)))


def _check_shape(names: list[str], rows: int) -> None:
    wrong = [name for name in COLUMNS if names.count(name) != 1]
    if wrong:
        hint = " (text needs commas, blanks or tabs, and names as they were published)"
        raise DataError(f"columns are missing or come twice: {', '.join(wrong)}{hint}")
    if rows != N_GALAXIES or len(names) > MAX_COLUMNS:
        raise DataError(f"{rows} rows of {len(names)} columns; the catalog has {N_GALAXIES} rows")


def _as_numbers(columns: dict[str, np.ndarray]) -> pd.DataFrame:
    """Return a table of floats; what other programs made of a missing value is -99 again."""
    numbers = {}
    for name, values in columns.items():
        if values.dtype.kind not in "iuf":
            raise DataError(f"column {name} is not numeric{_first_word(values)}")
        numbers[name] = _decimal(values).filled(np.nan)
    table = pd.DataFrame(numbers)
    table[MAY_BE_MISSING] = table[MAY_BE_MISSING].fillna(MISSING)
    return table


def _decimal(values: np.ma.MaskedArray) -> np.ma.MaskedArray:
    """Return numbers as float64, those of 32 bits with the decimals that they were published with.

    3.11 in 32 bits is 3.1099998950958252 in 64; its shortest decimal, 3.11, is what the text of the catalog
    has. A text may hold all digits of such a number: whatever fits into 32 bits is taken for one.
    """
    with np.errstate(over="ignore"):
        narrow = values.astype(np.float32)
    fits_into_32_bits = np.ma.all((narrow == values) | np.isnan(values))
    if fits_into_32_bits:
        return narrow.astype(str).astype(float)
    return values.astype(float)


def _first_word(values: np.ma.MaskedArray) -> str:
    """Say which of the texts in a column is the first that is no number."""
    words = pd.Series(values.astype(str).filled("nan"))
    wrong = pd.to_numeric(words, errors="coerce").isna() & (words != "nan")
    if not wrong.any():
        return ""
    row = int(wrong.argmax())
    return f": {words.iloc[row]!r} in row {row + 1}"


def _check_values(table: pd.DataFrame, mock: bool) -> None:
    """Refuse a value that cannot be, an id twice, and galaxies of the other universe."""
    for name, (low, high) in COLUMNS.items():
        good = table[name].between(low, high)
        if name in MAY_BE_MISSING:
            good |= table[name] == MISSING
        if name in INTEGERS:
            good &= table[name] % 1 == 0
        if name == "GASS":
            good &= (table[name] >= FIRST_MOCK_ID) == mock  # real labels never meet simulated pictures
        if not good.all():
            row = int((~good).argmax())
            value = f"{table[name].iloc[row]:g} in row {row + 1}"
            raise DataError(f"column {name} has a value that cannot be: {value}")
    twice = table["GASS"].duplicated()
    if twice.any():
        raise DataError(f"GASS {table['GASS'][twice].iloc[0]:.0f} comes twice")


def _check_relations(table: pd.DataFrame) -> None:
    """Hold the columns against each other: this finds exchanged or shuffled ones, and other units."""
    for name, most in (("RA", 24), ("DEC", 1.6)):
        if table[name].max() <= most:
            raise DataError(f"{name} is in hours or radians; it must be in degrees")
    axis_ratio = table["expAB_r"]
    cosine = np.sqrt(((axis_ratio**2 - 0.04) / 0.96).clip(0, 1))
    r50_kpc = table["petrR50_r"] / 206.265 * table["Dlum"] / (1 + table["zSDSS"]) ** 2
    expected = {  # column: how it follows from others, the largest difference, and how that is written
        "lgGF": (table["lgMHI"] - table["lgMstar"], 0.01, "lgMHI - lgMstar"),
        "CINDX": (table["petrR90_r"] / table["petrR50_r"], 0.02, "petrR90_r / petrR50_r"),
        "INCL": (np.degrees(np.arccos(cosine)), 0.2, "the inclination of expAB_r"),
        "Dlum": (_distance(table["zSDSS"]), 1.0, "the distance at zSDSS, in Mpc"),
        "lgmust": (table["lgMstar"] - np.log10(2 * np.pi * r50_kpc**2), 2.0, "the density within petrR50_r"),
    }
    for name, (value, most, words) in expected.items():
        wrong = ~((table[name] - value).abs() <= most)
        if wrong.any():
            row = int(wrong.argmax())
            found = f"{table[name].iloc[row]:g} in row {row + 1}, expected {value.iloc[row]:g}"
            raise DataError(f"column {name} is not {words}: {found}")
    _check_trends(table, r50_kpc)
    if ((table["HIsrc"] == 4) != (table["HIconf_flag"] == MISSING)).any():
        raise DataError("HIconf_flag must be -99 where HIsrc is 4, and nowhere else")


def _check_trends(table: pd.DataFrame, r50_kpc: pd.Series) -> None:
    """Hold columns against those that they follow loosely: shuffled, or in another unit, they do not.

    `r50_kpc` is petrR50_r as a length (kpc).
    """
    luminosity = -0.4 * (table["model_r"] - 5 * np.log10(table["Dlum"]) - 25)
    scatter = {  # dex; 0.24 and 0.11 in the real catalog, 0.23 and 0.10 in the simulated one
        "model_r does not follow lgMstar at Dlum": ((table["lgMstar"] - luminosity).std(), 0.35),
        "petrR50_r does not follow lgMstar and lgmust": (
            (table["lgMstar"] - 2 * np.log10(r50_kpc) - table["lgmust"]).std(), 0.25),
    }  # fmt: skip
    for words, (found, most) in scatter.items():
        if found > most:
            raise DataError(
                f"{words} (scatter {found:.2f} dex, at most {most} is right): shuffled or in another unit?"
            )
    star_formation = np.log10(table["SFR_best"].where(table["SFR_best"] > 0)) - table["lgMstar"]
    color = table["NUVr"].where(table["NUVr"] != MISSING)
    if not star_formation.corr(color) < -0.7:  # -0.9 in both
        raise DataError(
            "NUVr does not follow SFR_best / 10^lgMstar: one of them is shuffled or in another unit"
        )


def _check_places(table: pd.DataFrame) -> None:
    """Hold RA and DEC against ext_r: neighbors on the sky lie behind the same dust of the Milky Way."""
    ra, dec = np.radians(table["RA"]), np.radians(table["DEC"])
    direction = np.column_stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
    cosine = direction @ direction.T
    np.fill_diagonal(cosine, -1)
    rank = table["ext_r"].rank()
    of_neighbor = rank.iloc[cosine.argmax(axis=1)].set_axis(rank.index)
    if not rank.corr(of_neighbor) >= 0.8:  # 0.94 in the real catalog; NaN if ext_r is the same everywhere
        raise DataError("ext_r is not the same for neighbors on the sky: ext_r, RA or DEC is shuffled")


def _distance(redshift: pd.Series) -> pd.Series:
    """Return the luminosity distance (Mpc) for H0 = 70 km/s/Mpc and a flat universe with Omega_m = 0.3.

    Its Taylor series to the third order in the redshift (Visser 2004, CQG 21, 2603), here 0.0003 Mpc off at
    0.05, the largest redshift of the catalog.
    """
    hubble_length = 299_792.458 / 70
    deceleration = 1.5 * 0.3 - 1
    jerk = 1.0  # of every flat universe with a cosmological constant
    second = (1 - deceleration) / 2
    third = -(1 - deceleration - 3 * deceleration**2 + jerk) / 6
    return hubble_length * redshift * (1 + second * redshift + third * redshift**2)
