"""A catalogue file is read whole and right, whatever its format, or refused in one line that names it."""

import gzip
import re

import data_made as made
import numpy as np
import pandas as pd
import pytest
from astropy.io import fits as fits_io
from astropy.table import MaskedColumn
from data_made import FITS, STEM, as_table, put, text

from xgass import DataError, catalog, load_catalog


def quoted(df):
    return df.astype(str).replace("nan", "").to_csv(index=False, quoting=1)


FORMATS = {  # name of the file, what it holds
    "FITS in capitals": (f"{STEM}.FITS", lambda df: as_table(df, "fits")),
    "FITS, compressed": (f"{FITS}.gz", lambda df: gzip.compress(as_table(df, "fits"))),
    "the official text": (f"{STEM}.ascii", text),
    "a comment before and after": (f"{STEM}.ascii", lambda df: "# GASS is great\n" + text(df) + "# GASS\n"),
    "no comment sign, tabs": (f"{STEM}.txt", lambda df: text(df, "\t", "")),
    "wide text": (f"{STEM}.dat", lambda df: text(df, "   ", "# ")),
    "Windows": (f"{STEM}.csv", lambda df: "\ufeff" + text(df, ", ", "").replace("\n", "\r\n")),
    "quotes everywhere": (f"{STEM}.csv", quoted),
    "other columns": (f"{STEM}.csv", lambda df: text(df[df.columns[::-1]].assign(x="y"), ",", "# ")),
    "ECSV": (f"{STEM}.ecsv", lambda df: as_table(df, "ascii.ecsv")),
}


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_the_same_table(kind, df, fits, monkeypatch, tmp_path):
    monkeypatch.setenv("XGASS_DATA", str(put(tmp_path / "one", fits)))
    want, (name, make) = load_catalog(), FORMATS[kind]
    folder = put(tmp_path / "other", make(df), name)
    for place in (folder, folder / name):  # the folder, or the file itself
        monkeypatch.setenv("XGASS_DATA", str(place))
        pd.testing.assert_frame_equal(load_catalog(), want, check_exact=True)
    mock = load_catalog("mock")
    assert (want.dtypes == mock.dtypes).all() and want.index.dtype == mock.index.dtype == np.int64
    assert want.index.tolist() == df["GASS"].tolist() and list(want) == list(catalog.COLUMNS)[1:]
    np.testing.assert_array_equal(want["lgGF"], mock["lgGF"])  # float32 in FITS, and still 3.11


def test_missing_values_are_minus_99_whatever_a_program_made_of_them(df, monkeypatch, tmp_path):
    flags = MaskedColumn(df["HIconf_flag"].astype(int), mask=df["HIconf_flag"] == -99)
    nan = df.assign(**{name: df[name].where(df[name] != -99) for name in ("NUVr", "HIconf_flag")})
    masked = as_table(df, "ascii.ecsv", HIconf_flag=flags), as_table(nan, "fits", HIconf_flag=flags)
    for raw in (*masked, quoted(nan), text(nan, ",", "")):
        monkeypatch.setenv("XGASS_DATA", str(put(tmp_path, raw, "x") / "x"))
        got = load_catalog()
        assert (got["NUVr"] == -99).sum() == 22 and not got.isna().any(axis=None)
        assert (got["HIconf_flag"] == -99).tolist() == (df["HIconf_flag"] == -99).tolist()


def first(name, value):
    return lambda df: text(df.astype({name: object}).assign(**{name: [value, *df[name].iloc[1:]]}), ",", "")


def claims(columns, width, rows, size):
    """Return a FITS file of `size` bytes of table whose header claims these columns and rows."""
    cards = ["XTENSION= 'BINTABLE'", "BITPIX  = 8", "NAXIS   = 2", f"NAXIS1  = {width}", f"NAXIS2  = {rows}"]
    cards += ["PCOUNT  = 0", "GCOUNT  = 1", f"TFIELDS = {len(columns)}"]
    for number, (name, form) in enumerate(columns, 1):
        cards += [f"{f'TTYPE{number}':8}= '{name}'", f"{f'TFORM{number}':8}= '{form}'"]
    raw = "".join(f"{card:80}" for card in [*cards, "END"]).encode()
    return fits_io.PrimaryHDU().header.tostring().encode() + raw + b" " * (-len(raw) % 2880) + b"a" * size


