"""A plan as it is shown: nothing dangerous is folded away, and one cause is not told twenty times."""

from __future__ import annotations

import json

import click
import pytest

from deployer import plan_view
from deployer.change_sets import Change, Detail
from tests.deployer.plans import CLUSTER, TABLE, made, modify, template


def follower(
    name: str, cause: str = "Network", kind: str = CLUSTER, source: str = "ResourceReference"
) -> Change:
    """Return a change that is there only since something else changes."""
    details = (Detail("Properties", "VpcId", "Always", cause=cause, source=source),)
    return Change("Modify", name, kind, "Conditional", details=details)


NETWORK = Change("Modify", "Network", CLUSTER, "True", details=(Detail("Properties", "Cidr", "Always"),))


def test_what_only_follows_is_folded() -> None:
    """A network of twenty resources is one row and one line; with `has_all` each has its own."""
    followers = [follower(name) for name in "ABC"] + [follower("D", "A.Arn", source="ResourceAttribute")]
    found = made(NETWORK, *followers)
    shown = click.unstyle(plan_view.text(found))
    assert [["~", "Network", "replaced", "ECS::Cluster", "Cidr"]] == plan_view.rows(found)[1]
    assert "And what refers to these (--all shows each):\n  may be replaced: A, B, C, D\n" in shown
    assert "~ Network (AWS::ECS::Cluster) is replaced" in shown
    assert "~ A (AWS::ECS::Cluster)" not in shown
    whole = click.unstyle(plan_view.text(found, has_all=True))
    assert 5 == len(plan_view.rows(found, has_all=True)[1])
    assert "~ A (AWS::ECS::Cluster) may be replaced" in whole
    assert "--all" not in whole


@pytest.mark.parametrize(
    "other",
    [
        follower("Other", kind=TABLE),
        follower("Other", "Elsewhere"),
        follower("Other", "VpcCidr", source="ParameterReference"),
        Change("Modify", "Other", CLUSTER, "True", details=(Detail("Properties", "Name", "Always"),)),
        Change("Remove", "Other", CLUSTER, policy="Delete"),
    ],
    ids=["loses something", "of no change", "of a parameter", "of itself", "removed"],
)
def test_what_is_of_its_own_is_never_folded(other: Change) -> None:
    """Nor what may lose something, whatever it follows from."""
    found = made(NETWORK, *(follower(name) for name in "ABCD"), other)
    assert {"Network", "Other"} == {row[1] for row in plan_view.rows(found)[1]}


def test_a_few_are_not_folded() -> None:
    """They have a row each."""
    found = made(NETWORK, *(follower(name) for name in "ABC"))
    assert (4, "") == (len(plan_view.rows(found)[1]), plan_view.following(found))


def test_the_table() -> None:
    """The gravest first; a name, what happens, the type and what it is because of."""
    found = made(Change("Add", "New", CLUSTER), modify("True", "ReplaceAndDelete"))
    headings, rows, styles = plan_view.rows(found)
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
    ] == plan_view.rows(found)[1]
    assert "" == plan_view.remarks(found)


def test_a_creation_tells_what_is_not_at_its_default() -> None:
    """A name that was mistyped is seen before it is made; a change tells of parameters in its own words."""
    after = {
        "Parameters": {"Name": {"Default": "usual"}, "Kept": {"Default": "kept"}, "Bucket": {}},
        **template(),
    }
    values = {"Name": "other", "Kept": "kept", "Bucket": "mine"}
    found = made(Change("Add", "A", CLUSTER), kind="CREATE", after=after, parameters=values)
    assert ["parameter  value", "Bucket     mine", "Name       other"] == plan_view.settings(
        found
    ).splitlines()
    assert "Name       other" in plan_view.text(found)
    assert "" == plan_view.settings(made(modify("True", ""), after=after, parameters=values))


def test_a_plan_of_outputs_alone_has_no_table() -> None:
    """No resource changes; the review tells what does."""
    found = made(
        before={**template(), "Outputs": {}}, after={**template(), "Outputs": {"New": {"Value": "x"}}}
    )
    shown = click.unstyle(plan_view.text(found))
    assert shown.startswith("no resource changes\n\nInterface\n")
    assert "+ output New is added" in shown


def test_the_plan_for_programs() -> None:
    """The change set, the verdict, the counts of each gate, and every change with its place."""
    found = plan_view.document(
        made(modify("True", "ReplaceAndDelete"), after=template(Table={"Type": TABLE}))
    )
    assert ("UPDATE", "name") == (found["changeSet"]["kind"], found["changeSet"]["name"])
    assert 1 == found["counts"]["data-loss"]
    assert ("Table", "/Resources/Table", "danger") == tuple(
        found["changes"][0][key] for key in ("subject", "pointer", "level")
    )
    json.dumps(found)
