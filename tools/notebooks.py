"""Run the notebooks of the tutorial, or save the outputs that the repository keeps.

run      execute copies, leave them and one HTML page each under build/
refresh  execute the notebooks and save their outputs in place, if those are fit to be read by others
handout  write the notebooks without solutions and outputs into build/handout/room/, filled in into answers/
"""

import argparse
import base64
import io
import os
import platform
import re
import shutil
import sys
import time
from importlib import metadata
from pathlib import Path

import nbformat
import numpy as np
from nbconvert import HTMLExporter
from PIL import Image, ImageChops

from cells import KERNELSPEC, ROOT, clear, pictures_of, solved, tag
from kernels import live, section_seconds

WIDGET = "application/vnd.jupyter.widget-view+json"
# Twice the pixels, shown at the same size.
RETINA = "--InlineBackend.figure_formats={'retina'}"
WARNING = re.compile(r"\b\w*Warning\b")
# The slash must open the path: "arxiv.org/work/" is an address, not a folder of this machine.
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:home|root|work|tmp|usr|opt|Users)/\S*|[A-Z]:\\+Users\\\S*")
# Long lines of code would be cut at the edge of the paper.
PAGE_STYLE = """
<style>
@media print { pre, pre * { white-space: pre-wrap !important; overflow-wrap: anywhere; } }
</style>
</head>"""


def execute(path, **env):
    """Run a notebook in its own folder; return it with its outputs, the seconds by section, and `failure`."""
    nb = nbformat.read(path, as_version=4)
    start = time.perf_counter()
    with live(nb, path.name, path.resolve().parent, [RETINA], **env) as (_, failure):
        seconds = section_seconds(nb)
    seconds["total"] = time.perf_counter() - start
    return nb, seconds, failure


def report(name, seconds):
    """Print the seconds of a notebook per section, and in all."""
    width = max(len(title) for title in [name, *seconds])
    print(f"\n{name.ljust(width)}   seconds")
    for title, took in seconds.items():
        print(f"{title.ljust(width)}{took:10.1f}", flush=True)


def text_of(output):
    """Return the text of an output, that of a table in HTML included."""
    data = output.get("data", {})
    texts = [data[mime] for mime in sorted(data) if mime.startswith("text/")]
    return output.get("text", "") + "".join(texts)


def faults_of(output):
    """Return what makes an output unfit to be saved, as a list of texts."""
    text = text_of(output)
    found = []
    if output.output_type == "error":
        found.append(f"error: {output.ename}: {output.evalue}")
    if output.get("name") == "stderr" and text.strip():
        found.append(f"stderr: {text.strip()}")
    warning = WARNING.search(text)
    if warning:
        found.append(f"warning: {warning.group()}")
    path = MACHINE_PATH.search(text)
    if path:
        found.append(f"path of this machine: {path.group()}")
    return found


def unfit(nb):
    """Return what makes outputs unfit to be saved: errors, stderr, warnings, paths of this machine."""
    found = []
    for number, cell in enumerate(nb.cells, 1):
        for output in cell.get("outputs", []):
            for fault in faults_of(output):
                found.append(f"    cell {number}, {fault[:220]}")
    return found


def stated_universes(nb):
    """Return the lines of a run that say which universe is in use, that of the notebook first."""
    texts = [output.get("text", "") for cell in nb.cells for output in cell.get("outputs", [])]
    lines = re.findall(r"(?m)^Using the .*", "\n".join(texts))
    return list(dict.fromkeys(lines))


def versions(nb):
    """Return {name: version} of Python and of the packages that the cells of a notebook import."""
    code = "\n".join(cell.source for cell in nb.cells if cell.cell_type == "code")
    known = metadata.packages_distributions()
    names = {name for name in re.findall(r"(?m)^ *(?:from|import) (\w+)", code) if name in known}
    found = {"Python": platform.python_version()}
    for package in sorted({known[name][0] for name in names}):
        found[package] = metadata.version(package).split("+")[0]
    return found


