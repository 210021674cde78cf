"""What an examination finds: each part is looked at on its own, so that one that is refused hides no other."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from deployer.account import AccountError, error_code, is_denied, is_expired, refusal
from deployer.console import Refused, as_given
from operations import parallel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from deployer.account import Account


class Level(StrEnum):
    """How much a finding asks of its reader."""

    OK = "ok"
    WARN = "warn"
    """Good to know; nothing is wrong yet."""
    FAIL = "fail"
    """A person must do something."""
    UNKNOWN = "unknown"
    """It could not be looked at."""


STYLES = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "bold red", Level.UNKNOWN: "magenta"}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    level: Level
    what: str
    """One line."""
    help: str = ""
    """What to do; empty where there is nothing to do."""
    details: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        found = {"level": str(self.level), "what": self.what, "help": self.help or None}
        return {**found, "details": list(self.details)} if self.details else found


@dataclass(frozen=True)
class Part:
    """One part of an examination, with all that it found."""

    name: str
    findings: tuple[Finding, ...]
    facts: dict[str, Any] = field(default_factory=dict)
    """What programs read beside the findings."""

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {**self.facts, "findings": [each.as_json() for each in self.findings]}


@dataclass(frozen=True)
class Examination:
    """A part that is still to be looked at."""

    name: str
    look: Callable[[], Part]


def ok(what: str, *details: str) -> Finding:
    """Return what is as it should be."""
    return Finding(Level.OK, what, details=details)


def warn(what: str, advice: str = "", *details: str) -> Finding:
    """Return what is good to know."""
    return Finding(Level.WARN, what, advice, details)


def fail(what: str, advice: str, *details: str) -> Finding:
    """Return what a person must mend."""
    return Finding(Level.FAIL, what, advice, details)


def examine(account: Account, examinations: Sequence[Examination]) -> list[Part]:
    """Look at every part, beside each other; one that is refused says so itself.

    Raises what is the same for all: credentials that are missing or expired.
    """
    return parallel.each(lambda each: _guarded(account, each), examinations)


def _guarded(account: Account, examination: Examination) -> Part:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - the help needs no botocore

    try:
        return examination.look()
    except (Refused, AccountError) as error:
        first, *more = str(error).splitlines()
        return Part(examination.name, (Finding(Level.FAIL, first, " ".join(more)),))
    except (BotoCoreError, ClientError) as error:
        if is_expired(error) or error_code(error) in {"NoCredentialsError", "PartialCredentialsError"}:
            raise
        return Part(examination.name, (unknown(account, error),))


def unknown(account: Account, error: Exception) -> Finding:
    """Return what could not be looked at, and why."""
    first, *more = refusal(error, account.access).splitlines()
    denied = "not allowed to look: " if is_denied(error) else "could not be looked at: "
    return Finding(Level.UNKNOWN, denied + first.removeprefix("this is not allowed: "), " ".join(more))


def lines(parts: Sequence[Part], columns: int | None = None) -> Iterator[tuple[str, str]]:
    """Yield what a person reads, each line with its style; nothing in it steers a terminal.

    `columns`: how wide a line may be; None: as wide as it is.
    """
    width = max(len(part.name) for part in parts)
    indent = " " * (width + 11)
    for part in parts:
        for number, finding in enumerate(part.findings):
            name = part.name if number == 0 else ""
            head = f"{name:{width}}  {finding.level:7}  "
            for text in _fitting(head, finding.what, columns):
                yield text, STYLES[finding.level]
            for detail in finding.details:
                yield from ((text, "") for text in _fitting(indent, detail, columns))
            if finding.help:
                yield from ((text, "") for text in _fitting(f"{indent}→ ", as_given(finding.help), columns))


def _fitting(head: str, text: str, columns: int | None) -> list[str]:
    """Return a line, or as many as it needs, with what follows aligned."""
    import textwrap  # noqa: PLC0415 - only where there is something to show

    from review.printable import printable  # noqa: PLC0415

    shown = printable(text)
    if columns is None or len(head) + len(shown) <= columns:
        return [head + shown]
    return textwrap.wrap(
        shown,
        columns,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_on_hyphens=False,
        break_long_words=False,
    )


def worst(parts: Sequence[Part]) -> set[Level]:
    """Return the levels that were found."""
    return {finding.level for part in parts for finding in part.findings}
