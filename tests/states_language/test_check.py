"""The checker, on the designs that it was made for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import states_language
from states_language.checker import check
from states_language.diagnostics import Severity
from states_language.files import check_files

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
DESCRIBE = "arn:aws:states:::aws-sdk:ecs:describeTasks"


def original() -> dict[str, Any]:
    """Return the original system's published fix, as it is described: four faults in the document."""
    return {
        "StartAt": "RegisterValidationTaskDef",
        "States": {
            "RegisterValidationTaskDef": {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:ecs:registerTaskDefinition",
                "Parameters": {
                    "Family": "ToolShedValidation",
                    "ContainerDefinitions": [{"Name": "mcp-server", "Image.$": "$.imageUri"}],
                },
                "ResultPath": "$.registeredTask",
                "Next": "RunMCPServerContainer",
            },
            "RunMCPServerContainer": {
                "Type": "Task",
                "Resource": "arn:aws:states:::ecs:runTask",
                "Parameters": {
                    "Cluster": "ToolShed-Validation-Cluster",
                    "TaskDefinition.$": "$.registeredTask.taskDefinition.taskDefinitionArn",
                },
                "ResultPath": "$.taskResult",
                "Next": "WaitForTaskStartup",
            },
            "WaitForTaskStartup": {"Type": "Wait", "Seconds": 60, "Next": "DescribeTask"},
            "DescribeTask": {
                "Type": "Task",
                "Resource": DESCRIBE,
                "Parameters": {
                    "Cluster": "ToolShed-Validation-Cluster",
                    "Tasks.$": "States.Array($.taskResult.tasks[0].taskArn)",
                },
                "ResultPath": "$.taskDetails",
                "Next": "ValidateMCPServer",
            },
            "ValidateMCPServer": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {
                    "FunctionName": "validator",
                    "Payload": {
                        "status.$": "$.taskDetails.tasks[0].lastStatus",
                        "endpoint.$": "$.taskDetails.Tasks[0].Attachments[0].Details"
                        '[?(@.Name == "networkConfiguration")].Value.NetworkInterfaces[0].PublicIp',
                    },
                },
                "End": True,
            },
        },
    }


def errors(document: Any) -> list[tuple[str, str, str]]:
    """Return code, place and advice of the errors."""
    return [
        (entry.code, str(entry.pointer), entry.help)
        for entry in check(document)
        if entry.severity is Severity.ERROR
    ]


def test_the_original_design_fails_at_four_paths() -> None:
    """Three paths in the wrong case and one into a string are found, each with what was meant."""
    parameters = "/States/{}/Parameters/{}"
    assert [
        ("wrong-case-path", parameters.format("RunMCPServerContainer", "TaskDefinition.$"), "Did you mean 'TaskDefinition'?"),
        ("wrong-case-path", parameters.format("DescribeTask", "Tasks.$"), "Did you mean 'Tasks'?"),
        ("wrong-case-path", parameters.format("ValidateMCPServer", "Payload/status.$"), "Did you mean 'Tasks'?"),
        ("path-into-scalar", parameters.format("ValidateMCPServer", "Payload/endpoint.$"), "A string that holds JSON is read by States.StringToJson."),
    ] == errors(original())  # fmt: skip


def test_the_first_design_overrides_an_image_that_is_no_member() -> None:
    """A container's override has no image: the image belongs to the task definition."""
    document = {
        "StartAt": "RunMCPServerContainer",
        "States": {
            "RunMCPServerContainer": {
                "Type": "Task",
                "Resource": "arn:aws:states:::ecs:runTask.sync",
                "Parameters": {
                    "TaskDefinition": "ToolShedValidation",
                    "Overrides": {"ContainerOverrides": [{"Name": "mcp-server", "Image.$": "$.imageUri"}]},
                },
                "End": True,
            }
        },
    }
    place = "/States/RunMCPServerContainer/Parameters/Overrides/ContainerOverrides/0/Image.$"
    (found,) = (entry for entry in check(document) if str(entry.pointer) == place)
    advice = "It belongs to 'ContainerDefinitions[].Image' of aws-sdk:ecs:registerTaskDefinition; this call cannot change it."
    assert ("misplaced-parameter", "error", advice) == (found.code, found.severity, found.help)


