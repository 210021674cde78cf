"""What a state machine starts, and whether every path ends it again.

A state is safe when every path from it to an end of the execution passes a call that ends what was started, an error
that nothing catches being such an end, too. Compared is which states lost or gained this: a path on which nothing
was started yet is on both sides alike, and therefore silent.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from review import tables
from states_language.document import Map, Parallel, State, StateMachine, Task
from states_language.permissions import integration

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FAILURE = "an error that nothing catches"


@dataclass(frozen=True, slots=True)
class Lifetime:
    """Calls that start something, and those that end it."""

    starts: frozenset[str]
    ends: frozenset[str]
    what: str


@dataclass(frozen=True, slots=True)
class Leak:
    """A path on which what a state starts was ended on one side only."""

    starter: State
    what: str
    first: State
    """The state that goes another way now."""
    path: tuple[str, ...]
    """From there to the end that it reaches."""


@cache
def lifetimes() -> tuple[Lifetime, ...]:
    """Return what calls start and end."""
    rows: list[dict[str, Any]] = tables.table("data/lifetimes.yaml")
    return tuple(Lifetime(_lower(row["starts"]), _lower(row["ends"]), row["what"]) for row in rows)


def _lower(calls: list[str]) -> frozenset[str]:
    return frozenset(call.lower() for call in calls)


def call_of(state: State) -> str:
    """Return the API action that a Task calls, in lower case: `ecs:runtask`; empty where it waits for the end, or calls none."""
    if not isinstance(state, Task):
        return ""
    name = integration(state.resource).lower().removeprefix("aws-sdk:")
    return "" if ".sync" in name else name.partition(".")[0]


def leaks(safe_side: StateMachine, other_side: StateMachine) -> Iterator[Leak]:
    """Yield what every path ended in `safe_side`, and some path does not in `other_side`."""
    for safe_scope, scope in _scopes(safe_side, other_side):
        for lifetime in lifetimes():
            starters = [state for state in scope.states.values() if call_of(state) in lifetime.starts]
            safe_starters = [
                state for state in safe_scope.states.values() if call_of(state) in lifetime.starts
            ]
            if not starters or not safe_starters:
                continue
            was_safe = _safe(safe_scope, lifetime)
            is_safe = _safe(scope, lifetime)
            for starter in starters:
                yield from _of_starter(scope, lifetime, starter, was_safe, is_safe)


def _scopes(one: StateMachine, other: StateMachine) -> Iterator[tuple[StateMachine, StateMachine]]:
    yield one, other
    for name, state in one.states.items():
        if name in other.states:
            for left, right in zip(state.scopes, other.states[name].scopes, strict=False):
                yield from _scopes(left, right)


def _of_starter(
    scope: StateMachine, lifetime: Lifetime, starter: State, was_safe: set[str], is_safe: set[str]
) -> Iterator[Leak]:
    told: set[str] = set()
    for name in _reached(scope, lifetime, starter.name):
        if name not in was_safe or name in is_safe:
            continue
        path = _way_out(scope, name, is_safe)
        # The last state of the path that was safe is the one whose edge is to blame.
        blamed = next((index for index in range(len(path) - 1, -1, -1) if path[index] in was_safe), 0)
        if path[blamed] not in told:
            told.add(path[blamed])
            yield Leak(starter, lifetime.what, scope.states[path[blamed]], tuple(path[blamed:]))


def _ends(state: State, lifetime: Lifetime) -> bool:
    return call_of(state) in lifetime.ends or any(
        _ends(inner, lifetime) for scope in state.scopes for inner in scope.walk()
    )


def _edges(scope: StateMachine, state: State) -> list[str]:
    """Return where a state leads; `FAILURE` where an error of it ends the execution."""
    targets = [transition.target for transition in state.transitions() if transition.target in scope.states]
    if isinstance(state, Task | Parallel | Map) and not any(
        "States.ALL" in catcher.errors for catcher in state.catchers
    ):
        targets.append(FAILURE)
    return list(dict.fromkeys(targets))


def _safe(scope: StateMachine, lifetime: Lifetime) -> set[str]:
    """Return the states from which every path to an end passes a call that ends it; a loop alone is no end."""
    unsafe: set[str] = {FAILURE}
    edges = {name: _edges(scope, state) for name, state in scope.states.items()}
    changed = True
    while changed:
        changed = False
        for name, state in scope.states.items():
            if name in unsafe or _ends(state, lifetime):
                continue
            if state.is_terminal or not edges[name] or any(target in unsafe for target in edges[name]):
                unsafe.add(name)
                changed = True
    return set(scope.states) - unsafe


def _reached(scope: StateMachine, lifetime: Lifetime, start: str) -> list[str]:
    """Return the states that follow a start before anything ends it, the nearest first."""
    found = [start]
    for name in found:
        if name == FAILURE or (name != start and _ends(scope.states[name], lifetime)):
            continue
        found += [target for target in _edges(scope, scope.states[name]) if target not in found]
    return [
        name for name in found if name not in (start, FAILURE) and not _ends(scope.states[name], lifetime)
    ]


def _way_out(scope: StateMachine, start: str, is_safe: set[str]) -> list[str]:
    """Return the shortest path to an end that nothing ends what was started on."""
    paths: Mapping[str, list[str]] = {start: [start]}
    waiting = [start]
    for name in waiting:
        if name == FAILURE or scope.states[name].is_terminal or not _edges(scope, scope.states[name]):
            return paths[name]
        for target in _edges(scope, scope.states[name]):
            if target not in paths and target not in is_safe:
                paths = {**paths, target: [*paths[name], target]}
                waiting.append(target)
    return [start]
