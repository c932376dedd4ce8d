"""Tables as people have them: read, or refused in one line with the way out."""

import re

import numpy as np
import pandas as pd
import pytest

from scale import tables
from xgass import DataError


def read(path, columns=("id", "image")):
    return pd.concat(tables.read_table(path, list(columns)))


@pytest.mark.parametrize(
    ("values", "mark", "times", "is_mark"),
    [
        (10 ** np.linspace(8, 10, 50), -99, 1, True),  # alone: on the other side of zero
        (np.linspace(15, 25, 50), 99, 1, True),  # alone: far away
        (np.linspace(-12.01, -6.02, 50), -9, 5, True),  # among the others, but it repeats
        (np.linspace(-12.01, -6.02, 50), -9, 1, False),
        (np.repeat(np.arange(90, 110), 10), 99, 10, False),  # as often as the others
        (np.linspace(0, 1, 50), 1e25, 1, True),  # a fill value of whatever size
        (10 ** np.linspace(7, 9, 50), 9999, 1, True),  # alone: far below, as logarithms are
        (np.linspace(7, 9, 50), 9, 1, False),
        *[(np.linspace(-2, 0.5, 50), mark, 1, True) for mark in (-1000, 999999, -99.9999, -9999.99, -88)],
        *[(10 ** np.linspace(7, 9, 50), mark, 1, True) for mark in (-1, -1e10, -999999, 65535)],
    ],
)
def test_marks_for_missing_stand_alone_or_repeat(values, mark, times, is_mark):
    column = pd.Series([*values[values != mark], *[mark] * times])
    found = tables.missing_marks(column)
    assert found.sum() == (times if is_mark else 0) and found[column != mark].sum() == 0


def test_the_names_are_those_of_the_csv_reader(tmp_path):
    (tmp_path / "t.csv").write_text('id,"size, arcsec",image\n1,7,a.jpg\n2,,b.jpg\n')
    assert read(tmp_path / "t.csv")["image"].tolist() == ["a.jpg", "b.jpg"]


def test_row_numbers_are_those_of_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "PART", 4)
    pd.DataFrame({"id": ["a", "b", "c", "d", "e", ""], "image": "x"}).to_csv(tmp_path / "t.csv", index=False)
    *_, last = tables.read_table(tmp_path / "t.csv", ["id", "image"])
    assert "row 6 (" in tables.faults_of_ids(last["id"])[0]


def test_only_what_a_float_column_writes_is_rounded():
    good = ["2E1000", "713752e1", "12e4", "1e5a", "17", "J1.2e+3"]
    bad = ["1.23765194e+18", "1E+18", "1237651940000000000.0"]
    assert tables.are_rounded(pd.Series(good + bad)).tolist() == [False] * 6 + [True] * 3


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"\x1f\x8b\x08", "is compressed (gzip): unpack it first"),
        (b"SIMPLE  =    T", "is a FITS file: save its table as CSV"),
        (b"PK\x03\x04", "is a spreadsheet or an archive: save the sheet as CSV (UTF-8)"),
        ("id,image\n1,a\n".encode("utf-16"), "is text in UTF-16: save it as UTF-8"),
        ("id,image\n1,a\n2,\u00e4\n".encode("latin-1"), "line 3 is not UTF-8: save the table as UTF-8"),
        (b"id;image\n1;a\n", "Save it with commas"),
        (b"id,image,v\n1,a,2\n2,b\n", "line 3 has 2 values, the first line 3 names"),
        (b"id,image,v\n1,a,2\n2,b,c,3\n", "line 3 has 4 values, the first line 3 names"),
        (b'id,image,v\n1,a,"5 inch\n2,b,2\n3,c,"7 inch\n', "line 4 cannot be read ("),
        (b"id image v\n1 a 2\n", "Save it with commas"),
        (b"\nid,image\n1,a\n", "its first line must be the names"),
        (b"# %ECSV 1.0\n# ---\nid image\n1 a\n", "is an ECSV file: save the table as CSV"),
        (b'[{"id": 1, "image": "a"}]', "is JSON: save the table as CSV"),
        ("\ufeff <?xml?>".encode(), "is HTML or XML (a VOTable?)"),
    ],
)
def test_what_is_no_table_is_refused_with_the_way_out(tmp_path, raw, message):
    (tmp_path / "table").write_bytes(raw)
    with pytest.raises(DataError, match=re.escape(message)) as error:
        read(tmp_path / "table")
    assert "\n" not in str(error.value)


