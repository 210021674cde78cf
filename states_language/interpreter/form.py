"""Refuse a document that has not the form of one, before anything runs.

This is what the interpreter needs to be able to run a document at all: each field has its kind, each transition a
target. Whether the document makes sense is the checker's question.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from states_language.document import (
    Catcher,
    Choice,
    DocumentError,
    Fail,
    Map,
    State,
    StateMachine,
    Succeed,
    UnknownState,
)
from states_language.interpreter import jsonata
from states_language.interpreter.choice import OPERATORS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from states_language.pointer import Pointer


class UnsupportedDocument(DocumentError):  # noqa: N818 - it is the document that is unsupported
    """The document asks for something that the interpreter does not do."""


_TEXT = (str,)
_PATH_OR_NULL = (str, type(None))
_OBJECT = (dict,)
_LIST = (list,)
_NAMES = {str: "a text", type(None): "null", dict: "an object", list: "an array"}

_FIELDS: Mapping[str, tuple[type, ...]] = {
    "Assign": _OBJECT,
    "Branches": _LIST,
    "Catch": _LIST,
    "Cause": _TEXT,
    "CausePath": _TEXT,
    "Choices": _LIST,
    "Error": _TEXT,
    "ErrorPath": _TEXT,
    "HeartbeatSecondsPath": _TEXT,
    "InputPath": _PATH_OR_NULL,
    "ItemBatcher": _OBJECT,
    "ItemReader": _OBJECT,
    "ItemsPath": _TEXT,
    "MaxConcurrencyPath": _TEXT,
    "Next": _TEXT,
    "OutputPath": _PATH_OR_NULL,
    "ReaderConfig": _OBJECT,
    "Resource": _TEXT,
    "ResultPath": _PATH_OR_NULL,
    "ResultSelector": _OBJECT,
    "ResultWriter": _OBJECT,
    "Retry": _LIST,
    "SecondsPath": _TEXT,
    "TimeoutSecondsPath": _TEXT,
    "TimestampPath": _TEXT,
    "ToleratedFailureCountPath": _TEXT,
    "ToleratedFailurePercentagePath": _TEXT,
    "Variable": _TEXT,
}
"""What each field holds, whichever object it is in."""

_INNER_OBJECTS = ("ItemReader", "ItemBatcher", "ResultWriter", "ReaderConfig")


def refuse_malformed(machine: StateMachine) -> None:
    """Raise `DocumentError`, with the place, for what cannot be run.

    For JSONata it is an `UnsupportedDocument` where the library is missing.
    """
    _target(machine, machine.start_at, machine.pointer, "StartAt")
    for state in machine.states.values():
        _refuse_state(machine, state)
        for scope in state.scopes:
            refuse_malformed(scope)


def _refuse_state(machine: StateMachine, state: State) -> None:
    if state.query_language not in ("JSONPath", "JSONata"):
        raise DocumentError(f"The query language '{state.query_language}' is not known.", state.pointer)
    if state.query_language == "JSONata" and not jsonata.is_available():
        raise UnsupportedDocument(
            f"The state '{state.name}' is written in JSONata, which needs the package jsonata-python; "
            "it is not installed.",
            state.pointer,
        )
    if isinstance(state, UnknownState):
        raise DocumentError(f"The state '{state.name}' has no Type that is known.", state.pointer)
    _refuse_kinds(state.fields, state.pointer)
    if isinstance(state, Map) and state.processor is None:
        raise DocumentError(f"The Map state '{state.name}' has no ItemProcessor with States.", state.pointer)
    if isinstance(state, Choice):
        for rule in state.rules:
            if state.query_language == "JSONPath":
                _refuse_rule(rule.fields, rule.pointer)
            elif "Condition" not in rule.fields:
                raise DocumentError("A choice rule in JSONata has a Condition.", rule.pointer)
    elif not isinstance(state, Succeed | Fail) and state.next is None and not state.is_terminal:
        raise DocumentError(f"The state '{state.name}' has neither Next nor End.", state.pointer)
    for transition in state.transitions():
        _target(machine, transition.target, transition.pointer, "Next")
    for catcher in state.catchers:
        _refuse_catcher(catcher)


def _target(machine: StateMachine, name: str | None, pointer: Pointer, field: str) -> None:
    if name is None or name not in machine.states:
        raise DocumentError(f"{field} names no state of this scope: there is no state '{name}'.", pointer)


def _refuse_catcher(catcher: Catcher) -> None:
    _refuse_kinds(catcher.fields, catcher.pointer)
    if catcher.next is None:
        raise DocumentError("A catcher has no Next.", catcher.pointer)


def _refuse_kinds(fields: Mapping[str, Any], pointer: Pointer) -> None:
    for name, value in fields.items():
        kinds = _FIELDS.get(name)
        if kinds is not None and not isinstance(value, kinds):
            wanted = " or ".join(_NAMES[kind] for kind in kinds)
            raise DocumentError(f"The field '{name}' must hold {wanted}.", pointer / name)
        if name in _INNER_OBJECTS:
            _refuse_kinds(value, pointer / name)


def _refuse_rule(rule: Any, pointer: Pointer) -> None:
    """Refuse a choice rule, or one inside it, that cannot be decided."""
    if not isinstance(rule, dict):
        raise DocumentError("A choice rule is an object.", pointer)
    _refuse_kinds(rule, pointer)
    for name in ("And", "Or"):
        if name in rule:
            if not isinstance(rule[name], list) or not rule[name]:
                raise DocumentError(f"'{name}' must hold an array of rules.", pointer / name)
            for position, inner in enumerate(rule[name]):
                _refuse_rule(inner, pointer / name / position)
            return
    if "Not" in rule:
        _refuse_rule(rule["Not"], pointer / "Not")
        return
    operators = [name for name in rule if name in OPERATORS]
    if "Variable" not in rule or len(operators) != 1:
        raise DocumentError("A choice rule has a Variable and one operator.", pointer)
    if operators[0].endswith("Path") and not isinstance(rule[operators[0]], str):
        raise DocumentError(f"'{operators[0]}' must hold a path.", pointer / operators[0])
