"""The page that answers the original's defects answers each of them, by tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/original-defects.md").read_text("utf-8")
ROWS = re.findall(r"^\| (\d+) \| (.+) \|$", PAGE, re.MULTILINE)
TESTS = re.findall(r"`(test_\w+\.py)::(test_\w+)`", PAGE)


def test_every_defect_is_answered_once() -> None:
    """The list has 37 lines; each has what stands there now, and a test."""
    assert [str(number) for number in range(1, 38)] == [number for number, _ in ROWS]
    assert [] == [number for number, cells in ROWS if "::test_" not in cells]


@pytest.mark.parametrize(("file", "name"), sorted(set(TESTS)))
def test_the_tests_that_it_names_exist(file: str, name: str) -> None:
    """A renamed or removed test is missed here."""
    found = [path for path in (ROOT / "tests").rglob(file) if f"def {name}(" in path.read_text("utf-8")]
    assert 1 == len(found)
