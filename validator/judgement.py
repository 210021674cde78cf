"""Run the checks over what was recorded, and keep what they found."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Protocol

from validator.checks import TABLE, Check, Severity
from validator.checks.check import Found
from validator.schema import TimeOver

KEPT_FINDINGS = 20
"""How many findings of one check are kept whole; the rest are counted."""

DECISIVE: frozenset[Severity] = frozenset({"error", "policy"})


@cache
def _checks_of(kind: type[Any]) -> tuple[Check, ...]:
    return tuple(check for check in TABLE.values() if kind in check.subjects)


class Subject(Protocol):
    """What can be judged: anything that knows where in the conversation it stands."""

    @property
    def at(self) -> str:
        """The place, for people."""
        ...


@dataclass(frozen=True)
class Finding:
    """What a check found in a subject, with its severity in this case."""

    check: Check
    severity: Severity
    at: str
    what: str


@dataclass
class Judgement:
    """The checks that ran, and what they found, in the order in which it came up."""

    ran: set[str] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def accepts(self, subject: Subject, only: Callable[[str], bool] | None = None) -> bool:
        """Judge a subject by every check of its kind; whether nothing was found that decides."""
        accepted = True
        for check in _checks_of(type(subject)):
            if only is None or only(check.id):
                accepted = self._passes(check, subject) and accepted
        return accepted

    def add(self, check_id: str, at: str, what: str) -> None:
        """Enter what was found outside the checks' functions, such as the end of the run's time."""
        check = TABLE[check_id]
        self._enter(check, Found(what), at)

    def _passes(self, check: Check, subject: Subject) -> bool:
        passes = True
        try:
            for found in check.judge(subject):
                self._enter(check, found, subject.at)
                passes = passes and (found.severity or check.severity) not in DECISIVE
        except TimeOver:
            self.add("limits.time", subject.at, "the run's time was over while it was judged")
            passes = False
        self.ran.add(check.id)
        return passes

    def _enter(self, check: Check, found: Found, at: str) -> None:
        self.ran.add(check.id)
        self.counts[check.id] += 1
        severity = found.severity or check.severity
        kept = [finding for finding in self.findings if finding.check.id == check.id]
        worse = severity in DECISIVE and not any(finding.severity == severity for finding in kept)
        if len(kept) < KEPT_FINDINGS or worse:
            self.findings.append(Finding(check, severity, found.at or at, found.what))

    @property
    def deciding(self) -> Finding | None:
        """The finding that decides the outcome: the first error, else the first matter of policy."""
        for severity in ("error", "policy"):
            for finding in self.findings:
                if finding.severity == severity:
                    return finding
        return None
