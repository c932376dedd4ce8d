"""The exercises of part 1: tables, and models of scikit-learn."""

import numpy as np
from sklearn.base import clone
from sklearn.feature_selection import f_classif
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score, root_mean_squared_error
from sklearn.model_selection import KFold, cross_val_predict, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from .answers import Hint, call, hint_if, number, numbers, same
from .tables import practice_table


def check_missing(answer, catalog):
    """How many galaxies have no SFR_best? Context: the whole catalog."""
    said = number(answer)
    total = len(catalog)
    rate = catalog["SFR_best"]
    missing = (rate == -99).sum()
    if said == missing:
        return f"{missing} of {total}; isna() finds {rate.isna().sum()}: to a computer -99 is just a number."
    hint_if(said == 0, "Neither isna() nor == 0 knows the sentinel: -99 is a number like any other.")
    hint_if(said == total - missing, "So many HAVE a measured SFR_best. Turn the condition round.")
    hint_if(same(said, missing / total), "That is the share. Asked for is the number of galaxies.")
    hint_if(said == -99 * missing, "You added up the values. Count the galaxies: compare with -99, then sum.")
    hint_if(said == (catalog["NUVr"] == -99).sum(), "That is the number for NUVr. Asked for is SFR_best.")
    raise Hint("Compare SFR_best of the whole `catalog` with -99; the sum of True and False counts the True.")


def check_fold(answer, X, y, folds):
    """A function of a fold (row numbers): RMSE there of a line fitted on the others. Context: the folds."""
    said = [number(call(answer, fold.copy())) for fold in folds]
    all_rows = np.arange(len(X))

    def score(fitted, scored, metric=root_mean_squared_error):
        """Fit a line and score it, in every fold; both rows are named "fold", "others" or "all"."""
        scores = []
        for fold in folds:
            rows = {"fold": fold, "others": np.setdiff1d(all_rows, fold), "all": all_rows}
            line = LinearRegression().fit(X.iloc[rows[fitted]], y.iloc[rows[fitted]])
            predicted = line.predict(X.iloc[rows[scored]])
            scores.append(metric(y.iloc[rows[scored]], predicted))
        return np.array(scores)

    right = score("others", "fold")
    if same(said, right):
        return f"{right[1]:.3f} dex on the second fold. Five of these are a cross-validation."
    mistakes = [
        (score("others", "others"), "That is the RMSE on the galaxies fitted. Score those held out."),
        (score("all", "fold"), "The line was fitted on all rows: it has seen those held out."),
        (score("fold", "fold"), "Fitted on held_out. Fit on the others."),
        (score("fold", "others"), "Fitted on held_out. Fit on the others."),
        (score("others", "all"), "Scored on all rows. Score those held out."),
        (score("others", "fold", r2_score), "That is R2 (.score gives it). Asked for is the RMSE."),
        (right**2, "That is the mean of the squares. The RMSE is its square root."),
        (-right, "That is minus the RMSE, as scikit-learn's scores have it. Turn the sign."),
    ]
    for wrong, hint in mistakes:
        hint_if(same(said, wrong), hint)
    hint_if(np.ptp(said) == 0, "It gives the same number for every fold. Use the rows that it is handed.")
    raise Hint(f"For the second fold it should be {right[1]:.4f}; yours is {said[1]:.4f}.")


def check_leak(answer, columns, y, cv):
    """A model that chooses 20 columns inside the folds. Context: random columns, the target, the folds."""
    is_pipeline = isinstance(answer, Pipeline) and len(answer.steps) > 1
    hint_if(not is_pipeline, "Asked for is a pipeline: make_pipeline(the choice, the model).")
    hint_if(not hasattr(answer[-1], "predict"), "The last step of the pipeline should be the model.")
    for step in answer:
        scores_classes = getattr(step, "score_func", None) is f_classif
        hint_if(scores_classes, "f_classif is for classes, and y is a number: f_regression.")

    chosen = _chosen(answer, columns, y)
    n_chosen = chosen.shape[1]
    hint_if(n_chosen != 20, f"Its last step sees {n_chosen} columns of {columns.shape[1]}: choose 20 first.")
    # With a shuffled y an honest choice is another one: of 20 in 2000 some 0.2 come again. All come again if
    # the choice was made before, and several if it was made in part (20 of a hundred chosen before). The
    # numbers of the columns are lost in a pipeline: a column is known by its value for the first galaxy.
    common = 0
    for seed in range(3):
        shuffled = np.random.default_rng(seed).permutation(y)
        chosen_again = _chosen(answer, columns, shuffled)
        common += len(set(chosen[0]) & set(chosen_again[0]))
    hint_if(common > 5, "With another y it chooses the same columns: the choice was made before.")
    r2 = cross_val_score(answer, columns, y, cv=cv, scoring="r2", error_score="raise").mean()
    hint_if(r2 > 0.04, f"R2 = {r2:.2f} from noise: something was still chosen with the y of all galaxies.")
    return f"R2 = {r2:.2f}: noise predicts nothing. In a pipeline each fold makes a choice of its own."


