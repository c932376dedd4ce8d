"""Answers that learners may give to the exercises of part 1: at least five right and ten wrong ones each.

Each is code that leaves `answer`, as a cell of the notebook would. A wrong one stands beside words of the
hint that it should get; "✗" where any hint will do.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from edits import edit
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.ensemble import RandomForestRegressor
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from cells import read, solutions
from exercises import practice_table
from exercises.checks import NOT_YET

CATALOG = Path(__file__).resolve().parents[2] / "data" / "mock" / "catalog.csv"
FEATURES = ["model_r", "NUVr", "expAB_r", "petrR50_r", "CINDX", "INCL"]
STUDIES = {}  # the test RMSE by table and arguments
IMPORTS_OF_ANSWERS = """
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.feature_selection import GenericUnivariateSelect, SelectPercentile
from sklearn.metrics import mean_absolute_error
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeRegressor
"""


class FixedColumns(TransformerMixin, BaseEstimator):
    """A choice of columns that was made before."""

    def __init__(self, columns):
        self.columns = columns

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X[:, self.columns]


def polynomial(degree):
    return make_pipeline(StandardScaler(), PolynomialFeatures(degree, include_bias=False), LinearRegression())


def fold_rmse(model, X, y, cv):
    return -cross_val_score(model, X, y, cv=cv, scoring="neg_root_mean_squared_error")


def log_likelihood_of(table, extra):
    """Stand in for the notebook's: that of a line with one scatter, labels taken as values."""
    columns = pd.concat([table[FEATURES], table[extra].pow(2).add_suffix(" squared")], axis=1)
    line = LinearRegression().fit(columns, table["lgGF"])
    scatter2 = np.mean((table["lgGF"] - line.predict(columns)) ** 2)
    return -0.5 * len(table) * (np.log(2 * np.pi * scatter2) + 1)


def study(table, name, features, target, missing=-99):
    """Stand in for the notebook's template; what was studied before is looked up, for it takes a while."""
    known = (int(pd.util.hash_pandas_object(table).sum()), name, tuple(features), missing)
    if known not in STUDIES:
        STUDIES[known] = study_anew(table, name, features, target, missing)
    return {"test RMSE": STUDIES[known]}


def study_anew(table, name, features, target, missing):
    """RMSE for objects locked away, of a polynomial whose settings were chosen by cross-validation."""
    table = table[(table[[*features, target]] != missing).all(axis=1)].dropna(subset=[*features, target])
    learn_names, _ = train_test_split(sorted(set(table[name])), test_size=0.2, random_state=42)
    is_learn = table[name].isin(learn_names)
    learn, exam = table[is_learn], table[~is_learn]
    recipe = make_pipeline(StandardScaler(), PolynomialFeatures(include_bias=False), Ridge())
    settings = {"polynomialfeatures__degree": [1, 2], "ridge__alpha": [0.1, 1, 10, 100]}
    by_object = list(GroupKFold(5).split(learn, groups=learn[name]))
    search = GridSearchCV(recipe, settings, cv=by_object, scoring="neg_root_mean_squared_error")
    search.fit(learn[features], learn[target])
    return root_mean_squared_error(exam[target], search.predict(exam[features]))


def names_of(n):
    """Return the names of a notebook on n galaxies."""
    catalog = pd.read_csv(CATALOG, index_col="GASS").sample(n, random_state=1)
    train = catalog[catalog["NUVr"] != -99].sample(frac=0.8, random_state=2)
    X, y = train[FEATURES], train["lgGF"]
    cv = KFold(5, shuffle=True, random_state=42)
    noise = np.random.default_rng(42).normal(size=(len(X), 2000))
    own = {
        "catalog": catalog,
        "train": train,
        "X": X,
        "y": y,
        "cv": cv,
        "folds": np.array_split(np.random.default_rng(42).permutation(len(X)), 5),
        "forest": RandomForestRegressor(5, min_samples_leaf=5, max_features=0.7, random_state=42),
        "noise": noise,
        "best": SelectKBest(f_regression, k=20).fit(noise, y).get_support(indices=True),
        "best_100": SelectKBest(f_regression, k=100).fit(noise, y).get_support(indices=True),
        "home": train[train["HIsrc"] == 1],
        "away": train[train["HIsrc"] != 1],
        "spectra": practice_table(),
        "lines": [f"line_{i}" for i in range(8)],
    }
    names = globals() | own
    exec(IMPORTS_OF_ANSWERS, names)
    return names


