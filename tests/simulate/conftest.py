"""The committed rows of the simulated sample, and the way to the programs that made them."""

import sys
from pathlib import Path

import pandas as pd
import pytest

DATA = Path(__file__).resolve().parents[2] / "data"
sys.path.append(str(DATA / "simulate"))


@pytest.fixture(scope="session")
def mock():
    catalog = pd.read_csv(DATA / "mock" / "catalog.csv")
    truth = pd.read_csv(DATA / "mock" / "truth.csv")
    return catalog.merge(truth, on="GASS", validate="1:1")
