"""`train.py` on tables as people have them: what is right trains, what is wrong is named."""

import re

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from scale import images
from scale.predict import predict
from scale.train import Settings, load, split, train
from xgass import DataError

SETTINGS = {"epochs": 1, "batch": 8, "seed": 1, "bf16": False}


def run(folder, label="lgGF", out="out", **settings):
    train(folder / "my_table.csv", label, folder / out, Settings(**{**SETTINGS, **settings}))


def edit(folder, **columns):
    """Change columns of the table in a folder; a function gets the column."""
    table = pd.read_csv(folder / "my_table.csv", dtype={"id": "str"}).assign(**columns)
    table.to_csv(folder / "my_table.csv", index=False)
    return table


@pytest.mark.parametrize(
    ("line", "message"),  # a row that is added, or a whole file
    [
        ("id,picture,lgGF\n1,a.jpg,0\n", "image must be a column, once; it has: id, picture, lgGF"),
        ("id,image,lgGF\n1,a.jpg,0.5\n2,b.jpg,0.5\n", "lgGF is the same in all 2 rows"),
        ("17,pictures/900017.jpg,<-1.5", "no finite number as lgGF: row 41 ('<-1.5')"),
        ("17,pictures/900017.jpg,-99.0", "takes all other numbers for data): row 41 ('-99.0')"),
        (",pictures/900017.jpg,0", "1 of 41 rows have no id: row 41 ('')"),
        ("SAME ID,pictures/900017.jpg,0", "the id of an earlier row: row 41"),
        ("1.23765194e+18,pictures/900017.jpg,0", "save ids as text): row 41 ('1.23765194e+18')"),
        ("17,nan,0\n18,nan,0", "2 of 42 rows have no image: row 41 ('nan'), row 42 ('nan')\nMend"),
        ("17,SAME PICTURE,0", "the picture of an earlier row: row 41"),
        ("17,pictures/900017.jpg", "line 42 has 2 values, the first line 3 names"),
    ],
)
def test_a_fault_of_the_table_is_named(folder, line, message):
    path = folder / "my_table.csv"
    first = path.read_text().splitlines()[1].split(",")
    for name, own in (("SAME ID", first[0]), ("SAME PICTURE", first[1])):
        line = line.replace(name, own)
    path.write_text(line if line.startswith("id,") else path.read_text() + line + "\n")
    with pytest.raises(DataError, match=re.escape(message)):
        load(path, "lgGF")


def test_the_label_may_have_any_zero_and_unit(folder, capsys):
    """7100 + 400 lgGF learns what lgGF learns; the script's error is that of the predictions in the end."""
    table = edit(folder, v=lambda table: 7100 + 400 * table["lgGF"]).set_index("id")
    predicted = {}
    for label in ("lgGF", "v"):
        run(folder, label, label)
        predict(folder / "my_table.csv", folder / label / "weights.pt", folder / f"{label} done", False)
        predicted[label] = pd.read_parquet(folder / f"{label} done").set_index("id")[label]
    np.testing.assert_allclose(predicted["v"], 7100 + 400 * predicted["lgGF"], atol=4)
    _, valid = split(table.reset_index())
    rmse = ((predicted["v"] - table["v"])[valid["id"]] ** 2).mean() ** 0.5
    shown = re.search(r"validation galaxies: RMSE ([\d.]+), spread of v ([\d.]+)", capsys.readouterr().out)
    assert float(shown[1]) == pytest.approx(rmse, rel=2e-3)
    assert float(shown[2]) == pytest.approx(table["v"][valid["id"]].std(), rel=1e-3)


