"""All pictures in one file: the same each time, asked for first if there is one, never trusted blindly."""

import errno
import hashlib
import logging
import os
import re
import shutil
import time
from types import SimpleNamespace

import pooch
import pytest
import requests
from data_made import GOOD, HALF, MOCK, http, jpeg, put, put_pictures, serve

import archive
from xgass import catalog, load_catalog, pictures
from xgass.fetch import HEADERS

OTHER = jpeg(160)  # as good, and to be told apart


@pytest.fixture(scope="module")
def packed(tmp_path_factory, df):
    """The archive of 1176 good and 3 spoilt pictures, which no `make archive` would pack, and its hash."""
    folder = put_pictures(tmp_path_factory.mktemp("packed"), df["GASS"][3:])
    archive.pack(folder / "images", folder / "x.zip")
    shutil.unpack_archive(folder / "x.zip", folder / "x")
    put_pictures(folder / "x", df["GASS"][:3], HALF)
    raw = (folder / shutil.make_archive(folder / "y", "zip", folder / "x")).read_bytes()
    return raw, hashlib.sha256(raw).hexdigest()


@pytest.fixture
def room(data, df, fits, packed, monkeypatch):
    """A folder with 1000 pictures, two of them spoilt; a server for the archive and the others."""
    put_pictures(put(data / "xgass", fits), df["GASS"][:1000], OTHER)
    put_pictures(data / "xgass", df["GASS"][[0, 999]], HALF)
    answers = {"archive": lambda: [http(packed[0])]}
    with serve(lambda path: answers["archive"]() if path.endswith(".zip") else [http(GOOD)]) as server:
        monkeypatch.setattr(pictures, "PICTURES", {"sky": f"{server.url}/?ra={{ra}}"})
        put(data, f"# one line\nx.zip {packed[1]} {server.url}/x.zip\n", "registry.txt")
        yield SimpleNamespace(server=server, answers=answers, images=data / "xgass" / "images")


def check_held(images, df):
    """All pictures are there: those that were good as they were, all others as they came."""
    held = {path.name: path.read_bytes() for path in images.iterdir()}
    assert held == {f"{gass}.jpg": OTHER if 0 < i < 999 else GOOD for i, gass in enumerate(df["GASS"])}


def test_the_archive_comes_first_and_fills_what_is_missing_or_spoilt(room, df, capfd):
    levels = logging.root.level, pooch.get_logger().level
    assert load_catalog(images=True).index.tolist() == df["GASS"].tolist()
    out, err = capfd.readouterr()
    first, last = out.splitlines()
    assert re.search(r"archive: \d+ MB, a minute at", first)
    assert last == "Using the real xGASS catalogue: 1179 galaxies (Catinella et al. 2018)."
    assert "B/s]" in err and "/tmp" not in err and levels == (logging.root.level, pooch.get_logger().level)
    assert room.server.paths[0] == "/x.zip" and len(room.server.paths) == 3  # then one that is spoilt in it
    assert room.server.agents == {HEADERS["User-Agent"]}
    check_held(room.images, df)
    load_catalog(images=True)
    assert len(room.server.paths) == 3  # all is there: nobody is asked


@pytest.mark.parametrize("registry", [None, "", "# no line\n\n"])
def test_without_the_line_nothing_asks_for_an_archive(registry, room, data, df, capsys):
    (data / "registry.txt").unlink() if registry is None else put(data, registry, "registry.txt")
    load_catalog(images=True)
    assert (
        capsys.readouterr().out == "Using the real xGASS catalogue: 1179 galaxies (Catinella et al. 2018).\n"
    )
    assert "/x.zip" not in room.server.paths and len(room.server.paths) == 1 + 181
    check_held(room.images, df)


def trickle(raw):
    yield http(raw)[:100_000]
    while True:
        time.sleep(0.2)
        yield b"x"


