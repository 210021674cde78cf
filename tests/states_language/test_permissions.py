"""What an integration needs is data, and what a document needs follows from its parameters alone."""

import json
import re
from pathlib import Path
from typing import Any

import cfnlint
import pytest
import yaml

from states_language import permissions
from states_language.document import StateMachine
from states_language.permissions import Permission, PermissionsError, of_document, of_features

DATA = Path(permissions.__file__).parent / "permissions.yaml"
# cfn-lint carries the Service Authorization Reference: service -> actions (lower case) -> resource types.
AUTHORIZATION_REFERENCE = Path(cfnlint.__file__).parent / "data/AdditionalSpecs/Policies.json"

ECS = "arn:${Partition}:ecs:${Region}:${Account}"


def task(integration: str, parameters: Any = None, **fields: Any) -> dict[str, Any]:
    """Return a Task that calls an integration."""
    resource = f"arn:${{Partition}}:states:::{integration}"
    return {"Type": "Task", "Resource": resource, "Parameters": parameters or {}, "End": True, **fields}


def needed(**states: dict[str, Any]) -> list[Permission]:
    """Return the permissions that a document of these states needs."""
    return of_document(StateMachine.of({"StartAt": next(iter(states)), "States": states}))


def granted(**states: dict[str, Any]) -> dict[str, list[str]]:
    """Return the resources on which each action is granted."""
    found: dict[str, list[str]] = {}
    for permission in needed(**states):
        found.setdefault(permission.action, []).append(permission.resource)
    return found


def entries() -> list[tuple[str, dict[str, Any]]]:
    """Return each grant of the data with the name under which it stands."""
    data = yaml.safe_load(DATA.read_text("utf-8"))
    return [
        (name, grant)
        for part in ("features", "integrations")
        for name, grants in data[part].items()
        for grant in grants
    ]


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    """Return the Service Authorization Reference as cfn-lint has it."""
    parsed: dict[str, Any] = json.loads(AUTHORIZATION_REFERENCE.read_text("utf-8"))
    return parsed


@pytest.mark.parametrize(
    "grant",
    [grant for _, grant in entries()],
    ids=[f"{name}: {grant['actions'][0]}" for name, grant in entries()],
)
def test_the_data_agrees_with_the_service_authorization_reference(
    reference: dict[str, Any], grant: dict[str, Any]
) -> None:
    """Each action exists; `*` stands where AWS takes no resource or a reason says why, and nowhere else."""
    for action in grant["actions"]:
        service, _, verb = action.partition(":")
        known = reference[service]["Actions"]
        assert verb.lower() in known, f"{action} is no action of {service}"
        if not known[verb.lower()]:
            assert grant["resource"] == "*", f"{action} takes no resource"
    names_nothing = grant["resource"].endswith("*") and "{" not in grant["resource"].split(":", 5)[-1]
    assert names_nothing == ("reason" in grant)


@pytest.mark.parametrize(
    ("integration", "actions"),
    [
        ("aws-sdk:ecs:stopTask", {"ecs:StopTask"}),
        ("aws-sdk:ecs:describeTasks", {"ecs:DescribeTasks"}),
        ("aws-sdk:ecs:deregisterTaskDefinition", {"ecs:DeregisterTaskDefinition"}),
    ],
)
def test_a_call_to_an_api_needs_that_action(integration: str, actions: set[str]) -> None:
    """The plain case: one operation, one action."""
    assert actions == set(granted(A=task(integration, {"Cluster": "c"})))


def test_waiting_for_a_build_needs_what_step_functions_does_meanwhile() -> None:
    """A `.sync` call polls, listens to events, and stops the build when its execution is aborted."""
    found = granted(A=task("codebuild:startBuild.sync", {"ProjectName": "p"}))
    project = ["arn:${Partition}:codebuild:${Region}:${Account}:project/p"]
    rule = [
        "arn:${Partition}:events:${Region}:${Account}:rule/StepFunctionsGetEventForCodeBuildStartBuildRule"
    ]
    assert found == {
        "codebuild:StartBuild": project,
        "codebuild:StopBuild": project,
        "codebuild:BatchGetBuilds": project,
        "events:PutTargets": rule,
        "events:PutRule": rule,
        "events:DescribeRule": rule,
    }
    assert set(granted(A=task("codebuild:startBuild", {"ProjectName": "p"}))) == {"codebuild:StartBuild"}


