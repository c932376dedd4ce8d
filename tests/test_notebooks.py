"""What a reader of the committed notebooks meets, and the tool that runs and saves them.

Each check takes a notebook and its file name and returns complaints; each is also shown to complain.
"""

import copy
import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from notebooks import KERNELSPEC, MACHINE_PATH, headings, unfit

ROOT = Path(__file__).resolve().parents[1]
DAY2 = ROOT / "day2"
COLAB = "https://colab.research.google.com/github/jwuphysics/AstroHackWeek2022/blob/main/day2/"
BADGE = "https://colab.research.google.com/assets/colab-badge.svg"
REMOTE = re.compile("|".join([
    r"!\[[^\]]*\]\(\s*<?(?:https?:)?//",
    r"<(?:img|script|iframe|video|source|embed|link)\b[^>]*(?:src|href)\s*=\s*[\"']?(?:https?:)?//",
    r"\b(?:Image|IFrame|SVG|imread)\(\s*(?:url\s*=\s*)?[\"']https?://",
    r"\burl\(\s*[\"']?(?:https?:)?//",
    r"^ *\[[^\]]+\]: *https?://\S+\.(?:png|jpe?g|gif|svg)",
]), flags=re.I | re.M)
# The outline that must exist: "# " for the sections, "## " for what they hold.
OUTLINE = {
    "01-intro-machine-learning.ipynb": """
# Before getting started
# Can we predict a galaxy's neutral hydrogen (HI) content?
## Examine data with pandas
## A very simplified glossary for xGASS
## Examine and clean features
## Visualize correlations
# Polynomial regression
## Multivariate linear regression
## Train-test split
## Cross-validation
## Quadratic and higher-order polynomial models
## Overfitting
# Decision trees
## How scikit-learn does it
## Random forests
## Optimize hyperparameters
## Feature importances
""",
    "02-deep-learning.ipynb": """
# Introducing the science problem (again)
# Solving the task with a CNN
# Understanding convolutions
# Other neural network ingredients
## Activation functions
## Batch normalization
## Pooling
## Fully connected layers
# A simple CNN model in action (forward)
# Optimization
## Loss function
## Gradient descent
## Backpropagation
## Preventing overfitting
## Data augmentation
# A simple CNN model in action (forward + backward)
# Hyperparameters
## Learning rate
## Weight decay
## Momentum and Adam
## Learning-rate schedules
""",
}


def outline(name):
    return OUTLINE[name].strip().splitlines()


def code_cells(nb):
    """Return [(index, cell)] of the code cells that hold code."""
    return [(i, cell) for i, cell in enumerate(nb.cells) if cell.cell_type == "code" and cell.source.strip()]


def plain(level, title):
    """Return a heading as "## its words" without number, emphasis and capitals."""
    return f"{'#' * level} {re.sub(r'[`*_]|^[0-9.]+[:)]? +', '', title)}".casefold()


def check_outline(nb, name):
    """Every heading of the outline is there, at its level and in its order; a number before it is free."""
    rest = iter([plain(level, title) for _, level, title in headings(nb)])
    # "in" consumes what stands before the heading that it finds, so the order counts
    return [f"missing or out of order: {line}" for line in outline(name) if line.casefold() not in rest][:1]


def check_nothing_remote(nb, name):
    """No picture, script, style or frame comes from another host, in text, code or outputs."""
    found = []
    for i, cell in enumerate(nb.cells):
        outputs = [text for output in cell.get("outputs", []) for mime, text in output.get("data", {}).items()
                   if mime in ("text/html", "text/markdown", "image/svg+xml")]
        for text in [cell.source, *outputs]:
            hits = REMOTE.finditer(text.replace(f"]({BADGE})", "]()"))
            found += [f"cell {i}: {hit.group()[:60]}" for hit in hits]
    return found


