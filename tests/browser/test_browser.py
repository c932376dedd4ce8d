"""In a real browser: the notebooks as a learner runs them, the site on a desk, on a phone and on paper."""

import functools
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import nbformat
import psutil
import pytest
from playwright.sync_api import expect, sync_playwright

from notebooks import ROOT

pytestmark = pytest.mark.full
SHOTS = ROOT / "build" / "browser"  # screenshots are kept there
NOTEBOOKS = sorted((ROOT / "day2").glob("*.ipynb"))
SCREENS = {
    "desk": {"viewport": {"width": 1100, "height": 800}},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}
A4 = {"width": 680, "height": 1000}  # without its margins, in CSS pixels
NAMES = ["chromium", "chromium-browser", "google-chrome"]
NAMES += ["/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"]
FLAGS = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
MINUTES = 60_000  # in the milliseconds of Playwright
# On its way to a new kernel JupyterLab is idle for moments, and drops what is run then.
KERNEL_READY = """() => {
    const bar = document.querySelector("#jp-main-statusbar");
    if (!bar?.textContent.includes("Python 3 (ipykernel) | Idle")) window.busy = Date.now();
    return Date.now() - (window.busy ??= Date.now()) > 3000;
}"""
# Returns what a reader, or paper, would miss; an empty list is a good page.
FAULTS = """paper => {
    const faults = [], page = document.documentElement;
    if (page.scrollWidth > page.clientWidth) faults.push("the text scrolls sideways");
    for (const e of document.querySelectorAll("article *")) {
        const cuts = paper ? e.matches("pre, table") : /hidden|clip/.test(getComputedStyle(e).overflowX);
        if (cuts && e.clientWidth && e.scrollWidth > e.clientWidth + 1) faults.push(`cut: ${e.outerHTML}`);
        const box = e.getBoundingClientRect();
        if (e.tagName != "IMG") continue;
        if (e.naturalWidth < 100 || box.width < 100) faults.push(`not shown: ${e.src}`);
        if (box.right > page.clientWidth || paper && box.height > innerHeight) faults.push(`cut: ${e.src}`);
        if (e.alt.length < 20 || e.alt.includes("_images")) faults.push(`without words: ${e.src}`);
    }
    return faults.map(fault => fault.slice(0, 200));
}"""


@pytest.fixture(scope="module")
def open_page():
    """Return a function that opens an address: (page, faults), where the list of faults grows with use.

    A fault is an error in a script or on the console, a request that failed, or one to another machine.
    """
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if not path:
        pytest.skip("no browser: install Chromium or Google Chrome, or name one in the variable CHROMIUM")

    def open_it(address, **screen):
        page, faults = chromium.new_context(**screen).new_page(), []

        def guard(route):
            url = urlsplit(route.request.url)
            if url.path == "/assets/colab-badge.svg":  # at the head of each notebook, kept from the network
                route.fulfill(status=204)
            elif url.scheme in ("data", "blob", "file") or url.hostname in ("localhost", "127.0.0.1"):
                route.continue_()
            else:
                faults.append(f"asks {url.hostname}")
                route.abort()

        page.route("**/*", guard)
        page.on("requestfailed", lambda request: faults.append(f"{request.url[:200]}: {request.failure}"))
        page.on("pageerror", lambda error: faults.append(f"script: {error}"))
        page.on("console", lambda line: line.type == "error" and faults.append(f"console: {line.text}"))
        page.goto(address, timeout=60_000)
        return page, faults

    with sync_playwright() as playwright:
        # Playwright leaves the sandbox off: root has none, and only our own pages are opened.
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield open_it
        chromium.close()


def figures(nb):
    return [o for cell in nb.cells for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]


def open_folds(page, nb):
    """Open every folded hint and solution by a click, and assert what it shows."""
    folds = page.locator("details")
    titles = re.findall(r"<summary>(\w+)</summary>", "".join(cell.source for cell in nb.cells))
    assert folds.locator("summary").all_inner_texts() == titles
    for fold in folds.all():
        inside = fold.locator(":scope > :not(summary)")
        assert inside.count() and not any(part.is_visible() for part in inside.all()), "folded at first"
        fold.locator("summary").click()
        assert all(part.is_visible() and part.inner_text().strip() for part in inside.all()), "open"