def test_parameters_count() -> None:
    """Tags need the right to tag, bound to the creating call; roles need the right to pass them, to ECS only."""
    bare = needed(A=task("aws-sdk:ecs:registerTaskDefinition", {"Family": "f"}))
    assert [("ecs:RegisterTaskDefinition", f"{ECS}:task-definition/f", ())] == [
        (each.action, each.resource, each.condition) for each in bare
    ]
    parameters = {
        "Family": "f",
        "Tags": [{"Key": "a", "Value": "b"}],
        "TaskRoleArn": "${TaskRoleArn}",
        "ExecutionRoleArn": "arn:aws:iam::1:role/r",
    }
    full = needed(A=task("aws-sdk:ecs:registerTaskDefinition", parameters))
    to_tasks = (("StringEquals", "iam:PassedToService", "ecs-tasks.amazonaws.com"),)
    assert [
        ("ecs:RegisterTaskDefinition", f"{ECS}:task-definition/f", ()),
        (
            "ecs:TagResource",
            f"{ECS}:task-definition/f",
            (("StringEquals", "ecs:CreateAction", "RegisterTaskDefinition"),),
        ),
        ("iam:PassRole", "arn:aws:iam::1:role/r", to_tasks),
        ("iam:PassRole", "${TaskRoleArn}", to_tasks),
    ] == [(each.action, each.resource, each.condition) for each in full]


def test_a_parameter_from_the_data_counts_as_given() -> None:
    """`Tags.$` tags as much as `Tags` does."""
    assert "ecs:TagResource" in granted(
        A=task("aws-sdk:ecs:registerTaskDefinition", {"Family": "f", "Tags.$": "$.t"})
    )


def test_run_task_is_bound_to_the_cluster_and_to_what_the_document_registers() -> None:
    """A task definition that is known only at run time is one that the document itself registers."""
    register = task("aws-sdk:ecs:registerTaskDefinition", {"Family.$": "States.Format('Fam-{}', $.hash)"})
    run = task("aws-sdk:ecs:runTask", {"Cluster": "c", "TaskDefinition.$": "$.Arn", "Tags": []})
    found = {
        each.action: each for each in needed(Register=register, Run=run) if each.because.steps[-1] == "Run"
    }
    assert found["ecs:RunTask"].resource == f"{ECS}:task-definition/Fam-*"
    assert found["ecs:RunTask"].condition == (("ArnEquals", "ecs:cluster", f"{ECS}:cluster/c"),)
    assert found["ecs:TagResource"].resource == f"{ECS}:task/c/*"
    assert found["ecs:TagResource"].condition == (("StringEquals", "ecs:CreateAction", "RunTask"),)


def test_two_registrations_are_two_resources() -> None:
    """A document that registers two families may run both, and no third."""
    read = granted(
        One=task("aws-sdk:ecs:registerTaskDefinition", {"Family": "one"}),
        Two=task("aws-sdk:ecs:registerTaskDefinition", {"Family": "two"}),
        Run=task("aws-sdk:ecs:runTask", {"Cluster": "c", "TaskDefinition.$": "$.Arn"}),
    )
    assert read["ecs:RunTask"] == [f"{ECS}:task-definition/one", f"{ECS}:task-definition/two"]


@pytest.mark.parametrize(
    ("integration", "parameters"),
    [
        ("aws-sdk:ecs:runTask", {"Cluster": "c", "TaskDefinition.$": "$.Arn"}),
        ("aws-sdk:ecs:stopTask", {"Cluster.$": "$.Cluster", "Task.$": "$.Task"}),
        ("aws-sdk:ecs:registerTaskDefinition", {"Family.$": "$.Family"}),
        ("aws-sdk:ecs:registerTaskDefinition", {"Family": "f", "TaskRoleArn.$": "$.Role"}),
        ("codebuild:startBuild.sync", {"ProjectName.$": "$.Project"}),
        ("lambda:invoke", {"FunctionName.$": "$.Function"}),
        ("lambda:invoke", {"FunctionName": "a-name"}),
        ("lambda:invoke", {"FunctionName.$": "States.Format('arn:aws:lambda:{}', $.rest)"}),
        ("lambda:invoke", {"FunctionName.$": "States.Format('arn:{}', $.rest)"}),
        ("dynamodb:putItem", {"TableName.$": "$.Table"}),
        ("dynamodb:putItem", {}),
        ("aws-sdk:dynamodb:query", {"TableName.$": "$.Table", "IndexName": "ByTime"}),
        ("aws-sdk:s3:getObject", {"Bucket.$": "$.Bucket", "Key": "one/key"}),
        ("aws-sdk:s3:getObject", {"Bucket.$": "$.Bucket", "Key.$": "$.Key"}),
        ("aws-sdk:secretsmanager:getSecretValue", {"SecretId.$": "$.Secret"}),
    ],
)  # fmt: skip
def test_a_resource_that_is_known_only_at_run_time_is_refused(
    integration: str, parameters: dict[str, Any]
) -> None:
    """A right on everything is never the answer to not knowing on what."""
    with pytest.raises(PermissionsError, match=r"^/States/A: .*(known only at run time|needs an ARN)"):
        needed(A=task(integration, parameters))


