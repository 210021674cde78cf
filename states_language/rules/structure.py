"""Rules about the fields of states: those that must stand, may stand, and may not stand together."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from states_language.diagnostics import Finding
from states_language.document import STATE_TYPES, Choice, UnknownState
from states_language.flow import jsonata
from states_language.spelling import listed, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from states_language.document import State, StateMachine
    from states_language.pointer import Pointer
    from states_language.rules.subject import Subject

LONGEST_NAME: Final = 80
"""Characters of a state's name (evidence: documentation)."""
COMBINATIONS: Final = ("And", "Or", "Not")


@cache
def _table() -> Mapping[str, Any]:
    table: Mapping[str, Any] = json.loads(
        Path(__file__).parent.with_name("data").joinpath("fields.json").read_text("utf-8")
    )
    return table


@cache
def fields_of(type_name: str, query_language: str) -> frozenset[str]:
    """Return the fields that a state of a type may have."""
    table = _table()
    row = table["states"][type_name]
    return frozenset((*table["common"], *row["both"], *row.get(query_language, ())))


def check(subject: Subject) -> Iterator[Finding]:
    """Report what is wrong with the form of the document."""
    yield from _names(subject)
    yield from _languages(subject)
    for machine in subject.scopes.values():
        yield from _machine(machine)
        for name, fields in machine.fields["States"].items():
            if not isinstance(fields, dict):
                yield Finding("mistyped-field", machine.pointer / "States" / name, "A state is an object.")
        for state in machine.states.values():
            yield from _state(state)


def _names(subject: Subject) -> Iterator[Finding]:
    seen: dict[str, Pointer] = {}
    for state in subject.states.values():
        if len(state.name) > LONGEST_NAME:
            yield Finding(
                "mistyped-field",
                state.pointer,
                f"A state's name has at most {LONGEST_NAME} characters; this one has {len(state.name)}.",
                at_key=True,
            )
        if state.name in seen:
            yield Finding(
                "duplicate-state-name",
                state.pointer,
                f"There is another state '{state.name}', at {seen[state.name]}.",
                "A name stands once in the whole document, its branches and iterations too.",
                at_key=True,
            )
        seen.setdefault(state.name, state.pointer)


def _languages(subject: Subject) -> Iterator[Finding]:
    """Report states that go back to JSONPath in a document that is in JSONata (evidence: documentation)."""
    if subject.machine.query_language != "JSONata":
        return
    for state in subject.states.values():
        if state.fields.get("QueryLanguage") == "JSONPath":
            yield Finding(
                "conflicting-fields",
                state.pointer / "QueryLanguage",
                "A state machine in JSONata has no states in JSONPath.",
                "Let the state machine be in JSONPath, and give JSONata to the states that need it.",
            )


def _machine(machine: StateMachine) -> Iterator[Finding]:
    if "StartAt" not in machine.fields:
        yield Finding("missing-field", machine.pointer, "A state machine has 'StartAt', its first state.")
    elif machine.start_at is None:
        yield Finding("mistyped-field", machine.pointer / "StartAt", "'StartAt' is a state's name.")
    if not machine.pointer.steps:
        known = _table()["machine"]
        for name in machine.fields:
            if name not in known:
                meant = nearest(name, known)
                yield Finding(
                    "unknown-field",
                    machine.pointer / name,
                    f"A state machine has no field '{name}'.",
                    f"Did you mean '{meant}'?" if meant else f"It has {listed(known)}.",
                    at_key=True,
                )


def _state(state: State) -> Iterator[Finding]:
    if isinstance(state, UnknownState):
        yield _type(state)
        return
    table = _table()
    known = fields_of(state.type, state.query_language)
    for name in state.fields:
        if name not in known:
            yield _unknown(name, state, known)
    for group in table["required"].get(state.type, ()):
        if not any(name in state.fields for name in group) and not any(
            _near(name, group, known) for name in state.fields
        ):
            yield Finding(
                "missing-field",
                state.pointer,
                f"The {state.type} state '{state.name}' has no {' or '.join(repr(name) for name in group)}.",
                at_key=True,
            )
    for group in table["exclusive"]:
        together = [name for name in group if name in state.fields and name in known]
        if len(together) > 1 and not (set(together) == {"Next", "End"} and state.fields["End"] is False):
            yield Finding(
                "conflicting-fields",
                state.pointer / together[1],
                f"{listed(together)} stand together in '{state.name}'; only one of them may.",
                at_key=True,
            )
    yield from _kinds(state)
    yield from _inner_fields(state)
    yield from _handlers(state)
    if isinstance(state, Choice):
        yield from _choices(state)


def _inner_fields(state: State) -> Iterator[Finding]:
    """Report what is wrong inside fields that have fields of their own."""
    batcher = state.fields.get("ItemBatcher")
    if isinstance(batcher, dict):
        for name in ("MaxItemsPerBatch", "MaxInputBytesPerBatch"):
            if name in batcher and f"{name}Path" in batcher:
                message = f"'{name}' and '{name}Path' stand together; only one of them may."
                yield Finding(
                    "conflicting-fields", state.pointer / "ItemBatcher" / name, message, at_key=True
                )
    branches = state.fields.get("Branches")
    for place, branch in enumerate(branches if isinstance(branches, list) else ()):
        if not isinstance(branch, dict) or not isinstance(branch.get("States"), dict):
            at = state.pointer / "Branches" / place
            yield Finding("mistyped-field", at, "A branch is an object with 'StartAt' and 'States'.")


