"""Follows an execution to its end: looks fast at first and slower later, and outlasts what passes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from deployer.account import error_code, is_passing
from deployer.stacks import Pace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from operations.history import Event, History

PACE = Pace(first=0.2, last=2.0, limit=float("inf"))
PATIENCE_SECONDS = 600
"""How long AWS may be out of reach, or refuse for too many requests, before following it is given up."""


def events(history: History, pace: Pace = PACE) -> Iterator[Event]:
    """Yield the events of an execution as they come, until it ends."""
    trouble_since: float | None = None
    for _ in pace.looks():
        try:
            fresh = history.look()
        except Exception as error:
            passes = is_passing(error)
            if passes and trouble_since is None:
                history.account.tell(f"{error_code(error)}: still following; the execution goes on")
            trouble_since = trouble_since or time.monotonic()
            if not passes or time.monotonic() - trouble_since > PATIENCE_SECONDS:
                raise
            continue
        trouble_since = None
        yield from fresh
        if history.is_over:
            return
