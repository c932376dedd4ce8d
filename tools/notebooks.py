"""Run the notebooks of the tutorial, or save the outputs that the repository keeps.

run      execute copies, leave them and one HTML page each under build/
refresh  execute the notebooks and save their outputs in place, if those are fit to be read by others
handout  write the notebooks without solutions and outputs into build/handout/, filled in into answers/
"""

import argparse
import base64
import contextlib
import copy
import io
import os
import platform
import re
import subprocess
import sys
import time
from datetime import datetime
from importlib import metadata
from pathlib import Path

import nbformat
import numpy as np
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter
from PIL import Image, ImageChops

ROOT = Path(__file__).resolve().parents[1]
KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
KERNEL = {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "1000",
}  # threads that wait must not take the cores of other programs
WIDGET = "application/vnd.jupyter.widget-view+json"
# Twice the pixels, shown at the same size.
RETINA = "--InlineBackend.figure_formats={'retina'}"
FENCE = re.compile(r"<summary>Solution</summary>.*?\n```python\n(.*?)\n```", re.S)
WARNING = re.compile(r"\b\w*Warning\b")
# The slash must open the path: "arxiv.org/work/" is an address, not a folder of this machine.
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:home|root|work|tmp|usr|opt|Users)/\S*|[A-Z]:\\+Users\\\S*")


def headings(nb):
    """Return (cell index, level, text) of every markdown heading of a notebook, code fences left out."""
    found = []
    for index, cell in enumerate(nb.cells):
        if cell.cell_type == "markdown":
            text = re.sub(r"^```.*?^```", "", cell.source, flags=re.M | re.S)
            titles = re.findall(r"(?m)^(#{1,6}) +(.+?) *$", text)
            found += [(index, len(marks), title) for marks, title in titles]
    return found


def tag(cell, kind):
    """Return NAME if a cell has the tag KIND-NAME, else None."""
    tags = cell.metadata.get("tags", [])
    return next((t.removeprefix(f"{kind}-") for t in tags if t.startswith(f"{kind}-")), None)


def solved(nb):
    """Return a copy of a notebook with each folded solution in place of its scaffold."""
    nb = copy.deepcopy(nb)
    solutions = {name: FENCE.search(cell.source)[1] for cell in nb.cells if (name := tag(cell, "solution"))}
    for cell in nb.cells:
        if name := tag(cell, "exercise"):
            cell.source = solutions[name]
    return nb


def section_of(nb, index):
    """Return the top-level heading that a cell stands under."""
    titles = [title for i, level, title in headings(nb) if level == 1 and i <= index]
    return titles[-1] if titles else "(before the first heading)"


def section_seconds(nb):
    """Return {top-level heading: seconds of its code cells} from the times that nbclient recorded."""
    seconds = {}
    for index, cell in enumerate(nb.cells):
        times = cell.metadata.get("execution", {})
        if "iopub.execute_input" in times and "shell.execute_reply" in times:
            start, end = (
                datetime.fromisoformat(times[key].replace("Z", "+00:00"))
                for key in ("iopub.execute_input", "shell.execute_reply")
            )
            section = section_of(nb, index)
            seconds[section] = seconds.get(section, 0) + (end - start).total_seconds()
    return seconds


@contextlib.contextmanager
def live(nb, name, folder, arguments=(), **env):
    """Run a notebook top to bottom, on the interpreter that runs this file; its kernel lives on in the block.

    Parameters
    ----------
    nb : notebook
        It gets the new outputs; the old ones go before anything runs.
    name : str
        Its name in a message.
    folder : Path
        Where the kernel starts.
    arguments : sequence of str
        Given to the kernel when it starts.
    **env : str
        Environment variables beside those of this process.

    Yields
    ------
    client : nbclient.NotebookClient
        `client.execute_cell(cell, 0)` runs one more cell in the kernel.
    failure : str
        Which cell failed and why, in a few lines; empty when none did.
    """
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    # Without folders to look in, "python3" can only be this interpreter: no kernel of the user's own wins.
    manager = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=KernelSpecManager(kernel_dirs=[]))
    client = NotebookClient(
        nb,
        km=manager,
        timeout=1800,
        coalesce_streams=True,
        extra_arguments=list(arguments),
        resources={"metadata": {"path": str(folder)}},
    )
    # nbclient answers widgets while it waits for the kernel, and may then miss, for ever, that the cell ended
    # (github.com/jupyter/nbclient/issues/312). Unanswered, a slider draws its figure into the cell.
    client.comm_open_handlers = {"jupyter.widget": lambda message: None}
    at, failure, env = [0], "", {**os.environ, **KERNEL, **env}
    client.on_cell_execute = lambda cell, cell_index: at.__setitem__(0, cell_index)
    try:
        try:
            # The kernel's own log is not for the reader: what cells write to stderr is in their outputs.
            client.execute(env=env, stderr=subprocess.DEVNULL)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            where = f"cell {at[0] + 1}, section '{section_of(nb, at[0])}'"
            failure = f"{name} failed in {where}:\n{reason(error)}"
        yield client, failure
    finally:
        run_sync(manager.shutdown_kernel)(now=True)


