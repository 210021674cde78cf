"""The pages of the checks: one for each, true to the table."""

from pathlib import Path

import pytest

import validator
from validator.checks import TABLE, Check

PAGES = Path(validator.__file__).parents[1] / "docs" / "validator"
SEVERITIES = {
    "error": "error: it rejects",
    "policy": "policy: a person decides",
    "warn": "warning: it never rejects",
}


@pytest.mark.parametrize("check", TABLE.values(), ids=TABLE)
def test_each_check_has_a_page(check: Check) -> None:
    """A page begins with what the table says of the check, and says what, why, and what to do."""
    page = (PAGES / f"{check.id}.md").read_text(encoding="utf-8")
    head = (
        f"# {check.id}\n\nExpects {check.expects}.\n\n"
        f"| severity | since | source |\n|---|---|---|\n"
        f"| {SEVERITIES[check.severity]} | {check.since} | {check.source} |\n\n"
    )
    assert head == page[: len(head)]
    for heading in ("## What it checks", "## Why", "## What to do"):
        assert heading in page


def test_no_page_is_of_a_check_that_is_gone() -> None:
    """A page whose check is gone would mislead."""
    others = {"README", "agreement"}
    assert set(TABLE) == {page.stem for page in PAGES.glob("*.md")} - others


def test_the_index_lists_every_check() -> None:
    """The index has a row for each check, in the table's order."""
    index = (PAGES / "README.md").read_text(encoding="utf-8")
    rows = [
        f"| [{check.id}]({check.id}.md) | {check.severity} | {check.since} | {check.expects} |"
        for check in TABLE.values()
    ]
    assert rows == [line for line in index.splitlines() if line.startswith("| [")]