@pytest.fixture(scope="module")
def names():
    """As many galaxies as in the fast mode."""
    return names_of(300)


@pytest.fixture(scope="module")
def names_of_all():
    return names_of(1179)


CONTEXT = {
    "missing": ["catalog"],
    "fold": ["X", "y", "folds"],
    "leak": ["noise", "y", "cv"],
    "drop": ["forest", "X", "y", "cv"],
    "trap": ["train", "FEATURES"],
    "bend": ["train", "log_likelihood_of"],
    "table": ["study"],
}

FOLD = """
def answer(rows):
    others = np.setdiff1d(np.arange(len(X)), rows)
    line = LinearRegression().fit(X.iloc[others], y.iloc[others])
    residual = y.iloc[rows] - line.predict(X.iloc[rows])
    return np.sqrt(np.mean(residual**2))
"""
TRAP = """
model = polynomial(2).fit(home[FEATURES], home["lgGF"])
answer = root_mean_squared_error(away["lgGF"], model.predict(away[FEATURES]))
"""
GAINS = """
line = log_likelihood_of(train, [])
color = log_likelihood_of(train, ["NUVr"])
size = log_likelihood_of(train, ["petrR50_r"])
answer = (color - line, size - line)
"""
WITHOUT = 'answer = fold_rmse(forest, X.drop(columns="CINDX"), y, cv)'


RIGHT = {
    "missing": [
        'answer = (catalog["SFR_best"] == -99).sum()',
        'answer = len(catalog.query("SFR_best == -99"))',
        'answer = float(sum(catalog["SFR_best"] < 0))',
        'answer = catalog["SFR_best"].value_counts()[-99]',
        'answer = np.array([np.count_nonzero(catalog["SFR_best"].to_numpy() == -99)])',
        'answer = catalog["SFR_best"].replace(-99, np.nan).isna().sum()',
        'answer = catalog[catalog["SFR_best"] == -99].shape[0]',
    ],
    "fold": [
        FOLD,
        edit(FOLD, "np.sqrt(np.mean(residual**2))", "round(np.sqrt(np.mean(residual**2)), 3)"),
        edit(FOLD, "np.sqrt(np.mean(residual**2))", "np.float32((residual**2).mean() ** 0.5)"),
        edit(FOLD, "np.sqrt(np.mean(residual**2))", "[np.linalg.norm(residual) / len(rows) ** 0.5]"),
        edit(FOLD, "np.setdiff1d(np.arange(len(X)), rows)", "~np.isin(np.arange(len(X)), rows)"),
        edit(FOLD, "np.setdiff1d(np.arange(len(X)), rows)", "np.delete(np.arange(len(X)), rows)"),
        edit(FOLD, "LinearRegression()", "make_pipeline(StandardScaler(), LinearRegression())"),
        edit(FOLD, "np.setdiff1d(np.arange(len(X)), rows)", "[i for i in range(len(X)) if i not in rows]"),
        """
def answer(rows):
    X_fit, y_fit = X.drop(X.index[rows]), y.drop(y.index[rows])
    A = np.column_stack([np.ones(len(X_fit)), X_fit])
    w = np.linalg.lstsq(A, y_fit, rcond=None)[0]
    said = np.column_stack([np.ones(len(rows)), X.iloc[rows]]) @ w
    return root_mean_squared_error(y.iloc[rows], said)
""",
    ],
    "leak": [
        "answer = make_pipeline(SelectKBest(f_regression, k=20), LinearRegression())",
        "answer = make_pipeline(StandardScaler(), SelectKBest(f_regression, k=20), LinearRegression())",
        "answer = make_pipeline(SelectKBest(f_regression, k=20), StandardScaler(), Ridge())",
        "answer = make_pipeline(SelectKBest(f_regression, k=20), LinearRegression()).fit(noise, y)",
        "answer = make_pipeline(SelectPercentile(f_regression, percentile=1), Ridge(1e4))",
        "answer = make_pipeline(SelectKBest(f_regression, k=20), DecisionTreeRegressor(max_depth=3))",
        "answer = make_pipeline(make_pipeline(SelectKBest(f_regression, k=20)), LinearRegression())",
        "answer = make_pipeline(GenericUnivariateSelect("
        "f_regression, mode='k_best', param=20), LinearRegression())",
        "answer = make_pipeline(SelectKBest(lambda X, y: abs(y @ (X - X.mean(0))), k=20), Ridge())",
    ],
    "drop": [
        WITHOUT,
        WITHOUT + ".tolist()",
        WITHOUT + ".round(3)",
        WITHOUT + "\nanswer = pd.Series(answer)",
        "table = X[[c for c in FEATURES if c != 'CINDX']]\nanswer = [\n"
        "    root_mean_squared_error(y.iloc[b],\n"
        "        clone(forest).fit(table.iloc[a], y.iloc[a]).predict(table.iloc[b]))\n"
        "    for a, b in cv.split(X)]",
        'answer = np.sqrt(-cross_val_score(forest, X.drop("CINDX", axis=1).to_numpy(), y, cv=cv,\n'
        '    scoring="neg_mean_squared_error"))',
        WITHOUT + ".reshape(5, 1).astype('float32')",
    ],
    "trap": [
        TRAP,
        TRAP + "answer = round(answer, 3)",
        edit(TRAP, "polynomial(2)",
             "make_pipeline(StandardScaler(), PolynomialFeatures(2), LinearRegression())"),
        TRAP + "answer = np.array([answer], 'float32')",
        edit(TRAP, 'root_mean_squared_error(away["lgGF"], model.predict(away[FEATURES]))',
             '((away["lgGF"] - model.predict(away[FEATURES])) ** 2).mean() ** 0.5'),
        "blind = train['HIsrc'] == 1\nmodel = polynomial(2).fit(X[blind], y[blind])\n"
        "answer = np.std(y[~blind] - model.predict(X[~blind]))\n"
        "answer = np.hypot(answer, np.mean(y[~blind] - model.predict(X[~blind])))",
    ],
    "bend": [
        GAINS,
        GAINS + "answer = list(np.round(answer, 1))",
        GAINS + "answer = np.array(answer).round(2)",
        GAINS + "answer = pd.Series(answer, ['NUVr', 'petrR50_r'])",
        "answer = [[log_likelihood_of(train, [c]) - log_likelihood_of(train, [])]"
        " for c in ('NUVr', 'petrR50_r')]",
    ],
    "table": [
        'answer = study(spectra, "star", lines, "feh", missing=999)["test RMSE"]',
        'answer = study(spectra[spectra["line_0"] != 999], "star", lines, "feh")["test RMSE"]',
        'answer = study(spectra.replace(999, np.nan), "star", lines, "feh")["test RMSE"]',
        'answer = round(study(spectra, "star", lines, "feh", missing=999)["test RMSE"], 2)',
        'answer = study(spectra, "star", lines[:3], "feh", missing=999)["test RMSE"]',
        'answer = [study(spectra.query("line_0 < 900"), "star", lines, "feh", None)["test RMSE"]]',
    ],
}  # fmt: skip

