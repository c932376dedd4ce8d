"""The simulated pictures: whole, small, SDSS-like, and true to their rows of the catalog."""

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

IMAGES = Path(__file__).resolve().parents[2] / "data" / "mock" / "images"
SIZE, ARCSEC = 112, 0.792  # px, per px
SOFTENING = 2.8  # of the stretch, to undo it


@pytest.fixture(scope="module")
def pictures(mock):
    return np.stack([np.asarray(Image.open(IMAGES / f"{gass}.jpg")) for gass in mock["GASS"]])


def photometry(rgb):
    """Return flux and half-light radius within two Petrosian radii, elongation, color and structure."""
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
    weight = np.exp(-0.5 * (r / (1.5 * r50)) ** 2) * light
    xx, yy, xy = ((weight * a).sum() / weight.sum() for a in (x * x, y * y, x * y))

    def blueness(where):
        return rgb[where, 2].sum() / rgb[where, 0].sum()

    disc = r < 2 * r50
    return {
        "flux": flux, "r50": r50 * ARCSEC, "q": 1 - np.hypot((xx - yy) / 2, xy) / (xx + yy),
        "blue": blueness(r < 1.5 * r50 + 2),
        "uneven": np.abs(total - np.rot90(total, 2))[disc].sum() / total[disc].sum(),  # after half a turn
        "gradient": blueness((r > 1.6 * r50) & (r < 3 * r50)) - blueness(r < r50),
    }  # fmt: skip


def test_one_small_picture_per_galaxy_and_no_other_file(mock, pictures):
    files = list((IMAGES).iterdir())
    assert {path.name for path in files} == {f"{gass}.jpg" for gass in mock["GASS"]}
    assert sum(path.stat().st_size for path in files) < 4e6
    assert pictures.shape == (len(mock), SIZE, SIZE, 3)


def test_sky_and_center_look_like_sdss(pictures):
    """The references were measured on 500 real SDSS JPEGs; `data/mock/README.md` has both."""
    edge, middle = SIZE // 8, slice(SIZE // 2 - 4, SIZE // 2 + 4)  # 6.3 arcsec, about the half-light radius
    corners = [pictures[:, y, x] for y in np.s_[:edge, -edge:] for x in np.s_[:edge, -edge:]]
    sky = np.concatenate(corners, axis=1).reshape(len(pictures), -1, 3)
    noise = 1.4826 * np.median(np.abs(sky - np.median(sky, axis=1, keepdims=True)), axis=1)
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
    disc = mock["NUVr"].between(0, 4.5) & (mock["expAB_r"] > 0.35) & (mock["petrR50_r"] > 3.5)
    ranks = measured.join(mock)[disc].rank()
    row = ranks[["NUVr", "CINDX", "petrR50_r"]].assign(one=1)
    rest = ranks - row.to_numpy() @ np.linalg.lstsq(row, ranks)[0]
    gas = rest.corrwith(ranks["gas_seen"], method="spearman")
    assert gas["uneven"] > 0.5 and gas["gradient"] > 0.3 and abs(gas["blue"]) < 0.2


def test_rendered_again_they_are_the_same(mock):
    """Pixels, within a little: another release of the FFT or of the JPEG library may round differently."""
    pytest.importorskip("galsim", reason="rendering needs what data/simulate/requirements.txt lists")
    import render_pictures as render

    for _, row in mock.iloc[[3, 400, 1100]].iterrows():
        new = np.asarray(Image.open(io.BytesIO(render.encode(render.picture(row))))).astype(float)
        difference = np.abs(new - np.asarray(Image.open(IMAGES / f"{int(row.GASS)}.jpg")))
        assert difference.mean() < 0.3 and np.percentile(difference, 99.9) <= 8, int(row.GASS)