def test_a_pipe_does_not_hang(tmp_path):
    import os

    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="is not a file: save the table as one"):
        read(tmp_path / "pipe")


def test_a_folder_of_parquet_files_is_read(tmp_path):
    """As HATS has it: folders, files that are no part of the table, and a sample of the rows."""
    leaf = tmp_path / "hats" / "dataset" / "Norder=0"
    leaf.mkdir(parents=True)
    for number in (1, 2):
        ids = pd.Series([10**18 + number, None], dtype="Int64")
        pd.DataFrame({"id": ids, "image": "a.jpg"}).to_parquet(leaf / f"Npix={number}.parquet")
    for other in ("dataset/_metadata", "properties", "dataset/data_thumbnail.parquet"):
        (tmp_path / "hats" / other).write_text("x")
    assert read(tmp_path / "hats")["id"].tolist() == [str(10**18 + 1), "", str(10**18 + 2), ""]


@pytest.mark.parametrize(
    ("dtype", "whole", "rounded"),
    [
        ("float64", 17, 1.23765194e18),
        ("float64", 2**53 - 1, 2.0**53),
        ("float32", 2**24 - 1, 2.0**24),  # 16777217 is stored as this number, too
    ],
)
def test_ids_of_a_float_column_are_whole_or_rounded(tmp_path, dtype, whole, rounded):
    ids = pd.Series([whole, rounded], dtype=dtype)
    pd.DataFrame({"id": ids, "image": "a"}).to_parquet(tmp_path / "t.parquet")
    found = read(tmp_path / "t.parquet")["id"]
    assert found[0] == str(whole) and tables.are_rounded(found).tolist() == [False, True]


def test_ids_that_are_not_there_are_not_called_repeated():
    (fault,) = tables.faults_of_ids(pd.Series(["17", "", "", "nan", "nan"]))
    assert fault.startswith("4 of 5 rows have no id: row 2 ('')")


def test_an_error_without_a_message_is_named_by_its_kind(tmp_path, monkeypatch):
    def fail(path, columns):
        raise OSError

    monkeypatch.setattr(tables, "csv_tables", fail)
    (tmp_path / "t.csv").write_text("id,image\n1,a.jpg\n")
    with pytest.raises(DataError, match="cannot be read as a table, CSV or Parquet: OSError"):
        read(tmp_path / "t.csv")


@pytest.mark.parametrize("image", [["a.jpg"], {"bytes": b"", "path": "a.jpg"}], ids=["list", "structure"])
def test_nested_columns_are_refused_by_name(tmp_path, image):
    pd.DataFrame({"id": ["1"], "image": [image]}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(DataError, match="image holds a .*: save it as a column of numbers or texts"):
        read(tmp_path / "t.parquet")


def test_the_check_sums_of_parquet_are_asked(tmp_path):
    path, table = tmp_path / "t.parquet", pd.DataFrame({"id": ["galaxy 1"], "image": ["a.jpg"]})
    table.to_parquet(path, write_page_checksum=True, compression=None, index=False)
    path.write_bytes(path.read_bytes().replace(b"galaxy 1", b"galaxy 3", 1))
    with pytest.raises(DataError, match="t.parquet cannot be read as a table, CSV or Parquet: .*CRC"):
        read(path)


def test_a_parquet_file_with_a_spoilt_end_is_named(tmp_path):
    path = tmp_path / "t.parquet"
    pd.DataFrame({"id": ["1"], "image": ["a.jpg"]}).to_parquet(path)
    path.write_bytes(path.read_bytes()[:-8] + b"\0\0\0\0PAR1")
    with pytest.raises(DataError, match="t.parquet cannot be read as a table"):
        read(path)
