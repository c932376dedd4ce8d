"""The simulated catalogue: remade byte for byte, right in itself, and like the real one."""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold, cross_val_predict, cross_validate, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

ROOT = Path(__file__).resolve().parents[1]
MOCK = ROOT / "data" / "mock"
REAL = ROOT.parent / "shared" / "xgass" / "xGASS_representative_sample.fits"

FEATURES = ["model_r", "NUVr", "expAB_r", "petrR50_r", "CINDX", "INCL"]
MEASURED = "RA DEC zSDSS Dlum lgMstar ext_r petrR90_r lgmust SFR_best lgMHI lgGF".split()
COLUMNS = (
    "GASS RA DEC zSDSS Dlum lgMstar expAB_r model_r ext_r petrR50_r petrR90_r lgmust CINDX INCL NUVr "
    "SFR_best HIsrc lgMHI lgGF HIconf_flag"
).split()
MASS_EDGES = [9, 9.4, 9.7, 10, 10.5, 11, 11.5]
MASS_LIMITS = [-1.57, -1.68, -1.62, -1.80, -1.83]  # median real limit on lgGF in each step but the first
FOLDS = KFold(5, shuffle=True, random_state=0)

needs_real = pytest.mark.skipif(not REAL.exists(), reason="the real catalogue is not in ../shared/xgass")


def load_simulator():
    """The program that makes the catalogue, as a module."""
    program = ROOT / "data" / "simulate" / "catalog.py"
    spec = importlib.util.spec_from_file_location("simulate_catalog", program)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def simulator():
    pytest.importorskip("astropy", reason="astropy is needed to remake the simulated catalogue")
    return load_simulator()


@pytest.fixture(scope="module")
def mock():
    return pd.read_csv(MOCK / "catalog.csv")


@pytest.fixture(scope="module")
def truth():
    return pd.read_csv(MOCK / "truth.csv")


@pytest.fixture(scope="module")
def real():
    table = pytest.importorskip("astropy.table", reason="astropy is needed to read the real catalogue")
    return table.Table.read(REAL)[COLUMNS].to_pandas().astype(float)


# ---- the comparison of two catalogues, as functions, so that it can be shown to fail


def without_sentinels(catalog):
    """The catalogue with its sentinel -99 as NaN."""
    return catalog.replace(-99, np.nan)


def r2_scores(catalog, trees=200):
    """R2 of the three models of the lesson, pooled over shuffled 5-fold cross-validation."""
    known = catalog[catalog["NUVr"] > -90]
    x, y = known[FEATURES].to_numpy(float), known["lgGF"].to_numpy(float)
    models = {
        "linear": LinearRegression(),
        "degree 2": make_pipeline(StandardScaler(), PolynomialFeatures(2), LinearRegression()),
        "forest": RandomForestRegressor(trees, min_samples_leaf=5, max_features=0.9, random_state=0),
    }
    predicted = {name: cross_val_predict(model, x, y, cv=FOLDS) for name, model in models.items()}
    return {name: 1 - np.mean((p - y) ** 2) / np.var(y) for name, p in predicted.items()}


def r2_differences(catalog, other, trees=200):
    """The models whose R2 differs by 0.03 or more."""
    first, second = r2_scores(catalog, trees), r2_scores(other, trees)
    return {name: (first[name], second[name]) for name in first if abs(first[name] - second[name]) >= 0.03}


def moment_differences(catalog, other):
    """The columns whose mean or spread differs by 10 % or more.

    A mean must also agree to 10 % of the spread: the stricter rule for magnitudes, logarithms and angles,
    whose mean has no natural zero.
    """
    a, b = (without_sentinels(table)[FEATURES + MEASURED] for table in (catalog, other))
    mean, std = (a.mean() - b.mean()).abs(), (a.std() / b.std() - 1).abs()
    wrong = (mean >= 0.1 * b.mean().abs()) | (mean >= 0.1 * b.std()) | (std >= 0.1)
    return list(wrong.index[wrong])


def correlation_differences(catalog, other):
    """The columns whose correlation with lgGF differs by 0.07 or more."""
    a, b = (without_sentinels(table) for table in (catalog, other))
    columns = [name for name in FEATURES + MEASURED if name != "lgGF"]
    difference = (a[columns].corrwith(a["lgGF"]) - b[columns].corrwith(b["lgGF"])).abs()
    return list(difference.index[difference >= 0.07])


