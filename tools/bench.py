"""Print one table of how long things take: the sections of both notebooks, each fast way beside a plain one.

The ratios compare what was measured in this run, on this machine; the recipes are those of the notebooks, run
in their own kernels. Nothing else should run at the same time.
"""

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import nbformat
import pandas as pd
import psutil
from nbformat.v4 import new_code_cell, new_notebook

from notebooks import ROOT, live, section_seconds

DAY2 = ROOT / "day2"
PART_1, PART_2 = "01-intro-machine-learning.ipynb", "02-deep-learning.ipynb"
EPOCHS = 4  # of the script, on one process and on two
MANY = 10_000  # pictures to predict
# fastai as its documentation has it: JPEG files, Resize, augmentation of the batch, larger pictures.
PLAIN = """
from fastai.vision.all import Resize, aug_transforms
block = DataBlock(
    blocks=(ImageBlock, RegressionBlock), get_x=ColReader("image"), get_y=ColReader("lgGF"),
    splitter=IndexSplitter(range(len(fit), len(together))), item_tfms=Resize(128),
    batch_tfms=aug_transforms(flip_vert=True, max_lighting=0, max_warp=0),
)
set_seed(SEED, reproducible=True)
loaders = block.dataloaders(together, bs=BATCH, device=device)
Learner(loaders, xresnet18(n_out=1), loss_func=MSELossFlat()).fit_one_cycle(20, lr_max=5e-3)
"""


def row(what, seconds, megabytes=None, note=""):
    """Print a line of the table."""
    megabytes = "" if megabytes is None else f"{megabytes:.0f}"
    print(f"{what[:62]:62s}{seconds:9.1f}{megabytes:>9s}  {note}".rstrip(), flush=True)


def memory():
    """Return the resident memory (MB) of this process and its children; what they share counts for each."""
    total = 0
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        try:
            total += process.memory_info().rss / 1e6
        except psutil.NoSuchProcess:  # it has just gone
            pass
    return total


def measured(work, *arguments):
    """Call a function; return result, seconds, and peak memory (MB) with the children of this process."""
    done, peak = threading.Event(), [0]

    def watch():
        while not done.wait(0.1):
            peak[0] = max(peak[0], memory())

    threading.Thread(target=watch, daemon=True).start()
    start = time.perf_counter()
    try:
        return work(*arguments), time.perf_counter() - start, peak[0]
    finally:
        done.set()


@contextlib.contextmanager
def ran(name, **env):
    """Run a notebook; give it, its kernel as a function (source to its outputs), total seconds and peak."""
    nb = nbformat.read(DAY2 / name, as_version=4)
    with contextlib.ExitStack() as stack:
        kernel = live(nb, name, DAY2, **{"XGASS_SOURCE": "mock", "TUTORIAL_FAST": "", **env})
        (client, failure), seconds, peak = measured(stack.enter_context, kernel)
        if failure:
            raise SystemExit(failure)

        def ask(source):
            client.nb = new_notebook(cells=[new_code_cell(source)])  # a table of fastai updates itself there
            return client.execute_cell(client.nb.cells[0], 0).outputs

        yield nb, ask, seconds, peak


def sections(nb, name, seconds, peak):
    """Print the seconds of each section of a notebook."""
    row(f"{name}, simulated sample", seconds, peak)
    for title, part in section_seconds(nb).items():
        row(f"    {title}", part)


def part_1():
    """Time part 1; and its search on one core against Dask's tasks on all of them."""
    with ran(PART_1) as (nb, ask, seconds, peak):
        sections(nb, PART_1, seconds, peak)
        _, here, _ = measured(ask, "search.fit(X, y)")
        row("search of part 1, one core", here)
        compute = next(c.source for c in nb.cells if "dask-compute" in c.metadata.get("tags", []))
        _, tasks, _ = measured(ask, compute)
        row("    the same as Dask's tasks", tasks, note=f"{here / tasks:.2f} times as fast")


