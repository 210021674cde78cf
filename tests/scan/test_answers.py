"""Answers are read and compared both ways; the committed ones are in form."""

from __future__ import annotations

from pathlib import Path

import pytest

from scan.answers import Answer, compare, read
from scan.finding import Finding, Key, ScanError

ROOT = Path(__file__).parent.parent.parent
REASON = "A reason that an auditor would take."
FOUND = Finding(Key("checkov", "CKV_1", "Table"), "message")
ANSWER = Answer(FOUND.key, 7)


def table(folder: Path, *rows: str) -> Path:
    """Write a table of answers."""
    path = folder / "accepted.md"
    head = ["# Title", "", "| Scanner | Rule | Where | Why it is accepted |", "| --- | --- | --- | --- |"]
    path.write_text("\n".join([*head, *rows]), "utf-8")
    return path


def test_a_row_answers_each_place_that_it_names(tmp_path: Path) -> None:
    """With the line on which it stands."""
    path = table(tmp_path, f"| checkov | `CKV_1` | `Table`, `Queue` | {REASON} |")
    assert [
        Answer(Key("checkov", "CKV_1", "Table"), 5),
        Answer(Key("checkov", "CKV_1", "Queue"), 5),
    ] == read(path)


@pytest.mark.parametrize(
    ("row", "wrong"),
    [
        ("| checkov | `CKV_1` | `Table` |", "4 cells"),
        ("| checkov | CKV_1 | `Table` | " + REASON + " |", "backticks"),
        ("| checkov | `CKV_1` | Table | " + REASON + " |", "backticks"),
        ("| checkov | `CKV_1` | `Table` | fine |", "no reason"),
    ],
)
def test_a_row_that_answers_nothing_is_refused(tmp_path: Path, row: str, wrong: str) -> None:
    """With its line, and what to write."""
    with pytest.raises(ScanError, match=wrong) as raised:
        read(table(tmp_path, row))
    assert ":5: " in str(raised.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """By its name."""
    with pytest.raises(ScanError, match=r"none\.md"):
        read(tmp_path / "none.md")


def test_a_finding_needs_its_answer_and_an_answer_its_finding() -> None:
    """Both ways; one that is answered is counted."""
    other = Finding(Key("checkov", "CKV_1", "Queue"), "message")
    stale = Answer(Key("checkov", "CKV_2", "Table"), 8)
    compared = compare([FOUND, other], [ANSWER, stale], ["checkov"])
    assert ([other], [stale], 1, False) == (
        compared.unanswered,
        compared.stale,
        compared.answered,
        compared.is_clean,
    )
    assert compare([FOUND, FOUND], [ANSWER], ["checkov"]).is_clean


def test_a_scanner_that_did_not_run_leaves_its_answers_alone() -> None:
    """Where npm is not at hand, cdk-nag's are not stale."""
    assert compare([], [ANSWER], ["parliament"]).is_clean
    assert not compare([], [ANSWER], ["checkov"]).is_clean


def test_the_committed_answers_are_in_form_and_answer_each_thing_once() -> None:
    """A second answer to one finding would hide which of the two holds."""
    answers = [answer.key for answer in read(ROOT / "docs/accepted-findings.md")]
    assert sorted(set(answers)) == sorted(answers)
    assert {"checkov", "cdk-nag", "cloudformation-validate", "parliament"} == {key.scanner for key in answers}
