"""The site: its build is strict, and a notebook says what it shows."""

import re

COLAB = "https://colab.research.google.com/github/jwuphysics/AstroHackWeek2022/blob/main/{}.ipynb"


def test_site(site):
    """The texts lead to each other: the build is strict. A notebook says what it shows."""
    first = (site / "index.html").read_text("utf-8")
    for name in ("day2/01-intro-machine-learning", "day2/02-deep-learning"):
        page, colab = (site / f"{name}.html").read_text("utf-8"), COLAB.format(name)
        assert set(re.findall(r"https://colab\.[^/]+/github/[^\"]+", page)) == {colab}
        assert re.search(r"<em>Using the .+</em>\nMade with Python 3\..+numpy \d", page)
        assert colab in first and f'href="{name}.html"' in first and "badge.svg" not in first + page


def test_every_page_is_reached_from_the_first(site):
    first = (site / "index.html").read_text("utf-8")
    links = set(re.findall(r'<a [^>]*href="([^"#:]+\.html)', first))
    pages = {p.relative_to(site).as_posix() for p in site.rglob("*.html") if "_static" not in p.parts}
    of_sphinx = {"search.html", "genindex.html"}
    assert pages - links == {"index.html", "README.html"} | of_sphinx
