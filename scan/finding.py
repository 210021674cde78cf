"""What a scanner found."""

from __future__ import annotations

from dataclasses import dataclass


class ScanError(Exception):
    """A scanner could not be made or run; the message is for the person at the terminal."""


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """What makes two findings the same: the scanner, its rule, and the logical ID that it names."""

    scanner: str
    rule: str
    where: str

    def __str__(self) -> str:
        """Write it as it is told."""
        return f"{self.scanner} {self.rule} at {self.where}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding."""

    key: Key
    message: str