def check_badge(nb, name):
    """The Colab badge opens this very notebook on branch main."""
    text = "\n".join(cell.source for cell in nb.cells)
    links = re.findall(r"https://colab\.research\.google\.com/github/[^\s)\"'>]+", text)
    return [] if set(links) == {COLAB + name} else [f"badges open {links or 'nothing'}, not {COLAB + name}"]


def check_no_cuda(nb, name):
    """The device is chosen once, by what the machine has: no cell names one maker's."""
    return [f"cell {i}: names cuda" for i, cell in code_cells(nb) if re.search(r"\bcuda\b", cell.source)]


def check_execution_counts(nb, name):
    """Saved from one clean run, top to bottom: without counts an output check would compare nothing."""
    counts = [cell.execution_count for _, cell in code_cells(nb)]
    return [] if counts == list(range(1, len(counts) + 1)) else [f"execution counts are {counts}"]


def check_outputs_fit(nb, name):
    """No error, no stderr, no warning and no path of a machine is saved."""
    return unfit(nb)


def check_has_outputs(nb, name):
    """There is something to read: notebooks without outputs would make every other check of them vacuous."""
    return [] if any(cell.outputs for _, cell in code_cells(nb)) else ["no saved output at all"]


def check_paths_in_source(nb, name):
    """No cell reads from a folder that only one machine has."""
    hits = [(i, MACHINE_PATH.search(cell.source)) for i, cell in enumerate(nb.cells)]
    return [f"cell {i}: {hit.group()}" for i, hit in hits if hit]


def check_cell_length(nb, name):
    """One idea a cell: none over 30 lines, median at most 8."""
    lines = {i: len(cell.source.splitlines()) for i, cell in code_cells(nb)}
    long = [f"cell {i}: {count} lines" for i, count in lines.items() if count > 30]
    median = statistics.median(lines.values())
    return long + ([f"median of {median} lines a cell"] if median > 8 else [])


def check_figures_explained(nb, name):
    """After each figure the text says what to notice."""
    found = []
    for i, cell in code_cells(nb):
        if any(mime.startswith("image/") for output in cell.outputs for mime in output.get("data", {})):
            after = nb.cells[i + 1] if i + 1 < len(nb.cells) else None
            words = after and after.cell_type == "markdown" and re.sub(r"(?m)^#.*$", "", after.source).strip()
            found += [] if words else [f"cell {i}: no text after the figure"]
    return found


def check_metadata(nb, name):
    """The kernel is the plain one; no widget state, no pairing with a script, no time of a run."""
    kernelspec = nb.metadata.get("kernelspec")
    found = [] if kernelspec == KERNELSPEC else [f"kernelspec {kernelspec}"]
    found += [f"metadata holds {key}" for key in nb.metadata if key not in ("kernelspec", "language_info")]
    found += ["language_info holds a version"] if "version" in nb.metadata.get("language_info", {}) else []
    return found + [f"cell {i}: holds times" for i, c in enumerate(nb.cells) if "execution" in c.metadata]


def check_size(nb, name):
    """A file under 4 MB: GitHub and Colab still show it."""
    size = len(nbformat.writes(nb).encode())
    return [] if size < 4e6 else [f"{size / 1e6:.1f} MB"]


CHECKS = [value for name, value in list(globals().items()) if name.startswith("check_")]


def read(name):
    return nbformat.read(DAY2 / name, as_version=4)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", OUTLINE)
def test_committed_notebook(name, check):
    nb = read(name)
    nbformat.validate(nb)
    assert check(nb, name) == []


def test_only_the_notebooks_are_kept():
    """No other notebook, and no script or page paired with one, that would drift from it."""
    assert sorted(path.name for path in DAY2.glob("*.ipynb")) == sorted(OUTLINE)
    assert [path.name for name in OUTLINE for path in DAY2.glob(f"{Path(name).stem}.*")] == list(OUTLINE)


# --- each check can fail: spoil a copy of a committed notebook ---


def with_text(source):
    return lambda nb: nb.cells.append(new_markdown_cell(source))


