"""What a run of a notebook is made of: no other machine, pictures that stand in for the real ones."""

import os
from pathlib import Path

import numpy as np
from PIL import Image

OFFLINE = Path(__file__).parent / "offline"
SIDE = 224  # pixels of a picture as the services send it


def offline(asked):
    """Return variables that cut a kernel off from other machines; a file gets the names of those asked."""
    paths = [str(OFFLINE), os.environ.get("PYTHONPATH", "")]
    return {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "OFFLINE_LOG": str(asked)}


def varied(picture, rng):
    """Return a picture turned, scaled (0.8 to 1.25) and with the noise of a sky, SIDE pixels a side."""
    sky = tuple(int(gray) for gray in np.median(np.asarray(picture)[:8, :8].reshape(-1, 3), axis=0))
    size = round(SIDE * rng.uniform(0.8, 1.25))
    turned = picture.resize((size, size)).rotate(rng.uniform(0, 360), Image.Resampling.BICUBIC, fillcolor=sky)
    canvas = Image.new("RGB", (SIDE, SIDE), sky)
    canvas.paste(turned, ((SIDE - size) // 2, (SIDE - size) // 2))
    noisy = np.asarray(canvas) + rng.normal(0, 3, (SIDE, SIDE, 3))
    return Image.fromarray(noisy.clip(0, 255).astype(np.uint8))
