"""A claim fails where it is wrong, in the names of the notebook, and with its sentence."""

import pytest
from nbformat.v4 import new_code_cell, new_notebook

import claims
from kernels import ask, live

CLAIMS = '''
def claim_right():
    """There are three."""
    assert count == 3


@only("mock")
@of_this_split
def claim_wrong():
    """There are four."""
    assert count == 4
'''


@pytest.fixture
def made_up(tmp_path, monkeypatch):
    """Put made-up claims in the place of those of part 1."""
    (tmp_path / "part1.py").write_text(CLAIMS)
    monkeypatch.setattr(claims, "CLAIMS", tmp_path)


def test_claims_are_held_in_the_kernel(made_up, tmp_path):
    nb = new_notebook(cells=[new_code_cell("count = 3")])
    with live(nb, "made up", tmp_path) as (client, failure):
        right, wrong = claims.claims(1, "mock")
        assert failure == "" and claims.fault_of(client, 1, "mock", right) == ""
        fault = claims.fault_of(client, 1, "mock", wrong)
        assert fault.startswith('"There are four."\nAssertionError: assert 3 == 4')
        assert ask(client, "print(count)")[0].text == "3\n"


def test_a_claim_may_be_limited_to_a_universe(made_up):
    assert [claim.name for claim in claims.claims(1, "xgass")] == ["claim_right"]


def test_a_claim_may_be_of_one_split_alone(made_up):
    assert [claims.is_general(claim) for claim in claims.claims(1, "mock")] == [True, False]


def test_a_seed_is_put_in_once():
    nb = claims.with_seed(new_notebook(cells=[new_code_cell("SEED = 42  # of all\nx = 1")]), 7)
    assert nb.cells[0].source == "SEED = 7  # of all\nx = 1"
    for source, lines in [("x = 1", "0 lines"), ("SEED = 1\nx = 1\nSEED = 2", "2 lines")]:
        with pytest.raises(SystemExit, match=lines):
            claims.with_seed(new_notebook(cells=[new_code_cell(source)]), 7)
