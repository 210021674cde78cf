"""Retriers and catchers: which failure they handle, and how long a retrier waits."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from states_language.document import StateMachine, Task
from states_language.interpreter.errors import StateFailure, handles
from states_language.interpreter.handling import Retries


def seeded(seed: int = 0) -> Random:
    """Give the source of random values that an execution has."""
    return Random(seed)  # noqa: S311 - reproducible on purpose


def retriers(*entries: dict[str, Any]) -> Any:
    """Read retriers from a document."""
    document = {"StartAt": "A", "States": {"A": {"Type": "Task", "Retry": list(entries), "End": True}}}
    state = StateMachine.of(document).states["A"]
    assert isinstance(state, Task)
    return state.retriers


@pytest.mark.parametrize(
    ("names", "error", "expected"),
    [
        (["E"], "E", True),
        (["E"], "e", False),
        (["States.ALL"], "E", True),
        (["States.ALL"], "States.Timeout", True),
        (["States.ALL"], "States.IntrinsicFailure", True),
        (["States.ALL"], "States.NoChoiceMatched", True),
        (["States.ALL"], "States.Runtime", False),
        (["States.ALL"], "States.DataLimitExceeded", False),
        (["States.DataLimitExceeded"], "States.DataLimitExceeded", True),
        (["States.Runtime"], "States.Runtime", False),
        (["States.TaskFailed"], "E", True),
        (["States.TaskFailed"], "States.Timeout", False),
        (["States.TaskFailed"], "States.DataLimitExceeded", False),
        (["A", "States.Timeout"], "States.Timeout", True),
        ([], "E", False),
    ],
)
def test_which_failures_a_handler_handles(names: list[str], error: str, expected: bool) -> None:
    """Evidence: documentation (Handling errors in Step Functions workflows)."""
    assert expected is handles(names, StateFailure(error))


@given(
    interval=st.integers(1, 100),
    attempts=st.integers(0, 8),
    rate=st.floats(1, 4),
    longest=st.none() | st.integers(1, 500),
)
def test_a_retrier_waits_as_long_as_the_document_says(
    interval: int, attempts: int, rate: float, longest: int | None
) -> None:
    """Without jitter all its waits together are the retrier's longest wait, in as many attempts as it may make."""
    entry: dict[str, Any] = {
        "ErrorEquals": ["E"],
        "IntervalSeconds": interval,
        "MaxAttempts": attempts,
        "BackoffRate": rate,
    }
    if longest is not None:
        entry["MaxDelaySeconds"] = longest
    (retrier,) = retriers(entry)
    retries, delays = Retries((retrier,)), []
    while (delay := retries.delay(StateFailure("E"), seeded())) is not None:
        delays.append(delay)
    assert attempts == len(delays) == retries.count
    assert sorted(delays) == delays
    assert retrier.longest_wait() == pytest.approx(sum(delays))


@given(st.integers(0, 100), st.integers(0, 5))
def test_jitter_only_ever_shortens_a_wait(seed: int, made: int) -> None:
    """Full jitter takes anything from nothing to the delay."""
    entry = {"ErrorEquals": ["E"], "IntervalSeconds": 8, "MaxAttempts": 9, "JitterStrategy": "FULL"}
    retries = Retries(retriers(entry))
    for attempt in range(made + 1):
        delay = retries.delay(StateFailure("E"), seeded(seed))
        assert delay is not None
        assert 0 <= delay <= 8 * 2**attempt


def test_a_rate_that_overflows_waits_a_year() -> None:
    """No execution lasts longer."""
    retries = Retries(retriers({"ErrorEquals": ["E"], "BackoffRate": 1e15, "MaxAttempts": 3}))
    assert [1, 31_622_400, 31_622_400] == [retries.delay(StateFailure("E"), seeded()) for _ in range(3)]
