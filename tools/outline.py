"""Write the outline of README.md from the headings of the notebooks: python tools/outline.py"""

import re

from cells import ROOT, headings, read_all
from minutes import replaced


def outline(nb):
    """Return a line for each top-level heading; behind a dash stand the headings inside it."""
    lines = []
    for _, level, title in headings(nb)[1:]:
        if level == 1:
            numbered = re.match(r"\d+\. ", title)
            lines.append(title if numbered else f"- {title}")
        elif level == 2:
            dash = " · " if " — " in lines[-1] else " — "
            lines[-1] += dash + title
    return "\n".join(lines)


def with_outline(text, part, nb):
    """Return a text with the right outline below its line "**Part N, ...**"."""
    pattern = rf"(?s)(\*\*Part {part}, [^\n]*\n\n).*?(?=\n\n(?:\*\*|[A-Z]))"
    return replaced(pattern, lambda found: found[1] + outline(nb), text)


if __name__ == "__main__":
    path = ROOT / "README.md"
    readme = path.read_text(encoding="utf-8")
    for number, notebook in read_all().items():
        readme = with_outline(readme, number, notebook)
    path.write_text(readme, encoding="utf-8")
