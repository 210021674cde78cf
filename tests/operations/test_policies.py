"""The least policies: what deploying and operating need, named wherever it can be, and no more."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from deployer.console import ROOT
from operations import permission_data, policies, stack_commands
from operations.policies import BOOTSTRAP, MANAGED_CHARACTERS, PIPELINE, RETAINED, Place
from review.wildcards import matches
from scan.scanners import ENVIRONMENT, scanners
from states_language.document import StateMachine
from tests.operations.scripted import NUMBER, REGION, STACK, Scripted, refused, stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from click.testing import Result

KEY = f"arn:aws:kms:{REGION}:{NUMBER}:key/k"
PLACE = Place(STACK, "aws", REGION, NUMBER, {"EncryptionKeyArn": KEY})
SECRET = f"arn:aws:secretsmanager:{REGION}:{NUMBER}:secret:a"
KINDS = {"deploy": policies.deploy, "operate": policies.operate}


@pytest.fixture(params=KINDS)
def policy(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Return each of the policies."""
    return KINDS[request.param](PLACE)


def granted(policy: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield action, resource and statement of all that a policy allows."""
    for statement in policy["Statement"]:
        for action in statement["Action"]:
            for resource in statement["Resource"]:
                yield action, resource, statement


def allows(policy: dict[str, Any], action: str, resource: str) -> bool:
    """Tell whether a policy allows an action on a resource, conditions aside."""
    return any(action == each and matches(pattern, resource) for each, pattern, _ in granted(policy))


def test_it_is_a_policy_that_iam_takes(policy: dict[str, Any]) -> None:
    """Statement IDs are unique, letters and digits; every action is one of IAM's, and none is a pattern."""
    assert "2012-10-17" == policy["Version"]
    sids = [statement["Sid"] for statement in policy["Statement"]]
    assert len(sids) == len(set(sids))
    assert all(re.fullmatch(r"[A-Za-z0-9]+", sid) for sid in sids)
    for statement in policy["Statement"]:
        assert {"Sid", "Effect", "Action", "Resource"} <= set(statement) <= {"Sid", "Effect", "Action", "Resource", "Condition"}  # fmt: skip
        assert "Allow" == statement["Effect"]
        assert statement["Action"]
        assert statement["Resource"]
    unknown = {action for action, _, _ in granted(policy) if permission_data.formats(action) is None}
    assert set() == unknown


def test_a_star_stands_only_where_nothing_can_be_named(policy: dict[str, Any]) -> None:
    """AWS limits these actions to no resource, or the statement limits them by a condition."""
    stars = {
        action
        for action, resource, statement in granted(policy)
        if resource == "*" and "Condition" not in statement
    }
    assert set() == {action for action in stars if permission_data.formats(action)}


def test_each_resource_is_one_that_its_action_takes(policy: dict[str, Any]) -> None:
    """An ARN that an action never sees would allow nothing."""
    for action, resource, _ in granted(policy):
        known = [
            text.replace("${Partition}", "aws").replace("${Region}", REGION).replace("${Account}", NUMBER)
            for text in permission_data.formats(action) or ()
        ]
        assert resource == "*" or any(matches(text, resource) for text in known), (action, resource)


def test_an_id_says_which_commands_need_a_statement(policy: dict[str, Any]) -> None:
    """It begins with the names of commands."""
    known = {"bootstrap", "publish", "deploy", "events", "rollback", "destroy", "adopt", "start", "execution", "executions", "logs", "status", "doctor"}  # fmt: skip
    for statement in policy["Statement"]:
        words = [word.lower() for word in re.findall(r"[A-Z][a-z0-9]*", statement["Sid"])]
        assert words[0] in known, statement["Sid"]


def test_roles_are_passed_to_the_services_that_they_are_for() -> None:
    """The stack's own roles only, and each service of their trust policies."""
    passed = [each for each in granted(policies.deploy(PLACE)) if each[0] == "iam:PassRole"]
    assert [f"arn:aws:iam::{NUMBER}:role/{STACK}-*"] == [resource for _, resource, _ in passed]
    template = json.loads((ROOT / PIPELINE).read_text("utf-8"))
    trusted = set(re.findall(r'"Service": "([a-z.-]+)"', json.dumps(template)))
    condition = passed[0][2]["Condition"]["StringEquals"]["iam:PassedToService"]
    assert trusted == set(condition)


def test_operating_changes_nothing_but_executions() -> None:
    """No action of the operators' policy creates, changes or deletes anything else."""
    writing = re.compile(
        r":(Create|Update|Put|Delete|Attach|Detach|Tag|Untag|Pass|Stop|Start|Run|Modify|Set|Register)"
    )
    actions = {action for action, _, _ in granted(policies.operate(PLACE))}
    assert {"states:StartExecution", "states:StopExecution"} == {
        each for each in actions if writing.search(each)
    }


@pytest.mark.parametrize("path", [PIPELINE, BOOTSTRAP, RETAINED])
def test_each_type_of_the_templates_is_known(path: str) -> None:
    """A type without permissions would be deployed by nobody: `python -m operations.permission_data` makes them anew."""
    types = {each["Type"] for each in json.loads((ROOT / path).read_text("utf-8"))["Resources"].values()}
    assert set() == {
        kind for kind in types if not (permission_data.handlers(kind) or policies.unsaid().get(kind))
    }


def test_each_action_of_a_type_s_own_is_granted_or_left_out_for_a_reason() -> None:
    """What a handler takes is in the policy, or a rule of needs.yaml says why it is not."""
    actions = {action for action, _, _ in granted(policies.deploy(PLACE))}
    rules = policies._table("needs.yaml")
    template = json.loads((ROOT / PIPELINE).read_text("utf-8"))
    for kind in {each["Type"] for each in template["Resources"].values()}:
        own = policies._own_service(kind)
        for verb, taken in permission_data.handlers(kind).items():
            for action in taken:
                if action.startswith(f"{own}:") and permission_data.formats(action) is not None:
                    left_out = any(policies._matches(action, rule["actions"]) for rule in rules["only"])
                    assert action in actions or left_out, (kind, verb, action)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("states:CreateStateMachine", f"arn:aws:states:{REGION}:{NUMBER}:stateMachine:ToolShed-MCP-Server-Validation-Pipeline"),
        ("states:CreateStateMachine", f"arn:aws:states:{REGION}:{NUMBER}:stateMachine:{STACK}-Sweeper-x"),
        ("lambda:PublishVersion", f"arn:aws:lambda:{REGION}:{NUMBER}:function:{STACK}-ValidatorFunction-x"),
        ("codebuild:CreateProject", f"arn:aws:codebuild:{REGION}:{NUMBER}:project/ToolShed-MCP-Server-Build"),
        ("logs:CreateLogGroup", f"arn:aws:logs:{REGION}:{NUMBER}:log-group:/ecs/ToolShedValidation"),
        ("kms:DescribeKey", KEY),
        ("s3:GetObject", "arn:aws:s3:::toolshed-artifacts-artifactbucket-x/asl/a"),
        ("cloudformation:ExecuteChangeSet", f"arn:aws:cloudformation:{REGION}:{NUMBER}:stack/{STACK}/1"),
        ("ec2:CreateSubnet", f"arn:aws:ec2:{REGION}:{NUMBER}:vpc/vpc-1"),
        ("cloudwatch:DescribeAlarms", f"arn:aws:cloudwatch:{REGION}:{NUMBER}:alarm:*"),
        ("dynamodb:UpdateTable", f"arn:aws:dynamodb:{REGION}:{NUMBER}:table/{STACK}-VerdictTable-x"),
        ("kms:Decrypt", KEY),
    ],
)  # fmt: skip
def test_deploying_is_allowed(action: str, resource: str) -> None:
    """On what the stack has."""
    assert allows(policies.deploy(PLACE), action, resource)


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("states:CreateStateMachine", f"arn:aws:states:{REGION}:{NUMBER}:stateMachine:another"),
        ("iam:PutRolePolicy", f"arn:aws:iam::{NUMBER}:role/another"),
        ("lambda:UpdateFunctionCode", f"arn:aws:lambda:{REGION}:{NUMBER}:function:another"),
        ("dynamodb:DeleteTable", f"arn:aws:dynamodb:{REGION}:{NUMBER}:table/another"),
        ("dynamodb:Scan", f"arn:aws:dynamodb:{REGION}:{NUMBER}:table/{STACK}-VerdictTable-x"),
        ("s3:PutObject", "arn:aws:s3:::another/a"),
        ("ec2:CreateSubnet", f"arn:aws:ec2:us-west-2:{NUMBER}:vpc/vpc-1"),
        ("iam:AttachRolePolicy", f"arn:aws:iam::{NUMBER}:role/{STACK}-TaskRole-x"),
    ],
)
def test_what_is_another_s_is_not_allowed(action: str, resource: str) -> None:
    """Nor what no handler needs for this template."""
    assert not allows(policies.deploy(PLACE), action, resource)


