"""What the loaders print, and the ways out that their errors name."""

import pandas as pd

from .table import STEM

WAYS_OUT = {
    "data/mock": "`git checkout -- data/mock`, or download the tutorial again",
    "XGASS_DATA": "put that right, unset XGASS_DATA (then data/xgass is taken), or set XGASS_SOURCE=mock",
    "the real catalog": f"run `make data` online, or put {STEM}.fits from xgass.icrar.org into data/xgass",
}


def cannot_be_used(place: str, reason: object) -> str:
    """Return the message of an error about one of WAYS_OUT."""
    return f"{place} cannot be used: {reason}. What to do: {WAYS_OUT[place]}"


def universe_line(table: pd.DataFrame, total: int, fast: bool, notes: list[str]) -> str:
    """Return the line that says which universe a table of `total` galaxies, or a part of it, is from."""
    count = f"{len(table)} of {total}" if len(table) < total else f"{total}"
    words = ", TUTORIAL_FAST=1" if fast else ""
    if "image" in table and table.attrs["n_missing"]:
        words += ", those with a picture"
    if table.attrs["n_spoilt"]:
        notes = [*notes, f"{table.attrs['n_spoilt']} spoilt pictures count as missing"]
    if table.attrs["source"] == "mock":
        return f"Using the SIMULATED sample: {count} mock galaxies{words} ({'; '.join(notes)})."
    credit = "; ".join(["Catinella et al. 2018", *notes])
    return f"Using the real xGASS catalog: {count} galaxies{words} ({credit})."