def _near(name: str, group: list[str], known: frozenset[str]) -> bool:
    return name not in known and nearest(name, group) is not None


def _type(state: State) -> Finding:
    kind = state.fields.get("Type")
    if kind is None:
        return Finding(
            "missing-field", state.pointer, f"The state '{state.name}' has no 'Type'.",
            f"The types are {listed(STATE_TYPES)}.", at_key=True,
        )  # fmt: skip
    meant = nearest(kind, STATE_TYPES) if isinstance(kind, str) else None
    advice = f"Did you mean '{meant}'?" if meant else f"The types are {listed(STATE_TYPES)}."
    return Finding("mistyped-field", state.pointer / "Type", f"There is no type of state {kind!r}.", advice)


def _unknown(name: str, state: State, known: frozenset[str]) -> Finding:
    other = "JSONPath" if state.query_language == "JSONata" else "JSONata"
    if name in fields_of(state.type, other):
        advice = f"It is a field of {other} states; this one is in {state.query_language}."
    else:
        meant = nearest(name, known)
        advice = f"Did you mean '{meant}'?" if meant else f"It has {listed(sorted(known), most=30)}."
    message = f"A {state.type} state has no field '{name}'."
    return Finding("unknown-field", state.pointer / name, message, advice, at_key=True)


def _kinds(state: State) -> Iterator[Finding]:
    for name, kind in _table()["kinds"].items():
        if name in state.fields and not _is_a(state.fields[name], kind):
            words = {"path": "a path, or null", "list": "a list", "object": "an object"}
            yield Finding(
                "mistyped-field",
                state.pointer / name,
                f"'{name}' is {words.get(kind, 'a ' + kind)}.",
            )


def _is_a(value: Any, kind: str) -> bool:
    if kind == "path":
        return value is None or isinstance(value, str)
    if kind == "number":
        return (isinstance(value, int | float) and not isinstance(value, bool)) or _is_filled_in(value)
    if kind in ("list", "object") and jsonata.is_expression(value):
        return True
    wanted: dict[str, type] = {"string": str, "boolean": bool, "list": list, "object": dict}
    return isinstance(value, wanted[kind])


def _is_filled_in(value: Any) -> bool:
    """Tell whether a number's place is taken by an expression or by a substitution."""
    return isinstance(value, str) and (jsonata.is_expression(value) or "${" in value)


def _handlers(state: State) -> Iterator[Finding]:
    for name, required in (("Retry", ("ErrorEquals",)), ("Catch", ("ErrorEquals", "Next"))):
        entries = state.fields.get(name)
        if not isinstance(entries, list) or name not in fields_of(state.type, state.query_language):
            continue
        for place, entry in enumerate(entries):
            at = state.pointer / name / place
            if not isinstance(entry, dict):
                yield Finding("mistyped-field", at, f"An entry of '{name}' is an object.")
                continue
            for key in required:
                if key not in entry:
                    yield Finding("missing-field", at, f"An entry of '{name}' has '{key}'.")
            errors = entry.get("ErrorEquals", [""])
            if not isinstance(errors, list) or not errors:
                yield Finding("mistyped-field", at / "ErrorEquals", "'ErrorEquals' is a list of error names.")
            if name == "Catch" and "Next" in entry and not isinstance(entry["Next"], str):
                yield Finding("mistyped-field", at / "Next", "'Next' is a state's name.")


def _choices(state: Choice) -> Iterator[Finding]:
    rules = state.fields.get("Choices")
    if isinstance(rules, list) and not rules:
        yield Finding("mistyped-field", state.pointer / "Choices", "'Choices' has at least one rule.")
    for rule in state.rules:
        if "Next" not in rule.fields:
            yield Finding("missing-field", rule.pointer, "A rule of a Choice has 'Next'.")
        elif rule.next is None:
            yield Finding("mistyped-field", rule.pointer / "Next", "'Next' is a state's name.")
        if state.query_language == "JSONata":
            if "Condition" not in rule.fields:
                yield Finding("missing-field", rule.pointer, "A rule of a JSONata Choice has 'Condition'.")
        else:
            yield from _test(rule.fields, rule.pointer)


def _test(test: Mapping[str, Any], pointer: Pointer) -> Iterator[Finding]:
    for name in COMBINATIONS:
        if name in test:
            inner = test[name] if isinstance(test[name], list) else [test[name]]
            for place, entry in enumerate(inner):
                at = pointer / name / place if isinstance(test[name], list) else pointer / name
                if isinstance(entry, dict):
                    yield from _test(entry, at)
            return
    operators = _table()["comparisons"]
    if "Variable" not in test:
        yield Finding("missing-field", pointer, "A test of a Choice has 'Variable', or 'And', 'Or' or 'Not'.")
    others = [name for name in test if name not in ("Variable", "Next", "Comment", "Assign", "Output")]
    for name in others:
        if name not in operators:
            meant = nearest(name, operators)
            yield Finding(
                "unknown-field",
                pointer / name,
                f"A Choice has no comparison '{name}'.",
                f"Did you mean '{meant}'?" if meant else "",
                at_key=True,
            )
    if not others and "Variable" in test:
        yield Finding(
            "missing-field", pointer, "The test compares with nothing.", "Give it 'StringEquals' or the like."
        )
