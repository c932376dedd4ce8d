"""All pictures in one file: what is in it, and that it is the same each time."""

import hashlib
import os
import shutil

import pytest
from PIL import Image

import archive


@pytest.fixture
def images(tmp_path):
    """Return a folder with pictures of two galaxies, 9 and 11."""
    folder = tmp_path / "images"
    folder.mkdir()
    for gass in (9, 11):
        Image.linear_gradient("L").resize((64, 64)).convert("RGB").save(folder / f"{gass}.jpg")
    return folder


def test_what_is_packed(images, tmp_path, capsys):
    line = archive.pack(images, tmp_path / "x.zip")
    raw = (tmp_path / "x.zip").read_bytes()
    assert line == f"x.zip {hashlib.sha256(raw).hexdigest()}"
    assert f"2 pictures, 0.0 MB, sha256 {line[6:]}" in capsys.readouterr().out
    shutil.unpack_archive(tmp_path / "x.zip", tmp_path / "c")
    held = sorted(path.relative_to(tmp_path / "c").as_posix() for path in (tmp_path / "c").rglob("*.*"))
    assert held == ["CREDIT.txt", "images/11.jpg", "images/9.jpg", "manifest.txt"]


def test_the_same_files_give_the_same_zip(images, tmp_path):
    """Whatever the clock and the permissions say."""
    archive.write_zip(images, tmp_path / "first.zip")
    os.utime(images / "11.jpg", (0, 1e9))
    (images / "9.jpg").chmod(0o600)
    archive.write_zip(images, tmp_path / "second.zip")
    assert (tmp_path / "first.zip").read_bytes() == (tmp_path / "second.zip").read_bytes()


def test_a_spoilt_picture_is_not_packed(images, tmp_path):
    (images / "10.jpg").write_bytes((images / "9.jpg").read_bytes()[:500])
    with pytest.raises(SystemExit, match="2 good and 1 spoilt"):
        archive.pack(images, tmp_path / "x.zip")
