"""The answers to the scanners' findings: a table in Markdown, read and compared both ways."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scan.finding import Finding, Key, ScanError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

HEADER = ["Scanner", "Rule", "Where", "Why it is accepted"]
SHORTEST_REASON = 20
"""Characters: less than that tells an auditor nothing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answered finding, and the line that answers it."""

    key: Key
    line: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """What findings and answers say together."""

    unanswered: list[Finding]
    stale: list[Answer]
    answered: int

    @property
    def is_clean(self) -> bool:
        """Whether every finding has its answer, and every answer its finding."""
        return not (self.unanswered or self.stale)


def read(path: Path) -> list[Answer]:
    """Read the table: a row answers its rule at each of the logical IDs that it names, in backticks.

    Raises `ScanError` where the file is missing, or a row has no reason, no place, or not four cells.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError as error:
        message = f"{path}: cannot be read ({error.strerror})"
        raise ScanError(message) from error
    answers = []
    for number, line in enumerate(lines, start=1):
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not cells or cells == HEADER or set("".join(cells)) <= {"-", ":"}:
            continue
        answers += _row(path, number, cells)
    return answers


def _row(path: Path, number: int, cells: list[str]) -> list[Answer]:
    if len(cells) != len(HEADER):
        message = f"{path}:{number}: a row has {len(HEADER)} cells: {', '.join(HEADER)}"
        raise ScanError(message)
    scanner, rule, where, reason = cells
    places = re.findall(r"`([^`]+)`", where)
    rules = re.findall(r"`([^`]+)`", rule)
    if len(rules) != 1 or not places:
        message = f"{path}:{number}: write one rule and its logical IDs in backticks"
        raise ScanError(message)
    if len(reason) < SHORTEST_REASON:
        message = f"{path}:{number}: the answer to {rules[0]} has no reason that an auditor would take"
        raise ScanError(message)
    return [Answer(Key(scanner, rules[0], place), number) for place in places]


def compare(findings: Iterable[Finding], answers: Iterable[Answer], scanners: Collection[str]) -> Comparison:
    """Compare both ways; `scanners` are those that ran, and the answers to others are left alone."""
    found = {finding.key: finding for finding in findings}
    answered = {answer.key: answer for answer in answers if answer.key.scanner in scanners}
    return Comparison(
        unanswered=[found[key] for key in sorted(found.keys() - answered.keys())],
        stale=[answered[key] for key in sorted(answered.keys() - found.keys())],
        answered=len(found.keys() & answered.keys()),
    )