def undetected_by_mass(catalog):
    """Share of non-detections in steps of stellar mass."""
    steps = pd.cut(catalog["lgMstar"], MASS_EDGES)
    return (catalog["HIsrc"] == 4).groupby(steps, observed=False).mean()


# ---- the files themselves


def test_remade_byte_for_byte(simulator, tmp_path):
    simulator.write_mock(tmp_path)
    for name in ("catalog.csv", "truth.csv"):
        assert (tmp_path / name).read_bytes() == (MOCK / name).read_bytes(), f"{name}: run `make mock`"


def test_another_seed_gives_another_sample(simulator):
    first, second = simulator.make_sample()[0], simulator.make_sample(seed=1)[0]
    assert not np.allclose(first["NUVr"], second["NUVr"])


def test_columns_and_ids(mock, truth):
    assert list(mock.columns) == COLUMNS
    assert list(truth.columns) == ["GASS", "lgGF_true", "gas_seen", "gas_unseen"]
    assert sorted(mock["GASS"]) == list(range(900001, 900001 + 1179))
    assert mock["GASS"].equals(truth["GASS"])
    assert mock["RA"].is_monotonic_increasing
    assert not mock["GASS"].is_monotonic_increasing
    assert np.isfinite(mock.to_numpy(float)).all() and np.isfinite(truth.to_numpy(float)).all()


def test_ranges_are_those_of_the_survey(mock):
    assert mock["lgMstar"].between(9, 11.5).all()
    assert mock["zSDSS"].between(0.01, 0.05).all()
    assert mock["expAB_r"].between(0.1, 1).all()
    assert mock["CINDX"].between(1.7, 3.85).all()
    assert mock["petrR50_r"].between(0.8, 30).all()
    assert mock["model_r"].between(12, 18).all()
    assert mock["RA"].between(0, 360).all() and mock["DEC"].between(0, 37).all()


def test_gaps_and_flags(mock):
    assert (mock["NUVr"] == -99).sum() == 22
    assert (mock["SFR_best"] == -99).sum() == 8
    limits = mock["HIsrc"] == 4
    assert set(mock["HIsrc"]) == {1, 2, 3, 4}
    assert (mock.loc[limits, "HIconf_flag"] == -99).all()
    assert set(mock.loc[~limits, "HIconf_flag"]) == {0, 1}
    assert abs((mock["HIconf_flag"] == 1).sum() - 108) <= 5
    assert not (mock.drop(columns=["NUVr", "SFR_best", "HIconf_flag"]) == -99).any().any()


def test_columns_agree_with_each_other(mock):
    q = mock["expAB_r"]
    incl = np.degrees(np.arccos(np.sqrt(np.clip((q**2 - 0.04) / 0.96, 0, 1))))
    assert np.abs(incl - mock["INCL"]).max() < 0.06
    assert np.abs(mock["petrR90_r"] - mock["CINDX"] * mock["petrR50_r"]).max() < 0.006
    assert np.abs(mock["lgMHI"] - mock["lgMstar"] - mock["lgGF"]).max() < 0.0011


def test_limits_are_limits_of_the_survey(mock, truth):
    limits = mock["HIsrc"] == 4
    assert limits.mean() == pytest.approx(0.318, abs=0.03)
    steps = pd.cut(mock["lgMstar"], MASS_EDGES)
    typical = mock[limits].groupby(steps[limits], observed=False)["lgGF"].median()
    assert np.allclose(typical.iloc[1:], MASS_LIMITS, atol=0.08)
    near = mock[limits & (mock["lgMstar"] < 9.7)]
    assert near["lgMHI"].median() == pytest.approx(8.0, abs=0.05)
    # Not a true value: the gas that such a galaxy holds lies below its limit and scatters much more widely.
    gap = mock["lgGF"] - truth["lgGF_true"]
    assert gap[limits].median() > 0.15 and gap[limits].std() > 0.2
    assert gap[~limits].std() < 0.1 and abs(gap[~limits].mean()) < 0.03
    high = limits & (mock["lgMstar"] > 10.5)
    assert truth.loc[high, "lgGF_true"].std() > 3 * mock.loc[high, "lgGF"].std()


