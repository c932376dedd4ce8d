"""All pictures in one file: asked for first if there is one, never trusted blindly."""

import errno
import hashlib
import os
import re
import shutil
from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from data_made import GOOD, HALF, REAL_LINE, http, jpeg, put, put_pictures, serve

from xgass import catalog, load_catalog, pictures
from xgass.fetch import HEADERS

OTHER = jpeg(160)  # as good, and to be told apart


@pytest.fixture(scope="module")
def packed(tmp_path_factory, df):
    """The bytes of an archive of 1176 good and 3 spoiled pictures."""
    folder = put_pictures(put_pictures(tmp_path_factory.mktemp("x"), df["GASS"]), df["GASS"][:3], HALF)
    return (folder / shutil.make_archive(folder / "y", "zip", folder, "images")).read_bytes()


@pytest.fixture
def room(data, df, fits, packed, monkeypatch):
    """A folder with 1000 pictures, two of them spoiled; a server for the archive and the others."""
    put_pictures(put(data / "xgass", fits), df["GASS"][:1000], OTHER)
    put_pictures(data / "xgass", df["GASS"][[0, 999]], HALF)
    room = SimpleNamespace(answer=[http(packed)])
    with serve(lambda path: room.answer if path.endswith(".zip") else [http(GOOD)]) as server:
        room.server = server
        monkeypatch.setattr(pictures, "SERVICES", {"sky": f"{server.url}/?ra={{ra}}"})
        sha256 = hashlib.sha256(packed).hexdigest()
        put(data, f"# one line\nx.zip {sha256}  {server.url}/x.zip\n", "registry.txt")
        yield room


def assert_all_are_there(data, df):
    """The good pictures as they were, the others new."""
    held = {path.name: path.read_bytes() for path in (data / "xgass/images").iterdir()}
    assert held == {f"{gass}.jpg": OTHER if 0 < i < 999 else GOOD for i, gass in enumerate(df["GASS"])}


def test_the_archive_comes_first_and_fills_what_is_missing_or_spoiled(room, data, df, capfd):
    assert load_catalog(images=True).index.tolist() == df["GASS"].tolist()
    out, err = capfd.readouterr()
    first, last = out.splitlines(keepends=True)
    assert re.search(r"archive, x.zip: \d+ MB, a minute at", first) and last == REAL_LINE
    assert "/tmp" not in out + err
    assert room.server.paths[0] == "/x.zip" and len(room.server.paths) == 3  # then one that is spoiled in it
    assert room.server.agents == {HEADERS["User-Agent"]}
    assert len(load_catalog(images=True)) == 1179 and len(room.server.paths) == 3  # all is there
    assert_all_are_there(data, df)


def test_without_the_line_nothing_asks_for_an_archive(room, data, df, capsys):
    put(data, "# no line\n\n", "registry.txt")
    load_catalog(images=True)
    assert capsys.readouterr().out == REAL_LINE
    assert "/x.zip" not in room.server.paths and len(room.server.paths) == 1 + 181
    assert_all_are_there(data, df)


FAULTS = {  # what is answered, and said
    "another file": (lambda raw: [http(raw[:-1] + b"x")], "not the file with the known hash"),
    "cut": (lambda raw: [http(raw)[:-500]], "cut off"),
    "hanging": (lambda raw: [None], "no answer in time"),
    "disk full": (lambda raw: [http(raw)], os.strerror(errno.ENOSPC)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_after_a_bad_archive_the_services_are_asked(fault, room, data, df, packed, monkeypatch, capsys):
    answer, said = FAULTS[fault]
    room.answer = answer(packed)
    monkeypatch.setitem(catalog.SECONDS, "auto", 4.0)
    if fault == "disk full":
        full = Mock(side_effect=OSError(errno.ENOSPC, said))
        monkeypatch.setattr(pictures, "_take_pictures", full)
    monkeypatch.setattr(pictures, "ARCHIVE_SECONDS", 2.0)
    load_catalog(images=True)
    assert re.search(rf"018; the archive did not serve: (127\S+ )?{said}\)\.\n$", capsys.readouterr().out)
    assert_all_are_there(data, df)
