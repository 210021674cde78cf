"""The plan: what a change set does to resources, and what the review says of the documents, in one place."""

from __future__ import annotations

from typing import Any

import click
import pytest

from deployer import plan, plan_view
from deployer.change_sets import Change, Detail
from deployer.console import Refused
from review.model import Gate, Level
from tests.deployer.plans import CLUSTER, TABLE, made, modify, template


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
    assert 3 == len(plan_view.rows(found)[1])


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
    assert "may now s3:*" in click.unstyle(plan_view.remarks(found))
    assert 1 == found.dangers
    assert ["wider"] == plan.refused(found, ["wider", "data-loss"])


def test_a_stack_of_somebody_else() -> None:
    """Nothing that it has is in the template: a name was mistyped, and all of it would be removed."""
    mine, theirs = template(Table={"Type": TABLE}), template(Bucket={"Type": "AWS::S3::Bucket"})
    plan.check_whose(made(before=mine, after=mine))
    plan.check_whose(made(kind="CREATE", before=theirs, after=mine))
    with pytest.raises(
        Refused, match=r"stack is another stack.*\n.*--stack-name names the stack that is meant"
    ):
        plan.check_whose(made(before=theirs, after=mine))


def test_a_resource_is_told_once() -> None:
    """The documents say that it changes, too; the change set knows better."""
    before = template(Table={"Type": TABLE, "Properties": {"KeySchema": [1]}})
    after = template(Table={"Type": TABLE, "Properties": {"KeySchema": [2]}})
    assert 1 == len(made(modify("True", "ReplaceAndDelete"), before=before, after=after).review.changes)


def test_a_parameter_alone_is_a_change() -> None:
    """The documents are the same; the change set says that something changes."""
    found = made(modify("False", ""))
    assert ["any-change"] == plan.refused(found, ["any-change", "wider"])
    assert 1 == plan_view.document(found)["counts"]["any-change"]


def test_a_gate_is_not_passed_where_nobody_can_tell() -> None:
    """Who may not read the deployed template is not told that nothing widens; what a change set tells is known."""
    change_set = made(modify("False", "")).change_set
    unknown = plan.make(change_set, {}, {}, {})
    assert ["wider"] == plan.undecided(unknown, ["wider", "data-loss"])
    assert [] == plan.undecided(made(modify("False", "")), ["wider"])
    assert [] == plan.undecided(made(kind="CREATE"), ["wider"])


def test_a_policy_that_keeps_less_is_told_although_nothing_is_replaced_now() -> None:
    """The change set names the attribute; the review says what it means."""
    before = template(Table={"Type": TABLE, "DeletionPolicy": "Retain"})
    change = Change("Modify", "Table", TABLE, "False", details=(Detail("DeletionPolicy", "", "Never"),))
    found = made(change, before=before, after=template(Table={"Type": TABLE}))
    assert (
        "is deleted with its items when it is removed: DeletionPolicy Retain → Delete"
        in plan_view.remarks(found)
    )


def test_parameters_that_change() -> None:
    """With their values; those that stay are not told."""
    found = made(modify("False", ""), parameters={"A": "2", "B": "new"})
    assert ["the parameter `A` is `2` now, and was `1`"] == [
        change.message for change in found.review.changes if change.subject == "A"
    ]


def test_a_property_is_told_once_however_many_causes_it_has() -> None:
    """Of a parameter's new value AWS tells twice; it is certain where one of them is."""
    details = (
        Detail("Properties", "CidrBlock", "Always", source="DirectModification", is_certain=False),
        Detail("Properties", "CidrBlock", "Always", cause="VpcCidr", source="ParameterReference"),
        Detail("Properties", "VpcId", "Always", cause="Network", is_certain=False),
        Detail("Properties", "VpcId", "Always", cause="Gateway.Id", is_certain=False),
    )
    (found,) = made(Change("Modify", "Subnet", "AWS::EC2::Subnet", "True", details=details)).review.changes
    assert (
        "`CidrBlock` changes, because of `VpcCidr`",
        "`VpcId` changes, because of `Gateway.Id`, `Network`; whether it does is known only then",
    ) == found.details
