"""The exercises of part 1: tables, and models of scikit-learn."""

import numpy as np
from sklearn.base import clone
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .answers import Hint, array, call, hint_if, number
from .tables import practice_table


def check_missing(answer, catalog):
    """How many galaxies have no SFR_best? Context: the whole catalogue."""
    said, total, rate = number(answer), len(catalog), catalog["SFR_best"]
    missing = (rate == -99).sum()
    if said == missing:
        return f"{missing} of {total}; isna() finds {rate.isna().sum()}: to a computer -99 is just a number."
    hint_if(said == 0, "Neither isna() nor == 0 knows the sentinel: -99 is a number like any other.")
    hint_if(said == total - missing, "So many HAVE a measured SFR_best. Turn the condition round.")
    hint_if(said == (catalog["NUVr"] == -99).sum(), "That is the number for NUVr. Asked for is SFR_best.")
    raise Hint("Compare SFR_best of the whole `catalog` with -99; the sum of True and False counts the True.")


def check_fold(answer, X, y, folds):
    """A function of a fold (row numbers): RMSE there of a line fitted on the others. Context: the folds."""
    fold, rows = folds[1], np.arange(len(X))

    def rmse(fitted, scored):
        line = LinearRegression().fit(X.iloc[fitted], y.iloc[fitted])
        return np.sqrt(np.mean((y.iloc[scored] - line.predict(X.iloc[scored])) ** 2))

    found, others = call(answer, fold), np.setdiff1d(rows, fold)
    if found is None:
        return None
    said, right = number(found), rmse(others, fold)
    for wrong, hint in [
        (rmse(others, others), "That is the RMSE on the galaxies fitted. Score those held out."),
        (rmse(rows, fold), "The line was fitted on all rows: it has seen those held out."),
        ([rmse(fold, scored) for scored in (fold, others)], "Fitted on held_out. Fit on the others."),
        (1 - right**2 / y.iloc[fold].var(ddof=0), "That is R2 (.score gives it). Asked for is the RMSE."),
    ]:
        hint_if(np.isclose(said, wrong).any(), hint)
    hint_if(
        not np.isclose(said, right), f"For the second fold it should be {right:.4f}; yours is {said:.4f}."
    )
    return f"{right:.3f} dex on the second fold. Five of these are a cross-validation."


def check_guess(answer, X, y, cv):
    """An RMSE without NUVr, guessed. Context: features, target, folds."""
    said, lazy = number(answer), _rmse(DummyRegressor(), X, y, cv).mean()
    six, five = (_rmse(LinearRegression(), table, y, cv).mean() for table in (X, X.drop(columns="NUVr")))
    hint_if(said <= six, f"With the colour it is {six:.2f} dex. Can leaving it out make that better?")
    hint_if(said >= lazy, f"The mean for everybody has {lazy:.2f}. Do five features know less than none?")
    words = f"It is {five:.2f} dex; you said {said:.2f}. Six features: {six:.2f}, none: {lazy:.2f}."
    return f"{words}\n  Without the colour {(lazy - five) / (lazy - six):.0%} of the gain over none is left."


def _rmse(model, X, y, cv):
    """Return the RMSE of each fold, held out; scikit-learn says what is no regressor."""
    hint_if(isinstance(model, type), "That is a class. Make a model of it: with parentheses.")
    return -cross_val_score(model, X, y, cv=cv, scoring="neg_root_mean_squared_error", error_score="raise")


def _compare(mine, other, whose):
    """Compare RMSEs fold by fold: 1 if mine win by the notebook's rule, -1 if they lose; and the numbers."""
    gain, k = other - mine, len(mine)
    error, wins = gain.std(ddof=1) * np.sqrt(1 / k + 1 / (k - 1)), (gain > 0).sum()
    words = f"RMSE = {mine.mean():.4f} held out, {whose} {other.mean():.4f}. Fold by fold it gains"
    words = f"{words} {gain.mean():+.4f} +- {error:.4f}, and wins {wins} of {k}"
    return 1 if wins >= 0.8 * k and gain.mean() > error else -1 if gain.mean() < -error else 0, words


def check_tune(answer, X, y, cv):
    """Settings of a forest that beat the plain ones. Context: features, target, folds."""
    hint_if(not isinstance(answer, RandomForestRegressor), "Asked for is a RandomForestRegressor(...).")
    same = {"n_estimators": answer.n_estimators, "random_state": answer.random_state or 0}
    forests = clone(answer).set_params(**same), RandomForestRegressor(**same, n_jobs=-1)
    mine, plain = (_rmse(forest, X, y, cv) for forest in forests)
    hint_if(np.allclose(mine, plain), "The plain forest, but for trees and seed. Turn another knob.")
    verdict, words = _compare(mine, plain, "with the plain settings")
    if verdict == 1:
        return f"{words}. (From fold to fold the RMSE itself varies by {mine.std(ddof=1):.3f}.)"
    raise Hint(f"{words}: not better by our rule. Try another min_samples_leaf or max_features.")