def with_code(source, **output):
    outputs = [new_output(**output)] if output else []
    return lambda nb: nb.cells.append(new_code_cell(source, outputs=outputs, execution_count=1))


def with_html(html):
    return with_code("1", output_type="display_data", data={"text/html": html})


def with_metadata(**entries):
    return lambda nb: nb.metadata.update(entries)


def replace(old, new):
    def spoil(nb):
        for cell in nb.cells:
            cell.source = cell.source.replace(old, new)

    return spoil


def with_count(index, count):
    return lambda nb: code_cells(nb)[index][1].update(execution_count=count)


def lengthen(nb):
    for _, cell in code_cells(nb):
        cell.source = "x = 1\n" * 9


def clear(nb):
    for _, cell in code_cells(nb):
        cell.outputs = []


def figure_then(*cells):
    def spoil(nb):
        with_code("plot()", output_type="display_data", data={"image/png": "iVBORw0KGgo="})(nb)
        nb.cells.extend(cells)

    return spoil


SPOILS = [
    (check_nothing_remote, with_text("![k-fold](https://example.org/kfold.png)")),
    (check_nothing_remote, with_text("![k-fold](//example.org/kfold.png)")),
    (check_nothing_remote, with_text("[kfold]: https://example.org/kfold.png")),
    (check_nothing_remote, with_text('<img width="400"\n src="https://example.org/kfold.png">')),
    (check_nothing_remote, with_text('<link rel="stylesheet" href="https://example.org/x.css">')),
    (check_nothing_remote, with_text(f"[![another badge]({BADGE}.png)](x)")),
    (check_nothing_remote, with_code('Image(url="https://example.org/tree.png")')),
    (check_nothing_remote, with_html('<script src="https://example.org/x.js"></script>')),
    (check_nothing_remote, with_html("<style>a { background: url(https://example.org/x) }</style>")),
    (check_badge, replace("/blob/main/", "/blob/master/")),
    (check_badge, replace(COLAB, "https://example.org/")),
    (check_badge, with_text(f"[![open]({BADGE})]({COLAB}another.ipynb)")),
    (check_no_cuda, with_code('model.to("cuda")')),
    (check_no_cuda, with_code("model = model.cuda()")),
    (check_execution_counts, with_count(0, None)),
    (check_execution_counts, with_count(-1, 1000)),
    (check_outputs_fit, with_code("1", output_type="stream", name="stderr", text="hm")),
    (check_outputs_fit, with_code("1", output_type="error", ename="ValueError", evalue="no", traceback=[])),
    (check_outputs_fit, with_code("1", output_type="stream", name="stdout", text="saved in /home/me/x.csv")),
    (check_outputs_fit, with_html("<b>file:///Users/me/x</b>")),
    (check_outputs_fit, with_html("<b>x.py:3: ConvergenceWarning: more iterations</b>")),
    (check_has_outputs, clear),
    (check_paths_in_source, with_code('pd.read_csv("/home/me/x.csv")')),
    (check_cell_length, with_code("x = 1\n" * 31)),
    (check_cell_length, lengthen),
    (check_figures_explained, figure_then()),
    (check_figures_explained, figure_then(new_code_cell("x"))),
    (check_figures_explained, figure_then(new_markdown_cell("## The next section"))),
    (check_metadata, with_metadata(widgets={"application/vnd.jupyter.widget-state+json": {}})),
    (check_metadata, with_metadata(jupytext={"formats": "ipynb,py"})),
    (check_metadata, with_metadata(language_info={"name": "python", "version": "3.11.7"})),
    (check_metadata, with_metadata(kernelspec={})),
    (check_metadata, lambda nb: nb.cells[0].metadata.update(execution={})),
    (check_size, with_text("x" * 4_000_000)),
]


@pytest.mark.parametrize("name", OUTLINE)
@pytest.mark.parametrize(("check", "spoil"), SPOILS, ids=lambda value: value.__name__)
def test_each_check_can_fail(name, check, spoil):
    nb = read(name)
    before = check(nb, name)
    spoil(nb)
    assert set(check(nb, name)) - set(before), "spoiled, and not seen"


