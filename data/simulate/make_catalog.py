"""Make the simulated galaxy catalog, its truth table and its noise floor.

    python data/simulate/make_catalog.py            rewrites data/mock/catalog.csv and truth.csv
    python data/simulate/make_catalog.py --floor    also measures what could be predicted at best

No real galaxy is copied or resampled: every number below is a summary figure (a mean, a slope, a
width) of the xGASS representative sample (Catinella et al. 2018) or a published relation.
Masses, colors and structure are centered on typical values: m = lgMstar - 10.3, n = NUVr - 4,
c = CINDX - 2.7, q = expAB_r - 0.6. Every array holds one value per galaxy, in the units of `data/README.md`
unless a docstring says otherwise.
"""

import argparse
import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from astropy.cosmology import FlatLambdaCDM
from numpy.random import Generator
from scipy.special import expit
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import r2_score, root_mean_squared_error

MOCK = Path(__file__).resolve().parents[1] / "mock"
SEED = 2018
N_LOW, N_HIGH = 398, 781  # galaxies of the two halves of the survey: nearer or farther than z = 0.0225
FIRST_ID = 900001  # no real galaxy has an id this high
MISSING = -99
N_NO_NUVR, N_NO_SFR = 22, 8

COSMOLOGY = FlatLambdaCDM(H0=70, Om0=0.3)  # reproduces Dlum of the real table from its z to 0.1 %
ARCSEC = 206264.806  # in a radian
Q0 = 0.2  # thickness of a disc seen edge-on, for INCL

# The columns of catalog.csv in their order, and with how many decimals each is printed.
DECIMALS = {
    "GASS": 0, "RA": 5, "DEC": 5, "zSDSS": 5, "Dlum": 1, "lgMstar": 3, "expAB_r": 4, "model_r": 4, "ext_r": 4,
    "petrR50_r": 2, "petrR90_r": 2, "lgmust": 2, "CINDX": 2, "INCL": 1, "NUVr": 2, "SFR_best": 4, "HIsrc": 0,
    "lgMHI": 3, "lgGF": 3, "HIconf_flag": 0,
}  # fmt: skip

# Sky: RA windows [deg] that the telescope can see, and their shares (galaxies), per half of the survey.
RA_WINDOWS = [(0, 20), (20, 38), (112, 120), (120, 140), (140, 160), (160, 180), (180, 200), (200, 220),
              (220, 236), (330, 340), (340, 360)]  # fmt: skip
RA_LOW = [17, 21, 3, 73, 74, 46, 60, 90, 0, 3, 11]  # the low-mass half has hardly any galaxy beyond RA = 220
RA_HIGH = [44, 60, 15, 38, 88, 106, 96, 101, 125, 34, 74]
DEC_EDGES = [0, 4, 8, 12, 16, 24, 28, 36]
DEC_SHARES_LOW = [0.0, 0.07, 0.16, 0.32, 0.59, 0.68, 0.93, 1.0]
DEC_SHARES_HIGH = [0.0, 0.09, 0.23, 0.47, 0.87, 0.89, 0.95, 1.0]

MEASUREMENT_ERROR = 0.08  # dex, of a detected lgGF
NEIGHBOR_SHARE = 0.085  # of the galaxies that have a neighbor in the beam
NEIGHBOR_GAS, NEIGHBOR_SPREAD = 9.0, 0.4  # its lg M_HI
SEEN_SHARE = 0.58  # share of the variance of the gas scatter that shows in the picture

# What the noise floor compares. A picture shows the columns of PICTURE_SCATTER with that scatter (the color,
# which is g-r there, in mag of NUV-r), the size with LG_SIZE_SCATTER, gas_seen with one of READING_ERRORS.
FEATURES = ["model_r", "NUVr", "expAB_r", "petrR50_r", "CINDX", "INCL"]
PICTURE_SCATTER = {"model_r": 0.05, "NUVr": 0.35, "expAB_r": 0.03, "CINDX": 0.10}
LG_SIZE_SCATTER = 0.02  # dex: 5 %
READING_ERRORS = {"": 0.10, "_0.05": 0.05, "_0.20": 0.20}  # dex, assumed; keys: how names of FLOOR_ROWS end
FLOOR_ROWS = {
    "table": "the six features of the lesson",
    "table_without_nuvr": "the same without NUVr",
    "table_with_distance_and_sfr": "the six, petrR90_r, ext_r, and two that betray the mass: zSDSS, SFR_best",
    "picture": "the picture",
    "both": "the six features and the picture",
    "picture_0.05": "the picture, gas_seen read to 0.05 dex",
    "both_0.05": "the six features and that",
    "picture_0.20": "the picture, gas_seen read to 0.20 dex",
    "both_0.20": "the six features and that",
    "table_and_all_scatter": "the six features and all of the gas, the neighbor's too (nobody sees that)",
}
FLOOR_MARKS = ("<!-- noise floor -->", "<!-- end of noise floor -->")


