"""The smallest bump: never less than the change needs, and none for no change."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from states_language.document import DocumentError
from states_language.versioning import Bump, raised, smallest_bump

DOCUMENT: dict[str, Any] = {
    "Comment": "Calls something, and ends.",
    "StartAt": "Call",
    "TimeoutSeconds": 60,
    "States": {
        "Call": {
            "Type": "Task",
            "Resource": "arn:${Partition}:states:::dynamodb:putItem",
            "Parameters": {"TableName": "${Table}", "Item": {"id": {"S.$": "$.id"}}},
            "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 2}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Failed"}],
            "Next": "Choose",
        },
        "Choose": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.a", "IsPresent": True, "Next": "Done"}],
            "Default": "Failed",
        },
        "Done": {"Type": "Succeed"},
        "Failed": {"Type": "Fail", "Error": "Failed", "Cause": "It failed."},
    },
}
SCHEMA = {
    "title": "Input",
    "type": "object",
    "required": ["id"],
    "additionalProperties": False,
    "properties": {"id": {"type": "string", "description": "Who."}, "title": {"type": "string"}},
}
VERSIONS = st.builds("{}.{}.{}".format, *[st.integers(0, 50)] * 3)
CHANGES = [
    (Bump.NONE, (), None),
    (Bump.PATCH, ("Comment",), "Other words."),
    (Bump.PATCH, ("TimeoutSeconds",), 90),
    (Bump.PATCH, ("States", "Call", "Comment"), "Words."),
    (Bump.PATCH, ("States", "Choose", "Choices", 0, "IsPresent"), 1),
    (Bump.PATCH, ("States", "Call", "TimeoutSeconds"), 10),
    (Bump.PATCH, ("States", "Call", "Retry", 0, "MaxAttempts"), 5),
    (Bump.PATCH, ("States", "Call", "Parameters", "Item", "id", "S.$"), "$.other"),
    (Bump.PATCH, ("States", "Choose", "Choices", 0, "Variable"), "$.b"),
    (Bump.PATCH, ("States", "Failed", "Comment"), "Words."),
    (Bump.MINOR, ("StartAt",), "Choose"),
    (Bump.MINOR, ("States", "More"), {"Type": "Pass", "Next": "Done"}),
    (Bump.MINOR, ("States", "Call", "Next"), "Done"),
    (Bump.MINOR, ("States", "Call", "Catch", 0, "Next"), "Done"),
    (Bump.MINOR, ("States", "Call", "Resource"), "arn:${Partition}:states:::dynamodb:updateItem"),
    (Bump.MINOR, ("States", "Call", "Parameters", "ConditionExpression"), "attribute_not_exists(id)"),
    (Bump.MINOR, ("States", "Choose", "Default"), "Done"),
    (Bump.MAJOR, ("States", "Failed", "Error"), "Broken"),
    (Bump.MAJOR, ("States", "Done", "OutputPath"), "$.a"),
    (Bump.MAJOR, ("States", "Choose", "OutputPath"), "$.a"),
    (Bump.MAJOR, ("States", "Last"), {"Type": "Succeed"}),
    (Bump.MAJOR, ("States", "Call"), {"Type": "Pass", "End": True}),
]


def changed(path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    """Return the document with another value at a place."""
    document = deepcopy(DOCUMENT)
    place: Any = document
    for step in path[:-1]:
        place = place[step]
    if path:
        place[path[-1]] = value
    return document


@pytest.mark.parametrize(
    ("bump", "path", "value"), CHANGES, ids=["/".join(map(str, change[1])) for change in CHANGES]
)
def test_a_change_asks_for_its_bump(bump: Bump, path: tuple[str | int, ...], value: Any) -> None:
    """The table of what a changed place asks for; undoing a change asks for the same as making it."""
    after = changed(path, value)
    assert bump is smallest_bump(DOCUMENT, after, SCHEMA, SCHEMA)
    assert bump is smallest_bump(after, DOCUMENT, SCHEMA, SCHEMA)


@given(st.lists(st.sampled_from(CHANGES), max_size=4))
def test_changes_together_ask_for_no_less_than_each(
    changes: list[tuple[Bump, tuple[str | int, ...], Any]],
) -> None:
    """A small change beside a large one does not make it smaller."""
    document: Any = deepcopy(DOCUMENT)
    made = []
    for bump, path, value in changes:
        place = document
        try:
            for step in path[:-1]:
                place = place[step]
        except KeyError:  # another change took this place away
            continue
        if path:
            place[path[-1]] = value
        made.append((bump, path))
    lasting = [
        bump
        for index, (bump, path) in enumerate(made)
        if not any(path[: len(p)] == p for _, p in made[index + 1 :] if p)
    ]
    assert smallest_bump(DOCUMENT, document, SCHEMA, SCHEMA) >= max(lasting, default=Bump.NONE)


@given(st.sampled_from(CHANGES))
def test_the_same_document_asks_for_none(change: tuple[Bump, tuple[str | int, ...], Any]) -> None:
    """Nothing changed, nothing raised."""
    document = changed(*change[1:])
    assert Bump.NONE is smallest_bump(document, deepcopy(document), SCHEMA, deepcopy(SCHEMA))


def test_the_order_of_keys_is_no_change() -> None:
    """An object is the same whatever order its keys are written in."""
    reordered = {key: DOCUMENT[key] for key in reversed(DOCUMENT)}
    assert Bump.NONE is smallest_bump(DOCUMENT, reordered)


@pytest.mark.parametrize(
    ("bump", "schema"),
    [
        (Bump.NONE, {**SCHEMA, "title": "Another title", "description": "Words"}),
        (Bump.MAJOR, {**SCHEMA, "required": []}),
        (Bump.MAJOR, {**SCHEMA, "properties": {"id": {"type": "integer"}, "title": {"type": "string"}}}),
        (Bump.MAJOR, {**SCHEMA, "properties": {"id": {"type": "string"}}}),
        (Bump.MAJOR, {**SCHEMA, "additionalProperties": 0}),
        (Bump.MAJOR, None),
    ],
    ids=["prose", "required", "type", "a property named like prose", "a number for a boolean", "no schema"],
)
def test_another_input_is_another_contract(bump: Bump, schema: Any) -> None:
    """What the input's schema accepts is the contract; what it tells a reader is not."""
    assert bump is smallest_bump(DOCUMENT, DOCUMENT, SCHEMA, schema)


