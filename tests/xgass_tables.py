"""Catalogues for the tests: the simulated sample under ids that real galaxies could have, and as files."""

from pathlib import Path

import numpy as np
import pandas as pd
from astropy.table import Table

ROOT = Path(__file__).resolve().parents[1]
MOCK = ROOT / "data" / "mock"
REAL = ROOT.parent / "shared" / "xgass"
FITS, ASCII = "xGASS_representative_sample.fits", "xGASS_representative_sample.ascii"


def as_real():
    """Return a table like the real one: plausible ids, a text column, float32, a flag with fractions."""
    df = pd.read_csv(MOCK / "catalog.csv")
    df["GASS"] -= 890_000
    df.insert(1, "SDSS", [f"J{i:06d}.00+000000.0" for i in range(len(df))])
    df["lgSFR_tot_median"] = np.where(np.arange(len(df)) == 7, np.nan, -0.5)
    floats = df.select_dtypes("float64").columns.difference(["RA", "DEC"])
    return df.astype(dict.fromkeys(floats, np.float32) | {"GASS": np.int32, "HIsrc": np.int16})


def write_fits(df, path):
    """Write a FITS table, big-endian as FITS is."""
    words = {name: object for name in df if isinstance(df[name].iloc[0], str)}
    Table.from_pandas(df.astype(words)).write(path, overwrite=True)
    return path


def text(df, separator=" ", comment="#"):
    """Return the table as text, as the official ASCII file: names behind a #, then one line per galaxy."""
    rows = [separator.join(map(str, row)) for row in df.itertuples(index=False)]
    return "\n".join([comment + separator.join(df.columns), *rows, ""])
