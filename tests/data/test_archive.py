"""All pictures in one file: the same each time, asked for first if there is one, never trusted blindly."""

import errno
import hashlib
import logging
import os
import re
import shutil
from types import SimpleNamespace
from unittest.mock import Mock

import pooch
import pytest
import requests
from data_made import GOOD, HALF, MOCK, NOBODY, REAL_LINE, http, jpeg, put, put_pictures, serve, trickle

import archive
from xgass import catalog, load_catalog, pictures
from xgass.fetch import HEADERS

OTHER = jpeg(160)  # as good, and to be told apart


@pytest.fixture(scope="module")
def packed(tmp_path_factory, df):
    """The bytes of an archive of 1176 good and 3 spoilt pictures."""
    folder = put_pictures(put_pictures(tmp_path_factory.mktemp("x"), df["GASS"]), df["GASS"][:3], HALF)
    return (folder / shutil.make_archive(folder / "y", "zip", folder, "images")).read_bytes()


@pytest.fixture
def room(data, df, fits, packed, monkeypatch):
    """A folder with 1000 pictures, two of them spoilt; a server for the archive and the others."""
    images = put_pictures(put(data / "xgass", fits), df["GASS"][:1000], OTHER) / "images"
    put_pictures(data / "xgass", df["GASS"][[0, 999]], HALF)
    room = SimpleNamespace(answer=[http(packed)])
    with serve(lambda path: room.answer if path.endswith(".zip") else [http(GOOD)]) as room.server:
        monkeypatch.setattr(pictures, "PICTURES", {"sky": f"{room.server.url}/?ra={{ra}}"})
        room.name = f"x.zip {hashlib.sha256(packed).hexdigest()} "
        put(data, f"# one line\n{room.name} {room.server.url}/x.zip\n", "registry.txt")
        yield room
    held = {
        path.name: path.read_bytes() for path in images.iterdir()
    }  # the good as they were, all others new
    assert held == {f"{gass}.jpg": OTHER if 0 < i < 999 else GOOD for i, gass in enumerate(df["GASS"])}


def test_the_archive_comes_first_and_fills_what_is_missing_or_spoilt(room, df, capfd):
    levels = logging.root.level, pooch.get_logger().level
    assert load_catalog(images=True).index.tolist() == df["GASS"].tolist()
    out, err = capfd.readouterr()
    first, last = out.splitlines(keepends=True)
    assert re.search(r"archive: \d+ MB, a minute at", first) and last == REAL_LINE
    assert "B/s]" in err and "/tmp" not in err and levels == (logging.root.level, pooch.get_logger().level)
    assert room.server.paths[0] == "/x.zip" and len(room.server.paths) == 3  # then one that is spoilt in it
    assert room.server.agents == {HEADERS["User-Agent"]}
    assert len(load_catalog(images=True)) == 1179 and len(room.server.paths) == 3  # all is there


@pytest.mark.parametrize("registry", [None, "", "# no line\n\n", (MOCK.parent / "registry.txt").read_text()])
def test_without_the_line_nothing_asks_for_an_archive(registry, room, data, capsys):
    (data / "registry.txt").unlink() if registry is None else put(data, registry, "registry.txt")
    load_catalog(images=True)
    assert capsys.readouterr().out == REAL_LINE
    assert "/x.zip" not in room.server.paths and len(room.server.paths) == 1 + 181


FAULTS = {  # what is answered, and said
    "another file": (lambda raw: [http(raw[:-1] + b"x")], "not the file with the known hash"),
    "a web page": (lambda raw: [http(b"<html>moved</html>")], "not the file with the known hash"),
    "cut": (lambda raw: [http(raw)[:-500]], "cut off"),
    "404": (lambda raw: [http(status=404)], "HTTP 404"),
    "endless": (lambda raw: [b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 100_000] * 600], "larger than 10 MB"),
    "hanging": (lambda raw: [None], "no answer in time"),
    "trickling": (lambda raw: trickle(raw, 100_000), "no answer in time"),
    "dead": (lambda raw: [], "no network connection"),
    "disk full": (lambda raw: [http(raw)], os.strerror(errno.ENOSPC)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_archive_that_does_not_serve_is_named_and_the_services_are_asked(
    fault, room, packed, data, monkeypatch, capsys
):
    answer, said = FAULTS[fault]
    room.answer = answer(packed)
    monkeypatch.setattr(pictures, "ARCHIVE_BYTES", 10_000_000)
    monkeypatch.setattr(pictures, "ARCHIVE_SECONDS", 20.0 if fault != "trickling" else 1.0)
    monkeypatch.setitem(catalog.SECONDS, "auto", 4.0)
    if fault == "dead":
        put(data, f"{room.name} {NOBODY}/x.zip", "registry.txt")
    if fault == "disk full":
        monkeypatch.setattr(shutil, "unpack_archive", Mock(side_effect=OSError(errno.ENOSPC, said)))
    load_catalog(images=True)
    assert capsys.readouterr().out.endswith(f"018; the archive did not serve: {said}).\n")


def test_a_doi_is_asked_under_our_own_name(room, data, monkeypatch):
    """Zenodo answers 403 to others."""

    def get(url, real=requests.get, **options):
        assert options["headers"] == HEADERS and options["timeout"]
        answers = {
            "https://doi.org/10.5281/zenodo.5": SimpleNamespace(url="https://zenodo.org/5", status_code=200),
            "https://zenodo.org/api/records/5": SimpleNamespace(json=lambda: {"files": files}),
        }
        return answers.get(url) or real(url, **options)

    files = [{"key": "x.zip", "links": {"self": f"{room.server.url}/x.zip"}}]
    put(data, f"{room.name} doi:10.5281/zenodo.5/x.zip", "registry.txt")
    monkeypatch.setattr(requests, "get", get)
    load_catalog(images=True)
    assert room.server.paths[0] == "/x.zip"


def test_the_same_pictures_give_the_same_file(tmp_path, capsys):
    for name, ids in (("a", (11, 9)), ("b", (9, 11))):  # in another order, at another time
        for gass in ids:
            put_pictures(tmp_path / name, [gass], GOOD if gass == 9 else OTHER)
            os.utime(tmp_path / name / "images" / f"{gass}.jpg", (0, 1e9 if name == "a" else 2e9))
    lines = [archive.pack(tmp_path / name / "images", tmp_path / f"{name}/x.zip") for name in "ab"]
    raw, other = [(tmp_path / name / "x.zip").read_bytes() for name in "ab"]
    assert raw == other and lines == [f"x.zip {hashlib.sha256(raw).hexdigest()}"] * 2
    assert f"2 pictures, 0.0 MB, sha256 {lines[0][6:]}" in capsys.readouterr().out
    shutil.unpack_archive(tmp_path / "a/x.zip", tmp_path / "c")
    held = sorted(path.name for path in (tmp_path / "c").rglob("*.*"))
    assert held == ["11.jpg", "9.jpg", "CREDIT.txt", "manifest.txt"]
    put_pictures(tmp_path / "a", [10], HALF)
    with pytest.raises(SystemExit, match="2 good and 1 spoilt"):
        archive.pack(tmp_path / "a" / "images", tmp_path / "x.zip")
