"""Which universe is used: the order of the places, the printed line, and the pictures that belong to each."""

import hashlib
import struct

import data_made as made
import nbformat
import numpy as np
import pandas as pd
import pytest
from data_made import FITS, GOOD, HALF, REAL_LINE, http, jpeg, put, put_pictures, serve
from nbclient import NotebookClient
from PIL import JpegImagePlugin

from xgass import DataError, is_fast, load_catalog, pictures


def test_the_order_of_the_places_and_the_line_that_says_which_and_why(df, fits, data, monkeypatch, capsys):
    def said(*arguments, **named):
        table = load_catalog(*arguments, **named)
        return table, table.attrs["source"], capsys.readouterr().out

    table, source, line = said(images=True)
    assert source == "mock" and len(table) == 1179 and table["image"].str.endswith(".jpg").all()
    assert line == "Using the SIMULATED sample: 1179 mock galaxies (127.0.0.1:9: no network connection).\n"
    assert said("mock")[2] == "Using the SIMULATED sample: 1179 mock galaxies (asked for).\n"
    put(data / "xgass", made.text(df.assign(zSDSS=0.02)), "xGASS_representative_sample.ascii")
    table, source, line = said()
    assert source == "xgass" and (table["zSDSS"] == 0.02).all() and line == REAL_LINE
    monkeypatch.setenv("XGASS_DATA", str(put(data / "mine", fits)))
    table, source, line = said()
    assert source == "xgass" and table["zSDSS"].nunique() > 1 and line == REAL_LINE
    monkeypatch.setenv("XGASS_SOURCE", "mock")
    assert said()[1] == "mock" and said("xgass")[1] == "xgass"  # the argument wins


UNSET = r"What to do: put that right, unset XGASS_DATA .*XGASS_SOURCE=mock"
ASKED_FOR = {  # what does not serve: the file in the folder that XGASS_DATA names, its content; what is said
    "nothing": ("notes.txt", lambda fits: b"", r"FITS \(or .fits.gz, .ascii, .csv, .ecsv\): No such file"),
    "a broken file": (FITS, lambda fits: fits[:50_000], "cut off"),
    "simulated galaxies": (FITS, lambda fits: (made.MOCK / "catalog.csv").read_bytes(), "cannot be: 9"),
    "no pictures": (FITS, lambda fits: fits, "only 0 of 1179 pictures images/<GASS>.jpg"),
}


@pytest.mark.parametrize("source", ["auto", "xgass"])
@pytest.mark.parametrize("kind", ASKED_FOR)
def test_what_was_asked_for_and_does_not_serve_is_an_error(kind, source, fits, data, monkeypatch, tmp_path):
    put(data / "xgass", fits)  # good, and not asked for
    name, make, why = ASKED_FOR[kind]
    monkeypatch.setenv("XGASS_DATA", str(put(tmp_path / "x", make(fits), name)))
    with pytest.raises(DataError, match=f"XGASS_DATA cannot be used: .*{why.replace('FITS', FITS)}.*{UNSET}"):
        load_catalog(source, images=True)


def test_what_was_forced_is_had_or_an_error_says_what_to_do(df, data, monkeypatch):
    for source, said in [
        ("xgass", "127.0.0.1:9: no network connection.*`make data`.*xgass.icrar.org"),
        ("reality", '"auto", "xgass" or "mock", not \'reality\''),
    ]:
        monkeypatch.setenv("XGASS_SOURCE", source)
        with pytest.raises(DataError, match=said):
            load_catalog()
    for raw, said in [("spoilt", "cut off"), (made.text(df, ",", ""), "GASS .* cannot be: 1")]:
        put(data / "mock", raw, "catalog.csv")  # the second: real labels never meet simulated pictures
        with pytest.raises(DataError, match=f"data/mock cannot be used: catalog.csv: .*{said}.*git checkout"):
            load_catalog("mock")


def test_the_fast_mode_takes_the_same_300_galaxies_each_time(df, monkeypatch, capsys, tmp_path):
    for value in ("", " ", "0", " 0 ", "false", "No", "OFF", "true", "yes", "2", " 1"):
        monkeypatch.setenv("TUTORIAL_FAST", value)
        assert is_fast() == (value.strip() in ("1", "true", "yes", "2")), value
    fast = load_catalog("mock").index
    assert "sample: 300 of 1179 mock galaxies, TUTORIAL_FAST=1 (asked for)." in capsys.readouterr().out
    digest = hashlib.sha256(np.sort(fast).astype("<i8").tobytes()).hexdigest()
    assert digest[:8] == "601a5a46"  # saved outputs and tests of the notebooks have these
    shuffled = put(tmp_path / "mine", made.as_table(df.sample(frac=1, random_state=0), "fits"))
    monkeypatch.setenv("XGASS_DATA", str(put_pictures(shuffled, fast[:290] - 890_000)))
    assert {*load_catalog().index} == {*(fast - 890_000)}
    assert {*load_catalog(images=True).index} == {*(fast[:290] - 890_000)}  # those with a picture


