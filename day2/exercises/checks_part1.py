"""The exercises of part 1: tables, and models of scikit-learn."""

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .answers import Hint, array, call, hint_if, number

DIGITS = 0.0051  # what reading a number with two decimals off a figure may cost
TICK = "A tick takes 4 folds of 5, and a mean difference larger than its uncertainty"


def check_missing(answer, catalog):
    """How many galaxies have no SFR_best? Context: the whole catalogue."""
    said, total, rate = number(answer), len(catalog), catalog["SFR_best"]
    missing = (rate == -99).sum()
    if said == missing:
        return f"{missing} of {total}; isna() finds {rate.isna().sum()}: to a computer -99 is just a number."
    hint_if(said == 0, "Neither isna() nor == 0 knows the sentinel: -99 is a number like any other.")
    hint_if(said == total, "That is the length of the table. Count the rows where a condition holds.")
    hint_if(said == total - missing, "So many HAVE a measured SFR_best. Turn the condition round.")
    hint_if(said in (-99, -99 * missing), "That is made of the values -99 themselves. How many are there?")
    hint_if(0 < said < 1, f"That is a share. Asked for is the number of galaxies, out of {total}.")
    hint_if(said == (catalog["NUVr"] == -99).sum(), "That is the number for NUVr. Asked for is SFR_best.")
    raise Hint("Compare the column SFR_best with -99; the sum of True and False counts the True.")


def check_kfold(answer):
    """A function of (n, k) that returns k arrays of row numbers, shuffled, each row in exactly one."""
    for n, k in [(20, 4), (47, 7), (103, 5)]:
        folds = call(answer, n, k)
        if folds is None:
            return None
        what, folds = f"my_folds({n}, {k})", list(folds)
        hint_if(len(folds) != k, f"{what} should return {k} arrays, one per fold, not {len(folds)}.")
        folds = [array(fold, "a list of arrays of row numbers (KFold.split gives pairs)") for fold in folds]
        rows, sizes = np.concatenate(folds), [len(fold) for fold in folds]
        hint_if(rows.dtype.kind == "f", "Row numbers are whole numbers, and no fold is empty.")
        hint_if(rows.min() < 0 or rows.max() >= n, f"{what} returns row numbers outside 0 to {n - 1}.")
        hint_if(len(np.unique(rows)) < len(rows), "A row stands there twice. Shuffle once, then cut.")
        hint_if(len(rows) < n, f"{what} loses {n - len(rows)} rows: n // k rounds down, np.array_split not.")
        hint_if(max(sizes) - min(sizes) > 1, f"Your folds have {sizes} rows: they may differ by 1 at most.")
    steps = [np.ptp(np.diff(np.sort(fold))) for fold in folds]  # all 0: blocks, or every k-th row
    hint_if(not any(steps), "Not shuffled: in a sorted table, as ours, such folds are not alike.")
    return f"{n} rows in {k} folds of {min(sizes)} or {max(sizes)}, each row once: KFold(shuffle=True)."


def check_degree(answer, curve):
    """Which degree? Context: scores 'R2' (held out) and 'R2 fitted', indexed by degree."""
    said, fitted, held_out = number(answer), curve["R2 fitted"], curve["R2"]
    hint_if(said in curve.to_numpy(), "That is a score. Asked for is the degree that has it: .idxmax().")
    hint_if(said not in curve.index, f"The degrees tried are {curve.index.min()} to {curve.index.max()}.")
    best, last, score = held_out.idxmax(), curve.index[-1], f"R2 = {held_out[said]:.2f} held out"
    if said == best:
        return f"{score}. Degree {last}: {fitted[last]:.2f} on its own galaxies, {held_out[last]:.2f} there."
    hint_if(said == fitted.idxmax(), f"Best on the galaxies fitted, which it knows by heart, but {score}.")
    hint_if(said < best, "Too simple: a higher degree scores better held out. (idxmax names it, argmax not.)")
    raise Hint("Too flexible: the held-out score is higher at a lower degree; only the fitted one rises.")


def check_tree(answer, tree, galaxy):
    """What does the tree predict? Context: the fitted tree, one row of features (a Series)."""
    said, nodes = number(answer), tree.tree_
    path = tree.decision_path(pd.DataFrame([galaxy])).indices  # nodes from the root to the leaf
    leaf, values, cuts = path[-1], nodes.value[:, 0, 0], nodes.threshold[nodes.feature >= 0]
    close = {*np.flatnonzero(np.abs(said - values) < DIGITS)}
    if leaf in close:
        return f"{values[leaf]:.2f}, the mean of {nodes.n_node_samples[leaf]} galaxies, and the same for all."
    hint_if(0 in close, "That is the value in the top box, the mean of all galaxies. Answer its question.")
    hint_if(close & {*path}, "You stopped half-way: this box asks another question. Walk on to the last.")
    asked = ", ".join(f"{galaxy.index[i]} = {galaxy.iloc[i]:.2f}" for i in {*nodes.feature[path[:-1]]})
    hint_if(close, f"That box lies on another branch. Here {asked}: below the cut goes left.")
    hint_if((np.abs(said + values) < DIGITS).any(), "No box holds this; one holds minus this.")
    hint_if((np.abs(said - cuts) < DIGITS).any(), "That is a cut. The prediction is the last box's `value`.")
    hint_if(said in nodes.n_node_samples, "That is `samples`, a number of galaxies. Asked for is a `value`.")
    raise Hint("No box of the figure holds this value. Start at the top: left means yes, right means no.")


