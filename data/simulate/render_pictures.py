"""Render one SDSS-like color picture per mock galaxy.

Every picture follows from the galaxy's row in ``data/mock/catalog.csv`` (size, shape, concentration,
magnitude, color) and from ``gas_seen`` in ``data/mock/truth.csv``, the part of the gas scatter that shows.
Fluxes are in nanomaggies (zero point 22.5), lengths in arcsec, angles in radians; images have FIELD x FIELD
native pixels. Run ``python data/simulate/render_pictures.py``.
"""

import argparse
import io
import multiprocessing
from functools import partial
from pathlib import Path
from typing import NamedTuple

import galsim
import numpy as np
import pandas as pd
from numpy.random import Generator
from PIL import Image
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.optimize import brentq
from scipy.special import expit, gammainc
from tqdm import tqdm

MOCK = Path(__file__).resolve().parents[1] / "mock"

PIXEL = 0.396  # arcsec, the SDSS camera
FIELD = 224  # native pixels, 88.7 arcsec as the tutorial's real cutouts
REBIN = 2  # native pixels averaged per side: 112 px of 0.792 arcsec in the file
QUALITY = 90  # of the JPEG

BANDS = "gri"
DEPTH = {"g": 23.3, "r": 23.1, "i": 22.3}  # 5 sigma point source, mag
SEEING_R, SEEING_SCATTER = 1.43, 0.145  # arcsec FWHM, and its scatter in ln: quartiles 1.30 and 1.58
SEEING_RATIO = {"g": 1.06, "r": 1.0, "i": 0.95}
ELECTRONS = 800.0  # per nanomaggy in one 54 s exposure
DUST = {"g": 1.35, "r": 1.0, "i": 0.75}  # extinction relative to r
FULL_WELL = 60.0  # nanomaggies per native pixel

# The stretch of the SDSS color JPEGs (Lupton et al. 2004), measured on real smooth galaxies; g by eye.
STRETCH = {"i": 2.4, "r": 2.7, "g": 3.3}  # picture units per nanomaggy and native pixel, shown as R, G, B
SOFTENING = 2.8
BLACK = np.array([1.0, 0.5, 0.5])  # gray levels under the sky, R, G, B: the real sky is not quite black

GAS_UNIT = 0.25  # dex of gas_seen that change the look by one unit of `Galaxy.gas`
MOST_GAS = 2.5  # units; more gas than that looks the same
NO_NUVR = -50  # a smaller NUVr is missing, and TYPICAL_NUVR is taken
TYPICAL_NUVR = 4.0

# Stars and other galaxies near the center would have been taken for a part of the galaxy.
CLEAR_RADIUS = 6  # arcsec


class Galaxy(NamedTuple):
    """What one galaxy looks like before the seeing."""

    gas: float  # gas_seen in units of GAS_UNIT, flattened towards MOST_GAS
    blue: float  # 1: forms stars, 0: quiescent
    r50: float  # half-light radius, arcsec
    bulge_share: float  # of the light in r
    sersic_index: float  # of the bulge
    bulge_r50: float  # its half-light radius, arcsec
    scale: float  # exponential scale length of the disc, arcsec
    axis_ratio: float
    angle: float  # from the x-axis of the picture to the long axis of the galaxy, radians
    gr: float  # g-r, mag, reddened by the Milky Way
    off_locus: float  # r-i beyond that of the locus, mag: age, metals and dust
    mag: float  # in r, as observed, behind the dust of the Milky Way


class Population(NamedTuple):
    """The stars, or the other galaxies, that happen to be in a picture."""

    points: bool  # stars
    number: float  # mean per picture
    faintest: float  # mag in r
    slope: float  # lg of the number brighter than a magnitude rises by this per mag


STARS = Population(points=True, number=2.2, faintest=22.0, slope=0.20)
OTHER_GALAXIES = Population(points=False, number=7.0, faintest=22.8, slope=0.40)


def soft_step(x: np.ndarray) -> np.ndarray:
    """Return a logistic step: 0 far below x = 0, 1 far above."""
    return expit(x)


