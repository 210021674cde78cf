"""Documents that are reviewed together: what one of them says of another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from review.classify import verdict
from review.compare import compare
from review.documents import Side, read
from review.model import Gate, Review

ROOT = Path(__file__).parent.parent.parent
NAMES = {
    "template": "templates/validation-pipeline.template.json",
    "asl": "asl/validation-pipeline.asl.json",
    "schema": "asl/validation-pipeline.input.schema.json",
    "lock": "asl/validation-pipeline.lock.json",
}
OURS = {key: json.loads((ROOT / name).read_text("utf-8")) for key, name in NAMES.items()}


def side(**changed: Any) -> Side:
    """Return the project's own documents, some of them changed."""
    return {name: read(json.dumps(changed.get(key, OURS[key])).encode(), name) for key, name in NAMES.items()}


def edited(key: str, *steps: str | int, to: Any) -> Any:
    """Return a document of ours with one value changed."""
    document = json.loads(json.dumps(OURS[key]))
    holder = document
    for step in steps[:-1]:
        holder = holder[step]
    holder[steps[-1]] = to
    return document


def review(before: dict[str, Any], after: dict[str, Any]) -> Review:
    """Compare the project's documents with some changed on either side."""
    return compare(side(**before), side(**after))


def messages(found: Review) -> str:
    """Return all that is said."""
    return "\n".join(line for change in found.changes for line in (change.message, *change.details))


def test_a_parameters_default_opens_what_the_definition_leaves_open() -> None:
    """`${AssignPublicIp}` of the definition is what the template gives for it."""
    found = review(
        {"template": edited("template", "Parameters", "AssignPublicIp", "Default", to="DISABLED")}, {}
    )
    (opened,) = [change for change in found.changes if Gate.EXPOSURE in change.gates]
    assert "RunMCPServerContainer" == opened.subject
    assert NAMES["asl"] == opened.place.file


def test_a_wider_permission_names_the_state_that_needs_it() -> None:
    """The policy says which states need an action, and the review repeats it."""
    template = json.loads(json.dumps(OURS["template"]))
    for statement in template["Resources"]["PipelinePolicy"]["Properties"]["PolicyDocument"]["Statement"]:
        if "iam:PassRole" in json.dumps(statement["Action"]):
            statement["Resource"] = "*"
    found = review({}, {"template": template})
    (wider,) = [change for change in found.changes if Gate.WIDER in change.gates]
    assert ["RegisterValidationTaskDef"] == wider.facts["needed_by"]


def test_the_definition_names_the_states_where_the_policy_does_not() -> None:
    """Without `NeededBy` the states are read from the calls of the document that the role runs."""
    template = json.loads(json.dumps(OURS["template"]))
    del template["Resources"]["PipelinePolicy"]["Metadata"]
    wider = json.loads(json.dumps(template))
    for statement in wider["Resources"]["PipelinePolicy"]["Properties"]["PolicyDocument"]["Statement"]:
        if "ecs:RunTask" in statement["Action"]:
            statement["Resource"] = "*"
    found = review({"template": template}, {"template": wider})
    (change,) = [change for change in found.changes if Gate.WIDER in change.gates]
    assert ["RunMCPServerContainer"] == change.facts["needed_by"]


@pytest.mark.parametrize(
    ("was", "now", "released", "expected"),
    [
        ("1.2.0", "1.2.0", ["1.2.0"], "ASL 1.2.0 (none: minor is asked for)"),
        ("1.2.0", "1.2.1", ["1.2.0"], "ASL 1.2.0 → 1.2.1 (patch: minor is asked for)"),
        ("1.2.0", "1.3.0", ["1.2.0"], "ASL 1.2.0 → 1.3.0 (minor: as it should be)"),
        ("1.2.0", "2.0.0", ["1.2.0"], "ASL 1.2.0 → 2.0.0 (major: as it should be)"),
        ("1.2.0", "1.1.0", ["1.2.0"], "ASL 1.2.0 → 1.1.0 (lower: minor is asked for)"),
        ("1.2.0", "1.2.0", [], "ASL 1.2.0 (not released yet: free to change)"),
    ],
)
def test_the_version_is_judged_by_what_changed(
    was: str, now: str, released: list[str], expected: str
) -> None:
    """A state that goes elsewhere asks for a minor version, once the version was released."""
    lock = {"sha256": "", "released": [{"version": version, "sha256": ""} for version in released]}
    asl = edited("asl", "States", "KeepVerdict", "Next", to="NoteVerdictMalformed")
    found = review({"lock": {"version": was, **lock}}, {"asl": asl, "lock": {"version": now, **lock}})
    assert expected in verdict(found).line


