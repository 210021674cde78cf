"""Leading the alias back: to which version, whether that one still works, and that it then leads there."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployer import deployed, rollback
from deployer.console import EXIT_ERROR, EXIT_REFUSED, Refused
from deployer.rollback import Plan, Version
from deployer.stacks import Pace
from tests.deployer.stubbed import ACCOUNT, REGION, Stubbed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MACHINE = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:Pipeline"
ALIAS = f"{MACHINE}:live"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/Role"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:Validator:3"


def definition(name: str) -> str:
    """Return a definition that is told apart by its only state."""
    return json.dumps({"StartAt": name, "States": {name: {"Type": "Succeed"}}})


CALLS = json.dumps(
    {
        "StartAt": "Call",
        "States": {
            "Call": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke",
                "Parameters": {"FunctionName": FUNCTION, "Payload": "arn:aws:lambda:x:y:function:no"},
                "End": True,
            }
        },
    }
)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing be waited for."""
    monkeypatch.setattr(rollback, "READ_BACK", Pace(first=0, last=0, limit=0.2))


@pytest.fixture
def stubbed() -> Iterator[Stubbed]:
    """Give an account whose answers must all be asked for."""
    found = Stubbed("cloudformation", "stepfunctions", "iam", "lambda")
    yield found
    found.assert_all_asked()


def version(number: int, text: str, described: str = "") -> Version:
    """Return a version as it is read."""
    return Version(f"{MACHINE}:{number}", described, text, ROLE, NOW)


def answer_stack(stubbed: Stubbed, status: str = "UPDATE_COMPLETE", *, is_ours: bool = True) -> None:
    """Answer what the stack is."""
    outputs = [{"OutputKey": deployed.ALIAS, "OutputValue": ALIAS}] if is_ours else []
    stack = {"StackName": "stack", "StackStatus": status, "CreationTime": NOW, "Outputs": outputs}
    stubbed.answer("cloudformation", "describe_stacks", {"Stacks": [stack]}, StackName="stack")


def answer_alias(stubbed: Stubbed, **weights: int) -> None:
    """Answer where the alias leads: `v3=90, v2=10`."""
    routes = [
        {"stateMachineVersionArn": f"{MACHINE}:{name[1:]}", "weight": weight}
        for name, weight in weights.items()
    ]
    found = {"stateMachineAliasArn": ALIAS, "name": "live", "routingConfiguration": routes}
    stubbed.answer("stepfunctions", "describe_state_machine_alias", found, stateMachineAliasArn=ALIAS)


def answer_version(stubbed: Stubbed, number: int, text: str, described: str = "") -> None:
    """Answer what a version is."""
    arn = f"{MACHINE}:{number}"
    found = {
        "stateMachineArn": arn,
        "name": "Pipeline",
        "definition": text,
        "roleArn": ROLE,
        "type": "STANDARD",
        "creationDate": NOW,
        "description": described,
    }
    stubbed.answer("stepfunctions", "describe_state_machine", found, stateMachineArn=arn)


def answer_versions(stubbed: Stubbed, *pages: Sequence[int]) -> None:
    """Answer which versions there are, in pages."""
    for number, page in enumerate(pages):
        listed = [{"stateMachineVersionArn": f"{MACHINE}:{each}", "creationDate": NOW} for each in page]
        token = {"nextToken": f"t{number + 1}"} if number + 1 < len(pages) else {}
        asked = {"stateMachineArn": MACHINE, **({"nextToken": f"t{number}"} if number else {})}
        stubbed.answer(
            "stepfunctions", "list_state_machine_versions", {"stateMachineVersions": listed, **token}, **asked
        )


def test_the_version_before_is_meant(stubbed: Stubbed) -> None:
    """The newest below the one in use, whatever was published after it, on whatever page it stands."""
    answer_stack(stubbed)
    answer_alias(stubbed, v10=100)
    answer_version(stubbed, 10, definition("New"), f"1.1.0 sha256:{'a' * 64}")
    answer_versions(stubbed, [11, 10], [9, 2])
    answer_version(stubbed, 9, definition("Old"), f"1.0.0 sha256:{'b' * 64}")
    found = rollback.plan(stubbed.account, "stack")
    assert (9, "1.0.0", "b" * 64) == (found.target.number, found.target.version, found.target.sha256)
    assert [(10, 100)] == [(each.number, weight) for each, weight in found.routes]
    assert not found.is_done


