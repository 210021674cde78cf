"""Taking in what was left: which part of the template an import carries, and how it names what is there."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployer import adopt
from deployer.console import EXIT_REFUSED, EXIT_USAGE, Refused
from tests.deployer.stubbed import Stubbed

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LEFT = ("ImageRepository", "VerdictTable")


@pytest.fixture
def retained(root: Path) -> bytes:
    """Return the committed template of what outlives the stack."""
    return (root / adopt.TEMPLATE).read_bytes()


def stubbed(status: str | None = None) -> Stubbed:
    """Return an account with a stack of a status, or without one."""
    found = Stubbed("cloudformation")
    if status is None:
        found.refuse(
            "cloudformation", "describe_stacks", "ValidationError", "Stack with id stack does not exist"
        )
    else:
        stack = {"StackName": "stack", "StackStatus": status, "CreationTime": NOW}
        found.answer("cloudformation", "describe_stacks", {"Stacks": [stack]}, StackName="stack")
    return found


def test_all_of_it_is_carried_as_it_was_reviewed(retained: bytes) -> None:
    """Byte for byte; it holds just what the pipeline's template retains, and what can be imported."""
    left = {"ImageRepository": "images", "VerdictTable": "verdicts"}
    request, before = adopt.wanted(stubbed().account, "stack", retained, left, {})
    assert (None, retained.decode()) == (before, request.body)
    assert {*LEFT} == json.loads(retained)["Resources"].keys()
    assert {"RepositoryName": "images", "VerdictTableName": "verdicts"} == request.parameters


def test_a_part_of_it_is_carried_with_what_it_needs(retained: bytes) -> None:
    """The resource word for word, its parameters and conditions, and nothing of the other."""
    whole = json.loads(retained)
    found = adopt.without_others(whole, ("VerdictTable",))
    assert {"Resources", "Conditions", "Parameters"} == found.keys()
    assert {"VerdictTable": whole["Resources"]["VerdictTable"]} == found["Resources"]
    assert {"EncryptionKeyArn", "VerdictTableName"} == found["Parameters"].keys()
    assert {"HasEncryptionKeyArn"} == found["Conditions"].keys()
    assert all(whole["Parameters"][name] == value for name, value in found["Parameters"].items())


def test_an_import_names_each_resource_and_the_parameter_that_names_it(retained: bytes) -> None:
    """The name is told twice: so that CloudFormation finds it, and so that the deployment after it keeps it."""
    given = {"EncryptionKeyArn": "", "ArtifactBucket": "of the deployment"}
    request, _ = adopt.wanted(stubbed().account, "stack", retained, {"VerdictTable": "verdicts"}, given)
    found = request.arguments("CREATE")
    assert "IMPORT" == found["ChangeSetType"]
    assert "ImportExistingResources" not in found
    assert [
        {
            "ResourceType": "AWS::DynamoDB::Table",
            "LogicalResourceId": "VerdictTable",
            "ResourceIdentifier": {"TableName": "verdicts"},
        }
    ] == found["ResourcesToImport"]
    values = {each["ParameterKey"]: each["ParameterValue"] for each in found["Parameters"]}
    assert {"VerdictTableName": "verdicts", "EncryptionKeyArn": ""} == values


def test_a_name_that_a_parameter_contradicts_is_refused(retained: bytes) -> None:
    """Which one is meant is not guessed."""
    given = {"VerdictTableName": "other"}
    with pytest.raises(Refused, match="the parameter VerdictTableName says other") as caught:
        adopt.wanted(stubbed().account, "stack", retained, {"VerdictTable": "verdicts"}, given)
    assert EXIT_USAGE == caught.value.code


@pytest.mark.parametrize("status", ["CREATE_COMPLETE", "ROLLBACK_COMPLETE", "UPDATE_IN_PROGRESS"])
def test_a_stack_that_is_there_is_refused(retained: bytes, status: str) -> None:
    """An import begins a new one."""
    with pytest.raises(Refused, match="is there already") as caught:
        adopt.wanted(stubbed(status).account, "stack", retained, {"VerdictTable": "verdicts"}, {})
    assert EXIT_REFUSED == caught.value.code


def test_what_was_taken_in_is_gone_on_with(retained: bytes) -> None:
    """Run twice, it names the deployment that adds the rest, before what deletes the stack again."""
    with pytest.raises(Refused, match=r"is there already.*\n.*deploy --stack-name stack` adds the rest"):
        adopt.wanted(stubbed("IMPORT_COMPLETE").account, "stack", retained, {"VerdictTable": "verdicts"}, {})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Nothing", "the template has no such resource; what it retains is"),
        ("PipelineRole", "only what is retained can be imported, and its deletion policy is Delete"),
        ("PipelineVersion", "it is not known how an import names an AWS::StepFunctions::StateMachineVersion"),
    ],
)
def test_what_cannot_be_taken_in_is_told(template: dict[str, Any], name: str, expected: str) -> None:
    """Before anything is asked of AWS."""
    with pytest.raises(Refused, match=f"{name}: {expected}"):
        adopt.without_others(template, (name,))


def test_what_needs_another_resource_is_told() -> None:
    """It would not be there yet."""
    table = {"Type": "AWS::DynamoDB::Table", "DeletionPolicy": "Retain", "Properties": {"TableName": {"Fn::Sub": "${Key.Arn}"}}}  # fmt: skip
    with pytest.raises(Refused, match="it refers to Key"):
        adopt.without_others({"Resources": {"Table": table, "Key": {"Type": "AWS::KMS::Key"}}}, ("Table",))


def test_the_identifiers_are_those_of_the_schemas() -> None:
    """Each is the type's whole primary identifier, can be given, and can be read: what an import asks for."""
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # noqa: PLC0415 - only here

    for kind, name in adopt.IDENTIFIERS.items():
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
        assert [f"/properties/{name}"] == schema["primaryIdentifier"]
        assert f"/properties/{name}" not in schema.get("readOnlyProperties", [])
        assert "read" in schema["handlers"]


PARTS = st.sampled_from(["A", "B", "C", "D"])


@given(
    uses=st.lists(PARTS, max_size=4),
    chain=st.dictionaries(PARTS, PARTS, max_size=4),
    parameters=st.dictionaries(PARTS, st.just({"Type": "String"}), max_size=4),
)
def test_what_is_carried_is_closed(
    uses: list[str], chain: dict[str, str], parameters: dict[str, Any]
) -> None:
    """Whatever refers to whatever: no condition and no parameter is missing, and none is there that nobody uses."""
    conditions = {f"Is{name}": {"Fn::And": [{"Condition": f"Is{other}"}, {"Fn::Equals": [{"Ref": name}, ""]}]} for name, other in chain.items()}  # fmt: skip
    properties = {
        f"P{index}": {"Fn::If": [f"Is{name}", {"Ref": name}, ""]} for index, name in enumerate(uses)
    }
    table = {"Type": "AWS::DynamoDB::Table", "DeletionPolicy": "Retain", "Properties": properties}
    template = {"Resources": {"Table": table}, "Conditions": conditions, "Parameters": parameters}
    found = adopt.without_others(template, ("Table",))
    text = json.dumps([found["Resources"], found["Conditions"]])
    for name in "ABCD":
        assert (f'"Is{name}"' in text and f"Is{name}" in conditions) is (f"Is{name}" in found["Conditions"])
        assert (f'{{"Ref": "{name}"}}' in text and name in parameters) is (name in found["Parameters"])