def _r2(model, X, y, cv):
    """Return the R2 of each fold, held out and fitted; scikit-learn says what is no regressor."""
    hint_if(isinstance(model, type), "That is a class. Make a model of it: with parentheses.")
    scores = cross_validate(model, X, y, cv=cv, scoring="r2", return_train_score=True, error_score="raise")
    return scores["test_score"], scores["train_score"]


def _compare(mine, other, whose):
    """Compare scores fold by fold: 1 if mine win by more than luck, -1 if they lose so; and the numbers."""
    gain, k = mine - other, len(mine)
    # Folds share galaxies, so the mean is less sure than spread / sqrt(k): Nadeau & Bengio (2003).
    error, wins = gain.std(ddof=1) * np.sqrt(1 / k + 1 / (k - 1)), (gain > 0).sum()
    words = f"R2 = {mine.mean():.4f} held out, {whose} {other.mean():.4f}. Fold by fold"
    words = f"{words} {gain.mean():+.4f} +- {error:.4f}, better in {wins} of {k}"
    return 1 if wins >= 0.8 * k and gain.mean() > error else -1 if gain.mean() < -error else 0, words


def check_tune(answer, plain, X, y, cv):
    """Settings of a forest. Context: scores of the plain one (row 'mean'), features, target, folds."""
    hint_if(not isinstance(answer, RandomForestRegressor), "Asked for is a RandomForestRegressor(...).")
    default, settings = RandomForestRegressor().get_params(), answer.get_params()
    # As text: max_features=1 is one feature, the default 1.0 is all of them, and 1 == 1.0.
    turned = {key for key in settings if repr(settings[key]) != repr(default[key])}
    turned -= {"n_estimators", "n_jobs", "random_state", "verbose", "oob_score", "warm_start"}
    hint_if(not turned, "The plain forest, but for trees and seed: they hardly matter. Turn another knob.")
    hint_if(answer.n_estimators > 500, "More than 500 trees take long and add nothing. Turn another knob.")
    held_out, fitted = _r2(answer, X, y, cv)
    same_trees = clone(answer).set_params(**{key: default[key] for key in turned})
    verdict, words = _compare(held_out, _r2(same_trees, X, y, cv)[0], "with the plain settings")
    if verdict == 1:
        return f"{words}. (From fold to fold R2 itself varies by {held_out.std():.3f}.)"
    hint_if(fitted.mean() < plain.loc["mean", "R2"] + 0.02, f"{words}. Too stiff: its trees are too small.")
    raise Hint(f"{words}. {TICK}. Try another min_samples_leaf or max_features.")


def check_model(answer, X, y, cv):
    """A regressor that beats the linear one. Context: features, target, folds."""
    mine, linear = (_r2(model, X, y, cv)[0] for model in (answer, LinearRegression()))
    verdict, words = _compare(mine, linear, "the linear model")
    if verdict == 1:
        return f"{words}: on the same galaxies, that says more than two means."
    hint_if(np.allclose(mine, linear, atol=1e-3), f"{words}: that is (nearly) the linear model again.")
    hint_if(verdict == 0, f"{words}: that may be luck. {TICK}.")
    scaled = _r2(make_pipeline(StandardScaler(), answer), X, y, cv)[0].mean()
    hint_if(scaled > mine.mean() + 0.02, f"{words}. Behind a StandardScaler: {scaled:.4f}, for units matter.")
    raise Hint(f"{words}: yours is worse. Is it too stiff, or too flexible?")


def check_leak(answer, table, columns, added):
    """Which column leaks the stellar mass? Context: training table, columns before, columns added."""
    hint_if(not isinstance(answer, str), 'Asked for is the name of one column in quotes, such as "CINDX".')
    hint_if(answer not in added, f"{answer!r} was not added. The new columns are {', '.join(added)}.")
    mass, folds = table["lgMstar"], KFold(5, shuffle=True, random_state=0)
    tables = {name: table[[*columns, *([name] if name else [])]] for name in ["", *added]}
    r2 = {name: cross_val_score(LinearRegression(), X, mass, cv=folds).mean() for name, X in tables.items()}
    words = f"with {answer} a line predicts lgMstar with R2 = {r2[answer]:.2f}, without it {r2['']:.2f}."
    hint_if(r2[answer] < max(r2.values()), f"Harmless: {words} Try the others.")
    return f"Yes: {words}\n  Brightness and distance give the mass inside lgGF. A score hides such things."