class Place(NamedTuple):
    """Where a galaxy is: an array with one value per galaxy for each."""

    z: np.ndarray
    distance: np.ndarray  # luminosity distance, Mpc
    low: np.ndarray  # whether it belongs to the near, low-mass half of the survey


class Body(NamedTuple):
    """What a galaxy is, whoever looks at it: an array with one value per galaxy for each."""

    mass: np.ndarray  # lgMstar
    color: np.ndarray  # NUV-r, mag
    conc: np.ndarray  # R90/R50
    axis_ratio: np.ndarray
    r50_kpc: np.ndarray

    def centered(self) -> tuple[np.ndarray, ...]:
        """Return m, n, c, q of the head of this file, and the size, lg(r50_kpc) - 0.5."""
        size = np.log10(self.r50_kpc) - 0.5
        return self.mass - 10.3, self.color - 4, self.conc - 2.7, self.axis_ratio - 0.6, size


def sample_masses_and_places(rng: Generator, n_low: int, n_high: int) -> tuple[np.ndarray, Place]:
    """Return lgMstar and the place, first the galaxies of the low-mass half, then the others.

    xGASS took about equal numbers of galaxies per step of stellar mass, low masses (lgMstar < 10.2) from
    0.01 < z < 0.02 and high masses from 0.025 < z < 0.05, so mass and distance go together (r = 0.79).
    """
    low = np.repeat([True, False], [n_low, n_high])
    u = rng.random(low.size)
    low_mass = 9.0 + 1.2 * u**1.07
    high_mass = np.interp(u, [0, 0.9, 1], [10.0, 11.13, 11.45])
    mass = np.where(low, low_mass, high_mass)
    # z follows a beta distribution within its half; in the far one massive galaxies lie farther.
    mean = np.where(low, 0.62, np.clip(0.476 + 0.31 * (mass - 10.67), 0.1, 0.9))
    narrowness = np.where(low, 2.8, 3.0)
    alpha = mean * narrowness
    beta = (1 - mean) * narrowness
    near_z = 0.01 + 0.01 * rng.beta(alpha, beta)
    far_z = 0.025 + 0.025 * rng.beta(alpha, beta)
    z = np.where(low, near_z, far_z)
    return mass, Place(z, COSMOLOGY.luminosity_distance(z).value, low)


def sample_colors(rng: Generator, mass: np.ndarray) -> np.ndarray:
    """Return NUV-r [mag]: a blue sequence and a narrower red one, redder and better filled at high mass."""
    m = mass - 10.3
    red = rng.random(mass.size) < expit(-0.62 + 0.94 * m)
    blue_color = 3.37 + 0.94 * m + 0.78 * np.exp(0.10 * m) * rng.standard_normal(mass.size)
    red_color = 5.50 + 0.48 * m + 0.39 * rng.standard_normal(mass.size)
    return np.clip(np.where(red, red_color, blue_color), 0.8, 7.0)


def sample_concentration(rng: Generator, mass: np.ndarray, color: np.ndarray) -> np.ndarray:
    """Return R90/R50: redder galaxies are more concentrated."""
    m, n = mass - 10.3, color - 4
    mean = 2.666 + 0.197 * n - 0.019 * n**2 + 0.067 * m + 0.093 * m * n - 0.032 * m**2
    return np.clip(mean + 0.311 * rng.standard_normal(mass.size), 1.75, 3.8)


def sample_axis_ratio(rng: Generator, conc: np.ndarray) -> np.ndarray:
    """Return the axis ratio, 0.1 to 1.

    Discs of random orientation spread broadly; the most concentrated galaxies are rounder.
    """
    mean = np.clip(0.50 + 0.22 * (conc - 2.5) ** 2, 0.1, 0.9)
    narrowness = 3.77
    return 0.1 + 0.9 * rng.beta(mean * narrowness, (1 - mean) * narrowness)


