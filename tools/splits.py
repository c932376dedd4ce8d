"""Measure what part 1 quotes from other splits: python tools/splits.py [NUMBER OF SPLITS]

Each split takes half a minute, after one run of the notebook; XGASS_DATA names the real catalog. Printed are
the smallest and the largest of each number and the percentiles between, then how often each verdict fell.
"""

import os
import sys

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.metrics import root_mean_squared_error
from sklearn.model_selection import KFold, RepeatedKFold, cross_val_predict, train_test_split

from page import names_of

BEND = "Deeper: Does the relation bend?"
FOREST_SEEDS = (1, 2, 3)


def split_of(catalog, seed):
    """Return training and test set of another seed, less the rows without a color, as the page makes them."""
    train_ids, test_ids = train_test_split(sorted(catalog.index), test_size=0.2, random_state=seed)
    clean = catalog[catalog["NUVr"] != -99]
    return clean[clean.index.isin(train_ids)], clean[clean.index.isin(test_ids)]


def bend(page, train):
    """Return what further columns add to the total log-likelihood of a line: {column: gain}."""
    in_log = train.assign(petrR50_r=np.log10(train["petrR50_r"]))
    features = in_log[page["FEATURES"]]
    standard = (features - features.mean()) / features.std()
    color_times_size = (standard["NUVr"] * standard["petrR50_r"]).to_frame("product")
    line = page["log_likelihood_of"](train, [])
    line_in_log = page["log_likelihood_of"](in_log, [])
    return {
        "color squared": page["log_likelihood_of"](train, ["NUVr"]) - line,
        "size squared": page["log_likelihood_of"](train, ["petrR50_r"]) - line,
        "log size in place of arcsec": line_in_log - line,
        "then log size squared": page["log_likelihood_of"](in_log, ["petrR50_r"]) - line_in_log,
        "then color x log size": page["with_columns"](in_log, color_times_size) - line_in_log,
    }


def gain_among_blue(page, train, seed):
    """Return by how much (dex) the quadratic is better than the line, for NUVr below 4.5 alone."""
    blue = train[train["NUVr"] < 4.5]
    X, y = blue[page["FEATURES"]], blue["lgGF"]
    repeated = RepeatedKFold(n_splits=5, n_repeats=10, random_state=seed)
    of_line = page["fold_rmse"](LinearRegression(), X, y, repeated)
    return (of_line - page["fold_rmse"](page["polynomial"](2), X, y, repeated)).mean()


def forests(page, train, folds):
    """Return the verdicts on forests from several seeds: tuned against plain, quadratic against tuned."""
    X, y = train[page["FEATURES"]], train["lgGF"]
    settings = page["search"].best_params_
    plain = page["fold_rmse"](RandomForestRegressor(page["N_TREES"], random_state=42), X, y, folds)
    quadratic = page["fold_rmse"](page["polynomial"](2), X, y, folds)
    tuned_better = quadratic_better = True
    for seed in FOREST_SEEDS:
        forest = RandomForestRegressor(page["N_TREES"], **settings, random_state=seed)
        tuned = page["fold_rmse"](forest, X, y, folds)
        tuned_better &= page["compare"](plain, tuned).startswith("better")
        quadratic_better &= page["compare"](tuned, quadratic).startswith("better")
    return {"all tuned beat plain": tuned_better, "quadratic beats all tuned": quadratic_better}


def scores_of_test(page, train, test, folds):
    """Return the log-likelihood of each test galaxy by lines with limits and by forests: {model: array}."""
    features, forest = page["FEATURES"], page["tuned_forest"]
    X, y, limit = train[features], train["lgGF"], train["HIsrc"] == 4
    y_test, test_limit = test["lgGF"], test["HIsrc"] == 4
    held_out = cross_val_predict(forest, X, y, cv=folds)
    said = forest.fit(X, y).predict(test[features])
    on_forest = pd.DataFrame({"forest": held_out, "NUVr": train["NUVr"]})
    for_test = pd.DataFrame({"forest": said, "NUVr": test["NUVr"]})
    bells = {
        "limits": page["fit_bells"](X, y, limit)(test[features]),
        "limits, scatter by color": page["fit_bells"](X, y, limit, by_color=True)(test[features]),
        "forest": (said, root_mean_squared_error(y, held_out)),
        "forest with bells": page["fit_bells"](on_forest, y, limit, by_color=True)(for_test),
    }
    return {name: page["log_likelihood"](y_test, test_limit, *bell) for name, bell in bells.items()}


def verdicts_on_test(page, scores):
    """Return which line beats the forest for sure, and how much of its lead is left with bells for both."""
    galaxies = len(scores["forest"])
    draws = np.random.default_rng(42).integers(0, galaxies, (page["N_BOOTSTRAP"], galaxies))
    found = {}
    for name in ("limits", "limits, scatter by color"):
        low, _ = np.percentile((scores[name] - scores["forest"])[draws].mean(axis=1), [2.5, 97.5])
        found[f"{name}: beats the forest"] = low > 0
    best = scores["limits, scatter by color"].mean()
    left = (best - scores["forest with bells"].mean()) / (best - scores["forest"].mean())
    return found | {"lead that bells leave": left}


def one_split(page, seed):
    """Return all that is measured of a split: {name: number or verdict}."""
    train, test = split_of(page["catalog"], seed)
    folds = KFold(5, shuffle=True, random_state=seed)
    return {
        **bend(page, train),
        "NUVr < 4.5: quadratic gains": gain_among_blue(page, train, seed),
        **forests(page, train, folds),
        **verdicts_on_test(page, scores_of_test(page, train, test, folds)),
    }


def main():
    """Print the table of all splits."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    os.environ["XGASS_SOURCE"] = "xgass"
    page = names_of(1, BEND)
    rows = []
    for seed in range(1, number + 1):
        rows.append(one_split(page, seed))
        print(f"split {seed} of {number}", file=sys.stderr)
    table = pd.DataFrame(rows)
    verdicts = table.select_dtypes(bool)
    numbers = table.drop(columns=verdicts.columns).quantile([0, 0.1, 0.5, 0.9, 1]).T
    print(numbers.to_string(float_format="{:.3f}".format))
    print(verdicts.sum().to_string())


if __name__ == "__main__":
    main()
