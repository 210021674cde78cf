"""What outlives a stack: kept as it is, and taken back into the next one by a template of its own."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from generator.documents import BOOTSTRAP, RETAINED
from tests.generator.rendered import parameters, references, rendered

if TYPE_CHECKING:
    from pathlib import Path

Json = dict[str, Any]

NAMES = {"VerdictTableName": "verdicts", "RepositoryName": "servers"}
KEY = "arn:aws:kms:eu-central-1:123456789012:key/1"


@pytest.fixture(scope="module")
def retained(root: Path) -> Json:
    """Return the committed template of what is taken back."""
    parsed: Json = json.loads((root / RETAINED).read_text("utf-8"))
    return parsed


def schema_of(kind: str) -> Json:
    """Return a resource type's schema, as cfn-lint carries it."""
    from cfnlint.schema import PROVIDER_SCHEMA_MANAGER  # noqa: PLC0415  # takes a moment

    schema: Json = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    return schema


def importable(kind: str) -> bool:
    """Tell whether a caller can say which one is meant: its identifier is no read-only property."""
    schema = schema_of(kind)
    return not {*schema["primaryIdentifier"]} & {*schema.get("readOnlyProperties", [])}


def kept(template: Json) -> Json:
    """Return the resources that outlive their stack."""
    return {
        name: each
        for name, each in template["Resources"].items()
        if each.get("DeletionPolicy") in ("Retain", "RetainExceptOnCreate")
    }


def test_what_is_taken_back_is_what_is_kept_and_can_be_named(template: Json, retained: Json) -> None:
    """The versions go with their state machine and their function; nobody can say which one is meant."""
    found = kept(template)
    assert {name for name, each in found.items() if importable(each["Type"])} == retained["Resources"].keys()
    assert {"AWS::Lambda::Version", "AWS::StepFunctions::StateMachineVersion"} == {
        each["Type"] for name, each in found.items() if name not in retained["Resources"]
    }


def test_whatever_can_be_named_goes_where_its_creation_failed(root: Path, template: Json) -> None:
    """`Retain` would leave a name that stops the next attempt."""
    bootstrap = json.loads((root / BOOTSTRAP).read_text("utf-8"))
    for document in (template, bootstrap):
        for name, each in kept(document).items():
            expected = "RetainExceptOnCreate" if importable(each["Type"]) else "Retain"
            assert expected == each["DeletionPolicy"], name
            assert "Retain" == each["UpdateReplacePolicy"]


@pytest.mark.parametrize("key", ["", KEY])
def test_it_is_taken_back_as_the_pipeline_has_it(template: Json, retained: Json, key: str) -> None:
    """The update that follows changes nothing of it, and replaces nothing."""
    values = {**NAMES, "EncryptionKeyArn": key}
    whole = rendered(template, parameters(template, **values))["Resources"]
    document = {"Outputs": {}, **retained}
    part = rendered(document, parameters(document, **values))["Resources"]
    assert part == {name: whole[name] for name in part}
    assert part.keys() == retained["Resources"].keys()


def test_each_is_named_by_what_identifies_it(retained: Json) -> None:
    """A change set that imports asks for the identifier; the name that is given here is that one."""
    for each in retained["Resources"].values():
        (identifier,) = schema_of(each["Type"])["primaryIdentifier"]
        assert "Ref" in each["Properties"][identifier.removeprefix("/properties/")]


def test_both_names_are_asked_for(template: Json, retained: Json) -> None:
    """By then everything has a name; one that the pipeline's template takes is taken here, but for none at all."""
    for name in NAMES:
        here, there = retained["Parameters"][name], template["Parameters"][name]
        assert "Default" not in here
        assert not re.fullmatch(here["AllowedPattern"], "")
        assert f"^$|{here['AllowedPattern']}" == there["AllowedPattern"]


def test_it_holds_nothing_else(retained: Json) -> None:
    """What a change set imports must be all that its template adds, and outputs cannot be added with it."""
    assert {"Description", "Metadata", "Conditions", "Parameters", "Resources"} == retained.keys()
    used = {*references([retained["Resources"], retained["Conditions"]])} - {"AWS::NoValue"}
    assert used == retained["Parameters"].keys()
    assert {"HasEncryptionKeyArn"} == retained["Conditions"].keys()
    grouped = [
        name
        for group in retained["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
        for name in group["Parameters"]
    ]
    assert sorted(grouped) == sorted(retained["Parameters"])


def test_the_page_tells_of_every_resource_that_is_kept(root: Path, template: Json) -> None:
    """With how its deletion is written."""
    page = (root / "docs/decisions/what-outlives-the-stack.md").read_text("utf-8")
    bootstrap = json.loads((root / BOOTSTRAP).read_text("utf-8"))
    for document in (template, bootstrap):
        for name, each in kept(document).items():
            shown = re.sub(r"^ValidatorVersion\w+$", "ValidatorVersion…", name)
            assert re.search(rf"^\| `{shown}`.*\| `{each['DeletionPolicy']}` \|", page, flags=re.MULTILINE)
