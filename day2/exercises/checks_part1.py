"""The exercises of part 1: tables, and models of scikit-learn."""

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from .answers import Hint, array, call, hint_if, number
from .tables import practice_table

ROUNDED = 6e-4  # an answer may be rounded to three digits


def check_missing(answer, catalog):
    """How many galaxies have no SFR_best? Context: the whole catalog."""
    said = number(answer)
    rate = catalog["SFR_best"]
    missing = (rate == -99).sum()
    if said == missing:
        found = rate.isna().sum()
        return f"{missing} of {len(catalog)}; isna() finds {found}: to a computer -99 is just a number."
    hint_if(said == 0, "Neither isna() nor == 0 knows the sentinel: -99 is a number like any other.")
    hint_if(said == len(catalog) - missing, "So many HAVE a measured SFR_best. Turn the condition round.")
    hint_if(said == (catalog["NUVr"] == -99).sum(), "That is the number for NUVr. Asked for is SFR_best.")
    raise Hint("Compare SFR_best of the whole `catalog` with -99; the sum of True and False counts the True.")


def _rmse(model, X, y, rows):
    """Return the RMSE of a fitted model on some rows (numbers)."""
    residual = y.iloc[rows] - model.predict(X.iloc[rows])
    return float(np.sqrt(np.mean(residual**2)))


def check_fold(answer, X, y, folds):
    """A function of a fold (row numbers): RMSE there of a line fitted on the others. Context: the folds."""
    fold = folds[1]
    everything = np.arange(len(X))
    others = np.setdiff1d(everything, fold)
    result = call(answer, fold)
    if result is None:
        return None
    said = number(result)

    of_others = LinearRegression().fit(X.iloc[others], y.iloc[others])
    of_all = LinearRegression().fit(X, y)
    of_fold = LinearRegression().fit(X.iloc[fold], y.iloc[fold])
    right = _rmse(of_others, X, y, fold)
    if abs(said - right) < ROUNDED:
        return f"{right:.3f} dex on the second fold. Five of these are a cross-validation."
    mistakes = {
        "That is the RMSE on the galaxies fitted. Score those held out.": [_rmse(of_others, X, y, others)],
        "The line was fitted on all rows: it has seen those held out.": [_rmse(of_all, X, y, fold)],
        "Fitted on held_out. Fit on the others.": [_rmse(of_fold, X, y, fold), _rmse(of_fold, X, y, others)],
        "That is R2 (.score gives it). Asked for is the RMSE.": [1 - right**2 / y.iloc[fold].var(ddof=0)],
        "That is the mean of the squares. Take its root.": [right**2],
    }
    for hint, values in mistakes.items():
        hint_if(np.isclose(said, values).any(), hint)
    raise Hint(f"For the second fold it should be {right:.4f}; yours is {said:.4f}.")


def check_leak(answer, columns, y, cv):
    """A model that chooses 20 columns inside the folds. Context: random columns, the target, the folds."""
    hint_if(not hasattr(answer, "steps"), "Asked for is a pipeline: make_pipeline(the choice, the model).")
    kept = clone(answer).fit(columns, y)[-1].n_features_in_
    hint_if(kept != 20, f"Its last step sees {kept} columns of {columns.shape[1]}: choose 20 first.")
    hint_if(not _choice_follows(answer, columns, y), "It keeps the same columns whatever the y is: they were "
            "chosen before, with all of it. Let the pipeline choose.")  # fmt: skip
    r2 = cross_val_score(answer, columns, y, cv=cv, error_score="raise").mean()
    return f"R2 = {r2:.2f}: noise predicts nothing. In a pipeline each fold makes a choice of its own."


def _choice_follows(answer, columns, y):
    """Tell whether the columns that reach the last step of a pipeline change with the target."""
    other = np.random.default_rng(0).permutation(np.asarray(y))
    reached = []
    for target in (np.asarray(y), other):
        fitted = clone(answer).fit(columns, target)
        reached.append(np.asarray(fitted[:-1].transform(columns)))
    return reached[0].shape != reached[1].shape or not np.allclose(*reached)


def _fold_rmse(model, X, y, cv):
    """Return the RMSE of each fold, held out."""
    return -cross_val_score(model, X, y, cv=cv, scoring="neg_root_mean_squared_error", error_score="raise")


