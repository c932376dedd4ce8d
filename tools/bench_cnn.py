"""Time the CNN of part 2 against plain fastai (xresnet18, 128 px, 20 epochs) on the same split.

The recipe is taken from the notebook itself: its code cells run up to the training. Both networks are scored
on the validation galaxies. On a processor without fast bfloat16 the two rows of the recipe are the same.
"""

import contextlib
import io
import os
import sys
import time
import warnings
from pathlib import Path

import nbformat
import numpy as np
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

ROOT = Path(__file__).resolve().parents[1]
PLAIN_SIZE, PLAIN_EPOCHS = 128, 20
BF16 = 'use_bf16 = device.type == "cpu" and "bf16" in cpu_flags'


def recipe(bf16):
    """Run the notebook up to its training; return its variables and the seconds of the training cell."""
    scope, notebook = {}, nbformat.read(ROOT / "day2" / "02-deep-learning.ipynb", as_version=4)
    for cell in notebook.cells:
        if cell.cell_type != "code" or "plt.show()" in cell.source:
            continue
        source = cell.source
        if not bf16 and BF16 in source:
            source = source.replace(BF16, "use_bf16 = False")
        start = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            if "learn.fit_one_cycle" in source:
                with scope["learn"].no_bar(), scope["learn"].no_logging():
                    exec(source, scope)
                return scope, time.perf_counter() - start
            exec(source, scope)
    raise SystemExit("02-deep-learning.ipynb has no cell that calls learn.fit_one_cycle")


def plain(scope):
    """Train as the fastai documentation does it: JPEG files, Resize, augmentation of the batch."""
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
    start = time.perf_counter()
    with learn.no_bar(), learn.no_logging():
        learn.fit_one_cycle(PLAIN_EPOCHS, lr_max=5e-3)
    return learn, time.perf_counter() - start


def score(learn):
    """R2 on the validation galaxies."""
    with learn.no_bar(), learn.no_logging():
        prediction, truth = (column.float().flatten().numpy() for column in learn.get_preds(ds_idx=1))
    return 1 - np.mean((prediction - truth) ** 2) / truth.var()


def main():
    """Print one table: seconds, images per second and R2 of each way, and the ratios."""
    warnings.filterwarnings("ignore")
    os.environ.setdefault("XGASS_SOURCE", "mock")
    os.chdir(ROOT / "day2")
    sys.path.insert(0, str(ROOT / "day2"))  # as in a notebook of that folder
    rows = []
    for name, bf16 in [("part 2, bfloat16 where fast", True), ("part 2, float32", False)]:
        scope, seconds = recipe(bf16)
        rows.append((name, seconds, scope["EPOCHS"] * len(scope["fit"]) / seconds, score(scope["learn"])))
    learn, seconds = plain(scope)
    images = PLAIN_EPOCHS * len(scope["fit"])
    name = f"plain fastai, {PLAIN_SIZE} px, {PLAIN_EPOCHS} epochs"
    rows.append((name, seconds, images / seconds, score(learn)))
    n_fit, n_valid = len(scope["fit"]), len(scope["valid"])
    print(f"\nCNN on {scope['device']}, {n_fit} galaxies fitted, {n_valid} for validation")
    print(f"{'':34s}{'seconds':>9s}{'images/s':>10s}{'R2':>8s}")
    for name, seconds, rate, r2 in rows:
        print(f"{name:34s}{seconds:9.1f}{rate:10.0f}{r2:8.3f}")
    print(f"training time, plain / part 2: {rows[2][1] / rows[0][1]:.1f}; images/s, part 2 / plain: "
          f"{rows[0][2] / rows[2][2]:.1f}")


if __name__ == "__main__":
    main()
