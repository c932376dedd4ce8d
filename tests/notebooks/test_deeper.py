"""A section called Deeper asks for nothing but the core: alone after it, in a new kernel, it runs."""

import nbformat
import pytest

from cells import CORE, NOTEBOOKS, ROOT, parts, read
from kernels import live

SECTIONS = [(part, name) for part in NOTEBOOKS for name in parts(read(part)) if name != CORE]


@pytest.mark.full
@pytest.mark.parametrize(("part", "name"), SECTIONS)
def test_alone_after_the_core(part, name):
    of_part = parts(read(part))
    nb = nbformat.v4.new_notebook(cells=of_part[CORE] + of_part[name])
    env = {"XGASS_SOURCE": "mock", "PRACTICE_SOURCE": "mock", "TUTORIAL_FAST": "1"}
    with live(nb, NOTEBOOKS[part], ROOT / "day2", **env) as (_, failure):
        assert failure == ""
