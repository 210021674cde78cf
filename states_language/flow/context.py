"""The context object (`$$`), as far as it is known before the execution runs.

Source: developer guide, page "Accessing execution data from the Context object" [documentation].
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from states_language.types import (
    INTEGER,
    STRING,
    TIMESTAMP,
    Member,
    Presence,
    StructureType,
    Type,
    Unknown,
    structure,
)

if TYPE_CHECKING:
    from states_language.document import State

_EXECUTION = {
    "Id": STRING,
    "Name": STRING,
    "RoleArn": STRING,
    "StartTime": TIMESTAMP,
    "RedriveCount": INTEGER,
}
_STATE = structure({"Name": STRING, "EnteredTime": TIMESTAMP, "RetryCount": INTEGER}, "context State")
_MACHINE = structure({"Id": STRING, "Name": STRING}, "context StateMachine")
_TASK = structure({"Token": STRING}, "context Task")


def context_type(execution_input: Type, item: Type | None, state: State, *, waits_for_token: bool) -> Type:
    """Return the type of the context object in a state.

    `item` is the item of the Map that the state is in, or is; None outside of one.
    """
    execution = StructureType(
        {
            **{name: Member(kind) for name, kind in _EXECUTION.items()},
            "Input": Member(execution_input),
            "RedriveTime": Member(TIMESTAMP, Presence.OPTIONAL),
        },
        name="context Execution",
    )
    members: dict[str, Type] = {"Execution": execution, "State": _STATE, "StateMachine": _MACHINE}
    if waits_for_token:
        members["Task"] = _TASK
    if item is not None:
        place = structure(
            {"Index": INTEGER, "Value": item},
            "context Map item",
            rest=Unknown("what an ItemReader adds"),
        )
        members["Map"] = structure({"Item": place}, "context Map")
    return structure(members, f"context of {state.name}")
