"""Which universe is used: the order of the places, the printed line, and the pictures that belong to each."""

import hashlib
from unittest.mock import Mock

import data_made as made
import numpy as np
import pandas as pd
import pytest
import requests
from data_made import FITS, GOOD, HALF, REAL_LINE, STEM, http, jpeg, put, put_pictures, serve
from IPython import InteractiveShell
from PIL import JpegImagePlugin

from xgass import DataError, load_catalog, pictures

ASCII = f"{STEM}.ascii"


def test_the_order_of_the_places_and_the_line_that_says_which_and_why(df, fits, data, monkeypatch, capsys):
    def said(*arguments, **named):
        table = load_catalog(*arguments, **named)
        return table, table.attrs["source"], capsys.readouterr().out

    table, source, line = said(images=True)
    assert source == "mock" and len(table) == 1179 and table["image"].str.endswith(".jpg").all()
    assert line == "Using the SIMULATED sample: 1179 mock galaxies (127.0.0.1:9: no network connection).\n"
    assert said("mock")[2] == "Using the SIMULATED sample: 1179 mock galaxies (as chosen).\n"
    put(data / "xgass", made.text(df.assign(ext_r=df["ext_r"] + 1)), ASCII)
    table, source, line = said()
    assert source == "xgass" and table["ext_r"].min() > 1 and line == REAL_LINE
    monkeypatch.setenv("XGASS_DATA", str(put(data / "mine", fits)))
    table, source, line = said()
    assert source == "xgass" and table["ext_r"].max() < 1 and line == REAL_LINE
    monkeypatch.setenv("XGASS_SOURCE", "mock")
    assert said()[1] == "mock" and said("xgass")[1] == "xgass"  # the argument wins


@pytest.mark.parametrize(("broken", "good"), [(f"{STEM}.fit", FITS), (FITS, ASCII)])
def test_a_broken_catalog_hides_no_good_one(broken, good, df, data, monkeypatch, capsys, tmp_path):
    """The broken one is read first; then the good one is, also without a network, and none is asked for."""
    get = Mock(side_effect=requests.ConnectionError)
    monkeypatch.setattr(requests, "get", get)
    for folder in (data / "xgass", tmp_path / "mine"):
        put(put(folder, made.text(df), good), "<html>", broken)
    assert load_catalog().attrs["source"] == "xgass" and capsys.readouterr().out == REAL_LINE
    get.assert_not_called()
    monkeypatch.setenv("XGASS_DATA", str(tmp_path / "mine"))
    assert load_catalog().attrs["source"] == "xgass" and capsys.readouterr().out == REAL_LINE
    put(tmp_path / "mine", "cut", good)
    with pytest.raises(DataError, match=f"XGASS_DATA cannot be used: {broken}: a web page"):
        load_catalog()


UNSET = r"What to do: put that right, unset XGASS_DATA .*XGASS_SOURCE=mock"
ASKED_FOR = {  # what does not serve: the file in the folder that XGASS_DATA names, its content; what is said
    "nothing": ("notes.txt", lambda fits: b"", r"FITS \(or .fits.gz, .ascii, .csv, .ecsv\): No such file"),
    "simulated galaxies": (FITS, lambda fits: (made.MOCK / "catalog.csv").read_bytes(), "cannot be: 9"),
    "no pictures": (FITS, lambda fits: fits, "only 0 of 1179 pictures images/<GASS>.jpg"),
}


@pytest.mark.parametrize("kind", ASKED_FOR)
def test_what_was_asked_for_and_does_not_serve_is_an_error(kind, fits, data, monkeypatch, tmp_path):
    put(data / "xgass", fits)  # good, and not asked for
    name, make, why = ASKED_FOR[kind]
    monkeypatch.setenv("XGASS_DATA", str(put(tmp_path / "x", make(fits), name)))
    with pytest.raises(DataError, match=f"XGASS_DATA cannot be used: .*{why.replace('FITS', FITS)}.*{UNSET}"):
        load_catalog(images=True)


def test_a_simulated_sample_that_is_spoiled_or_holds_real_galaxies_is_an_error(df, data):
    for raw, said in [("spoiled", "cut off"), (made.text(df, ",", ""), "GASS .* cannot be: 1")]:
        put(data / "mock", raw, "catalog.csv")
        with pytest.raises(DataError, match=f"data/mock cannot be used: catalog.csv: .*{said}.*git checkout"):
            load_catalog("mock")


