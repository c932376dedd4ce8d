"""The simulated pictures: whole, small, SDSS-like, and true to their rows of the mock catalogue."""

import importlib.util
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.stats import rankdata, spearmanr

ROOT = Path(__file__).parents[1]
MOCK = ROOT / "data" / "mock"
SIZE = 112  # px
ARCSEC = 0.792  # per px
SOFTENING = 2.8  # of the stretch, to undo it


@pytest.fixture(scope="module")
def rows():
    catalog, truth = pd.read_csv(MOCK / "catalog.csv"), pd.read_csv(MOCK / "truth.csv")
    return catalog.merge(truth, on="GASS", validate="1:1")


@pytest.fixture(scope="module")
def pictures(rows):
    """All pictures in the order of the rows, shape (N, 112, 112, 3), grey levels."""
    out = np.empty((len(rows), SIZE, SIZE, 3), np.uint8)
    for pixels, gass in zip(out, rows.GASS, strict=True):
        with Image.open(MOCK / "images" / f"{gass}.jpg") as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (SIZE, SIZE)), gass
            pixels[:] = np.asarray(image)  # decodes the whole file
    return out


@pytest.fixture(scope="module")
def measured(pictures):
    """Simple photometry of every picture."""
    return pd.DataFrame([photometry(p.astype(float)) for p in pictures])


def corners(pictures):
    """The four corners of an eighth of the side each, shape (N, pixels, 3)."""
    k = SIZE // 8
    parts = [pictures[:, :k, :k], pictures[:, -k:, :k], pictures[:, :k, -k:], pictures[:, -k:, -k:]]
    return np.concatenate(parts, axis=1).reshape(len(pictures), -1, 3)


def photometry(rgb):
    """Flux, half-light radius (arcsec), axis ratio, colour and structure of the central galaxy.

    The stretch is undone on the sum of the channels. The radius is that of half the flux within two Petrosian
    radii, the axis ratio comes from second moments with an adaptive Gaussian weight; uneven is the share of
    light that changes when the picture is turned by half a turn, gradient how much bluer the outskirts are.
    """
    total = rgb.sum(-1) / 255
    light = np.sinh(SOFTENING * total) / SOFTENING
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    r = np.hypot(x, y)
    light = light - np.median(light[r > 45])
    radii = np.arange(0, 46.0)
    growth = np.array([light[r <= radius].sum() for radius in radii])
    here, inside = np.diff(growth) / np.diff(radii**2), growth[1:] / radii[1:] ** 2  # mean brightness over pi
    petrosian = radii[1:][np.argmax(here[2:] < 0.2 * inside[2:]) + 2]
    flux = np.interp(2 * petrosian, radii, growth)
    r50 = np.interp(flux / 2, growth[: int(petrosian) + 1], radii[: int(petrosian) + 1])

    xx = yy = r50**2
    xy = 0.0
    for _ in range(15):
        det = xx * yy - xy**2
        weight = np.exp(-0.5 * (yy * x * x + xx * y * y - 2 * xy * x * y) / det) * (r < 3.5 * r50 + 4) * light
        xx, yy, xy = (2 * (weight * a).sum() / weight.sum() for a in (x * x, y * y, x * y))
    mean, difference, seeing = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy), 0.6
    q = np.sqrt(max(mean - difference - seeing, 0.01) / (mean + difference - seeing))

    def blueness(where):
        return rgb[where, 2].sum() / rgb[where, 0].sum()

    disc = r < 2 * r50
    uneven = np.abs(total - np.rot90(total, 2))[disc].sum() / total[disc].sum()
    gradient = blueness((r > 1.6 * r50) & (r < 3 * r50)) - blueness(r < r50)
    return {"flux": flux, "r50": r50 * ARCSEC, "q": q, "blue": blueness(r < 1.5 * r50 + 2),
            "uneven": uneven, "gradient": gradient}  # fmt: skip


