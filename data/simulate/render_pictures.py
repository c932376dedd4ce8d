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

import galsim
import numpy as np
import pandas as pd
from numpy.random import Generator
from PIL import Image
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.optimize import brentq
from scipy.special import gammainc
from tqdm import tqdm

MOCK = Path(__file__).resolve().parents[1] / "mock"

PIXEL = 0.396  # arcsec, the SDSS camera
FIELD = 224  # native pixels, 88.7 arcsec as the tutorial's real cutouts
REBIN = 2  # native pixels averaged per side: 112 px of 0.792 arcsec in the file
QUALITY = 90  # of the JPEG: all pictures together stay below 8 MB

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

GAS_UNIT = 0.25  # dex of gas_seen that change the look by one "unit" below


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


def disc_scale(r50: float, bulge_share: float, bulge_r50: float, index: float) -> float:
    """Return the exponential scale length that gives bulge plus disc the half-light radius ``r50``."""
    b = 2 * index - 1 / 3
    inside = gammainc(2 * index, b * (r50 / bulge_r50) ** (1 / index))
    share = np.clip((0.5 - bulge_share * inside) / (1 - bulge_share), 0.15, 0.75)
    return r50 / brentq(lambda x: 1 - (1 + x) * np.exp(-x) - share, 0.1, 10)


def describe(row: pd.Series, rng: Generator) -> dict[str, float]:
    """Return the physical parameters of one galaxy, drawn around its catalog row."""
    nuvr = row.NUVr if row.NUVr > -50 else 4.0
    gas = 2.5 * np.tanh(row.gas_seen / GAS_UNIT / 2.5)
    blue = 1 / (1 + np.exp((nuvr - 4.0 + rng.normal(0, 0.4)) / 0.7))  # 1: forms stars, 0: quiescent
    share = float(np.clip((row.CINDX - 2.15) / 1.1 + rng.normal(0, 0.05), 0.02, 0.85))
    index = 1.5 + 2.5 * share**0.5
    r50 = np.sqrt(max(row.petrR50_r**2 - (0.6 * SEEING_R) ** 2, 0.36))  # without the blur of the seeing
    bulge_r50 = r50 * (0.25 + 0.65 * share)
    return {
        "gas": gas, "blue": blue, "r50": r50, "share": share, "index": index,
        "bulge_r50": bulge_r50, "scale": disc_scale(r50, share, bulge_r50, index),
        "q": float(np.clip(row.expAB_r, 0.12, 1.0)), "angle": rng.uniform(0, np.pi),
        "gr": color_from_nuv(nuvr) + rng.normal(0, 0.035) + 0.38 * row.ext_r,  # reddened
        "off_locus": rng.normal(0, 0.025),  # in r-i: age, metals and dust
        "mag": row.model_r,  # as observed, behind the dust of the Milky Way
    }  # fmt: skip


def plane(galaxy: dict, rng: Generator) -> tuple[np.ndarray, ...]:
    """Return radius (scale lengths), azimuth and height (arcsec) in a disc that is a little lopsided."""
    axis = (np.arange(FIELD) - (FIELD - 1) / 2) * PIXEL
    x, y = np.meshgrid(axis, axis)
    c, s = np.cos(galaxy["angle"]), np.sin(galaxy["angle"])
    u, v = c * x + s * y, (-s * x + c * y) / galaxy["q"]
    shift = rng.normal(0, 0.12, 2) * galaxy["scale"] * galaxy["blue"]
    reach = np.hypot(u, v) / galaxy["scale"]
    lean = reach / (1 + reach)
    u, v = u - shift[0] * lean, v - shift[1] * lean
    return np.hypot(u, v) / galaxy["scale"] + 1e-3, np.arctan2(v, u), v * galaxy["q"]


def feathers(radius: np.ndarray, azimuth: np.ndarray, pitch: float, rng: Generator) -> np.ndarray:
    """Return a patchy field of unit variance, drawn out along spirals of a pitch (the flocculent arms)."""
    noise = rng.normal(size=(96, 128))
    coarse, fine = (gaussian_filter(noise, width, mode="wrap") for width in ((6.0, 3.0), (2.0, 1.3)))
    noise = coarse / coarse.std() + 0.8 * fine / fine.std()
    turn = np.log(radius)
    row = (turn + 4) / 7 * 96
    column = ((azimuth - turn / np.tan(pitch)) / (2 * np.pi) % 1) * 128
    return map_coordinates(noise / noise.std(), [row, column], order=1, mode="grid-wrap")