def test_versions_of_the_same_definition_are_passed_over(stubbed: Stubbed) -> None:
    """A version that was published for its role alone would change nothing."""
    answer_stack(stubbed)
    answer_alias(stubbed, v3=100)
    answer_version(stubbed, 3, definition("Same"))
    answer_versions(stubbed, [3, 2, 1])
    answer_version(stubbed, 2, json.dumps(json.loads(definition("Same")), indent=4))
    answer_version(stubbed, 1, definition("Other"))
    found = rollback.plan(stubbed.account, "stack")
    assert (1, [2]) == (found.target.number, [each.number for each in found.passed_over])


def test_without_an_earlier_definition_there_is_nothing_to_go_back_to(stubbed: Stubbed) -> None:
    """It is refused, and the way that is left is told."""
    answer_stack(stubbed)
    answer_alias(stubbed, v1=100)
    answer_version(stubbed, 1, definition("A"))
    answer_versions(stubbed, [2, 1])
    with pytest.raises(
        Refused, match=r"version 1 is the first with its definition.*\n.*git revert"
    ) as caught:
        rollback.plan(stubbed.account, "stack")
    assert EXIT_REFUSED == caught.value.code


def test_a_canary_goes_back_to_where_it_comes_from(stubbed: Stubbed) -> None:
    """While executions are led over from one version to another, the older of the two is meant."""
    answer_stack(stubbed, "UPDATE_IN_PROGRESS")
    answer_alias(stubbed, v7=10, v5=90)
    answer_version(stubbed, 7, definition("New"))
    answer_version(stubbed, 5, definition("Old"))
    answer_versions(stubbed, [7, 6, 5])
    found = rollback.plan(stubbed.account, "stack")
    assert (5, [(7, 10), (5, 90)]) == (found.target.number, [(each.number, w) for each, w in found.routes])
    assert not found.is_done


@pytest.mark.parametrize(("wanted", "expected"), [("2", 2), ("1.0.0", 2), ("3", 3)])
def test_a_version_can_be_named(stubbed: Stubbed, wanted: str, expected: int) -> None:
    """By its number, or by the definition's own version, of which the newest counts."""
    answer_stack(stubbed)
    answer_alias(stubbed, v3=100)
    answer_version(stubbed, 3, definition("C"), f"1.1.0 sha256:{'c' * 64}")
    answer_versions(stubbed, [3, 2, 1])
    if wanted == "1.0.0":
        answer_version(stubbed, 3, definition("C"), f"1.1.0 sha256:{'c' * 64}")
    answer_version(stubbed, expected, definition("B"), f"1.0.0 sha256:{'b' * 64}")
    found = rollback.plan(stubbed.account, "stack", wanted)
    assert expected == found.target.number
    assert found.is_done is (wanted == "3")


@pytest.mark.parametrize("wanted", ["9", "2.0.0"])
def test_a_version_that_is_not_there_is_told(stubbed: Stubbed, wanted: str) -> None:
    """With those that are."""
    answer_stack(stubbed)
    answer_alias(stubbed, v1=100)
    answer_version(stubbed, 1, definition("A"))
    answer_versions(stubbed, [2, 1])
    if wanted == "2.0.0":
        answer_version(stubbed, 2, definition("B"), "by hand")
        answer_version(stubbed, 1, definition("A"))
    with pytest.raises(Refused, match=f"there is no version {wanted}; the state machine has 2, 1"):
        rollback.plan(stubbed.account, "stack", wanted)


def test_a_stack_that_is_not_there_is_told(stubbed: Stubbed) -> None:
    """So is one that has no alias."""
    stubbed.refuse(
        "cloudformation", "describe_stacks", "ValidationError", "Stack with id stack does not exist"
    )
    with pytest.raises(Refused, match="there is no stack stack in us-east-1") as caught:
        rollback.plan(stubbed.account, "stack")
    assert EXIT_ERROR == caught.value.code
    answer_stack(stubbed, is_ours=False)
    with pytest.raises(Refused, match="no output PipelineArn"):
        rollback.plan(stubbed.account, "stack")