def flux(mag: float) -> float:
    """Return the flux in nanomaggies of a magnitude."""
    return 10 ** (-0.4 * (np.asarray(mag) - 22.5))


def colors(gr: float, off_locus: float = 0.0) -> dict[str, float]:
    """Return the flux in g, r, i relative to r for a color g-r in mag, on the galaxy locus or off it."""
    slope = 0.35 if gr > 0.45 else 0.45  # red galaxies: flatter than stars, as the published JPEGs show them
    ri = 0.225 + slope * (gr - 0.45) + off_locus
    return {"g": 10 ** (-0.4 * gr), "r": 1.0, "i": 10 ** (0.4 * ri)}


def color_from_nuv(nuvr: float) -> float:
    """Return the mean g-r at a given NUV-r (mag): blue cloud near 0.25, red sequence near 0.8."""
    return np.interp(nuvr, [0.8, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5], [0.03, 0.11, 0.25, 0.46, 0.66, 0.79, 0.83])


def disc_scale(r50: float, bulge_share: float, bulge_r50: float, sersic_index: float) -> float:
    """Return the exponential scale length that gives bulge plus disc the half-light radius ``r50``."""
    b = 2 * sersic_index - 1 / 3  # Ciotti & Bertin 1999, A&A 352, 447, to the second term
    share_of_bulge = gammainc(2 * sersic_index, b * (r50 / bulge_r50) ** (1 / sersic_index))  # within r50
    share_of_disc = np.clip((0.5 - bulge_share * share_of_bulge) / (1 - bulge_share), 0.15, 0.75)

    def too_much(x: float) -> float:
        """Return by how much the share of the disc within x scale lengths exceeds that."""
        share_within = 1 - (1 + x) * np.exp(-x)
        return share_within - share_of_disc

    return r50 / brentq(too_much, 0.1, 10)


def describe(row: pd.Series, rng: Generator) -> Galaxy:
    """Return the look of one galaxy, drawn around its catalog row."""
    nuvr = row.NUVr if row.NUVr > NO_NUVR else TYPICAL_NUVR
    blue = soft_step((4.0 - nuvr - rng.normal(0, 0.4)) / 0.7)
    bulge_share = float(np.clip((row.CINDX - 2.15) / 1.1 + rng.normal(0, 0.05), 0.02, 0.85))
    angle = rng.uniform(0, np.pi)
    gr = color_from_nuv(nuvr) + rng.normal(0, 0.035) + 0.38 * row.ext_r
    off_locus = rng.normal(0, 0.025)
    sersic_index = 1.5 + 2.5 * bulge_share**0.5
    r50 = np.sqrt(max(row.petrR50_r**2 - (0.6 * SEEING_R) ** 2, 0.36))  # without the blur of the seeing
    bulge_r50 = r50 * (0.25 + 0.65 * bulge_share)
    return Galaxy(
        gas=MOST_GAS * np.tanh(row.gas_seen / GAS_UNIT / MOST_GAS),
        blue=blue,
        r50=r50,
        bulge_share=bulge_share,
        sersic_index=sersic_index,
        bulge_r50=bulge_r50,
        scale=disc_scale(r50, bulge_share, bulge_r50, sersic_index),
        axis_ratio=float(np.clip(row.expAB_r, 0.12, 1.0)),
        angle=angle,
        gr=gr,
        off_locus=off_locus,
        mag=row.model_r,
    )


