"""The plan: what a change set does to resources, and what the review says of the documents, in one place."""

from __future__ import annotations

import json
from typing import Any

import click
import pytest

from deployer import plan
from deployer.change_sets import Change, ChangeSet, Detail
from review.model import Gate, Level

TABLE, CLUSTER = "AWS::DynamoDB::Table", "AWS::ECS::Cluster"
NAME = "templates/t.template.json"


def template(**resources: Any) -> dict[str, Any]:
    """Return a template's text, as a document by its name."""
    return {"Resources": resources or {"Nothing": {"Type": CLUSTER}}}


def made(
    *changes: Change, kind: str = "UPDATE", before: Any = None, after: Any = None, **more: Any
) -> plan.Plan:
    """Return the plan of some changes, between two templates."""
    sides = [
        plan.side({NAME: json.dumps(document if document is not None else template()).encode()})
        for document in (before, after)
    ]
    change_set = ChangeSet("stack", "arn", kind, changes, name="name", **more)
    return plan.make(change_set, {} if kind == "CREATE" else sides[0], sides[1], {"A": "1"})


def modify(replacement: str, policy: str, kind: str = TABLE, **more: Any) -> Change:
    """Return a change that modifies a resource."""
    details = (Detail("Properties", "KeySchema", "Always"),)
    return Change("Modify", "Table", kind, replacement, policy, details=details, **more)


@pytest.mark.parametrize(
    ("change", "message", "level", "gates"),
    [
        (modify("True", "ReplaceAndDelete"), "is replaced, and its items are lost", Level.DANGER, {Gate.REPLACEMENT, Gate.DATA_LOSS}),
        (modify("Conditional", "ReplaceAndDelete"), "may be replaced, and its items would be lost", Level.DANGER, {Gate.REPLACEMENT, Gate.DATA_LOSS}),
        (modify("True", "ReplaceAndRetain"), "is replaced: the new one is empty, its items stay in the old one", Level.DANGER, {Gate.REPLACEMENT}),
        (modify("True", "ReplaceAndSnapshot"), "is replaced: its items stay in a snapshot only", Level.DANGER, {Gate.REPLACEMENT}),
        (modify("True", "ReplaceAndDelete", CLUSTER), "is replaced", Level.WARNING, {Gate.REPLACEMENT}),
        (modify("False", ""), "changes in place: `KeySchema`", Level.NOTE, set()),
        (Change("Remove", "Table", TABLE, policy="Delete"), "is removed, and with it its items", Level.DANGER, {Gate.DATA_LOSS}),
        (Change("Remove", "Table", TABLE, policy="Retain"), "is removed; it stays in the account, managed by nobody", Level.WARNING, set()),
        (Change("Remove", "Table", TABLE, policy="Snapshot"), "is removed; a snapshot of it stays", Level.WARNING, set()),
        (Change("Add", "Table", TABLE), "is added", Level.NOTE, set()),
        (Change("Import", "Table", TABLE), "is taken into the stack as it is", Level.NOTE, set()),
        (Change("SyncWithActual", "Table", TABLE), "stays as it is", Level.NOTE, set()),
        (Change("Dynamic", "Table", TABLE), "decided while it is carried out", Level.WARNING, set()),
    ],
)  # fmt: skip
def test_what_happens_to_a_resource(change: Change, message: str, level: Level, gates: set[Gate]) -> None:
    """In the review's words, with its levels and gates."""
    (found,) = made(change).review.changes
    assert message in found.message
    assert (level, gates) == (found.level, set(found.gates))


def test_where_the_change_set_does_not_tell_the_policy_the_template_does() -> None:
    """A replacement that may be tells none."""
    after = template(Table={"Type": TABLE, "UpdateReplacePolicy": "Retain"})
    (found,) = made(modify("Conditional", ""), before=after, after=after).review.changes
    assert "its items stay in the old one" in found.message


def test_why_and_from_what_to_what() -> None:
    """The cause of a replacement, and the values where AWS tells them."""
    details = (
        Detail("Properties", "Path", "Always", cause="Prefix", is_certain=False, before="/a/", after="/b/"),
    )
    (found,) = made(Change("Modify", "Role", "AWS::IAM::Role", "Conditional", details=details)).review.changes
    assert (
        "`Path` changes, because of `Prefix`; whether it does is known only then",
        "Path: /a/ → /b/",
    ) == found.details


