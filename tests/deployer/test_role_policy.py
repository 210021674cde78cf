"""Whether a role may still do what a definition needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer import role_policy
from deployer.role_policy import Lack, RolePolicies
from states_language.document import StateMachine
from states_language.permissions import Permission, of_document
from states_language.pointer import Pointer
from tests.deployer.stubbed import Stubbed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PLACE = {"Partition": "aws-cn", "Region": "cn-north-1", "Account": "123456789012"}
ROLE = "arn:aws-cn:iam::123456789012:role/path/Role"
CONDITION = (("ArnEquals", "ecs:cluster", "arn:${Partition}:ecs:${Region}:${Account}:cluster/c"),)
NEEDED = [
    Permission("ecs:RunTask", "arn:${Partition}:ecs:${Region}:${Account}:task-definition/T-*", CONDITION, Pointer(("States", "Run"))),
    Permission("ecs:StopTask", "*", (), Pointer(("States", "Stop"))),
    Permission("ecs:StopTask", "*", (), Pointer(("States", "StopOther"))),
]  # fmt: skip
RUN: dict[str, Any] = {
    "Effect": "Allow",
    "Action": "ecs:RunTask",
    "Resource": "arn:aws-cn:ecs:cn-north-1:123456789012:task-definition/T-*",
    "Condition": {"ArnEquals": {"ecs:cluster": "arn:aws-cn:ecs:cn-north-1:123456789012:cluster/c"}},
}
STOP = {"Effect": "Allow", "Action": ["ecs:StopTask"], "Resource": "*"}


def document(*statements: Mapping[str, Any]) -> dict[str, Any]:
    """Return a policy document."""
    return {"Version": "2012-10-17", "Statement": list(statements)}


def lacking(*statements: Mapping[str, Any], boundary: Any = None) -> list[str]:
    """Return what a role with these statements lacks, as actions."""
    found = role_policy.lacking(NEEDED, RolePolicies((document(*statements),), boundary), PLACE)
    return [each.action for each in found]


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([RUN, STOP], []),
        ([{"Effect": "Allow", "Action": "*", "Resource": "*"}], []),
        ([{"Effect": "Allow", "Action": "ECS:*", "Resource": "*"}], []),
        ([RUN], ["ecs:StopTask"]),
        ([], ["ecs:RunTask", "ecs:StopTask"]),
        ([{**RUN, "Resource": RUN["Resource"].replace("T-*", "T-a*")}, STOP], ["ecs:RunTask"]),
        ([{**RUN, "Condition": {"ArnEquals": {"ecs:cluster": "arn:aws-cn:ecs:cn-north-1:123456789012:cluster/d"}}}, STOP], ["ecs:RunTask"]),
        ([RUN, {**STOP, "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}], ["ecs:StopTask"]),
        ([RUN, STOP, {"Effect": "Deny", "Action": "ecs:StopTask", "Resource": "arn:aws-cn:ecs:*:*:task/x"}], ["ecs:StopTask"]),
        ([RUN, STOP, {"Effect": "Deny", "Action": "iam:*", "Resource": "*"}], []),
        ([RUN, {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], []),
    ],
)  # fmt: skip
def test_what_a_role_may_no_longer_do_is_found(statements: list[dict[str, Any]], expected: list[str]) -> None:
    """Wider is enough, narrower is not; conditions, denials and the case of actions count as IAM counts them."""
    assert expected == lacking(*statements)


def test_a_boundary_holds_back(capsys: pytest.CaptureFixture[str]) -> None:
    """What a permissions boundary does not let through is lacking, whatever the policies say."""
    assert ["ecs:StopTask"] == lacking(RUN, STOP, boundary=document(RUN))
    assert [] == lacking(
        RUN, STOP, boundary=document({"Effect": "Allow", "Action": "ecs:*", "Resource": "*"})
    )
    assert "" == capsys.readouterr().err


def test_a_lack_names_the_states_that_need_it() -> None:
    """The resource is the account's own, and every state is named that would fail."""
    found = role_policy.lacking(NEEDED, RolePolicies((document(RUN),)), PLACE)
    assert [Lack("ecs:StopTask", "*", "", ("Stop", "StopOther"))] == found
    assert "ecs:StopTask on *, needed by Stop, StopOther" == str(found[0])
    run = role_policy.lacking(NEEDED, RolePolicies((document(STOP),)), PLACE)
    assert "arn:aws-cn:ecs:cn-north-1:123456789012:task-definition/T-*" == run[0].resource
    assert "ecs:cluster ArnEquals arn:aws-cn:ecs:cn-north-1:123456789012:cluster/c" == run[0].condition


