"""Count how long a reader needs: python tools/minutes.py [--write]

A reader who knew no machine learning and did everything needed close to
    words / 120 + visible lines of code / 6 + 1.5 x cells with figures + 8 x exercises
minutes; folded hints, answers and code do not count. With --write the numbers go into the notebooks (the
italic line below each heading), day2/README.md and README.md.
"""

import math
import re
import sys

import nbformat

from cells import (
    CORE,
    FOLDED,
    NOTEBOOKS,
    ROOT,
    headings,
    is_deeper,
    is_folded,
    parts,
    pictures_of,
    read_all,
    sections,
)

CORE_AT_MOST, DEEPER_AT_MOST = 150, 30


def minutes(cells):
    """Return the minutes (float) that a reader needs for some cells; figures are counted in saved outputs."""
    words = lines = figures = exercises = 0
    for cell in cells:
        if cell.cell_type == "markdown":
            words += len(FOLDED.sub("", cell.source).split())
            exercises += bool(re.search(r"\*\*Exercise \d+", cell.source))
        else:
            figures += bool(pictures_of(cell))
            if not is_folded(cell):
                lines += sum(bool(line.strip()) for line in cell.source.splitlines())
    return words / 120 + lines / 6 + 1.5 * figures + 8 * exercises


def of_a_section(cells):
    """Return the minutes of a section as they are written: whole, at least 1."""
    return max(1, round(minutes(cells)))


def of_a_part(cells):
    """Return the minutes of the core as they are written: up to the next 5, so that no limit is hidden."""
    return 5 * math.ceil(minutes(cells) / 5)


def table_of(nb):
    """Return {"core" or section: minutes as written} of a notebook."""
    table = {CORE: of_a_part(parts(nb)[CORE])}
    for heading, cells in list(sections(nb).items())[1:]:
        table[heading] = of_a_section(cells)
    return table


def replaced(pattern, replacement, text):
    """Return a text in which the one place that matches is replaced.

    Raises
    ------
    ValueError
        No place matches, or several do.
    """
    text, count = re.subn(pattern, replacement, text)
    if count != 1:
        raise ValueError(f"{count} places match {pattern!r}; one should.")
    return text


def counted(number):
    """Return "1 minute" or "N minutes"."""
    return "1 minute" if number == 1 else f"{number} minutes"


def written(nb):
    """Return the cells of a notebook as texts, with the right minutes below each heading."""
    table = table_of(nb)
    texts = [cell.source for cell in nb.cells]
    for index, level, heading in headings(nb):
        if level == 1 and heading in table:
            pattern = rf"(?m)^(# {re.escape(heading)} *\n\n\*)\d+ minutes?\b"
            texts[index] = replaced(pattern, rf"\g<1>{counted(table[heading])}", texts[index])
    return texts


def with_rows(text, part, table):
    """Return the text of day2/README.md with the right minutes in the rows of a part.

    `| 2. Polynomial regression | 35 | ... |` is a section, `| **core of part 1** | **150** |` the sum.
    """
    for heading, number in table.items():
        if heading != CORE:
            text = replaced(rf"(?m)^(\| {re.escape(heading)} \| )\d+ ", rf"\g<1>{number} ", text)
    return replaced(rf"(\| \*\*core of part {part}\*\* \| \*\*)\d+", rf"\g<1>{table[CORE]}", text)


def with_sentences(text, part, table):
    """Return the text of README.md with the right minutes in "about 150 minutes (part 1)"."""
    return replaced(rf"\babout \d+( minutes \(part {part}\))", rf"about {table[CORE]}\1", text)


TEXTS = {"day2/README.md": with_rows, "README.md": with_sentences}


def too_long(table):
    """Return the parts of a table that take longer than a reader was promised."""
    limits = {heading: DEEPER_AT_MOST for heading in table if is_deeper(heading)} | {CORE: CORE_AT_MOST}
    return {heading: table[heading] for heading, limit in limits.items() if table[heading] > limit}


def write(nbs, tables):
    """Put the minutes into the notebooks and the texts."""
    for part, nb in nbs.items():
        for cell, text in zip(nb.cells, written(nb), strict=True):
            cell.source = text
        nbformat.write(nb, ROOT / "day2" / NOTEBOOKS[part])
    for name, with_minutes in TEXTS.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        for part, table in tables.items():
            text = with_minutes(text, part, table)
        (ROOT / name).write_text(text, encoding="utf-8")


def main():
    """Print the table of both notebooks; with --write put the numbers where they are read."""
    nbs = read_all()
    tables = {part: table_of(nb) for part, nb in nbs.items()}
    for part, table in tables.items():
        print(f"\nPart {part}: minutes")
        for heading, number in table.items():
            print(f"{number:5d}  {heading}")
        for heading, number in too_long(table).items():
            print(f"Too long: {heading} takes {number} minutes.")
    if sys.argv[1:] == ["--write"]:
        write(nbs, tables)


if __name__ == "__main__":
    main()
