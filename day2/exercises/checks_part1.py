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

TICK = "A tick takes 4 folds of 5, and a mean gain above its uncertainty"


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
    raise Hint("Compare SFR_best of the whole `catalog` with -99; the sum of True and False counts the True.")


def check_fold(answer, X, y, folds):
    """A function of a fold (row numbers): RMSE there of a line fitted on the others. Context: the folds."""
    rows = np.arange(len(X))

    def rmse(fitted, scored):
        line = LinearRegression().fit(X.iloc[fitted], y.iloc[fitted])
        return np.sqrt(np.mean((y.iloc[scored] - line.predict(X.iloc[scored])) ** 2))

    for fold in folds[:2]:
        found, others = call(answer, fold), np.setdiff1d(rows, fold)
        if found is None:
            return None
        said, right = number(found), rmse(others, fold)
        for value, hint in [
            (right, ""),
            (rmse(others, others), "That is the RMSE on the galaxies fitted. Score those held out."),
            (rmse(rows, fold), "The line was fitted on all rows: it has seen those held out."),
            (rmse(fold, others), "The wrong way round: fit on the others, score on held_out."),
            (rmse(fold, fold), "Fitted and scored on held_out. Fit on the others."),
            (-right, "An RMSE is positive; scikit-learn's scorers turn its sign round."),
            (right**2, "That is the mean squared residual: take the root."),
            (1 - right**2 / y.iloc[fold].var(ddof=0), "That is R2 (.score gives it). Asked for is the RMSE."),
            (rmse(np.setdiff1d(rows, folds[0]), folds[0]), "Right for the first fold only. Use `held_out`."),
            (said, f"For this fold it should be {right:.4f}; yours is {said:.4f}."),
        ]:
            if np.isclose(said, value):
                hint_if(hint, hint)
                break
    return f"{right:.3f} dex on the second fold. Five of these are a cross-validation."


def check_guess(answer, X, y, cv):
    """An RMSE without NUVr, guessed. Context: features, target, folds."""
    said, lazy = number(answer), _rmse(DummyRegressor(), X, y, cv).mean()
    six, five = (_rmse(LinearRegression(), table, y, cv).mean() for table in (X, X.drop(columns="NUVr")))
    hint_if(said <= 0, "An RMSE is positive: the typical error, in dex.")
    hint_if(said <= six, f"With the colour it is {six:.2f} dex. Can leaving it out make that better?")
    hint_if(said >= lazy, f"The mean for everybody has {lazy:.2f}. Do five features know less than none?")
    kept = (lazy - five) / (lazy - six)
    words = f"It is {five:.2f} dex; you said {said:.2f}. Six features: {six:.2f}, none: {lazy:.2f}."
    return f"{words}\n  Without the colour {kept:.0%} of the gain is left: the others replace a part of it."


def _rmse(model, X, y, cv):
    """Return the RMSE of each fold, held out; scikit-learn says what is no regressor."""
    hint_if(isinstance(model, type), "That is a class. Make a model of it: with parentheses.")
    how = {"scoring": "neg_root_mean_squared_error", "error_score": "raise"}
    return -cross_val_score(model, X, y, cv=cv, **how)


def _compare(mine, other, whose):
    """Compare RMSEs fold by fold: 1 if mine win by the notebook's rule, -1 if they lose; and the numbers."""
    gain, k = other - mine, len(mine)
    # Folds share galaxies, so the mean is less sure than spread / sqrt(k): Nadeau & Bengio (2003).
    error, wins = gain.std(ddof=1) * np.sqrt(1 / k + 1 / (k - 1)), (gain > 0).sum()
    words = f"RMSE = {mine.mean():.4f} held out, {whose} {other.mean():.4f}. Fold by fold it gains"
    words = f"{words} {gain.mean():+.4f} +- {error:.4f}, and wins {wins} of {k}"
    return 1 if wins >= 0.8 * k and gain.mean() > error else -1 if gain.mean() < -error else 0, words


