"""Tables: read in parts as text, checked, and split by the id."""

import csv
import os
import stat
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from xgass import DataError
from xgass.table import BLANK

from .errors import first_line

NEEDED = ["id", "image"]  # columns of every table
REPORT = ["problem", "picture"]  # columns of predictions, after the id and the label
PART = 4096  # rows of a table that are in memory at once
NINES = [float(f"{'9' * whole}.{'9' * decimals}") for whole in range(1, 10) for decimals in range(6)]
MARKS = (  # numbers that catalogs write for "missing"
    *(sign * number for sign in (1, -1) for number in NINES if number not in (9, 9.9)),
    *(-9, -9.9, -1, -999.25, -1000, -10000, -77, -777, -7777, -88, -888, -8888),
    *(-32768, 32767, 65535, -2147483648, 2147483647, 4294967295),
    *(-9223372036854775808, 9223372036854775807, 18446744073709551615),
    *(10.0**power for power in range(20, 39)),
    *(-(10.0**power) for power in range(10, 39)),
    *(9.96921e36, 3.4028235e38, -3.4028235e38),
)
WAYS_OUT = {  # first bytes of files that are no table that is read here
    b"\x1f\x8b": "is compressed (gzip): unpack it first",
    b"BZh": "is compressed (bzip2): unpack it first",
    b"\xfd7zXZ": "is compressed (xz): unpack it first",
    b"\x28\xb5\x2f\xfd": "is compressed (zstd): unpack it first",
    b"SIMPLE  =": 'is a FITS file: save its table as CSV, astropy.table.Table.read(...).write("table.csv")',
    b"PK\x03\x04": "is a spreadsheet or an archive: save the sheet as CSV (UTF-8), or unpack it first",
    b"\xd0\xcf\x11\xe0": "is a spreadsheet: save the sheet as CSV (UTF-8)",
    b"\xff\xfe": "is text in UTF-16: save it as UTF-8",
    b"\xfe\xff": "is text in UTF-16: save it as UTF-8",
    b"\x89HDF": "is an HDF5 file: save the table as CSV or Parquet",
    b"ARROW1": "is an Arrow (Feather) file: save the table as CSV or Parquet",
    b"# %ECSV": 'is an ECSV file: save the table as CSV, astropy.table.Table.read(...).write("table.csv")',
    b"[{": "is JSON: save the table as CSV or Parquet",
    b'{"': "is JSON: save the table as CSV or Parquet",
    b"<": "is HTML or XML (a VOTable?): save the table as CSV",
}


def kept_apart(ids: Iterable) -> np.ndarray:
    """Tell for each id, as text, whether its galaxy is kept for validation: a fifth of all."""
    return np.array([zlib.crc32(str(name).encode()) % 5 == 0 for name in ids], dtype=bool)


def missing_marks(values: pd.Series) -> pd.Series:
    """Tell which numbers are marks for "missing".

    A known mark (MARKS) counts where it stands alone: outside of the other values and a fifth of their range
    away (of positive values also of the range of their logarithms), or alone on its side of zero. It counts,
    too, where it repeats, at least twice as often as the other values do. Whatever lies a million times the
    spread away is a fill value.

    Parameters
    ----------
    values : pandas.Series
        Numbers; what is not finite is no mark.

    Returns
    -------
    pandas.Series of bool
    """
    numbers = values.to_numpy(dtype="float64", na_value=np.nan)
    finite = np.isfinite(numbers)
    found = {mark: np.isclose(numbers, mark, rtol=1e-6, atol=0) for mark in MARKS}
    known = np.any(list(found.values()), axis=0)
    others = numbers[finite & ~known]
    missing = np.zeros(len(numbers), dtype=bool)
    if len(others) == 0:
        return pd.Series(missing, values.index)
    low, middle, high = np.quantile(others, [0.25, 0.5, 0.75])
    if high > low:
        missing |= finite & (np.abs(numbers - middle) > 1e6 * (high - low))
    others = numbers[finite & ~known & ~missing]
    for mark, rows in found.items():
        if rows.any() and (is_alone(mark, others) or repeats(rows.sum(), others)):
            missing |= rows
    return pd.Series(missing, values.index)


def is_alone(mark: float, others: np.ndarray) -> bool:
    """Tell whether a number stands alone, far from the others."""
    low, high = others.min(), others.max()
    if mark < 0 < low or high < 0 < mark:
        return True
    far = max(low - mark, mark - high) > 0.2 * (high - low)
    if min(mark, low) > 0:
        far |= max(np.log(low / mark), np.log(mark / high)) > 0.2 * np.log(high / low)
    return bool(far)


def repeats(times: int, others: np.ndarray) -> bool:
    """Tell whether a number stands there much more often than others do (nine in ten of them)."""
    _, counts = np.unique(others, return_counts=True)
    return times >= 2 * np.quantile(counts, 0.9)


