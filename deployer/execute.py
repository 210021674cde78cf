"""Executes a change set, and follows what a stack does until it has settled.

What CloudFormation does goes on without us. So whatever happens on the way to it, a throttled call or a connection that
breaks, is told and tried again: the next look shows what was missed.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deployer import stacks
from deployer.account import error_code, is_out_of_reach, is_passing
from deployer.change_sets import GONE, ChangeSet, ChangeSetError
from deployer.events import StackEvent, Stream
from deployer.stacks import Pace, Stack

if TYPE_CHECKING:
    from collections.abc import Callable

EXECUTED = frozenset({"EXECUTE_COMPLETE", "EXECUTE_FAILED", "OBSOLETE"})
EXECUTED_ALREADY = GONE | {
    "InvalidChangeSetStatus",
    "InvalidChangeSetStatusException",
    "TokenAlreadyExistsException",
}
"""What CloudFormation answers where a change set is executed a second time. Evidence: botocore 1.44.5's model."""
DONE = {"CREATE": "CREATE_COMPLETE", "UPDATE": "UPDATE_COMPLETE"}
LAST_EVENT_SECONDS = 10.0
"""How long the event of a status may come after the status itself."""
LONGEST_SECONDS = 7 * 86400.0
"""How long an operation is followed: an alias may be led over to a new version in steps of 35 hours."""
SILENCE_SECONDS = 900.0
"""How long nothing may be heard before that is an error. What goes on in AWS is not ended by it."""


@dataclass(frozen=True)
class Outcome:
    """What became of an operation."""

    status: str
    """Of the stack; `DELETE_COMPLETE` where it is gone."""
    stack: Stack | None
    events: tuple[StackEvent, ...]
    seconds: float
    token: str = ""

    @property
    def operation(self) -> str:
        """The ID of the operation that the token began; empty where the service does not tell."""
        mine = [each.operation for each in self.events if each.operation and each.token in ("", self.token)]
        return mine[0] if mine else ""


class NotBegunError(ChangeSetError):
    """CloudFormation does not execute a change set that it made: since then somebody else has done something."""

    def __init__(self, change_set: ChangeSet, error: Exception):
        super().__init__(
            f"{change_set.stack}: the change set {change_set.name} cannot be executed any more: {error}\n"
            "somebody else has executed, replaced or deleted it, or changed the stack; nothing was begun here\n"
            "look what they did (`python build.py events`), then deploy again"
        )


def ignored(_what: Any) -> None:
    """Be told, and do nothing about it."""


@dataclass
class Follower:
    """Follows one stack until it has settled."""

    client: Any
    stream: Stream
    on_event: Callable[[StackEvent], None] = ignored
    on_trouble: Callable[[str], None] = ignored
    on_look: Callable[[], None] = lambda: None
    pace: Pace = Pace(limit=LONGEST_SECONDS)  # noqa: RUF009 - it is frozen
    silence: float = SILENCE_SECONDS

    def follow(self, has_begun: Callable[[list[StackEvent], Stack | None], bool], token: str = "") -> Outcome:
        """Show every event as it comes, and return what the stack came to.

        `has_begun` tells whether what is followed has begun: a status from before is no end. Raises `ChangeSetError`
        where the time is over, or nothing was heard for too long; and what botocore raises of what does not pass.
        """
        shown: list[StackEvent] = []
        begun, heard, settled = time.monotonic(), time.monotonic(), 0.0
        for _ in self.pace.looks():
            try:
                # The status first: what happened before it was read is then among the events.
                stack = stacks.read(self.client, self.stream.stack)
                status = stack.status if stack is not None else "DELETE_COMPLETE"
                is_settled = stack is None or stack.is_settled
                news = self.stream.new(has_all=is_settled) if stack is not None else []
                is_begun = has_begun(shown + news, stack)
            except Exception as error:  # noqa: BLE001 - what does not pass is raised again
                self._pass_over(error, heard)
                continue
            heard = time.monotonic()
            for event in news:
                shown.append(event)
                self.on_event(event)
            self.on_look()
            if not is_settled or not is_begun:
                settled = 0.0
                continue
            settled = settled or heard
            if stack is None or _is_told(shown, stack) or heard - settled > LAST_EVENT_SECONDS:
                return Outcome(status, stack, tuple(shown), heard - begun, token)
        raise ChangeSetError(f"{self.stream.stack} was still changing when the time was over")

    def _pass_over(self, error: Exception, heard: float) -> None:
        """Tell of what will pass; raise what will not, or has not for too long."""
        if not is_passing(error) or time.monotonic() - heard > self.silence:
            raise error
        what = "AWS is out of reach" if is_out_of_reach(error) else "AWS is too busy to answer"
        self.on_trouble(f"{what} ({error_code(error)}); the deployment goes on, and so do the looks at it")


