"""The smallest version bump that a changed document asks for.

`major` when what goes in or what comes out changed: the input's schema, a state in which an execution ends, or what the
state before it lets through.
`minor` when states did: added, removed, of another kind, going elsewhere, or calling something else.
`patch` for the rest: timeouts, retries, values, comments.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from states_language.document import State, StateMachine

SCHEMA_PROSE = ("$comment", "$id", "$schema", "description", "examples", "title")
"""Keywords of JSON Schema that accept and refuse nothing."""


class Bump(IntEnum):
    """How much of a version a change raises."""

    NONE = 0
    PATCH = 1
    MINOR = 2
    MAJOR = 3

    def __str__(self) -> str:
        """Name it as people do."""
        return self.name.lower()


def smallest_bump(before: Any, after: Any, schema_before: Any = None, schema_after: Any = None) -> Bump:
    """Return the smallest bump from one document (parsed JSON) to another, with the schemas of their inputs.

    Raises `DocumentError` where one of them is no state machine.
    """
    old, new = StateMachine.of(before), StateMachine.of(after)
    if not _same(_meaning(schema_before), _meaning(schema_after)) or not _same(_ends(old), _ends(new)):
        return Bump.MAJOR
    if not _same(_structure(old), _structure(new)):
        return Bump.MINOR
    return Bump.NONE if _same(before, after) else Bump.PATCH


def raised(version: str, bump: Bump) -> str:
    """Return the version after a bump: `raised("1.4.2", Bump.MINOR)` is `1.5.0`."""
    major, minor, patch = (int(part) for part in version.split("."))
    match bump:
        case Bump.MAJOR:
            return f"{major + 1}.0.0"
        case Bump.MINOR:
            return f"{major}.{minor + 1}.0"
        case Bump.PATCH:
            return f"{major}.{minor}.{patch + 1}"
        case Bump.NONE:
            return version


def _same(before: Any, after: Any) -> bool:
    """Compare as JSON does: to Python, 1 equals true."""
    return json.dumps(before, sort_keys=True) == json.dumps(after, sort_keys=True)


def _meaning(schema: Any) -> Any:
    """Return a schema without its prose; a property that happens to be named like prose stays."""
    if isinstance(schema, list):
        return [_meaning(each) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    return {
        key: {name: _meaning(each) for name, each in value.items()}
        if key in ("properties", "$defs", "patternProperties") and isinstance(value, Mapping)
        else _meaning(value)
        for key, value in schema.items()
        if key not in SCHEMA_PROSE
    }


def _without_prose(state: State) -> dict[str, Any]:
    return {key: value for key, value in state.fields.items() if key != "Comment"}


def _ends(machine: StateMachine) -> Any:
    """Return what shapes an execution's output: the states in which it ends, and what those before them let through."""
    ends = {name: _without_prose(state) for name, state in machine.states.items() if state.is_terminal}
    let_through = {
        json.dumps([state.fields.get("OutputPath"), state.fields.get("Output")], sort_keys=True)
        for state in machine.states.values()
        if any(transition.target in ends for transition in state.transitions())
    }
    return ends, sorted(let_through)


def _structure(machine: StateMachine) -> Any:
    return machine.start_at, {
        name: (
            state.type,
            state.fields.get("Resource"),
            _shape(state.fields.get("Parameters", state.fields.get("Arguments"))),
            [(each.kind, each.target) for each in state.transitions()],
            [_structure(scope) for scope in state.scopes],
        )
        for name, state in machine.states.items()
    }


def _shape(payload: Any) -> Any:
    """Return the keys of a payload, without its values."""
    if isinstance(payload, Mapping):
        return {key: _shape(value) for key, value in payload.items()}
    if isinstance(payload, list):
        return [_shape(each) for each in payload]
    return None