def check_drop(answer, forest, X, y, cv):
    """Five RMSEs of the forest without CINDX. Context: the forest, features, target, folds."""
    said = array(answer, "five numbers, one per fold").ravel()
    hint_if(said.size != 5, f"Asked for are five numbers, one per fold; yours holds {said.size}.")
    full = _fold_rmse(forest, X, y, cv)
    without = _fold_rmse(forest, X.drop(columns="CINDX"), y, cv)
    without_brightness = _fold_rmse(forest, X.drop(columns="model_r"), y, cv)
    hint_if(np.allclose(said, -without, atol=ROUNDED), "Right but for the sign: scikit-learn's scores are "
            "better when higher, so its errors come with a minus. Take it off.")  # fmt: skip
    hint_if(
        np.allclose(said, full, atol=1e-9), "That is with CINDX: X.drop(...) returns a new table, X stays."
    )
    hint_if(not np.allclose(said, without, atol=ROUNDED), "Not the RMSEs of that forest on X without CINDX.")

    loss = without - full
    error = loss.std(ddof=1) * np.sqrt(1 / len(loss) + 1 / (len(loss) - 1))
    words = f"Without CINDX the RMSE rises by {loss.mean():+.4f} +- {error:.4f} (mean over the folds)"
    return (
        f"{words}.\n  Without model_r: {(without_brightness - full).mean():+.4f}. Which importance says so?"
    )


def check_trap(answer, train, features):
    """The RMSE elsewhere of a quadratic fitted on a blind survey. Context: training table, features."""
    said = number(answer)
    X, y = train[features], train["lgGF"]
    blind = (train["HIsrc"] == 1).to_numpy()
    detected = (train["HIsrc"] != 4).to_numpy()
    quadratic = make_pipeline(StandardScaler(), PolynomialFeatures(2, include_bias=False), LinearRegression())
    excess = quadratic.fit(X[blind], y[blind]).predict(X) - y
    line_excess = LinearRegression().fit(X[blind], y[blind]).predict(X) - y

    def rmse(rows, off=excess):
        return np.sqrt((off[rows] ** 2).mean())

    if abs(said - rmse(~blind)) < ROUNDED:
        home = -cross_val_score(quadratic, X[blind], y[blind], scoring="neg_root_mean_squared_error", cv=5)
        return f"At home {home.mean():.2f} dex, elsewhere {rmse(~blind):.2f}. No score at home can show it."
    mistakes = {
        "That is at home, on the galaxies fitted. Ask it about all others.": rmse(blind),
        "Those are the other detections. Ask about ALL others, limits too.": rmse(detected & ~blind),
        "That is on all galaxies, those fitted among them. Leave these out.": rmse(blind | True),
        "That is the line. Fit polynomial(2).": rmse(~blind, line_excess),
        "That is the mean excess. Asked for is the RMSE.": excess[~blind].mean(),
        "That is the mean of the squares. Take its root.": rmse(~blind) ** 2,
    }
    for hint, value in mistakes.items():
        hint_if(abs(said - value) < ROUNDED, hint)
    raise Hint("Fit polynomial(2) where HIsrc is 1, predict where it is not, and take the RMSE there.")


def check_bend(answer, train, log_likelihood_of):
    """Gains by the squares of NUVr and petrR50_r. Context: training table, function of table and columns."""
    said = array(answer, "two numbers, the gain by NUVr squared and by petrR50_r squared").ravel()
    hint_if(said.size != 2, f"Asked for are two gains, of color and of size; yours holds {said.size}.")
    line = log_likelihood_of(train, [])
    right = np.array([log_likelihood_of(train, [name]) - line for name in ("NUVr", "petrR50_r")])
    if np.allclose(said, right, atol=0.06):
        return f"Color {right[0]:+.1f}, size {right[1]:+.1f}. By chance alone: +0.5. Which one bends?"
    hint_if(np.allclose(said, right[::-1], atol=0.06), "Right numbers, wrong order: first color, then size.")
    hint_if(np.allclose(said, -right, atol=0.06), "Line minus curve: turn it round.")
    hint_if(np.allclose(said, right + line, atol=0.06), "Those are the log-likelihoods. Subtract the line's.")
    hint_if(np.allclose(said, 2 * right, atol=0.06), "That is twice the gain. Asked for is the gain.")
    hint_if(np.allclose(said, right / len(train), rtol=0.05), "That is per galaxy. Take the total.")
    raise Hint("log_likelihood_of(train, [name]) minus log_likelihood_of(train, []), for each of the two.")


def check_table(answer, study):
    """The test RMSE of a new table. Context: the function that splits, chooses and tests."""
    said = number(answer)
    table = practice_table()
    lines = list(table.columns[:8])

    def rmse(name="star", features=lines, missing=999):
        return study(table, name, features, "feh", missing)["test RMSE"]

    mistakes = {
        "The same star is on both sides of the split: it has four spectra.": rmse(name="spectrum"),
        "`iron` is `feh` + 7.5: a column made from the answer.": rmse(features=[*lines, "iron"]),
        "Look at the largest line strengths: 999 is no measurement.": rmse(missing=-99),
    }
    for hint, value in mistakes.items():
        hint_if(abs(value - said) < 1e-3, hint)
    right = rmse()
    hint_if(said < 0.8 * right, "Too good to be true. What does the model know of the stars locked away?")
    hint_if(said > 1.15 * right, "Worse than need be. Are the settings chosen, and missing values out?")
    return f"{said:.2f} dex for stars never seen. The rest is bookkeeping."
