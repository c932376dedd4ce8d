"""The site: the notebooks with their saved outputs and the texts, read where they are, never executed.

`make site` builds it. LAST_CHECKED, in the environment, is the day on which the weekly checks passed.
"""

import json
import os
import re
import shutil
from pathlib import Path

REPOSITORY = "https://github.com/jwuphysics/AstroHackWeek2022"
WEEKLY = f"{REPOSITORY}/actions/workflows/weekly.yml"
DAY = os.environ.get("LAST_CHECKED")
CHECKED = f"The weekly checks last passed on {DAY}" if DAY else "When the weekly checks last passed"

project = html_title = "Practical machine learning for astronomers"
language = "en"
extensions = ["myst_nb"]
root_doc = "README"
include_patterns = ["*.md", "data/**.md", "day2/*.md", "day2/*.ipynb", "docs/glossary.md"]
exclude_patterns = [".*", "build", "data/xgass", "data/practice", "tests", "tools", "**/.*"]
nb_execution_mode = "off"
myst_enable_extensions = ["html_image"]
myst_heading_anchors = 3

html_theme = "sphinx_book_theme"
html_static_path = ["site.css", "site.js"]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_context = {"default_mode": "auto"}  # light or dark, as the reader's system is
html_show_copyright = html_show_sphinx = False
html_theme_options = {
    "repository_url": REPOSITORY,
    "repository_branch": "main",
    "path_to_docs": "",
    "launch_buttons": {"colab_url": "https://colab.research.google.com"},
    "use_repository_button": True,
    "use_fullscreen_button": False,
    "navbar_persistent": [],
    "show_toc_level": 2,
    "footer_content_items": ["extra-footer"],
    "extra_footer": f'<p><a href="{WEEKLY}">{CHECKED}</a></p>',
}

# Publishers refuse robots; asked for the reference instead of the page, the DOI's own registry answers.
linkcheck_request_headers = {"https://doi.org/": {"Accept": "application/vnd.citationstyles.csl+json"}}
linkcheck_ignore = [r"https?://(localhost|127\.0\.0\.1)\b"]  # what a cell shows on the reader's own machine
linkcheck_anchors = False
linkcheck_retries = 3

CONTENTS = """
```{toctree}
:hidden:
:glob:

Part 1: from a table <day2/01-intro-machine-learning>
Part 2: from pictures <day2/02-deep-learning>
docs/glossary
day2/README
data/README
data/mock/README
[!R]*
```
"""


def provenance(nb):
    """Return a note that says which universe a notebook's outputs show, and which versions made them."""
    made = nb["metadata"].get("tutorial")
    if not made:
        return "The outputs on this page were not saved by `make refresh`."
    versions = ", ".join(f"{name} {version}" for name, version in made["versions"].items())
    return (
        f"```{{admonition}} The outputs on this page\n:class: note\n*{made['universe']}*\n"
        f"Made with {versions}. [{CHECKED}]({WEEKLY}).\n```"
    )


def adapt_notebook(nb):
    """Say below the title where the outputs come from; put every other heading one level below the title."""
    texts = [cell for cell in nb["cells"] if cell["cell_type"] == "markdown"]
    for cell in texts:
        cell["source"] = "".join(cell["source"])
    for cell in texts[1:]:
        parts = re.split(r"(?ms)(^```.*?^```)", cell["source"])  # every second part is a code fence
        parts[::2] = [re.sub(r"(?m)^#", "##", part) for part in parts[::2]]
        cell["source"] = "".join(parts)
    texts[0]["source"] += f"\n\n{provenance(nb)}"
    for cell in nb["cells"]:
        title_as_prompt(cell)


def title_as_prompt(cell):
    """Take the line "# @title ..." out of folded code, and use it as the words that open it."""
    source = "".join(cell["source"])
    if cell["cell_type"] == "code" and source.startswith("# @title "):
        title, _, cell["source"] = source.partition("\n")
        prompt = title.removeprefix("# @title ")
        cell["metadata"].setdefault("mystnb", {})["code_prompt_show"] = f"Code: {prompt}"


def adapt(app, docname, source):
    """Turn the badge, a picture on another host, into words; add the table of contents to the first page."""
    source[0] = re.sub(r"!\[([^\]]*)\]\(https?://[^)]*\.svg\)", r"\1", source[0])
    if docname == root_doc:
        source[0] += CONTENTS
    if Path(app.env.doc2path(docname)).suffix == ".ipynb":
        nb = json.loads(source[0])
        adapt_notebook(nb)
        source[0] = json.dumps(nb)


def first_page(app, exception):
    """Make the first page the one that a server sends for the folder."""
    if not exception and app.builder.format == "html":
        shutil.copy(app.outdir / f"{root_doc}.html", app.outdir / "index.html")


def setup(app):
    app.connect("source-read", adapt)
    app.connect("build-finished", first_page)
