"""Findings that are allowed, with reasons, in `<name>.allow.yaml` beside a document.

ASL has no comments; so an allowance is an entry of a list:

    - allow: index-may-fail        # a code
      at: DescribeTask             # a state's name, or a JSON pointer; left out: the whole document
      because: the service always answers with one task
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from states_language.diagnostics import Diagnostic, Finding
from states_language.pointer import Pointer
from states_language.rules.catalogue import RULES
from states_language.sources import SourceError, parse, read_text
from states_language.spelling import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from states_language.sources import Parsed


@dataclass
class Allowance:
    """One entry: which findings it silences, and where."""

    code: str
    at: str
    pointer: Pointer
    """Of the entry, in its file."""
    used: bool = field(default=False)

    def covers(self, finding: Finding) -> bool:
        """Tell whether the entry silences a finding."""
        if finding.code != self.code:
            return False
        if not self.at:
            return True
        if self.at.startswith("/"):
            text = str(finding.pointer)
            return text == self.at or text.startswith(self.at.rstrip("/") + "/")
        steps = finding.pointer.steps
        return any(step == "States" and name == self.at for step, name in pairwise(steps))


@dataclass
class Allowances:
    """The entries of one file."""

    parsed: Parsed
    entries: list[Allowance]
    faults: list[Diagnostic]

    def keep(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """Yield the findings that no entry silences; note which entries do."""
        for finding in findings:
            covering = [entry for entry in self.entries if entry.covers(finding)]
            for entry in covering:
                entry.used = True
            if not covering:
                yield finding

    def report(self) -> Iterator[Diagnostic]:
        """Yield what is wrong with the file, and, once findings went through, the entries that silenced none."""
        yield from self.faults
        for entry in self.entries:
            if not entry.used:
                where = f" at '{entry.at}'" if entry.at else ""
                yield _diagnostic(
                    self.parsed,
                    "unused-allowance",
                    entry.pointer,
                    f"There is no finding '{entry.code}'{where} to allow.",
                    "Remove the entry, or correct where it points.",
                )


def read_allowances(path: Path) -> Allowances:
    """Read a file of allowances. Raises `SourceError`."""
    parsed = parse(read_text(path), str(path))
    if not isinstance(parsed.value, list):
        raise SourceError(
            "A file of allowances is a list of entries with 'allow' and 'because'.", str(path), 1, 1
        )
    entries: list[Allowance] = []
    faults: list[Diagnostic] = []
    for place, entry in enumerate(parsed.value):
        pointer = Pointer((place,))
        fault = _fault(entry)
        if fault is None:
            entries.append(Allowance(entry["allow"], str(entry.get("at", "")), pointer))
        else:
            faults.append(_diagnostic(parsed, "invalid-allowance", pointer, *fault))
    return Allowances(parsed, entries, faults)


def _fault(entry: Any) -> tuple[str, str] | None:
    if not isinstance(entry, dict):
        return "An allowance is an object with 'allow' and 'because'.", ""
    code = entry.get("allow")
    if code not in RULES:
        meant = nearest(code, RULES) if isinstance(code, str) else None
        return f"There is no code {code!r}.", f"Did you mean '{meant}'?" if meant else ""
    reason = entry.get("because")
    if not isinstance(reason, str) or not reason.strip():
        return f"The allowance of '{code}' has no reason.", "Write 'because: …'."
    others = [key for key in entry if key not in ("allow", "at", "because")]
    if others:
        return f"An allowance has no field '{others[0]}'.", "It has 'allow', 'at' and 'because'."
    return None


def _diagnostic(parsed: Parsed, code: str, pointer: Pointer, message: str, advice: str) -> Diagnostic:
    line, column = parsed.locate(pointer)
    return Diagnostic(parsed.file, code, RULES[code].severity, pointer, line, column, message, advice)
