"""The HTML pages, at the width of a laptop and of a phone."""

import re
from pathlib import Path

import nbformat
import pytest

from notebooks import save_page

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "day2").glob("*.ipynb"))
SCREENS = {
    "desktop": {"viewport": {"width": 1280, "height": 800}},
    "phone": {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "has_touch": True,
              "is_mobile": True},
}
# Each script returns what is wrong; an empty list is a good page.
LAYOUT = {
    "the text scrolls sideways": """() => {
        const wide = document.documentElement;
        return wide.scrollWidth > wide.clientWidth ? [`${wide.scrollWidth} > ${wide.clientWidth} px`] : [];
    }""",
    "cut off, and no way to scroll there": """() => [...document.querySelectorAll("main *")]
        .filter(e => ["hidden", "clip"].includes(getComputedStyle(e).overflowX))
        .filter(e => e.clientWidth && e.scrollWidth > e.clientWidth + 1)
        .map(e => `${e.className}: ${e.innerText.slice(0, 40)}`)""",
    "figure not shown, or wider than the screen": """() => [...document.querySelectorAll("img")]
        .filter(e => !e.complete || e.naturalWidth < 100 || e.getBoundingClientRect().width < 100
                || e.getBoundingClientRect().left < 0
                || e.getBoundingClientRect().right > document.documentElement.clientWidth)
        .map(e => e.alt)""",
    "text smaller than 12 px": """() => {
        const walk = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
        const small = [];
        while (walk.nextNode()) {
            const text = walk.currentNode.data.trim(), box = walk.currentNode.parentElement;
            const size = parseFloat(getComputedStyle(box).fontSize);
            if (text && box.checkVisibility() && size < 12) small.push(`${size} px: ${text.slice(0, 40)}`);
        }
        return small;
    }""",
    "headings that skip a level": """() => [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")]
        .filter((e, i, all) => e.tagName[1] - (i ? all[i - 1].tagName[1] : 0) > 1).map(e => e.innerText)""",
    "figure without words for those who cannot see it": """() => [...document.querySelectorAll("img")]
        .filter(e => !/^(Figure \\d+\\. .|Move the slider .)/.test(e.alt)).map(e => e.alt)""",
}
SPOILS = {
    "the text scrolls sideways": "<div style='width: 3000px'>wide</div>",
    "cut off, and no way to scroll there":
        "<div style='overflow: hidden'><div style='width: 3000px'>wide</div></div>",
    "figure not shown, or wider than the screen":
        "<img alt='Figure 9. Gone' src='data:image/png;base64,aaaa'>",
    "text smaller than 12 px": "<p><small style='font-size: 11px'>small</small></p>",
    "headings that skip a level": "<h6>six</h6>",
    "figure without words for those who cannot see it": "<img alt=''>",
}


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Return the folder of the pages that the saved notebooks become."""
    folder = tmp_path_factory.mktemp("pages")
    for path in NOTEBOOKS:
        save_page(nbformat.read(path, as_version=4), folder / f"{path.stem}.html")
    return folder


@pytest.fixture(scope="module", params=SCREENS)
def screen(request):
    return request.param


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=lambda path: path.stem)
def shown(request, screen, pages, open_page):
    """Return (saved notebook, page, its faults so far, its short name)."""
    nb = nbformat.read(request.param, as_version=4)
    page, faults = open_page((pages / f"{request.param.stem}.html").as_uri(), **SCREENS[screen])
    return nb, page, faults, f"page-{request.param.stem[:2]}-{screen}"


@pytest.mark.parametrize("fault", LAYOUT)
def test_layout(shown, fault):
    _, page, _, _ = shown
    assert page.evaluate(LAYOUT[fault]) == []


def test_whole_and_alone(shown, keep):
    """Every figure of the notebook is there, no script fails, and nothing is asked of the network."""
    nb, page, faults, name = shown
    saved = [o for cell in nb.cells for o in cell.get("outputs", []) if "image/png" in o.get("data", {})]
    assert page.locator("img").count() == len(saved) > 0
    assert faults == []
    for number in 1, 2, 3:
        keep(page, f"{name}-{number}")
        page.mouse.wheel(0, page.viewport_size["height"])
        page.wait_for_timeout(300)  # the wheel glides
    page.locator("img").first.scroll_into_view_if_needed()
    keep(page, f"{name}-figure")


def test_folds_open(shown, open_folds, keep):
    nb, page, _, name = shown
    text = "\n".join(cell.source for cell in nb.cells if cell.cell_type == "markdown")
    open_folds(page, re.findall(r"<summary>(\w+)</summary>", text))
    page.locator("details").nth(1).scroll_into_view_if_needed()
    keep(page, f"{name}-solution")


def test_page_leads_to_page(shown):
    _, page, faults, _ = shown
    here = page.url
    link = page.get_by_role("link", name=re.compile(r"^part \d$", re.I)).first
    there = link.get_attribute("href")
    link.click()
    page.wait_for_url(f"**/{there}")
    assert there not in here and re.match(r"Practical machine learning .*part \d", page.title())
    page.go_back()
    assert page.url == here and faults == []


@pytest.mark.parametrize("fault", LAYOUT)
def test_each_layout_fault_is_seen(screen, pages, open_page, fault):
    page, _ = open_page((pages / f"{NOTEBOOKS[0].stem}.html").as_uri(), **SCREENS[screen])
    before = page.evaluate(LAYOUT[fault])
    page.locator("main").evaluate("(main, html) => main.insertAdjacentHTML('beforeend', html)", SPOILS[fault])
    assert len(page.evaluate(LAYOUT[fault])) == len(before) + 1
