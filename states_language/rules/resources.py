"""Rules about what a document starts and must stop; the pairs are data (`data/pairs.json`)."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from states_language.diagnostics import Finding
from states_language.document import Choice, Fail, Map, Parallel, Task
from states_language.integrations import Pattern, Target, operation, parse_resource
from states_language.spelling import listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from states_language.document import State, StateMachine
    from states_language.rules.subject import Subject


@dataclass(frozen=True, eq=False)
class Pair:
    """Operations that start something, and those that stop it."""

    service: str
    start: tuple[str, ...]
    stop: tuple[str, ...]
    handle: str
    """The member of the answer that names what was started; empty: there is none."""
    what: str
    optimized: Mapping[str, str]


@cache
def pairs() -> tuple[Pair, ...]:
    """Return the pairs."""
    path = Path(__file__).parent.with_name("data") / "pairs.json"
    rows = json.loads(path.read_text("utf-8"))["pairs"]
    return tuple(
        Pair(
            row["service"],
            tuple(row["start"]),
            tuple(row["stop"]),
            row["handle"],
            row["what"],
            row.get("optimized", {}),
        )
        for row in rows
    )


def check(subject: Subject) -> Iterator[Finding]:
    """Report what is started and, on some way out, not stopped.

    A document that stops nothing of the kind hands it over to someone else; it is taken at its word.
    """
    roles = {state.pointer: _roles(state) for state in subject.states.values() if isinstance(state, Task)}
    if not any(roles.values()):
        return
    for machine in subject.scopes.values():
        stops: defaultdict[Pair, set[str]] = defaultdict(set)
        for name, state in machine.states.items():
            for inner in _with_inner(state):
                for pair, role in roles.get(inner.pointer, ()):
                    if role == "stop":
                        stops[pair].add(name)
        for state in machine.states.values():
            for pair, role in roles.get(state.pointer, ()):
                if role == "start" and pair in stops:
                    yield from _left(machine, state, pair, stops[pair])


def _roles(state: Task) -> list[tuple[Pair, str]]:
    integration = parse_resource(state.resource)
    if integration.target not in (Target.SDK, Target.OPTIMIZED):
        return []
    is_waited_for = integration.pattern in (Pattern.SYNC, Pattern.SYNC_2)
    found: list[tuple[Pair, str]] = []
    call = operation(integration)
    for pair in pairs():
        named = pair.optimized.get(f"{integration.service}:{integration.action}")
        if named is not None and integration.target is Target.OPTIMIZED:
            found.append((pair, named))
        elif call is not None and call[0].folder == pair.service:
            if call[1].name in pair.start and not is_waited_for:
                found.append((pair, "start"))
            elif call[1].name in pair.stop:
                found.append((pair, "stop"))
    return found


def _with_inner(state: State) -> Iterator[State]:
    yield state
    for scope in state.scopes:
        yield from scope.walk()


def _left(machine: StateMachine, start: State, pair: Pair, stops: set[str]) -> Iterator[Finding]:
    """Report the ways from a start to an end, or to a failure that nothing catches, past no stop."""
    where = _handle_path(start, pair)
    waiting = [start.next] if start.next else []
    seen: set[str] = set()
    ends: list[str] = []
    failures: list[str] = []
    while waiting:
        name = waiting.pop()
        if name in seen or name in stops or name not in machine.states:
            continue
        seen.add(name)
        state = machine.states[name]
        if state.is_terminal or isinstance(state, Fail):
            ends.append(name)
        if isinstance(state, Task | Map | Parallel) and not _catches_all(state):
            failures.append(name)
        waiting += _onward(state, where)
    if ends:
        yield _finding(
            start, pair, stops, f"The execution may end at {listed(ends)} without stopping it.", ""
        )
    if failures:
        yield _finding(
            start,
            pair,
            stops,
            f"It is left running when {listed(failures)} {'fails' if len(failures) == 1 else 'fail'}: no Catch leads to {listed(sorted(stops))}.",
            "Catch States.ALL there, and lead to the state that stops it.",
        )


def _finding(start: State, pair: Pair, stops: set[str], message: str, advice: str) -> Finding:
    return Finding(
        "resource-not-stopped",
        start.pointer / "Resource",
        f"'{start.name}' starts a {pair.what}. {message}",
        advice or f"Lead every way out past {listed(sorted(stops))}.",
    )


def _catches_all(state: State) -> bool:
    return any("States.ALL" in catcher.errors for catcher in state.catchers)


def _handle_path(start: State, pair: Pair) -> str:
    """Return the path of what names the resource that was started; empty where there is none."""
    path = start.fields.get("ResultPath", "$")
    return f"{path}.{pair.handle}" if isinstance(path, str) and pair.handle else ""


def _onward(state: State, handle: str) -> list[str]:
    """Return the next states, but for a Choice's edges on which nothing was started."""
    if not isinstance(state, Choice) or not handle:
        return [edge.target for edge in state.transitions()]
    onward: list[str] = []
    for rule in state.rules:
        verdict = _presence(rule.fields, handle)
        if rule.next is not None and verdict is not False:
            onward.append(rule.next)
        if verdict is True:
            return onward  # on every later edge it is not there
    if state.default is not None:
        onward.append(state.default)
    return onward


def _presence(test: Mapping[str, Any], handle: str) -> bool | None:
    """Tell whether a test holds just where the resource is there, or just where it is not; None: neither."""
    if isinstance(test.get("Not"), dict):
        inner = _presence(test["Not"], handle)
        return None if inner is None else not inner
    if isinstance(inner_tests := test.get("And"), list):
        return False if any(_presence(entry, handle) is False for entry in _objects(inner_tests)) else None
    variable, expected = test.get("Variable"), test.get("IsPresent")
    if isinstance(variable, str) and isinstance(expected, bool) and variable.startswith(handle):
        rest = variable[len(handle) :]
        if rest == "" or rest[0] in ".[":
            return expected
    return None


def _objects(entries: Sequence[Any]) -> list[Mapping[str, Any]]:
    return [entry for entry in entries if isinstance(entry, dict)]
