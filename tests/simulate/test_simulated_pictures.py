"""The simulated pictures: whole, small, SDSS-like, and true to their rows of the catalog."""

import io
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

MOCK = Path(__file__).resolve().parents[2] / "data" / "mock"
IMAGES = MOCK / "images"
README = (MOCK / "README.md").read_text(encoding="utf-8")
SIZE = 112  # px
ARCSEC = 0.792  # per px
SOFTENING = 2.8  # of the stretch, to undo it


@pytest.fixture(scope="module")
def pictures(mock):
    return np.stack([np.asarray(Image.open(IMAGES / f"{gass}.jpg")) for gass in mock["GASS"]])


def photometry(rgb):
    """Return flux and half-light radius within two Petrosian radii, elongation, color and structure."""
    total = rgb.sum(-1) / 255
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    r = np.hypot(x, y)
    with_sky = np.sinh(SOFTENING * total) / SOFTENING
    light = with_sky - np.median(with_sky[r > 45])
    flux, r50 = flux_and_radius(light, r)

    def blueness(where):
        return rgb[where, 2].sum() / rgb[where, 0].sum()

    disc = r < 2 * r50
    outskirts = (r > 1.6 * r50) & (r < 3 * r50)
    half_a_turn = np.abs(total - np.rot90(total, 2))  # what changes by it
    return {
        "flux": flux,
        "r50": r50 * ARCSEC,
        "q": elongation(light * np.exp(-0.5 * (r / (1.5 * r50)) ** 2), x, y),
        "blue": blueness(r < 1.5 * r50 + 2),
        "uneven": half_a_turn[disc].sum() / total[disc].sum(),
        "gradient": blueness(outskirts) - blueness(r < r50),
    }


def flux_and_radius(light, r):
    """Return the flux within two Petrosian radii, and the radius [px] within which half of it is."""
    radii = np.arange(0, 46.0)
    growth = np.array([light[r <= radius].sum() for radius in radii])
    brightness = np.diff(growth) / np.diff(radii**2)  # of each ring; both are means times pi
    brightness_inside = growth[1:] / radii[1:] ** 2
    is_faint = brightness < 0.2 * brightness_inside
    first = 2  # the innermost rings have too few pixels
    petrosian = radii[1:][np.argmax(is_faint[first:]) + first]
    flux = np.interp(2 * petrosian, radii, growth)
    rising = slice(int(petrosian) + 1)
    return flux, np.interp(flux / 2, growth[rising], radii[rising])


def elongation(weight, x, y):
    """Return 1 for a round picture, near 0 for a long one, from its second moments."""
    xx, yy, xy = ((weight * a).sum() / weight.sum() for a in (x * x, y * y, x * y))
    return 1 - np.hypot((xx - yy) / 2, xy) / (xx + yy)


def test_one_small_picture_per_galaxy_and_no_other_file(mock, pictures):
    files = list(IMAGES.iterdir())
    assert {path.name for path in files} == {f"{gass}.jpg" for gass in mock["GASS"]}
    assert pictures.shape == (len(mock), SIZE, SIZE, 3)
    megabytes = sum(path.stat().st_size for path in files) / 1e6
    said = float(re.search(r"([\d.]+) MB in all", README)[1])
    assert megabytes == pytest.approx(said, abs=0.1)


def test_sky_and_center_look_like_sdss(pictures):
    """The references were measured on 500 real SDSS JPEGs; `data/mock/README.md` has both."""
    sides = np.s_[: SIZE // 8, -(SIZE // 8) :]
    corners = [pictures[:, y, x] for y in sides for x in sides]
    sky = np.concatenate(corners, axis=1).reshape(len(pictures), -1, 3)
    deviation = np.abs(sky - np.median(sky, axis=1, keepdims=True))
    noise = 1.4826 * np.median(deviation, axis=1)
    middle = slice(SIZE // 2 - 4, SIZE // 2 + 4)  # 6.3 arcsec, about the half-light radius
    assert np.median(sky, axis=(0, 1)) == pytest.approx([4, 2, 2], abs=1)
    assert np.median(noise, axis=0) == pytest.approx([3, 3, 3], abs=1)
    assert np.median(pictures[:, middle, middle], axis=(0, 1, 2)) == pytest.approx([154, 134, 99], abs=15)


@pytest.fixture(scope="module")
def measured(pictures):
    return pd.DataFrame([photometry(picture.astype(float)) for picture in pictures])


def test_a_picture_follows_its_row(mock, measured):
    """As the README says: Spearman's correlation, without the sentinels."""
    columns = {"r50": "petrR50_r", "q": "expAB_r", "blue": "NUVr", "flux": "model_r"}
    row = mock[list(columns.values())].where(mock > -50)
    found = [measured[name].corr(row[column], method="spearman") for name, column in columns.items()]
    assert found == pytest.approx([0.93, 0.90, -0.96, -0.98], abs=0.01)


def test_gas_shows_in_structure_but_not_in_color(mock, measured):
    """At a fixed row, gas makes discs patchy and their outskirts blue; mean color stays the row's."""
    is_open_disc = mock["NUVr"].between(0, 4.5) & (mock["expAB_r"] > 0.35) & (mock["petrR50_r"] > 3.5)
    ranks = measured.join(mock)[is_open_disc].rank()
    row = ranks[["NUVr", "CINDX", "petrR50_r"]].assign(one=1)
    coefficients = np.linalg.lstsq(row, ranks)[0]
    beyond_row = ranks - row.to_numpy() @ coefficients
    with_gas = beyond_row.corrwith(ranks["gas_seen"], method="spearman")
    assert with_gas["uneven"] > 0.5
    assert with_gas["gradient"] > 0.3
    assert abs(with_gas["blue"]) < 0.2


def test_rendered_again_they_are_the_same(mock):
    """Pixels, within a little: another release of the FFT or of the JPEG library may round differently."""
    pytest.importorskip("galsim", reason="rendering needs `pip install --group simulate`")
    import render_pictures as render

    def pixels(file):
        return np.asarray(Image.open(file)).astype(float)

    for _, row in mock.iloc[[3, 400, 1100]].iterrows():
        new = pixels(io.BytesIO(render.encode(render.picture(row))))
        committed = pixels(IMAGES / f"{int(row.GASS)}.jpg")
        difference = np.abs(new - committed)
        assert difference.mean() < 0.3, int(row.GASS)
        assert np.percentile(difference, 99.9) <= 8, int(row.GASS)
