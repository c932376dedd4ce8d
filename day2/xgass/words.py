"""What the loaders print, and the ways out that errors name; `preflight` needs it before pandas is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import STEM

if TYPE_CHECKING:
    import pandas as pd

WAYS_OUT = {
    "data/mock": "`git checkout -- data/mock`, or download the tutorial again",
    "XGASS_DATA": "put that right, unset XGASS_DATA (then data/xgass is taken), or set XGASS_SOURCE=mock",
    "PRACTICE_DATA": "put that right, or unset PRACTICE_DATA (then data/practice is taken)",
    "the real catalog": f"run `make data` online, or put {STEM}.fits from xgass.icrar.org into data/xgass",
}


def with_way_out(fault: str, reason: object, way_out: str) -> str:
    """Return the message of an error that says what to do."""
    return f"{fault}: {reason}. What to do: {way_out}"


def cannot_be_used(asked_for: str, reason: object) -> str:
    """Return the message of an error about one of WAYS_OUT."""
    return with_way_out(f"{asked_for} cannot be used", reason, WAYS_OUT[asked_for])


def universe_line(table: pd.DataFrame, total: int, fast: bool, notes: list[str]) -> str:
    """Return the line that says which universe a table is from, all of its `total` galaxies or some."""
    count = f"{len(table)} of {total}" if len(table) < total else f"{total}"
    words = ", TUTORIAL_FAST=1" if fast else ""
    if "image" in table and table.attrs["n_missing"]:
        words += ", those with a picture"
    if table.attrs["n_spoiled"]:
        notes = [*notes, f"{table.attrs['n_spoiled']} spoiled pictures count as missing"]
    if table.attrs["source"] == "mock":
        return f"Using the SIMULATED sample: {count} mock galaxies{words} ({'; '.join(notes)})."
    credit = "; ".join(["Catinella et al. 2018", *notes])
    return f"Using the real xGASS catalog: {count} galaxies{words} ({credit})."