@pytest.fixture
def lab(tmp_path):
    """Return the address of a notebook in a JupyterLab with settings of its own, on a copy of day2/."""
    settings = {
        "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
        # JupyterLab may leave cells out of the page that are off the screen; here every cell is looked at.
        "notebook-extension/tracker": {"windowingMode": "none"},
    }
    for plugin, values in settings.items():
        path = tmp_path / "settings" / "@jupyterlab" / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(values))
    for name in ("day2", "data/mock"):
        shutil.copytree(ROOT / name, tmp_path / "work" / name, ignore=shutil.ignore_patterns("models"))
    env = {f"JUPYTER_{kind}_DIR": str(tmp_path / kind.lower()) for kind in ("CONFIG", "DATA", "RUNTIME")}
    env |= {f"JUPYTERLAB_{kind}_DIR": str(tmp_path / kind.lower()) for kind in ("SETTINGS", "WORKSPACES")}
    env |= {"IPYTHONDIR": str(tmp_path / "ipython"), "TUTORIAL_FAST": "1", "XGASS_SOURCE": "mock"}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.port=0"]
    command += [f"--ServerApp.root_dir={tmp_path / 'work' / 'day2'}"]
    with open(tmp_path / "log", "w") as log:
        server = subprocess.Popen(command, env=os.environ | env, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 120
        while not (found := list((tmp_path / "runtime").glob("jpserver-*.json"))):
            assert server.poll() is None and time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.1)
        info = json.loads(found[0].read_text())
        yield lambda name: f"{info['url']}lab/tree/{name}?token={info['token']}"
    finally:
        family = [server, *psutil.Process(server.pid).children(recursive=True)]
        server.terminate()  # the server ends its kernels itself; who has not gone in time is killed
        for process in psutil.wait_procs(family, timeout=30)[1]:
            process.kill()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_run_all_cells(path, lab, open_page):
    """Every cell runs without an error; every figure is shown, a slider moves its own; folds open."""
    nb = nbformat.read(path, as_version=4)
    page, faults = open_page(lab(path.name), **SCREENS["desk"])
    page.wait_for_function(KERNEL_READY, timeout=2 * MINUTES)
    page.get_by_role("menubar").get_by_text("Run", exact=True).click()
    page.locator(".lm-Menu").get_by_text("Run All Cells", exact=True).click()
    prompts = page.locator(".jp-CodeCell .jp-InputPrompt")
    expect(prompts.last).to_have_text("[*]:", timeout=1 * MINUTES)
    expect(prompts.last).not_to_have_text("[*]:", timeout=10 * MINUTES)
    page.screenshot(path=SHOTS / f"lab-{path.stem[:2]}.png")
    n_code = sum(cell.cell_type == "code" for cell in nb.cells)
    assert prompts.all_inner_texts() == [f"[{number}]:" for number in range(1, n_code + 1)]
    wrong = page.locator('[data-mime-type$="jupyter.error"], [data-mime-type$="jupyter.stderr"]')
    assert wrong.all_inner_texts() == []
    images = page.locator(".jp-OutputArea-output img")
    expect(images).to_have_count(len(figures(nb)))
    assert min(images.evaluate_all("all => all.map(e => Math.min(e.naturalWidth, e.offsetWidth))")) > 100
    handle = page.get_by_role("slider")
    image = page.locator(".jp-OutputArea-output", has=handle).last.locator("img")
    before = image.get_attribute("src")
    handle.focus()
    handle.press("ArrowRight")
    expect(image).not_to_have_attribute("src", before, timeout=1 * MINUTES)
    open_folds(page, nb)
    assert faults == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("screen", ["desk", "phone"])
def test_site(screen, scheme, site, open_page):
    """From disk: every page is whole, alone, readable, and can be printed; folds open."""
    for path in [path for path in sorted(site.rglob("*.html")) if "_static" not in path.parts]:
        page, faults = open_page(path.as_uri(), color_scheme=scheme, **SCREENS[screen])
        assert page.evaluate("document.documentElement.dataset.theme") == scheme
        faults += page.evaluate(FAULTS, False)
        if path.with_suffix(".ipynb").name in [notebook.name for notebook in NOTEBOOKS]:
            nb = nbformat.read(ROOT / "day2" / f"{path.stem}.ipynb", as_version=4)
            assert page.locator("article img").count() == len(figures(nb)) > 0
            page.locator("article img").first.scroll_into_view_if_needed()
            page.screenshot(path=SHOTS / f"site-{path.stem[:2]}-{screen}-{scheme}.png")
            open_folds(page.locator("article"), nb)
        page.emulate_media(media="print")
        page.set_viewport_size(A4)
        faults += page.evaluate(FAULTS, True)
        assert (path.name, faults) == (path.name, [])
        page.context.close()


@pytest.mark.parametrize("served", [True, False], ids=["site", "disk"])
def test_search_finds(served, site, open_page):
    handler = functools.partial(SimpleHTTPRequestHandler, directory=site)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        root = f"http://127.0.0.1:{server.server_port}" if served else site.as_uri()
        page, faults = open_page(f"{root}/search.html?q=Tobit", **SCREENS["desk"])
        page.locator("#search-results a", has_text="part 1").first.click()
        page.wait_for_url("**/01-intro-machine-learning.html*")
        server.shutdown()
    # From disk the list has no excerpts, and says so on the console: no page may fetch another one there.
    assert [fault for fault in faults if served or "asks" in fault] == []