def _per_fold(answer):
    """Return five finite numbers, one per fold."""
    said = array(answer, "five numbers, one per fold").ravel()
    hint_if(said.size != 5, f"Asked for are five numbers, one per fold; yours holds {said.size}.")
    return said


def check_drop(answer, forest, X, y, cv):
    """Five RMSEs of the forest without CINDX. Context: the forest, features, target, folds."""
    said, full = _per_fold(answer), _rmse(forest, X, y, cv)
    without, other = (_rmse(forest, X.drop(columns=name), y, cv) for name in ("CINDX", "model_r"))
    hint_if(np.allclose(said, full), "That is with CINDX: X.drop(...) returns a new table, X stays.")
    hint_if(not np.allclose(said, without, rtol=1e-3), "Not the RMSEs of that forest on X without CINDX.")
    words = _compare(without, full, "with it")[1]
    return f"{words}.\n  Without model_r it loses {(other - full).mean():.4f}. Which importance says so?"


def check_model(answer, X, y, cv):
    """A regressor that beats the linear one. Context: features, target, folds."""
    mine, linear = (_rmse(model, X, y, cv) for model in (answer, LinearRegression()))
    verdict, words = _compare(mine, linear, "the linear model")
    hint_if(np.allclose(mine, linear, rtol=5e-3), f"{words}: that is (nearly) the linear model again.")
    if verdict == 1:
        return f"{words}: on the same galaxies, that says more than two means."
    scaled = _rmse(make_pipeline(StandardScaler(), answer), X, y, cv).mean()
    hint_if(scaled < 0.96 * mine.mean(), f"{words}. Behind a StandardScaler: {scaled:.4f}, for units matter.")
    hint_if(verdict == 0, f"{words}: that may be luck, says the rule of section 2.")
    raise Hint(f"{words}: yours is worse. Is it too stiff, or too flexible?")


def check_bend(answer, table, out_of_fold):
    """What a quadratic gains over a line. Context: training table, function that returns held-out scores."""

    def gain(**settings):
        bent, line = (out_of_fold(table, degree=d, **settings).groupby("fold") for d in (2, 1))
        return (bent["log-likelihood"].mean() - line["log-likelihood"].mean()).to_numpy()

    said, right = _per_fold(answer), gain()
    if np.allclose(said, right, atol=1e-3):
        return f"On average {right.mean():+.3f}, positive in {(right > 0).sum()} of 5 folds. Is that a bend?"
    hint_if(np.allclose(said, -right, atol=1e-3), "Line minus quadratic: turn it round.")
    hint_if(np.allclose(said, gain(way="limits as values"), atol=1e-3), "Limits were taken as values.")
    raise Hint("Other numbers: both from `out_of_fold(train)`, and nothing but `degree` may differ.")


def check_leak(answer, columns, y, cv):
    """A model that chooses 20 columns inside the folds. Context: random columns, the target, the folds."""
    hint_if(not hasattr(answer, "steps"), "Asked for is a pipeline: make_pipeline(the choice, the model).")
    kept = clone(answer).fit(columns, y)[-1].n_features_in_
    hint_if(kept != 20, f"Its last step sees {kept} columns of {columns.shape[1]}: choose 20 first.")
    r2 = cross_val_score(answer, columns, y, cv=cv, error_score="raise").mean()
    return f"R2 = {r2:.2f}: noise predicts nothing. In a pipeline each fold makes a choice of its own."


def check_table(answer, study):
    """The test RMSE of a new table. Context: the function that splits, chooses and tests."""
    said, table = number(answer), practice_table()

    def rmse(name="star", more=(), missing=999):
        return study(table, name, [*table.columns[:8], *more], "feh", missing)["test RMSE"]

    for wrong, hint in [
        (rmse("spectrum"), "The same star is on both sides of the split: it has four spectra."),
        (rmse(more=["iron"]), "`iron` is `feh` + 7.5: a column made from the answer."),
        (rmse(missing=-99), "Look at the largest line strengths: 999 is no measurement."),
    ]:
        hint_if(abs(wrong - said) < 1e-3, hint)
    hint_if(said < 0.8 * rmse(), "Too good to be true. What does the model know of the stars locked away?")
    hint_if(said > 1.15 * rmse(), "Worse than need be. Are the settings chosen, and missing values out?")
    return f"{said:.2f} dex for stars never seen. The rest is bookkeeping."
