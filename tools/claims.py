"""Hold the claims of part 1 against other splits: python tools/claims.py [NUMBER OF SPLITS]

tests/claims/part1.py and part2.py hold what the notebooks say of their data: functions `claim_*` without
arguments. The docstring is the sentence, the asserts use the names of the notebook. `@only("xgass")` limits a
claim to some universes; UNIVERSE names the one at hand.

Each split runs part 1 with another SEED, half a minute each. XGASS_DATA and XGASS_SOURCE choose the universe.
A sentence whose claim holds on fewer than nine of ten splits should say so.
"""

import ast
import re
import sys
from collections import Counter

from nbclient.exceptions import CellExecutionError

from cells import NOTEBOOKS, ROOT, read
from kernels import ask, live
from notebooks import anchor_folders, stated_universes

CLAIMS = ROOT / "tests" / "claims"
# A claim runs in a copy of the names of the notebook, which keeps its own. As in any test of pytest, a failed
# assert shows its values.
HOLD = """
def _hold(source, name, universe):
    import ast
    from _pytest.assertion.rewrite import rewrite_asserts

    def only(*universes):
        return lambda claim: claim

    names = {**globals(), "UNIVERSE": universe, "only": only}
    parsed = ast.parse(source)
    rewrite_asserts(parsed, source.encode())
    exec(compile(parsed, "claims", "exec"), names)
    names[name]()
"""


def source_of(part):
    """Return the source of the claims of a part."""
    return (CLAIMS / f"part{part}.py").read_text(encoding="utf-8")


def claims(part, universe):
    """Return the functions (as parsed) of a part's claims that speak of a universe."""
    found = []
    for node in ast.parse(source_of(part)).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("claim_"):
            # Each decorator is only("NAME", ...).
            limits = [[argument.value for argument in call.args] for call in node.decorator_list]
            if all(universe in limit for limit in limits):
                found.append(node)
    return found


def fault_of(client, part, universe, claim):
    """Hold a claim in the kernel of a notebook that ran; return the sentence and what is wrong, or ""."""
    source = source_of(part)
    try:
        ask(client, f"{HOLD}\n_hold({source!r}, {claim.name!r}, {universe!r})")
    except CellExecutionError as error:
        return f'"{ast.get_docstring(claim)}"\n{error.ename}: {error.evalue}'
    return ""


def with_seed(nb, seed):
    """Put another SEED into a notebook."""
    changed = 0
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.source, count = re.subn(r"(?m)^SEED = \d+", f"SEED = {seed}", cell.source)
            changed += count
    if changed != 1:
        raise SystemExit(f"{changed} lines of the notebook set SEED; one should.")
    return nb


def one_split(seed):
    """Run part 1 with a seed; return {claim: whether it holds}."""
    nb = with_seed(read(1), seed)
    with live(nb, NOTEBOOKS[1], ROOT / "day2") as (client, failure):
        if failure:
            raise SystemExit(failure)
        universe = "mock" if "SIMULATED" in stated_universes(nb)[0] else "xgass"
        return {claim.name: not fault_of(client, 1, universe, claim) for claim in claims(1, universe)}


def main():
    """Print on how many splits each claim holds, the weakest first."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    anchor_folders()
    held = Counter()
    for seed in range(1, number + 1):
        held.update(one_split(seed))
        print(f"split {seed} of {number}", file=sys.stderr)
    for name, count in sorted(held.items(), key=lambda item: item[1]):
        print(f"{count:3d} of {number}  {name}")


if __name__ == "__main__":
    main()
