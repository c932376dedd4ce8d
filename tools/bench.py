"""Print one table of how long things take: the sections of both notebooks, each fast way beside a plain one.

The ratios compare what was measured in this run, on this machine. The recipes are taken from the cells of the
notebooks, so that the table speaks of what a learner runs. Nothing else should run at the same time.
"""

import contextlib
import io
import os
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import torch

from launching import DAY2, FAST_PRECISION, launch
from notebooks import execute, memory, section_of, universe

PART_1, PART_2 = DAY2 / "01-intro-machine-learning.ipynb", DAY2 / "02-deep-learning.ipynb"
PLAIN_SIZE, PLAIN_EPOCHS = 128, 20  # fastai as its documentation has it
BF16 = 'use_bf16 = device.type == "cpu" and "bf16" in cpu_flags'
EPOCHS = 4  # of the script, on one process and on two
MANY = 100_000  # pictures to predict
WIDTH = 62


def row(what, seconds, megabytes=None, note=""):
    """Print a line of the table."""
    megabytes = "" if megabytes is None else f"{megabytes:.0f}"
    print(f"{what[:WIDTH]:{WIDTH}s}{seconds:9.1f}{megabytes:>9s}  {note}".rstrip(), flush=True)


def measured(work, *arguments, **more):
    """Call a function; return result, seconds and peak memory (MB) of this process and its children."""
    done, peak = threading.Event(), [memory(os.getpid())]

    def watch():
        while not done.wait(0.1):
            peak[0] = max(peak[0], memory(os.getpid()))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    start = time.perf_counter()
    try:
        result = work(*arguments, **more)
        return result, time.perf_counter() - start, peak[0]
    finally:
        done.set()
        watcher.join()


def sections(path):
    """Time the sections of a notebook, in full and in fast mode."""
    for label, fast in (("full", ""), ("fast", "1")):
        env = universe(path)
        _, timing, failure = execute(path, TUTORIAL_FAST=fast, **env)
        if failure:
            raise SystemExit(failure)
        row(f"{path.name}, {label}, {env['XGASS_SOURCE']}", timing["total"], timing["peak"])
        for title, seconds in timing["sections"].items():
            row(f"    {title}", seconds, timing["memory"].get(title))


def part_2_network(bf16):
    """Run part 2 up to its training; return its variables, seconds and peak memory of the training cell."""
    scope = {}
    for cell in nbformat.read(PART_2, as_version=4).cells:
        if cell.cell_type != "code" or "plt.show()" in cell.source:
            continue
        source = cell.source if bf16 else cell.source.replace(BF16, "use_bf16 = False")
        with contextlib.redirect_stdout(io.StringIO()):
            if "learn.fit_one_cycle" in source:
                with scope["learn"].no_bar(), scope["learn"].no_logging():
                    return scope, *measured(exec, source, scope)[1:]
            exec(source, scope)
    raise SystemExit(f"{PART_2.name} has no cell that calls learn.fit_one_cycle")


def plain_network(scope):
    """Train as the fastai documentation does it: JPEG files, Resize, augmentation of the batch."""
    from fastai.vision.all import (
        ColReader,
        DataBlock,
        ImageBlock,
        IndexSplitter,
        Learner,
        MSELossFlat,
        RegressionBlock,
        Resize,
        aug_transforms,
        set_seed,
        xresnet18,
    )

    set_seed(scope["SEED"], reproducible=True)
    together, n_fit = scope["together"], len(scope["fit"])
    block = DataBlock(
        blocks=(ImageBlock, RegressionBlock),
        get_x=ColReader("image"),
        get_y=ColReader("lgGF"),
        splitter=IndexSplitter(range(n_fit, len(together))),
        item_tfms=Resize(PLAIN_SIZE),
        batch_tfms=aug_transforms(flip_vert=True, max_lighting=0, max_warp=0),
    )
    dls = block.dataloaders(together, bs=scope["BATCH"], device=scope["device"])
    learn = Learner(dls, xresnet18(n_out=1), loss_func=MSELossFlat())
    with learn.no_bar(), learn.no_logging():
        return learn, *measured(learn.fit_one_cycle, PLAIN_EPOCHS, lr_max=5e-3)[1:]


def r2(learn):
    """R2 on the validation galaxies."""
    with learn.no_bar(), learn.no_logging():
        prediction, truth = (column.float().flatten().numpy() for column in learn.get_preds(ds_idx=1))
    return 1 - np.mean((prediction - truth) ** 2) / truth.var()


