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
"""How many findings of one check are kept; the rest are counted, unless one is worse than what was found."""

KEPT_CHARACTERS = 1_000
"""How much of a finding's text is kept: what a server wrote may be in it, at any length."""

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
    decided: set[tuple[str, Severity]] = field(default_factory=set)

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
        decides_anew = severity in DECISIVE and (check.id, severity) not in self.decided
        if self.counts[check.id] > KEPT_FINDINGS and not decides_anew:
            return
        if severity in DECISIVE:
            self.decided.add((check.id, severity))
        where = (found.at or at)[:KEPT_CHARACTERS]
        self.findings.append(Finding(check, severity, where, found.what[:KEPT_CHARACTERS]))

    @property
    def deciding(self) -> Finding | None:
        """The finding that decides the outcome: the first error, else the first matter of policy."""
        for severity in ("error", "policy"):
            for finding in self.findings:
                if finding.severity == severity:
                    return finding
        return None
