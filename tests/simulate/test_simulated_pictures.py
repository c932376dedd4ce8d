"""The simulated pictures: whole, small, SDSS-like, and true to their rows of the catalogue."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from scipy.stats import rankdata, spearmanr

MOCK = Path(__file__).resolve().parents[2] / "data" / "mock"
SIZE = 112  # px
ARCSEC = 0.792  # per px
SOFTENING = 2.8  # of the stretch, to undo it


@pytest.fixture(scope="module")
def rows(mock, truth):
    return mock.merge(truth, on="GASS", validate="1:1")


@pytest.fixture(scope="module")
def pictures(rows):
    return np.stack([np.asarray(Image.open(MOCK / "images" / f"{gass}.jpg")) for gass in rows["GASS"]])


@pytest.fixture(scope="module")
def measured(pictures):
    return pd.DataFrame([photometry(picture.astype(float)) for picture in pictures])


def photometry(rgb):
    """Return flux, half-light radius (arcsec), axis ratio, colour and structure of the central galaxy.

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

    xx, yy, xy = r50**2, r50**2, 0.0
    for _ in range(15):
        det = xx * yy - xy**2
        weight = np.exp(-0.5 * (yy * x * x + xx * y * y - 2 * xy * x * y) / det) * (r < 3.5 * r50 + 4) * light
        xx, yy, xy = (2 * (weight * a).sum() / weight.sum() for a in (x * x, y * y, x * y))
    mean, difference = (xx + yy) / 2 - 0.6, np.hypot((xx - yy) / 2, xy)  # 0.6: the seeing

    def blueness(where):
        return rgb[where, 2].sum() / rgb[where, 0].sum()

    disc = r < 2 * r50
    return {
        "flux": flux,
        "r50": r50 * ARCSEC,
        "q": np.sqrt(max(mean - difference, 0.01) / (mean + difference)),
        "blue": blueness(r < 1.5 * r50 + 2),
        "uneven": np.abs(total - np.rot90(total, 2))[disc].sum() / total[disc].sum(),
        "gradient": blueness((r > 1.6 * r50) & (r < 3 * r50)) - blueness(r < r50),
    }


def test_one_small_picture_per_galaxy_and_no_other_file(rows, pictures):
    files = list((MOCK / "images").iterdir())
    assert {path.name for path in files} == {f"{gass}.jpg" for gass in rows["GASS"]}
    assert sum(path.stat().st_size for path in files) < 8e6
    assert pictures.shape == (len(rows), SIZE, SIZE, 3)
    assert len({picture.tobytes() for picture in pictures}) == len(rows), "the same picture twice"


def test_sky_and_centre_look_like_sdss(pictures):
    """The references were measured on 500 real SDSS JPEGs; `data/mock/README.md` has both."""
    k, middle = SIZE // 8, slice(SIZE // 2 - 4, SIZE // 2 + 4)  # 6.3 arcsec, about the half-light radius
    parts = [pictures[:, rows, columns] for rows in np.s_[:k, -k:] for columns in np.s_[:k, -k:]]
    sky = np.concatenate(parts, axis=1).reshape(len(pictures), -1, 3)
    assert np.median(sky, axis=(0, 1)) == pytest.approx([4, 2, 2], abs=1)
    noise = 1.4826 * np.median(np.abs(sky - np.median(sky, axis=1, keepdims=True)), axis=1)
    assert np.median(noise, axis=0) == pytest.approx([3, 3, 3], abs=1)
    assert np.median(pictures[:, middle, middle], axis=(0, 1, 2)) == pytest.approx([154, 134, 99], abs=25)


@pytest.mark.parametrize(
    ("quantity", "column", "said"),
    [("r50", "petrR50_r", 0.93), ("q", "expAB_r", 0.84), ("blue", "NUVr", -0.96), ("flux", "model_r", -0.98)],
)
def test_a_picture_follows_its_row(rows, measured, quantity, column, said):
    """As the README says: Spearman's correlation, without the sentinels."""
    known = rows[column] > -50
    assert spearmanr(measured[quantity][known], rows[column][known])[0] == pytest.approx(said, abs=0.01)


def test_gas_shows_in_structure_but_not_in_colour(rows, measured):
    """At a fixed row, gas makes discs patchy and their outskirts blue; mean colour stays the row's."""
    disc = (rows["NUVr"].between(0, 4.5)) & (rows["expAB_r"] > 0.35) & (rows["petrR50_r"] > 3.5)

    def correlation(quantity):
        ranks = [rankdata(rows[column][disc]) for column in ("NUVr", "CINDX", "petrR50_r")]
        table = np.stack([np.ones(disc.sum()), *ranks], axis=1)
        y = rankdata(measured[quantity][disc])
        rest = y - table @ np.linalg.lstsq(table, y)[0]
        return spearmanr(rest, rows["gas_seen"][disc])[0]

    assert correlation("uneven") > 0.5 and correlation("gradient") > 0.3 and abs(correlation("blue")) < 0.2


def test_rendered_again_they_are_the_same(rows):
    """Pixels, within a little: another release of the FFT or of the JPEG library may round differently."""
    pytest.importorskip("galsim", reason="rendering needs what data/simulate/requirements.txt lists")
    import render_pictures as render

    for _, row in rows.iloc[[3, 400, 1100]].iterrows():
        new = render.encode(render.picture(row))
        assert new == render.encode(render.picture(row)), "not reproducible"
        old = np.asarray(Image.open(MOCK / "images" / f"{int(row.GASS)}.jpg")).astype(float)
        difference = np.abs(np.asarray(Image.open(io.BytesIO(new))) - old)
        assert difference.mean() < 0.3 and np.percentile(difference, 99.9) <= 8, int(row.GASS)
