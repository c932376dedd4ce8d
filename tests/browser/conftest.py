"""A real browser, driven as a learner drives it; screenshots are kept under build/browser/."""

import os
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / "build" / "browser"
NAMES = ["chromium", "chromium-browser", "google-chrome",
         "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"]
FLAGS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # a browser that calls nobody by itself
# The Colab badge at the head of each notebook: a picture on another host, kept from the network here.
BADGE = "https://colab.research.google.com/assets/colab-badge.svg"


def find_browser():
    """Return the path of a Chromium or Chrome, or None; one that CHROMIUM names must work."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="module")
def browser():
    """A headless browser for the tests of one file."""
    path = find_browser()
    if not path:
        pytest.skip("no browser: install Chromium (Debian: apt install chromium) or Google Chrome, "
                    "or name one in the environment variable CHROMIUM")
    with sync_playwright() as playwright:
        # Playwright leaves the sandbox off: root has none, and only our own pages are opened.
        chromium = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def open_page(browser):
    """Return a function that opens an address: (page, faults), where the list of faults grows with use.

    A fault is an error in a script or on the console, a request that failed, or one to another machine.
    """
    contexts = []

    def open_it(address, **screen):
        contexts.append(browser.new_context(**screen))
        contexts[-1].set_default_timeout(60_000)
        page, faults = contexts[-1].new_page(), []

        def guard(route):
            url = urlsplit(route.request.url)
            if url.geturl() == BADGE:
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
        page.goto(address)
        return page, faults

    yield open_it
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def keep():
    """Return a function that keeps what a page shows as build/browser/NAME.png."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return lambda page, name: page.screenshot(path=SCREENSHOTS / f"{name}.png")


@pytest.fixture(scope="session")
def open_folds():
    """Return a function that opens every folded hint and solution by a click, and asserts what it shows."""

    def open_all(page, expected):
        folds = page.locator("details")
        assert folds.locator("summary").all_inner_texts() == expected, "the folds of the saved notebook"
        for fold, title in zip(folds.all(), expected, strict=True):
            inside = fold.locator(":scope > :not(summary)")
            assert inside.count() and not any(part.is_visible() for part in inside.all()), "folded at first"
            fold.locator("summary").click()
            assert all(part.is_visible() and part.inner_text().strip() for part in inside.all()), "open"
            assert title != "Solution" or fold.locator("pre").is_visible(), "a solution shows its code"

    return open_all
