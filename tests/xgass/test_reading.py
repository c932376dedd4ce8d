"""A catalogue file is read whole and right, whatever its format, or refused in one line that names it."""

import gzip
import re

import numpy as np
import pandas as pd
import pytest
from data_made import FITS, STEM, as_table, put, text

from xgass import DataError, catalog, load_catalog


def emptied(df):
    """Return the table as some programs save it, with nothing where a value is missing."""
    return df.assign(**{name: df[name].where(df[name] != -99) for name in ("NUVr", "HIconf_flag")})


FORMATS = {  # name of the file, what it holds
    "FITS, compressed": (f"{FITS}.gz", lambda df: gzip.compress(as_table(df, "fits"))),
    "FITS with NaN": (FITS, lambda df: as_table(emptied(df), "fits")),
    "the official text": (f"{STEM}.ascii", text),
    "Windows": (f"{STEM}.csv", lambda df: "\ufeff" + text(df, ", ", "").replace("\n", "\r\n")),
    "empty cells": (f"{STEM}.csv", lambda df: emptied(df).to_csv(index=False)),
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
    assert (want["NUVr"] == -99).sum() == 22 and not want.isna().any(axis=None)
    np.testing.assert_array_equal(want["lgGF"], mock["lgGF"])  # float32 in FITS, and still 3.11


WRONG = {  # what the file holds, what is said
    "empty": (lambda df: " \n", "empty"),
    "a web page": (lambda df: "<!DOCTYPE html><html>404</html>\n", "web page"),
    "a VOTable": (lambda df: as_table(df, "votable"), "VOTable; save it as FITS"),
    "a column missing": (lambda df: text(df.drop(columns="NUVr")), "missing or come twice: NUVr$"),
    "a row too many": (lambda df: as_table(pd.concat([df, df.iloc[:1]]), "fits"), "1180 rows"),
    "cut in the last number": (lambda df: text(df[df.columns[::-1]])[:-2], "cut off"),
    "cut FITS": (lambda df: as_table(df, "fits")[:50_000], "cut off"),
    "NUL bytes": (lambda df: text(df).replace("\n", "\0\n"), "NUL"),
    "text as a number": (lambda df: as_table(df.astype({"NUVr": str}), "fits"), "NUVr is not numeric"),
    "not a number": (lambda df: text(df.assign(lgGF=np.nan)), "lgGF has a value that cannot be: nan in row"),
    "an id twice": (lambda df: text(df.assign(GASS=[df.GASS[1], *df.GASS[1:]])), "comes twice"),
    "six megabytes, unpacked": (lambda df: gzip.compress(b"#" * 6_000_000), "larger than 5 MB"),
    "two million rows": (lambda df: b"GASS\n" + b"1\n" * 2_000_000, "columns are missing"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_file_is_refused_in_one_line_that_names_it(fault, df, monkeypatch, tmp_path):
    make, said = WRONG[fault]
    monkeypatch.setenv("XGASS_DATA", str(put(tmp_path, make(df), "mine.dat") / "mine.dat"))
    with pytest.raises(DataError) as error:
        load_catalog()
    reason = re.fullmatch(r"XGASS_DATA cannot be used: mine\.dat: (.*)\. What to do: .*", str(error.value))
    assert reason and re.search(said, reason[1]), error.value