def _chosen(pipeline, columns, y):
    """Return the columns that the last step of a pipeline sees when it is fitted to y."""
    before_the_model = clone(pipeline)[:-1]
    return np.asarray(before_the_model.fit_transform(columns, y))


def check_drop(answer, forest, X, y, cv):
    """Five RMSEs of the forest without CINDX. Context: the forest, features, target, folds."""
    full = _fold_rmse(forest, X, y, cv)
    said = numbers(answer, full.size, "five numbers, one per fold")
    without = _fold_rmse(forest, X.drop(columns="CINDX"), y, cv)
    other = _fold_rmse(forest, X.drop(columns="model_r"), y, cv)
    if same(said, without):
        words = _gain_in_words(without, full)
        return f"{words}.\n  Without model_r it loses {(other - full).mean():.4f}. Which importance says so?"
    minus = "Right but for the sign: scikit-learn scores by MINUS the RMSE, so that more is better."
    hint_if(same(said, -without), f"{minus} Turn it round.")
    hint_if(same(abs(said), full), "That is with CINDX: X.drop(...) returns a new table, X stays.")
    hint_if(same(abs(said), other), "That is without model_r. Asked for is without CINDX.")
    hint_if(same(abs(said), without**2), "Those are mean squares. The RMSE is their square root.")
    hint_if(same(abs(said), abs(without - full)), "Those are the differences. Asked for are the five RMSEs.")
    hint_if((said > 0.6).all() and (full < 0.6).all(), "Is that R2? Asked for is the RMSE, in dex.")
    raise Hint("Not the RMSEs of that forest on X without CINDX, in the folds of `cv`.")


def _fold_rmse(model, X, y, cv):
    """Return the RMSE of each fold, held out."""
    scores = cross_val_score(model, X, y, cv=cv, scoring="neg_root_mean_squared_error", error_score="raise")
    return -scores


def _gain_in_words(without, full):
    """Compare the RMSEs of each fold without CINDX and with it; the uncertainty is that of the notebook."""
    gain = full - without
    k = len(gain)
    error = gain.std(ddof=1) * np.sqrt(1 / k + 1 / (k - 1))  # Nadeau and Bengio 2003
    means = f"RMSE = {without.mean():.4f} held out, with it {full.mean():.4f}"
    gains = f"{gain.mean():+.4f} +- {error:.4f}"
    return f"{means}. Fold by fold it gains {gains}, and wins {(gain > 0).sum()} of {k}"


def check_trap(answer, train, features):
    """RMSE elsewhere of a quadratic fitted at home, on ALFALFA's galaxies. Context: training table, features.

    At home are the galaxies with HIsrc == 1, elsewhere are all others. The model is the quadratic of the
    notebook, the target lgGF.
    """
    said = number(answer)
    home = train[train["HIsrc"] == 1]
    elsewhere = train[train["HIsrc"] != 1]
    quadratic = make_pipeline(
        StandardScaler(), PolynomialFeatures(2, include_bias=False), LinearRegression()
    ).fit(home[features], home["lgGF"])

    def rmse(table, model=quadratic):
        return root_mean_squared_error(table["lgGF"], model.predict(table[features]))

    right = rmse(elsewhere)
    offset = (quadratic.predict(elsewhere[features]) - elsewhere["lgGF"]).mean()
    folds = KFold(5, shuffle=True, random_state=0)
    predicted_at_home = cross_val_predict(quadratic, home[features], home["lgGF"], cv=folds)
    at_home = root_mean_squared_error(home["lgGF"], predicted_at_home)
    if same(said, right):
        return (
            f"At home {at_home:.2f} dex (cross-validated), elsewhere {right:.2f}: it says {offset:+.2f} dex "
            "on average.\n  The galaxies fitted were chosen by what is to be predicted, their gas."
        )
    line = LinearRegression().fit(home[features], home["lgGF"])
    on_all = clone(quadratic).fit(train[features], train["lgGF"])
    on_elsewhere = clone(quadratic).fit(elsewhere[features], elsewhere["lgGF"])
    r2_elsewhere = r2_score(elsewhere["lgGF"], quadratic.predict(elsewhere[features]))
    mistakes = [
        (rmse(elsewhere[elsewhere["HIsrc"] != 4]), "Only the other detections. All others: HIsrc != 1."),
        (rmse(elsewhere[elsewhere["HIsrc"] == 4]), "Only the undetected. All others: HIsrc != 1."),
        (rmse(train), "That is on all galaxies, those fitted among them. Leave these out."),
        (rmse(elsewhere, line), "That is the line, LinearRegression(). Asked for is the quadratic."),
        (offset, "That is the mean offset. Asked for is the RMSE."),
        (-offset, "That is the mean offset. Asked for is the RMSE."),
        (right**2, "That is the mean of the squares. The RMSE is its square root."),
        (-right, "Right but for the sign: an RMSE is positive."),
        (r2_elsewhere, "That is R2 (.score gives it). Asked for is the RMSE."),
        (rmse(elsewhere, on_all), "Fitted on all of `train`. Fit on the galaxies with HIsrc == 1 alone."),
        (rmse(elsewhere, on_elsewhere), "Fitted elsewhere. Fit on the galaxies with HIsrc == 1."),
        (rmse(home, on_elsewhere), "The other way round: fit where HIsrc == 1, score on the others."),
        (rmse(home), "That is at home, on the galaxies fitted. Score all the others."),
    ]
    for wrong, hint in mistakes:
        hint_if(same(said, wrong), hint)
    hint_if(abs(said - at_home) < 0.1 * at_home, "That looks like the RMSE at home. Score all the others.")
    raise Hint("Fit polynomial(2) where HIsrc == 1 and score it where HIsrc != 1, to three decimals or more.")


