"""What a check prints for an answer that is written as code."""

import pytest

from exercises import check


@pytest.fixture
def verdict(capsys):
    """Return what a check prints: one line or two, on stdout only."""

    def run(name, *answer_and_context):
        check(name, *answer_and_context)
        out, err = capsys.readouterr()
        assert err == ""
        assert out.endswith("\n")
        assert len(out.splitlines()) in (1, 2)
        assert out[:2] in ("✓ ", "✗ ", "… ")
        return out

    return run


@pytest.fixture
def answer_of():
    """Return `answer` of a piece of code, run with some names, as a cell of a notebook is."""

    def run(code, names):
        cell = dict(names)
        exec(code, cell)
        return cell["answer"]

    return run