WRONG = {
    "missing": [
        ("isna() nor == 0", 'answer = catalog["SFR_best"].isna().sum()'),
        ("HAVE", 'answer = (catalog["SFR_best"] != -99).sum()'),
        ("HAVE", 'answer = (catalog["SFR_best"] > 0).sum()'),
        ("for NUVr", 'answer = (catalog["NUVr"] == -99).sum()'),
        ("That is the share", 'answer = (catalog["SFR_best"] == -99).mean()'),
        ("added up the values", 'answer = catalog.loc[catalog["SFR_best"] == -99, "SFR_best"].sum()'),
        ("whole `catalog`", "answer = len(catalog)"),
        ("whole `catalog`", 'answer = (catalog[["SFR_best", "NUVr"]] == -99).any(axis=1).sum()'),
        (".sum() counts", 'answer = catalog["SFR_best"] == -99'),
        ("one number", 'answer = (catalog == -99).sum()'),
        ("plain numbers", 'answer = "8"'),
        ("whole `catalog`", 'answer = -(catalog["SFR_best"] == -99).sum()'),
        ("whole `catalog`", "answer = (catalog == -99).sum().sum()"),
        ("✗", 'answer = catalog.query("SFR_best == -99")'),
        ("✗", 'answer = catalog["SFR_best"].mean()'),
    ],
    "fold": [
        ("galaxies fitted", edit(FOLD, "iloc[rows]", "iloc[others]")),
        ("on all rows", edit(FOLD, "iloc[others]", "iloc[:]")),
        ("Fitted on held_out", edit(FOLD, "iloc[others]", "iloc[rows]")),
        ("Fitted on held_out", edit(FOLD, "    line", "    rows, others = others, rows\n    line")),
        ("That is R2", edit(FOLD, "np.sqrt(np.mean(residual**2))", "line.score(X.iloc[rows], y.iloc[rows])")),
        ("mean of the squares", edit(FOLD, "np.sqrt(np.mean(residual**2))", "np.mean(residual**2)")),
        ("minus the RMSE", edit(FOLD, "return ", "return -")),
        ("it should be", edit(FOLD, "np.sqrt(np.mean(residual**2))", "np.std(residual)")),
        ("it should be", edit(FOLD, "np.sqrt(np.mean(residual**2))", "np.std(residual, ddof=1)")),
        ("it should be", edit(FOLD, "np.sqrt(np.mean(residual**2))", "np.mean(np.abs(residual))")),
        ("it should be", edit(FOLD, "np.sqrt(np.mean(residual**2))", "np.median(np.abs(residual))")),
        ("it should be", edit(FOLD, "np.sqrt(np.mean(residual**2))", "np.mean(residual)")),
        ("it should be", edit(FOLD, "X.iloc[", "X[['NUVr']].iloc[")),
        ("it should be", edit(FOLD, "LinearRegression()", "Ridge(30)")),
        ("it should be", edit(FOLD, "np.arange(len(X))", "np.arange(len(X) // 2)")),
        ("same number for every fold", edit(FOLD, "    others", "    rows = folds[1]\n    others")),
        ("same number for every fold",
         "answer = lambda rows: fold_rmse(LinearRegression(), X, y, cv).mean()"),
        ("Scored on all rows", edit(FOLD, "iloc[rows]", "iloc[:]")),
        ("returns nothing", edit(FOLD, "return ", "")),
        ("yours holds", edit(FOLD, "np.sqrt(np.mean(residual**2))", "residual")),
        ("yours holds", "answer = lambda rows: fold_rmse(LinearRegression(), X, y, cv)"),
        ("raised KeyError", edit(FOLD, "X.iloc[others]", "X[others]")),
        ("without parentheses", "answer = 0.31"),
    ],
    "leak": [
        ("Asked for is a pipeline", "answer = LinearRegression()"),
        ("Asked for is a pipeline", "answer = cross_val_score(LinearRegression(), noise, y, cv=cv).mean()"),
        ("Asked for is a pipeline", "answer = SelectKBest(f_regression, k=20)"),
        ("Asked for is a pipeline", "answer = make_pipeline(LinearRegression())"),
        ("Asked for is a pipeline", "answer = [SelectKBest(f_regression, k=20), LinearRegression()]"),
        ("sees 2000", "answer = make_pipeline(StandardScaler(), LinearRegression())"),
        ("sees 2000", "answer = make_pipeline(StandardScaler(), LinearRegression()).fit(noise[:, best], y)"),
        ("sees 5 columns", "answer = make_pipeline(SelectKBest(f_regression, k=5), LinearRegression())"),
        ("sees 10 columns", "answer = make_pipeline(SelectKBest(f_regression), LinearRegression())"),
        ("f_classif", "answer = make_pipeline(SelectKBest(k=20), LinearRegression())"),
        ("should be the model", "answer = make_pipeline(StandardScaler(), SelectKBest(f_regression, k=20))"),
        ("made before", "answer = make_pipeline(FixedColumns(best), LinearRegression())"),
        ("made before", "answer = make_pipeline(FunctionTransformer(lambda X: X[:, best]), Ridge())"),
        ("made before", "answer = make_pipeline(FixedColumns(best), DecisionTreeRegressor())"),
        ("made before", "answer = make_pipeline(FixedColumns(range(20)), LinearRegression())"),
        ("made before", "answer = make_pipeline(PCA(20, random_state=0), LinearRegression())"),
        ("made before", "once = SelectKBest(f_regression, k=20).fit(noise, y)\n"
         "answer = make_pipeline(FunctionTransformer(once.transform), LinearRegression())"),
        ("made before", "answer = make_pipeline("
         "FixedColumns(best_100), SelectKBest(f_regression, k=20), LinearRegression())"),
        ("raised", "answer = make_pipeline(SelectKBest(f_regression, k=20), LinearRegression)"),
    ],
    "drop": [
        ("MINUS", WITHOUT + "\nanswer = -answer"),
        ("MINUS", 'answer = cross_val_score(forest, X.drop(columns="CINDX"), y, cv=cv,\n'
         '    scoring="neg_root_mean_squared_error").round(3)'),
        ("stays", "answer = fold_rmse(forest, X, y, cv)"),
        ("stays", 'X.drop(columns="CINDX")\nanswer = -fold_rmse(forest, X, y, cv)'),
        ("without model_r", 'answer = fold_rmse(forest, X.drop(columns="model_r"), y, cv)'),
        ("mean squares", WITHOUT + "**2"),
        ("mean squares", 'answer = cross_val_score(forest, X.drop(columns="CINDX"), y, cv=cv,\n'
         '    scoring="neg_mean_squared_error")'),
        ("R2", 'answer = cross_val_score(forest, X.drop(columns="CINDX"), y, cv=cv)'),
        ("differences", WITHOUT + " - fold_rmse(forest, X, y, cv)"),
        ("holds 1", WITHOUT + ".mean()"),
        ("holds 4", WITHOUT + "[:4]"),
        ("Not the RMSEs", 'answer = fold_rmse(forest, X[["NUVr"]], y, cv)'),
        ("Not the RMSEs", 'answer = fold_rmse(LinearRegression(), X.drop(columns="CINDX"), y, cv)'),
        ("Not the RMSEs", 'answer = fold_rmse(forest, X.drop(columns="CINDX"), y, 5)'),
        ("Not the RMSEs", 'answer = fold_rmse(clone(forest).set_params(random_state=1),'
         ' X.drop(columns="CINDX"), y, cv)'),
        ("Not the RMSEs", 'answer = fold_rmse(forest, X.drop(columns=["CINDX", "INCL"]), y, cv)'),
        ("Not the RMSEs", WITHOUT + "\nanswer = np.sort(answer)[::-1]"),
        ("Not the RMSEs", WITHOUT + "\nanswer = np.full(5, answer.mean())"),
    ],
    "trap": [
        ("✗", 'answer = fold_rmse(polynomial(2), home[FEATURES], home["lgGF"], cv).mean()'),
        ("at home", edit(TRAP, "away", "home")),
        ("other detections", TRAP.replace("answer =", "away = away[away['HIsrc'] != 4]\nanswer =")),
        ("Only the undetected", TRAP.replace("answer =", "away = away[away['HIsrc'] == 4]\nanswer =")),
        ("on all galaxies", edit(TRAP, "away", "train")),
        ("the line", edit(TRAP, "polynomial(2)", "LinearRegression()")),
        ("the line", edit(TRAP, "polynomial(2)", "polynomial(1)")),
        ("mean offset", TRAP + 'answer = (model.predict(away[FEATURES]) - away["lgGF"]).mean()'),
        ("mean offset", TRAP + 'answer = (away["lgGF"] - model.predict(away[FEATURES])).mean()'),
        ("mean of the squares", TRAP + "answer = answer**2"),
        ("sign", TRAP + "answer = -answer"),
        ("That is R2", TRAP + 'answer = model.score(away[FEATURES], away["lgGF"])'),
        ("Fitted on all", edit(TRAP, "home", "train")),
        ("Fitted elsewhere", edit(TRAP, "home", "away")),
        ("other way round", TRAP.replace("home", "x").replace("away", "home").replace("x[", "away[")),
        ("Fit polynomial(2)", edit(TRAP, "polynomial(2)", "polynomial(3)")),
        ("Fit polynomial(2)", edit(TRAP, "polynomial(2)", "make_pipeline(PolynomialFeatures(2), Ridge(1))")),
        ("Fit polynomial(2)",
         TRAP + 'answer = mean_absolute_error(away["lgGF"], model.predict(away[FEATURES]))'),
        ("Fit polynomial(2)", TRAP + 'answer = (away["lgGF"] - model.predict(away[FEATURES])).std()'),
        ("Fit polynomial(2)", "home, away = train[train['HIsrc'] != 4], train[train['HIsrc'] == 4]" + TRAP),
        ("one number", TRAP + "answer = [0.23, answer]"),
    ],
    "bend": [
        ("other way round", GAINS + "answer = answer[::-1]"),
        ("turn it round", GAINS + "answer = (line - color, line - size)"),
        ("twice the gain", GAINS + "answer = 2 * np.array(answer)"),
        ("Subtract", GAINS + "answer = (color, size)"),
        ("Per galaxy", GAINS + "answer = np.array(answer) / len(train)"),
        ("One square at a time",
         GAINS + "answer = (color - line, log_likelihood_of(train, ['NUVr', 'petrR50_r']) - line)"),
        ("holds 1", GAINS + "answer = color - line"),
        ("holds 3", GAINS + "answer = (line, color, size)"),
        ("Each is", GAINS + "answer = (color / line, size / line)"),
        ("Each is", GAINS + "answer = (color - line, size - color)"),
        ("Each is", GAINS + "answer = (size - line, size - line)"),
        ("Each is", GAINS + "answer = np.exp(answer)"),
        ("Each is", GAINS + "answer = (color - line + 1, size - line)"),
        ("Each is", "answer = [log_likelihood_of(train.assign(petrR50_r=np.log10(train['petrR50_r'])), [c])"
         " - log_likelihood_of(train, []) for c in ('NUVr', 'petrR50_r')]"),
        ("✗", 'answer = ("color", "size")'),
    ],
    "table": [
        ("both sides", 'answer = study(spectra, "spectrum", lines, "feh", missing=999)["test RMSE"]'),
        ("both sides", 'answer = study(spectra, "spectrum", lines, "feh")["test RMSE"]'),
        ("both sides", 'answer = study(spectra, "spectrum", lines[1:], "feh")["test RMSE"]'),
        ("made from", 'answer = study(spectra, "star", [*lines, "iron"], "feh", missing=999)["test RMSE"]'),
        ("made from", 'answer = study(spectra, "star", [*lines, "iron"], "feh")["test RMSE"]'),
        ("made from", 'answer = study(spectra, "star", ["iron"], "feh")["test RMSE"]'),
        ("made from", "every = [c for c in spectra if c != 'feh']\n"
         'answer = study(spectra, "star", every, "feh", 999)["test RMSE"]'),
        ("is a name", 'answer = study(spectra, "star", [*lines, "star"], "feh", 999)["test RMSE"]'),
        ("is a name", 'answer = study(spectra, "star", [*lines, "spectrum"], "feh", 999)["test RMSE"]'),
        ("999", 'answer = study(spectra, "star", lines, "feh")["test RMSE"]'),
        ("without line_0", 'answer = study(spectra, "star", lines[1:], "feh")["test RMSE"]'),
        ("Worse than", 'answer = study(spectra.replace(999, 0), "star", lines, "feh")["test RMSE"]'),
        ("Worse than", 'answer = spectra["feh"].std()'),
        ("Too good", "answer = -0.3"),
        ("✗", 'answer = study(spectra, "star", lines, "feh", missing=999)'),
        ("Worse than", 'answer = study(spectra, "star", ["line_1"], "feh", missing=999)["test RMSE"]'),
    ],
}  # fmt: skip