def test_a_state_inside_another_counts() -> None:
    """A changed call within a Map's processor asks for a minor version."""
    inner = {"StartAt": "I", "States": {"I": {"Type": "Task", "Resource": "arn:a", "End": True}}}
    before = changed(("States", "Each"), {"Type": "Map", "ItemProcessor": inner, "Next": "Done"})
    after = deepcopy(before)
    after["States"]["Each"]["ItemProcessor"]["States"]["I"]["Resource"] = "arn:b"
    assert Bump.MINOR is smallest_bump(before, after)


def test_what_is_no_state_machine_is_refused() -> None:
    """There is no bump from or to something else."""
    with pytest.raises(DocumentError):
        smallest_bump(DOCUMENT, {"not": "one"})


@pytest.mark.parametrize(
    ("bump", "version"),
    [(Bump.NONE, "1.4.2"), (Bump.PATCH, "1.4.3"), (Bump.MINOR, "1.5.0"), (Bump.MAJOR, "2.0.0")],
)
def test_a_bump_raises_its_part_and_clears_the_rest(bump: Bump, version: str) -> None:
    """As semantic versioning has it."""
    assert version == raised("1.4.2", bump)


@given(VERSIONS, st.sampled_from([Bump.PATCH, Bump.MINOR, Bump.MAJOR]))
def test_a_raised_version_is_higher(version: str, bump: Bump) -> None:
    """Every bump leads to a version that was not there before."""

    def parts(text: str) -> list[int]:
        return [int(part) for part in text.split(".")]

    assert parts(version) < parts(raised(version, bump))


def test_a_bump_is_named_as_people_do() -> None:
    """The command line prints it."""
    assert [str(bump) for bump in Bump] == ["none", "patch", "minor", "major"]
