"""The committed files of the simulated sample, and the way to the programs that made them."""

import sys
from pathlib import Path

import pandas as pd
import pytest

DATA = Path(__file__).resolve().parents[2] / "data"
sys.path.append(str(DATA / "simulate"))


@pytest.fixture(scope="session")
def mock():
    return pd.read_csv(DATA / "mock" / "catalog.csv")


@pytest.fixture(scope="session")
def truth():
    return pd.read_csv(DATA / "mock" / "truth.csv")
