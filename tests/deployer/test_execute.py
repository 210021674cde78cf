"""Executing and following: every event once and in order, whatever happens on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer import execute
from deployer.change_sets import ChangeSet, ChangeSetError
from deployer.events import StackEvent, Stream
from deployer.execute import Follower
from deployer.stacks import Pace
from tests.deployer.answers import ARN, STACK, STACK_ID, TOKEN, Answers, event

if TYPE_CHECKING:
    from collections.abc import Iterator

PACE = Pace(first=0, last=0, limit=5)
CREATION = ChangeSet(STACK, ARN, "CREATE", stack_id=STACK_ID)
UPDATE = ChangeSet(STACK, ARN, "UPDATE", stack_id=STACK_ID)
OLD = event(0, STACK, "REVIEW_IN_PROGRESS", ClientRequestToken="theirs")


@pytest.fixture
def answers() -> Iterator[Answers]:
    """Answers that must all be asked for."""
    found = Answers()
    yield found
    found.assert_all_asked()


def names(seen: list[StackEvent]) -> list[tuple[str, str]]:
    """Return what was seen, in short."""
    return [(each.logical_id, each.status) for each in seen]


def test_events_are_shown_as_they_come_and_once(answers: Answers) -> None:
    """What happened before is left out, the order is that in which it happened, and the outputs are returned."""
    begun, busy = event(1, STACK, "CREATE_IN_PROGRESS"), event(2, "Cluster", "CREATE_IN_PROGRESS")
    done, ended = event(3, "Cluster", "CREATE_COMPLETE"), event(4, STACK, "CREATE_COMPLETE")
    answers.events(OLD)
    answers.answer("execute_change_set", {}, ChangeSetName=ARN, ClientRequestToken=TOKEN)
    answers.stack("CREATE_IN_PROGRESS")
    answers.events(busy, begun, OLD)
    answers.stack("CREATE_COMPLETE", {"Name": "value"})
    answers.events(ended, done, busy, begun, OLD)
    seen: list[StackEvent] = []
    found = execute.execute(answers.client, CREATION, on_event=seen.append, pace=PACE, token=TOKEN)
    assert {"Name": "value"} == found
    assert [
        (STACK, "CREATE_IN_PROGRESS"), ("Cluster", "CREATE_IN_PROGRESS"), ("Cluster", "CREATE_COMPLETE"), (STACK, "CREATE_COMPLETE"),
    ] == names(seen)  # fmt: skip


def test_a_status_from_before_is_no_end(answers: Answers) -> None:
    """An update that has not begun yet leaves the stack in a status that looks like its end."""
    begun, ended = event(1, STACK, "UPDATE_IN_PROGRESS"), event(2, STACK, "UPDATE_COMPLETE")
    answers.events(OLD)
    answers.answer("execute_change_set", {})
    answers.stack("UPDATE_COMPLETE")
    answers.events(OLD)
    answers.answer(
        "describe_change_set", {"ExecutionStatus": "EXECUTE_IN_PROGRESS", "Status": "CREATE_COMPLETE"}
    )
    answers.stack("UPDATE_COMPLETE")
    answers.events(ended, begun, OLD)
    seen: list[StackEvent] = []
    execute.execute(answers.client, UPDATE, on_event=seen.append, pace=PACE, token=TOKEN)
    assert 2 == len(seen)


def test_the_last_event_is_waited_for(answers: Answers) -> None:
    """The status may be known before its event is listed."""
    begun, ended = event(1, STACK, "UPDATE_IN_PROGRESS"), event(2, STACK, "UPDATE_COMPLETE")
    answers.events(OLD)
    answers.answer("execute_change_set", {})
    answers.stack("UPDATE_COMPLETE")
    answers.events(begun, OLD)
    answers.stack("UPDATE_COMPLETE")
    answers.events(ended, begun, OLD)
    seen: list[StackEvent] = []
    execute.execute(answers.client, UPDATE, on_event=seen.append, pace=PACE, token=TOKEN)
    assert [(STACK, "UPDATE_IN_PROGRESS"), (STACK, "UPDATE_COMPLETE")] == names(seen)


def test_the_first_cause_of_a_failure_is_named(answers: Answers) -> None:
    """Not the last event, and not what was cancelled because of it."""
    answers.events(OLD)
    answers.answer("execute_change_set", {})
    answers.stack("ROLLBACK_COMPLETE")
    answers.events(
        event(5, STACK, "ROLLBACK_COMPLETE"),
        event(4, STACK, "ROLLBACK_IN_PROGRESS", "[Cluster] failed"),
        event(3, "Table", "CREATE_FAILED", "Resource creation cancelled"),
        event(2, "Cluster", "CREATE_FAILED", "the quota is used up"),
        event(1, STACK, "CREATE_IN_PROGRESS"),
        OLD,
    )
    with pytest.raises(
        ChangeSetError, match=r"ROLLBACK_COMPLETE: Cluster \(AWS::ECS::Cluster\).*the quota is used up"
    ):
        execute.execute(answers.client, CREATION, pace=PACE, token=TOKEN)


def test_a_rolled_back_update_is_no_success(answers: Answers) -> None:
    """Its status ends with COMPLETE too."""
    answers.events(OLD)
    answers.answer("execute_change_set", {})
    answers.stack("UPDATE_ROLLBACK_COMPLETE")
    answers.events(event(2, STACK, "UPDATE_ROLLBACK_COMPLETE"), event(1, STACK, "UPDATE_IN_PROGRESS"), OLD)
    with pytest.raises(ChangeSetError, match="UPDATE_ROLLBACK_COMPLETE"):
        execute.execute(answers.client, UPDATE, pace=PACE, token=TOKEN)


@pytest.mark.parametrize(
    ("code", "told"),
    [("Throttling", "AWS is too busy to answer (Throttling)"), ("ServiceUnavailable", "AWS is too busy to answer (ServiceUnavailable)")],
)  # fmt: skip
def test_what_passes_is_told_and_tried_again(answers: Answers, code: str, told: str) -> None:
    """Longer than botocore itself tries: nothing is lost, and nothing shown twice."""
    begun, ended = event(1, STACK, "UPDATE_IN_PROGRESS"), event(2, STACK, "UPDATE_COMPLETE")
    answers.stack("UPDATE_IN_PROGRESS")
    answers.events(begun)
    answers.refuse("describe_stacks", code)
    answers.stack("UPDATE_COMPLETE")
    answers.events(ended, following="more")
    answers.refuse("describe_stack_events", code)
    answers.stack("UPDATE_COMPLETE")
    answers.events(ended, following="more")
    answers.events(begun)
    heard: list[str] = []
    seen: list[StackEvent] = []
    follower = Follower(
        answers.client, Stream(answers.client, STACK_ID), seen.append, heard.append, pace=PACE
    )
    follower.follow(lambda shown, _stack: bool(shown), TOKEN)
    assert [(STACK, "UPDATE_IN_PROGRESS"), (STACK, "UPDATE_COMPLETE")] == names(seen)
    assert [f"{told}; the deployment goes on, and so do the looks at it"] * 2 == heard


def test_a_connection_that_breaks_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    """A break is no refusal, and it ends once nothing was heard for too long."""
    answers = Answers()

    def broken(_client: object, _stack: str) -> None:
        raise EndpointConnectionError(endpoint_url="https://cloudformation")

    monkeypatch.setattr("deployer.stacks.read", broken)
    heard: list[str] = []
    follower = Follower(
        answers.client,
        Stream(answers.client, STACK_ID),
        on_trouble=heard.append,
        pace=Pace(0.01, 0.01, 5),
        silence=0.1,
    )
    with pytest.raises(EndpointConnectionError):
        follower.follow(lambda _shown, _stack: True)
    assert heard
    assert all(each.startswith("AWS is out of reach (EndpointConnectionError)") for each in heard)


@pytest.mark.parametrize("code", ["ExpiredToken", "AccessDenied"])
def test_what_does_not_pass_is_raised_at_once(answers: Answers, code: str) -> None:
    """Trying again would not mend it."""
    answers.refuse("describe_stacks", code)
    with pytest.raises(ClientError):
        Follower(answers.client, Stream(answers.client, STACK_ID), pace=PACE).follow(
            lambda _shown, _stack: True
        )


def test_an_execution_that_was_heard_twice_is_ours(answers: Answers) -> None:
    """The first answer was lost; the second says that it is being executed, and its events have our token."""
    answers.events(OLD)
    answers.refuse("execute_change_set", "InvalidChangeSetStatus", "is in EXECUTE_IN_PROGRESS status")
    answers.events(event(1, STACK, "UPDATE_IN_PROGRESS"), OLD)
    execute.start(answers.client, UPDATE, TOKEN, execute.stream_of(answers.client, UPDATE))


@pytest.mark.parametrize("code", ["InvalidChangeSetStatus", "ChangeSetNotFound"])
def test_an_execution_by_somebody_else_is_not_ours(
    answers: Answers, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """Their token is another one: nothing of ours was begun. Of the stack's other change sets nothing is left then."""
    monkeypatch.setattr(execute, "LAST_EVENT_SECONDS", 0.05)
    answers.events(OLD)
    answers.refuse("execute_change_set", code, "is in EXECUTE_IN_PROGRESS status")
    answers.events(event(1, STACK, "UPDATE_IN_PROGRESS", ClientRequestToken="theirs"), OLD)
    stream = execute.stream_of(answers.client, UPDATE)
    with pytest.raises(execute.NotBegunError, match=r"EXECUTE_IN_PROGRESS.*\n.*nothing was begun here"):
        execute.start(answers.client, UPDATE, TOKEN, stream)


