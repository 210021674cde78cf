"""What is wrong with a file, and the limits of what is read."""

from __future__ import annotations

from typing import Final

LARGEST_FILE: Final = 16 * 1024 * 1024
"""Bytes; Step Functions takes a definition of one mebibyte (evidence: documentation, quotas)."""
DEEPEST: Final = 200
"""Levels of nesting."""
MOST_VALUES: Final = 1_000_000
"""Values of a YAML file, its aliases written out."""


class SourceError(Exception):
    """A file cannot be read; lines and columns count from 1, and are 0 where they are not known."""

    def __init__(self, message: str, file: str = "", line: int = 0, column: int = 0):
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.column = column

    @property
    def told(self) -> str:
        """The message behind its place, as far as that is known: `file:line:column: message`."""
        at = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{at}: {self.message}" if at else self.message
