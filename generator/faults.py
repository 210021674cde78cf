"""Whose fault it was: the table in `faults.yaml`, as data that the state machine and the docs are made from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, eq=False)
class Fault:
    """One way in which a validation ends other than verified."""

    error: str
    fault: str
    """`server` or `pipeline`."""
    means: str
    look: str
    """Where an operator looks first."""
    do: str
    document: str = "validation-pipeline"
    """Which document says so."""

    @property
    def outcome(self) -> str:
        """The outcome to record where no validator gave one: only a server's fault rejects it."""
        return "rejected" if self.fault == "server" else "inconclusive"


@cache
def table(document: str = "validation-pipeline") -> dict[str, Fault]:
    """Return the faults that a document names, by their error names, in the order in which they can happen."""
    return {fault.error: fault for fault in _faults() if fault.document == document}


@cache
def _faults() -> tuple[Fault, ...]:
    rows = yaml.load((Path(__file__).parent / "faults.yaml").read_text("utf-8"), Loader=LOADER)  # noqa: S506  # LOADER is a safe loader
    return tuple(Fault(**row) for row in rows)
