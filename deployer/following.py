"""Following what CloudFormation does with a stack until it is over: every event once, and what failed first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deployer import change_sets
from deployer.change_sets import ChangeSetError, Pace, StackEvent

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Ending:
    """How it ended."""

    status: str
    failures: tuple[StackEvent, ...]
    """What went wrong, the earliest first; not what was cancelled because of it."""


def seen(client: Any, stack: str) -> set[str]:
    """Return the IDs of the events so far: what is to be followed comes after them."""
    return {event.id for event in change_sets.events(client, stack)}


def follow(
    client: Any,
    stack: str,
    before: set[str],
    *,
    on_event: Callable[[StackEvent], None] = lambda _event: None,
    pace: Pace | None = None,
) -> Ending:
    """Return how a stack's operation ended. `stack` is its ID, by which a deleted stack is still found."""
    known, failures = set(before), []
    for _ in (pace or Pace()).looks():
        # The status first: what happened before it was read is then among the events.
        status = change_sets.stack_status(client, stack) or "DELETE_COMPLETE"
        for event in change_sets.events(client, stack):
            if event.id not in known:
                known.add(event.id)
                on_event(event)
                failures += [event] if event.is_failure else []
        if not status.endswith("_IN_PROGRESS"):
            return Ending(status, tuple(failures))
    raise ChangeSetError(f"{stack} was still changing when the time was over")


def told(event: StackEvent) -> str:
    """Return an event as a line."""
    return f"{event.status:<28} {event.logical_id} ({event.type}) {event.reason}".rstrip()