@pytest.mark.parametrize(
    ("integration", "parameters", "resource"),
    [
        ("lambda:invoke", {"FunctionName": "${FunctionArn}"}, "${FunctionArn}"),
        ("dynamodb:putItem", {"TableName": "${Table}"}, "arn:${Partition}:dynamodb:${Region}:${Account}:table/${Table}"),
        ("dynamodb:putItem", {"TableName": "${TableArn}"}, "${TableArn}"),
        (
            "dynamodb:putItem",
            {"TableName.$": "States.Format('verdicts-{}{}', $.a, $.b)"},
            "arn:${Partition}:dynamodb:${Region}:${Account}:table/verdicts-*",
        ),
        ("aws-sdk:s3:getObject", {"Bucket": "b", "Key.$": "$.Key"}, "arn:${Partition}:s3:::b/*"),
        (
            "lambda:invoke",
            {"FunctionName.$": "States.Format('arn:aws:lambda:eu-west-1:1:function:f:{}', $.version)"},
            "arn:aws:lambda:eu-west-1:1:function:f:*",
        ),
    ],
)  # fmt: skip
def test_what_is_known_of_a_resource_narrows_it(
    integration: str, parameters: dict[str, Any], resource: str
) -> None:
    """A literal, a token, and the fixed beginning of a format name a resource."""
    assert [resource] == [each.resource for each in needed(A=task(integration, parameters))]


def test_an_unknown_integration_is_refused_with_its_place() -> None:
    """The error says which state, which integration, and where to add it."""
    with pytest.raises(PermissionsError) as caught:
        needed(A=task("aws-sdk:ec2:runInstances"))
    assert str(caught.value) == (
        "/States/A/Resource: the permissions of 'aws-sdk:ec2:runInstances' are not known; "
        "add them to permissions.yaml"
    )


@pytest.mark.parametrize(
    "resource",
    [
        "arn:aws:lambda:eu-west-1:111122223333:function:f",
        "arn:aws:states:eu-west-1:111122223333:activity:a",
        "",
    ],
)
def test_a_resource_that_is_no_integration_is_refused(resource: str) -> None:
    """A function or an activity named directly is not known either."""
    with pytest.raises(PermissionsError, match=r"^/States/A/Resource: "):
        needed(A={"Type": "Task", "Resource": resource, "End": True})


def test_a_call_that_waits_for_a_token_needs_what_the_call_needs() -> None:
    """Whoever returns the token has rights of its own."""
    parameters = {"FunctionName": "${FunctionArn}"}
    waiting = granted(A=task("lambda:invoke.waitForTaskToken", parameters))
    assert waiting == granted(A=task("lambda:invoke", parameters))


def test_calls_inside_other_states_count() -> None:
    """A Parallel's branches and a Map's items run under the same role."""
    inner = {"StartAt": "I", "States": {"I": task("dynamodb:putItem", {"TableName": "${Table}"})}}
    for outer in ({"Type": "Parallel", "Branches": [inner]}, {"Type": "Map", "ItemProcessor": inner}):
        assert set(granted(Outer=outer)) == {"dynamodb:PutItem"}


def test_what_needs_rights_that_the_data_cannot_say_is_refused() -> None:
    """A distributed Map starts executions, and Credentials assume another role: neither goes unnoticed."""
    inner = {
        "ProcessorConfig": {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"},
        "StartAt": "I",
        "States": {"I": {"Type": "Pass", "End": True}},
    }
    with pytest.raises(PermissionsError, match=r"^/States/Each/ItemProcessor/ProcessorConfig/Mode: "):
        needed(Each={"Type": "Map", "ItemProcessor": inner})
    credentials = {"RoleArn": "arn:aws:iam::444455556666:role/other"}
    call = task("dynamodb:putItem", {"TableName": "t"}, Credentials=credentials)
    with pytest.raises(PermissionsError, match=r"^/States/A/Credentials: "):
        needed(A=call)


def test_features_need_their_actions() -> None:
    """Logging needs log delivery, tracing needs X-Ray; each says that it is the cause, and why it is `*`."""
    found = of_features(("logging", "tracing"))
    assert {each.action for each in found if str(each.because) == "/tracing"} == {
        "xray:PutTraceSegments",
        "xray:PutTelemetryRecords",
        "xray:GetSamplingRules",
        "xray:GetSamplingTargets",
    }
    assert {each.action for each in found if str(each.because) == "/logging"} == {
        "logs:CreateLogDelivery",
        "logs:GetLogDelivery",
        "logs:UpdateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:ListLogDeliveries",
        "logs:PutResourcePolicy",
        "logs:DescribeResourcePolicies",
        "logs:DescribeLogGroups",
    }
    assert all(each.resource == "*" and each.reason for each in found)


def test_every_permission_names_the_state_that_needs_it(definition: dict[str, Any]) -> None:
    """In the pipeline, the cause of each permission is one of its Tasks, and each Task causes one."""
    found = of_document(StateMachine.of(definition))
    tasks = {f"/States/{name}" for name, state in definition["States"].items() if state["Type"] == "Task"}
    assert tasks == {str(each.because) for each in found}
    assert all(re.fullmatch(r"[a-z0-9-]+:[A-Z]\w+", each.action) for each in found)