def test_names_follow_the_parameters() -> None:
    """A name that is given is the one that is allowed."""
    place = Place(STACK, "aws", REGION, NUMBER, {"StateMachineName": "mine", "ArtifactBucket": "b"})
    policy = policies.operate(place)
    assert allows(policy, "states:StartExecution", f"arn:aws:states:{REGION}:{NUMBER}:stateMachine:mine:live")
    assert not allows(policy, "states:StartExecution", f"arn:aws:states:{REGION}:{NUMBER}:stateMachine:ToolShed-MCP-Server-Validation-Pipeline:live")  # fmt: skip
    assert allows(policy, "s3:ListBucket", "arn:aws:s3:::b")


def test_a_rollout_in_steps_may_look_at_its_alarm() -> None:
    """Step Functions asks for it on behalf of whoever moves the alias; of all alarms, since IAM knows it so."""
    needed = [statement for action, _, statement in granted(policies.deploy(PLACE)) if action == "cloudwatch:DescribeAlarms"]  # fmt: skip
    assert any(statement["Sid"].startswith("Deploy") for statement in needed)
    assert {f"arn:aws:cloudwatch:{REGION}:{NUMBER}:alarm:*"} == {
        resource for statement in needed for resource in statement["Resource"]
    }


def test_taking_back_may_read_and_change_what_is_taken() -> None:
    """An import reads each resource, and gives it the stack's tags; it deletes none."""
    place = Place(STACK, "aws", REGION, NUMBER, {"VerdictTableName": "old", "RepositoryName": "images"})
    found = [each for each in granted(policies.deploy(place)) if "Adopt" in each[2]["Sid"]]
    assert ("dynamodb:DescribeTable", f"arn:aws:dynamodb:{REGION}:{NUMBER}:table/old") in [each[:2] for each in found]  # fmt: skip
    assert ("ecr:DescribeRepositories", f"arn:aws:ecr:{REGION}:{NUMBER}:repository/images") in [each[:2] for each in found]  # fmt: skip
    own = {action for action, _, statement in found if statement["Sid"].startswith("Adopt")}
    assert not {action for action in own if action in {"dynamodb:DeleteTable", "ecr:DeleteRepository"}}


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, {f"arn:aws:secretsmanager:{REGION}:{NUMBER}:secret:*"}),
        ({"ServerSecretArn": ""}, set()),
        ({"ServerSecretArn": SECRET}, {SECRET}),
    ],
    ids=["nothing known", "none named", "one named"],
)
def test_only_secrets_that_are_named_are_looked_at(parameters: dict[str, str], expected: set[str]) -> None:
    """Any, only where it is not known which."""
    policy = policies.operate(Place(STACK, "aws", REGION, NUMBER, parameters))
    assert expected == {
        resource for action, resource, _ in granted(policy) if action == "secretsmanager:DescribeSecret"
    }


