"""The scripts on several processes, and after a power cut: the same result, nothing lost or done twice."""

import json

import numpy as np
import pandas as pd
import psutil
import pytest
from processes import launch, own_table

import scale.predict
from scale import tables

pytestmark = pytest.mark.full
EPOCHS = 6


@pytest.fixture
def folder(tmp_path):
    """Make a folder with a blank in its name and 240 galaxies in `my_table.csv`."""
    own_table(tmp_path / "my data", 240)
    return tmp_path / "my data"


def train(folder, processes, out, *options, until=None):
    """Train as a learner does; return the status, the output and the history of the epochs."""
    fixed = ["--label", "lgGF", "--out", out, "--batch", 16, "--epochs", EPOCHS, *options]
    status, output = launch(processes, "train.py", "my_table.csv", *fixed, cwd=folder, until=until)
    checkpoints = sorted((folder / out).glob("checkpoint-*/progress.json"))
    return status, output, json.loads(checkpoints[-1].read_text())["history"] if checkpoints else []


def test_two_processes_score_as_one(folder):
    """Within the scatter between seeds: the sum over processes is that over the batch, in another order."""
    one = [train(folder, 1, f"one-{seed}", "--seed", seed)[2] for seed in (1, 2, 3)]
    status, output, two = train(folder, 2, "two", "--seed", 1)
    assert status == 0 and "Processes: 2, on cpu" in output and len(two) == EPOCHS, output
    ends = np.array([history[-1] for history in one])
    assert abs(two[-1] - ends.mean()) < 3 * ends.std(ddof=1) + 0.02


def test_killed_after_two_epochs_and_resumed_the_history_is_that_of_an_unbroken_training(folder):
    _, _, unbroken = train(folder, 1, "unbroken")
    second = folder / "killed" / "checkpoint-0002"
    status, _, before = train(folder, 1, "killed", until=second.exists)
    assert status == -9 and len(before) < EPOCHS
    status, output, after = train(folder, 1, "killed")
    assert status == 0 and f"Going on after epoch {len(before)} of {EPOCHS}" in output, output
    np.testing.assert_allclose(after, unbroken, atol=0.002)
    assert not (folder / "killed" / ".unfinished").exists()


def survey(folder, count):
    """Write a catalog that repeats the pictures of the table."""
    images = pd.read_csv(folder / "my_table.csv")["image"]
    table = pd.DataFrame({"id": [f"J{row:06d}" for row in range(count)]})
    table.assign(image=np.resize(images, count)).to_csv(folder / "survey.csv", index=False)
    return table


def predict(folder, processes, weights, **more):
    options = ["--weights", weights, "--out", "done"]
    return launch(processes, "predict.py", "survey.csv", *options, cwd=folder, **more)


def test_a_prediction_that_is_killed_goes_on_and_processes_take_turns(folder, weights):
    table = survey(folder, 2 * tables.PART + 10)
    first = folder / "done" / "part-000000.parquet"
    status, _ = predict(folder, 1, weights, until=first.exists)
    before = {path: path.stat().st_mtime_ns for path in (folder / "done").glob("part-*")}
    assert status == -9 and 1 <= len(before) < 3
    status, output = predict(folder, 2, weights)
    assert status == 0, output
    left = len(table) - len(before) * tables.PART
    assert f"{len(table)} galaxies, {left} of them predicted now, 0 without" in output
    assert all(path.stat().st_mtime_ns == when for path, when in before.items())
    assert pd.read_parquet(folder / "done")["id"].tolist() == table["id"].tolist()
    assert not list((folder / "done").glob(".*")), "nothing half-written is left"


def test_the_memory_of_the_first_parts_does_for_all(folder, weights, monkeypatch):
    """Ten thousand pictures in 25 parts: what is kept of each part would add up."""
    monkeypatch.setattr(tables, "PART", 400)
    survey(folder, 10_000)
    used, write = [], scale.predict.write_atomic

    def note_memory(path, raw):
        used.append(psutil.Process().memory_info().rss / 1e6)
        write(path, raw)

    monkeypatch.setattr(scale.predict, "write_atomic", note_memory)
    scale.predict.predict(folder / "survey.csv", weights, folder / "done", False)
    assert max(used[20:]) < max(used[1:6]) + 40, [round(megabytes) for megabytes in used]
    assert len(pd.read_parquet(folder / "done")) == 10_000
