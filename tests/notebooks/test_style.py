"""tutorial.mplstyle sets every color of a figure, and color-blind readers tell the colors apart."""

from itertools import combinations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from cells import ROOT


def pixels(*styles):
    """Return a figure with what the notebooks draw, as (rows, columns, RGBA)."""
    with plt.style.context([*styles, ROOT / "day2" / "tutorial.mplstyle"], after_reset=True):
        fig, (ax, side) = plt.subplots(1, 2)
        ax.errorbar([1, 2], [1, 2], [0.2, 0.3], capsize=3, label="points")
        ax.annotate("here", (1, 1), (1.5, 1.2), arrowprops={"arrowstyle": "->"})
        ax.text(1, 2, "words", bbox={"boxstyle": "round"})
        ax.set(title="title", xlabel="x")
        ax.grid(True)
        ax.legend(frameon=True)
        side.bar([0, 1], [1, 2], hatch="/")
        fig.colorbar(side.contourf([[0, 1], [1, 2]]), label="color")
        fig.canvas.draw()
        image = np.asarray(fig.canvas.buffer_rgba()).copy()
        plt.close(fig)
    return image


def test_a_dark_theme_changes_nothing():
    np.testing.assert_array_equal(pixels(), pixels("dark_background"))


# Linear RGB as somebody without red (protanopia) or green (deuteranopia) cones sees it: Machado, Oliveira &
# Fernandes 2009, IEEE TVCG 15, 1291, severity 1.
SEEN_BY = {
    "everybody": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])  # sRGB, D65
WHITE = np.array([0.9505, 1.0, 1.089])
TOLD_APART = 12  # distance in CIE Lab; about 2 is the least that is noticed side by side


def lab(rgb, matrix):
    """Return CIE Lab (3,) of an sRGB color (3,), 0 to 1, as seen through a matrix of linear RGB."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ (matrix @ linear).clip(0, 1) / WHITE
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("eyes", SEEN_BY)
def test_color_blind_readers_tell_the_colors_apart(eyes):
    with plt.style.context(ROOT / "day2" / "tutorial.mplstyle", after_reset=True):
        cycle = plt.rcParams["axes.prop_cycle"].by_key()["color"]
    seen = {color: lab(np.array(mpl.colors.to_rgb(color)), SEEN_BY[eyes]) for color in cycle}
    close = {}
    for one, other in combinations(cycle, 2):
        distance = np.linalg.norm(seen[one] - seen[other])
        if distance < TOLD_APART:
            close[one, other] = round(distance, 1)
    assert close == {}
