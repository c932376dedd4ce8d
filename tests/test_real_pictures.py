"""Part 2 from end to end on the real catalogue and 27 real SDSS pictures: reading, batching, predicting."""

from pathlib import Path

import pytest

from notebooks import execute

ROOT = Path(__file__).parents[1]
REAL = ROOT.parent / "shared" / "xgass"


@pytest.mark.skipif(not REAL.is_dir(), reason="the real catalogue and pictures are not in ../shared/xgass")
def test_part_2_runs_on_27_real_pictures():
    nb, _, failure = execute(
        ROOT / "day2" / "02-deep-learning.ipynb",
        TUTORIAL_FAST="1",
        XGASS_SOURCE="xgass",
        XGASS_DATA=str(REAL),
        OMP_NUM_THREADS="1",
    )
    assert not failure, failure
    outputs = [output for cell in nb.cells for output in cell.get("outputs", [])]
    printed = "".join(output.text for output in outputs if output.output_type == "stream")
    assert "27 pictures" in printed and "SIMULATED" not in printed