def execute(path, **env):
    """Run a notebook in its own folder; return it with its outputs, the seconds by section, and `failure`."""
    nb = nbformat.read(path, as_version=4)
    start = time.perf_counter()
    with live(nb, path.name, path.resolve().parent, [RETINA], **env) as (_, failure):
        return nb, {**section_seconds(nb), "total": time.perf_counter() - start}, failure


def reason(error):
    """Return the failing line and the message of an error, indented."""
    if not isinstance(error, CellExecutionError):
        return f"    {type(error).__name__}: {str(error).strip().splitlines()[0]}"
    arrow = re.search(r"(?m)^-+> ?\d+ .*$", re.sub(r"\x1b\[[0-9;]*m", "", error.traceback))
    return (f"    {arrow.group()}\n" if arrow else "") + f"    {error.ename}: {error.evalue}"[:500]


def report(name, seconds):
    """Print the seconds of a notebook per section, and in all."""
    width = max(map(len, [name, *seconds]))
    print(f"\n{name.ljust(width)}   seconds")
    for title, figure in seconds.items():
        print(f"{title.ljust(width)}{figure:10.1f}", flush=True)


def universe(path):
    """Return the universe in which a notebook is saved: part 1 the real one if it is here, else simulated."""
    folder = Path(os.environ.get("XGASS_DATA") or ROOT / "data" / "xgass")
    real = path.name.startswith("01-") and any(folder.glob("xGASS_representative_sample.*"))
    return {"XGASS_SOURCE": "xgass" if real else "mock"}


def unfit(nb):
    """Return what makes outputs unfit to be saved: errors, stderr, warnings, paths of this machine."""
    found = []
    for index, cell in enumerate(nb.cells):
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            text = output.get("text", "") + "".join(data[mime] for mime in data if mime.startswith("text/"))
            faults = {
                "error": output.output_type == "error" and f"{output.ename}: {output.evalue}",
                "stderr": output.get("name") == "stderr" and text.strip(),
                "warning": (match := WARNING.search(text)) and match.group(),
                "path of this machine": (match := MACHINE_PATH.search(text)) and match.group(),
            }
            found += [f"    cell {index + 1}, {kind}: {what[:200]}" for kind, what in faults.items() if what]
    return found


def stated_universes(nb):
    """Return the lines of a run that say which universe is in use, that of the notebook first."""
    texts = [output.get("text", "") for cell in nb.cells for output in cell.get("outputs", [])]
    return list(dict.fromkeys(re.findall(r"(?m)^Using the .*", "\n".join(texts))))


def versions(nb):
    """Return {name: version} of Python and of the packages that the cells of a notebook import."""
    code = "\n".join(cell.source for cell in nb.cells if cell.cell_type == "code")
    known = metadata.packages_distributions()
    found = {known[name][0] for name in re.findall(r"(?m)^ *(?:from|import) (\w+)", code) if name in known}
    installed = {name: metadata.version(name).split("+")[0] for name in sorted(found)}
    return {"Python": platform.python_version(), **installed}