def test_non_detections_rise_with_mass_and_redness(mock):
    limits, known = mock["HIsrc"] == 4, mock["NUVr"] > -90
    share = undetected_by_mass(mock)
    assert share.iloc[0] < 0.2 < share.iloc[3] < 0.4 < share.iloc[5]
    by_colour = limits[known].groupby(pd.cut(mock.loc[known, "NUVr"], [0, 3, 4, 5, 8]), observed=False).mean()
    assert by_colour.is_monotonic_increasing
    assert by_colour.iloc[0] < 0.02
    assert by_colour.iloc[-1] == pytest.approx(0.76, abs=0.05)


def test_truth_adds_up(mock, truth):
    scatter = truth["gas_seen"] + truth["gas_unseen"]
    seen_share = truth["gas_seen"].var() / (truth["gas_seen"].var() + truth["gas_unseen"].var())
    assert 0.5 < seen_share < 0.65
    assert abs(truth["gas_seen"].corr(truth["gas_unseen"])) < 0.08
    # Nothing of the scatter is in the table: no column knows it (chance correlation of 1179 galaxies: 0.03).
    columns = without_sentinels(mock)[FEATURES]
    assert columns.corrwith(scatter).abs().max() < 0.1


# ---- the lessons


def test_overfits_with_the_degree(mock):
    known = mock[mock["NUVr"] > -90]
    x, y = known[FEATURES].to_numpy(float), known["lgGF"].to_numpy(float)
    test, train = [], []
    for degree in range(1, 6):
        model = make_pipeline(StandardScaler(), PolynomialFeatures(degree), LinearRegression())
        scores = cross_validate(model, x, y, cv=FOLDS, return_train_score=True)
        test.append(scores["test_score"].mean())
        train.append(scores["train_score"].mean())
    assert np.argmax(test) == 1
    assert test[3] < test[2] - 0.1 and test[4] < 0
    assert np.all(np.diff(train) > 0) and train[4] > 0.88


def test_importances_disagree_about_concentration(mock):
    """Impurity ranks CINDX second after NUVr; permuted in unseen galaxies it hardly matters."""
    known = mock[mock["NUVr"] > -90]
    x, y = known[FEATURES].to_numpy(float), known["lgGF"].to_numpy(float)
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2, random_state=42)
    forest = RandomForestRegressor(50, min_samples_leaf=5, max_features=0.9, random_state=0)
    forest.fit(x_train, y_train)
    impurity = pd.Series(forest.feature_importances_, FEATURES).sort_values(ascending=False)
    permuted = permutation_importance(forest, x_test, y_test, n_repeats=10, random_state=0).importances_mean
    assert list(impurity.index[:2]) == ["NUVr", "CINDX"]
    assert impurity["NUVr"] > 0.7 and 0.04 < impurity["CINDX"] < 0.11
    permuted = pd.Series(permuted, FEATURES)
    assert permuted.idxmax() == "NUVr" and permuted["NUVr"] > 1
    assert permuted["CINDX"] < 0.03


def test_unshuffled_folds_differ(mock):
    """The last of five folds in file order (by RA) has few low-mass galaxies and the worst score."""
    known = mock[mock["NUVr"] > -90]
    x, y = known[FEATURES].to_numpy(float), known["lgGF"].to_numpy(float)
    scores = cross_validate(LinearRegression(), x, y, cv=KFold(5))["test_score"]
    low_mass = [(known["lgMstar"].iloc[rows] < 10).sum() for _, rows in KFold(5).split(x)]
    assert np.argmin(scores) == 4 and scores[4] < scores[:4].mean() - 0.03
    assert low_mass[4] < 20 < 40 < min(low_mass[:4])