def test_a_training_goes_on_with_the_same_content_only(folder, capsys):
    run(folder)
    table = edit(folder, other=lambda table: table["lgGF"] + 1)
    table.sample(frac=1, random_state=1).to_csv(folder / "my_table.csv", index=False)
    run(folder)  # in another order it is still the same
    assert "Going on after epoch 1 of 1" in capsys.readouterr().out
    with pytest.raises(DataError, match="holds a training with other label, label values: go back .* --out"):
        run(folder, "other")
    edit(folder, id=lambda table: "A" + table["id"])
    with pytest.raises(DataError, match="holds a training with other seed, ids"):
        run(folder, seed=2)
    (folder / "out" / "checkpoint.pt").unlink()
    with pytest.raises(DataError, match="holds the weights of another training"):
        run(folder)


def test_pictures_that_cannot_be_used_are_named(folder):
    table = edit(folder)
    (folder / "page.jpg").write_text("<html>")
    table.loc[[3, 5, 7, 9], "image"] = ["none.jpg", "page.jpg", "pictures", "gone.png"]
    table.to_csv(folder / "my_table.csv", index=False)
    with pytest.raises(DataError, match="4 of 40 pictures cannot be used:") as error:
        run(folder)
    assert len(str(error.value).splitlines()) == 4 and "not a JPEG or PNG picture" in str(error.value)
    assert not (folder / "out").exists()


@pytest.mark.parametrize("dtype", ["float16", "Int64", "float64[pyarrow]"])
def test_any_kind_of_number_is_welcome(tmp_path, dtype):
    """Also ids of 19 digits, which as decimal numbers would be one and the same."""
    ids, values = [1237651940000000000 + number for number in range(6)], np.array([1, 2, 4, 8, 16, 32])
    table = pd.DataFrame({"id": pd.array(ids, "Int64"), "image": [f"{name}.png" for name in ids], "x": None})
    table["v"] = pd.array(values, dtype)
    table.to_parquet(tmp_path / "table.parquet")
    loaded = load(tmp_path / "table.parquet", "v")
    assert loaded["v"].tolist() == values.tolist() and loaded["id"].tolist() == [str(name) for name in ids]


def test_nobody_changes_sides_when_galaxies_are_missing():
    table = pd.DataFrame({"id": [str(name) for name in range(10_000, 11_000)]})
    fit, valid = (set(part["id"]) for part in split(table))
    assert len(fit) + len(valid) == 1000 and 150 < len(valid) < 250
    assert all(set(part["id"]) <= side for part, side in zip(split(table[::2]), (fit, valid), strict=True))


def test_colors_and_label_are_standardised_on_the_fitted_galaxies(folder):
    """Nothing of the validation galaxies, in float32 as in the file."""
    run(folder)
    saved = torch.load(folder / "out" / "weights.pt", weights_only=True)
    fit, _ = split(pd.read_csv(folder / "my_table.csv", dtype={"id": "str"}))
    pixels = np.stack([images.read_pixels(folder / image).numpy() for image in fit["image"]]) / 255
    np.testing.assert_allclose(saved["mean"], pixels.mean((0, 2, 3)), rtol=1e-4)
    np.testing.assert_allclose(saved["std"], pixels.std((0, 2, 3)), rtol=1e-4)
    scale = [saved["label_mean"], saved["label_std"]]
    assert scale == pytest.approx([fit["lgGF"].mean(), fit["lgGF"].std()])


@pytest.mark.parametrize("mark", [-9, -99, -99.9, -999.25, -32768, 1e20])
def test_a_linear_label_does_not_hide_ten_marks_and_missing_is_a_way_out(tmp_path, mark, capsys):
    values = [*10 ** np.linspace(9.3, 10, 50), *[mark] * 10]
    table = pd.DataFrame({"id": range(60), "image": [f"{row}.png" for row in range(60)], "v": values})
    table.to_csv(tmp_path / "table.csv", index=False)
    with pytest.raises(DataError, match="10 of 60 rows have a mark for 'missing' as v"):
        load(tmp_path / "table.csv", "v")
    assert len(load(tmp_path / "table.csv", "v", missing=(mark,))) == 50
    assert "10 of 60 rows are left out" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["copy.jpg", "copy.png"])