def test_enough_answers_are_tried():
    assert set(CONTEXT) == set(solutions(read(1)))
    for name in CONTEXT:
        assert len(RIGHT[name]) >= 5, name
        assert len(WRONG[name]) >= 10, name


@pytest.mark.parametrize(("name", "code"), [(name, code) for name in RIGHT for code in RIGHT[name]])
def test_right(verdict, answer_of, names, name, code):
    context = [names[part] for part in CONTEXT[name]]
    line = verdict(name, answer_of(code, names), *context)
    assert line.startswith("✓ "), line


@pytest.mark.parametrize("name", RIGHT)
def test_right_with_all_galaxies(verdict, answer_of, names_of_all, name):
    context = [names_of_all[part] for part in CONTEXT[name]]
    line = verdict(name, answer_of(RIGHT[name][0], names_of_all), *context)
    assert line.startswith("✓ "), line


@pytest.mark.parametrize(("name", "mistake"), [(name, mistake) for name in WRONG for mistake in WRONG[name]])
def test_mistake_gets_the_fitting_hint(verdict, answer_of, names, name, mistake):
    hint, code = mistake
    context = [names[part] for part in CONTEXT[name]]
    line = verdict(name, answer_of(code, names), *context)
    assert line.startswith("✗ "), line
    assert hint in line


def test_untouched_function(verdict, names):
    context = [names[part] for part in CONTEXT["fold"]]
    assert verdict("fold", lambda held_out: None, *context) == NOT_YET + "\n"


def test_the_practice_table_has_its_traps_and_no_impossible_star():
    table = practice_table()
    assert table["feh"].max() == 0.5
    assert (table["line_0"] == 999).sum() > 5
    assert (table["star"].value_counts() == 4).all()
    assert np.allclose(table["iron"] - table["feh"], 7.5)
