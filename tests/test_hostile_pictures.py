"""A folder of pictures that somebody else filled: what reaches the notebook can be decoded without harm."""

import csv
import gzip
import hashlib
import io
import os
import shutil
import struct
import time
import warnings
import zlib

import pandas as pd
import pytest
import xgass_tables as tables
from hypothesis import given, settings
from hypothesis import strategies as st
from misbehaving_server import jpeg, reply, serve
from PIL import Image
from xgass_tables import FITS

from xgass import DataError, catalog, load_catalog, pictures
from xgass.download import Source

GOOD = jpeg()
IDS = pd.Index([1000, 1001, 1002])


def claims(width, height):
    """A good JPEG whose header claims another size, in some 10 kB."""
    start = GOOD.index(b"\xff\xc0")
    return GOOD[: start + 5] + struct.pack(">HH", height, width) + GOOD[start + 9 :]


def png_bomb(side):
    """A PNG of a few bytes that claims side x side pixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    raw = b"\x89PNG\r\n\x1a\n"
    for kind, body in [(b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]:
        raw += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    return raw


def as_format(name):
    out = io.BytesIO()
    Image.open(io.BytesIO(GOOD)).save(out, name)
    return out.getvalue()


HOSTILE = {
    "a bomb of 60,000 px": (claims(60_000, 60_000), "larger than 2048 x 2048 px"),
    "a bomb that Pillow only warns of": (claims(13_000, 13_000), "2048 px (13000 x 13000)"),
    "a large picture that Pillow decodes in silence": (claims(9_000, 9_000), "(9000 x 9000)"),
    "a long narrow picture": (claims(60_000, 1), "(60000 x 1)"),
    "no pixels": (claims(0, 0), "not a JPEG"),
    "a PNG bomb": (png_bomb(60_000), "not a JPEG"),
    "a PNG": (as_format("PNG"), "not a JPEG"),
    "a GIF": (as_format("GIF"), "not a JPEG"),
    "a TIFF": (as_format("TIFF"), "not a JPEG"),
    "an SVG": (b'<svg xmlns="http://www.w3.org/2000/svg" width="1e9" height="1e9"/>', "not a JPEG"),
    "a program in PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n", "not a JPEG"),
    "a web page": (b"<!DOCTYPE html><html>404</html>", "not a JPEG"),
    "a compressed picture": (gzip.compress(GOOD), "not a JPEG"),
    "a picture cut in half": (GOOD[: len(GOOD) // 2], "cut off"),
    "a picture cut in its header": (GOOD[:100], "not a JPEG"),
    "two bytes": (b"\xff\xd8", "not a JPEG"),
    "zeros": (bytes(20_000), "not a JPEG"),
    "six megabytes": (GOOD + bytes(6_000_000) + b"\xff\xd9", "larger than 5 MB"),
}


def folder_with(tmp_path, raw, name="1001.jpg"):
    folder = tmp_path / "images"
    folder.mkdir()
    for gass in IDS:
        (folder / f"{gass}.jpg").write_bytes(GOOD)
    (folder / name).write_bytes(raw)
    return folder


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_picture_is_refused_by_name_before_it_is_decoded(kind, tmp_path):
    raw, why = HOSTILE[kind]
    folder_with(tmp_path, raw)
    with pytest.raises(DataError) as error, warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        pictures.find_pictures(tmp_path, IDS)
    said = str(error.value)
    assert said.startswith("1001.jpg in images is ") and why in said and said.count("delete it") == 1
    assert "\n" not in said and str(tmp_path) not in said


def test_what_fastai_would_have_done_with_it(tmp_path):
    """Why the header is looked at: Pillow itself lets 1 kB become half a gigabyte, with a mere warning."""
    vision = pytest.importorskip("fastai.vision.core")
    (tmp_path / "1000.jpg").write_bytes(claims(12_000, 10))  # the same thing, small enough to try
    assert vision.PILImage.create(tmp_path / "1000.jpg").size == (12_000, 10)
    (tmp_path / "1001.jpg").write_bytes(as_format("GIF"))
    assert vision.PILImage.create(tmp_path / "1001.jpg").size == (224, 224)  # the name says nothing
    (tmp_path / "1002.jpg").write_bytes(claims(60_000, 60_000))
    with pytest.raises(Image.DecompressionBombError):  # a traceback that does not name the file
        vision.PILImage.create(tmp_path / "1002.jpg")


@pytest.mark.parametrize(
    "mode, progressive, size",
    [("L", False, (64, 64)), ("CMYK", False, (224, 224)), ("RGB", True, (2048, 2048))],
)
def test_any_harmless_jpeg_is_taken(mode, progressive, size, tmp_path):
    out = io.BytesIO()
    Image.open(io.BytesIO(GOOD)).resize(size).convert(mode).save(out, "JPEG", progressive=progressive)
    folder_with(tmp_path, out.getvalue() + b"\0" * 9)  # some cameras add bytes behind the end
    assert pictures.find_pictures(tmp_path, IDS).index.equals(IDS)


@settings(derandomize=True, deadline=None, database=None, max_examples=150)
@given(cut=st.integers(1, len(GOOD)), at=st.integers(0, 700), byte=st.integers(0, 255))
def test_spoilt_headers_raise_nothing_else(cut, at, byte, tmp_path_factory):
    folder = tmp_path_factory.getbasetemp() / "spoilt"
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "images" / "1000.jpg").write_bytes((GOOD[:at] + bytes([byte]) + GOOD[at + 1 :])[:cut])
    try:
        found = pictures.find_pictures(folder, IDS[:1])
    except DataError as error:
        assert "1000.jpg in images is" in str(error)
    else:
        assert len(found) == 1 and cut > len(GOOD) - 64
        with Image.open(found.iloc[0]) as picture:
            assert max(picture.size) <= pictures.MAX_SIDE


def test_looking_at_1179_pictures_costs_less_than_a_second(tmp_path):
    (tmp_path / "images").mkdir()
    ids = pd.Index(range(1000, 2179))
    for gass in ids:
        (tmp_path / "images" / f"{gass}.jpg").write_bytes(GOOD)
    started = time.process_time()
    assert len(pictures.find_pictures(tmp_path, ids)) == 1179
    assert time.process_time() - started < 1


@pytest.fixture
def universe(tmp_path, monkeypatch):
    """A real-like catalogue with 1179 pictures in data/xgass, no network, the mock beside it."""

    def no_network(*args):
        raise DataError("no network")

    df = tables.as_real()
    (tmp_path / "data" / "xgass" / "images").mkdir(parents=True)
    shutil.copytree(tables.MOCK, tmp_path / "data" / "mock")
    tables.write_fits(df, tmp_path / "data" / "xgass" / FITS)
    for gass in df["GASS"]:
        (tmp_path / "data" / "xgass" / "images" / f"{gass}.jpg").write_bytes(GOOD)
    monkeypatch.setattr(catalog, "DATA", tmp_path / "data")
    monkeypatch.setattr(catalog, "download_catalogue", no_network)
    monkeypatch.setattr(catalog, "download_pictures", no_network)
    return tmp_path / "data", df["GASS"].tolist()


def test_what_the_learner_reads(universe, monkeypatch, capsys):
    """An error where the folder was asked for, else the simulated sample with the reason in its one line."""
    data, ids = universe
    assert load_catalog(images=True).attrs["source"] == "xgass"
    (data / "xgass" / "images" / f"{ids[5]}.jpg").write_bytes(claims(60_000, 60_000))
    capsys.readouterr()
    assert load_catalog(images=True).attrs["source"] == "mock"
    why = f"{ids[5]}.jpg in images is larger than 2048 x 2048 px: delete it"
    assert (
        capsys.readouterr().out
        == f"Using the SIMULATED sample: 1179 mock galaxies ({why} (`make data` gets those of data/xgass)).\n"
    )
    with pytest.raises(DataError, match=f"cannot be had: {ids[5]}.jpg in images is larger"):
        load_catalog("xgass", images=True)
    monkeypatch.setenv("XGASS_DATA", str(data / "xgass"))
    with pytest.raises(DataError, match=f"^{ids[5]}.jpg in images is larger than 2048 x 2048 px: delete it"):
        load_catalog(images=True)
    assert load_catalog().attrs["source"] == "xgass"  # without pictures nothing is wrong
    (data / "mock" / "images" / "900007.jpg").write_bytes(as_format("PNG"))
    with pytest.raises(DataError, match="^900007.jpg in images is not a JPEG.*git checkout -- data/mock"):
        load_catalog("mock", images=True)


STRANGE_NAMES = "..jpg ...jpg ..%2f1000.jpg 01000.jpg 1000.jpeg 1000.jpg.exe -1.jpg \u0661.jpg".split()


def test_links_and_strange_names(tmp_path):
    folder = folder_with(tmp_path, GOOD)
    for name in STRANGE_NAMES:
        (folder / name).write_bytes(b"not a picture, and nobody asked for it")
    (folder / "1003.jpg").mkdir()
    (folder / "1004.jpg").symlink_to("1004.jpg")  # a link to itself
    (folder / "1005.jpg").symlink_to("nowhere.jpg")
    (folder / "1006.jpg").symlink_to("1000.jpg")
    os.mkfifo(folder / "1007.jpg")  # reading it would wait for ever
    found = pictures.find_pictures(tmp_path, pd.Index(range(1000, 1010)))
    assert found.index.tolist() == [1000, 1001, 1002, 1006]
    outside = tmp_path / "images-of-another"  # its name begins like the folder's
    outside.mkdir()
    (outside / "1008.jpg").write_bytes(GOOD)
    for target in (outside / "1008.jpg", "../images-of-another/1008.jpg", "/etc/passwd", "..", outside):
        (folder / "1008.jpg").symlink_to(target)
        with pytest.raises(DataError, match="^1008.jpg in images is a link that leads out of the folder$"):
            pictures.find_pictures(tmp_path, IDS)
        (folder / "1008.jpg").unlink()


STRANGE_IDS = ["../../x", "-1", "1e3", "\u0663", "\u00b2", "9" * 5000, "", "1000.0", " 1000", "id"]
MANIFESTS = {
    "huge": b"1000,http://x,0,0\n" * 1_000_000,
    "one endless line": b"1" * 8_000_000,
    "an endless field": b'"' + b"x," * 2_000_000,
    "strange ids": "".join(f"{word},u,h,t\n" for word in STRANGE_IDS).encode(),
    "NUL bytes": b"\0" * 5000,
    "another encoding": "id,url,sha256,time\n1000,caf\u00e9,0,0\n".encode("utf-16"),
    "lines without end": b'1000,"http://x\n1001,y\n' * 100,
}


@pytest.mark.parametrize("kind", MANIFESTS)
def test_a_strange_manifest_is_made_anew(kind, tmp_path):
    folder = folder_with(tmp_path, MANIFESTS[kind], "manifest.csv")
    table = pd.DataFrame({"RA": 1.0, "DEC": 2.0}, index=IDS)
    started = time.process_time()
    digest = pictures.download_pictures(table, folder, ())
    assert time.process_time() - started < 5
    raw = (folder / "manifest.csv").read_bytes()
    lines = list(csv.DictReader(io.StringIO(raw.decode())))
    assert [line["id"] for line in lines] == ["1000", "1001", "1002"]
    assert digest == hashlib.sha256(raw).hexdigest()
    assert {line["sha256"] for line in lines} == {hashlib.sha256(GOOD).hexdigest()}
    assert sorted(os.listdir(folder)) == ["1000.jpg", "1001.jpg", "1002.jpg", "manifest.csv"]


@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize("kind", ["a bomb of 60,000 px", "a PNG", "a picture cut in half", "six megabytes"])
def test_make_data_replaces_a_hostile_picture_even_if_the_manifest_vouches_for_it(kind, listed, tmp_path):
    raw = HOSTILE[kind][0]
    folder = folder_with(tmp_path, raw)
    if listed:
        sha256 = hashlib.sha256(raw).hexdigest()
        (folder / "manifest.csv").write_text(f"id,url,sha256,time\n1001,u,{sha256},t\n")
    table = pd.DataFrame({"RA": 1.0, "DEC": 2.0}, index=IDS)
    with serve(lambda path, headers: reply(GOOD)) as server:
        pictures.download_pictures(table, folder, (Source("s", server.url, None, ""),), pause=0.0)
    assert (folder / "1001.jpg").read_bytes() == GOOD
    assert pictures.find_pictures(tmp_path, IDS).index.equals(IDS)