def statements_of(needed: Iterable[Permission]) -> list[dict[str, Any]]:
    """Return a statement for each permission."""
    found = []
    for each in needed:
        condition: dict[str, dict[str, str]] = {}
        for operator, key, value in each.condition:
            condition.setdefault(operator, {})[key] = filled(value)
        found.append({"Effect": "Allow", "Action": each.action, "Resource": filled(each.resource), "Condition": condition})  # fmt: skip
    return found


def filled(text: str) -> str:
    """Fill in where the account is."""
    for name, value in PLACE.items():
        text = text.replace(f"${{{name}}}", value)
    return text


@settings(max_examples=25)
@given(data=st.data())
def test_what_is_taken_away_is_what_is_lacking(definition: dict[str, Any], data: st.DataObject) -> None:
    """Of all that the committed definition needs: with all of it nothing lacks, and without some just that lacks."""
    needed = of_document(StateMachine.of(definition))
    actions = sorted({each.action for each in needed})
    taken = data.draw(st.sets(st.sampled_from(actions), max_size=3))
    kept = [each for each in needed if each.action not in taken]
    policies = RolePolicies((document(*statements_of(kept)),))
    found = role_policy.lacking(needed, policies, PLACE)
    assert taken == {each.action for each in found}
    assert all(
        set(each.states) == {str(need.because.steps[-1]) for need in needed if need.action == each.action and filled(need.resource) == each.resource}
        for each in found
    )  # fmt: skip


def test_all_policies_of_a_role_are_read() -> None:
    """Inline ones, attached ones in the version that counts, and the boundary."""
    stubbed = Stubbed("iam")
    boundary, attached = "arn:aws-cn:iam::123456789012:policy/B", "arn:aws-cn:iam::123456789012:policy/A"
    role = {
        "Path": "/path/",
        "RoleName": "Role",
        "RoleId": "AROAAAAAAAAAAAAAAAAA",
        "Arn": ROLE,
        "CreateDate": "2026-01-01T00:00:00Z",
        "PermissionsBoundary": {
            "PermissionsBoundaryType": "PermissionsBoundaryPolicy",
            "PermissionsBoundaryArn": boundary,
        },
    }
    stubbed.answer("iam", "get_role", {"Role": role}, RoleName="Role")
    inline = {"RoleName": "Role", "PolicyName": "P", "PolicyDocument": "{}"}
    stubbed.answer("iam", "list_role_policies", {"PolicyNames": ["P"], "IsTruncated": False}, RoleName="Role")
    stubbed.answer("iam", "get_role_policy", inline, RoleName="Role", PolicyName="P")
    listed = {"AttachedPolicies": [{"PolicyName": "A", "PolicyArn": attached}], "IsTruncated": False}
    stubbed.answer("iam", "list_attached_role_policies", listed, RoleName="Role")
    for arn in (attached, boundary):
        stubbed.answer("iam", "get_policy", {"Policy": {"DefaultVersionId": "v3"}}, PolicyArn=arn)
        version = {"PolicyVersion": {"Document": f'"{arn}"', "VersionId": "v3"}}
        stubbed.answer("iam", "get_policy_version", version, PolicyArn=arn, VersionId="v3")
    found = role_policy.of_role(stubbed.account.client("iam"), ROLE)
    assert RolePolicies(({}, attached), boundary) == found
    stubbed.assert_all_asked()


def test_a_role_that_is_gone_is_told() -> None:
    """A version keeps the ARN of a role that may have been deleted."""
    stubbed = Stubbed("iam")
    stubbed.refuse("iam", "get_role", "NoSuchEntity", status=404)
    assert role_policy.of_role(stubbed.account.client("iam"), ROLE) is None
