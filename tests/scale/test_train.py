"""`train_cnn.py` under `accelerate launch`: one process or two, interrupted or not, the same result."""

import ast
import json
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from PIL import Image

from launching import DAY2, launch

NOTEBOOK = nbformat.read(DAY2 / "02-deep-learning.ipynb", as_version=4)
RECIPE = ["--epochs", 6, "--batch", 16]


def train(processes, out, *arguments, **more):
    return launch(processes, "train_cnn.py", "--out", out, *arguments, **more)


def history(out):
    checkpoint = max(out.glob("checkpoint-*"))  # of a killed run, the last one may not yet be alone
    return json.loads((checkpoint / "progress.json").read_text())["history"]


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Return the validation RMSE of four trainings on one process, one per seed."""
    rmse = []
    for seed in range(1, 5):
        out = tmp_path_factory.mktemp("alone")
        status, output = train(1, out, *RECIPE, "--seed", seed)
        assert status == 0 and "Processes: 1, on cpu" in output, output
        rmse.append(history(out)[-1])
    return np.array(rmse)


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """Train on two processes; return the folder and the output."""
    out = tmp_path_factory.mktemp("together")
    status, output = train(2, out, *RECIPE)
    assert status == 0, output
    return out, output


def test_two_processes_score_like_one(alone, together):
    out, output = together
    assert "Processes: 2, on cpu" in output, "two processes that train together, not one and not two alone"
    assert len(list(out.glob("checkpoint-*/random_states_*.pkl"))) == 2
    spread = max(alone.std(ddof=1), 0.01)
    assert abs(history(out)[-1] - alone.mean()) < 3 * spread, (history(out), alone)
    baseline = float(re.search(r"spread of lgGF ([\d.]+)", output).group(1))
    assert history(out)[-1] < 0.8 * baseline, "and it has learned something"


def test_killed_and_resumed_it_ends_as_if_nothing_had_happened(together, tmp_path):
    out = tmp_path / "cnn"
    status, _ = train(2, out, *RECIPE, until=lambda: any(out.glob("checkpoint-0002")))
    assert status == -9 and not (out / "weights.pt").exists()
    kept = history(out)
    status, output = train(2, out, *RECIPE)
    assert status == 0, output
    assert re.search(r"Going on after epoch [2-5] of 6", output), output
    assert history(out)[: len(kept)] == kept, "what was done is not done again"
    np.testing.assert_allclose(history(out), history(together[0]), atol=2e-3)
    assert {path.name for path in out.iterdir()} == {"checkpoint-0006", "weights.pt"}, "nothing is left over"
    weights, uncut = (torch.load(folder / "weights.pt", weights_only=True) for folder in (out, together[0]))
    assert weights["weights"].keys() == uncut["weights"].keys()


def test_mixed_precision_and_a_finished_training(tmp_path):
    arguments = ["--epochs", 1, "--batch", 16]
    status, output = train(1, tmp_path, *arguments, precision="bf16")
    assert status == 0 and np.isfinite(history(tmp_path)).all(), output
    status, output = train(1, tmp_path, *arguments)
    assert status == 0 and "Going on after epoch 1 of 1" in output and "epoch   1" not in output, output
    status, output = train(1, tmp_path, "--epochs", 2, "--batch", 16)
    assert status == 1 and "another recipe" in output and "name a new folder with --out" in output, output


@pytest.mark.parametrize(("batch", "message"), [
    (15, "a batch of 15 cannot be shared equally by 2 processes"),
    (1000, "192 galaxies to fit do not fill a batch of 1000"),
])
def test_a_batch_that_cannot_be_used_is_refused(tmp_path, batch, message):
    status, output = train(2, tmp_path / "cnn", "--batch", batch)
    assert status == 1 and f"train_cnn.py: {message}" in output, output


def test_the_script_has_the_recipe_of_the_notebook():
    """Numbers, network and pictures of the script are those that the notebook shows."""
    import train_cnn

    cells = "\n".join(cell.source for cell in NOTEBOOK.cells if cell.cell_type == "code")
    for name in ("SEED", "SIZE", "EPOCHS", "BATCH"):
        value = re.search(rf"(?m)^{name} = (?:\d+ if FAST else )?(\d+)", cells).group(1)
        assert getattr(train_cnn, name) == int(value), name
    rate = re.search(r"learn\.fit_one_cycle\(EPOCHS, lr_max=([\d.e-]+)\)", cells).group(1)
    assert train_cnn.LEARNING_RATE == ast.literal_eval(rate)
    assert "xresnet18(n_out=1)" in cells and isinstance(train_cnn.network()[-1], torch.nn.Linear)


def test_the_script_reads_pictures_as_the_notebook_does():
    import train_cnn

    source = next(cell.source for cell in NOTEBOOK.cells if "def read(path):" in cell.source)
    scope = {"SIZE": train_cnn.SIZE}
    exec(source.split("\n\ncatalog[")[0], scope)
    for path in sorted((DAY2.parent / "data" / "mock" / "images").glob("*.jpg"))[:20]:
        expected = np.array(scope["read"](path)).transpose(2, 0, 1)
        np.testing.assert_array_equal(train_cnn.read(path), expected)


def test_the_schedule_is_that_of_fit_one_cycle():
    """Learning rate and momentum at every step, against fastai's own one-cycle schedule."""
    from fastai.callback.schedule import combined_cos

    import train_cnn

    steps = 200
    optimizer, schedule = train_cnn.optimizer_and_schedule(torch.nn.Linear(2, 2), steps)
    rates, momenta = [], []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        momenta.append(optimizer.param_groups[0]["betas"][0])
        optimizer.step()
        schedule.step()
    top = train_cnn.LEARNING_RATE
    expected = [float(combined_cos(0.25, top / 25, top, top / 1e5)(step / steps)) for step in range(steps)]
    np.testing.assert_allclose(rates, expected, atol=0.02 * top)
    momentum = [float(combined_cos(0.25, 0.95, 0.85, 0.95)(step / steps)) for step in range(steps)]
    np.testing.assert_allclose(momenta, momentum, atol=0.003)


@pytest.mark.parametrize(("size", "error"), [((6000, 6000), "too many"), (None, "cannot identify")])
def test_absurd_pictures_are_refused(tmp_path, size, error):
    import train_cnn

    path = Path(tmp_path / "x.png")
    Image.new("1", size).save(path) if size else path.write_bytes(b"no picture")
    with pytest.raises(OSError, match=error):
        train_cnn.read(path)