def arms(radius: np.ndarray, azimuth: np.ndarray, galaxy: dict, rng: Generator) -> np.ndarray:
    """Return the contrast of the spiral arms: a log-spiral wave of 2 to 4 arms times log-normal feathers."""
    pitch = np.deg2rad(rng.uniform(14, 34)) * rng.choice([-1, 1])
    number = rng.choice([2, 2, 2, 3, 4])
    feather, patch = feathers(radius, azimuth, pitch, rng), feathers(radius, azimuth, np.pi / 2, rng)
    phase = number * (azimuth - np.log(radius) / np.tan(pitch)) + rng.uniform(0, 2 * np.pi) + 0.9 * patch
    wave = rng.uniform(0.1, 0.8) * np.cos(phase) * np.clip(1 + 0.6 * patch, 0, 2)  # faint to grand
    strength = (0.2 + 0.8 * galaxy["blue"]) * np.exp(0.45 * galaxy["gas"])
    strength *= np.clip(radius / 0.8 - 0.3, 0, 1)  # no arms in the very center
    return np.exp(1.8 * np.tanh(strength * (wave + 0.35 * feather + 0.3 * patch) / 1.8))


def knots(light: np.ndarray, galaxy: dict, rng: Generator) -> np.ndarray:
    """Return star-forming knots where the young light is, more of them with gas and star formation."""
    room = np.clip(galaxy["r50"] / 5, 0.3, 2)
    number = rng.poisson(22 * galaxy["blue"] * np.exp(0.6 * galaxy["gas"]) * room)
    out = np.zeros_like(light)
    places = rng.choice(light.size, size=number, p=light.ravel() / light.sum())
    np.add.at(out.ravel(), places, rng.lognormal(0, 0.9, number))
    return gaussian_filter(out, 0.8)


def layers(galaxy: dict, rng: Generator) -> tuple[np.ndarray, list, np.ndarray | float]:
    """Return what the disc is made of.

    The old disc (sum 1), a list of other parts (image in units of the galaxy's r flux, g-r) and the
    optical depth of dust. The young parts grow with gas: arms, knots, a blue disc farther out.
    """
    radius, azimuth, height = plane(galaxy, rng)
    spiral = arms(radius, azimuth, galaxy, rng)
    edge = (3.2 + 0.5 * galaxy["gas"]) * galaxy["r50"] / galaxy["scale"]  # low gas: truncated disc
    disc = np.exp(-radius) / (1 + np.exp(np.clip((radius - edge) / 0.35, -50, 50)))
    old = disc * spiral**0.4
    young = np.exp(-radius / 1.3) * radius / (0.6 + radius) * spiral**1.4
    start = 1.5 * galaxy["r50"] / galaxy["scale"]
    outer = np.exp(-radius * galaxy["scale"] / galaxy["r50"] / 1.3) * spiral**0.5
    outer = outer / (1 + np.exp(np.clip((start - radius) / 0.3, -50, 50)))
    clumps = knots(young * disc**0.3 + 1e-12, galaxy, rng)
    gas = np.exp(0.6 * galaxy["gas"])
    parts = [
        (young, 0.28 * galaxy["blue"] * gas**0.6 * (1 - galaxy["share"]), 0.45 * galaxy["gr"]),
        (clumps, 0.05 * galaxy["blue"] * gas * (1 - galaxy["share"]), -0.15),
        (outer, 0.055 * gas, min(0.22, 0.8 * galaxy["gr"])),
    ]
    if rng.random() < 0.4 and galaxy["share"] < 0.7:
        parts.append((bar(radius, azimuth, galaxy, rng), rng.uniform(0.08, 0.2), galaxy["gr"] + 0.1))
    parts = [(image / image.sum() * share, gr) for image, share, gr in parts if image.sum() > 0]
    return old / old.sum(), parts, dust_depth(height, galaxy, rng)


def bar(radius: np.ndarray, azimuth: np.ndarray, galaxy: dict, rng: Generator) -> np.ndarray:
    """Return a bar in the plane of the disc, about as long as the half-light radius."""
    turned = azimuth - rng.uniform(0, np.pi)
    length = rng.uniform(0.6, 1.2) * galaxy["r50"] / galaxy["scale"]
    u, v = radius * np.cos(turned) / length, radius * np.sin(turned) / (0.24 * length)
    return np.exp(-0.5 * (u**4 + v**2))


def dust_depth(height: np.ndarray, galaxy: dict, rng: Generator) -> np.ndarray | float:
    """Return the optical depth in r of the dust lane: in edge-on discs, and in some early types."""
    middle, width = rng.normal(0, 0.15), 0.06 * galaxy["scale"] + 0.3
    depth, dusty = rng.uniform(0.3, 1.8), rng.random() < 0.25
    if galaxy["q"] > 0.4 or (galaxy["share"] > 0.6 and not dusty):
        return 0.0
    return depth * (0.4 + 0.6 * galaxy["blue"]) * np.exp(-0.5 * ((height - middle) / width) ** 2)


