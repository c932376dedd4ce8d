"""The catalogue reader against hostile files: the right table or one clear line, in bounded time and memory.

A flipped digit makes another good number, which only a hash could tell (the download has one). So where bytes
are spoilt the table may differ in one cell, or in the name of one further column, and in nothing else.
"""

import io
import json
import os
import re
import subprocess
import sys
from functools import cache

import numpy as np
import pandas as pd
import pytest
import xgass_tables as tables
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import MaskedColumn, Table
from hypothesis import given, settings
from hypothesis import strategies as st
from xgass_tables import ASCII, FITS, REAL, ROOT

from xgass import DataError, catalog

quickly = settings(derandomize=True, deadline=None, database=None, max_examples=20)
universe = pytest.mark.parametrize(
    "which",
    [
        "mock",
        pytest.param(
            "real",
            marks=pytest.mark.skipif(
                not (REAL / FITS).is_file(), reason="the real catalogue is not in ../shared/xgass"
            ),
        ),
    ],
)
PIECES = [*catalog.COLUMNS, "#", "\n", " ", ",", "1", "-99", "\r", "\0", "\ufeff", '"']
MORE = ["x", "", "0", "-1", "nan", "inf", "1e999", "2020-01-01", "caf\u00e9", "9" * 400, "None", "\u0663"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("hostile")


@cache
def fits_bytes(which):
    if which == "real":
        return (REAL / FITS).read_bytes()
    return as_fits(Table.from_pandas(tables.as_real().astype({"SDSS": object})))


def as_fits(table):
    out = io.BytesIO()
    table.write(out, format="fits")
    return out.getvalue()


def read(folder, raw, name=ASCII, mock=False):
    """The table, or None after an error of one line that names the file; anything else fails the test."""
    (folder / name).write_bytes(raw if isinstance(raw, bytes) else raw.encode())
    try:
        return catalog.read_catalogue(folder / name, mock)
    except DataError as error:
        assert re.fullmatch(rf"{re.escape(name)}( is |: ).+", str(error)) and str(folder) not in str(error)
        return None


@cache
def table(which, folder):
    """What must come out, and the words of it that go into a text file."""
    want = read(folder, fits_bytes(which), FITS)
    words = want.reset_index().astype(object).map(lambda value: str(value).replace(" ", "_") or "none")
    return want, words


def file_bytes(name, which, folder):
    """The whole good file of either format."""
    return fits_bytes(which) if name == FITS else tables.text(table(which, folder)[1]).encode()


def right(folder, raw, name=ASCII, which="mock", mock=False):
    """Whether a file was read, and then exactly, as to the columns that the tutorial uses."""
    got = read(folder, raw, name, mock)
    if got is not None:
        names = catalog.COLUMNS[1:]
        pd.testing.assert_frame_equal(got[names], table(which, folder)[0][names])
    return got is not None


def cells_changed(got, want):
    """Count the cells that differ, text and numbers alike; renamed columns count one each."""
    got, want = got.reset_index(), want.reset_index()
    changed = len(set(want) - set(got))
    for name in set(want) & set(got):
        one, other = got[name].astype(str), want[name].astype(str)
        if got[name].dtype != want[name].dtype:  # one spoilt number makes a further column text
            one, other = (pd.to_numeric(column, errors="coerce") for column in (one, other))
        changed += int((~((one == other) | (one.isna() & other.isna()))).sum())
    return changed


# ---------------------------------------------------------------------------------------- whole tables


@universe
@quickly
@given(data=st.data())
def test_any_order_and_further_columns_give_the_same_table(data, which, folder):
    want, words = table(which, folder)
    words = words.assign(**{f"more {i}": word for i, word in enumerate(data.draw(st.lists(
        st.sampled_from([word for word in MORE if word]), max_size=3)))})  # fmt: skip
    words = words[data.draw(st.permutations(list(words)))]
    order = np.random.default_rng(data.draw(st.integers(0, 99))).permutation(len(want))
    words.columns = words.columns.str.replace(" ", "_")
    raw = tables.text(words.iloc[order], *data.draw(st.sampled_from([(" ", "#"), (", ", ""), ("\t", "# ")])))
    raw = raw.replace("\n", data.draw(st.sampled_from(["\n", "\r\n", "\r", "\n\n", "\n# GASS? a note\n"])))
    got = read(folder, data.draw(st.sampled_from(["", "\ufeff"])) + raw)
    pd.testing.assert_frame_equal(got[catalog.COLUMNS[1:]], want.iloc[order][catalog.COLUMNS[1:]])
    assert len(got.columns) == len(words.columns) - 1


@universe
@quickly
@given(data=st.data())
def test_a_missing_column_is_named(data, which, folder):
    _, words = table(which, folder)
    gone = data.draw(st.lists(st.sampled_from(list(words)), min_size=1, max_size=5, unique=True))
    raw = tables.text(words.drop(columns=gone))
    needed = [name for name in catalog.COLUMNS if name in gone]
    if not needed:
        assert right(folder, raw, which=which)
        return
    (folder / ASCII).write_text(raw)
    with pytest.raises(DataError, match="GASS" if "GASS" in gone else f": {', '.join(needed)}$"):
        catalog.read_catalogue(folder / ASCII)


VALUES = st.one_of(
    st.sampled_from(
        ["nan", "-inf", "1e300", "1" * 400, "1_0", "0x1", "1d2", "True", "--", "1.5\0", "\u0661"]
    ),
    st.floats().map(str),
    st.integers().map(str),
    st.text(max_size=8),
)


@quickly
@given(data=st.data())
def test_a_strange_value_is_refused_or_taken_for_what_it_is(data, folder):
    want, words = table("mock", folder)
    name, row = data.draw(st.sampled_from(catalog.COLUMNS)), data.draw(st.integers(0, len(words) - 1))
    value, words = data.draw(VALUES), words.copy()
    words.loc[row, name] = value
    got = read(folder, tables.text(words, ",").encode("utf-8", "surrogatepass"))
    if got is not None:
        assert cells_changed(got, want) <= 1 + (name == "GASS")
        assert got.reset_index()[name].iloc[row] == float(value) and abs(float(value)) <= catalog.MAX_VALUE


@quickly
@given(data=st.data())
def test_a_strange_value_in_a_fits_file_is_refused_or_taken_for_what_it_is(data, folder):
    df = tables.as_real()
    name = data.draw(st.sampled_from([name for name in catalog.COLUMNS if df[name].dtype.kind == "f"]))
    value = data.draw(st.sampled_from([np.nan, np.inf, -np.inf, 1e30, -1e7]) | st.floats(width=32))
    df.loc[data.draw(st.integers(0, len(df) - 1)), name] = value
    got = read(folder, as_fits(Table.from_pandas(df.astype({"SDSS": object}))), FITS)
    assert (got is None) == (not abs(value) <= catalog.MAX_VALUE or name in ("RA", "DEC") and got is None)
    assert got is None or cells_changed(got, table("mock", folder)[0]) <= 1


@universe
@quickly
@given(row=st.integers(0, 1178), other=st.integers(0, 1178))
def test_duplicated_ids_are_refused(row, other, which, folder):
    words = table(which, folder)[1].copy()
    words.loc[row, "GASS"] = words.loc[other, "GASS"]
    assert right(folder, tables.text(words), which=which) == (row == other)


ENCODINGS = [
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "utf-32",
    "utf-32-le",
    "utf-7",
    "latin-1",
    "cp037",
    "utf-8-sig",
]


@universe
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_other_encodings_are_refused_or_read(encoding, end, which, folder):
    _, words = table(which, folder)
    plain = tables.text(words, ",").replace("\n", end)
    accents = tables.text(words.assign(more="caf\u00e9"), ",").replace("\n", end)
    as_ascii = encoding in ("utf-7", "latin-1", "utf-8-sig")  # the same bytes, but for accents
    assert right(folder, plain.encode(encoding), which=which) == as_ascii
    assert right(folder, accents.encode(encoding), which=which) == (as_ascii and encoding != "latin-1")


@pytest.mark.parametrize(
    "spoil", [lambda raw: raw.replace(b"\n", b"\0\n"), lambda raw: raw + b"\0" * 512 + b"\n"]
)
def test_nul_bytes_are_named(spoil, folder):
    (folder / ASCII).write_bytes(spoil(tables.text(tables.as_real()).encode()))
    with pytest.raises(DataError, match="NUL bytes"):
        catalog.read_catalogue(folder / ASCII)


# ---------------------------------------------------------------------------------------- spoilt files


@universe
@pytest.mark.parametrize("name", [FITS, ASCII])
@quickly
@given(data=st.data())
def test_a_cut_file_is_refused(data, name, which, folder):
    raw = file_bytes(name, which, folder)
    blocks = st.integers(0, len(raw) // 2880).map(lambda n: 2880 * n)  # where FITS files end
    ends = st.integers(1, raw.count(b"\n")).map(lambda n: [m.end() for m in re.finditer(b"\n", raw)][-n])
    cut = data.draw(st.one_of(st.integers(0, len(raw) - 1), blocks, ends))
    whole = len(raw.rstrip(b"\0")) if name == FITS else len(raw)  # a FITS file ends with padding
    assert right(folder, raw[:cut], name, which) <= (cut >= whole)


@universe
@pytest.mark.parametrize("name", [FITS, ASCII])
@quickly
@given(data=st.data())
def test_a_flipped_bit_spoils_one_value_at_most(data, name, which, folder):
    want, _ = table(which, folder)
    raw = bytearray(file_bytes(name, which, folder))
    start = bytes(raw).index(b"XTENSION") if name == FITS else 0
    in_header = st.integers(start, start + (8000 if name == FITS else 300))
    raw[data.draw(in_header | st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    got = read(folder, bytes(raw), name)
    assert got is None or (len(got) == 1179 and cells_changed(got, want) <= 1)


@universe
@pytest.mark.parametrize("name", [FITS, ASCII])
@quickly
@given(data=st.data())
def test_a_lost_or_doubled_block_is_refused(data, name, which, folder):
    """What a bad disk or a bad copy does: 512 bytes or more become zeros, come twice, or are gone."""
    raw = file_bytes(name, which, folder)
    start = data.draw(st.integers(0, len(raw) // 512 - 1)) * 512
    end = start + 512 * data.draw(st.integers(1, 20))
    middle = data.draw(st.sampled_from([b"\0" * len(raw[start:end]), 2 * raw[start:end], b""]))
    primary = raw.index(b"XTENSION") if name == FITS else 0
    got = right(folder, raw[:start] + middle + raw[end:], name, which)
    assert not got or end <= primary or start >= len(raw.rstrip(b"\0")) or b"\0" not in middle


@quickly
@given(raw=st.binary(max_size=6000) | st.lists(st.sampled_from(PIECES)).map(" ".join))
def test_garbage_is_refused(raw, folder):
    raw = raw if isinstance(raw, bytes) else raw.encode()
    assert not right(folder, raw)
    assert not right(folder, b"SIMPLE  = " + raw, FITS)
    assert not right(folder, raw, "catalog.csv", mock=True)


CARDS = [
    "NAXIS1  =                   -1", "NAXIS1  = 'abc     '", "NAXIS1  =                    0",
    "NAXIS2  =                   -5", "NAXIS2  = " + "9" * 60, "NAXIS2  = 1E99", "NAXIS2  = T",
    "TFIELDS =                   -1", "TFIELDS =                    5", "TFIELDS =                  400",
    "PCOUNT  =        9999999999999", "PCOUNT  =                   -9", "GCOUNT  =              9999999",
    "TFORM1  = '99999999999J'", "TFORM1  = '0J      '", "TFORM1  = '2I      '", "TFORM1  = 'QQ      '",
    "TFORM2  = '144X    '", "TFORM2  = '18L     '", "TFORM2  = '2PE(99) '", "TFORM2  = '1QA     '",
    "TTYPE2  = 'RA      '", "TTYPE2  = ''", "TTYPE2  =                    5", "TTYPE1  = 'gass    '",
    "BITPIX  =                  -64", "XTENSION= 'IMAGE   '", "XTENSION= 'TABLE   '",
]  # fmt: skip


@pytest.mark.parametrize("card", CARDS)
def test_absurd_headers_are_refused_or_do_no_harm(card, folder):
    raw = fits_bytes("mock")
    at = raw.index(card[:8].encode(), raw.index(b"XTENSION"))
    got = read(folder, raw[:at] + card.encode().ljust(80)[:80] + raw[at + 80 :], FITS)
    if got is not None:
        assert cells_changed(got, table("mock", folder)[0]) == 0


FURTHER = {
    "whole numbers, some missing": MaskedColumn(range(1179), mask=np.arange(1179) == 7, fill_value=-1),
    "large unsigned numbers": np.full(1179, 2**63 + 5, np.uint64),
    "small unsigned numbers": np.arange(1179, dtype=np.uint16),
    "logical": np.arange(1179) % 2 == 0,
    "complex": np.arange(1179) * 1j,
    "arrays": np.zeros((1179, 3)),
    "positions": SkyCoord(np.arange(1179) / 10, np.zeros(1179), unit="deg"),
}


@pytest.mark.parametrize("kind", FURTHER)
def test_further_columns_of_any_type_do_no_harm(kind, folder):
    more = Table.from_pandas(tables.as_real().astype({"SDSS": object}))
    more["more"] = FURTHER[kind]
    assert right(folder, as_fits(more), FITS)
    got = catalog.read_catalogue(folder / FITS)
    if "numbers" in kind:
        wanted = pd.Series(FURTHER[kind].tolist(), dtype=object)
        assert [*got["more"].dropna()] == [*wanted.dropna()]
        assert [*got["more"].isna()] == [*wanted.isna()]


def test_large_whole_numbers_of_a_text_file_stay_what_they_are(folder):
    got = read(folder, tables.text(tables.as_real().assign(objid=2**63 + 5, more=2**62 + 1)))
    assert (got["objid"] == 2**63 + 5).all() and (got["more"] == 2**62 + 1).all()


# ------------------------------------------------------------------------------------- time and memory


def fits_table(columns, width, rows, size):
    """A FITS file of `size` bytes of table whose header claims these columns (format) and rows."""
    cards = ["XTENSION= 'BINTABLE'", "BITPIX  = 8", "NAXIS   = 2", f"NAXIS1  = {width}", f"NAXIS2  = {rows}"]
    cards += ["PCOUNT  = 0", "GCOUNT  = 1", f"TFIELDS = {len(columns)}"]
    for number, form in enumerate(columns, 1):
        cards += [f"{f'TTYPE{number}':8}= 'c{number}'", f"{f'TFORM{number}':8}= '{form}'"]
    header = "".join(f"{card:80}" for card in [*cards, "END"]).encode()
    header = header.ljust(-(-len(header) // 2880) * 2880)
    return fits.PrimaryHDU().header.tostring().encode() + header + b"a" * size


def cells_that_share_their_bytes():
    """A good catalogue with a further column of arrays: 1179 times the same 4 MB."""
    more = Table.from_pandas(tables.as_real().astype({"SDSS": object}))
    more["v"] = np.array([np.zeros(4_000_000, np.uint8), *[np.zeros(1, np.uint8)] * 1178], dtype=object)
    raw = bytearray(as_fits(more))
    with fits.open(io.BytesIO(bytes(raw))) as hdus:
        start, width = hdus[1].fileinfo()["datLoc"], hdus[1].header["NAXIS1"]
    for row in range(1179):  # the array descriptor is the last in its row: length and place
        raw[start + (row + 1) * width - 8 : start + (row + 1) * width] = b"\x00\x3d\x09\x00" + bytes(4)
    return bytes(raw)


def cards_without_number(card):
    raw = fits_bytes("mock")
    end = raw.index(b"END" + b" " * 77, raw.index(b"XTENSION"))
    data = -(-end // 2880) * 2880
    header = raw[:end] + card.ljust(80) * 57_600 + b"END".ljust(80)
    return header.ljust(-(-len(header) // 2880) * 2880) + raw[data:]


EXTREME = {  # the file's name, its bytes, and what is said
    "a million columns": (ASCII, lambda: b"1," * 2_000_000 + b"\n", "more than 500 columns"),
    "a million values": (ASCII, lambda: tables.text(tables.as_real()).encode() + b"1 " * 2_000_000 + b"\n",
                         "row 1180"),
    "five million empty lines": (ASCII, lambda: b"GASS b" + b"\n" * 4_900_000, "missing"),
    "two million rows": (ASCII, lambda: b"a\n" * 2_400_000, "rows"),
    "a million comments": (ASCII, lambda: b"#GASS\n" * 800_000, "missing"),
    "a long comment": (ASCII, lambda: b"# GASS" + b" 11" * 1_600_000 + b"\n", "more than 500 columns"),
    "two million words": (ASCII, lambda: " ".join(["GASS", *map("c{}".format, range(199))]).encode() + b"\n"
                          + (b"x " * 200 + b"\n") * 11_790, "missing"),
    "numbers of 3,000 digits": (ASCII, lambda: tables.text(tables.as_real().astype({"NUVr": object}).assign(
                                NUVr="0." + "1" * 3000)).encode(), "read"),
    "wide characters": (ASCII, lambda: ("\U0001f600\n" * 900_000).encode(), "rows"),
    "a sparse terabyte": (ASCII, lambda: None, "larger than 5 MB"),
    "rows of no width": (FITS, lambda: fits_table(["0A"], 0, 10**9, 0), "1000000000 rows"),
    "forty million bits": (FITS, lambda: fits_table(["39200000X"], 4_900_000, 1, 4_900_000), "1 rows"),
    "five million words": (FITS, lambda: fits_table(["1A"], 1, 4_900_000, 4_900_000), "4900000 rows"),
    "480 columns of bits": (FITS, lambda: fits_table(["64X"] * 480, 3840, 1179, 3840 * 1179), "missing"),
    "cells that share their bytes": (FITS, cells_that_share_their_bytes, "column v holds arrays"),
    "many keywords": (FITS, lambda: cards_without_number(b"ABC     = 5"), "read"),
    "one long keyword": (FITS, lambda: cards_without_number(b"CONTINUE  'aaaaaaaaa&'"), "read"),
    "no end of the header": (FITS, lambda: fits_bytes("mock")[:2880] + b"COMMENT ".ljust(80) * 60_000,
                             "cut off"),
}  # fmt: skip

CHILD = """
import json, re, resource, sys, time
from pathlib import Path
from xgass import DataError, catalog
if sys.platform == "linux":  # elsewhere there is no such limit; it only protects the machine that tests
    resource.setrlimit(resource.RLIMIT_AS, (8_000_000_000, resource.getrlimit(resource.RLIMIT_AS)[1]))

def peak():
    if Path("/proc/self/status").exists():  # ru_maxrss begins with the size of the parent there
        return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)

catalog.read_catalogue(Path(sys.argv[1]))  # so that imports do not count
for name in sys.argv[2:]:
    start, before = time.process_time(), peak()
    try:
        said = f"read {len(catalog.read_catalogue(Path(name)))}"
    except DataError as error:
        said = str(error)
    print(json.dumps([said, time.process_time() - start, peak() - before]), flush=True)
"""


def test_extreme_files_cost_five_seconds_and_500_megabytes_at_most(tmp_path):
    (tmp_path / FITS).write_bytes(fits_bytes("mock"))
    paths = []
    for kind, (name, make, _) in EXTREME.items():
        paths.append(tmp_path / kind / name)
        paths[-1].parent.mkdir()
        paths[-1].write_bytes(make() or b"")
        if kind == "a sparse terabyte":
            os.truncate(paths[-1], 10**12)
    run = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path / FITS), *map(str, paths)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "day2"), "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    results = dict(zip(EXTREME, map(json.loads, run.stdout.splitlines()), strict=False))
    assert len(results) == len(EXTREME), f"stopped after {list(results)}: {run.stderr[-800:]}"
    total = 0
    for kind, (said, seconds, memory) in results.items():
        print(f"{kind}: {seconds:.2f} s, {memory / 1e6:.0f} MB, {said[:80]}")
        total += memory
        assert EXTREME[kind][2] in said and "\n" not in said, (kind, said)
        assert seconds < 5 and total < 500_000_000, (kind, seconds, total)