@pytest.mark.parametrize("path", sorted((ROOT / "asl").glob("*.asl.json")), ids=lambda path: path.name)
def test_our_documents_are_clean_at_the_strictest_level(path: Path) -> None:
    """This project's own documents have no finding at all, not even a note."""
    assert [] == [entry.as_json() for entry in check_files([str(path)]).diagnostics]


def test_what_is_no_state_machine_is_one_finding() -> None:
    """A value that is no state machine is told, and nothing raises."""
    values: list[Any] = [
        None,
        1,
        "text",
        [],
        {},
        {"States": []},
        {"States": {}},
        {"States": {"A": 1}, "StartAt": "A"},
    ]
    for value in values:
        assert {"unreadable-document", "mistyped-field", "missing-field", "missing-state"} >= {
            entry.code for entry in check(value)
        }
        assert check(value)


SHAPES: list[Any] = [None, True, 1, "x", "$.a", "States.Format('{}')", "{% $x %}", [], [[]], {}, {"a": [1]}]
FIELDS = [
    "Type", "Resource", "Parameters", "ResultPath", "ResultSelector", "InputPath", "OutputPath", "Catch", "Retry",
    "Next", "End", "Choices", "Branches", "ItemProcessor", "Iterator", "ItemsPath", "Assign", "Arguments", "Output",
    "ItemReader", "ItemBatcher", "ResultWriter", "Credentials", "Result", "Default", "QueryLanguage", "Items",
]  # fmt: skip


@pytest.mark.parametrize("language", ["JSONPath", "JSONata"])
@pytest.mark.parametrize("kind", ["Task", "Pass", "Choice", "Wait", "Parallel", "Map", "Succeed", "Fail"])
@pytest.mark.parametrize("field", FIELDS)
def test_no_field_of_any_kind_raises(field: str, kind: str, language: str) -> None:
    """Whatever stands in a field, the checker judges it and does not fail."""
    for value in SHAPES:
        state = {"Type": kind, "Resource": DESCRIBE, "End": True, field: value}
        document = {
            "StartAt": "A",
            "QueryLanguage": language,
            "States": {"A": state, "B": {"Type": "Succeed"}},
        }
        assert all(entry.message for entry in check(document))


def test_the_library_is_one_call() -> None:
    """`states_language.check` is the checker, whatever was imported before."""
    found = states_language.check({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}})
    assert [] == found


def test_a_key_that_is_no_text_is_refused() -> None:
    """What a YAML reader makes of `yes:` is told, and does not fail."""
    document = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Parameters": {True: 1}, "End": True}}}
    assert ["unreadable-document"] == [entry.code for entry in check(document)]


def test_a_document_without_a_bottom_is_refused() -> None:
    """A document that is nested beyond reason is one finding."""
    document: dict[str, Any] = {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}
    for level in range(5000):
        state = {"Type": "Parallel", "Branches": [document], "End": True}
        document = {"StartAt": f"Level{level}", "States": {f"Level{level}": state}}
    assert ["unreadable-document"] == [entry.code for entry in check(document)]


PIPELINE = json.loads((ROOT / "asl" / "validation-pipeline.asl.json").read_text("utf-8"))


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place of a value: what holds it, and its key or index."""
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, inner in entries:
        yield value, key
        yield from places(inner)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 10_000), st.sampled_from(SHAPES)), min_size=1, max_size=4))
def test_no_damage_to_a_document_raises(damages: list[tuple[int, Any]]) -> None:
    """Whatever stands anywhere in a real document, the checker judges it and does not fail."""
    document = json.loads(json.dumps(PIPELINE))
    for number, shape in damages:
        found = list(places(document))
        holder, key = found[number % len(found)]
        holder[key] = json.loads(json.dumps(shape))
    assert all(entry.message for entry in check(document))


def test_a_document_is_not_changed() -> None:
    """Checking leaves the document as it was."""
    document = original()
    before = json.dumps(document)
    check(document)
    assert before == json.dumps(document)
