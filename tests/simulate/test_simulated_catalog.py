"""The simulated catalog: remade byte for byte, right in itself, and as like the real one as is said."""

import json
import re
from pathlib import Path

import make_catalog
import numpy as np
import pytest
from astropy.table import Table
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold, cross_val_predict, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

MOCK = Path(__file__).resolve().parents[2] / "data" / "mock"
README = (MOCK / "README.md").read_text(encoding="utf-8")
FEATURES = make_catalog.FEATURES
OTHERS = "RA DEC zSDSS Dlum lgMstar ext_r petrR90_r lgmust SFR_best lgMHI lgGF".split()
COLUMNS = ["GASS", *FEATURES, *OTHERS, "HIsrc", "HIconf_flag"]


@pytest.fixture(scope="module")
def real(real_catalog):
    return Table.read(real_catalog)[COLUMNS].to_pandas().astype(float)


def likeness(catalog):
    """Return the figures of the README's table "How like the real one it is", row by row."""
    known = catalog[catalog["NUVr"] > -90].sort_values("RA")
    x, y, limits = known[FEATURES], known["lgGF"], catalog["HIsrc"] == 4
    line, blind = LinearRegression(), x.drop(columns="NUVr")
    quadratic = make_pipeline(StandardScaler(), PolynomialFeatures(2), line)
    forest = RandomForestRegressor(200, min_samples_leaf=5, max_features=0.9, random_state=0)

    def rms(residual):
        return np.sqrt(np.mean(residual**2))

    def residual(model, columns=x):
        return y - cross_val_predict(model, columns, y, cv=KFold(5, shuffle=True, random_state=0))

    unshuffled = cross_val_score(line, x, y, cv=KFold(5))
    rest, found, confused = residual(quadratic), known["HIsrc"] < 4, known["HIconf_flag"] == 1
    return [
        *([1 - (rms(residual(model)) / y.std(ddof=0)) ** 2] for model in (line, quadratic, forest)),
        [rms(residual(line, blind)), rms(residual(forest, blind))],
        [100 * limits.mean(), 100 * limits[catalog["NUVr"] > 5].mean()],
        [100 * (catalog["HIconf_flag"] == 1).mean(), 100 * confused[found & (known["NUVr"] > 5)].mean()],
        [rest[confused].mean(), rms(rest[confused]), rms(rest[found & ~confused])],
        [catalog["lgGF"].std(), catalog.loc[~limits, "lgGF"].std()],
        [unshuffled.min()],
    ]


@pytest.mark.parametrize(("name", "column"), [("real", 1), ("mock", 2)])
def test_readme_says_what_the_catalogs_score(request, name, column):
    found = likeness(request.getfixturevalue(name))
    rows = README.split("## How like the real one it is")[1].split("\n\n")[1].splitlines()[2:]
    for row, figures in zip(rows, found, strict=True):
        said = [float(v) for v in re.findall(r"[\d.]+", row.split("|")[column + 1])]
        assert figures == pytest.approx(said, abs=0.6 if said[0] > 1 else 0.004), row


def test_remade_byte_for_byte(tmp_path):
    make_catalog.write_mock(tmp_path)
    for name in ("catalog.csv", "truth.csv"):
        assert (tmp_path / name).read_bytes() == (MOCK / name).read_bytes(), f"{name}: run `make mock`"


def test_a_detection_is_all_the_gas_in_the_beam_and_a_limit_is_a_limit(mock):
    limits, added = mock["HIsrc"] == 4, mock["gas_neighbor"]
    gap = mock["lgGF"] - mock["lgGF_true"] - added
    assert gap[~limits].std() < 0.1 and abs(gap[~limits].mean()) < 0.03
    assert gap[limits].median() > 0.15 and gap[limits].std() > 0.2
    assert mock.loc[limits & (mock["lgMstar"] < 9.7), "lgMHI"].median() == pytest.approx(8.0, abs=0.05)
    assert mock["HIconf_flag"].equals((added > 0).astype(int).mask(limits, -99)) and added.min() == 0


def test_noise_floor():
    floor = json.loads((MOCK / "noise_floor.json").read_text(encoding="utf-8"))
    assert make_catalog.floor_table(floor) in README, "run `python data/simulate/make_catalog.py --floor`"
    rmse = {name: score["all"]["rmse"] for name, score in floor.items()}
    assert rmse["both_0.05"] < rmse["both"] < rmse["both_0.20"] < rmse["table"] - 0.02  # worth learning
    for name, score in make_catalog.noise_floor(n=20_000, inputs=("table", "picture", "both")).items():
        assert score["all"]["rmse"] == pytest.approx(rmse[name], abs=0.012), name


def test_means_spreads_and_correlations_are_those_of_the_real_one(mock, real):
    """Means to 10 % of the spread, spreads to 10 %, correlations with lgGF to 0.07."""
    a, b = (table[COLUMNS].replace(-99, np.nan) for table in (mock, real))
    columns = FEATURES + OTHERS
    assert ((a.mean() - b.mean()).abs() / b.std())[columns].max() < 0.1
    assert (a.std() / b.std() - 1).abs()[columns].max() < 0.1
    assert (a[columns].corrwith(a["lgGF"]) - b[columns].corrwith(b["lgGF"])).abs().max() < 0.07
    assert a["lgMstar"].corr(a["zSDSS"]) == pytest.approx(b["lgMstar"].corr(b["zSDSS"]), abs=0.03)
    undetected = [(t["HIsrc"] == 4).groupby(t["lgMstar"] // 0.5).mean() for t in (a, b)]
    assert (undetected[0] - undetected[1]).abs().max() < 0.1
    pairs = [set(zip(t["lgMstar"].round(3), t["model_r"].round(3), strict=True)) for t in (mock, real)]
    assert len(pairs[0] & pairs[1]) <= 3  # no row comes from the real one; these are chance
