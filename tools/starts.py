"""Measure what part 2 quotes from several starts: python tools/starts.py network|limits|practice

network   five starts of section 2's network: RMSE of the validation galaxies, alone and mixed with the table
limits    eight starts of the losses of "When a label is a limit (again)"
practice  five starts of every way of section 10 on the real pictures (PRACTICE_DATA names their folder)

All use the simulated galaxies and the functions of the notebook, whose core is run first. Networks and
predictions are kept in build/starts/: started again, it goes on. Remove that folder after a change of the
recipe. On two cores without bfloat16 it takes about 15 minutes for `network`, half an hour for `limits`, and
an hour for `practice`.
"""

import argparse
import os

import numpy as np
import pandas as pd

from cells import ROOT
from page import names_of

KEPT = ROOT / "build/starts"
STARTS = range(42, 47)
STARTS_LIMITS = range(42, 50)
FOLDS = 5
ROUNDS = 2
COMPARED = ("rings", "random kernels", "probe", "from nothing")
DEEPER = "Deeper: When a label is a limit (again)"


def network_of_section_2(page, start):
    """Return the network of section 2 from a start; trained once, then read from its file."""
    path = KEPT / f"network_{start}.pt"
    learn = page["new_learner"](start)
    if path.exists():
        learn.model.load_state_dict(page["torch"].load(path, weights_only=True))
    else:
        with learn.no_bar(), learn.no_logging():
            learn.fit_one_cycle(page["EPOCHS"], lr_max=page["RATE"])
        page["torch"].save(learn.model.state_dict(), path)
    return learn.model.to(page["device"])


def measure_network():
    """Return the RMSE (dex) of each start and of the mean of all starts, and of rings minus that mean.

    Validation galaxies: one orientation, eight, eight with NUVr alone, mixed with the table. Test galaxies
    (with NUVr): eight. Rings minus that mean: the interval for three questions, by the galaxies alone.
    """
    page = names_of(2)
    rmse, to_dex, valid, mixing, by_table = (
        page[name] for name in ("rmse", "to_dex", "valid", "mixing", "by_table")
    )
    test, label = page["test"], page["test"]["lgGF"]
    scores, of_test = {}, {}
    for start in STARTS:
        network = network_of_section_2(page, start)
        one = to_dex(page["predict"](network, valid, [0]))
        eight = pd.Series(to_dex(page["predict"](network, valid)), valid.index)
        columns = np.column_stack([by_table, eight[mixing.index]])
        mixed = page["LinearRegression"]().fit(columns, mixing["lgGF"]).predict(columns)
        of_test[start] = to_dex(page["predict"](network, test))
        scores[start] = {
            "one orientation": rmse(one, valid["lgGF"]),
            "eight": rmse(eight, valid["lgGF"]),
            "eight, with NUVr": rmse(eight[mixing.index], mixing["lgGF"]),
            "both": rmse(mixed, mixing["lgGF"]),
            "test": rmse(of_test[start], label),
        }
    scores = pd.DataFrame(scores).T
    spread = scores.agg(["mean", "std"])
    averaged = np.mean(list(of_test.values()), axis=0)
    rings = page["predictions"]["rings"]
    gain = rmse(rings, label) - rmse(averaged, label)
    reach = page["wide"] * page["resampled"](rings, averaged, label).std()
    scores.loc["mean of all starts", "test"] = rmse(averaged, label)
    scores.loc["rings minus that, low", "test"] = gain - reach
    scores.loc["rings minus that, high", "test"] = gain + reach
    return pd.concat([scores, spread])


def told_from(page, start):
    """Return {name: network} from a start, as the page has `told`."""
    ways_to_train = {"limits as values": (page["simple_cnn"], page["y_fit"], page["turned_step"])}
    for name, (make_network, loss) in page["losses"].items():
        ways_to_train[name] = (make_network, page["value_and_limit"], page["step_with"](loss))
    told = {}
    for name, (make_network, labels, step) in ways_to_train.items():
        page["torch"].manual_seed(start)
        told[name] = make_network()
        page["train"](told[name], (page["x_fit"], labels), page["SMALL_EPOCHS"], step=step)
    return told


def measure_limits():
    """Return mean and spread over starts of what each loss says of validation and test galaxies."""
    page = names_of(2, DEEPER)
    scores = []
    for start in STARTS_LIMITS:
        for name, network in told_from(page, start).items():
            for part in ("valid", "test"):
                galaxies = page["catalog"].loc[page[f"{part}_ids"]]
                bell = page["bell_of"](network, galaxies)
                scores.append({"galaxies": part, "loss": name} | page["scores_of"](bell, galaxies))
        print(f"start {start}: done", flush=True)
    return pd.DataFrame(scores).groupby(["galaxies", "loss"], sort=False).agg(["mean", "std"])


def train_on(page, fit, network, epochs, rate):
    """Train a network on the standardized label of real galaxies, as section 10 does."""
    label = (fit["label"] - fit["label"].mean()) / fit["label"].std()
    scaled = fit.assign(label=label, is_valid=False)
    # fastai wants some to validate. No number of theirs is read, but how many moves the random numbers.
    riders = scaled.iloc[:2].assign(is_valid=True)
    learn = page["learner_of"](network, pd.concat([scaled, riders]))
    with learn.no_bar(), learn.no_logging():
        learn.fit_one_cycle(epochs, lr_max=rate)


