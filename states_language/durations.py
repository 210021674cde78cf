"""How long an execution can take at most, by the document's own timeouts, waits and retries.

Only what a document bounds can be added up: a Task without `TimeoutSeconds`, and a loop of which nobody says how
often it can run, have no bound. A call that fails by a service's error is taken to fail at once, so that a retry
costs its wait; a call that can time out, and is retried when it does, costs its timeout each time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from states_language.document import Choice, Fail, Pass, State, StateMachine, Succeed, Task, Wait

if TYPE_CHECKING:
    from collections.abc import Mapping

RETRIES_TIMEOUTS = {"States.ALL", "States.Timeout", "States.TaskFailed"}
"""Error names that match a timeout. States.TaskFailed does not (documentation), but costs nothing to assume."""


class UnboundedError(Exception):
    """Something in the document has no bound; the message names the state."""


@dataclass(frozen=True, slots=True)
class LongestPath:
    """The path through a document that can take longest."""

    seconds: float
    states: tuple[str, ...]


def longest_path(machine: StateMachine, loop_bounds: Mapping[str, int]) -> LongestPath:
    """Return the path that can take longest; `loop_bounds` says how often a loop runs at most, by a state in it.

    Every state of a loop is taken to run each time, so the result is an upper bound. Raises `UnboundedError`.
    """
    loops = _loops(machine)
    loop_of = {name: index for index, loop in enumerate(loops) for name in loop}
    best: dict[int, LongestPath] = {}
    for index, loop in enumerate(loops):  # in an order in which what follows comes first
        rounds = _rounds(machine, loop, loop_bounds)
        own = rounds * sum(_seconds(machine.states[name]) for name in loop)
        following = {
            loop_of[transition.target]
            for name in loop
            for transition in machine.states[name].transitions()
            if transition.target in loop_of
        } - {index}
        rest = max(
            (best[each] for each in following), key=lambda path: path.seconds, default=LongestPath(0, ())
        )
        best[index] = LongestPath(own + rest.seconds, (*loop, *rest.states))
    if machine.start_at is None or machine.start_at not in loop_of:
        message = "The document starts nowhere."
        raise UnboundedError(message)
    return best[loop_of[machine.start_at]]


def _rounds(machine: StateMachine, loop: tuple[str, ...], bounds: Mapping[str, int]) -> int:
    repeats = len(loop) > 1 or any(
        transition.target == loop[0] for transition in machine.states[loop[0]].transitions()
    )
    if not repeats:
        return 1
    known = [bounds[name] for name in loop if name in bounds]
    if not known:
        message = f"Nobody says how often the loop of {', '.join(loop)} can run."
        raise UnboundedError(message)
    return min(known)


def _seconds(state: State) -> float:
    if isinstance(state, Choice | Pass | Succeed | Fail):
        return 0
    if isinstance(state, Wait) and isinstance(seconds := state.fields.get("Seconds"), int | float):
        return seconds
    timeout = state.fields.get("TimeoutSeconds")
    if isinstance(state, Task) and isinstance(timeout, int | float):
        attempts = 1 + sum(
            retrier.max_attempts for retrier in state.retriers if RETRIES_TIMEOUTS & {*retrier.errors}
        )
        return attempts * timeout + sum(retrier.longest_wait() for retrier in state.retriers)
    message = f"'{state.name}' has no bound: give it TimeoutSeconds."
    raise UnboundedError(message)


def _loops(machine: StateMachine) -> list[tuple[str, ...]]:
    """Return the strongly connected components, each after all that it leads to (Tarjan's algorithm)."""
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    open_states: list[str] = []
    loops: list[tuple[str, ...]] = []
    for start in machine.states:
        if start in order:
            continue
        work = [(start, iter(_targets(machine, start)))]
        order[start] = low[start] = len(order)
        open_states.append(start)
        while work:
            name, targets = work[-1]
            for target in targets:
                if target not in order:
                    order[target] = low[target] = len(order)
                    open_states.append(target)
                    work.append((target, iter(_targets(machine, target))))
                    break
                if target in open_states:
                    low[name] = min(low[name], order[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[name])
                if low[name] == order[name]:
                    cut = open_states.index(name)
                    loops.append(tuple(open_states[cut:]))
                    del open_states[cut:]
    return loops


def _targets(machine: StateMachine, name: str) -> list[str]:
    return [each.target for each in machine.states[name].transitions() if each.target in machine.states]
