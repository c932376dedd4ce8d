"""Measure what section 10 of part 2 quotes: several starts and folds on the real practice pictures.

    PRACTICE_DATA=FOLDER python tools/practice_starts.py [--rounds 5]

Each of the 500 galaxies is predicted by models that were fitted on others (five folds), and each fold of a
round gets another of five starts; in the next round the starts move on by one fold. It begins by running the
core of the notebook, for its functions are used. Networks and predictions are kept in build/practice_starts/:
started again, it goes on. On two cores without bfloat16: 15 minutes for the networks, then 15 a round.
"""

import argparse
import os

import matplotlib
import nbformat
import numpy as np
import pandas as pd
from IPython.core.interactiveshell import InteractiveShell

from cells import CORE, ROOT, parts
from minutes import NOTEBOOKS

FOLDS = 5
STARTS = range(42, 47)
KEPT = ROOT / "build/practice_starts"


def names_of_the_page():
    """Run the core of part 2; return all names that it leaves."""
    nb = nbformat.read(ROOT / "day2" / NOTEBOOKS[2], as_version=4)
    shell = InteractiveShell.instance()
    for cell in parts(nb)[CORE]:
        if cell.cell_type == "code":
            shell.run_cell(cell.source).raise_error()
    return shell.user_ns


def network_of_section_2(page, start):
    """Return the network of section 2 from a start; trained once, then read from its file."""
    import torch

    path = KEPT / f"network_{start}.pt"
    learn = page["new_learner"](start)
    if path.exists():
        learn.model.load_state_dict(torch.load(path, weights_only=True))
    else:
        with learn.no_bar(), learn.no_logging():
            learn.fit_one_cycle(page["EPOCHS"], lr_max=page["RATE"])
        torch.save(learn.model.state_dict(), path)
    return learn.model


def trained_on(page, fit, network, epochs, rate):
    """Return a network after training on real galaxies by section 10's recipe, its label standardized."""
    scaled = fit.assign(label=(fit["label"] - fit["label"].mean()) / fit["label"].std())
    together = pd.concat([scaled, scaled.iloc[:2]])  # two galaxies ride along as "validation"
    block = page["DataBlock"](
        blocks=(page["ImageBlock"], page["RegressionBlock"]),
        get_x=page["ColReader"]("picture"),
        get_y=page["ColReader"]("label"),
        splitter=page["IndexSplitter"](range(len(scaled), len(together))),
        item_tfms=page["DihedralItem"](),
        batch_tfms=page["Normalize"].from_stats(page["mean"], page["std"]),
    )
    data = block.dataloaders(together, bs=page["BATCH"], num_workers=0, device=page["device"])
    learn = page["Learner"](data, network, loss_func=page["MSELossFlat"](), opt_func=page["fastai_adamw"])
    with learn.no_bar(), learn.no_logging():
        learn.fit_one_cycle(epochs, lr_max=rate)
    return network


def said_by(page, network, fit, score):
    """Return the label that a trained network says of galaxies, the mean of eight orientations."""
    import torch

    images = page["to_tensor"](score)
    network.eval()
    with torch.no_grad():
        views = [network(page["dihedral"](images, k).to(page["device"]))[:, 0].float() for k in range(8)]
    return fit["label"].mean() + fit["label"].std() * torch.stack(views).mean(0).cpu().numpy()


def said_by_probe(page, network, fit, score):
    """Return the label by a linear regression on the 512 last numbers of a network (section 10)."""
    regression = page["RidgeCV"](np.logspace(-4, 4, 17))
    regression.fit(page["numbers_of"](network, fit), fit["label"])
    return regression.predict(page["numbers_of"](network, score))


def ways(page, start, fit, score):
    """Return a column of predictions for each way, for one start and one fold."""
    rings = page["clone"](page["ring_model"]).fit(page["ring_brightness"](fit), fit["label"])
    said = {"rings": rings.predict(page["ring_brightness"](score))}
    said["random kernels"] = said_by_probe(page, page["new_learner"](start).model, fit, score)
    said["probe"] = said_by_probe(page, network_of_section_2(page, start), fit, score)

    page["set_seed"](start, reproducible=True)
    tuned = network_of_section_2(page, start)
    tuned[-1] = page["nn"].Linear(512, 1)
    trained_on(page, fit, tuned, epochs=8, rate=1e-3)
    said["fine-tuned"] = said_by(page, tuned, fit, score)

    page["set_seed"](start, reproducible=True)
    new = page["faster"](page["xresnet18"](n_out=1), page["device"])
    trained_on(page, fit, new, epochs=page["EPOCHS"], rate=page["RATE"])
    said["from nothing"] = said_by(page, new, fit, score)

    page["set_seed"](start, reproducible=True)
    small = trained_on(page, fit, page["simple_cnn"](), epochs=30, rate=page["RATE"])
    said["small, from nothing"] = said_by(page, small, fit, score)
    return pd.DataFrame(said, score.index)


def table_of(said, label):
    """Return RMSE and R2 of each way over all galaxies of all rounds, and the interval of its pairs.

    The interval of a difference draws galaxies anew, and a round for each of them: both kinds of luck.
    """
    rng = np.random.default_rng(0)
    rounds = said.index.get_level_values("round").unique()
    square = {way: said[way].unstack("round").sub(label, axis=0).to_numpy() ** 2 for way in said}
    rows = {}
    for way, errors in square.items():
        by_round = np.sqrt(errors.mean(axis=0))
        rows[way] = {"RMSE": by_round.mean(), "R2": 1 - errors.mean() / label.var(ddof=0)}
        for other in ("rings", "random kernels", "from nothing"):
            drawn = rng.integers(0, len(label), (2000, len(label)))
            turn = rng.integers(0, len(rounds), drawn.shape)
            gain = np.sqrt(square[other][drawn, turn].mean(1)) - np.sqrt(errors[drawn, turn].mean(1))
            low, high = np.percentile(gain, [2.5, 97.5])
            rows[way][f"{other} minus this"] = f"{low:+.3f} to {high:+.3f}"
    return pd.DataFrame(rows).T


def main():
    """Run the rounds that are missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    KEPT.mkdir(parents=True, exist_ok=True)
    matplotlib.use("Agg")
    os.environ["XGASS_SOURCE"] = "mock"
    os.chdir(ROOT / "day2")
    page = names_of_the_page()

    practice, said = page["practice"], {}
    folds = np.array_split(np.random.default_rng(0).permutation(len(practice)), FOLDS)
    for turn in range(rounds):
        for fold, rows in enumerate(folds):
            path = KEPT / f"round_{turn}_fold_{fold}.csv"
            if not path.exists():
                start = STARTS[(fold + turn) % len(STARTS)]
                held_out = practice.index[rows]
                fit, score = practice.drop(index=held_out), practice.loc[held_out]
                ways(page, start, fit, score).to_csv(path)
            said[turn, fold] = pd.read_csv(path, dtype={"id": "str"}).set_index("id")
            print(f"round {turn}, fold {fold}: done", flush=True)
    said = pd.concat(said, names=["round", "fold"]).droplevel("fold")
    print(table_of(said, practice["label"]).to_string(float_format="{:.3f}".format))


if __name__ == "__main__":
    main()