def test_the_operation_is_found_by_its_token() -> None:
    """Of events of two operations, the one whose events have the token."""
    events = (
        StackEvent("1", "X", "T", "CREATE_FAILED", "", token="theirs", operation="op-1"),  # noqa: S106
        StackEvent("2", "X", "T", "CREATE_FAILED", "", token=TOKEN, operation="op-2"),
    )
    assert "op-2" == execute.Outcome("ROLLBACK_COMPLETE", None, events, 1.0, TOKEN).operation


def test_looks_grow_slower() -> None:
    """Fast at first, never slower than the last pace, and over in time."""
    assert 0 < sum(1 for _ in Pace(first=0.001, last=0.002, limit=0.02).looks()) <= 20


class Listing:
    """A stack's events as CloudFormation lists them: newest first, in pages that shift when something happens between."""

    def __init__(self, arrivals: list[int], size: int, breaks: set[int]) -> None:
        self._arrivals, self._size, self._breaks = arrivals, size, breaks
        self.happened = 0
        self.asked = 0

    def get_paginator(self, _operation: str) -> Listing:
        """Return what gives pages."""
        return self

    def paginate(self, **_asked: str) -> Iterator[dict[str, list[dict[str, object]]]]:
        """Yield pages by offset, as an emulator does; more happens between them, and some requests fail."""
        offset = 0
        while True:
            self.asked += 1
            if self.asked in self._breaks:
                raise ClientError({"Error": {"Code": "Throttling", "Message": "no"}}, "DescribeStackEvents")
            self.happened += self._arrivals.pop(0) if self._arrivals else 0
            listed = [event(number, "X", "CREATE_IN_PROGRESS") for number in range(self.happened, 0, -1)]
            yield {"StackEvents": listed[offset : offset + self._size]}
            offset += self._size
            if offset >= len(listed):
                return


@settings(max_examples=40)
@given(
    st.lists(st.integers(0, 7), min_size=1, max_size=30),
    st.integers(1, 6),
    st.sets(st.integers(1, 40), max_size=12),
)
def test_no_event_is_lost_or_shown_twice(arrivals: list[int], size: int, breaks: set[int]) -> None:
    """However many happen between two pages, however large the pages are, and whichever requests fail."""
    total = sum(arrivals)
    listing = Listing(list(arrivals), size, breaks)
    stream = Stream(listing, STACK)
    seen: list[str] = []
    for last in (False,) * 45 + (True,) * 15:
        try:
            seen += [each.id for each in stream.new(has_all=last)]
        except ClientError:
            continue
    assert total == listing.happened
    assert [f"event-{number}" for number in range(1, total + 1)] == sorted(
        seen, key=lambda each: int(each[6:])
    )
