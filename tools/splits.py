"""Hold what part 1 says in general terms against other splits: `python tools/splits.py [NUMBER]`.

Each split draws another test set and other folds; models and rules are the notebook's. A sentence whose claim
holds on fewer than nine of ten should say so. XGASS_DATA and XGASS_SOURCE choose the universe.
"""

import ast
import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pandas as pd
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import cross_val_predict, learning_curve
from sklearn.tree import DecisionTreeRegressor

os.chdir(Path(__file__).resolve().parents[1] / "day2")
sys.path.insert(0, os.getcwd())
from xgass import load_catalog  # noqa: E402

WANTED = "missing train_ids clean train test detected FEATURES X cv fold_rmse corrected_error compare bend"
WANTED += " parabola two_columns plane polynomial confused log_likelihood fit_bells out_of_fold gain_per_fold"


def of_the_notebook(catalog, seed):
    """Return what the notebook defines under the names WANTED, with another SEED."""
    names = {"catalog": catalog, "SEED": seed}
    for cell in nbformat.read("01-intro-machine-learning.ipynb", as_version=4).cells:
        for node in ast.parse(cell.source).body if cell.cell_type == "code" else []:
            code = ast.unparse(node)
            name = re.match(r"(?:def )?\W*(\w*)", code)[1]  # that it defines
            if name in WANTED.split() or re.match("(?:from|import) (?:numpy|pandas|scipy|sklearn)", code):
                exec(code, names)
    return SimpleNamespace(**names)


def sure(nb, gain):
    """Return whether a gain, one number a fold, counts by the rule of section 2."""
    return nb.compare(gain, 0).startswith("better")


def of_the_formulas(nb):
    """Return which claims of sections 2 and 3 hold for one split, as {claim: bool}."""
    train, X, y, cv, seen, confused = nb.train, nb.X, nb.y, nb.cv, nb.detected, nb.confused
    line, quadratic, cubic = (nb.fold_rmse(nb.polynomial(degree), X, y) for degree in (1, 2, 3))
    colour = nb.fold_rmse(nb.polynomial(1), X[["NUVr"]], y)
    parabola, plane = (nb.fold_rmse(model, train, y) for model in (nb.parabola, nb.plane))
    grove = RandomForestRegressor(40, min_samples_leaf=3, max_features=0.7, random_state=nb.SEED)
    forest = nb.fold_rmse(grove, X, y)
    without = {name: nb.fold_rmse(grove, X.drop(columns=name), y).mean() for name in ("CINDX", "model_r")}
    trees = [nb.fold_rmse(DecisionTreeRegressor(max_depth=depth), X, y).mean() for depth in (3, 4, 5)]
    how = {"cv": cv, "scoring": "neg_root_mean_squared_error", "shuffle": True, "random_state": nb.SEED}
    by_size = {}
    for name, model in [("line", nb.polynomial(1)), ("quadratic", nb.polynomial(2)), ("forest", grove)]:
        scores = learning_curve(model, X, y, train_sizes=[0.2, 0.5, 1.0], **how)[2]
        by_size[name] = -scores.mean(axis=1)
    gain = {name: half - whole for name, (_, half, whole) in by_size.items()}
    excess = y - cross_val_predict(nb.polynomial(2), X, y, cv=cv)
    highest = excess[seen].nlargest(20).index
    return {
        "six features are better than NUVr alone": sure(nb, colour - line),
        "the quadratic is better than the line": sure(nb, line - quadratic),
        "... than the parabola": sure(nb, parabola - quadratic),
        "... than the plane": sure(nb, plane - quadratic),
        "the parabola is as good as the line within 0.02": abs(parabola.mean() - line.mean()) < 0.02,
        "... the plane is": abs(plane.mean() - line.mean()) < 0.02,
        "degree 2 has a lower error than degree 3": quadratic.mean() < cubic.mean(),
        "no single tree reaches the quadratic": min(trees) > quadratic.mean(),
        "the quadratic has a lower error than the forest": quadratic.mean() < forest.mean(),
        "... and is better by the rule": sure(nb, forest - quadratic),
        "twice the galaxies gain the line less than 0.005 dex": gain["line"] < 0.005,
        "... the forest more than the line": gain["forest"] > gain["line"],
        "... the quadratic more than the line": gain["quadratic"] > gain["line"],
        "... but on the fewest it is no better": by_size["quadratic"][0] > by_size["line"][0] - 0.005,
        "it costs more to leave out model_r than CINDX": without["model_r"] > without["CINDX"],
        "confusion is more frequent among the 20 highest": confused[highest].mean() > confused[seen].mean(),
        "confused galaxies lie higher": excess[confused].mean() > excess[seen & ~confused].mean(),
    }


def of_the_limits(nb):
    """Return which claims of sections 4 to 6 hold for one split, as {claim: bool}."""
    train, test, X, y, cv, seen = nb.train, nb.test, nb.X, nb.y, nb.cv, nb.detected
    X_test, y_test, seen_test = test[nb.FEATURES], test["lgGF"], test["HIsrc"] != 4
    as_values, as_limits = nb.out_of_fold(train, "limits as values"), nb.out_of_fold(train)
    varying = nb.out_of_fold(train, by_colour=True)
    bend = nb.gain_per_fold(nb.out_of_fold(train, degree=2), as_limits)
    bend_varying = nb.gain_per_fold(nb.out_of_fold(train, degree=2, by_colour=True), varying)
    off = [((out["centre"] - y)[seen] ** 2).mean() for out in (as_values, as_limits)]
    rmse, likelihood = [], []
    for limits, by_colour in [(~seen & False, False), (~seen, False), (~seen, True)]:
        centre, scatter = nb.fit_bells(X, y, limits, by_colour=by_colour)(X_test)
        rmse.append(((y_test - centre) ** 2).mean() ** 0.5)
        likelihood.append(nb.log_likelihood(y_test, ~seen_test, centre, scatter).mean())
    half_width = (cross_val_predict(nb.polynomial(2), X, y, cv=cv) - y).abs().quantile(0.9)
    inside = (nb.polynomial(2).fit(X, y).predict(X_test) - y_test).abs() <= half_width
    optical = X.columns.drop("NUVr")
    near, far = (nb.fold_rmse(nb.polynomial(2), train[[*optical, *more]], y) for more in ([], ["Dlum"]))
    return {
        "limits as limits win by the log-likelihood": sure(nb, nb.gain_per_fold(as_limits, as_values)),
        "... and lose by the RMSE of the detections": off[1] > off[0],
        "a scatter that depends on the colour gains": sure(nb, nb.gain_per_fold(varying, as_limits)),
        "no bend is left by the log-likelihood": bend.mean() < 2 * nb.corrected_error(bend),
        "... nor with a scatter by colour": bend_varying.mean() < 2 * nb.corrected_error(bend_varying),
        "test set: limits as limits lose by RMSE": min(rmse[1:]) > rmse[0],
        "... and win by the log-likelihood": min(likelihood[1:]) > likelihood[0],
        "test set: fewer than 90 % of the detections inside": inside[seen_test].mean() < 0.9,
        "the distance makes up for a part of the colour": sure(nb, near - far),
    }


if __name__ == "__main__":
    number, catalog = int(sys.argv[1]) if len(sys.argv) > 1 else 60, load_catalog()
    splits = (of_the_notebook(catalog, seed) for seed in range(1, number + 1))
    held = [of_the_formulas(nb) | of_the_limits(nb) for nb in splits]
    for claim, count in pd.DataFrame(held).sum().items():
        print(f"{count:3d} of {number}  {claim}")
