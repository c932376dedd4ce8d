"""`predict.py` on catalogs and pictures as people have them: a number that is right, or a reason."""

import json
import re
import sys

import numpy as np
import pandas as pd
import pytest
import torch
from dask.distributed import LocalCluster
from PIL import Image
from processes import MOCK

import scale.predict
from scale import images, network
from scale.archives import locked
from scale.errors import run_script
from scale.predict import load_network, predict
from xgass import DataError

GRAY = np.arange(64 * 64, dtype="uint16").reshape(64, 64) * 16
JPEG = next((MOCK / "images").glob("*.jpg")).read_bytes()


def survey(folder, **images):
    """Write `survey.csv`: four pictures of the sample, and others by id."""
    good = {f"J{row}": image for row, image in enumerate(pd.read_csv(folder / "my_table.csv")["image"][:4])}
    table = pd.Series({**good, **images}, name="image").rename_axis("id").reset_index()
    table.to_csv(folder / "survey.csv", index=False)
    return table


def run(folder, weights, catalog="survey.csv", out="out"):
    """Predict; return the predictions by id."""
    predict(folder / catalog, weights, folder / out, False)
    return pd.read_parquet(folder / out).set_index("id")


def picture(path, array):
    Image.fromarray(array).save(path)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK", "P", "RGBA"])
def test_eight_bits_in_any_of_these_modes_are_read(tmp_path, mode):
    gray = (GRAY / 256).astype("uint8")
    path = tmp_path / ("picture.jpg" if mode == "CMYK" else "picture.png")
    Image.fromarray(gray).convert("RGB").convert(mode).save(path)
    found = images.read_pixels(path)
    assert found.shape == (3, 64, 64) and found.dtype == torch.uint8 and found.float().std() > 30


@pytest.mark.parametrize(
    ("name", "make", "reason"),
    [
        ("deep.png", lambda path: picture(path, GRAY), "not 8 bits a color"),
        ("wide.png", lambda path: picture(path, np.eye(64, 80, dtype="uint8")), r"not square \(80 x 64 px\)"),
        ("small.png", lambda path: picture(path, np.eye(32, dtype="uint8")), "32 x 32 px, 64 x 64 are"),
        ("flat.png", lambda path: picture(path, np.full((64, 64), 9, "uint8")), "an empty picture"),
        ("page.jpg", lambda path: path.write_text("<html>"), "not a JPEG or PNG picture"),
        ("cut.jpg", lambda path: path.write_bytes(JPEG[: len(JPEG) // 2]), "cannot be read"),
        ("none.jpg", lambda path: None, "no such file"),
    ],
)
def test_anything_else_is_refused_by_name_and_stops_nothing(folder, weights, name, make, reason):
    make(folder / name)
    survey(folder, other=name)
    done = run(folder, weights)
    assert np.isnan(done.loc["other", "v"]) and re.search(f"{reason}.*{name}", done.loc["other", "problem"])
    assert done["v"].notna().sum() == 4 and (done["problem"][:4] == "").all()


def test_predictions_find_their_galaxies_in_the_unit_of_the_label(folder, weights):
    """Against a plain loop, by id; paths may be absolute, and the table that of a spreadsheet."""
    table = survey(folder)
    table.loc[0, "image"] = str((folder / table["image"][0]).resolve())
    rows = ["id,image,,", *(f'"{name}", "{image}",,' for name, image in table.to_numpy())]
    (folder / "survey.csv").write_bytes(("\ufeff" + "\r\n".join(rows)).encode())
    model, scales = load_network(weights, torch.device("cpu"))
    done = run(folder, weights)
    for name, image in zip(table["id"], table["image"], strict=True):
        one = network.standardize(images.read_pixels(folder / image)[None], scales.mean, scales.std)
        with torch.no_grad():
            expected = 7100 + 400 * model(one).item()
        assert done.loc[name, "v"] == pytest.approx(expected, abs=0.5)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: (f / "survey.csv").write_text("id,picture\n1,x.jpg\n"), "image must be a column, once"),
        (lambda f: survey(f, J00="x").replace("J00", "J0").to_csv(f / "survey.csv"), "earlier row"),
        (lambda f: (f / "weights.pt").write_bytes(b"PK nothing"), "is damaged or of another kind"),
        (lambda f: (f / "out" / "thesis.tex").write_text("x"), "holds other files: name a new folder"),
    ],
    ids=["columns", "repeated id", "no weights", "in use"],
)
def test_what_is_wrong_is_said_in_one_line(folder, weights, spoil, message, monkeypatch):
    survey(folder)
    (folder / "weights.pt").write_bytes(weights.read_bytes())
    (folder / "out").mkdir()
    spoil(folder)
    options = ["--weights", folder / "weights.pt", "--out", folder / "out"]
    monkeypatch.setattr(sys, "argv", [str(part) for part in ["predict.py", folder / "survey.csv", *options]])
    with pytest.raises(SystemExit, match=message) as exit:
        run_script("predict")
    assert "\n" not in str(exit.value) and not list((folder / "out").glob("part-*"))