def paths_of(images: pd.Series, table_path: Path) -> list[Path]:
    """Return the paths of pictures, which count from the folder of their table; "~" is the home folder."""
    folder = table_path.parent
    return [folder / os.path.expanduser(image) for image in images]  # Path's own fails for "~nobody"


def read_table(path: Path, columns: list[str]) -> Iterator[pd.DataFrame]:
    """Read some columns of a CSV file, a Parquet file or a folder of Parquet files, PART rows at a time.

    All values are text without blanks around: an id of 19 digits stays whole, also beside a missing one.

    Yields
    ------
    pandas.DataFrame
        Text, with `columns` in their order; the index counts the rows of the table from 0.

    Raises
    ------
    DataError
        The file is of another kind, lacks a column, or has a line with too many or too few values.
    """
    path = Path(path)
    read = parquet_tables if kind_of(path) == "parquet" else csv_tables
    try:
        yield from in_parts(read(path, columns))
    except UnicodeDecodeError:
        raise DataError(
            f"{path}: {line_of_wrong_letter(path)} is not UTF-8: save the table as UTF-8"
        ) from None
    except (OSError, ValueError, csv.Error) as error:  # also those of pyarrow
        raise DataError(f"{path} cannot be read as a table, CSV or Parquet: {first_line(error)}") from error