def plane(galaxy: Galaxy, rng: Generator) -> tuple[np.ndarray, ...]:
    """Return where each pixel lies in a disc that is a little lopsided.

    That is radius (scale lengths) and azimuth in the plane of the disc, and the distance from the long axis
    in the picture (arcsec), each of shape (FIELD, FIELD).
    """
    axis = (np.arange(FIELD) - (FIELD - 1) / 2) * PIXEL
    x, y = np.meshgrid(axis, axis)
    cosine, sine = np.cos(galaxy.angle), np.sin(galaxy.angle)
    along = cosine * x + sine * y
    across = (-sine * x + cosine * y) / galaxy.axis_ratio  # as if seen face-on
    # The center stays; the farther out, the more of the shift.
    shift = rng.normal(0, 0.12, 2) * galaxy.scale * galaxy.blue
    round_radius = np.hypot(along, across) / galaxy.scale
    share_of_shift = round_radius / (1 + round_radius)
    u = along - shift[0] * share_of_shift
    v = across - shift[1] * share_of_shift
    radius = np.hypot(u, v) / galaxy.scale + 1e-3  # never 0: its logarithm is taken
    return radius, np.arctan2(v, u), v * galaxy.axis_ratio


def feathers(radius: np.ndarray, azimuth: np.ndarray, pitch: float, rng: Generator) -> np.ndarray:
    """Return a patchy field of unit variance, drawn out along spirals of a pitch (the flocculent arms).

    The patches are made on a grid of ln(radius), from -4 to 3, and azimuth along the spiral, once around.
    """
    rows, columns = 96, 128
    white = rng.normal(size=(rows, columns))
    coarse = gaussian_filter(white, (6.0, 3.0), mode="wrap")
    fine = gaussian_filter(white, (2.0, 1.3), mode="wrap")
    patches = coarse / coarse.std() + 0.8 * fine / fine.std()
    ln_radius = np.log(radius)
    row = (ln_radius + 4) / 7 * rows
    column = (azimuth - ln_radius / np.tan(pitch)) / (2 * np.pi) % 1 * columns
    return map_coordinates(patches / patches.std(), [row, column], order=1, mode="grid-wrap")


def arms(radius: np.ndarray, azimuth: np.ndarray, galaxy: Galaxy, rng: Generator) -> np.ndarray:
    """Return the contrast of the spiral arms: a log-spiral wave of 2 to 4 arms times log-normal feathers."""
    pitch = np.deg2rad(rng.uniform(14, 34)) * rng.choice([-1, 1])
    number = rng.choice([2, 2, 2, 3, 4])
    feather = feathers(radius, azimuth, pitch, rng)
    patch = feathers(radius, azimuth, np.pi / 2, rng)  # not drawn out
    phase = number * (azimuth - np.log(radius) / np.tan(pitch)) + rng.uniform(0, 2 * np.pi) + 0.9 * patch
    grandeur = rng.uniform(0.1, 0.8)  # faint to grand
    wave = grandeur * np.cos(phase) * np.clip(1 + 0.6 * patch, 0, 2)
    outside_center = np.clip(radius / 0.8 - 0.3, 0, 1)  # no arms in the very center
    strength = (0.2 + 0.8 * galaxy.blue) * np.exp(0.45 * galaxy.gas) * outside_center
    ln_contrast = strength * (wave + 0.35 * feather + 0.3 * patch)
    return np.exp(1.8 * np.tanh(ln_contrast / 1.8))  # never more than a factor exp(1.8)


def knots(light: np.ndarray, galaxy: Galaxy, rng: Generator) -> np.ndarray:
    """Return star-forming knots where the young light is, more of them with gas and star formation."""
    room = np.clip(galaxy.r50 / 5, 0.3, 2)
    number = rng.poisson(22 * galaxy.blue * np.exp(0.6 * galaxy.gas) * room)
    pixels = rng.choice(light.size, size=number, p=light.ravel() / light.sum())
    brightness = rng.lognormal(0, 0.9, number)
    image = np.bincount(pixels, weights=brightness, minlength=light.size).reshape(light.shape)
    return gaussian_filter(image, 0.8)


