"""Both notebooks in JupyterLab, run and read in a browser as a learner does, in fast mode on the mock sample.

The server has its own folders for settings and data, and works on a copy of day2/ and data/mock/.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from playwright.sync_api import expect

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "day2").glob("*.ipynb"))
LEFT_OUT = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "models")
NO_NEWS = {"apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False}}
# JupyterLab may leave cells out of the page that are off the screen; here every cell is looked at.
ALL_CELLS = {"notebook-extension/tracker": {"windowingMode": "none"}}
SCREEN = {"viewport": {"width": 1280, "height": 800}}
# On its way to a new kernel JupyterLab is idle for moments, and drops what is run then.
KERNEL_READY = """() => {
    const bar = document.querySelector("#jp-main-statusbar");
    if (!bar?.textContent.includes("Python 3 (ipykernel) | Idle")) window.busy = Date.now();
    return Date.now() - (window.busy ??= Date.now()) > 3000;
}"""
FIGURES_ON_SCREEN = """() => [...document.querySelectorAll(".jp-OutputArea-output img")].filter(e => {
    const box = e.getBoundingClientRect();
    return e.complete && e.naturalWidth > 100 && box.width > 100 && box.bottom > 0 && box.top < innerHeight;
}).map(e => e.src)"""
AT_THE_END = """() => {
    const box = document.querySelector(".jp-WindowedPanel-outer");
    return box.scrollTop + box.clientHeight > box.scrollHeight - 2;
}"""
MINUTES = 60_000  # in the milliseconds of Playwright
expect.set_options(timeout=1 * MINUTES)


@contextlib.contextmanager
def jupyterlab(folder, settings):
    """Run a JupyterLab that keeps to `folder`; give a function from the name of a notebook to its address."""
    for part in ("day2", "data/mock"):
        shutil.copytree(ROOT / part, folder / "work" / part, ignore=LEFT_OUT)
    for plugin, values in settings.items():
        path = folder / "settings" / "@jupyterlab" / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(values))
    # Without MPLBACKEND, which the tests set, figures go into the notebook as they do for a learner.
    env = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "MPL"))}
    env |= {f"JUPYTER_{kind}_DIR": str(folder / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
    env |= {"JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"), "IPYTHONDIR": str(folder / "ipython"),
            "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
            "TUTORIAL_FAST": "1", "XGASS_SOURCE": "mock"}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.port=0",
               f"--ServerApp.root_dir={folder / 'work' / 'day2'}"]
    with open(folder / "log", "w") as log:
        server = subprocess.Popen(command, env=env, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 120
        while not (found := list((folder / "runtime").glob("jpserver-*.json"))):
            assert server.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()[-3000:]
            time.sleep(0.1)
        info = json.loads(found[0].read_text())
        yield lambda name: f"{info['url']}lab/tree/{name}?token={info['token']}"
    finally:
        family = [server, *psutil.Process(server.pid).children(recursive=True)]
        server.terminate()  # the server ends its kernels itself; who has not gone in time is killed
        for process in psutil.wait_procs(family, timeout=30)[1]:
            process.kill()
        server.wait()


def run_all(page):
    """Choose Run > Run All Cells once the kernel is there, and wait until the last cell has run."""
    page.wait_for_function(KERNEL_READY, timeout=2 * MINUTES)
    page.get_by_role("menubar").get_by_text("Run", exact=True).click()
    page.locator(".lm-Menu").get_by_text("Run All Cells", exact=True).click()
    last = page.locator(".jp-CodeCell .jp-InputPrompt").last
    expect(last).to_have_text("[*]:")
    expect(last).not_to_have_text("[*]:", timeout=10 * MINUTES)


def figures_of(nb):
    return [o for cell in nb.cells for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=lambda path: path.stem)
def ran(request, open_page, keep, tmp_path_factory):
    """Return (saved notebook, page after Run All Cells, its faults, its short name)."""
    name = f"lab-{request.param.stem[:2]}"
    # A server each: JupyterLab would open the notebook of the last visit again, in another tab.
    with jupyterlab(tmp_path_factory.mktemp("lab"), NO_NEWS | ALL_CELLS) as address:
        page, faults = open_page(address(request.param.name), **SCREEN)
        try:
            run_all(page)
        finally:
            keep(page, f"{name}-end")
        yield nbformat.read(request.param, as_version=4), page, faults, name
        page.context.close()


def test_every_cell_ran_without_error(ran):
    nb, page, faults, _ = ran
    code = sum(cell.cell_type == "code" and bool(cell.source.strip()) for cell in nb.cells)
    prompts = page.locator(".jp-CodeCell .jp-InputPrompt")
    assert prompts.all_inner_texts() == [f"[{number}]:" for number in range(1, code + 1)]
    wrong = page.locator('[data-mime-type$="jupyter.error"], [data-mime-type$="jupyter.stderr"]')
    assert wrong.all_inner_texts() == []
    assert faults == []


def test_every_figure_is_shown(ran, keep):
    nb, page, _, name = ran
    images = page.locator(".jp-OutputArea-output img")
    expect(images).to_have_count(len(figures_of(nb)))
    shown = images.evaluate_all(
        "all => all.map(e => e.complete && Math.min(e.naturalWidth, e.getBoundingClientRect().width))")
    assert min(shown) > 100, shown
    images.first.scroll_into_view_if_needed()
    keep(page, f"{name}-figure")


def test_slider_moves_its_figure(ran, keep):
    _, page, faults, name = ran
    handle = page.get_by_role("slider")
    image = page.locator(".jp-OutputArea-output", has=handle).last.locator("img")
    before, value = image.get_attribute("src"), float(handle.get_attribute("aria-valuenow"))
    handle.focus()
    handle.press("ArrowRight")
    expect(image).not_to_have_attribute("src", before)
    assert float(handle.get_attribute("aria-valuenow")) > value
    keep(page, f"{name}-slider")
    handle.press("ArrowLeft")
    expect(image).to_have_attribute("src", before)
    assert faults == []


def test_folds_open(ran, open_folds, keep):
    nb, page, faults, name = ran
    text = "\n".join(cell.source for cell in nb.cells if cell.cell_type == "markdown")
    open_folds(page, re.findall(r"<summary>(\w+)</summary>", text))
    for number, solution in enumerate(page.locator("details:nth-of-type(2)").all(), 1):
        solution.scroll_into_view_if_needed()
        keep(page, f"{name}-exercise-{number}")
    assert faults == []


def test_with_the_settings_of_a_learner(open_page, keep, tmp_path):
    """Nothing set: cells off the screen may be left out, and still every figure passes by on the way down."""
    nb = nbformat.read(NOTEBOOKS[0], as_version=4)
    with jupyterlab(tmp_path, NO_NEWS) as address:
        page, faults = open_page(address(NOTEBOOKS[0].name), **SCREEN)
        run_all(page)
        page.mouse.move(700, 400)
        page.mouse.wheel(0, -1_000_000)
        page.wait_for_timeout(500)
        keep(page, "lab-01-default")
        seen = set()
        for _ in range(500):
            page.wait_for_timeout(150)
            seen |= set(page.evaluate(FIGURES_ON_SCREEN))
            if page.evaluate(AT_THE_END):
                break
            page.mouse.wheel(0, 500)
        page.context.close()
    assert len(seen) == len(figures_of(nb))
    assert faults == []