def _is_told(shown: list[StackEvent], stack: Stack) -> bool:
    """Tell whether the stack's own event of its status was shown: it is the last one."""
    mine = [event for event in shown if event.is_stack and event.logical_id == stack.name]
    return bool(mine) and mine[-1].status == stack.status


def stream_of(client: Any, change_set: ChangeSet) -> Stream:
    """Return the stream of what a change set does from now on. Raises what botocore raises, and `NotBegunError`."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - the help needs no botocore

    stream = Stream(client, change_set.stack_id or change_set.stack)
    try:
        stream.skip()
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
        raise NotBegunError(change_set, error) from error
    return stream


def start(client: Any, change_set: ChangeSet, token: str, stream: Stream) -> None:
    """Execute a change set. Raises what botocore raises, and `NotBegunError`."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - the help needs no botocore

    try:
        client.execute_change_set(
            ChangeSetName=change_set.arn, **({"ClientRequestToken": token} if token else {})
        )
    except ClientError as error:
        # An answer may have been lost, and the call made again by itself: what it began has our token.
        if error_code(error) not in EXECUTED_ALREADY:
            raise
        if not _has_token(stream, token):
            raise NotBegunError(change_set, error) from error


def _has_token(stream: Stream, token: str) -> bool:
    for _ in Pace(limit=LAST_EVENT_SECONDS).looks():
        if token and any(event.token == token for event in stream.peek()):
            return True
    return False


def beginning(
    client: Any, change_set: ChangeSet, token: str
) -> Callable[[list[StackEvent], Stack | None], bool]:
    """Return what tells whether the execution of a change set has begun: by its token, or by the change set itself."""

    def has_begun(shown: list[StackEvent], stack: Stack | None) -> bool:
        if stack is None or any(token and event.token == token for event in shown):
            return True
        if not stack.is_settled:
            return False
        return _is_executed(client, change_set)

    return has_begun


def _is_executed(client: Any, change_set: ChangeSet) -> bool:
    from botocore.exceptions import ClientError  # noqa: PLC0415 - the help needs no botocore

    try:
        found: str = client.describe_change_set(ChangeSetName=change_set.arn).get("ExecutionStatus", "")
    except ClientError as error:
        if error_code(error) in GONE:
            return True
        raise
    return found in EXECUTED


def execute(
    client: Any,
    change_set: ChangeSet,
    *,
    on_event: Callable[[StackEvent], None] = ignored,
    pace: Pace | None = None,
    token: str = "",
) -> dict[str, str]:
    """Execute a change set, show every event as it comes, and return the stack's outputs.

    Raises `ChangeSetError` with the earliest failure where the stack does not end as it should.
    """
    stream = stream_of(client, change_set)
    start(client, change_set, token, stream)
    follower = Follower(client, stream, on_event, pace=pace or Pace())
    outcome = follower.follow(beginning(client, change_set, token), token)
    if outcome.stack is not None and outcome.status == DONE[change_set.kind]:
        return dict(outcome.stack.outputs)
    raise ChangeSetError(failure(change_set.stack, outcome))


def failure(stack: str, outcome: Outcome) -> str:
    """Return how an operation failed, in a line: the earliest failure, not the last event."""
    causes = [event for event in outcome.events if event.is_failure and not event.is_stack]
    causes = causes or [event for event in outcome.events if event.is_failure]
    if not causes:
        return f"{stack} ended as {outcome.status}, with no event that says why"
    first = causes[0]
    return (
        f"{stack} ended as {outcome.status}: {first.logical_id} ({first.type}) {first.status}: {first.reason}"
    )
