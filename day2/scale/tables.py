"""Read tables of galaxies, and say what is wrong with them."""

import csv
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from zlib import crc32

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from xgass import DataError

PART = 4096  # rows of a table that are in memory at once
MISSING = ("", "nan", "na", "n/a", "null", "none", "<na>", "--")  # how programs write that a value is missing
# Numbers that catalogs write for "missing".
MARKS = (-32768, -9999, -999.25, -999, -99.9, -99, -9, 99, 999, 9999)


def kept_apart(ids: pd.Series) -> np.ndarray:
    """Tell of each id whether its galaxy is kept apart, (n,) bool: a fifth of all.

    The id alone decides (its CRC-32 modulo 5), whoever else is in the table.
    """
    return np.array([crc32(str(name).encode()) % 5 == 0 for name in ids], dtype=bool)


def missing_marks(values: pd.Series) -> pd.Series:
    """Tell of each number whether it is a mark for "missing", (n,) bool.

    A mark stands far from all other numbers, or repeats where no other number does. Fill values of files,
    1e20 for example, count as marks by their distance alone.
    """
    numbers = values.astype(float)
    usual = numbers[np.isfinite(numbers) & ~numbers.isin(MARKS)]
    quarter, half, three_quarters = usual.quantile([0.25, 0.5, 0.75])
    width = three_quarters - quarter
    found = pd.Series(False, index=values.index)
    for mark in MARKS:
        here = numbers == mark
        nearest = (usual - mark).abs().min()
        alone = nearest > 3 * usual.std() or (nearest > 0 and not usual.min() <= mark <= usual.max())
        repeats = here.sum() > 1 and here.sum() > usual.value_counts().iloc[0]
        if alone or repeats:
            found |= here
    if width > 0:
        found |= np.isfinite(numbers) & ((numbers - half).abs() > 1e6 * width)
    return found


def places(images: pd.Series, table: Path) -> list[Path]:
    """Return the paths of pictures, which count from the folder of their table.

    Parameters
    ----------
    images : pandas.Series of str
        The column `image`; `~` stands for the home folder.
    table : Path
        The file of the table.

    Returns
    -------
    list of Path
    """
    return [table.parent / os.path.expanduser(image) for image in images]


def read_table(path: Path, columns: list[str]) -> Iterator[pd.DataFrame]:
    """Read some columns of a CSV or Parquet file, PART rows at a time.

    All values are text without blanks around: an id of 19 digits stays whole, also beside a missing one.

    Parameters
    ----------
    path : Path
        CSV with commas and a line of names (UTF-8), or Parquet.
    columns : list of str
        Which columns; the others are passed over.

    Yields
    ------
    pandas.DataFrame
        Text, with `columns` in their order.

    Raises
    ------
    DataError
        The file is of another kind, lacks a column, or has a line with too many or too few values.
    """
    try:
        with open(path, "rb") as file:
            rows = parquet_rows if file.read(4) == b"PAR1" else csv_rows
        values = rows(path, columns)
        while part := list(islice(values, PART)):
            yield pd.DataFrame(part, columns=columns, dtype="str")
    except (ValueError, csv.Error, pa.ArrowException) as error:
        reason = str(error).strip().splitlines()[0]
        raise DataError(f"{path} cannot be read as a table, CSV or Parquet: {reason}") from error


def positions(path: Path, names: list[str], columns: list[str]) -> list[int]:
    """Find where the columns stand among the names of a table.

    Parameters
    ----------
    path : Path
        The file, for the message.
    names, columns : list of str
        All columns, and those that are wanted.

    Returns
    -------
    list of int
        Positions in `names`, in the order of `columns`.

    Raises
    ------
    DataError
        One of the columns is not there, or more than once.
    """
    if wrong := [name for name in columns if names.count(name) != 1]:
        has = "".join(letter for letter in ", ".join(names)[:200] if letter.isprintable())
        raise DataError(f"{path}: {', '.join(wrong)} must be a column, once; it has: {has}")
    return [names.index(name) for name in columns]


def csv_rows(path: Path, columns: list[str]) -> Iterator[list[str]]:
    """Read the values of a CSV file, row by row; commas at the end of a line and empty lines do not count.

    Parameters, values and errors are those of `read_table`.
    """
    with open(path, newline="", encoding="utf-8-sig") as file:
        lines = csv.reader(file, skipinitialspace=True, strict=True)
        names = ",".join(next(lines, [])).rstrip(", ").split(",")
        names = [name.strip() for name in names]
        where = positions(path, names, columns)
        for line in lines:
            values = [value.strip() for value in line]
            if not any(values):
                continue
            if len(values) < len(names) or any(values[len(names) :]):
                found = f"line {lines.line_num} has {len(values)} values, the first line {len(names)} names"
                raise DataError(f"{path}: {found}")
            yield [values[column] for column in where]


def parquet_rows(path: Path, columns: list[str]) -> Iterator[list[str]]:
    """Read the values of a Parquet file as text, row by row; a missing one is empty.

    Parameters, values and errors are those of `read_table`.
    """
    with pq.ParquetFile(path) as file:
        positions(path, file.schema_arrow.names, columns)
        for batch in file.iter_batches(PART, columns=columns):
            values = [batch.column(name).cast(pa.string()).to_pylist() for name in columns]
            for row in zip(*values, strict=True):
                yield ["" if value is None else value.strip() for value in row]


def faults(shown: pd.Series, wrong: dict[str, pd.Series]) -> list[str]:
    """Say for each fault how many rows have it, and the number and value of the first three.

    Parameters
    ----------
    shown : pandas.Series
        The column whose values are shown.
    wrong : dict of str to pandas.Series of bool
        The rows that have each fault.

    Returns
    -------
    list of str
        A line for each fault that some row has.
    """
    lines = []
    for fault, rows in wrong.items():
        if any(rows):
            first = [f"row {row + 1} ({shown.iloc[row]!r})" for row in np.flatnonzero(rows)[:3]]
            lines.append(f"{sum(rows)} of {len(shown)} rows have {fault}: {', '.join(first)}")
    return lines


def faults_of_ids(ids: pd.Series) -> list[str]:
    """Say what is wrong with the ids of a table.

    Parameters
    ----------
    ids : pandas.Series of str
        The column `id`, as the file has it.

    Returns
    -------
    list of str
        A line for each fault.
    """
    rounded = ids.str.fullmatch(r"[\d.]+[eE]\+?\d+")  # a program took them for decimal numbers
    wrong = {"no id": ids.str.lower().isin(MISSING), "the id of an earlier row": ids.duplicated()}
    return faults(ids, {**wrong, "a rounded id": rounded})