def said_by(page, network, fit, score):
    """Return the label that a network trained on galaxies says of others, in eight orientations."""
    return fit["label"].mean() + fit["label"].std() * page["predict"](network, score)


def ways(page, start, fit, score):
    """Return a column of predictions for each way, for one start and one fold."""
    rings = page["clone"](page["ring_model"]).fit(page["ring_brightness"](fit), fit["label"])
    said = {"rings": rings.predict(page["ring_brightness"](score))}
    untrained = page["new_learner"](start).model.to(page["device"])
    said["random kernels"] = page["probe"](untrained, fit, score)
    said["probe"] = page["probe"](network_of_section_2(page, start), fit, score)

    page["set_seed"](start, reproducible=True)
    tuned = network_of_section_2(page, start)
    tuned[-1] = page["nn"].Linear(512, 1)
    train_on(page, fit, tuned, epochs=8, rate=1e-3)
    said["fine-tuned"] = said_by(page, tuned, fit, score)

    page["set_seed"](start, reproducible=True)
    large = page["faster"](page["xresnet18"](n_out=1), page["device"])
    train_on(page, fit, large, epochs=page["EPOCHS"], rate=page["RATE"])
    said["from nothing"] = said_by(page, large, fit, score)

    page["set_seed"](start, reproducible=True)
    small = page["simple_cnn"]()
    train_on(page, fit, small, epochs=30, rate=page["RATE"])
    said["small, from nothing"] = said_by(page, small, fit, score)
    return pd.DataFrame(said, score.index)


def measure_practice():
    """Return the table of `practice_table`, after the rounds that are missing.

    Each of the 500 galaxies is predicted by models that were fitted on others (five folds). Each fold of a
    round gets another of five starts; in the next round the starts move on by one fold.
    """
    page = names_of(2)
    practice = page["practice"]
    folds = np.array_split(np.random.default_rng(0).permutation(len(practice)), FOLDS)
    said = {}
    for number in range(ROUNDS):
        for fold, places in enumerate(folds):
            path = KEPT / f"round_{number}_fold_{fold}.csv"
            if not path.exists():
                held_out = practice.index[places]
                start = STARTS[(fold + number) % len(STARTS)]
                columns = ways(page, start, practice.drop(index=held_out), practice.loc[held_out])
                columns.to_csv(KEPT / "unfinished.csv")
                (KEPT / "unfinished.csv").replace(path)
                print(f"round {number}, fold {fold}: done", flush=True)
            said[number, fold] = pd.read_csv(path, dtype={"id": "str"}).set_index("id")
    return practice_table(pd.concat(said, names=["round", "fold"]).droplevel("fold"), practice["label"])


def practice_table(said, label):
    """Return RMSE, R2 and median miss of each way over all galaxies and rounds, and intervals of its pairs.

    Parameters
    ----------
    said : pandas.DataFrame
        A column of predictions for each way, by round and id.
    label : pandas.Series
        What is right, by id.

    Notes
    -----
    A difference draws galaxies anew, and for each of them one of its rounds: both kinds of luck.
    """
    said = said.assign(**{"mean of rings and probe": said[["rings", "probe"]].mean(axis=1)})
    squares = {way: (said[way].unstack("round").sub(label, axis=0) ** 2).to_numpy() for way in said}
    n_galaxies, n_rounds = squares["rings"].shape
    rng = np.random.default_rng(0)
    galaxies = rng.integers(0, n_galaxies, (2000, n_galaxies))
    rounds = rng.integers(0, n_rounds, galaxies.shape)
    resampled = {way: np.sqrt(errors[galaxies, rounds].mean(axis=1)) for way, errors in squares.items()}
    rows = {}
    for way, errors in squares.items():
        by_round = np.sqrt(errors.mean(axis=0))
        r2 = 1 - errors.mean() / label.var(ddof=0)
        rows[way] = {"RMSE": by_round.mean(), "spread": by_round.std(ddof=1), "R2": r2}
        rows[way]["median miss"] = np.median(np.sqrt(errors))
        for other in COMPARED:
            low, high = np.percentile(resampled[other] - resampled[way], [2.5, 97.5])
            rows[way][f"{other} minus this"] = f"{low:+.3f} to {high:+.3f}"
        of_six = np.percentile(resampled["rings"] - resampled[way], [5 / 12, 100 - 5 / 12])
        rows[way]["rings minus this, of six questions"] = "{:+.3f} to {:+.3f}".format(*of_six)
    return pd.DataFrame(rows).T


def main():
    """Measure what the command line names, and print it."""
    measures = {"network": measure_network, "limits": measure_limits, "practice": measure_practice}
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=measures)
    measure = measures[parser.parse_args().what]
    KEPT.mkdir(parents=True, exist_ok=True)
    os.environ["XGASS_SOURCE"] = "mock"
    print(measure().to_string(float_format="{:.3f}".format))


if __name__ == "__main__":
    main()
