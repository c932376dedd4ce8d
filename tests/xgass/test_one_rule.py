"""One rule for pictures: what `load_catalog` counts as good, the network gets; all else counts as missing."""

import io

import numpy as np
from data_made import GOOD, HALF, jpeg, put, put_pictures
from PIL import Image

from scale.images import read_picture
from xgass import load_catalog


def turned(mode):
    """Return a picture in another mode, with a note that it lies on its side."""
    raw, exif = io.BytesIO(), Image.Exif()
    exif[274] = 6
    Image.open(io.BytesIO(GOOD)).convert(mode).save(raw, "JPEG", exif=exif)
    return raw.getvalue()


def black():
    raw = io.BytesIO()
    Image.new("RGB", (224, 224)).save(raw, "JPEG")
    return raw.getvalue()


SPOILED = {
    "black": black(),
    "tiny": jpeg(63),
    "not square": GOOD.replace(b"\x00\xe0\x00\xe0", b"\x00\xdf\x00\xe0", 1),
    "half": HALF,
    "empty": b"",
    "web page": b"<html>",
    "another format": jpeg(form="PNG"),
    "no program": b"%!PS-Adobe-3.0",
}
WELCOME = {"gray": turned("L"), "four inks": turned("CMYK"), "the least size": jpeg(64), "two": GOOD + GOOD}


def test_what_load_catalog_accepts_is_read_and_what_it_refuses_counts_as_missing(
    df, fits, monkeypatch, tmp_path, capsys
):
    rng = np.random.default_rng(0)
    changed = []
    for _ in range(20):  # whatever a disk does to a file: either both take it or none
        raw = bytearray(GOOD)
        for position in rng.integers(2, 700, 2):
            raw[position] = rng.integers(256)
        changed.append(bytes(raw))
    files = [*SPOILED.values(), *WELCOME.values(), *changed]
    ids = df["GASS"].tolist()
    mine = put_pictures(put(tmp_path / "mine", fits), ids[len(files) :])
    for gass, raw in zip(ids, files, strict=False):
        put(mine / "images", raw, f"{gass}.jpg")
    monkeypatch.setenv("XGASS_DATA", str(mine))
    galaxies = load_catalog(images=True)
    for image in galaxies["image"].iloc[: len(files)]:
        assert read_picture(image).size == (64, 64)
    missing = len(ids) - len(galaxies)
    assert galaxies.attrs["n_spoiled"] == missing >= len(SPOILED)
    assert f"{missing} spoiled pictures count as missing" in capsys.readouterr().out
    assert not set(ids[: len(SPOILED)]) & set(galaxies.index)
    assert set(ids[len(SPOILED) : len(SPOILED) + len(WELCOME)]) <= set(galaxies.index)