def test_predictions_of_something_else_are_not_taken_for_done(folder, weights, tmp_path):
    table = survey(folder)
    run(folder, weights)
    saved = {**torch.load(weights, weights_only=True), "label_mean": 0.0}
    torch.save(saved, tmp_path / "other.pt")
    with pytest.raises(DataError, match="predictions of another weights: name a new folder"):
        run(folder, tmp_path / "other.pt")
    table[::-1].to_csv(folder / "survey.csv", index=False)
    with pytest.raises(DataError, match="predictions of another catalog: name a new folder"):
        run(folder, weights)


def test_paths_that_no_file_can_have_stop_nothing(folder, weights):
    (folder / "loop").symlink_to("loop")
    survey(folder, home="~nobody-here/x.jpg", loop="loop", below="loop/x.jpg", long="x" * 5000)
    done = run(folder, weights)
    assert done["v"].notna().sum() == 4 and (done["problem"][4:] != "").all()
    table = pd.DataFrame({"id": ["1", "2"], "image": ["a\0b.jpg", str(folder / survey(folder)["image"][0])]})
    table.to_parquet(folder / "nul.parquet")
    assert run(folder, weights, "nul.parquet", "nul")["v"].notna().tolist() == [False, True]


@pytest.mark.parametrize("spoil", ["ids", "bits"])
def test_a_part_of_other_galaxies_or_with_turned_bits_is_made_again(folder, weights, spoil):
    table = survey(folder)
    first, path = run(folder, weights), folder / "out" / "part-000000.parquet"
    part = pd.read_parquet(path)
    if spoil == "ids":
        part.assign(id=part["id"][::-1].to_numpy()).to_parquet(path, index=False)
    else:
        part.to_parquet(path, index=False, write_page_checksum=True, compression=None, use_dictionary=False)
        value = part["v"].to_numpy()[1].tobytes()
        path.write_bytes(path.read_bytes().replace(value, value[:-3] + b"\0" + value[-2:], 1))
    second = run(folder, weights)
    assert second.index.tolist() == table["id"].tolist()
    np.testing.assert_allclose(second["v"], first["v"], atol=0.01)


def test_pictures_that_have_appeared_since_are_asked_again(folder, weights, capsys):
    survey(folder, late="late.jpg")
    assert run(folder, weights).loc["late", "problem"].startswith("no such file")
    (folder / "late.jpg").symlink_to(folder / pd.read_csv(folder / "survey.csv")["image"][0])
    second = run(folder, weights)
    assert "5 galaxies, 1 of them predicted now, 0 without" in capsys.readouterr().out
    assert second.loc["late", "v"] == pytest.approx(second.loc["J0", "v"], abs=0.01)


def test_a_night_of_bad_pictures_does_not_end_well(folder, weights):
    survey(folder, **{f"X{row}": "none.jpg" for row in range(5)})
    with pytest.raises(DataError, match="more than half have no prediction: see the column problem"):
        run(folder, weights)
    assert len(pd.read_parquet(folder / "out")) == 9


def test_replaced_pictures_are_predicted_anew_and_no_others(folder, weights, capsys):
    table = survey(folder, own="own.jpg")
    (folder / "own.jpg").write_bytes((folder / table["image"][0]).read_bytes())
    first = run(folder, weights)
    (folder / "own.jpg").write_bytes((folder / table["image"][1]).read_bytes())
    second = run(folder, weights)
    assert "5 galaxies, 1 of them predicted now, 0 without" in capsys.readouterr().out
    assert first.loc["own", "v"] == pytest.approx(first.loc["J0", "v"], abs=0.01)
    assert second.loc["own", "v"] == pytest.approx(first.loc["J1", "v"], abs=0.01)


