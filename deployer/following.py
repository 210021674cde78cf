"""Following an operation that takes a stack back, or away: every event once, and how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deployer.asking import under_way
from deployer.change_sets import ChangeSetError
from deployer.console import EXIT_ERROR, Refused, note
from deployer.events import Stream
from deployer.execute import LONGEST_SECONDS, Follower, Outcome
from deployer.progress import choose
from deployer.stacks import Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from deployer.events import StackEvent
    from deployer.stacks import Stack


def carry_out(  # noqa: PLR0913 - what to begin, and how it is shown
    client: Any,
    stack: Stack,
    begin: Callable[[], None],
    *,
    names: Sequence[str] = (),
    meanwhile: str,
    is_json: bool = False,
    pace: Pace | None = None,
) -> Outcome:
    """Begin an operation, and follow it until the stack has settled; `meanwhile` is said where that is broken off.

    Raises `Refused` where it takes too long, and what botocore raises.
    """
    stream = Stream(client, stack.id)
    stream.skip()
    with under_way(meanwhile, has_begun=False):
        begin()
    with under_way(meanwhile), choose(stack.name, names, is_json=is_json) as view:
        follower = Follower(client, stream, view.event, note, view.look, pace or Pace(limit=LONGEST_SECONDS))
        try:
            # All news are of what has just begun: whatever was before is skipped.
            return follower.follow(
                lambda shown, now: bool(shown) or now is None or now.status != stack.status
            )
        except ChangeSetError as error:
            raise Refused(f"{error}\n{meanwhile}", EXIT_ERROR) from error


def failures(outcome: Outcome) -> list[StackEvent]:
    """Return what went wrong with resources, the earliest first; not what was given up because of it."""
    return [event for event in outcome.events if event.is_failure and not event.is_stack]