def test_an_input_that_must_be_given_is_a_change_of_the_contract() -> None:
    """The schema of the input is compared by what it asks for."""
    schema = json.loads(json.dumps(OURS["schema"]))
    schema["required"].append("imageUri")
    schema["properties"]["serverId"]["pattern"] = "^x$"
    schema["properties"]["serverId"]["description"] = "Another prose."
    text = messages(review({}, {"schema": schema}))
    assert "the input of an execution: `imageUri` must be given now" in text
    assert "the input of an execution: `serverId` must be otherwise" in text
    assert "prose" not in text.lower()


def test_the_cost_names_the_number_that_moved_it() -> None:
    """A larger build machine doubles the price of a build minute, and the review says so."""
    template = edited(
        "template",
        "Resources",
        "BuildProject",
        "Properties",
        "Environment",
        "ComputeType",
        to="BUILD_GENERAL1_MEDIUM",
    )
    text = messages(review({}, {"template": template}))
    assert "one execution of `validation-pipeline` usually costs $0.0" in text
    assert "BUILD_GENERAL1_SMALL, at most 10 min → BUILD_GENERAL1_MEDIUM, at most 10 min" in text


def test_skipping_the_clean_up_is_a_lost_safeguard_in_our_document() -> None:
    """The state that stops the task must be passed on every way out."""
    asl = edited("asl", "States", "KeepVerdict", "Next", to="RecordVerdict")
    found = review({}, {"asl": asl})
    lost = [change.facts["path"] for change in found.changes if Gate.SAFETY in change.gates]
    assert ["KeepVerdict", "RecordVerdict"] == lost[0][:2]


STATEMENT = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
BOUNDARY = "arn:aws:iam::111122223333:policy/Boundary"


def role(statements: Any, **properties: Any) -> Side:
    """Return a template of one role."""
    document = {"Statement": statements}
    fields = {"Policies": [{"PolicyName": "p", "PolicyDocument": document}], **properties}
    resources = {"Role": {"Type": "AWS::IAM::Role", "Properties": fields}}
    conditions = {"IsOpen": {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]}}
    return {"": read(json.dumps({"Conditions": conditions, "Resources": resources}).encode(), "role.json")}


def when_open(yes: Any, no: Any = None) -> Any:
    """Return a value that depends on a condition of the template."""
    return {"Fn::If": ["IsOpen", yes, {"Ref": "AWS::NoValue"} if no is None else no]}


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        (role([when_open(STATEMENT)]), role([STATEMENT])),
        (role(when_open([STATEMENT], [])), role([STATEMENT])),
        (role([{**STATEMENT, "Resource": when_open("*", "arn:aws:s3:::a")}]), role([STATEMENT])),
        (
            role([{**STATEMENT, "Resource": ["arn:aws:s3:::a", when_open("arn:aws:s3:::b")]}]),
            role([STATEMENT]),
        ),
        (
            role([STATEMENT], PermissionsBoundary=BOUNDARY),
            role([STATEMENT], PermissionsBoundary=when_open(BOUNDARY)),
        ),
        (role([STATEMENT], PermissionsBoundary=when_open(BOUNDARY)), role([STATEMENT])),
        (
            role([], ManagedPolicyArns=when_open(["arn:aws:iam::aws:policy/AdministratorAccess"], [])),
            role([], ManagedPolicyArns=["arn:aws:iam::aws:policy/AdministratorAccess"]),
        ),
    ],
)
def test_what_depends_on_a_condition_is_narrower_than_what_does_not(narrow: Side, wide: Side) -> None:
    """`Fn::If` anywhere in a policy counts: what is allowed under a condition only is less."""
    assert 1 <= verdict(compare(narrow, wide)).counts["wider"]
    assert 0 == verdict(compare(wide, narrow)).counts["wider"]
    assert 0 == verdict(compare(narrow, narrow)).counts["wider"]


def test_our_documents_differ_in_nothing_from_themselves() -> None:
    """The project's documents, compared with themselves, give nothing at all."""
    found = review({}, {})
    assert ((), (), ()) == (found.changes, found.differences, found.notes)
