"""Hold what part 1 says in general terms against other splits: `python tools/splits.py [NUMBER]`.

Each split draws another training set and other folds. A claim that is stated in general terms should hold in
nine of ten. Universe: the one that the environment variables of the notebooks choose.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold, cross_val_predict, cross_validate, learning_curve, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.tree import DecisionTreeRegressor

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "day2"))
from xgass import load_catalog

FEATURES = ["model_r", "NUVr", "expAB_r", "petrR50_r", "CINDX", "INCL"]


def polynomial(degree):
    """Return the notebook's polynomial of the six features."""
    return make_pipeline(StandardScaler(), PolynomialFeatures(degree, include_bias=False), LinearRegression())


def rule(first, second):
    """Return whether the second model is better, by the rule of section 2; arguments: RMSE per fold."""
    gain = first - second
    error = np.sqrt((1 / len(gain) + 1 / 4) * np.var(gain, ddof=1))
    return (gain > 0).sum() >= 0.8 * len(gain) and gain.mean() > error


def claims(table, seed):
    """Return for one split which claims hold, as {sentence: bool}."""
    ids, _ = train_test_split(sorted(table.index), test_size=0.2, random_state=seed)
    train = table[table.index.isin(ids) & (table["NUVr"] != -99)]
    y, detected, confused = train["lgGF"], train["HIsrc"] != 4, train["HIconf_flag"] == 1
    cv = KFold(5, shuffle=True, random_state=seed)

    def rmse(model, columns=FEATURES):
        scores = cross_validate(model, train[columns], y, cv=cv, scoring="neg_root_mean_squared_error")
        return -scores["test_score"]

    grove = RandomForestRegressor(40, min_samples_leaf=3, max_features=0.7, random_state=seed)
    bend = make_column_transformer((PolynomialFeatures(2, include_bias=False), ["NUVr"]))
    parabola = rmse(make_pipeline(bend, LinearRegression()), ["NUVr"])
    plane, line = rmse(LinearRegression(), ["NUVr", "lgmust"]), rmse(LinearRegression())
    quadratic, cubic, forest = rmse(polynomial(2)), rmse(polynomial(3)), rmse(grove)
    tree = min(rmse(DecisionTreeRegressor(max_depth=depth)).mean() for depth in (3, 4, 5))
    without = {name: rmse(grove, [f for f in FEATURES if f != name]).mean() for name in ("CINDX", "model_r")}
    gain = {}
    for name, model in [("line", LinearRegression()), ("quadratic", polynomial(2)), ("forest", grove)]:
        how = {"cv": cv, "scoring": "neg_root_mean_squared_error", "shuffle": True, "random_state": seed}
        _, _, scores = learning_curve(model, train[FEATURES], y, train_sizes=[0.5, 1.0], **how)
        gain[name] = scores.mean(axis=1)[1] - scores.mean(axis=1)[0]
    excess = y - cross_val_predict(polynomial(2), train[FEATURES], y, cv=cv)
    most = excess[detected].nlargest(20).index
    return {
        "six features are better than NUVr alone": rule(rmse(LinearRegression(), ["NUVr"]), line),
        "the quadratic is better than the line": rule(line, quadratic),
        "... than the parabola": rule(parabola, quadratic),
        "... than the plane": rule(plane, quadratic),
        "both do as well as the line, within 0.02 dex": all(
            abs(simple.mean() - line.mean()) < 0.02 for simple in (parabola, plane)
        ),
        "degree 2 has a lower error than degree 3": quadratic.mean() < cubic.mean(),
        "no single tree reaches the quadratic": tree > quadratic.mean(),
        "the quadratic has a lower error than the forest": quadratic.mean() < forest.mean(),
        "... and is better by the rule": rule(forest, quadratic),
        "twice the galaxies gain the line less than 0.005": gain["line"] < 0.005,
        "... the forest more than the line": gain["forest"] > gain["line"],
        "... the quadratic more than the line": gain["quadratic"] > gain["line"],
        "it costs more to leave out model_r than CINDX": without["model_r"] > without["CINDX"],
        "confusion is more frequent among the 20 highest": confused[most].mean() > confused[detected].mean(),
        "confused galaxies lie higher": excess[confused].mean() > excess[detected & ~confused].mean(),
    }


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    catalog = load_catalog()
    held = pd.DataFrame([claims(catalog, seed) for seed in range(number)])
    print((held.mean() * 100).round().astype(int).rename(f"% of {number} splits").to_string())