def sample_radius(
    rng: Generator, mass: np.ndarray, color: np.ndarray, conc: np.ndarray, place: Place
) -> np.ndarray:
    """Return the half-light radius [kpc]: at fixed mass, concentrated galaxies are smaller.

    Each half of the survey has its own relation and its own scatter.
    """
    m, n, c = mass - 10.3, color - 4, conc - 2.7
    terms = np.stack([np.ones_like(m), m, c, n, m**2, c**2, m * n])
    near = np.array([0.295, 0.226, -0.300, -0.028, -0.012, 0.085, 0.022]) @ terms
    near = near + 0.44 * np.log10(place.z / 0.016)
    far = np.array([0.369, 0.340, -0.212, -0.061, 0.071, 0.093, 0.043]) @ terms
    far = far + 0.14 * np.log10(place.z / 0.036)
    mean = np.where(place.low, near, far)
    scatter = np.where(place.low, 0.130, 0.095)
    return 10 ** (mean + scatter * rng.standard_normal(mass.size))


def sample_extinction(rng: Generator, n: int) -> np.ndarray:
    """Return ext_r [mag], the dimming by dust of the Milky Way: log-normal around 0.09."""
    lg_extinction = -1.045 + 0.25 * rng.standard_normal(n)
    return np.clip(10**lg_extinction, 0.022, 0.69)


def sample_magnitude(rng: Generator, body: Body, distance: np.ndarray, extinction: np.ndarray) -> np.ndarray:
    """Return model_r [mag] from mass, mass-to-light ratio, dust dimming of edge-on discs and distance [Mpc].

    The scatter has heavy tails: now and then SDSS shreds a large galaxy or a star sits on it.
    """
    m, n, c, q, size = body.centered()
    absolute = -20.48 - 1.81 * m + 0.165 * n - 0.075 * n**2 - 0.57 * q - 0.17 * c - 0.67 * size
    scatter = np.clip(0.17 * rng.standard_t(4, m.size), -1.2, 1.6)
    distance_modulus = 5 * np.log10(distance * 1e5)  # the distance in units of 10 pc
    return absolute + scatter + distance_modulus + extinction


def sample_density(rng: Generator, body: Body) -> np.ndarray:
    """Return lgmust, the mean surface density of stars within the half-light radius [lg Msun/kpc^2].

    That radius is measured in the z band: blue galaxies are larger in r than in z.
    """
    within_r50 = body.mass - np.log10(2 * np.pi * body.r50_kpc**2)  # half of the mass over pi R50^2
    r_to_z = 0.10 - 0.027 * (body.color - 4)
    return within_r50 + r_to_z + 0.09 * rng.standard_normal(body.mass.size)


def sample_gas(rng: Generator, body: Body) -> tuple[np.ndarray, ...]:
    """Return the true lg(M_HI/M*) and its two parts that the table does not hold, all in dex.

    Mean and width come from a censored (Tobit) regression of xGASS that reads non-detections as limits; the
    constant, the n-terms and the largest width were then adjusted until the survey found as many galaxies as
    the real one and the models of the lesson scored alike. Gas follows color and surface density (the plane
    of Catinella et al. 2013); an edge-on disc is redder than its gas would make it. The scatter grows towards
    red galaxies: some keep a gas disc.
    """
    m, n, c, q, size = body.centered()
    mean = -1.14 - 0.56 * n - 0.021 * n**2 - 0.403 * m + 0.89 * size + 0.317 * c - 0.495 * q
    measured_scatter = np.clip(np.exp(-1.06 + 0.27 * n), 0.15, 0.55)
    variance = measured_scatter**2 - MEASUREMENT_ERROR**2
    seen = np.sqrt(SEEN_SHARE * variance) * rng.standard_normal(m.size)
    unseen = np.sqrt((1 - SEEN_SHARE) * variance) * rng.standard_normal(m.size)
    return mean + seen + unseen, seen, unseen


def sample_neighbors(rng: Generator, mass: np.ndarray, lg_gf_own: np.ndarray) -> np.ndarray:
    """Return by how much [dex] the gas of a neighbor in the beam raises lgGF: 0 for most galaxies.

    The beam of Arecibo (3.5 arcmin) holds a neighbor at the same redshift now and then. Its gas does not
    depend on the galaxy's own; so it changes least where there is much, and most of the red galaxies that
    have one are detected through it. Number and gas were adjusted to the confused galaxies of xGASS.
    """
    neighbor = NEIGHBOR_GAS + NEIGHBOR_SPREAD * rng.standard_normal(mass.size)
    neighbor_to_own = 10 ** (neighbor - mass - lg_gf_own)
    has_neighbor = rng.random(mass.size) < NEIGHBOR_SHARE
    return np.where(has_neighbor, np.log10(1 + neighbor_to_own), 0)


