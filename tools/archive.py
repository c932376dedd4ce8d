"""Pack the pictures of data/xgass/images into one file that a release can carry: `make archive`.

The same pictures give the same bytes, whenever and wherever they are packed. The catalog is not packed: no
license is stated for it.
"""

import hashlib
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile, ZipInfo

import pandas as pd

from cells import ROOT
from xgass.pictures import find_pictures

NAME = "xgass-sdss-pictures.zip"
CREDIT = """\
Color pictures of the galaxies of xGASS, 224 x 224 px at 0.396 arcsec/px, named by their GASS id.
Credit: Sloan Digital Sky Survey (https://www.sdss.org). License: CC-BY, as the image use policy says:
https://www.sdss.org/collaboration/image-use-policy/
manifest.txt has the sha256 of each.
"""


def write_manifest(folder: Path, path: Path) -> None:
    """Write a line "NAME sha256" for each file of a folder."""
    lines = []
    for file in sorted(folder.iterdir()):
        lines.append(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n")
    path.write_text("".join(lines), encoding="utf-8")


def stage(pictures: pd.Series, folder: Path) -> None:
    """Put pictures (paths by ``GASS``), their manifest, credit and license into a folder."""
    images = folder / "images"
    images.mkdir()
    for gass, path in pictures.items():
        (images / f"{gass}.jpg").write_bytes(Path(path).read_bytes())
    write_manifest(images, folder / "manifest.txt")
    (folder / "CREDIT.txt").write_text(CREDIT, encoding="utf-8")


def write_zip(folder: Path, path: Path) -> None:
    """Write all files of a folder into a zip: the same bytes for the same files."""
    with ZipFile(path, "w") as archive:  # stored: JPEGs do not shrink, and no version of zlib matters
        for file in sorted(p for p in folder.rglob("*") if p.is_file()):
            info = ZipInfo(file.relative_to(folder).as_posix())  # of 1980, whatever the clock says
            info.create_system, info.external_attr = 3, 0o644 << 16
            archive.writestr(info, file.read_bytes())


def pack(images: Path, path: Path) -> str:
    """Pack the pictures of a folder, if all are good; return "NAME sha256": the registry adds the address."""
    ids = pd.Index(sorted(int(p.stem) for p in images.glob("*") if p.stem.isdigit()))
    good, spoilt = find_pictures(images, ids)
    if spoilt or good.empty:
        sys.exit(f"{len(good)} good and {spoilt} spoilt pictures in {images}: `make data` gets them.")
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as place:
        stage(good, Path(place))
        write_zip(Path(place), path)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    print(f"{path.name}: {len(good)} pictures, {path.stat().st_size / 1e6:.1f} MB, sha256 {sha256}")
    return f"{path.name} {sha256}"


if __name__ == "__main__":
    print(f"For data/registry.txt: {pack(ROOT / 'data/xgass/images', ROOT / 'build' / NAME)} ADDRESS")