ANSWERED = {
    ("UNKNOWN_ACTION", "Unknown action cloudformation:DescribeEvents"): "newer than the linter",
    ("RESOURCE_STAR", "['ecs:ListTasks']"): "limited by the condition on the cluster",
    ("RESOURCE_MISMATCH", "mapRun"): "the pipeline has no map",
    ("RESOURCE_MISMATCH", "express"): "the pipeline's executions are standard ones",
    (
        "RESOURCE_MISMATCH",
        "servicequotas:GetServiceQuota",
    ): "can be limited since; the linter's table is older",
}
"""What parliament finds all the same, by its rule and words of its message, and why it stays."""


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
def test_an_iam_linter_finds_nothing_that_is_not_answered(kind: str) -> None:
    """In the policy of a stack that is there."""
    scanners(ROOT)
    done = subprocess.run(
        [ROOT / ENVIRONMENT / "bin/python", ROOT / "scan/scripts/lint_policies.py"],
        input=json.dumps({kind: [KINDS[kind](PLACE)]}), capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = [(each["rule"], each["message"]) for each in json.loads(done.stdout)]
    assert [] == [
        each for each in found if not any(each[0] == rule and words in each[1] for rule, words in ANSWERED)
    ]


def test_each_quota_that_is_read_may_be_read() -> None:
    """Whichever service's it is."""
    policy = policies.operate(PLACE)
    for quota in policies.quotas():
        arn = f"arn:aws:servicequotas:{REGION}:{NUMBER}:{quota['service']}/{quota['code']}"
        assert allows(policy, "servicequotas:GetServiceQuota", arn)


def test_parts_fit_into_managed_policies(policy: dict[str, Any]) -> None:
    """Each statement once, none larger than AWS takes."""
    parts = policies.parts(policy)
    assert policy["Statement"] == [statement for part in parts for statement in part["Statement"]]
    assert all(len(json.dumps(part, separators=(",", ":"))) <= MANAGED_CHARACTERS for part in parts)


def test_the_policy_is_printed_for_the_account(aws: Scripted, run: Callable[..., Result]) -> None:
    """With the stack's own names; in parts where it is asked."""
    given = [{"ParameterKey": "StateMachineName", "ParameterValue": "mine"}]
    aws.answer(cloudformation__DescribeStacks=stack(Parameters=given))
    result = run(stack_commands.doctor, "--policy", "operate")
    assert (0, True) == (result.exit_code, "--part 1 to --part 2" in result.stderr)
    policy = json.loads(result.stdout)
    assert allows(policy, "states:StartExecution", f"arn:aws:states:{REGION}:{NUMBER}:stateMachine:mine:live")
    first, second = (
        json.loads(run(stack_commands.doctor, "--policy", "operate", "--part", part).stdout) for part in "12"
    )
    assert policy["Statement"] == [*first["Statement"], *second["Statement"]]
    assert 2 == run(stack_commands.doctor, "--policy", "operate", "--part", "9").exit_code


def test_the_policy_is_printed_for_who_has_no_account_yet(aws: Scripted, run: Callable[..., Result]) -> None:
    """Where nobody can be asked, the account is any; the region is the one that is meant."""
    aws.answer(sts__GetCallerIdentity=refused("ExpiredToken", "GetCallerIdentity"))
    result = run(stack_commands.doctor, "--policy", "deploy")
    assert (0, True) == (result.exit_code, "the account is not known" in result.stderr)
    assert "the policy says * for it\n" in result.stderr
    assert f"arn:aws:states:{REGION}:*:stateMachine:" in result.stdout


def test_the_documents_own_calls_are_the_role_s_not_the_operator_s() -> None:
    """An operator needs none of the rights of the state machine's role."""
    document = json.loads((ROOT / "asl/validation-pipeline.asl.json").read_text("utf-8"))
    assert StateMachine.of(document).start_at
    actions = {action for action, _, _ in granted(policies.operate(PLACE))}
    assert set() == actions & {"ecs:RunTask", "ecs:RegisterTaskDefinition", "codebuild:StartBuild", "lambda:InvokeFunction", "dynamodb:PutItem"}  # fmt: skip