def check_tune(answer, X, y, cv):
    """Settings of a forest that beat the plain ones. Context: features, target, folds."""
    hint_if(not isinstance(answer, RandomForestRegressor), "Asked for is a RandomForestRegressor(...).")
    default, settings = RandomForestRegressor().get_params(), answer.get_params()
    # As text: max_features=1 is one feature, the default 1.0 is all of them, and 1 == 1.0.
    turned = {key for key in settings if repr(settings[key]) != repr(default[key])}
    turned -= {"n_estimators", "n_jobs", "random_state", "verbose", "oob_score", "warm_start"}
    hint_if(not turned, "The plain forest, but for trees and seed: they hardly matter. Turn another knob.")
    hint_if(answer.n_estimators > 500, "More than 500 trees take long and add nothing. Turn another knob.")
    same_trees = clone(answer).set_params(**{key: default[key] for key in turned})
    mine, plain = (_rmse(model, X, y, cv) for model in (answer, same_trees))
    verdict, words = _compare(mine, plain, "with the plain settings")
    if verdict == 1:
        return f"{words}. (From fold to fold the RMSE itself varies by {mine.std(ddof=1):.3f}.)"
    fitted = np.sqrt(np.mean((y - clone(answer).fit(X, y).predict(X)) ** 2))
    hint_if(fitted > 0.9 * plain.mean(), f"{words}. Too stiff: its trees are too small.")
    hint_if(repr(answer.max_features) == "1", f"{words}. max_features=1 is ONE feature, 1.0 is all of them.")
    raise Hint(f"{words}. {TICK}. Try another min_samples_leaf or max_features.")


def check_drop(answer, forest, X, y, cv):
    """Five RMSEs of the forest without CINDX. Context: the forest, features, target, folds."""
    said, full = array(answer, "five numbers, one RMSE per fold").ravel(), _rmse(forest, X, y, cv)
    without, other = (_rmse(forest, X.drop(columns=name), y, cv) for name in ("CINDX", "model_r"))
    hint_if(said.size == 1, "That is one number. Hand over all five, to compare them fold by fold.")
    hint_if(said.shape != full.shape, f"Asked for are {len(full)} numbers, one per fold, not {said.size}.")
    hint_if(np.allclose(said, full), "That is with CINDX: X.drop(...) returns a new table, X stays.")
    hint_if(np.allclose(said, -without), "An RMSE is positive; scikit-learn's scorers turn its sign round.")
    hint_if((said > 0.6).all(), "These look like R2. Asked for is the RMSE: fold_rmse gives it.")
    hint_if(not np.allclose(said, without, rtol=1e-3), "Not that forest on X without CINDX, folds of cv.")
    lost, loss = "worse" if _compare(without, full, "")[0] == -1 else "no clear loss", (other - full).mean()
    words = f"{_compare(without, full, 'with it')[1]}: {lost}."
    return f"{words}\n  Without model_r it loses {loss:.4f} on average. Which importance says so?"


def check_model(answer, X, y, cv):
    """A regressor that beats the linear one. Context: features, target, folds."""
    mine, linear = (_rmse(model, X, y, cv) for model in (answer, LinearRegression()))
    verdict, words = _compare(mine, linear, "the linear model")
    hint_if(np.allclose(mine, linear, rtol=5e-3), f"{words}: that is (nearly) the linear model again.")
    if verdict == 1:
        return f"{words}: on the same galaxies, that says more than two means."
    scaled = _rmse(make_pipeline(StandardScaler(), answer), X, y, cv).mean()
    hint_if(scaled < 0.96 * mine.mean(), f"{words}. Behind a StandardScaler: {scaled:.4f}, for units matter.")
    hint_if(verdict == 0, f"{words}: that may be luck. {TICK}.")
    raise Hint(f"{words}: yours is worse. Is it too stiff, or too flexible?")


def check_bend(answer, table, out_of_fold):
    """What a quadratic gains over a line. Context: training table, function that returns held-out scores."""

    def gain(*degrees, **settings):
        new, old = (out_of_fold(table, degree=d, **settings).groupby("fold") for d in degrees)
        return (new["log-likelihood"].mean() - old["log-likelihood"].mean()).to_numpy()

    said, right = array(answer, "five numbers, one a fold"), gain(2, 1)
    hint_if(said.shape != right.shape, f"Asked for are five numbers, one a fold; yours holds {said.size}.")
    if np.allclose(said, right, atol=1e-3):
        return f"On average {right.mean():+.3f}, positive in {(right > 0).sum()} of 5 folds. Is that a bend?"
    hint_if(np.allclose(said, -right, atol=1e-3), "Line minus quadratic: turn it round.")
    as_values = gain(2, 1, way="limits as values")
    hint_if(np.allclose(said, as_values, atol=1e-3), "That is it for limits taken as values.")
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
    right = rmse()
    hint_if(said < 0.8 * right, "Too good to be true. What does the model know of the stars locked away?")
    hint_if(said > 1.15 * right, "Worse than need be. Are the settings chosen, and missing values out?")
    return f"{said:.2f} dex for stars never seen. The rest is bookkeeping."
