"""Do the general claims of part 1 hold on other splits into training and test set? By hand; some minutes.

    python tests/claims/other_splits.py [SPLITS]

Prints for each claim the share of splits on which it holds; XGASS_DATA and XGASS_SOURCE choose the universe.
"""

import ast
import os
import sys
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_predict, cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline

SPLITS = int(sys.argv[1]) if len(sys.argv) > 1 else 60
DAY2 = Path(__file__).resolve().parents[2] / "day2"
os.chdir(DAY2)
sys.path.insert(0, str(DAY2))
from xgass import load_catalog  # noqa: E402

WANTED = "polynomial fold_rmse corrected_error log_likelihood fit_bells out_of_fold gain_per_fold".split()
NAMES = {"FEATURES", "cv", "SEED"}


def of_the_notebook():
    """Return the imports, functions and constants of the notebook that the claims speak of."""
    names = {}
    cells = nbformat.read("01-intro-machine-learning.ipynb", as_version=4).cells
    for cell in (c for c in cells if c.cell_type == "code" and c.source and "preflight(" not in c.source):
        for node in ast.parse(cell.source).body:
            library = isinstance(node, ast.ImportFrom | ast.Import) and "ipywidgets" not in ast.unparse(node)
            function = isinstance(node, ast.FunctionDef) and node.name in WANTED
            constant = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in NAMES
            if library or function or constant:
                exec(ast.unparse(node), names)
    return names


def claims(train, test, nb):
    """Return which claims hold for one split: a dict of sentences."""
    features, cv, fold_rmse, error = nb["FEATURES"], nb["cv"], nb["fold_rmse"], nb["corrected_error"]
    polynomial, out_of_fold, gain = nb["polynomial"], nb["out_of_fold"], nb["gain_per_fold"]
    X, y, X_test, y_test = train[features], train["lgGF"], test[features], test["lgGF"]
    seen, seen_test = train["HIsrc"] != 4, test["HIsrc"] != 4
    line, bent = fold_rmse(polynomial(1), X, y), fold_rmse(polynomial(2), X, y)
    as_values = out_of_fold(train, "limits as values")
    line_limits, bent_limits = out_of_fold(train), out_of_fold(train, degree=2)
    loose = [out_of_fold(train, degree=d, by_colour=True) for d in (1, 2)]
    bend, bend_loose = gain(bent_limits, line_limits), gain(loose[1], loose[0])
    limits, scatter = gain(line_limits, as_values), gain(loose[0], line_limits)
    worse = [(out["centre"] - y)[seen].pow(2).mean() for out in (line_limits, as_values)]
    rmse, likelihood = [], []
    for as_limit, by_colour in [(~seen & False, False), (~seen, False), (~seen, True)]:
        centre, spread = nb["fit_bells"](X, y, as_limit, by_colour=by_colour)(X_test)
        rmse.append((y_test - centre).pow(2).mean() ** 0.5)
        likelihood.append(nb["log_likelihood"](y_test, ~seen_test, centre, spread).mean())
    misses = cross_val_predict(polynomial(2), X, y, cv=cv) - y
    inside = (polynomial(2).fit(X, y).predict(X_test) - y_test).abs() <= misses.abs().quantile(0.9)
    noise, best = np.random.default_rng(0).normal(size=(len(y), 2000)), SelectKBest(f_regression, k=20)
    outside = cross_val_score(LinearRegression(), best.fit_transform(noise, y), y, cv=cv).mean()
    within = cross_val_score(make_pipeline(best, LinearRegression()), noise, y, cv=cv).mean()
    optical = [name for name in features if name != "NUVr"]
    far = fold_rmse(polynomial(2), train[optical], y) - fold_rmse(polynomial(2), train[[*optical, "Dlum"]], y)
    return {
        "limits as values: the quadratic beats the line in RMSE": (line - bent).mean() > error(line - bent),
        "limits as limits win by the log-likelihood": limits.mean() > error(limits),
        "and lose by the RMSE of the detections": worse[0] > worse[1],
        "a scatter that depends on colour gains": scatter.mean() > error(scatter),
        "no bend is left by the log-likelihood": bend.mean() < 2 * error(bend),
        "nor with a scatter that depends on colour": bend_loose.mean() < 2 * error(bend_loose),
        "test set: limits as limits lose by RMSE": rmse[1] > rmse[0],
        "test set: they win by the log-likelihood": likelihood[0] < min(likelihood[1:]),
        "test set: about 90 % lie in their interval": abs(inside.mean() - 0.9)
        < 3 * np.sqrt(0.09 / len(test)),
        "test set: fewer of the detections": inside[seen_test].mean() < 0.9,
        "noise chosen outside the folds scores, inside not": outside > 0.03 and within < 0,
        "the distance makes up for a part of the colour": far.mean() > error(far),
    }


if __name__ == "__main__":
    names, catalog = of_the_notebook(), load_catalog()
    held_by = []
    for seed in range(1, SPLITS + 1):
        ids, _ = train_test_split(sorted(catalog.index), test_size=0.2, random_state=seed)
        clean = catalog[catalog["NUVr"] != -99]
        known = clean.index.isin(ids)
        held_by.append(claims(clean[known], clean[~known], names))
        print(f"{seed} of {SPLITS}", file=sys.stderr)
    print(pd.DataFrame(held_by).mean().map("{:.0%}".format).to_string())