def test_one_picture_per_galaxy_and_no_other_file(rows):
    assert {p.name for p in (MOCK / "images").iterdir()} == {f"{gass}.jpg" for gass in rows.GASS}


def test_all_decode_to_the_same_size(pictures):
    assert pictures.shape == (len(pictures), SIZE, SIZE, 3)
    assert (pictures.std((1, 2, 3)) > 1).all(), "an empty picture"
    assert len({p.tobytes() for p in pictures}) == len(pictures), "the same picture twice"


def test_they_take_little_room():
    assert sum(p.stat().st_size for p in (MOCK / "images").iterdir()) <= 8e6


def test_sky_and_centre_look_like_sdss(pictures):
    """The references were measured on 500 real SDSS JPEGs."""
    sky = corners(pictures)
    level = np.median(sky, axis=(0, 1))
    assert level == pytest.approx([4, 2, 2], abs=3)
    noise = 1.4826 * np.median(np.abs(sky - np.median(sky, axis=1, keepdims=True)), axis=1)
    assert np.median(noise, axis=0) == pytest.approx([3, 3, 3], abs=1.5)
    middle = slice(SIZE // 2 - 4, SIZE // 2 + 4)  # 6.3 arcsec, about within the half-light radius
    assert np.median(pictures[:, middle, middle], axis=(0, 1, 2)) == pytest.approx([154, 134, 99], abs=40)


@pytest.mark.parametrize(
    ("quantity", "column", "sign"),
    [("r50", "petrR50_r", 1), ("q", "expAB_r", 1), ("blue", "NUVr", -1), ("flux", "model_r", -1)],
)
def test_picture_follows_its_row(rows, measured, quantity, column, sign):
    good = rows[column] > -50  # not the sentinel
    assert measured[quantity].notna().all()
    assert sign * spearmanr(measured[quantity][good], rows[column][good])[0] >= 0.8


def test_gas_shows_in_structure_but_not_in_colour(rows, measured):
    """At a fixed row, gas makes discs patchy and their outskirts blue; mean colour stays the row's."""
    disc = (rows.NUVr.between(0, 4.5)) & (rows.expAB_r > 0.35) & (rows.petrR50_r > 3.5)

    def correlation(quantity):
        ranks = [rankdata(rows[column][disc]) for column in ("NUVr", "CINDX", "petrR50_r")]
        table = np.stack([np.ones(disc.sum()), *ranks], axis=1)
        y = rankdata(measured[quantity][disc])
        rest = y - table @ np.linalg.lstsq(table, y)[0]
        return spearmanr(rest, rows.gas_seen[disc])[0]

    assert correlation("uneven") > 0.5
    assert correlation("gradient") > 0.3
    assert abs(correlation("blue")) < 0.2


def load_renderer():
    for library in ("galsim", "tqdm"):
        pytest.importorskip(library, reason=f"rendering needs {library} (data/simulate/requirements.txt)")
    spec = importlib.util.spec_from_file_location("render", ROOT / "data" / "simulate" / "pictures.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_committed_pictures_are_what_the_program_renders(rows):
    """Pixels, within a little: another release of the FFT or of the JPEG library may round differently."""
    render = load_renderer()
    for _, row in rows.iloc[[3, 400, 1100]].iterrows():
        new = render.encode(render.picture(row))
        assert new == render.encode(render.picture(row)), "not reproducible"
        old = np.asarray(Image.open(MOCK / "images" / f"{int(row.GASS)}.jpg")).astype(float)
        difference = np.abs(np.asarray(Image.open(io.BytesIO(new))) - old)
        assert difference.mean() < 0.3 and np.percentile(difference, 99.9) <= 8, int(row.GASS)


def test_another_galaxy_or_other_gas_gives_another_picture(rows):
    render = load_renderer()
    row = rows.iloc[400].copy()
    base = render.picture(row).astype(float)
    row["gas_seen"] += 0.5
    assert np.abs(render.picture(row) - base).mean() > 0.3
    row["GASS"] += 1
    assert np.abs(render.picture(row) - base).mean() > 1
