"""`predict_cnn.py`: any number of galaxies in constant memory, interrupted or not, bad pictures or none."""

import json
import os
import threading

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import predict_cnn
import train_cnn
from launching import DAY2, FAST_PRECISION, launch
from notebooks import memory

IMAGES = DAY2.parent / "data" / "mock" / "images"
MANY = 100_000


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Weights of an untrained network, which predicts as well as it can: the same for the same picture."""
    torch.manual_seed(0)
    scale = {"mean": torch.full((3,), 0.1), "std": torch.full((3,), 0.2)}
    path = tmp_path_factory.mktemp("weights") / "weights.pt"
    torch.save({"weights": train_cnn.network().state_dict(), **scale}, path)
    return path


def survey(folder, count, **replaced):
    """Write a catalogue that repeats the pictures of the sample; `replaced` are other images, by id."""
    pictures = sorted(IMAGES.glob("*.jpg"))
    (folder / "images").symlink_to(IMAGES, target_is_directory=True)
    table = pd.DataFrame({"comment": "x", "id": [f"J{row:06d}" for row in range(count)],
                          "image": [f"images/{pictures[row % len(pictures)].name}" for row in range(count)]})
    for name, image in replaced.items():
        table.loc[table["id"] == name, "image"] = image
    table.to_csv(folder / "survey.csv", index=False)
    return table


def predict(processes, folder, weights, **more):
    return launch(processes, "predict_cnn.py", folder / "survey.csv", "--weights", weights, "--out",
                  folder / "out", **more)


def test_predictions_find_their_galaxies(tmp_path, weights):
    """Two processes, several parts, pictures that cannot be read: every row by id, against a plain loop."""
    Image.new("1", (20_000, 20_000)).save(tmp_path / "bomb.png")  # 50 kB that claim 400 million pixels
    (tmp_path / "page.jpg").write_text("<html>")
    bad = {"J000003": "images/none.jpg", "J000004": "bomb.png", "J004100": "page.jpg", "J004101": ""}
    table = survey(tmp_path, 2 * predict_cnn.PART + 10, **bad)
    status, output = predict(2, tmp_path, weights)
    assert status == 0 and f"{len(table)} galaxies predicted, 4 of them without" in output, output
    done = pd.read_parquet(tmp_path / "out")
    assert sorted(done["id"]) == table["id"].tolist() and len(list((tmp_path / "out").glob("part-*"))) == 3
    done = done.set_index("id")
    assert set(done.index[done["lgGF"].isna()]) == set(bad) == set(done.index[done["problem"] != ""])
    assert "No such file" in done.loc["J000003", "problem"]
    assert "DecompressionBomb" in done.loc["J000004", "problem"]
    model, colours = predict_cnn.load_network(weights)
    for name in ["J000000", "J000777", "J004095", "J004096", "J008201"]:
        picture = train_cnn.read(tmp_path / table.set_index("id").loc[name, "image"])
        with torch.no_grad():
            expected = model(train_cnn.standardised(picture[None], *colours)).item()
        assert done.loc[name, "lgGF"] == pytest.approx(expected, abs=1e-3), name


def test_killed_and_resumed_nothing_is_lost_or_done_twice(tmp_path, weights):
    table = survey(tmp_path, 3 * predict_cnn.PART)
    first = tmp_path / "out" / "part-000001.parquet"
    status, _ = predict(1, tmp_path, weights, until=first.exists)
    assert status == -9
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("part-*")}
    assert 2 <= len(before) < 3
    status, output = predict(1, tmp_path, weights)
    assert status == 0 and f"{predict_cnn.PART} galaxies predicted" in output, output
    assert all(path.stat().st_mtime_ns == when for path, when in before.items())
    assert pd.read_parquet(tmp_path / "out")["id"].tolist() == table["id"].tolist()
    assert not list((tmp_path / "out").glob(".*")), "nothing half-written is left"


def test_a_hundred_thousand_pictures_in_constant_memory(tmp_path, weights):
    """The sample repeated, in bfloat16 where that is fast: the memory of the first parts does for all."""
    survey(tmp_path, MANY)
    out, seen, done = tmp_path / "out", [], threading.Event()

    def watch():
        while not done.wait(0.2):
            seen.append((len(list(out.glob("part-*.parquet"))), memory(os.getpid())))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        status, output = predict(1, tmp_path, weights, precision=FAST_PRECISION)
    finally:
        done.set()
        watcher.join()
    assert status == 0 and f"{MANY} galaxies predicted, 0 of them" in output, output
    parts, used = np.array(seen).T
    early, late = used[(parts >= 1) & (parts <= 4)].max(), used[parts >= 15].max()
    assert late < early + 100, f"from {early:.0f} MB with up to 4 parts to {late:.0f} MB with 15 and more"
    assert len(pd.read_parquet(out)) == MANY


@pytest.mark.parametrize(("spoil", "message"), [
    (lambda folder: (folder / "survey.csv").write_text("id,picture\n1,x.jpg\n"), "columns id and image"),
    (lambda folder: (folder / "survey.csv").write_bytes(b"id,image\n\xff\xfe,x\n"), "is not a CSV"),
    (lambda folder: (folder / "survey.csv").write_text(""), "is not a CSV catalogue"),
    (lambda folder: (folder / "weights.pt").write_bytes(b"PK nothing"), "holds no weights of train_cnn.py"),
    (lambda folder: torch.save({"weights": {}}, folder / "weights.pt"), "holds no weights of train_cnn.py"),
    (lambda folder: (folder / "out" / "thesis.tex").write_text("x"), "holds other files"),
    (lambda folder: (folder / "out" / "_run.json").write_text(json.dumps({"part": 1})), "another run"),
], ids=["columns", "encoding", "empty", "no weights", "other weights", "a folder in use", "another run"])
def test_what_is_wrong_is_said_in_one_line(tmp_path, weights, spoil, message, monkeypatch):
    survey(tmp_path, 10)
    (tmp_path / "weights.pt").write_bytes(weights.read_bytes())
    (tmp_path / "out").mkdir()
    spoil(tmp_path)
    monkeypatch.setattr("sys.argv", ["predict_cnn.py", str(tmp_path / "survey.csv"), "--weights",
                                     str(tmp_path / "weights.pt"), "--out", str(tmp_path / "out")])
    with pytest.raises(SystemExit, match=message) as exit:
        predict_cnn.main()
    assert "\n" not in str(exit.value)
    assert not list((tmp_path / "out").glob("part-*"))
