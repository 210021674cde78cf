"""The contract of an execution's input: read as a type, and inferred."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from states_language.checker import check
from states_language.contract import infer, type_of_schema
from states_language.types import Presence, StructureType, describe

DOCUMENT: dict[str, Any] = {
    "StartAt": "IsGiven",
    "States": {
        "IsGiven": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.image", "IsPresent": True, "Next": "Use"}],
            "Default": "Wait",
        },
        "Use": {"Type": "Pass", "Parameters": {"image.$": "$.image"}, "ResultPath": "$.used", "Next": "Wait"},
        "Wait": {"Type": "Wait", "SecondsPath": "$.delay.seconds", "Next": "Each"},
        "Each": {
            "Type": "Map",
            "ItemsPath": "$.servers",
            "ItemProcessor": {
                "StartAt": "One",
                "States": {"One": {"Type": "Pass", "Parameters": {"id.$": "$.id"}, "End": True}},
            },
            "ResultPath": None,
            "Next": "Call",
        },
        "Call": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "f", "Payload.$": "$"},
            "ResultPath": "$.called",
            "Next": "Last",
        },
        "Last": {"Type": "Pass", "InputPath": "$.called.Payload.verdict", "End": True},
    },
}


def test_a_contract_is_inferred_from_what_is_read() -> None:
    """Properties, their types, what is required, and what a function answers, come from the paths."""
    assert {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "required": ["delay", "servers"],
        "properties": {
            "image": {},
            "delay": {
                "type": "object",
                "required": ["seconds"],
                "properties": {"seconds": {"type": "number"}},
            },
            "servers": {
                "type": "array",
                "items": {"type": "object", "required": ["id"], "properties": {"id": {}}},
            },
        },
        "$defs": {
            "answers": {
                "/States/Call": {
                    "type": "object",
                    "required": ["Payload"],
                    "properties": {
                        "Payload": {"type": "object", "required": ["verdict"], "properties": {"verdict": {}}}
                    },
                }
            }
        },
    } == infer(DOCUMENT)


def test_an_inferred_contract_is_a_schema_under_which_the_document_is_clean() -> None:
    """What was inferred is valid JSON Schema, and the document keeps it."""
    schema = infer(DOCUMENT)
    jsonschema.Draft7Validator.check_schema(schema)
    assert [] == [entry.message for entry in check(DOCUMENT, schema) if entry.severity != "note"]


@pytest.mark.parametrize("path", ["$.imag", "$.called.Payload.verdikt", "$.delay.secs"])
def test_a_contract_makes_a_path_into_the_input_certain(path: str) -> None:
    """Under the contract a field that nobody promises is an error; with an open input nothing is said."""
    states = {**DOCUMENT["States"], "Last": {"Type": "Pass", "InputPath": path, "End": True}}
    document = {**DOCUMENT, "States": states}
    found = [
        [entry.code for entry in check(document, schema) if entry.severity == "error"]
        for schema in (None, infer(DOCUMENT))
    ]
    assert [[], ["unresolved-path"]] == found


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string"}, "string"),
        ({"type": ["string", "null"]}, "null or string"),
        ({"enum": ["a", 1]}, "number or string"),
        ({"const": True}, "boolean"),
        ({"type": "array", "items": {"type": "integer"}}, "list of number"),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "map of string"),
        ({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}, "string or list of string"),
        ({"$ref": "#/definitions/a", "definitions": {"a": {"type": "number"}}}, "number"),
        ({"$ref": "#/definitions/a", "definitions": {"a": {"$ref": "#/definitions/a"}}}, "anything (the contract says nothing of it)"),
        (True, "anything (the contract says nothing of it)"),
    ],
)  # fmt: skip
def test_a_schema_is_read_as_a_type(schema: Any, expected: str) -> None:
    """Types, unions, references (endless ones too) and collections have their types."""
    assert expected == describe(type_of_schema(schema))


def test_a_contract_closes_an_object_that_names_its_properties() -> None:
    """An object has the properties that it names, unless it says that there may be more."""
    properties = {"a": {"type": "string"}, "b": {}}
    found = []
    for more in ({}, {"additionalProperties": False}, {"additionalProperties": True}):
        kind = type_of_schema({"type": "object", "required": ["a"], "properties": properties, **more})
        assert isinstance(kind, StructureType)
        assert [Presence.ALWAYS, Presence.OPTIONAL] == [member.presence for member in kind.members.values()]
        found.append(kind.rest is None)
    assert [True, True, False] == found