def layers(galaxy: Galaxy, rng: Generator) -> tuple[np.ndarray, list, np.ndarray | float]:
    """Return what the disc is made of. The young parts grow with gas: arms, knots, a blue disc farther out.

    Returns
    -------
    old : numpy.ndarray
        The old disc, shape (FIELD, FIELD), sum 1.
    parts : list of (numpy.ndarray, float)
        The others: image of that shape, in units of the r flux of the galaxy, and its g-r (mag).
    depth : numpy.ndarray or float
        Optical depth of dust in r.
    """
    radius, azimuth, height = plane(galaxy, rng)
    spiral = arms(radius, azimuth, galaxy, rng)
    r50 = galaxy.r50 / galaxy.scale  # scale lengths, as the radius
    edge = (3.2 + 0.5 * galaxy.gas) * r50  # little gas: the disc ends early
    disc = np.exp(-radius) * soft_step((edge - radius) / 0.35)
    old = disc * spiral**0.4
    young = np.exp(-radius / 1.3) * radius / (0.6 + radius) * spiral**1.4  # little in the center
    outer = np.exp(-radius / r50 / 1.3) * spiral**0.5 * soft_step((radius - 1.5 * r50) / 0.3)
    clumps = knots(young * disc**0.3 + 1e-12, galaxy, rng)

    # The light of each, in units of the r flux of the galaxy.
    brightening = np.exp(0.6 * galaxy.gas)
    in_disc = 1 - galaxy.bulge_share
    young_light = 0.28 * galaxy.blue * brightening**0.6 * in_disc
    clump_light = 0.05 * galaxy.blue * brightening * in_disc
    outer_light = 0.055 * brightening
    parts = [
        (young, young_light, 0.45 * galaxy.gr),
        (clumps, clump_light, -0.15),
        (outer, outer_light, min(0.22, 0.8 * galaxy.gr)),
    ]
    barred = rng.random() < 0.4 and galaxy.bulge_share < 0.7
    if barred:
        bar_image = bar(radius, azimuth, galaxy, rng)
        bar_light = rng.uniform(0.08, 0.2)
        parts.append((bar_image, bar_light, galaxy.gr + 0.1))
    depth = dust_depth(height, galaxy, rng)

    scaled = [(image / image.sum() * light, gr) for image, light, gr in parts if image.sum() > 0]
    return old / old.sum(), scaled, depth


def bar(radius: np.ndarray, azimuth: np.ndarray, galaxy: Galaxy, rng: Generator) -> np.ndarray:
    """Return a bar in the plane of the disc, about as long as the half-light radius."""
    from_bar = azimuth - rng.uniform(0, np.pi)
    length = rng.uniform(0.6, 1.2) * galaxy.r50 / galaxy.scale
    width = 0.24 * length
    along = radius * np.cos(from_bar) / length
    across = radius * np.sin(from_bar) / width
    return np.exp(-0.5 * (along**4 + across**2))


def dust_depth(height: np.ndarray, galaxy: Galaxy, rng: Generator) -> np.ndarray | float:
    """Return the optical depth in r of the dust lane: in edge-on discs, and in some early types."""
    middle = rng.normal(0, 0.15)
    width = 0.06 * galaxy.scale + 0.3
    depth = rng.uniform(0.3, 1.8)
    dusty_early_type = rng.random() < 0.25
    is_face_on = galaxy.axis_ratio > 0.4
    is_early_type = galaxy.bulge_share > 0.6
    if is_face_on or (is_early_type and not dusty_early_type):
        return 0.0
    return depth * (0.4 + 0.6 * galaxy.blue) * np.exp(-0.5 * ((height - middle) / width) ** 2)