def lighter(png):
    """Return a PNG, in base64, with a palette of 256 colors, unless that shows: a third of the bytes."""
    with Image.open(io.BytesIO(base64.b64decode(png))) as opened:
        picture = opened.convert("RGB")
    few = picture.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    off = np.asarray(ImageChops.difference(picture, few.convert("RGB")))
    # Lines and points pass; color maps and photographs with many colors do not.
    kept = few if np.percentile(off, 99.5) <= 6 else picture
    buffer = io.BytesIO()
    kept.save(buffer, "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


def tidy_cell(cell):
    """Make the outputs of a code cell the same from run to run; put the alt text of a figure beside it."""
    cell.metadata.pop("execution", None)
    alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt")
    cell.outputs = [output for output in cell.outputs if WIDGET not in output.get("data", {})]
    for picture in pictures_of(cell):
        picture.data["image/png"] = lighter(picture.data["image/png"])
        picture.metadata.setdefault("image/png", {})
        if alt:
            picture.metadata["image/png"]["alt"] = alt


def tidy(nb):
    """Make a notebook fit to be saved: the same from run to run, with words for who cannot see a figure.

    Sliders go, dead without a kernel. Which universe the outputs show, and which versions made them, comes
    into the metadata: the site says it.
    """
    for cell in nb.cells:
        if cell.cell_type == "code":
            tidy_cell(cell)
    language = {key: value for key, value in nb.metadata.get("language_info", {}).items() if key != "version"}
    made = {"universe": next(iter(stated_universes(nb)), ""), "versions": versions(nb)}
    nb.metadata = nbformat.from_dict({"kernelspec": KERNELSPEC, "language_info": language, "tutorial": made})
    return nb


def save_result(nb):
    """Save the figure of the cell with the tag `readme-figure`, if there is one: the README shows it."""
    for cell in nb.cells:
        if "readme-figure" in cell.metadata.get("tags", []):
            png = pictures_of(cell)[0].data["image/png"]
            (ROOT / "docs" / "result.png").write_bytes(base64.b64decode(png))


def write_page(nb, path):
    """Write a notebook as an HTML page that a browser shows and prints whole."""
    # A notebook that Colab saved names widgets without their state, and nbconvert stops at that.
    widgets = nb.metadata.get("widgets", {})
    if not all("state" in kind for kind in widgets.values()):
        del nb.metadata["widgets"]
    page, _ = HTMLExporter().from_notebook_node(nb, resources={"metadata": {"name": path.stem}})
    path.write_text(page.replace("</head>", PAGE_STYLE, 1), encoding="utf-8")


def run(path, out):
    """Execute a copy into the build folder; return what failed."""
    out.mkdir(parents=True, exist_ok=True)
    nb, seconds, failure = execute(path)
    nbformat.write(nb, out / path.name)
    write_page(nb, out / f"{path.stem}.html")
    report(path.name, seconds)
    print(*stated_universes(nb), sep="\n")
    if failure:
        return [failure, f"    What ran is kept in {os.path.relpath(out / path.name)}."]
    return []


def environment_of_refresh(path):
    """Return the variables with which a notebook is saved: part 1 real, part 2 simulated with real practice.

    Whether the data are there, and in which spelling, is for the package to say: the run fails without them.
    """
    if path.name.startswith("01-"):
        return {"XGASS_SOURCE": "xgass"}
    if path.name.startswith("02-"):
        practice = os.environ.get("PRACTICE_DATA") or str(ROOT / "data" / "practice")
        return {"XGASS_SOURCE": "mock", "PRACTICE_DATA": practice}
    return {"XGASS_SOURCE": "mock"}


def refresh(path, out):
    """Execute a notebook and save its outputs in place; return what was refused and why."""
    nb, seconds, failure = execute(path, TUTORIAL_FAST="", **environment_of_refresh(path))
    report(path.name, seconds)
    complaints = [failure] if failure else unfit(nb)
    if complaints:
        return [f"{path.name} is not saved:", *complaints]
    nbformat.write(tidy(nb), path)
    save_result(nb)
    return []


def put_what_a_notebook_needs(folder):
    """Copy the packages, the look of the figures and the simulated sample, so that a notebook runs there."""
    leave = shutil.ignore_patterns("__pycache__", "*.ipynb", "models", ".ipynb_checkpoints")
    shutil.copytree(ROOT / "day2", folder, ignore=leave, dirs_exist_ok=True)
    shutil.copytree(ROOT / "data" / "mock", folder.parent / "data" / "mock", dirs_exist_ok=True)


def handout(path, out):
    """Write a notebook for a room, without solutions, and one with the exercises filled in."""
    nb = nbformat.read(path, as_version=4)
    clear(nb)
    answers = solved(nb)
    for cell in nb.cells:
        if tag(cell, "solution"):
            cell.source = re.sub(r"(?s)<details><summary>Solution.*?</details>", "", cell.source).strip()
    for folder, version in [(out / "handout" / "room", nb), (out / "handout" / "answers", answers)]:
        put_what_a_notebook_needs(folder)
        nbformat.write(version, folder / path.name)
        write_page(version, folder / f"{path.stem}.html")
        print(os.path.relpath(folder / path.name))
    return []


def anchor_folders():
    """Make folders that the environment names absolute: a kernel starts in another folder."""
    for name in ("XGASS_DATA", "PRACTICE_DATA"):
        folder = os.environ.get(name, "").strip()
        if folder:
            os.environ[name] = os.path.abspath(os.path.expanduser(folder))


def main():
    """Read the command line; the exit status is 1 when anything failed or was refused."""
    commands = {"run": run, "refresh": refresh, "handout": handout}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("command", choices=commands)
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: every notebook of day2/")
    parser.add_argument("--out", type=Path, default=ROOT / "build", help="folder of the executed copies")
    args = parser.parse_intermixed_args()
    anchor_folders()
    problems = []
    for path in args.notebooks or sorted((ROOT / "day2").glob("*.ipynb")):
        problems += commands[args.command](path, args.out)
    if problems:
        sys.exit("\n" + "\n".join(problems))


if __name__ == "__main__":
    main()