def check_bend(answer, train, log_likelihood_of):
    """Gains in log-likelihood by two squares. Context: training table, the notebook's function.

    `log_likelihood_of(table, extra)` returns the log-likelihood of all galaxies, for a line that the squares
    of the columns named in `extra` have joined. Asked for are the gains by NUVr and by petrR50_r.
    """
    said = numbers(answer, 2, "two numbers: the gain by the square of NUVr, and of petrR50_r")
    of_line = log_likelihood_of(train, [])
    with_color = log_likelihood_of(train, ["NUVr"])
    with_size = log_likelihood_of(train, ["petrR50_r"])
    right = np.array([with_color - of_line, with_size - of_line])

    def is_about(gains):
        exact = np.allclose(said, gains, rtol=0, atol=6e-3)
        return exact or np.allclose(said, np.round(gains, 1), rtol=0, atol=1e-6)  # as a table prints them

    if is_about(right):
        return (
            f"{right[0]:+.1f} by the color squared, {right[1]:+.1f} by the size squared.\n"
            "  A coefficient that says nothing gains 0.5 on average, and more than 1.9 one time in twenty."
        )
    mistakes = [
        (right[::-1], "The other way round: first NUVr, then petrR50_r."),
        (-right, "Line minus square: turn it round."),
        (2 * right, "That is twice the gain, the likelihood-ratio statistic. Asked for is the gain."),
        (np.array([with_color, with_size]), "Those are the log-likelihoods. Subtract that of the line."),
    ]
    for wrong, hint in mistakes:
        hint_if(is_about(wrong), hint)
    per_galaxy = right / len(train)
    hint_if(np.allclose(said, per_galaxy, rtol=0.05, atol=1e-5), "Per galaxy. Asked for is the total.")
    gain_by_both = log_likelihood_of(train, ["NUVr", "petrR50_r"]) - of_line
    hint_if(np.isclose(said, gain_by_both, atol=6e-3).any(), "One square at a time, not both together.")
    raise Hint("Each is log_likelihood_of(train, [one column]) minus log_likelihood_of(train, []).")


def check_table(answer, study):
    """The test RMSE of a new table. Context: the function that splits, chooses and tests."""
    said = number(answer)
    table = practice_table()
    lines = [column for column in table if column.startswith("line")]

    def rmse(features=lines, name="star", missing=999):
        return study(table, name, features, "feh", missing)["test RMSE"]

    both_sides = "The same star is on both sides of the split: it has four spectra."
    from_the_answer = "`iron` is `feh` + 7.5: a column made from the answer."
    a_number = "The number of a star or of a spectrum is a name: what can it say of the metallicity?"
    marks = "Look at the largest line strengths: 999 is no measurement."
    mistakes = [
        (rmse(name="spectrum"), both_sides),
        (rmse(name="spectrum", missing=-99), both_sides),
        (rmse(lines[1:], name="spectrum"), both_sides),
        (rmse([*lines, "iron"]), from_the_answer),
        (rmse([*lines, "iron"], missing=-99), from_the_answer),
        (rmse([*lines, "star"]), a_number),
        (rmse([*lines, "spectrum"]), a_number),
        (rmse(missing=-99), marks),
        (rmse(lines[1:]), "That is without line_0. Leave out the spectra that lack it, not the line."),
    ]
    right = rmse()

    def distance(mistake):
        rmse_of_mistake, _ = mistake
        return abs(rmse_of_mistake - said)

    nearest = min(mistakes, key=distance)
    _, hint = nearest
    hint_if(distance(nearest) < 1e-3 and not same(said, right), hint)
    hint_if(said < 0.9 * right, "Too good to be true. What does the model know of the stars locked away?")
    hint_if(said > 1.12 * right, "Worse than need be. Are the settings chosen, and missing values out?")
    return f"{said:.2f} dex for stars never seen. The rest is bookkeeping."