FAULTS = {  # what is answered, and said
    "another file": (lambda raw: [http(raw[:-1] + b"x")], "not the file with the known hash"),
    "a web page": (lambda raw: [http(b"<html>moved</html>")], "not the file with the known hash"),
    "cut": (lambda raw: [http(raw)[:-500]], "cut off"),
    "404": (lambda raw: [http(status=404)], "HTTP 404"),
    "endless": (lambda raw: [b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 100_000] * 600], "larger than 10 MB"),
    "hanging": (lambda raw: [None], "no answer in time"),
    "trickling": (trickle, "no answer in time"),
    "dead": (None, "no network connection"),
    "disk full": (lambda raw: [http(raw)], os.strerror(errno.ENOSPC)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_archive_that_does_not_serve_is_named_and_the_services_are_asked(
    fault, room, packed, data, df, monkeypatch, capsys
):
    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    answer, said = FAULTS[fault]
    room.answers["archive"] = lambda: answer(packed[0])
    monkeypatch.setattr(pictures, "ARCHIVE_BYTES", 10_000_000)
    monkeypatch.setattr(pictures, "ARCHIVE_SECONDS", 20.0 if fault != "trickling" else 1.0)
    monkeypatch.setitem(catalog.SECONDS, "auto", 4.0)
    if fault == "dead":
        put(data, f"x.zip {packed[1]} http://127.0.0.1:9/x.zip", "registry.txt")
    if fault == "disk full":
        monkeypatch.setattr(shutil, "unpack_archive", full)
    load_catalog(images=True)
    _, line = capsys.readouterr().out.splitlines()
    assert line.endswith(f"1179 galaxies (Catinella et al. 2018; the archive did not serve: {said}).")
    check_held(room.images, df)


def test_a_doi_is_asked_under_our_own_name(room, packed, data, df, monkeypatch):
    """Zenodo answers 403 to others."""

    def get(url, real=requests.get, **options):
        assert options["headers"] == HEADERS and options["timeout"]
        asked.append(url)
        if url.startswith("https://doi.org/"):
            return SimpleNamespace(url="https://zenodo.org/records/5", status_code=200)
        files = [{"key": "x.zip", "links": {"self": f"{room.server.url}/x.zip"}}]
        return SimpleNamespace(json=lambda: {"files": files}) if "zenodo" in url else real(url, **options)

    asked = []
    put(data, f"x.zip {packed[1]} doi:10.5281/zenodo.5/x.zip", "registry.txt")
    monkeypatch.setattr(requests, "get", get)
    load_catalog(images=True)
    assert asked[0] == "https://doi.org/10.5281/zenodo.5" and asked[-1].endswith("/x.zip")
    check_held(room.images, df)


def test_the_same_pictures_give_the_same_file(tmp_path, capsys):
    for name, raws in (("a", (GOOD, OTHER)), ("b", (OTHER, GOOD))):
        for gass, raw in zip((11, 9) if name == "a" else (9, 11), raws, strict=True):
            put_pictures(tmp_path / name, [gass], raw)
            os.utime(tmp_path / name / "images" / f"{gass}.jpg", (0, len(name + str(gass)) * 1e8))
    put(tmp_path / "a" / "images", "", "notes.txt")
    lines = [archive.pack(tmp_path / name / "images", tmp_path / name / "x.zip") for name in "ab"]
    assert lines[0] == lines[1] and (tmp_path / "a/x.zip").read_bytes() == (tmp_path / "b/x.zip").read_bytes()
    assert f"x.zip: 2 pictures, 0.0 MB, sha256 {lines[0].split()[1]}" in capsys.readouterr().out
    shutil.unpack_archive(tmp_path / "a/x.zip", tmp_path / "c")
    assert sorted(p.name for p in (tmp_path / "c").rglob("*.*")) == [
        "11.jpg",
        "9.jpg",
        "CREDIT.txt",
        "manifest.txt",
    ]
    put_pictures(tmp_path / "a", [10], HALF)
    with pytest.raises(SystemExit, match="2 good and 1 spoilt"):
        archive.pack(tmp_path / "a" / "images", tmp_path / "x.zip")


def test_the_registry_of_the_repository_can_be_read():
    store = pooch.create("nowhere", "")
    store.load_registry(MOCK.parent / "registry.txt")
    for name, sha256 in store.registry.items():
        assert re.fullmatch("[0-9a-f]{64}", sha256) and store.get_url(name).startswith(("https://", "doi:"))
