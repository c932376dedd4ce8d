"""A catalog file is read whole and right, whatever its format, or refused in one line that names it."""

import gzip
import io
import re

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from data_made import FITS, STEM, as_table, put, text

from xgass import DataError, load_catalog, table


def emptied(df):
    """Return the table as some programs save it, with nothing where a value is missing."""
    return df.assign(**{name: df[name].where(df[name] != -99) for name in ("NUVr", "HIconf_flag")})


def behind_an_image(df):
    """Return a FITS file whose second extension is the table."""
    out = io.BytesIO()
    hdus = fits.open(io.BytesIO(as_table(df, "fits")))
    fits.HDUList([hdus[0], fits.ImageHDU(np.zeros((9, 9))), hdus[1]]).writeto(out)
    return out.getvalue()


def as_text_in_fits(df):
    """Return a FITS file whose table has its numbers as text."""
    numbers = fits.open(io.BytesIO(as_table(df.drop(columns="SDSS").astype(float), "fits")))[1]
    columns = [fits.Column(c.name, "D25.17", array=numbers.data[c.name]) for c in numbers.columns]
    out = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), fits.TableHDU.from_columns(columns)]).writeto(out)
    return out.getvalue()


def damaged(df):
    """Return a FITS file with check sums, in which one bit of the table is turned."""
    out, table = io.BytesIO(), fits.open(io.BytesIO(as_table(df, "fits")))
    table.writeto(out, checksum=True)
    raw = bytearray(out.getvalue())
    raw[len(raw) // 2] ^= 1
    return bytes(raw)


def shuffled(df, *names):
    """Return the text of a table in which some columns are in another order, together."""
    order = np.random.default_rng(1).permutation(len(df))
    return text(df.assign(**{name: df[name].to_numpy()[order] for name in names}))


FORMATS = {  # name of the file, what it holds
    "FITS, compressed": (f"{FITS}.gz", lambda df: gzip.compress(as_table(df, "fits"))),
    "FITS with NaN": (FITS, lambda df: as_table(emptied(df), "fits")),
    "the official text": (f"{STEM}.ascii", text),
    "Windows": (f"{STEM}.csv", lambda df: "\ufeff" + text(df, ", ", "").replace("\n", "\r\n")),
    "empty cells": (f"{STEM}.csv", lambda df: emptied(df).to_csv(index=False)),
    "other columns": (f"{STEM}.csv", lambda df: text(df[df.columns[::-1]].assign(x="y"), ",", "# ")),
    "tabs and empty cells": (f"{STEM}.tsv", lambda df: emptied(df).to_csv(index=False, sep="\t")),
    "behind an image": (FITS, lambda df: behind_an_image(df)),
    "ECSV": (f"{STEM}.ecsv", lambda df: as_table(df, "ascii.ecsv")),
    "no value in words": (f"{STEM}.csv", lambda df: emptied(df).to_csv(index=False, na_rep="null")),
    "all digits of float32": (f"{STEM}.csv", lambda df: as_table(df, "ascii.csv")),
    "FITS, numbers as text": (FITS, lambda df: as_text_in_fits(df)),
}


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_the_same_table(kind, df, fits, monkeypatch, tmp_path):
    monkeypatch.setenv("XGASS_DATA", str(put(tmp_path / "one", fits)))
    want, (name, make) = load_catalog(), FORMATS[kind]
    folder = put(tmp_path / "other", make(df), name)
    for path in (folder, folder / name):  # the folder, or the file itself
        monkeypatch.setenv("XGASS_DATA", str(path))
        pd.testing.assert_frame_equal(load_catalog(), want, check_exact=True)
    mock = load_catalog("mock")
    assert (want.dtypes == mock.dtypes).all() and want.index.dtype == mock.index.dtype == np.int64
    assert want.index.tolist() == df["GASS"].tolist() and list(want) == list(table.COLUMNS)[1:]
    assert (want["NUVr"] == -99).sum() == 22 and not want.isna().any(axis=None)
    np.testing.assert_array_equal(want["lgGF"], mock["lgGF"])  # float32 in FITS, and still 3.11


WRONG = {  # what the file holds, what is said
    "empty": (lambda df: " \n", "empty"),
    "a web page": (lambda df: "<!DOCTYPE html><html>404</html>\n", "web page"),
    "a VOTable": (lambda df: as_table(df, "votable"), "VOTable; save it as FITS"),
    "a column missing": (lambda df: text(df.drop(columns="NUVr")), "missing or come twice: NUVr "),
    "a row too many": (lambda df: as_table(pd.concat([df, df.iloc[:1]]), "fits"), "1180 rows"),
    "cut in the last number": (lambda df: text(df[df.columns[::-1]])[:-2], "cut off"),
    "cut FITS": (lambda df: as_table(df, "fits")[:50_000], "cut off"),
    "NUL bytes": (lambda df: text(df).replace("\n", "\0\n"), "NUL"),
    "text as a number": (lambda df: as_table(df.astype({"NUVr": str}), "fits"), "NUVr is not numeric"),
    "not a number": (lambda df: text(df.assign(lgGF=np.nan)), "lgGF has a value that cannot be: nan in row"),
    "masses exchanged": (
        lambda df: text(df.rename(columns={"lgMHI": "lgMstar", "lgMstar": "lgMHI"})),
        "lgGF is",
    ),
    "R50 in arcmin": (lambda df: text(df.assign(petrR50_r=df.petrR50_r / 60)), "CINDX is not"),
    "both radii in arcmin": (
        lambda df: text(df.assign(petrR50_r=df.petrR50_r / 60, petrR90_r=df.petrR90_r / 60)),
        "lgmust is not",
    ),
    "RA in hours": (lambda df: text(df.assign(RA=df.RA / 15)), "RA is in hours"),
    "a shuffled lgGF": (lambda df: text(df.assign(lgGF=df.lgGF.to_numpy()[::-1])), "lgGF is not"),
    "a shuffled axis ratio": (lambda df: text(df.assign(expAB_r=df.expAB_r.to_numpy()[::-1])), "INCL is not"),
    "a shuffled redshift": (lambda df: text(df.assign(zSDSS=df.zSDSS.to_numpy()[::-1])), "Dlum is not"),
    "a shuffled source": (lambda df: text(df.assign(HIsrc=df.HIsrc.to_numpy()[::-1])), "HIconf_flag must"),
    **{
        f"shuffled {name}": (lambda df, name=name: shuffled(df, name), "ext_r is not the same for neighbors")
        for name in ("RA", "DEC", "ext_r")
    },
    "the same dust everywhere": (lambda df: text(df.assign(ext_r=0.1)), "ext_r is not the same for neighb"),
    "shuffled brightness": (lambda df: shuffled(df, "model_r"), "model_r does not follow lgMstar"),
    "shuffled color": (lambda df: shuffled(df, "NUVr"), "NUVr does not follow SFR_best"),
    "shuffled star formation": (lambda df: shuffled(df, "SFR_best"), "NUVr does not follow SFR_best"),
    "radii shuffled together": (
        lambda df: shuffled(df, "petrR50_r", "petrR90_r", "CINDX"),
        "petrR50_r does not follow|lgmust is not",
    ),
    "distances shuffled together": (lambda df: shuffled(df, "zSDSS", "Dlum"), "model_r does not follow"),
    "radii in kpc": (
        lambda df: text(df.assign(**{r: df[r] * df.Dlum / 206.265 for r in ("petrR50_r", "petrR90_r")})),
        "petrR50_r does not follow",
    ),
    "DEC in radians": (lambda df: text(df.assign(DEC=np.radians(df.DEC))), "DEC is in hours or radians"),
    "0 for a missing color": (lambda df: text(df.assign(NUVr=df.NUVr.replace(-99, 0))), "NUVr has a value"),
    "a comma in a number": (
        lambda df: text(df.assign(NUVr=df.NUVr.astype(str).str.replace(".", ",")), "\t", ""),
        "NUVr is not numeric: '.*,.*' in row 1",
    ),
    "one bit of a FITS file": (damaged, "does not have its own check sum"),
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
