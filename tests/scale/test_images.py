"""Pictures as people have them."""

import io

import numpy as np
import pytest
from PIL import Image

from scale import images
from xgass import DataError


@pytest.fixture
def png():
    raw = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (70, 70, 3), dtype="uint8")
    Image.fromarray(noise).save(raw, "PNG")
    return raw.getvalue()


def test_one_flipped_bit_of_a_png_is_seen(tmp_path, png):
    changed = tmp_path / "changed.png"
    for at in range(60, len(png) - 20, len(png) // 40):
        raw = bytearray(png)
        raw[at] ^= 4
        changed.write_bytes(raw)
        with pytest.raises(DataError, match="cannot be read"):
            images.open_picture(changed)


def test_the_rotation_that_a_camera_noted_is_applied(tmp_path):
    gray = np.zeros((64, 64), dtype="uint8")
    gray[:8] = 255  # bright at the top, as it is stored
    exif = Image.Exif()
    exif[274] = 3  # upside down
    Image.fromarray(gray).save(tmp_path / "turned.jpg", exif=exif)
    seen = np.array(images.open_picture(tmp_path / "turned.jpg"))
    assert seen[-4:].mean() > 200 and seen[:4].mean() < 50


def test_the_middle_four_sevenths_are_seen_or_the_whole(tmp_path):
    gray = np.zeros((140, 140), dtype="uint8")
    gray[30:110, 30:110] = 200
    Image.fromarray(gray).save(tmp_path / "square.png")
    assert np.array(images.read_picture(tmp_path / "square.png"))[1:-1, 1:-1].min() > 190
    assert np.array(images.read_picture(tmp_path / "square.png", whole=True))[0, 0].max() < 10
