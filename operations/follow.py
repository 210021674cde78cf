"""Follows an execution to its end: looks fast at first and slower later, and outlasts what passes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deployer.account import error_code, is_passing
from deployer.console import Refused
from deployer.stacks import Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from operations.history import Event, History

PACE = Pace(first=0.2, last=2.0, limit=float("inf"))
PATIENCE_SECONDS = 600
"""How long AWS may be out of reach, or refuse for too many requests, before following it is given up."""
SPREADING_SECONDS = 15
"""How long an execution may be unknown after its start. Evidence: documentation (reading executions is eventually consistent)."""


@dataclass
class Patience:
    """Outlasts what passes, for a while, and tells of it once."""

    tell: Callable[[str], None]
    _since: float | None = None

    def bear(self, error: Exception) -> None:
        """Take note of an error. Raises it where it does not pass, or has not passed in all that time."""
        passes = is_passing(error)
        if passes and self._since is None:
            self.tell(f"{error_code(error)}: still following; the execution goes on")
        self._since = self._since or time.monotonic()
        if not passes or time.monotonic() - self._since > PATIENCE_SECONDS:
            raise error

    def rest(self) -> None:
        """Take note that it has passed."""
        self._since = None


def events(history: History, pace: Pace = PACE, *, is_new: bool = False) -> Iterator[Event]:
    """Yield the events of an execution as they come, until it ends.

    `is_new`: it was started a moment ago, and may not be known everywhere yet.
    """
    patience, count = Patience(history.account.tell), 0
    known_by = time.monotonic() + (SPREADING_SECONDS if is_new else 0)
    for _ in pace.looks():
        try:
            history.look()
        except Refused:
            if time.monotonic() >= known_by:
                raise
            continue
        except Exception as error:  # noqa: BLE001 - it is raised again where it does not pass
            patience.bear(error)
            continue
        patience.rest()
        # A look that failed may have read some pages.
        fresh, count = history.events[count:], len(history.events)
        yield from fresh
        if history.is_over:
            return
