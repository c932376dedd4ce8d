"""Hold the claims of part 1 against other splits: python tools/claims.py [NUMBER OF SPLITS]

tests/claims/part1.py and part2.py hold what the notebooks say of their data: functions `claim_*` without
arguments. The docstring is the sentence, the asserts use the names of the notebook. `@only("xgass")` limits a
claim to some universes; UNIVERSE names the one at hand. `@of_this_split` marks figures and examples that the
page states of its own split; all other sentences are meant in general.

Each split runs part 1 with another SEED, a minute each, and holds the general claims. XGASS_DATA and
XGASS_SOURCE choose the universe. A sentence that holds on fewer than nine of ten splits should say so.
"""

import ast
import re
import sys
from collections import Counter

from nbclient.exceptions import CellExecutionError

from cells import NOTEBOOKS, ROOT, read, solved
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
        return of_this_split

    def of_this_split(claim):
        return claim

    names = {**globals(), "UNIVERSE": universe, "only": only, "of_this_split": of_this_split}
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
            calls = [decorator for decorator in node.decorator_list if isinstance(decorator, ast.Call)]
            limits = [[argument.value for argument in only.args] for only in calls]
            if all(universe in limit for limit in limits):
                found.append(node)
    return found


def is_general(claim):
    """Tell whether a claim (as parsed) is meant for any split."""
    return not any(isinstance(decorator, ast.Name) for decorator in claim.decorator_list)


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
    """Run part 1 with a seed; return {general claim: whether it holds}."""
    nb = with_seed(solved(read(1)), seed)  # claims speak of the answers, too
    with live(nb, NOTEBOOKS[1], ROOT / "day2") as (client, failure):
        if failure:
            raise SystemExit(failure)
        universe = "mock" if "SIMULATED" in stated_universes(nb)[0] else "xgass"
        general = filter(is_general, claims(1, universe))
        return {claim.name: not fault_of(client, 1, universe, claim) for claim in general}


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