def galaxy_light(galaxy: Galaxy, rng: Generator) -> dict[str, galsim.GSObject]:
    """Return one GalSim profile per band, before the seeing; the color is the row's, whatever the gas."""
    old, parts, depth = layers(galaxy, rng)
    bulge = galsim.Sersic(galaxy.sersic_index, half_light_radius=galaxy.bulge_r50, trunc=8 * galaxy.r50)
    roundness = galaxy.axis_ratio ** (0.4 + 0.6 * galaxy.bulge_share)  # a bulge is rounder than its disc
    bulge = bulge.shear(q=roundness, beta=galaxy.angle * galsim.radians)
    redder = rng.normal(0.03, 0.03) + 0.4 * galaxy.blue * (1 - galaxy.bulge_share)
    bulge_gr = min(galaxy.gr + redder, 0.92)
    profiles = {}
    for band in BANDS:
        # Until the last line, light is in units of the r flux of the galaxy.
        total = colors(galaxy.gr, galaxy.off_locus)[band]
        in_bulge = galaxy.bulge_share * colors(bulge_gr, galaxy.off_locus)[band]
        others = sum(image * colors(gr, galaxy.off_locus)[band] for image, gr in parts)
        rest = total - in_bulge - others.sum()  # old disc stars make up the color of the row
        at_least = 0.1 * total * (1 - galaxy.bulge_share)
        disc = others + old * max(rest, at_least)
        dusty = disc * np.exp(-DUST[band] * depth)
        dusty = dusty * (disc.sum() / dusty.sum())  # dust takes no light away: the totals stay the row's
        disc_profile = galsim.InterpolatedImage(galsim.Image(dusty, scale=PIXEL), x_interpolant="linear")
        profiles[band] = (disc_profile + bulge.withFlux(in_bulge)) * flux(galaxy.mag)
    return profiles


def bystanders(rng: Generator) -> list[tuple[galsim.GSObject, float]]:
    """Return stars and other galaxies, (profile in r, g-r), as many as at high Galactic latitude."""
    bodies = []
    for population in (STARS, OTHER_GALAXIES):
        for _ in range(rng.poisson(population.number)):
            profile, gr, x, y = bystander(population, rng)
            if np.hypot(x, y) > CLEAR_RADIUS:
                bodies.append((profile, gr))
    return bodies


def bystander(population: Population, rng: Generator) -> tuple[galsim.GSObject, float, float, float]:
    """Return a profile in r at its place, g-r (mag), and the place, x and y from the center (arcsec)."""
    mag = max(population.faintest + np.log10(1 - rng.random()) / population.slope, 13.5)
    if population.points:
        gr = rng.choice([0.45, 1.35]) + rng.normal(0, 0.12)
    else:
        gr = rng.normal(0.75, 0.3)
    x, y = rng.uniform(-0.5, 0.5, 2) * FIELD * PIXEL
    # Drawn for stars too, so that the random numbers after them stay.
    r50 = 0.5 * 10 ** (0.12 * (22.5 - mag)) * rng.lognormal(0, 0.3)
    axis_ratio = rng.uniform(0.3, 1)
    angle = rng.uniform(0, np.pi) * galsim.radians
    if population.points:
        body = galsim.DeltaFunction()
    else:
        body = galsim.Exponential(half_light_radius=r50).shear(q=axis_ratio, beta=angle)
    return body.shift(x, y) * flux(mag), gr, x, y


def observe(profile: galsim.GSObject, psf: galsim.GSObject, depth: float, rng: Generator) -> np.ndarray:
    """Return fluxes per native pixel, shape (FIELD, FIELD), as the camera sees them.

    The sky is as noisy as it must be for a point source of magnitude `depth` to stand out by 5 sigma.
    """
    light = galsim.Convolve(profile, psf).drawImage(nx=FIELD, ny=FIELD, scale=PIXEL).array
    point = psf.drawImage(nx=41, ny=41, scale=PIXEL).array
    sky_noise = flux(depth) / 5 * np.sqrt((point**2).sum())  # per pixel; the point is weighted by the PSF
    photon_variance = np.clip(light, 0, None) / ELECTRONS
    noise = np.sqrt(sky_noise**2 + photon_variance)
    return np.minimum(light + rng.normal(size=light.shape) * noise, FULL_WELL)