def test_an_error_is_one_line_in_a_notebook():
    cell = nbformat.v4.new_code_cell("import xgass; xgass.load_catalog('x')")
    here = {"metadata": {"path": made.ROOT / "day2"}}
    NotebookClient(nbformat.v4.new_notebook(cells=[cell]), allow_errors=True, resources=here).execute()
    (shown,) = cell.outputs[-1].traceback
    assert shown.startswith('DataError: the source is "auto", "xgass" or "mock"') and "\n" not in shown


def test_in_the_folder_that_xgass_data_names_pictures_are_found_and_nothing_is_written(
    df, fits, monkeypatch, capsys, tmp_path
):
    ids, mine = df["GASS"].tolist(), put(tmp_path / "mine", fits)
    put_pictures(mine, ids[3:])
    put(
        put(mine / "images", GOOD, f"{ids[0]}.JPG"), GOOD, f"{ids[1]}.jpeg"
    )  # any ending, also on another disk
    (mine / "images" / f"{ids[2]}.jpg").symlink_to(put(tmp_path / "scratch", GOOD, "x") / "x")
    for place in (mine, mine / FITS):  # its pictures are beside it
        monkeypatch.setenv("XGASS_DATA", str(place))
        assert load_catalog(images=True).index.tolist() == ids and capsys.readouterr().out == REAL_LINE
    put_pictures(mine, ids[-2:], HALF)
    before = {path: path.stat().st_mtime_ns for path in mine.rglob("*")}
    assert load_catalog(images=True).index.tolist() == ids[:-2]
    assert (
        "1177 of 1179 galaxies, those with a picture (Catinella et al. 2018; 2 sp" in capsys.readouterr().out
    )
    assert before == {path: path.stat().st_mtime_ns for path in mine.rglob("*")}
    put_pictures(mine, ids[-60:], HALF)
    with pytest.raises(DataError, match="only 1119 of 1179 pictures .*; 60 spoilt pictures count as"):
        load_catalog(images=True)


def test_spoilt_and_missing_pictures_in_data_xgass_are_fetched_again(df, fits, data, monkeypatch, capsys):
    ids, status = df["GASS"].tolist(), 200
    put_pictures(put_pictures(put(data / "xgass", fits), ids[2:1150]), ids[:2], HALF)
    with serve(lambda path: [http(GOOD, status)]) as server:
        monkeypatch.setattr(pictures, "PICTURES", {"sky": server.url + "/?ra={ra}&dec={dec}"})
        assert (
            load_catalog(images=True).index.tolist() == ids and len(server.paths) == 1 + 31
        )  # and the trial
        (data / "xgass" / "images" / f"{ids[0]}.jpg").unlink()  # enough are there: nothing is asked
        assert len(load_catalog(images=True)) == 1178 and len(server.paths) == 32
        put_pictures(data / "xgass", ids[1:58], b"spoilt")
        status = 404
        assert load_catalog(images=True).index.tolist() == ids[58:]  # 1121 of 1179 are 95.1 %
        assert "; 58 pictures did not come (sky: HTTP 404); 57 spoilt pictures" in capsys.readouterr().out
        put_pictures(data / "xgass", ids[58:60], b"spoilt")
        assert load_catalog(images=True).attrs["source"] == "mock"  # 94.9 %
        with pytest.raises(DataError, match="only 1119 of 1179 .*60 pictures did not come .*make data"):
            load_catalog("xgass", images=True)
        put_pictures(data / "xgass", ids[:20])
        monkeypatch.setenv("TUTORIAL_FAST", "1")  # no download
        before = len(server.paths)
        assert 285 <= len(load_catalog(images=True)) < 300 and len(server.paths) == before


def claims(width, height):
    """Return a good JPEG whose header claims another size, in some kB."""
    start = GOOD.index(b"\xff\xc0")
    return GOOD[: start + 5] + struct.pack(">HH", height, width) + GOOD[start + 9 :]


END = GOOD[-2:]  # as a JPEG has it
HOSTILE = {
    "a bomb": claims(60_000, 60_000), "a bomb of which Pillow only warns": claims(13_000, 13_000),
    "a large picture": claims(30_000, 2_000), "no pixels": claims(0, 0), "a PNG": jpeg(224, "PNG") + END,
    "a program": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n" + END, "zeros": bytes(9000),
    "cut in half": HALF, "cut at its end": GOOD[:-2], "nothing": b"", "6 MB": GOOD + bytes(6_000_000),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_hostile_pictures_count_as_spoilt_and_are_not_decoded(kind, monkeypatch, tmp_path):
    monkeypatch.setattr(JpegImagePlugin.JpegImageFile, "load", lambda self: pytest.fail("it was decoded"))
    put_pictures(tmp_path, [1000], HOSTILE[kind])
    found, spoilt = pictures.find_pictures(tmp_path / "images", pd.Index([1000, 1001]))
    assert len(found) == 0 and spoilt == 1
