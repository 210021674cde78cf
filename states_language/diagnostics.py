"""What the checker says: a finding of a rule, and the diagnostic that a person reads."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from states_language.pointer import Pointer


class Severity(StrEnum):
    """How sure it is that a finding is a fault."""

    ERROR = "error"
    """It cannot work."""
    WARNING = "warning"
    """It may not work."""
    NOTE = "note"
    """Worth knowing."""

    @property
    def weight(self) -> int:
        """The higher, the worse."""
        return {"note": 0, "warning": 1, "error": 2}[self.value]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule found, before it has a place in a file."""

    code: str
    pointer: Pointer
    message: str
    help: str = ""
    offset: int = 0
    """The character of the string at `pointer` that it is about."""
    at_key: bool = False
    """Whether it is about the key and not its value."""
    severity: Severity | None = None
    """Where it differs from the rule's."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding, at its place in a file; lines and columns count from 1, and are 0 where there is no text."""

    file: str
    code: str
    severity: Severity
    pointer: Pointer
    line: int
    column: int
    message: str
    help: str

    def as_json(self) -> dict[str, str | int]:
        """Return the diagnostic as `--format json` writes it."""
        return {
            "file": self.file,
            "code": self.code,
            "severity": self.severity.value,
            "pointer": str(self.pointer),
            "line": self.line,
            "column": self.column,
            "message": self.message,
            "help": self.help,
        }