NAMES = [(name, "E") for name in catalog.COLUMNS]
WRONG = {  # what the file holds, what is said
    "empty": (lambda df: " \n", "empty"),
    "a web page": (lambda df: "<!DOCTYPE html><html>404</html>\n", "web page"),
    "a VOTable": (lambda df: as_table(df, "votable"), "VOTable; save it as FITS"),
    "no names": (lambda df: text(df).split("\n", 1)[1], "columns are missing"),
    "a column missing": (lambda df: text(df.drop(columns="NUVr")), "missing or come twice: NUVr$"),
    "a row too many": (lambda df: as_table(pd.concat([df, df.iloc[:1]]), "fits"), "1180 rows"),
    "cut in the last number": (lambda df: text(df[df.columns[::-1]])[:-2], "cut off"),
    "cut FITS": (lambda df: as_table(df, "fits")[:50_000], "cut off"),
    "a cell missing": (
        lambda df: text(df, ",", "").replace(f",{df.zSDSS.astype(str)[0]},", ",", 1),
        "no whole table",
    ),
    "NUL bytes": (lambda df: text(df).replace("\n", "\0\n"), "NUL"),
    "text as a number": (first("NUVr", "blue"), "NUVr is not numeric"),
    "text as a number, FITS": (lambda df: as_table(df.astype({"NUVr": str}), "fits"), "NUVr is not numeric"),
    "not a number": (first("lgGF", "nan"), "lgGF has a value that cannot be: nan in row 1"),
    "missing, where nothing can be": (first("lgGF", "-99"), "lgGF has a value that cannot be: -99 in row 1"),
    "a fractional id": (first("GASS", "3151.5"), "GASS"),
    "an id twice": (lambda df: text(df.assign(GASS=[df.GASS[1], *df.GASS[1:]])), "comes twice"),
    "a simulated galaxy": (first("GASS", "900001"), "GASS has a value that cannot be: 900001"),
    "a wrong position": (first("DEC", "91"), "DEC"),
    "six megabytes, unpacked": (lambda df: gzip.compress(b"#" * 6_000_000), "larger than 5 MB"),
    # and what would cost minutes or gigabytes
    "no width": (lambda df: claims([(name, "0A") for name, _ in NAMES], 0, 10**9, 0), "^1000000000 rows"),
    "more rows than bytes": (lambda df: claims(NAMES, 80, 10**12, 9000), "^1000000000000 rows"),
    "wide": (lambda df: claims([*NAMES, ("x", "99999999999J")], 4 * 10**11, 1179, 9000), "no whole table"),
    "bits": (lambda df: claims([*NAMES, ("x", "39200000X")], 4_900_080, 1179, 4_900_000), "no whole table"),
    "long cells": (
        lambda df: claims([("GASS", "1PB(4000000)"), *NAMES[1:]], 84, 1179, 99_036),
        "GASS is not",
    ),
    "columns": (lambda df: claims([*NAMES, *[("c", "0A")] * 20_000], 80, 1179, 94_320), "no whole table"),
    "two million names": (lambda df: b"c," * 2_000_000 + b"GASS\n", "columns are missing"),
    "two million rows": (lambda df: b"GASS\n" + b"1\n" * 2_000_000, "columns are missing"),
    "a million comments": (lambda df: b"#GASS\n" * 800_000, "columns are missing"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_file_is_refused_in_one_line_that_names_it(fault, df, monkeypatch, tmp_path):
    make, said = WRONG[fault]
    monkeypatch.setenv("XGASS_DATA", str(put(tmp_path, make(df), "mine.dat") / "mine.dat"))
    with pytest.raises(DataError) as error:
        load_catalog()
    reason = re.fullmatch(r"XGASS_DATA cannot be used: mine\.dat: (.*)\. What to do: .*", str(error.value))
    assert reason and re.search(said, reason[1]), error.value


def test_the_real_catalogue_gives_the_known_numbers(real_catalogue, monkeypatch, capsys):
    monkeypatch.setenv("XGASS_DATA", str(real_catalogue.parent))
    df = load_catalog()
    assert capsys.readouterr().out == made.REAL_LINE
    assert [(df["HIsrc"] == 4).sum(), *(df[["NUVr", "SFR_best"]] == -99).sum()] == [375, 22, 8]
    assert df["lgGF"].corr(df["NUVr"].where(df["NUVr"] != -99)) == pytest.approx(-0.87, abs=0.005)
