"""The state graph as Mermaid text, which code hosts draw inside Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from states_language.document import (
    Choice,
    Fail,
    Parallel,
    State,
    StateMachine,
    Succeed,
    Task,
    TransitionKind,
    Wait,
)
from states_language.document import Map as MapState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

SHAPES = {Choice: ("{", "}"), Wait: ("([", "])"), Succeed: ("([", "])"), Fail: ("([", "])"), Task: ("[", "]")}
"""What surrounds a state's name: a rhombus chooses, a stadium waits or ends, a box works; a Pass is a rounded box."""

CLASSES = {
    Task: "fill:#dbeafe,stroke:#2563eb,color:#111827",
    Choice: "fill:#fef9c3,stroke:#ca8a04,color:#111827",
    Succeed: "fill:#dcfce7,stroke:#16a34a,color:#111827",
    Fail: "fill:#fee2e2,stroke:#dc2626,color:#111827",
}
"""Colours that are readable on a light and on a dark page, since each brings its own text colour."""


MARKS = {
    "added": "fill:#dcfce7,stroke:#16a34a,stroke-width:3px,color:#111827",
    "removed": "fill:#fee2e2,stroke:#dc2626,stroke-width:3px,stroke-dasharray:5 3,color:#111827",
    "changed": "fill:#fef3c7,stroke:#d97706,stroke-width:3px,color:#111827",
}
"""What a comparison says of a state, and how it is drawn: by its line too, not by its colour alone."""

Edge = tuple[str, str]
"""The pointers, as texts, of the states that an edge leaves and enters."""


def mermaid(
    machine: StateMachine,
    *,
    direction: str = "TD",
    marks: Mapping[str, str] | None = None,
    marked_edges: Collection[Edge] = (),
    edge_mark: str = "added",
) -> str:
    """Return the graph of a document: solid edges go on, dotted ones are taken when something failed.

    `marks` says of states, by their pointers, that they were `added`, `removed` or `changed`; the states and edges
    without a mark are then drawn plainly. `edge_mark` says what happened to all of `marked_edges`.
    """
    ids = {id(state): f"s{index}" for index, state in enumerate(machine.walk())}
    lines = [f"flowchart {direction}", *_scope(machine, ids, "  ", "start")]
    if marks is None and not marked_edges:
        lines += _classes({ids[id(state)]: state for state in machine.walk()})
    else:
        nodes = {str(state.pointer): ids[id(state)] for state in machine.walk()}
        lines += _marked(lines, nodes, marks or {}, marked_edges, edge_mark)
    return "\n".join(lines) + "\n"


def _marked(
    lines: list[str],
    nodes: Mapping[str, str],
    marks: Mapping[str, str],
    edges: Collection[Edge],
    edge_mark: str,
) -> Iterator[str]:
    for mark, style in MARKS.items():
        members = [node for pointer, node in nodes.items() if marks.get(pointer) == mark]
        if members:
            yield f"  classDef {mark} {style}"
            yield f"  class {','.join(members)} {mark}"
    wanted = {
        (nodes[source], nodes[target]) for source, target in edges if source in nodes and target in nodes
    }
    drawn = [line.split() for line in lines if " --> " in line or " -.-> " in line]
    found = [str(index) for index, words in enumerate(drawn) if (words[0], words[-1]) in wanted]
    if found:
        stroke = "#16a34a" if edge_mark == "added" else "#dc2626"
        yield f"  linkStyle {','.join(found)} stroke:{stroke},stroke-width:3px"


def outline(machine: StateMachine, *, direction: str = "TD") -> str:
    """Return the graph of what a document calls and how it ends: the states between are drawn as edges.

    A dotted edge is one that only a failed call can take. Ends with the same error are drawn as one, under its name.
    """
    drawn = {name: state for name, state in machine.states.items() if _is_drawn(state)}
    labels = {name: str(state.fields.get("Error", name)) for name, state in drawn.items()}
    ids = {label: f"s{index}" for index, label in enumerate(dict.fromkeys(labels.values()))}
    kinds = {labels[name]: state for name, state in drawn.items()}
    lines = [f"flowchart {direction}"]
    lines += [f"  {ids[label]}{_shaped(label, state)}" for label, state in kinds.items()]
    edges: dict[tuple[str, str], bool] = {}
    for name in _next_drawn(machine, machine.start_at or "", failed=False):
        edges["start(( ))", ids[labels[name]]] = False
    for name, state in drawn.items():
        for transition in state.transitions():
            failed = transition.kind is TransitionKind.CATCH
            for target, target_failed in _next_drawn(machine, transition.target, failed=failed).items():
                edge = ids[labels[name]], ids[labels[target]]
                edges[edge] = edges.get(edge, True) and target_failed
    lines += [
        f"  {source} {'-.->' if failed else '-->'} {target}" for (source, target), failed in edges.items()
    ]
    return "\n".join([*lines, *_classes({ids[label]: state for label, state in kinds.items()})]) + "\n"


def _is_drawn(state: State) -> bool:
    return isinstance(state, Task | Parallel | MapState | Succeed | Fail)


def _next_drawn(machine: StateMachine, name: str, *, failed: bool) -> dict[str, bool]:
    """Return the states of the outline that come next from a state, and whether only a failure leads there."""
    found: dict[str, bool] = {}
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop(0)
        if current in seen or current not in machine.states:
            continue
        seen.add(current)
        if _is_drawn(machine.states[current]):
            found[current] = failed
        else:
            waiting += [transition.target for transition in machine.states[current].transitions()]
    return found


def _scope(machine: StateMachine, ids: dict[int, str], indent: str, start: str) -> Iterator[str]:
    names = {name: ids[id(state)] for name, state in machine.states.items()}
    for state in machine.states.values():
        yield from _node(state, ids, indent)
    if machine.start_at in names:
        yield f"{indent}{start}(( )) --> {names[machine.start_at]}"
    for state in machine.states.values():
        edges: dict[tuple[str, bool], None] = {}
        for transition in state.transitions():
            if transition.target in names:
                edges[names[transition.target], transition.kind is TransitionKind.CATCH] = None
        for target, failed in edges:
            yield f"{indent}{ids[id(state)]} {'-.->' if failed else '-->'} {target}"


def _node(state: State, ids: dict[int, str], indent: str) -> Iterator[str]:
    own = ids[id(state)]
    if isinstance(state, Parallel | MapState):
        yield f"{indent}subgraph {own}[{_label(state.name)}]"
        for index, scope in enumerate(state.scopes):
            yield from _scope(scope, ids, indent + "  ", f"{own}_{index}")
        yield f"{indent}end"
        return
    yield f"{indent}{own}{_shaped(state.name, state)}"


def _shaped(label: str, state: State) -> str:
    before, after = SHAPES.get(type(state), ("(", ")"))
    return f"{before}{_label(label)}{after}"


def _classes(nodes: Mapping[str, State]) -> Iterator[str]:
    for kind, style in CLASSES.items():
        members = [node for node, state in nodes.items() if state.type == kind.type]
        if members:
            yield f"  classDef {kind.type.lower()} {style}"
            yield f"  class {','.join(members)} {kind.type.lower()}"


def _label(name: str) -> str:
    """Return a quoted label: what would end it, its line or its being plain text is written by its code point."""
    if name.isalnum():
        return f'"{name}"'
    plain = (char if char.isprintable() and char not in '<>&"#`' else f"#{ord(char)};" for char in name)
    return f'"{"".join(plain)}"'