@pytest.mark.parametrize("name", OUTLINE)
def test_a_heading_lost_or_misplaced_is_seen(name):
    for line in outline(name):
        for kind in ("lost", "deeper", "moved to the end"):
            nb = read(name)
            index, level, title = next(h for h in headings(nb) if plain(*h[1:]) == line.casefold())
            written = f"{'#' * level} {title}"
            instead = {"lost": title, "deeper": "#" + written}.get(kind, "")
            nb.cells[index].source = nb.cells[index].source.replace(written, instead, 1)
            if kind == "moved to the end":
                nb.cells.append(new_markdown_cell(written))
            last = line == outline(name)[-1]
            assert check_outline(nb, name) or (last and kind == "moved to the end"), f"{line}: {kind}"


def test_every_check_is_spoiled():
    assert {check_outline, *(check for check, _ in SPOILS)} == set(CHECKS)


# --- the tool that runs and saves notebooks, on small ones ---


def save(path, *cells):
    nb = new_notebook(cells=list(cells), metadata={"kernelspec": {**KERNELSPEC, "display_name": "mine"}})
    nbformat.write(nb, path)
    return path


def tool(*arguments, **env):
    return subprocess.run([sys.executable, ROOT / "tools" / "notebooks.py", *map(str, arguments)], text=True,
                          capture_output=True, timeout=300, env={**os.environ, **env})


def test_run_leaves_copy_page_and_times(tmp_path):
    """One run of a good notebook, with a broken `python3` kernel of the user's own that must not win."""
    kernel = tmp_path / "jupyter" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text('{"argv": ["false"], "display_name": "broken", "language": "python"}')
    path = save(
        tmp_path / "good.ipynb",
        new_markdown_cell(f"# Waiting\n\n[![Open]({BADGE})]({COLAB}x.ipynb)\n\n```\n# no heading\n```"),
        new_code_cell("import sys, time\ntime.sleep(0.7)\nprint(sys.executable)\nx = bytearray(300_000_000)"),
        new_markdown_cell("# Next\n\n## Part\n\n[part 2](02-deep-learning.ipynb)"),
        new_code_cell("print('Using the SIMULATED sample: 3 galaxies')\n"
                      "import matplotlib.pyplot as plt\nplt.plot([1, 2]);"),
    )
    before = path.read_bytes()
    done = tool("run", path, "--out", tmp_path / "build", JUPYTER_PATH=str(tmp_path / "jupyter"),
                JUPYTER_PREFER_ENV_PATH="0")
    assert done.returncode == 0, done.stderr
    *lines, universe = [line for line in done.stdout.splitlines() if line]
    assert universe == "Using the SIMULATED sample: 3 galaxies", "the reader sees which universe is in use"
    table = dict(line.rsplit(maxsplit=1) for line in lines)
    assert list(table) == ["good.ipynb", "Waiting", "Next", "total", "peak memory, MB"]
    assert 0.7 <= float(table["Waiting"]) < 10 and float(table["total"]) >= float(table["Waiting"])
    assert 300 < float(table["peak memory, MB"]) < 1000
    assert path.read_bytes() == before, "run works on a copy"
    nb = nbformat.read(tmp_path / "build" / "good.ipynb", as_version=4)
    assert nb.cells[1].outputs[0].text.strip() == sys.executable, "the kernel is this interpreter"
    assert "image/png" in nb.cells[3].outputs[1].data
    page = (tmp_path / "build" / "good.html").read_text(encoding="utf-8")
    requests = re.findall(r"<(?:script|link|img|iframe)\b[^>]*(?:src|href)=[\"'](?!data:)([^\"']*)", page)
    assert requests == []
    assert not re.search(r"import\(|@import|url\(\s*[\"']?(?:https?:)?//", page)
    assert 'href="02-deep-learning.html"' in page
    assert 'name="viewport"' in page and "<title>Waiting</title>" in page