def test_what_changes_is_told_in_the_reviews_words() -> None:
    """The states that come and go, as a reviewer reads them."""
    planned = Plan(ALIAS, ((version(2, definition("New")), 100),), version(1, definition("Old")))
    review, _, _ = planned.review()
    assert any("Old" in change.message for change in review.changes)


def answer_role(stubbed: Stubbed, *actions: str) -> None:
    """Answer that the role may do this, on everything."""
    role = {"Path": "/", "RoleName": "Role", "RoleId": "AROAAAAAAAAAAAAAAAAA", "Arn": ROLE, "CreateDate": NOW}
    stubbed.answer("iam", "get_role", {"Role": role}, RoleName="Role")
    stubbed.answer("iam", "list_role_policies", {"PolicyNames": ["P"]}, RoleName="Role")
    document = json.dumps({"Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]})
    inline = {"RoleName": "Role", "PolicyName": "P", "PolicyDocument": document}
    stubbed.answer("iam", "get_role_policy", inline, RoleName="Role", PolicyName="P")
    stubbed.answer("iam", "list_attached_role_policies", {"AttachedPolicies": []}, RoleName="Role")


def test_a_version_that_has_all_it_needs_is_not_objected_to(stubbed: Stubbed) -> None:
    """The function that it calls is asked for by its qualified ARN; what a payload says is no call."""
    answer_role(stubbed, "lambda:InvokeFunction")
    stubbed.answer("lambda", "get_function_configuration", {}, FunctionName=FUNCTION)
    assert [] == rollback.objections(stubbed.account, version(1, CALLS))


def test_what_a_version_lacks_is_objected(stubbed: Stubbed) -> None:
    """The right to call, and the function itself, each with the state that needs it."""
    answer_role(stubbed, "ecs:*")
    stubbed.refuse("lambda", "get_function_configuration", "ResourceNotFoundException")
    assert [
        f"the role may not lambda:InvokeFunction on {FUNCTION}, needed by Call",
        f"Call calls a function that is gone: {FUNCTION}",
    ] == rollback.objections(stubbed.account, version(1, CALLS))


def test_what_cannot_be_looked_at_is_objected(stubbed: Stubbed) -> None:
    """Not to know is no reason to go on."""
    stubbed.refuse("iam", "get_role", "AccessDenied", status=403)
    stubbed.refuse("lambda", "get_function_configuration", "AccessDeniedException", status=403)
    found = rollback.objections(stubbed.account, version(1, CALLS))
    assert [True, True] == ["you may not" in each for each in found]


def test_a_role_that_is_gone_is_objected(stubbed: Stubbed) -> None:
    """A version keeps the ARN of its role, whether or not that is there."""
    stubbed.refuse("iam", "get_role", "NoSuchEntity", status=404)
    stubbed.answer("lambda", "get_function_configuration", {}, FunctionName=FUNCTION)
    assert [f"the role of version 1 is gone: {ROLE}"] == rollback.objections(
        stubbed.account, version(1, CALLS)
    )


def test_an_integration_that_nobody_knows_is_objected(stubbed: Stubbed) -> None:
    """What it needs cannot be told, so it is not told to be fine."""
    unknown = CALLS.replace("lambda:invoke", "quantum:leap")
    found = rollback.objections(stubbed.account, version(1, unknown))
    assert 1 == len(found)
    assert "the permissions of 'quantum:leap' are not known" in found[0]


PLANNED = Plan(ALIAS, ((version(3, "{}"), 10), (version(2, "{}"), 90)), version(2, "{}"))


def answer_update(stubbed: Stubbed) -> None:
    """Answer that the alias was told to lead to version 2 alone."""
    stubbed.answer(
        "stepfunctions",
        "update_state_machine_alias",
        {"updateDate": NOW},
        stateMachineAliasArn=ALIAS,
        routingConfiguration=[{"stateMachineVersionArn": f"{MACHINE}:2", "weight": 100}],
    )


def test_the_alias_is_read_back_until_it_leads_there(stubbed: Stubbed) -> None:
    """Step Functions is eventually consistent: what is read at once may be old."""
    answer_alias(stubbed, v3=10, v2=90)
    answer_update(stubbed)
    answer_alias(stubbed, v3=10, v2=90)
    answer_alias(stubbed, v2=100)
    rollback.lead(stubbed.account, PLANNED)


def test_an_alias_that_leads_there_already_is_left_alone(stubbed: Stubbed) -> None:
    """CloudFormation may have led it back by itself, once its update was cancelled."""
    answer_alias(stubbed, v2=100)
    rollback.lead(stubbed.account, PLANNED)


def test_an_alias_that_somebody_led_elsewhere_is_left_alone(stubbed: Stubbed) -> None:
    """What was shown is what is changed, or nothing is."""
    answer_alias(stubbed, v4=100)
    with pytest.raises(Refused, match="leads elsewhere now"):
        rollback.lead(stubbed.account, PLANNED)


def test_an_alias_that_does_not_follow_is_told(stubbed: Stubbed, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an error, with the command that shows where it leads."""
    monkeypatch.setattr(rollback, "READ_BACK", Pace(first=0.2, last=0.2, limit=0.1))
    answer_alias(stubbed, v3=10, v2=90)
    answer_update(stubbed)
    answer_alias(stubbed, v3=10, v2=90)
    with pytest.raises(Refused, match="describe-state-machine-alias") as caught:
        rollback.lead(stubbed.account, PLANNED)
    assert EXIT_ERROR == caught.value.code


@pytest.mark.parametrize(("status", "expected"), [("UPDATE_IN_PROGRESS", True), ("UPDATE_COMPLETE", False)])
def test_an_update_that_leads_executions_over_is_cancelled(
    stubbed: Stubbed, status: str, *, expected: bool
) -> None:
    """Else CloudFormation would lead the alias forward again at its next step."""
    answer_stack(stubbed, status)
    if expected:
        stubbed.answer("cloudformation", "cancel_update_stack", {}, StackName="stack")
    assert expected is rollback.cancel_update(stubbed.account, "stack")


def test_an_update_that_ends_before_it_is_cancelled(stubbed: Stubbed) -> None:
    """CloudFormation refuses to cancel it, and the alias is led back all the same."""
    told = "CancelUpdateStack cannot be called from current stack status"
    answer_stack(stubbed, "UPDATE_IN_PROGRESS")
    stubbed.refuse("cloudformation", "cancel_update_stack", "ValidationError", told)
    answer_stack(stubbed, "UPDATE_COMPLETE")
    assert not rollback.cancel_update(stubbed.account, "stack")


@settings(max_examples=40)
@given(
    numbers=st.sets(st.integers(1, 60), min_size=2, max_size=8),
    letters=st.lists(st.sampled_from("ABC"), min_size=60, max_size=60),
)
def test_the_target_is_the_newest_earlier_version_that_differs(numbers: set[int], letters: list[str]) -> None:
    """For any history of versions: nothing between it and the one in use has another definition."""
    stubbed = Stubbed("cloudformation", "stepfunctions")
    ordered = sorted(numbers, reverse=True)
    used, *earlier = ordered
    texts = {number: definition(letters[number - 1]) for number in ordered}
    differing = [number for number in earlier if texts[number] != texts[used]]
    answer_stack(stubbed)
    answer_alias(stubbed, **{f"v{used}": 100})
    answer_version(stubbed, used, texts[used])
    answer_versions(stubbed, sorted(numbers))
    for number in earlier:
        answer_version(stubbed, number, texts[number])
        if texts[number] != texts[used]:
            break
    if not differing:
        with pytest.raises(Refused):
            rollback.plan(stubbed.account, "stack")
    else:
        found = rollback.plan(stubbed.account, "stack")
        assert differing[0] == found.target.number
        assert [n for n in earlier if n > differing[0]] == [each.number for each in found.passed_over]
    stubbed.assert_all_asked()


def test_a_description_that_nobody_wrote_so_says_nothing() -> None:
    """A version that was published by hand has neither version nor digest."""
    digest = hashlib.sha256(b"").hexdigest()
    assert ("", "") == (
        version(1, "{}", "by hand").version,
        version(1, "{}", f"1.0.0 sha256:{digest}x").sha256,
    )
    assert "1.0.0" == version(1, "{}", f"1.0.0 sha256:{digest}").version
