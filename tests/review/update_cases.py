"""Write what each case is expected to say: `make update-cases`; look at what it changed.

CI compares, and never writes.
"""

from __future__ import annotations

from pathlib import Path

from review.compare import compare
from review.documents import read
from review.render import Report, render

CASES = Path(__file__).parent / "cases"


def said(case: Path) -> str:
    """Return the review of a case, as a pull request would show it."""
    before, after = (
        {"": read((case / f"{side}.json").read_bytes(), "document.json")} for side in ("before", "after")
    )
    return render(Report(compare(before, after), before, after), "markdown")


if __name__ == "__main__":
    for case in sorted(CASES.iterdir()):
        (case / "expected.md").write_text(said(case), "utf-8")