def networks():
    """Time the CNN of part 2 against plain fastai, on the same galaxies."""
    taken = {}
    for label, bf16 in (("bfloat16 where it is fast", True), ("float32", False)):
        scope, taken[label], peak = part_2_network(bf16)
        rate = scope["EPOCHS"] * len(scope["fit"]) / taken[label]
        row(
            f"CNN of part 2, {label}",
            taken[label],
            peak,
            f"R2 {r2(scope['learn']):.3f}, {rate:.0f} pictures/s",
        )
    learn, seconds, peak = plain_network(scope)
    rate = PLAIN_EPOCHS * len(scope["fit"]) / seconds
    ratio = seconds / taken["bfloat16 where it is fast"]
    row(
        f"CNN with plain fastai, {PLAIN_SIZE} px, {PLAIN_EPOCHS} epochs",
        seconds,
        peak,
        f"R2 {r2(learn):.3f}, {rate:.0f} pictures/s; {ratio:.1f} times the seconds of part 2",
    )


def searches():
    """Time the search of part 1 here, and by two Dask workers on this machine (start not counted)."""
    scope, here, nb = {"__name__": "__main__"}, None, nbformat.read(PART_1, as_version=4)
    for index, cell in enumerate(nb.cells):
        # all up to the search, then the section that goes past one machine
        if cell.cell_type != "code" or (here and not section_of(nb, index).endswith("Past one machine")):
            continue
        tags = cell.metadata.get("tags", [])
        known = {"dask-search": "    by Dask through joblib", "dask-retries": "    by Dask's own futures"}
        name = next((known[tag] for tag in tags if tag in known), None)
        if "search = RandomizedSearchCV" in cell.source:
            name = "search of part 1, one core"
        with contextlib.redirect_stdout(io.StringIO()):
            _, seconds, peak = measured(exec, cell.source, scope)
        if name and here:
            row(name, seconds, peak, f"{here / seconds:.2f} times as fast")
        elif name:
            here = seconds
            row(name, seconds, peak)


def scripts(folder):
    """Time `train_cnn.py` on one process and on two; start of the processes included."""
    seconds = {}
    for processes in (1, 2):
        out = folder / f"cnn-{processes}"
        (status, output), seconds[processes], peak = measured(
            launch, processes, "train_cnn.py", "--out", out, "--epochs", EPOCHS, fast=""
        )
        if status:
            raise SystemExit(output)
        ratio = "" if processes == 1 else f"; {seconds[1] / seconds[2]:.2f} times as fast as one"
        row(
            f"train_cnn.py, {EPOCHS} epochs, processes: {processes}",
            seconds[processes],
            peak,
            output.strip().splitlines()[-1].split(": ")[1].split(",")[0] + ratio,
        )


def predictions(folder):
    """Time the prediction of many pictures against a plain loop over some of them."""
    import predict_cnn
    import train_cnn

    pictures = sorted((DAY2.parent / "data" / "mock" / "images").glob("*.jpg"))
    model, colours = predict_cnn.load_network(folder / "cnn-1" / "weights.pt")

    def loop():
        with torch.no_grad():
            for path in pictures:
                model(train_cnn.standardised(train_cnn.read(path)[None], *colours)).item()

    _, seconds, peak = measured(loop)
    plain = len(pictures) / seconds
    row(f"plain loop over {len(pictures)} pictures", seconds, peak, f"{plain:.0f} pictures/s")
    images = [str(pictures[number % len(pictures)]) for number in range(MANY)]
    pd.DataFrame({"id": range(MANY), "image": images}).to_csv(folder / "many.csv", index=False)
    (status, output), seconds, peak = measured(
        launch,
        1,
        "predict_cnn.py",
        folder / "many.csv",
        "--weights",
        folder / "cnn-1" / "weights.pt",
        "--out",
        folder / "done",
        precision=FAST_PRECISION,
    )
    if status:
        raise SystemExit(output)
    row(
        f"predict_cnn.py, {MANY} pictures",
        seconds,
        peak,
        f"{MANY / seconds:.0f} pictures/s, {MANY / seconds / plain:.1f} times the plain loop",
    )


def main():
    """Measure all and print the table."""
    warnings.filterwarnings("ignore")
    os.environ.setdefault("XGASS_SOURCE", "mock")
    os.environ["MPLBACKEND"] = "Agg"
    os.chdir(DAY2)
    sys.path.insert(0, str(DAY2))  # as in a notebook of that folder
    print(f"{os.cpu_count()} cores, torch {torch.__version__}, {torch.get_num_threads()} threads")
    print(f"{'':{WIDTH}s}{'seconds':>9s}{'peak MB':>9s}")
    sections(PART_1)
    sections(PART_2)
    searches()
    with tempfile.TemporaryDirectory() as folder:
        scripts(Path(folder))
        predictions(Path(folder))
    networks()


if __name__ == "__main__":
    main()