@pytest.mark.parametrize("name", ["_run.json", "part-000000.parquet"])
def test_what_a_power_cut_left_empty_is_said_or_made_again(folder, weights, name):
    survey(folder)
    run(folder, weights)
    (folder / "out" / name).write_bytes(b"")
    if name == "_run.json":
        with pytest.raises(DataError, match="_run.json is damaged: name a new folder"):
            run(folder, weights)
    else:
        assert run(folder, weights)["v"].notna().all()


def test_a_note_of_another_kind_is_said(folder, weights):
    survey(folder)
    run(folder, weights)
    (folder / "out" / "_run.json").write_text("[]")
    with pytest.raises(DataError, match="_run.json is damaged: name a new folder"):
        run(folder, weights)


def test_predictions_of_two_precisions_are_not_mixed(folder, weights):
    survey(folder)
    run(folder, weights)
    with pytest.raises(DataError, match="predictions of another precision: name a new folder"):
        predict(folder / "survey.csv", weights, folder / "out", True)


def test_a_folder_whose_precision_was_not_noted_is_said(folder, weights):
    survey(folder)
    run(folder, weights)
    note = folder / "out" / "_run.json"
    before = json.loads(note.read_text())
    before.pop("precision", None)
    note.write_text(json.dumps(before))
    with pytest.raises(DataError, match="does not say the precision of its predictions: name a new folder"):
        run(folder, weights)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda saved: [saved],
        lambda saved: saved["weights"],
        lambda saved: {**saved, "weights": {"0.weight": torch.zeros(3)}},
        lambda saved: {**saved, "mean": torch.tensor([0.1, 0.2, np.nan])},
        lambda saved: {**saved, "std": torch.tensor([0.1, 0.2])},
        lambda saved: {**saved, "label": 17},
        lambda saved: {**saved, "label_std": np.inf},
    ],
    ids=["list", "bare weights", "another network", "no number", "two colors", "no name", "infinite"],
)
def test_a_file_of_something_else_is_said_without_a_kind_of_error(tmp_path, weights, spoil):
    torch.save(spoil(torch.load(weights, weights_only=True)), tmp_path / "other.pt")
    with pytest.raises(DataError, match=r"other.pt holds no weights of train.py$"):
        load_network(tmp_path / "other.pt", torch.device("cpu"))


def test_a_cluster_predicts_the_same_and_is_left_in_the_end(folder, weights, monkeypatch):
    survey(folder)
    here = run(folder, weights, out="here")
    connect = scale.predict.connect
    clients = []

    def note_client(address):
        clients.append(connect(address))
        return clients[-1]

    monkeypatch.setattr(scale.predict, "connect", note_client)
    with LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as cluster:
        monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", cluster.scheduler_address)
        there = run(folder, weights, out="there")
    np.testing.assert_allclose(there["v"], here["v"], atol=0.01)
    assert [client.status for client in clients] == ["closed"]


def test_half_precision_weights_are_read(folder, weights):
    saved = torch.load(weights, weights_only=True)
    halves = {k: w.half() if w.is_floating_point() else w for k, w in saved["weights"].items()}
    torch.save({**saved, "weights": halves, "mean": saved["mean"].double()}, folder / "half.pt")
    survey(folder)
    assert run(folder, folder / "half.pt")["v"].notna().all()


def test_bfloat16_gives_nearly_the_same(folder, weights):
    survey(folder)
    plain = run(folder, weights)
    predict(folder / "survey.csv", weights, folder / "bf16", True)
    rounded = pd.read_parquet(folder / "bf16").set_index("id")
    assert 0 < (rounded["v"] - plain["v"]).abs().max() < 20  # of a spread of 400


def test_a_second_process_does_not_use_the_same_folder(folder, weights):
    survey(folder)
    (folder / "out").mkdir()
    with locked(folder / "out"), pytest.raises(DataError, match="in use by another process"):
        run(folder, weights)
    assert len(run(folder, weights)) == 4