def in_parts(tables: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Cut tables anew, so that each has PART rows (the last one fewer) and the rows are counted through."""
    waiting = pd.DataFrame()
    first = 0  # the number of its first row
    for table in tables:
        waiting = pd.concat([waiting, table], ignore_index=True)
        while len(waiting) >= PART:
            yield waiting[:PART].set_axis(range(first, first + PART))
            waiting = waiting[PART:]
            first += PART
    if len(waiting):
        yield waiting.set_axis(range(first, first + len(waiting)))


def kind_of(path: Path) -> str:
    """Return "csv" or "parquet"; raises `DataError` for anything else, with the way out."""
    if not path.exists():
        raise DataError(f"{path}: no such file")
    if path.is_dir():
        return "parquet"
    if not stat.S_ISREG(path.stat().st_mode):  # a pipe would make the reader wait for ever
        raise DataError(f"{path} is not a file: save the table as one, since it is read more than once")
    with open(path, "rb") as file:
        beginning = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
    if beginning.startswith(b"PAR1"):
        return "parquet"
    for first, way_out in WAYS_OUT.items():
        if beginning.startswith(first):
            raise DataError(f"{path} {way_out}")
    if b"\x00" in beginning:
        raise DataError(f"{path} is no text: save the table as CSV (UTF-8) or Parquet")
    return "csv"


def check_names(path: Path, names: list[str], columns: list[str]) -> None:
    """Raise `DataError` unless each of the columns stands once among the names of a table."""
    wrong = [name for name in columns if names.count(name) != 1]
    if not wrong:
        return
    has = "".join(letter if letter.isprintable() else " " for letter in ", ".join(names)[:200])
    message = f"{path}: {', '.join(wrong)} must be a column, once; it has: {has}"
    if len(names) < 2:
        message += " (its first line must be the names, with commas between them: Save it with commas)"
    raise DataError(message)


def csv_tables(path: Path, columns: list[str]) -> Iterator[pd.DataFrame]:
    """Read columns of a CSV file; commas at the end of a line and empty lines do not count.

    Parameters, values and errors are those of `read_table`, whatever the number of rows.
    """
    with open(path, newline="", encoding="utf-8-sig") as file:
        names = header(file)
        check_names(path, names, columns)
        where = [names.index(name) for name in columns]
        reader = pd.read_csv(
            file,
            header=None,
            names=range(len(names) + 3),  # a line with too many values has some in the last three
            index_col=False,
            dtype=str,
            keep_default_na=False,
            skipinitialspace=True,
            chunksize=PART,
        )
        is_checked = False
        for table in parts_until_empty(reader):
            table = table.fillna("").apply(lambda column: column.str.strip())
            is_empty = (table == "").all(axis=1)
            filled = table[~is_empty]
            if not is_checked and looks_broken(filled, last=len(names) - 1):
                check_lines(path, len(names))  # of the whole file, so once is enough
                is_checked = True
            yield filled[where].set_axis(columns, axis=1)


def looks_broken(table: pd.DataFrame, last: int) -> bool:
    """Tell whether a line of a CSV file may be no good: `check_lines` knows, and takes longer.

    The columns are numbered, and the table should end with the column `last`. pandas reads a line that is too
    short as one whose last values are empty, one that is too long as one with values in later columns, and
    all lines between two stray quotation marks as one value.
    """
    broken = table[last] == ""
    for column, values in table.items():
        broken |= values.str.contains("\n", regex=False)
        if column > last:
            broken |= values != ""
    return bool(broken.any())


def parts_until_empty(reader: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Pass the parts of pandas on; a file without a line below its names is no error here."""
    try:
        yield from reader
    except pd.errors.EmptyDataError:
        return


def header(file: Iterable[str]) -> list[str]:
    """Read the names in the first line of a CSV file; commas at its end do not count."""
    line = next(csv.reader(file, skipinitialspace=True, strict=True), [])
    names = [name.strip() for name in line]
    while names and not names[-1]:
        names.pop()
    return names


def check_lines(path: Path, names: int) -> None:
    """Raise `DataError` for the first line with stray quotation marks, or too many or too few values.

    Parameters
    ----------
    path : Path
        The CSV file.
    names : int
        How many values a line must have.
    """
    with open(path, newline="", encoding="utf-8-sig") as file:
        lines = csv.reader(file, skipinitialspace=True, strict=True)
        next(lines)
        try:
            for line in lines:
                values = [value.strip() for value in line]
                if any(values) and (len(values) < names or any(values[names:])):
                    found = f"line {lines.line_num} has {len(values)} values, the first line {names} names"
                    raise DataError(f"{path}: {found}")
        except csv.Error as error:
            way_out = "take out quotation marks that are not in pairs"
            raise DataError(f"{path}: line {lines.line_num} cannot be read ({error}): {way_out}") from error


def line_of_wrong_letter(path: Path) -> str:
    """Say which line of a text is no UTF-8."""
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return f"line {number}"
    return "it"


def parquet_tables(path: Path, columns: list[str]) -> Iterator[pd.DataFrame]:
    """Read columns of a Parquet file, or of all in a folder; a missing value is empty.

    Parameters, values and errors are those of `read_table`, whatever the number of rows.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    for file_path in parquet_files(path):
        with pq.ParquetFile(file_path, page_checksum_verification=True) as file:
            check_names(file_path, file.schema_arrow.names, columns)
            for name in columns:
                kind = file.schema_arrow.field(name).type
                if pa.types.is_nested(kind):
                    way_out = "save it as a column of numbers or texts"
                    raise DataError(f"{file_path}: {name} holds a {kind} in each row: {way_out}")
            for batch in file.iter_batches(PART, columns=columns):
                texts = {name: batch.column(name).cast(pa.string()).to_pandas() for name in columns}
                if "id" in texts and pa.types.is_floating(batch.schema.field("id").type):
                    texts["id"] = whole_ids(batch.column("id").to_pandas())
                table = pd.DataFrame(texts, dtype="str").fillna("")
                yield table.apply(lambda column: column.str.strip())


def parquet_files(path: Path) -> list[Path]:
    """Return the Parquet files of a catalog: the file itself, or those of a folder (Dask, HATS)."""
    if path.is_file():
        return [path]
    files = []
    for file in sorted(path.rglob("*.parquet")):
        hidden = any(part.startswith((".", "_")) for part in file.relative_to(path).parts)
        # HATS keeps a sample of the rows under this name
        if file.is_file() and not hidden and file.name != "data_thumbnail.parquet":
            files.append(file)
    if not files:
        raise DataError(f"{path} is a folder without Parquet files")
    return files


def whole_ids(ids: pd.Series) -> pd.Series:
    """Write the ids of a float column as text: 17, or 1.7e+18 (see `are_rounded`) where digits are lost."""
    too_large = 2 ** (np.finfo(ids.dtype).nmant + 1)  # from here on two whole numbers can be stored as one
    texts = []
    for number in ids:
        if number % 1 == 0 and abs(number) < too_large:
            texts.append(f"{number:.0f}")
        else:
            texts.append(f"{number:e}")
    return pd.Series(texts)


def faults(shown: pd.Series, wrong: dict[str, pd.Series]) -> list[str]:
    """Say for each fault how many rows have it, and the number and value of the first three.

    Parameters
    ----------
    shown : pandas.Series
        The column whose values are shown; its index counts the rows of the table from 0.
    wrong : dict of str to pandas.Series of bool
        The rows that have each fault.
    """
    lines = []
    for fault, rows in wrong.items():
        if rows.any():
            first = [f"row {row + 1} ({value!r})" for row, value in shown[rows][:3].items()]
            lines.append(f"{rows.sum()} of {len(shown)} rows have {fault}: {', '.join(first)}")
    return lines


def faults_of_ids(ids: pd.Series) -> list[str]:
    """Say what is wrong with the ids (text) of a table, a line for each fault."""
    blank = are_blank(ids)
    wrong = {
        "no id": blank,
        "the id of an earlier row": ids.duplicated() & ~blank,
        "a rounded id (a column of decimal numbers; save ids as text)": are_rounded(ids),
    }
    return faults(ids, wrong)


def are_blank(texts: pd.Series) -> pd.Series:
    """Tell which texts say that there is no value."""
    return texts.str.lower().isin(BLANK)


def are_rounded(ids: pd.Series) -> pd.Series:
    """Tell which ids a column of decimal numbers has written: 1.23765194e+18, 1E+18, 1237651940000000000.0.

    Good names like 2E1000, 713752e1 and hexadecimal ones have neither a point nor a sign.
    """
    return ids.str.fullmatch(r"\d+\.\d*[eE][+-]?\d+|\d[eE]\+\d+|\d{16,}\.0*")