def test_the_fast_mode_takes_the_same_300_galaxies_each_time(monkeypatch, capsys):
    monkeypatch.setenv("TUTORIAL_FAST", "1")
    fast = load_catalog("mock").index
    assert "sample: 300 of 1179 mock galaxies, TUTORIAL_FAST=1 (as chosen)." in capsys.readouterr().out
    digest = hashlib.sha256(np.sort(fast).astype("<i8").tobytes()).hexdigest()
    assert digest[:8] == "601a5a46"  # saved outputs and tests of the notebooks have these


def test_an_error_is_one_line_in_a_notebook(capsys):
    InteractiveShell().run_cell("import xgass; xgass.load_catalog('x')")
    shown = capsys.readouterr().out
    assert shown.startswith('DataError: the source is "auto", "xgass" or "mock"') and shown.count("\n") == 1


def test_pictures_of_xgass_data_are_found_and_nothing_is_written(df, fits, monkeypatch, capsys, tmp_path):
    ids, mine = df["GASS"].tolist(), put(tmp_path / "mine", fits)
    put_pictures(mine, ids[2:])
    put(mine / "images", GOOD, f"{ids[0]}.JPG")
    (mine / "images" / f"{ids[1]}.jpg").symlink_to(put(tmp_path / "scratch", GOOD, "x") / "x")
    monkeypatch.setenv("XGASS_DATA", str(mine))
    assert load_catalog(images=True).index.tolist() == ids and capsys.readouterr().out == REAL_LINE
    put_pictures(mine, ids[-2:], HALF)
    before = {path: path.stat().st_mtime_ns for path in mine.rglob("*")}
    assert load_catalog(images=True).index.tolist() == ids[:-2]
    assert "1177 of 1179 galaxies, those with a picture (Cat" in capsys.readouterr().out
    assert before == {path: path.stat().st_mtime_ns for path in mine.rglob("*")}


def test_spoiled_and_missing_pictures_in_data_xgass_are_fetched_again(df, fits, data, monkeypatch, capsys):
    ids, status = df["GASS"].tolist(), 200
    put_pictures(put_pictures(put(data / "xgass", fits), ids[2:1150]), ids[:2], HALF)
    with serve(lambda path: [http(GOOD, status)]) as server:
        monkeypatch.setattr(pictures, "SERVICES", {"sky": server.url + "/?ra={ra}&dec={dec}"})
        assert load_catalog(images=True).index.tolist() == ids
        assert len(server.paths) == 1 + 31  # and the trial
        put_pictures(data / "xgass", ids[:58], b"spoiled")
        status = 404
        assert load_catalog(images=True).index.tolist() == ids[58:]  # 1121 of 1179 are 95.1 %
        assert "; 58 pictures did not come (sky: HTTP 404); 58 spoiled pictures" in capsys.readouterr().out
        put_pictures(data / "xgass", ids[58:60], b"spoiled")
        assert load_catalog(images=True).attrs["source"] == "mock"  # 94.9 %
        with pytest.raises(DataError, match="only 1119 of 1179 .*60 pictures did not come .*make data"):
            load_catalog("xgass", images=True)
        asked = len(server.paths)
        monkeypatch.setenv("TUTORIAL_FAST", "1")  # no download
        assert load_catalog(images=True).attrs["source"] and len(server.paths) == asked


HOSTILE = {
    "a large picture": jpeg(2_100),
    "a PNG": jpeg(224, "PNG") + GOOD[-2:],
    "a program": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n" + GOOD[-2:],
    "cut in half": HALF,
    "6 MB": GOOD + bytes(6_000_000),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_pictures_count_as_spoiled_and_are_not_decoded(kind, monkeypatch, tmp_path):
    monkeypatch.setattr(JpegImagePlugin.JpegImageFile, "load", lambda self: pytest.fail("it was decoded"))
    put_pictures(tmp_path, [1000], HOSTILE[kind])
    found, spoiled = pictures.find_pictures(tmp_path / "images", pd.Index([1000, 1001]))
    assert len(found) == 0 and spoiled == 1