def observe_gas(
    rng: Generator, mass: np.ndarray, place: Place, lg_gf_in_beam: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the label lgGF [dex], and whether it is an upper limit.

    A galaxy was observed until it was detected or reached the limit of the survey: about 2 % of gas in the
    near half (never below lg M_HI = 8.0), 1.5 % in the far half (never below 8.67). The limit rises a little
    with distance and scatters a little.
    """
    near_limit = np.maximum(8.01 - mass, -1.69) + 0.45 * np.log10(place.z / 0.0165)
    far_limit = np.maximum(8.67 - mass, -1.83) + 0.45 * np.log10(place.z / 0.037)
    limit = np.where(place.low, near_limit, far_limit) + 0.05 * rng.standard_normal(mass.size)
    measured = lg_gf_in_beam + MEASUREMENT_ERROR * rng.standard_normal(mass.size)
    is_limit = measured < limit
    return np.where(is_limit, limit, measured), is_limit


def sample_star_formation(rng: Generator, body: Body) -> np.ndarray:
    """Return lg SFR_best [lg Msun/yr]: it rises with mass and is lower and more scattered in red galaxies."""
    m, n, *_ = body.centered()
    mean = -0.36 - 0.47 * n + 0.95 * m - 0.059 * n**2
    scatter = np.clip(0.28 + 0.04 * n, 0.2, 0.36)
    return mean + scatter * rng.standard_normal(m.size)


def sample_sky(rng: Generator, low: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return RA and DEC [deg] inside the windows of the survey."""
    start, end = np.array(RA_WINDOWS, float).T
    shares_low = np.array(RA_LOW) / sum(RA_LOW)
    shares_high = np.array(RA_HIGH) / sum(RA_HIGH)
    shares = np.where(low[:, None], shares_low, shares_high)  # one row per galaxy
    ends_of_shares = np.cumsum(shares, axis=1)[:, :-1]  # the last one, 1, is never passed
    window = (rng.random((low.size, 1)) > ends_of_shares).sum(axis=1)
    ra = start[window] + (end - start)[window] * rng.random(low.size)
    u = rng.random(low.size)
    dec = np.where(low, np.interp(u, DEC_SHARES_LOW, DEC_EDGES), np.interp(u, DEC_SHARES_HIGH, DEC_EDGES))
    return ra, dec


def sample_sources(rng: Generator, lg_gf: np.ndarray, is_limit: np.ndarray) -> np.ndarray:
    """Return HIsrc: 1 ALFALFA (blind, so it finds the gas-rich ones), 2 Cornell, 3 xGASS, 4 not detected."""
    u = rng.random(is_limit.size)
    chance_of_alfalfa = 0.71 * expit(3.2 * (lg_gf + 0.68))
    return np.select([is_limit, u < chance_of_alfalfa, u > 0.975], [4, 1, 2], default=3)


def in_arcsec(length_kpc: np.ndarray, z: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Return under which angle [arcsec] a length is seen at a redshift and luminosity distance [Mpc]."""
    angular_distance_kpc = distance * 1e3 / (1 + z) ** 2
    return length_kpc / angular_distance_kpc * ARCSEC


def inclination(axis_ratio: np.ndarray) -> np.ndarray:
    """Return INCL [deg], 0 face-on, of a disc of thickness Q0 (Hubble 1926, ApJ 64, 321).

    Whatever looks thinner than that is seen edge-on: 90.
    """
    cos_squared = (axis_ratio**2 - Q0**2) / (1 - Q0**2)
    return np.degrees(np.arccos(np.sqrt(np.clip(cos_squared, 0, 1))))


def make_sample(
    seed: int = SEED, n_low: int = N_LOW, n_high: int = N_HIGH
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Simulate a sample.

    Parameters
    ----------
    seed : int
        Of the random numbers: the same seed gives the same galaxies.
    n_low, n_high : int
        Galaxies in the near (0.01 < z < 0.02) and far (0.025 < z < 0.05) half.

    Returns
    -------
    catalog : pandas.DataFrame
        One row per galaxy, sorted by RA; the columns and units of the real table, nothing missing yet.
    truth : pandas.DataFrame
        The same rows; GASS, lgGF_true, gas_seen, gas_unseen, gas_neighbor [dex].
    """
    # Each call below goes on with the random numbers where the last one stopped: their order must stay.
    rng = np.random.default_rng(seed)
    mass, place = sample_masses_and_places(rng, n_low, n_high)
    color = sample_colors(rng, mass)
    conc = sample_concentration(rng, mass, color)
    axis_ratio = sample_axis_ratio(rng, conc)
    r50_kpc = sample_radius(rng, mass, color, conc, place)
    body = Body(mass, color, conc, axis_ratio, r50_kpc)
    extinction = sample_extinction(rng, mass.size)
    magnitude = sample_magnitude(rng, body, place.distance, extinction)
    lg_density = sample_density(rng, body)
    lg_gf_own, seen, unseen = sample_gas(rng, body)
    added = sample_neighbors(rng, mass, lg_gf_own)
    lg_gf, is_limit = observe_gas(rng, mass, place, lg_gf_own + added)
    lg_sfr = sample_star_formation(rng, body)
    ra, dec = sample_sky(rng, place.low)
    source = sample_sources(rng, lg_gf, is_limit)
    ids = FIRST_ID + rng.permutation(mass.size)

    truth = pd.DataFrame({
        "GASS": ids, "lgGF_true": lg_gf_own, "gas_seen": seen, "gas_unseen": unseen, "gas_neighbor": added,
    }).round(3)  # fmt: skip
    is_confused = (truth["gas_neighbor"] > 0).astype(int)
    catalog = pd.DataFrame({
        "GASS": ids, "RA": ra, "DEC": dec, "zSDSS": place.z, "Dlum": place.distance, "lgMstar": mass,
        "expAB_r": axis_ratio, "model_r": magnitude, "ext_r": extinction,
        "petrR50_r": in_arcsec(r50_kpc, place.z, place.distance), "lgmust": lg_density, "CINDX": conc,
        "NUVr": color, "SFR_best": 10**lg_sfr, "HIsrc": source, "lgGF": lg_gf,
        "HIconf_flag": is_confused.mask(is_limit, MISSING),
    }).round(DECIMALS)  # fmt: skip
    # These follow from the numbers as printed, so that a reader of the catalog gets the same.
    catalog["petrR90_r"] = catalog["CINDX"] * catalog["petrR50_r"]
    catalog["INCL"] = inclination(catalog["expAB_r"])
    catalog["lgMHI"] = catalog["lgMstar"] + catalog["lgGF"]
    catalog = catalog[list(DECIMALS)].round(DECIMALS)

    by_ra = np.argsort(catalog["RA"].to_numpy(), kind="stable")
    return catalog.iloc[by_ra].reset_index(drop=True), truth.iloc[by_ra].reset_index(drop=True)


def hide_missing(catalog: pd.DataFrame, seed: int = SEED) -> pd.DataFrame:
    """Return a copy with the sentinel in some NUVr (only above lgMstar = 9.6, as in xGASS) and SFR_best."""
    rng = np.random.default_rng(seed + 1)
    catalog = catalog.copy()
    massive = np.flatnonzero(catalog["lgMstar"] > 9.6)
    without_nuvr = massive[rng.permutation(massive.size)[:N_NO_NUVR]]
    without_sfr = rng.permutation(len(catalog))[:N_NO_SFR]
    catalog.loc[without_nuvr, "NUVr"] = MISSING
    catalog.loc[without_sfr, "SFR_best"] = MISSING
    return catalog


def write_mock(folder: Path = MOCK) -> None:
    """Write catalog.csv and truth.csv, the same bytes each time.

    Parameters
    ----------
    folder : pathlib.Path
        Made if it is not there; files of these names in it are replaced.
    """
    catalog, truth = make_sample()
    folder.mkdir(parents=True, exist_ok=True)
    hide_missing(catalog).to_csv(folder / "catalog.csv", index=False, lineterminator="\n")
    truth.to_csv(folder / "truth.csv", index=False, lineterminator="\n")


def read_off_picture(
    rng: Generator, catalog: pd.DataFrame, truth: pd.DataFrame, gas_error: float
) -> pd.DataFrame:
    """Return what a careful reader could measure in the pictures, with the scatter of PICTURE_SCATTER.

    `gas_error` [dex] is the error with which arm strength and blue disc tell gas_seen.
    """
    exact = catalog[list(PICTURE_SCATTER)].copy()
    exact["lg_r50"] = np.log10(catalog["petrR50_r"])
    exact["gas_seen"] = truth["gas_seen"]
    scatter = [*PICTURE_SCATTER.values(), LG_SIZE_SCATTER, gas_error]
    return (exact + scatter * rng.standard_normal(exact.shape)).add_suffix("_picture")


def floor_inputs(catalog: pd.DataFrame, truth: pd.DataFrame, seed: int) -> dict[str, pd.DataFrame]:
    """Return for each key of `FLOOR_ROWS` what a model may see, one row per galaxy.

    The same `seed` for each of READING_ERRORS: only the size of the error differs, not its draw.
    """
    table = catalog[FEATURES]
    inputs = {
        "table": table,
        "table_without_nuvr": table.drop(columns="NUVr"),
        "table_with_distance_and_sfr": catalog[[*FEATURES, "petrR90_r", "ext_r", "zSDSS", "SFR_best"]],
        "table_and_all_scatter": table.join(truth[["gas_seen", "gas_unseen", "gas_neighbor"]]),
    }
    for ending, error in READING_ERRORS.items():
        picture = read_off_picture(np.random.default_rng(seed), catalog, truth, error)
        inputs[f"picture{ending}"] = picture
        inputs[f"both{ending}"] = table.join(picture)
    return inputs


def noise_floor(
    n: int = 100_000, seed: int = 1, inputs: Iterable[str] = FLOOR_ROWS
) -> dict[str, dict[str, dict[str, float]]]:
    """Return the best scores that can be reached, with all the training data one could wish for.

    A sample of `n` galaxies comes from the same recipe; gradient-boosted trees learn on one half and are
    scored on the other, limits included, as the notebooks score. What they miss is noise for that input, to
    about 0.003 dex.

    Parameters
    ----------
    n : int
        Galaxies, half to learn from and half to score.
    seed : int
        Of the random numbers.
    inputs : iterable of str
        Which to compare.

    Returns
    -------
    dict
        For each input (a key of `FLOOR_ROWS`) and for "all", "detections", "limits": "rmse" [dex] and "r2".
    """
    n_low = round(n * N_LOW / (N_LOW + N_HIGH))
    catalog, truth = make_sample(seed, n_low, n - n_low)
    shown = floor_inputs(catalog, truth, seed + 1)
    train = np.random.default_rng(seed + 2).random(n) < 0.5
    label, is_limit = catalog["lgGF"], catalog["HIsrc"] == 4
    groups = {"all": ~train, "detections": ~train & ~is_limit, "limits": ~train & is_limit}
    scores = {}
    for name in inputs:
        model = HistGradientBoostingRegressor(
            max_iter=400, learning_rate=0.06, min_samples_leaf=40, random_state=0
        )
        model.fit(shown[name][train], label[train])
        predicted = model.predict(shown[name])
        scores[name] = {group: score(label[rows], predicted[rows]) for group, rows in groups.items()}
    return scores


def score(label: pd.Series, predicted: np.ndarray) -> dict[str, float]:
    """Return "rmse" [dex] and "r2", to three decimals."""
    rmse = float(root_mean_squared_error(label, predicted))
    r2 = float(r2_score(label, predicted))
    return {"rmse": round(rmse, 3), "r2": round(r2, 3)}


def floor_table(scores: dict) -> str:
    """Return the result of `noise_floor` as lines of a Markdown table."""
    lines = [
        "| what the model may see | all: RMSE (dex), R2 | detections: RMSE, R2 | limits: RMSE |",
        "|---|---|---|---|",
    ]
    for name, groups in scores.items():
        everything, found, limits = groups["all"], groups["detections"], groups["limits"]
        lines.append(
            f"| {FLOOR_ROWS[name]} | {everything['rmse']:.3f}, {everything['r2']:.3f} "
            f"| {found['rmse']:.3f}, {found['r2']:.3f} | {limits['rmse']:.3f} |"
        )
    return "\n".join(lines)


def write_floor(folder: Path = MOCK) -> None:
    """Measure the noise floor; write noise_floor.json and the table in README.md between its two markers."""
    scores = noise_floor()
    (folder / "noise_floor.json").write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")
    start, end = FLOOR_MARKS
    readme = folder / "README.md"
    text = readme.read_text(encoding="utf-8")
    before, rest = text.split(start)
    _, after = rest.split(end)
    readme.write_text(f"{before}{start}\n{floor_table(scores)}\n{end}{after}", encoding="utf-8")
    print(floor_table(scores))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--floor", action="store_true", help="also measure the noise floor (two minutes)")
    arguments = parser.parse_args()
    write_mock()
    if arguments.floor:
        write_floor()