def part_2():
    """Time part 2; and its CNN against ordinary numbers, and against plain fastai."""
    with ran(PART_2) as (nb, ask, seconds, peak):
        sections(nb, PART_2, seconds, peak)
        train = next(c.source for c in nb.cells if "learn.fit_one_cycle" in c.source)
        _, fast, peak = measured(ask, train)
        row("CNN of part 2, bfloat16 where it is fast", fast, peak)
        ask("use_bf16 = False")
        _, plain, peak = measured(ask, train)
        row("    in ordinary numbers", plain, peak, f"{plain / fast:.1f} times the seconds")
        _, plain, peak = measured(ask, PLAIN)
        row("    plain fastai, 128 px, 20 epochs", plain, peak, f"{plain / fast:.1f} times the seconds")


def busy():
    """Time the small network of section 7, idle and beside other work, with PyTorch's threads and ours."""
    as_it_comes, idle = {"OMP_WAIT_POLICY": "", "GOMP_SPINCOUNT": "300000"}, {}
    for name, waiting in {"as PyTorch comes": as_it_comes, "as part 2 sets them": {}}.items():
        with ran(PART_2, TUTORIAL_FAST="1", **waiting) as (_, ask, _, _):
            epochs = "train(simple_cnn(), 5, augment=False)"
            ask(epochs)
            _, idle[name], _ = measured(ask, epochs)
            other = subprocess.Popen([sys.executable, "-c", "while True: pass"])
            _, beside, _ = measured(ask, epochs)
            other.kill()
        ratio = f"{idle[name] / idle['as PyTorch comes']:.1f} times the first"
        row(f"small network, threads {name}, idle", idle[name], note=ratio)
        row("    beside one busy process", beside, note=f"busy / idle {beside / idle[name]:.1f}")


def script(processes, name, *arguments):
    """Run a script of day2/scale on some processes; return the last line that it prints."""
    command = [sys.executable, DAY2 / "scale" / name, *arguments]
    if processes > 1:
        command[1:1] = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", processes]
    command = [str(part) for part in command]
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise SystemExit(done.stdout)
    return done.stdout.strip().splitlines()[-1]


def scripts(folder):
    """Time the training script on one process and on two, and the prediction against a plain loop."""
    sys.path.insert(0, str(DAY2))
    import torch

    from scale import network
    from scale.predict import load_network
    from xgass import load_catalog

    table = load_catalog("mock", images=True)[["image", "lgGF"]].rename_axis("id")
    table.to_csv(folder / "table.csv")
    seconds = {}
    for processes in (1, 2):
        recipe = ["--label", "lgGF", "--epochs", EPOCHS, "--out", folder / str(processes)]
        arguments = [folder / "table.csv", *recipe]
        said, seconds[processes], peak = measured(script, processes, "train.py", *arguments)
        ratio = f"{seconds[1] / seconds[processes]:.2f} times as fast; {said}"
        row(f"train.py, {EPOCHS} epochs, processes: {processes}", seconds[processes], peak, ratio)

    weights = folder / "1" / "weights.pt"
    model, saved = load_network(weights, torch.device("cpu"))

    def loop():
        with torch.no_grad():
            for path in table["image"]:
                model(network.standardised(network.read(path)[None], saved["mean"], saved["std"])).item()

    _, plain, peak = measured(loop)
    row(f"plain loop over {len(table)} pictures", plain, peak, f"{len(table) / plain:.0f} pictures/s")
    images = [table["image"].iloc[number % len(table)] for number in range(MANY)]
    pd.DataFrame({"id": range(MANY), "image": images}).to_csv(folder / "many.csv", index=False)
    arguments = [folder / "many.csv", "--weights", weights, "--out", folder / "done", "--bf16"]
    _, many, peak = measured(script, 1, "predict.py", *arguments)
    ratio = MANY / many / (len(table) / plain)
    row(
        f"predict.py, {MANY} pictures",
        many,
        peak,
        f"{MANY / many:.0f} pictures/s, {ratio:.1f} times the loop",
    )


def main():
    """Measure all and print the table."""
    print(f"{os.cpu_count()} cores\n{'':62s}{'seconds':>9s}{'peak MB':>9s}")
    part_1()
    part_2()
    busy()
    with tempfile.TemporaryDirectory() as folder:
        scripts(Path(folder))


if __name__ == "__main__":
    main()