def test_drift_is_told() -> None:
    """What somebody changed outside of the stack, and what it was; a resource that somebody deleted."""
    details = (Detail("Properties", "Memory", "Never", drift=("512", "1024")),)
    found = made(
        Change("Modify", "Function", "AWS::Lambda::Function", "False", drift="MODIFIED", details=details),
        Change("Modify", "Queue", "AWS::SQS::Queue", "False", drift="DELETED"),
        Change("Modify", "Topic", "AWS::SNS::Topic", "False", drift="IN_SYNC"),
    )
    drifted = [change for change in found.review.changes if "drift" in change.facts]
    assert [("Function", Level.WARNING), ("Queue", Level.WARNING)] == [
        (each.subject, each.level) for each in drifted
    ]
    assert "was changed by somebody outside of the stack, which this update takes back" in drifted[0].message
    assert ("`Memory` was deployed as 512, and is 1024",) == drifted[0].details
    assert "was deleted by somebody outside of the stack" in drifted[1].message
    assert 3 == len(plan.rows(found)[1])


def test_what_widens_comes_from_the_documents() -> None:
    """The change set says only that a policy changes."""

    def role(action: str) -> dict[str, Any]:
        statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
        document = {"Version": "2012-10-17", "Statement": [statement]}
        return template(
            Role={
                "Type": "AWS::IAM::Role",
                "Properties": {"Policies": [{"PolicyName": "p", "PolicyDocument": document}]},
            }
        )

    change = Change(
        "Modify", "Role", "AWS::IAM::Role", "False", details=(Detail("Properties", "Policies", "Never"),)
    )
    found = made(change, before=role("s3:GetObject"), after=role("s3:*"))
    assert "1 permission wider" in found.verdict
    assert "may now s3:*" in click.unstyle(plan.remarks(found))
    assert 1 == found.dangers
    assert ["wider"] == plan.refused(found, ["wider", "data-loss"])


def test_a_resource_is_told_once() -> None:
    """The documents say that it changes, too; the change set knows better."""
    before = template(Table={"Type": TABLE, "Properties": {"KeySchema": [1]}})
    after = template(Table={"Type": TABLE, "Properties": {"KeySchema": [2]}})
    assert 1 == len(made(modify("True", "ReplaceAndDelete"), before=before, after=after).review.changes)


def test_a_policy_that_keeps_less_is_told_although_nothing_is_replaced_now() -> None:
    """The change set names the attribute; the review says what it means."""
    before = template(Table={"Type": TABLE, "DeletionPolicy": "Retain"})
    change = Change("Modify", "Table", TABLE, "False", details=(Detail("DeletionPolicy", "", "Never"),))
    found = made(change, before=before, after=template(Table={"Type": TABLE}))
    assert "is deleted with its items when it is removed: DeletionPolicy Retain → Delete" in plan.remarks(
        found
    )


def test_parameters_that_change() -> None:
    """With their values; those that stay are not told."""
    found = made(modify("False", ""), parameters={"A": "2", "B": "new"})
    assert ["the parameter `A` is `2` now, and was `1`"] == [
        change.message for change in found.review.changes if change.subject == "A"
    ]


def test_the_table() -> None:
    """The gravest first; a name, what happens, the type and what it is because of."""
    found = made(Change("Add", "New", CLUSTER), modify("True", "ReplaceAndDelete"))
    headings, rows, styles = plan.rows(found)
    assert ["", "resource", "what happens", "type", "because of"] == headings
    assert [
        ["~", "Table", "replaced", "DynamoDB::Table", "LOST: items; KeySchema"],
        ["+", "New", "added", "ECS::Cluster", ""],
    ] == rows
    assert ["red", ""] == styles


def test_a_creation_is_told_by_type() -> None:
    """Where all is new, fifty rows say less than ten."""
    found = made(
        Change("Add", "A", CLUSTER), Change("Add", "B", CLUSTER), Change("Import", "C", TABLE), kind="CREATE"
    )
    assert "creates 2 resources · takes in 1 that an earlier stack left" == found.verdict
    assert [
        ["+", "2", "added", "ECS::Cluster", "A, B"],
        ["+", "1", "taken in", "DynamoDB::Table", "C"],
    ] == plan.rows(found)[1]
    assert "" == plan.remarks(found)


def test_the_plan_for_programs() -> None:
    """The change set, the verdict, the counts of each gate, and every change with its place."""
    found = plan.document(made(modify("True", "ReplaceAndDelete"), after=template(Table={"Type": TABLE})))
    assert ("UPDATE", "name") == (found["changeSet"]["kind"], found["changeSet"]["name"])
    assert 1 == found["counts"]["data-loss"]
    assert ("Table", "/Resources/Table", "danger") == tuple(
        found["changes"][0][key] for key in ("subject", "pointer", "level")
    )
    json.dumps(found)
