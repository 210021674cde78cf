"""Rules about the graph of states: transitions, reachability, ends, loops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from states_language.diagnostics import Finding
from states_language.document import Choice, Fail, State, StateMachine, Succeed, UnknownState, Wait
from states_language.spelling import listed, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from states_language.pointer import Pointer
    from states_language.rules.subject import Subject

Edges = dict[str, list[str]]


def check(subject: Subject) -> Iterator[Finding]:
    """Report what is wrong with the graph of each scope."""
    is_bounded = subject.document.get("TimeoutSeconds") is not None
    for machine in subject.scopes.values():
        edges = {
            name: [edge.target for edge in state.transitions()] for name, state in machine.states.items()
        }
        yield from _missing(machine)
        reached = _reached(machine, edges)
        yield from _unreachable(machine, reached)
        yield from _endless(machine, edges, reached)
        if not is_bounded:
            yield from _unbounded(machine, edges, reached)


def _missing(machine: StateMachine) -> Iterator[Finding]:
    names = machine.states
    if machine.start_at is not None and machine.start_at not in names:
        yield _absent(machine.start_at, machine.pointer / "StartAt", names)
    for state in machine.states.values():
        for edge in state.transitions():
            if edge.target not in names:
                yield _absent(edge.target, edge.pointer, names)


def _absent(target: str, pointer: Pointer, names: Mapping[str, State]) -> Finding:
    meant = nearest(target, names)
    known = f"The states here are {listed(names)}." if names else "There are no states here."
    advice = f"Did you mean '{meant}'?" if meant else known
    return Finding("missing-state", pointer, f"There is no state '{target}' in this scope.", advice)


def _reached(machine: StateMachine, edges: Mapping[str, list[str]]) -> set[str]:
    if machine.start_at is None or machine.start_at not in machine.states:
        return set(machine.states)  # reported already, and nothing could be reached
    return closure([machine.start_at], edges)


def closure(starts: Iterable[str], edges: Mapping[str, list[str]]) -> set[str]:
    """Return every state that can be reached from `starts`, these too."""
    reached: set[str] = set()
    waiting = list(starts)
    while waiting:
        name = waiting.pop()
        if name not in reached and name in edges:
            reached.add(name)
            waiting += edges[name]
    return reached


def _unreachable(machine: StateMachine, reached: set[str]) -> Iterator[Finding]:
    for name, state in machine.states.items():
        if name not in reached:
            yield Finding(
                "unreachable-state",
                state.pointer,
                f"No transition leads to '{name}'.",
                "Lead to it by a Next, a Default or a Catch, or remove it.",
                at_key=True,
            )


def _endless(machine: StateMachine, edges: Mapping[str, list[str]], reached: set[str]) -> Iterator[Finding]:
    """Report loops that no state leaves; a state without any transition is the structure's matter."""
    backwards: Edges = {name: [] for name in machine.states}
    for name, targets in edges.items():
        for target in targets:
            if target in backwards:
                backwards[target].append(name)
    ends = [
        name
        for name, state in machine.states.items()
        if state.is_terminal
        or isinstance(state, Fail | Succeed | UnknownState)
        or not edges[name]
        or any(target not in machine.states for target in edges[name])
    ]
    ending = closure(ends, backwards)
    for name, state in machine.states.items():
        if name in reached and name not in ending:
            yield Finding(
                "no-way-to-the-end",
                state.pointer,
                f"From '{name}' no state can be reached that ends the execution.",
                "Give the loop a way out: a Choice, or a state with End.",
                at_key=True,
            )
            return  # one of the loop's states tells of them all


def _unbounded(machine: StateMachine, edges: Mapping[str, list[str]], reached: set[str]) -> Iterator[Finding]:
    for loop in _loops({name: edges[name] for name in machine.states if name in reached}):
        states = [machine.states[name] for name in machine.states if name in loop]
        waits = [state for state in states if isinstance(state, Wait)]
        if not waits or any(_counts(state.fields) for state in states if isinstance(state, Choice)):
            continue
        yield Finding(
            "unbounded-loop",
            waits[0].pointer,
            f"The loop through {listed(state.name for state in states)} goes on as long as its Choice says so.",
            "Count the turns and compare the count in a Choice, or give the state machine TimeoutSeconds.",
            at_key=True,
        )


def _counts(test: object) -> bool:
    """Tell whether a Choice compares a number somewhere, or is in a language that is not followed."""
    if isinstance(test, dict):
        return any(
            key.startswith("Numeric") or key == "Condition" or _counts(value) for key, value in test.items()
        )
    return isinstance(test, list) and any(_counts(entry) for entry in test)


def _loops(edges: Mapping[str, list[str]]) -> Iterator[set[str]]:
    """Yield the sets of states that lead to one another (Tarjan, without recursion)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    path: list[str] = []
    on_path: set[str] = set()
    for root in edges:
        if root in index:
            continue
        work: list[tuple[str, Iterator[str]]] = [(root, iter(edges[root]))]
        index[root] = low[root] = len(index)
        path.append(root)
        on_path.add(root)
        while work:
            name, targets = work[-1]
            target = next((target for target in targets if target in edges), None)
            if target is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[name])
                if low[name] == index[name]:
                    loop = _pop_until(name, path, on_path)
                    if len(loop) > 1 or name in edges[name]:
                        yield loop
            elif target not in index:
                index[target] = low[target] = len(index)
                path.append(target)
                on_path.add(target)
                work.append((target, iter(edges[target])))
            elif target in on_path:
                low[name] = min(low[name], index[target])


def _pop_until(name: str, path: list[str], on_path: set[str]) -> set[str]:
    loop: set[str] = set()
    while name not in loop:
        entry = path.pop()
        on_path.discard(entry)
        loop.add(entry)
    return loop