def lighter(png):
    """Return a PNG, in base64, with a palette of 256 colours, unless that shows: a third of the bytes."""
    with Image.open(io.BytesIO(base64.b64decode(png))) as opened:
        picture = opened.convert("RGB")
    few = picture.quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    off = np.asarray(ImageChops.difference(picture, few.convert("RGB")))
    # Lines and points pass; colour maps and photographs with many colours do not.
    kept = few if np.percentile(off, 99.5) <= 6 else picture
    kept.save(buffer := io.BytesIO(), "PNG", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()


def tidy(nb):
    """Make outputs fit to be saved: the same from run to run, with words for who cannot see a figure.

    Sliders go, dead without a kernel. Which universe the outputs show, and which versions made them, comes
    into the metadata: the site says it.
    """
    for cell in nb.cells:
        cell.metadata.pop("execution", None)
        alt = cell.metadata.get("mystnb", {}).get("image", {}).get("alt")
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if WIDGET not in output.get("data", {})]
            for output in cell.outputs:
                if "image/png" in output.get("data", {}):
                    output.data["image/png"] = lighter(output.data["image/png"])
                    output.metadata.setdefault("image/png", {}).update({"alt": alt} if alt else {})
    language = {key: value for key, value in nb.metadata.get("language_info", {}).items() if key != "version"}
    made = {"universe": "".join(stated_universes(nb)[:1]), "versions": versions(nb)}
    nb.metadata = nbformat.from_dict({"kernelspec": KERNELSPEC, "language_info": language, "tutorial": made})
    return nb


def save_result(nb, path=ROOT / "docs" / "result.png"):
    """Save the figure of the cell with the tag `readme-figure`, if there is one: the README shows it."""
    for cell in nb.cells:
        if "readme-figure" in cell.metadata.get("tags", []):
            figure = next(o.data["image/png"] for o in cell.outputs if "image/png" in o.get("data", {}))
            path.write_bytes(base64.b64decode(figure))


def run(path, args):
    """Execute a copy into the build folder; return what failed."""
    args.out.mkdir(parents=True, exist_ok=True)
    nb, seconds, failure = execute(path)
    nbformat.write(nb, args.out / path.name)
    page, _ = HTMLExporter().from_notebook_node(nb, resources={"metadata": {"name": path.stem}})
    (args.out / f"{path.stem}.html").write_text(page, encoding="utf-8")
    report(path.name, seconds)
    print(*stated_universes(nb), sep="\n")
    return [f"{failure}\n    What ran is kept in {os.path.relpath(args.out / path.name)}."] if failure else []


def refresh(path, _):
    """Execute a notebook and save its outputs in place; return what was refused and why."""
    env = universe(path)
    if path.name.startswith("01-") and env["XGASS_SOURCE"] != "xgass":
        return [
            f"{path.name} is not saved: it is shown on the real catalogue, which is not here. "
            "`make data` fetches it, or name its folder in XGASS_DATA."
        ]
    nb, seconds, failure = execute(path, TUTORIAL_FAST="", **env)
    report(path.name, seconds)
    if complaints := [failure] if failure else unfit(nb):
        return [f"{path.name} is not saved:", *complaints]
    nbformat.write(tidy(nb), path)
    save_result(nb)
    return []


def handout(path, args):
    """Write a notebook for a room, without solutions, and one with the exercises filled in."""
    nb = nbformat.read(path, as_version=4)
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    answers = solved(nb)
    for cell in nb.cells:
        if tag(cell, "solution"):
            cell.source = re.sub(r"(?s)<details><summary>Solution.*?</details>", "", cell.source).strip()
    for folder, version in [("handout", nb), ("handout/answers", answers)]:
        (args.out / folder).mkdir(parents=True, exist_ok=True)
        nbformat.write(version, args.out / folder / path.name)
        print(os.path.relpath(args.out / folder / path.name))
    return []


def main():
    """Read the command line; the exit status is 1 when anything failed or was refused."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("command", choices=["run", "refresh", "handout"])
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: every notebook of day2/")
    parser.add_argument("--out", type=Path, default=ROOT / "build", help="folder of the executed copies")
    args = parser.parse_intermixed_args()
    paths = args.notebooks or sorted((ROOT / "day2").glob("*.ipynb"))
    if named := os.environ.get("XGASS_DATA"):
        os.environ["XGASS_DATA"] = os.path.abspath(named)  # a kernel starts in another folder
    command = {"run": run, "refresh": refresh, "handout": handout}[args.command]
    problems = [problem for path in paths for problem in command(path, args)]
    sys.exit("\n" + "\n".join(problems) if problems else 0)


if __name__ == "__main__":
    main()
