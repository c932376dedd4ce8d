"""tutorial.mplstyle sets every colour of a figure: after a dark theme it looks as it does without one."""

import matplotlib.pyplot as plt
import numpy as np

from notebooks import ROOT


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
        fig.colorbar(side.contourf([[0, 1], [1, 2]]), label="colour")
        fig.canvas.draw()
        image = np.asarray(fig.canvas.buffer_rgba()).copy()
        plt.close(fig)
    return image


def test_a_dark_theme_changes_nothing():
    np.testing.assert_array_equal(pixels(), pixels("dark_background"))
