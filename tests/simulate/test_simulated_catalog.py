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


def rms(residual):
    return np.sqrt(np.mean(residual**2))


def likeness(catalog):
    """Return {first words of a row: its figures} for the README's table "How like the real one it is"."""
    known = catalog[catalog["NUVr"] > -90].sort_values("RA")
    x = known[FEATURES]
    y = known["lgGF"]
    without_nuvr = x.drop(columns="NUVr")
    line = LinearRegression()
    quadratic = make_pipeline(StandardScaler(), PolynomialFeatures(2), LinearRegression())
    forest = RandomForestRegressor(200, min_samples_leaf=5, max_features=0.9, random_state=0)

    def residual(model, columns=x):
        shuffled = KFold(5, shuffle=True, random_state=0)
        return y - cross_val_predict(model, columns, y, cv=shuffled)

    def r2(residual):
        return 1 - (rms(residual) / y.std(ddof=0)) ** 2

    of_quadratic = residual(quadratic)
    is_found = known["HIsrc"] < 4
    is_confused = known["HIconf_flag"] == 1
    is_red = known["NUVr"] > 5
    confused = of_quadratic[is_confused]
    other_detections = of_quadratic[is_found & ~is_confused]

    all_limits = catalog["HIsrc"] == 4
    all_confused = catalog["HIconf_flag"] == 1
    percent_undetected = 100 * all_limits.mean()
    percent_undetected_red = 100 * (~is_found)[is_red].mean()
    percent_confused = 100 * all_confused.mean()
    percent_confused_red = 100 * is_confused[is_found & is_red].mean()
    unshuffled = cross_val_score(line, x, y, cv=KFold(5))
    return {
        "R2, linear": [r2(residual(line))],
        "R2, degree 2": [r2(of_quadratic)],
        "R2, random forest": [r2(residual(forest))],
        "RMSE without NUVr": [rms(residual(line, without_nuvr)), rms(residual(forest, without_nuvr))],
        "not detected": [percent_undetected, percent_undetected_red],
        "confused": [percent_confused, percent_confused_red],
        "degree 2": [confused.mean(), rms(confused), rms(other_detections)],
        "spread of lgGF": [catalog["lgGF"].std(), catalog.loc[~all_limits, "lgGF"].std()],
        "R2 of the linear model, worst": [unshuffled.min()],
    }


def rows_of_likeness():
    """Return {first cell: the cells after it} of that table, without its head."""
    section = README.split("## How like the real one it is")[1]
    table = section.split("\n\n")[1]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    head, line_below, *body = rows
    assert head == ["what", "real", "simulated"]
    return {what: cells for what, *cells in body}


@pytest.mark.parametrize(("name", "column"), [("real", 0), ("mock", 1)])
def test_readme_says_what_the_catalogs_score(request, name, column):
    found = likeness(request.getfixturevalue(name))
    rows = rows_of_likeness()
    assert len(rows) == len(found)
    for words, figures in found.items():
        [what] = [what for what in rows if what.startswith(words)]
        said = [float(figure) for figure in re.findall(r"[\d.]+", rows[what][column])]
        in_percent = "%" in rows[what][column]
        assert figures == pytest.approx(said, abs=0.6 if in_percent else 0.004), what


def test_remade_byte_for_byte(tmp_path):
    make_catalog.write_mock(tmp_path)
    for name in ("catalog.csv", "truth.csv"):
        assert (tmp_path / name).read_bytes() == (MOCK / name).read_bytes(), f"{name}: run `make mock`"


def test_a_detection_is_all_the_gas_in_the_beam_and_a_limit_is_a_limit(mock):
    is_limit = mock["HIsrc"] == 4
    added = mock["gas_neighbor"]
    gap = mock["lgGF"] - mock["lgGF_true"] - added
    assert gap[~is_limit].std() < 0.1
    assert abs(gap[~is_limit].mean()) < 0.03
    assert gap[is_limit].median() > 0.15
    assert gap[is_limit].std() > 0.2
    limits_of_low_masses = mock.loc[is_limit & (mock["lgMstar"] < 9.7), "lgMHI"]
    assert limits_of_low_masses.median() == pytest.approx(8.0, abs=0.05)
    assert added.min() == 0
    has_neighbor = (added > 0).astype(int)
    assert mock["HIconf_flag"].equals(has_neighbor.mask(is_limit, -99))


def test_noise_floor():
    floor = json.loads((MOCK / "noise_floor.json").read_text(encoding="utf-8"))
    assert make_catalog.floor_table(floor) in README, "run `python data/simulate/make_catalog.py --floor`"
    rmse = {name: score["all"]["rmse"] for name, score in floor.items()}
    assert rmse["both_0.05"] < rmse["both"] < rmse["both_0.20"]
    assert rmse["both_0.20"] < rmse["table"] - 0.02  # a picture is worth learning from
    small = make_catalog.noise_floor(n=20_000, inputs=("table", "picture", "both"))
    for name, score in small.items():
        assert score["all"]["rmse"] == pytest.approx(rmse[name], abs=0.012), name


def test_means_spreads_and_correlations_are_those_of_the_real_one(mock, real):
    """Means to 10 % of the spread, spreads to 10 %, correlations with lgGF to 0.07."""
    columns = FEATURES + OTHERS
    ours = mock[columns].replace(-99, np.nan)
    theirs = real[columns].replace(-99, np.nan)
    shift = (ours.mean() - theirs.mean()) / theirs.std()
    assert shift.abs().max() < 0.1
    assert (ours.std() / theirs.std() - 1).abs().max() < 0.1
    with_target = [table.corrwith(table["lgGF"]) for table in (ours, theirs)]
    assert (with_target[0] - with_target[1]).abs().max() < 0.07
    mass_with_distance = [table["lgMstar"].corr(table["zSDSS"]) for table in (ours, theirs)]
    assert mass_with_distance[0] == pytest.approx(mass_with_distance[1], abs=0.03)


def test_as_many_limits_at_each_mass_as_in_the_real_one(mock, real):
    def share_of_limits(table):
        step_of_mass = table["lgMstar"] // 0.5
        return (table["HIsrc"] == 4).groupby(step_of_mass).mean()

    assert (share_of_limits(mock) - share_of_limits(real)).abs().max() < 0.1


def test_no_row_comes_from_the_real_one(mock, real):
    """Up to three galaxies agree in mass and magnitude by chance."""

    def masses_and_magnitudes(table):
        return set(zip(table["lgMstar"].round(3), table["model_r"].round(3), strict=True))

    assert len(masses_and_magnitudes(mock) & masses_and_magnitudes(real)) <= 3
