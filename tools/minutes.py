"""Count how long a reader needs: python tools/minutes.py [--write]

A reader who knew no machine learning and did everything needed close to
    words / 120 + visible lines of code / 6 + 1.5 x cells with figures + 8 x exercises
minutes; folded hints, answers and code do not count. With --write the numbers go into the notebooks (the
italic line below each heading, the line "**Time**" of the first cell), README.md and day2/README.md.
"""

import re
import sys
from pathlib import Path

import nbformat

from cells import CORE, FOLDED, ROOT, has_figure, headings, is_deeper, is_folded, parts, sections

NOTEBOOKS = {1: "01-intro-machine-learning.ipynb", 2: "02-deep-learning.ipynb"}
TEXTS = ["README.md", "day2/README.md"]
CORE_AT_MOST, DEEPER_AT_MOST = 150, 30


def minutes(cells):
    """Return the minutes (float) that a reader needs for some cells; figures are counted in saved outputs."""
    words = lines = figures = exercises = 0
    for cell in cells:
        if cell.cell_type == "markdown":
            words += len(FOLDED.sub("", cell.source).split())
            exercises += bool(re.search(r"\*\*Exercise \d+", cell.source))
        else:
            figures += has_figure(cell)
            if not is_folded(cell):
                lines += sum(bool(line.strip()) for line in cell.source.splitlines())
    return words / 120 + lines / 6 + 1.5 * figures + 8 * exercises


def of_a_section(cells):
    """Return the minutes of a section as they are written: whole, at least 1."""
    return max(1, round(minutes(cells)))


def of_a_part(cells):
    """Return the minutes of the core as they are written: up to the next 5, so that no limit is hidden."""
    return -5 * int(-minutes(cells) // 5)


def table(nb):
    """Return {"core" or section: minutes as written} of a notebook."""
    found = {CORE: of_a_part(parts(nb)[CORE])}
    for heading, cells in list(sections(nb).items())[1:]:
        found[heading] = of_a_section(cells)
    return found


def written(nb):
    """Return the cells of a notebook as texts, with the right minutes in each."""
    known = table(nb)
    texts = [cell.source for cell in nb.cells]
    for index, level, heading in headings(nb):
        if level == 1 and heading in known:
            texts[index] = re.sub(
                r"(?m)^\*\d+ minutes?\b", f"*{in_words(known[heading])}", texts[index], count=1
            )
    texts[0] = re.sub(r"(?m)^(\*\*Time\*\*: about )\d+ minutes", rf"\g<1>{known[CORE]} minutes", texts[0])
    return texts


def in_words(number):
    """Return "1 minute" or "N minutes"."""
    return "1 minute" if number == 1 else f"{number} minutes"


def in_text(text, tables):
    """Return a text with the right minutes in its table rows and sentences.

    A row `| 2. Polynomial regression | 35 | ... |` names a section, `| **core of part 1** | **150** |` a sum;
    `about 150 minutes (part 1)` is the core in a sentence.
    """
    for part, known in tables.items():
        for heading, number in known.items():
            if heading != CORE:
                text = re.sub(rf"(?m)^(\| {re.escape(heading)} \| )\d+ ", rf"\g<1>{number} ", text)
        row = rf"(\| \*\*core of part {part}\*\* \| \*\*)\d+"
        text = re.sub(row, rf"\g<1>{known[CORE]}", text)
        text = re.sub(
            rf"about \d+ minutes \(part {part}\)", f"about {known[CORE]} minutes (part {part})", text
        )
    return text


def too_long(known):
    """Return the parts of a table that take longer than a reader was promised."""
    limits = {heading: DEEPER_AT_MOST for heading in known if is_deeper(heading)} | {CORE: CORE_AT_MOST}
    return {heading: known[heading] for heading, limit in limits.items() if known[heading] > limit}


def notebooks():
    """Return {part: notebook} of the repository."""
    return {part: nbformat.read(ROOT / "day2" / name, as_version=4) for part, name in NOTEBOOKS.items()}


def write(nbs, tables):
    """Put the minutes into the notebooks and the texts."""
    for part, nb in nbs.items():
        for cell, text in zip(nb.cells, written(nb), strict=True):
            cell.source = text
        nbformat.write(nb, ROOT / "day2" / NOTEBOOKS[part])
    for name in TEXTS:
        path = Path(ROOT, name)
        path.write_text(in_text(path.read_text(encoding="utf-8"), tables), encoding="utf-8")


def main():
    """Print the table of both notebooks; with --write put the numbers where they are read."""
    nbs = notebooks()
    tables = {part: table(nb) for part, nb in nbs.items()}
    for part, known in tables.items():
        print(f"\nPart {part}: minutes")
        for heading, number in known.items():
            print(f"{number:5d}  {heading}")
        for heading, number in too_long(known).items():
            print(f"Too long: {heading} takes {number} minutes.")
    if sys.argv[1:] == ["--write"]:
        write(nbs, tables)


if __name__ == "__main__":
    main()
