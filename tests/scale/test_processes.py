"""The scripts on several processes, and after a power cut: the same result, nothing lost or done twice."""

from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import torch
from processes import launch, own_table

import scale.predict
from scale import tables
from scale.archives import load_whole

pytestmark = pytest.mark.full
EPOCHS = 3


@pytest.fixture
def folder(tmp_path):
    """Make a folder with a blank in its name and 120 galaxies in `my_table.csv`."""
    own_table(tmp_path / "my data", 120)
    return tmp_path / "my data"


def train(folder, processes, out, *options, until=None):
    """Train as a learner does; return the status, the output and the history of the epochs."""
    fixed = ["--label", "lgGF", "--out", out, "--batch", 16, "--epochs", EPOCHS, *options]
    status, output = launch(processes, "train.py", "my_table.csv", *fixed, cwd=folder, until=until)
    checkpoint = folder / out / "checkpoint.pt"
    return status, output, load_whole(checkpoint)["history"] if checkpoint.exists() else []


def test_all_processes_hold_the_same_weights(folder):
    """After two steps, exactly; the running means of batch normalization may differ. One of them speaks."""
    status, output = launch(2, Path(__file__).with_name("ranks.py"), folder, cwd=folder)
    assert status == 0, output
    assert output.count("0 of 120 rows are left out") == 1
    one, two = (torch.load(folder / f"rank{rank}.pt", weights_only=True) for rank in (0, 1))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_killed_after_an_epoch_and_resumed_the_history_is_that_of_an_unbroken_training(folder):
    _, _, unbroken = train(folder, 1, "unbroken")
    first = folder / "killed" / "checkpoint.pt"
    status, _, before = train(folder, 1, "killed", until=first.exists)
    assert status == -9 and len(before) < EPOCHS
    status, output, after = train(folder, 1, "killed")
    assert status == 0 and f"Going on after epoch {len(before)} of {EPOCHS}" in output, output
    np.testing.assert_allclose(after, unbroken, atol=0.002)
    assert not list((folder / "killed").glob(".*.tmp")), "nothing half-written is left"


def survey(folder, count):
    """Write a catalog that repeats the pictures of the table."""
    images = pd.read_csv(folder / "my_table.csv")["image"]
    table = pd.DataFrame({"id": [f"J{row:06d}" for row in range(count)]})
    table.assign(image=np.resize(images, count)).to_csv(folder / "survey.csv", index=False)
    return table


def predict(folder, weights, **more):
    options = ["--weights", weights, "--out", "done"]
    return launch(1, "predict.py", "survey.csv", *options, cwd=folder, **more)


def test_a_prediction_that_is_killed_goes_on(folder, weights):
    table = survey(folder, tables.PART + 10)
    first = folder / "done" / "part-000000.parquet"
    status, _ = predict(folder, weights, until=first.exists)
    before = {path: path.stat().st_mtime_ns for path in (folder / "done").glob("part-*")}
    assert status == -9 and 1 <= len(before) < 2
    status, output = predict(folder, weights)
    assert status == 0, output
    left = len(table) - len(before) * tables.PART
    assert f"{len(table)} galaxies, {left} of them predicted now, 0 without" in output
    assert all(path.stat().st_mtime_ns == when for path, when in before.items())
    assert pd.read_parquet(folder / "done")["id"].tolist() == table["id"].tolist()
    assert not list((folder / "done").glob(".*.tmp")), "nothing half-written is left"


def test_the_memory_of_the_first_parts_does_for_all(folder, weights, monkeypatch):
    """Three thousand pictures in 20 parts: what is kept of each part would add up."""
    monkeypatch.setattr(tables, "PART", 150)
    survey(folder, 3_000)
    used, write = [], scale.predict.write_whole

    def note_memory(path, raw):
        used.append(psutil.Process().memory_info().rss / 1e6)
        write(path, raw)

    monkeypatch.setattr(scale.predict, "write_whole", note_memory)
    scale.predict.predict(folder / "survey.csv", weights, folder / "done", False)
    assert max(used[15:]) < max(used[1:6]) + 40, [round(megabytes) for megabytes in used]
    assert len(pd.read_parquet(folder / "done")) == 3_000
