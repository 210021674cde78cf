"""What becomes of a state's failure: another attempt, another state, or the end of its branch."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from states_language.interpreter.errors import (
    INTRINSIC_FAILURE,
    QUERY_EVALUATION_ERROR,
    RESULT_PATH_MATCH_FAILURE,
    RUNTIME,
    StateFailure,
    handles,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from states_language.document import Retrier, State
    from states_language.interpreter.branch import Branch
    from states_language.interpreter.data import Outcome, View
    from states_language.interpreter.schedule import Flow

LONGEST_DELAY_SECONDS = 31_622_400
"""A year: no execution lasts longer. Evidence: documentation (quotas)."""

_FOUND_BY_INTERPRETER = frozenset(
    {RUNTIME, INTRINSIC_FAILURE, RESULT_PATH_MATCH_FAILURE, QUERY_EVALUATION_ERROR}
)


def locate(failure: StateFailure, branch: Branch, state: State, entered: int) -> StateFailure:
    """Say in the cause where the interpreter found the failure, in AWS's words (evidence: recorded).

    A failed JSONata expression has an event of its own.
    """
    opening = "An error occurred while executing the state"
    if failure.error not in _FOUND_BY_INTERPRETER or (failure.cause or "").startswith(opening):
        return failure
    cause = f"{opening} '{state.name}' (entered at the event id #{entered}). {failure.cause}"
    if failure.location is not None:
        details = {"error": failure.error, "cause": cause, "location": failure.location, "state": state.name}
        branch.record("EvaluationFailed", details)
    return StateFailure(failure.error, cause, failure.aliases)


class Retries:
    """The attempts that a state has made, counted for each of its retriers."""

    def __init__(self, retriers: tuple[Retrier, ...]):
        self._retriers = retriers
        self._made = [0] * len(retriers)

    @property
    def count(self) -> int:
        """How often the state was retried: `$$.State.RetryCount`."""
        return sum(self._made)

    def delay(self, failure: StateFailure, random: Random) -> float | None:
        """Return the seconds until the next attempt; None when there is none.

        The first retrier that handles the error decides, and when its attempts are used up no other is asked.
        Evidence: documentation (page "Handling errors", specification).
        """
        for position, retrier in enumerate(self._retriers):
            if not handles(retrier.errors, failure):
                continue
            made = self._made[position]
            if made >= retrier.max_attempts:
                return None
            self._made[position] += 1
            return _delay(retrier, made, random)
        return None


def _delay(retrier: Retrier, made: int, random: Random) -> float:
    longest = LONGEST_DELAY_SECONDS if retrier.max_delay_seconds is None else retrier.max_delay_seconds
    try:
        delay = min(retrier.interval_seconds * retrier.backoff_rate**made, longest)
    except OverflowError:
        delay = longest
    # Full jitter: anything from nothing to the delay. Evidence: documentation (JitterStrategy).
    return random.uniform(0, delay) if retrier.full_jitter else delay


def with_handlers(
    branch: Branch, state: State, view: View, entered: int, attempt: Callable[[int], Flow]
) -> Flow:
    """Run attempts of a state (each told how many were made before) until one succeeds or a failure is final.

    Gives the `Outcome` of the attempt, or of the catcher; lets through the failure that nothing handles.
    """
    retries = Retries(state.retriers)
    while True:
        try:
            return (yield from attempt(retries.count))
        except StateFailure as caught:
            failure = locate(caught, branch, state, entered)
        delay = retries.delay(failure, branch.run.random)
        if delay is None:
            return _catch(branch, state, view, failure, entered)
        if delay > 0:
            yield branch.run.clock.now() + timedelta(seconds=delay)


def _catch(branch: Branch, state: State, view: View, failure: StateFailure, entered: int) -> Outcome:
    for catcher in state.catchers:
        if handles(catcher.errors, failure):
            try:
                return view.caught(catcher, failure.output())
            except StateFailure as found:
                raise locate(found, branch, state, entered) from failure
    raise failure
