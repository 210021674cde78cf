"""The events of an execution, in the names and shapes of GetExecutionHistory.

Shapes and the chain of `previousEventId` follow the API reference and histories recorded from AWS (LocalStack's
snapshots): the first state follows event 0, and events that close a branch or an iteration are followed by no
other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from states_language.clock import timestamp
from states_language.interpreter.errors import ExecutionStopped

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from states_language.clock import Clock

Event = dict[str, Any]

EVENT_LIMIT = 25_000
"""Events that a history may have; the execution fails when it is reached. Evidence: documentation (quotas)."""

NOT_TRUNCATED = {"truncated": False}


class HistoryFull(Exception):  # noqa: N818 - a limit that was reached
    """The history has as many events as it may have."""


class History:
    """Collects events and shows each to an observer, which may stop the execution."""

    def __init__(self, clock: Clock, observe: Callable[[Event], None] | None):
        self.events: list[Event] = []
        self._clock = clock
        self._observe = observe
        self._moment: datetime | None = None
        self._timestamp = ""
        self._is_closing = False

    def add(
        self, kind: str, previous: int, details: dict[str, Any] | None = None, key: str | None = None
    ) -> int:
        """Record an event and return its id; the key of its details follows from its type unless it is given."""
        identifier = self.next_id
        if identifier >= EVENT_LIMIT and not self._is_closing:
            raise HistoryFull
        event: Event = {"timestamp": self._now(), "type": kind, "id": identifier, "previousEventId": previous}
        if details is not None:
            event[key or f"{kind[0].lower()}{kind[1:]}EventDetails"] = details
        self.events.append(event)
        if self._observe is not None:
            try:
                self._observe(event)
            except ExecutionStopped:
                if not self._is_closing:
                    raise
        return identifier

    @property
    def next_id(self) -> int:
        """The id of the next event."""
        return len(self.events) + 1

    def close(self) -> None:
        """From here on nothing stops the execution any more: its last events are being written."""
        self._is_closing = True

    def _now(self) -> str:
        moment = self._clock.now()
        if moment is not self._moment:
            self._moment = moment
            self._timestamp = timestamp(moment)
        return self._timestamp


def failure_details(error: str | None, cause: str | None) -> dict[str, str]:
    """Return the details that failures have; what is absent is left out."""
    details = {"error": error, "cause": cause}
    return {name: text for name, text in details.items() if text is not None}