def stretch(seen: dict[str, np.ndarray]) -> np.ndarray:
    """Return a Lupton arcsinh color picture, uint8, from fluxes per native pixel, averaged 2 x 2."""
    size = FIELD // REBIN
    native = np.stack([STRETCH[band] * seen[band] for band in "irg"], axis=-1)  # as R, G, B
    averaged = native.reshape(size, REBIN, size, REBIN, 3).mean((1, 3))
    linear = np.clip(averaged + BLACK / 255, 0, None)
    total = linear.sum(-1, keepdims=True) + 1e-9
    rgb = linear * (np.arcsinh(SOFTENING * total) / (SOFTENING * total))
    rgb /= np.maximum(rgb.max(-1, keepdims=True), 1)  # too bright: keep the hue
    north_up = rgb[::-1]
    return (255 * north_up + 0.5).astype(np.uint8)


def picture(row: pd.Series, seed: int = 0, seeing: float = SEEING_R, deeper: float = 0.0) -> np.ndarray:
    """Return the picture of one galaxy.

    Parameters
    ----------
    row : pandas.Series
        One row of the mock catalog joined with ``gas_seen`` (dex).
    seed : int
        Of the random numbers, together with ``GASS``: arms, angle, neighbors on the sky, noise.
    seeing : float
        Median FWHM in r (arcsec).
    deeper : float
        Added to `DEPTH` (mag): negative is a shallower survey.

    Returns
    -------
    numpy.ndarray
        Color picture, shape (112, 112, 3), uint8, north up.
    """
    # Each has random numbers of its own: a change to one leaves the others as they are.
    look, light, field, night = np.random.default_rng([int(row.GASS), seed]).spawn(4)
    galaxy = describe(row, look)
    profiles = galaxy_light(galaxy, light)
    others = bystanders(field)
    seeing_r = seeing * np.exp(night.normal(0, SEEING_SCATTER))
    g1, g2 = night.normal(0, 0.02, 2)  # shear of the PSF
    seen = {}
    for band in BANDS:
        psf = galsim.Moffat(3.0, fwhm=seeing_r * SEEING_RATIO[band]).shear(g1=g1, g2=g2)
        scene = galsim.Sum([profiles[band]] + [body * colors(gr)[band] for body, gr in others])
        seen[band] = observe(scene, psf, DEPTH[band] + deeper, night)
    return stretch(seen)


def encode(pixels: np.ndarray) -> bytes:
    """Return the bytes of a JPEG.

    Parameters
    ----------
    pixels : numpy.ndarray
        Color picture, shape (rows, columns, 3), uint8.

    Returns
    -------
    bytes
        The whole file, the same for the same picture and JPEG library.
    """
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=QUALITY, optimize=True)
    return out.getvalue()


def save(row: pd.Series, folder: Path, **how: float) -> None:
    """Render one row into a folder; `how` goes to `picture`."""
    (folder / f"{int(row.GASS)}.jpg").write_bytes(encode(picture(row, **how)))


def read_rows(mock: Path = MOCK) -> list[pd.Series]:
    """Return the mock catalog joined with the truth, one row per galaxy.

    Parameters
    ----------
    mock : pathlib.Path
        The folder of catalog.csv and truth.csv.

    Returns
    -------
    list of pandas.Series
        The rows that `picture` takes.
    """
    table = pd.read_csv(mock / "catalog.csv")
    table = table.merge(pd.read_csv(mock / "truth.csv"), on="GASS", validate="1:1")
    return [row for _, row in table.iterrows()]


def main() -> None:
    """Render all pictures on all cores, as the committed ones or as another survey would see them."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument(
        "--out", type=Path, default=MOCK / "images", help="folder (default: data/mock/images)"
    )
    parser.add_argument("--seed", type=int, default=0, help="other arms, angles, stars, noise")
    parser.add_argument("--seeing", type=float, default=SEEING_R, help="median FWHM in r, arcsec")
    parser.add_argument("--deeper", type=float, default=0.0, help="mag deeper than SDSS; negative: shallower")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    render = partial(save, folder=chosen.out, seed=chosen.seed, seeing=chosen.seeing, deeper=chosen.deeper)
    rows = read_rows()
    with multiprocessing.Pool() as pool:
        for _ in tqdm(pool.imap_unordered(render, rows, chunksize=8), total=len(rows)):
            pass


if __name__ == "__main__":
    main()