def test_one_picture_under_two_ids_is_found_by_content(folder, name):
    table = pd.read_csv(folder / "my_table.csv")
    (folder / "copy.jpg").write_bytes((folder / table["image"][5]).read_bytes())
    Image.open(folder / "copy.jpg").save(folder / "copy.png")
    table.loc[9, "image"] = name
    table.to_csv(folder / "my_table.csv", index=False)
    with pytest.raises(DataError, match="1 of 40 pictures are those of another id: "):
        run(folder)


def test_a_training_does_not_go_on_with_replaced_pictures(folder):
    table = pd.read_csv(folder / "my_table.csv")
    raw = (folder / table["image"][0]).read_bytes()
    (folder / "own.jpg").write_bytes(raw)
    table.loc[0, "image"] = "own.jpg"
    table.to_csv(folder / "my_table.csv", index=False)
    run(folder)
    (folder / "own.jpg").write_bytes(raw + b" ")
    with pytest.raises(DataError, match="holds a training with other pictures: go back"):
        run(folder)


def test_missing_nan_leaves_out_rows_without_a_number(tmp_path, capsys):
    table = pd.DataFrame({"id": range(9), "image": [f"{row}.png" for row in range(9)]})
    table["v"] = ["", "N/A", "inf", -9999, *np.linspace(0, 1, 5)]
    table.to_csv(tmp_path / "table.csv", index=False)
    with pytest.raises(DataError, match=r"--missing=nan: those without a number"):
        load(tmp_path / "table.csv", "v")
    assert len(load(tmp_path / "table.csv", "v", missing=(np.nan,))) == 6
    said = capsys.readouterr().out
    assert "3 of 9 rows are left out" in said and "taken for data" in said and "[-9999.0]" in said
    assert len(load(tmp_path / "table.csv", "v", missing=(np.nan, -9999.0))) == 5
    assert "taken for data" not in capsys.readouterr().out


def test_when_missing_takes_every_row_the_message_says_so(tmp_path):
    table = pd.DataFrame({"id": range(9), "image": [f"{row}.png" for row in range(9)], "v": -99.0})
    table.to_csv(tmp_path / "table.csv", index=False)
    with pytest.raises(DataError, match="no row is left: every v means missing"):
        load(tmp_path / "table.csv", "v", missing=(-99.0,))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"seed": 3_000_000_000}, "--seed is 0 to 2147483647"),
        ({"seed": -1}, "--seed is 0 to 2147483647"),
        ({"epochs": 0}, "--epochs and --batch are 1 or more"),
    ],
)
def test_settings_that_cannot_be_are_refused_with_what_can(folder, wrong, message):
    with pytest.raises(DataError, match=message):
        run(folder, **wrong)


def test_a_label_that_only_a_validation_galaxy_varies_is_said(folder):
    _, valid = split(pd.read_csv(folder / "my_table.csv", dtype={"id": "str"}))
    edit(folder, lgGF=lambda table: (table["id"] == valid["id"].iloc[0]) * 0.5)
    with pytest.raises(DataError, match="lgGF has the spread 0 among the .*: there is nothing to learn"):
        run(folder)


@pytest.mark.parametrize("content", [[1, 2], {"weights": torch.zeros(3)}])
def test_another_file_as_checkpoint_is_refused(folder, content):
    (folder / "out").mkdir()
    torch.save(content, folder / "out" / "checkpoint.pt")
    with pytest.raises(DataError, match="is no checkpoint of train.py: name a new folder"):
        run(folder)


def test_a_folder_that_cannot_be_written_is_said(folder, monkeypatch):
    (folder / "out").write_text("a file")
    with pytest.raises(DataError, match="out cannot be used as a folder .*: name another folder with --out"):
        run(folder)
    monkeypatch.setattr(
        "os.fsync", lambda file: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    with pytest.raises(
        DataError, match="cannot be written .No space left on device.: make room, then the same"
    ):
        run(folder, out="full")
    assert [path.name for path in (folder / "full").iterdir()] == [".lock"]