def galaxy_light(galaxy: dict, rng: Generator) -> dict[str, galsim.GSObject]:
    """Return one GalSim profile per band, before the seeing; the color is the row's, whatever the gas."""
    old, parts, depth = layers(galaxy, rng)
    bulge = galsim.Sersic(galaxy["index"], half_light_radius=galaxy["bulge_r50"], trunc=8 * galaxy["r50"])
    roundness = galaxy["q"] ** (0.4 + 0.6 * galaxy["share"])  # a bulge is rounder than its disc
    bulge = bulge.shear(q=roundness, beta=galaxy["angle"] * galsim.radians)
    bulge_gr = min(galaxy["gr"] + rng.normal(0.03, 0.03) + 0.4 * galaxy["blue"] * (1 - galaxy["share"]), 0.92)
    off = galaxy["off_locus"]
    profiles = {}
    for band in BANDS:
        total, in_bulge = colors(galaxy["gr"], off)[band], galaxy["share"] * colors(bulge_gr, off)[band]
        disc = sum(image * colors(gr, off)[band] for image, gr in parts)
        rest = total - in_bulge - disc.sum()  # old disc stars make up the color of the row
        disc = disc + old * max(rest, 0.1 * total * (1 - galaxy["share"]))
        dusty = disc * np.exp(-DUST[band] * depth)
        disc = galsim.Image(dusty * (disc.sum() / dusty.sum()), scale=PIXEL)  # the totals stay the row's
        body = galsim.InterpolatedImage(disc, x_interpolant="linear") + bulge.withFlux(in_bulge)
        profiles[band] = body * flux(galaxy["mag"])
    return profiles


def bystanders(rng: Generator) -> list[tuple[galsim.GSObject, float]]:
    """Return stars and other galaxies, (profile in r, g-r), as many as at high Galactic latitude."""
    bodies = []
    for star, mean, faintest, slope in ((True, 2.2, 22.0, 0.20), (False, 7.0, 22.8, 0.40)):
        for _ in range(rng.poisson(mean)):
            mag = max(faintest + np.log10(1 - rng.random()) / slope, 13.5)
            gr = rng.choice([0.45, 1.35]) + rng.normal(0, 0.12) if star else rng.normal(0.75, 0.3)
            x, y = rng.uniform(-0.5, 0.5, 2) * FIELD * PIXEL
            r50 = 0.5 * 10 ** (0.12 * (22.5 - mag)) * rng.lognormal(0, 0.3)
            q, angle = rng.uniform(0.3, 1), rng.uniform(0, np.pi) * galsim.radians
            disc = galsim.Exponential(half_light_radius=r50).shear(q=q, beta=angle)
            body = galsim.DeltaFunction() if star else disc
            if np.hypot(x, y) > 6:  # not on top of the galaxy: SDSS would have taken them for one
                bodies.append((body.shift(x, y) * flux(mag), gr))
    return bodies


def observe(profile: galsim.GSObject, psf: galsim.GSObject, depth: float, rng: Generator) -> np.ndarray:
    """Return fluxes per native pixel as the camera sees them; depth and PSF give the noise of the sky."""
    light = galsim.Convolve(profile, psf).drawImage(nx=FIELD, ny=FIELD, scale=PIXEL).array
    stamp = psf.drawImage(nx=41, ny=41, scale=PIXEL).array
    sky = flux(depth) / 5 * np.sqrt((stamp**2).sum())
    noise = np.sqrt(sky**2 + np.clip(light, 0, None) / ELECTRONS)
    return np.minimum(light + rng.normal(size=light.shape) * noise, FULL_WELL)


def stretch(seen: dict[str, np.ndarray]) -> np.ndarray:
    """Return a Lupton arcsinh color picture, uint8, from fluxes per native pixel, averaged 2 x 2."""
    size = FIELD // REBIN
    rgb = np.stack([STRETCH[band] * seen[band] for band in "irg"], axis=-1)
    rgb = rgb.reshape(size, REBIN, size, REBIN, 3).mean((1, 3))
    rgb = np.clip(rgb + BLACK / 255, 0, None)
    total = rgb.sum(-1, keepdims=True) + 1e-9
    rgb *= np.arcsinh(SOFTENING * total) / (SOFTENING * total)
    rgb /= np.maximum(rgb.max(-1, keepdims=True), 1)  # too bright: keep the hue
    return (255 * rgb + 0.5).astype(np.uint8)[::-1]


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
    look, light, field, night = np.random.default_rng([int(row.GASS), seed]).spawn(4)
    galaxy = describe(row, look)
    profiles = galaxy_light(galaxy, light)
    others = bystanders(field)
    seeing = seeing * np.exp(night.normal(0, SEEING_SCATTER))
    g1, g2 = night.normal(0, 0.02, 2)
    seen = {}
    for band in BANDS:
        psf = galsim.Moffat(3.0, fwhm=seeing * SEEING_RATIO[band]).shear(g1=g1, g2=g2)
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
    how = vars(parser.parse_args())
    folder, rows = how.pop("out"), read_rows()
    folder.mkdir(parents=True, exist_ok=True)
    with multiprocessing.Pool() as pool:
        for _ in tqdm(pool.imap_unordered(partial(save, folder=folder, **how), rows, 8), total=len(rows)):
            pass


if __name__ == "__main__":
    main()