def test_noise_floor_is_written_and_ordered(simulator):
    floor = json.loads((MOCK / "noise_floor.json").read_text(encoding="utf-8"))
    assert simulator.floor_table(floor) in (MOCK / "README.md").read_text(encoding="utf-8"), (
        "README and noise_floor.json differ: run `python data/simulate/make_catalog.py --floor`"
    )
    rmse = {name: score["all"]["rmse"] for name, score in floor.items()}
    assert rmse["both"] < rmse["picture"] < rmse["table"] < rmse["table_without_nuvr"]
    # What the picture shows on top of the table is worth learning.
    assert rmse["both"] < 0.85 * rmse["table"]
    quick = simulator.noise_floor(n=8_000)
    for name in ("table", "picture", "both"):
        assert quick[name]["all"]["rmse"] == pytest.approx(rmse[name], abs=0.02)


# ---- like the real one


@needs_real
def test_models_score_as_on_the_real_table(mock, real):
    assert r2_differences(mock, real) == {}


@needs_real
def test_means_spreads_and_correlations(mock, real):
    assert moment_differences(mock, real) == []
    assert correlation_differences(mock, real) == []


@needs_real
def test_survey_finds_what_the_real_one_found(mock, real):
    assert (undetected_by_mass(mock) - undetected_by_mass(real)).abs().max() < 0.1
    assert mock["lgGF"].std() == pytest.approx(real["lgGF"].std(), abs=0.03)
    detected = [table.loc[table["HIsrc"] != 4, "lgGF"].std() for table in (mock, real)]
    assert detected[0] == pytest.approx(detected[1], abs=0.03)
    shares = [t["HIsrc"].value_counts(normalize=True).sort_index().to_numpy() for t in (mock, real)]
    assert np.abs(shares[0] - shares[1]).max() < 0.03
    assert mock["lgMstar"].corr(mock["zSDSS"]) == pytest.approx(real["lgMstar"].corr(real["zSDSS"]), abs=0.03)


@needs_real
def test_as_bad_without_the_colour(mock, real):
    scores = []
    for catalog in (mock, real):
        known = catalog[catalog["NUVr"] > -90]
        x, y = known[FEATURES].drop(columns="NUVr").to_numpy(float), known["lgGF"].to_numpy(float)
        scores.append(np.sqrt(np.mean((cross_val_predict(LinearRegression(), x, y, cv=FOLDS) - y) ** 2)))
    assert scores[0] == pytest.approx(scores[1], abs=0.03)


@needs_real
def test_no_row_comes_from_the_real_table(mock, real):
    assert set(mock["GASS"]).isdisjoint(real["GASS"].astype(int))
    pairs = [set(zip(t["lgMstar"].round(3), t["model_r"].round(3), strict=True)) for t in (mock, real)]
    assert len(pairs[0] & pairs[1]) <= 3  # by chance


# ---- the comparison can fail


@needs_real
def test_shuffled_labels_are_noticed(mock, real):
    spoiled = mock.copy()
    spoiled["lgGF"] = mock["lgGF"].sample(frac=1, random_state=0).to_numpy()
    assert set(r2_differences(spoiled, real, trees=20)) == {"linear", "degree 2", "forest"}
    assert "NUVr" in correlation_differences(spoiled, real)
    assert moment_differences(spoiled, real) == []  # no mean moves: hence the next test


@needs_real
@pytest.mark.parametrize(
    ("column", "spoil"),
    [
        ("petrR50_r", lambda x: 1.2 * x),
        ("NUVr", lambda x: x.where(x < -90, x + 0.3)),
        ("model_r", lambda x: x + 0.2),
    ],
)
def test_a_wrong_column_is_noticed(mock, real, column, spoil):
    assert moment_differences(mock.assign(**{column: spoil(mock[column])}), real) == [column]


def test_true_values_instead_of_limits_are_noticed(mock, truth):
    with pytest.raises(AssertionError):
        test_limits_are_limits_of_the_survey(mock.assign(lgGF=truth["lgGF_true"]), truth)


def test_an_edited_file_is_noticed(simulator, tmp_path, monkeypatch):
    (tmp_path / "edited").mkdir()
    for name in ("catalog.csv", "truth.csv"):
        text = (MOCK / name).read_text(encoding="utf-8")
        (tmp_path / "edited" / name).write_text(text.replace("9000", "9100", 1), encoding="utf-8")
    monkeypatch.setattr(sys.modules[__name__], "MOCK", tmp_path / "edited")
    with pytest.raises(AssertionError, match="make mock"):
        test_remade_byte_for_byte(simulator, tmp_path)