def test_run_says_which_cell_failed(tmp_path):
    path = save(tmp_path / "bad.ipynb", new_markdown_cell("# Trees"), new_code_cell("print('before')"),
                new_code_cell("def f(x):\n    return 1 / x\n\nf(0)"), new_code_cell("print('after')"))
    done = tool("run", path, "--out", tmp_path / "build")
    assert done.returncode == 1
    message = done.stderr.strip()
    assert "bad.ipynb failed in cell 3, section 'Trees'" in message
    assert "f(0)" in message and "ZeroDivisionError: division by zero" in message
    assert len(message.splitlines()) <= 6 and "Traceback" not in message
    nb = nbformat.read(tmp_path / "build" / "bad.ipynb", as_version=4)
    assert nb.cells[1].outputs[0].text == "before\n" and not nb.cells[3].outputs, "the partial copy is kept"


@pytest.mark.parametrize(("code", "fault"), [
    ("import sys\nprint('loud', file=sys.stderr)", "cell 1, stderr: loud"),
    ("import warnings\nwarnings.warn('old')", "cell 1, stderr"),
    ("import os\nprint('/home/me/x.csv')", "cell 1, path of this machine: /home/me/x.csv"),
    ("1 / 0", "ZeroDivisionError"),
], ids=["stderr", "warning", "path", "error"])
def test_refresh_refuses(tmp_path, code, fault):
    path = save(tmp_path / "unfit.ipynb", new_code_cell(code))
    before = path.read_bytes()
    done = tool("refresh", path)
    assert done.returncode == 1 and "unfit.ipynb is not saved" in done.stderr
    assert fault in done.stderr
    assert path.read_bytes() == before


def test_refresh_saves_the_same_file_twice(tmp_path):
    path = save(tmp_path / "fit.ipynb", new_code_cell("import os\nprint(os.environ['XGASS_SOURCE'])"),
                new_code_cell("from ipywidgets import IntSlider\nIntSlider().value"))
    assert tool("refresh", path, TUTORIAL_FAST="1").returncode == 0
    first = path.read_bytes()
    assert tool("refresh", path).returncode == 0
    assert path.read_bytes() == first
    nb = nbformat.read(path, as_version=4)
    assert nb.cells[0].outputs[0].text == "mock\n"
    assert check_metadata(nb, path.name) == [] and check_execution_counts(nb, path.name) == []


def test_refresh_of_part_1_needs_the_real_catalogue(tmp_path):
    """A copy of the tool in a folder without any real data refuses to save part 1."""
    (tmp_path / "clone" / "tools").mkdir(parents=True)
    copied = tmp_path / "clone" / "tools" / "notebooks.py"
    copied.write_bytes((ROOT / "tools" / "notebooks.py").read_bytes())
    path = save(tmp_path / "01-part.ipynb", new_code_cell("1"))
    command = [sys.executable, copied, "refresh", path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "real catalogue" in done.stderr and "make data" in done.stderr


def test_strict_comparison_sees_a_changed_number_and_forgives_a_time(tmp_path):
    """The sanitize file forgives addresses and times; a figure of the science is compared."""
    code = new_code_cell("print('RMSE 0.3066, fitted in 1.25 s', object())")
    path = save(tmp_path / "numbers.ipynb", code)
    assert tool("refresh", path).returncode == 0
    nb = nbformat.read(path, as_version=4)

    def compare(old, new):
        changed = copy.deepcopy(nb)
        changed.cells[0].outputs[0].text = nb.cells[0].outputs[0].text.replace(old, new)
        nbformat.write(changed, path)
        command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "--nbval-sanitize-with",
                   ROOT / "tests" / "nbval_sanitize.cfg", path]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=300).returncode

    assert compare("1.25 s", "12.5 s") == 0
    assert compare("0.3066", "0.3067") == 1
