"""The state machine's policy follows from the document: nothing missing, nothing left over, nothing wider than AWS asks."""

import json
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from troposphere import encode_to_dict

from generator import artifacts, policy, releases
from generator.artifacts import Package
from generator.documents import generate
from generator.policy import Grant, UnboundTokenError
from generator.substitutions import Substitution, substitutions
from generator.template import grants
from states_language.document import StateMachine
from states_language.permissions import Permission, PermissionsError
from states_language.pointer import Pointer

PACKAGE = Package("0" * 64)
ACCOUNT = "${AWS::Region}:${AWS::AccountId}"
PROJECT = "arn:${AWS::Partition}:codebuild:" + ACCOUNT + ":project/${BuildProject}"
RULE = "arn:${AWS::Partition}:events:" + ACCOUNT + ":rule/StepFunctionsGetEventForCodeBuildStartBuildRule"
FAMILY = "arn:${AWS::Partition}:ecs:" + ACCOUNT + ":task-definition/ToolShedValidation-*"
TASKS = "arn:${AWS::Partition}:ecs:" + ACCOUNT + ":task/${Cluster}/*"
TABLE = "arn:${AWS::Partition}:dynamodb:" + ACCOUNT + ":table/${VerdictTable}"
IN_CLUSTER = ("ArnEquals", "ecs:cluster", "arn:${AWS::Partition}:ecs:" + ACCOUNT + ":cluster/${Cluster}")
TO_TASKS = ("StringEquals", "iam:PassedToService", "ecs-tasks.amazonaws.com")

# Written by hand from the Service Authorization Reference (resource types and condition keys of each action) and the
# Step Functions Developer Guide (what `.sync`, logging and tracing need): documentation, read 2026-11-22.
Row = tuple[str, str, tuple[tuple[str, str, str], ...]]
NEEDED: dict[str, set[Row]] = {
    "codebuild:startBuild.sync": {
        ("codebuild:StartBuild", PROJECT, ()),
        ("codebuild:StopBuild", PROJECT, ()),
        ("codebuild:BatchGetBuilds", PROJECT, ()),
        ("events:PutTargets", RULE, ()),
        ("events:PutRule", RULE, ()),
        ("events:DescribeRule", RULE, ()),
    },
    "aws-sdk:ecs:registerTaskDefinition": {
        ("ecs:RegisterTaskDefinition", FAMILY, ()),
        ("ecs:TagResource", FAMILY, (("StringEquals", "ecs:CreateAction", "RegisterTaskDefinition"),)),
        ("iam:PassRole", "${TaskExecutionRole.Arn}", (TO_TASKS,)),
        ("iam:PassRole", "${TaskRole.Arn}", (TO_TASKS,)),
    },
    "aws-sdk:ecs:runTask": {
        ("ecs:RunTask", FAMILY, (IN_CLUSTER,)),
        ("ecs:TagResource", TASKS, (("StringEquals", "ecs:CreateAction", "RunTask"),)),
    },
    "aws-sdk:ecs:listTasks": {("ecs:ListTasks", "*", (IN_CLUSTER,))},
    "aws-sdk:ecs:describeTasks": {("ecs:DescribeTasks", TASKS, (IN_CLUSTER,))},
    "aws-sdk:ecs:stopTask": {("ecs:StopTask", TASKS, (IN_CLUSTER,))},
    "aws-sdk:ecs:deregisterTaskDefinition": {("ecs:DeregisterTaskDefinition", "*", ())},
    "lambda:invoke": {("lambda:InvokeFunction", "${ValidatorFunction.Arn}:*", ())},
    "dynamodb:putItem": {("dynamodb:PutItem", TABLE, ())},
}
FEATURES: set[Row] = {
    (action, "*", ())
    for action in (
        "logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery",
        "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups",
        "xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets",
    )
}  # fmt: skip

MACHINES = ("PipelinePolicy", "SweeperPolicy")
WIDE = {
    ("PipelinePolicy", "ecs:DeregisterTaskDefinition"): "takes neither a resource nor a condition key",
    ("PipelinePolicy", "ecs:ListTasks"): "takes container instances only; its condition names the cluster",
    **{(owner, action): "takes no resource" for owner in MACHINES for action, _, _ in FEATURES},
    ("SweeperPolicy", "ecs:ListTasks"): "takes container instances only; its condition names the cluster",
    **{
        ("SweeperPolicy", f"ecs:{action}"): "takes neither a resource nor a condition key"
        for action in (
            "DeregisterTaskDefinition",
            "DescribeTaskDefinition",
            "ListTaskDefinitionFamilies",
            "ListTaskDefinitions",
        )
    },
    ("BuildRole", "ecr:GetAuthorizationToken"): "takes no resource",
    **{
        (
            "BuildNetworkPolicy",
            f"ec2:{action}",
        ): "CodeBuild makes the interfaces; only where builds have subnets"
        for action in (
            "CreateNetworkInterface",
            "DeleteNetworkInterface",
            "DescribeDhcpOptions",
            "DescribeNetworkInterfaces",
            "DescribeSecurityGroups",
            "DescribeSubnets",
            "DescribeVpcs",
        )
    },
    ("TaskExecutionRole", "ecr:GetAuthorizationToken"): "takes no resource",
    **{
        (
            "ValidatorRole",
            f"ec2:{action}",
        ): "Lambda makes the interfaces, and demands `*`; the code is denied them"
        for action in (
            "AssignPrivateIpAddresses",
            "CreateNetworkInterface",
            "DeleteNetworkInterface",
            "DescribeNetworkInterfaces",
            "DescribeSubnets",
            "UnassignPrivateIpAddresses",
        )
    },
}
"""Every right on `*` in the whole template, and why it is one."""


def rows(statements: list[Grant]) -> set[Row]:
    """Return the grants action by action, resource by resource."""
    return {
        (action, resource, grant.condition)
        for grant in statements
        for action in grant.actions
        for resource in grant.resources
    }


def derived(document: dict[str, Any], *others: dict[str, Any]) -> list[Grant]:
    """Return what the documents need."""
    return grants([StateMachine.of(each) for each in (document, *others)], PACKAGE)


def with_state(document: dict[str, Any], integration: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the document with one more Task in front."""
    changed = deepcopy(document)
    changed["States"]["More"] = {
        "Type": "Task",
        "Resource": f"arn:${{Partition}}:states:::{integration}",
        "Parameters": parameters,
        "TimeoutSeconds": 5,
        "Next": changed["StartAt"],
    }
    changed["StartAt"] = "More"
    return changed


def statements_of(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the statements of a role's or a policy's documents, those under a condition too."""
    properties = resource["Properties"]
    documents = [
        *(each["PolicyDocument"] for each in properties.get("Policies", [])),
        *([properties["PolicyDocument"]] if "PolicyDocument" in properties else []),
    ]
    for document in documents:
        for statement in document["Statement"]:
            yield statement["Fn::If"][1] if "Fn::If" in statement else statement


def as_list(value: Any) -> list[Any]:
    """Return a value of a statement as the list that it stands for."""
    return value if isinstance(value, list) else [value]


def test_the_policy_is_what_the_integrations_need_and_no_more(definition: dict[str, Any]) -> None:
    """Against the table written by hand: nothing is missing, and nothing is left over."""
    used = {
        state["Resource"].rpartition(":::")[2]
        for state in definition["States"].values()
        if state["Type"] == "Task"
    }
    assert used == NEEDED.keys()
    assert rows(derived(definition)) == set().union(*NEEDED.values()) | FEATURES


def test_the_committed_policy_says_the_same(template: dict[str, Any]) -> None:
    """What stands in the template, statement by statement, is the table written by hand."""

    def written(expression: Any) -> str:
        if isinstance(expression, str):
            return expression
        ((function, value),) = expression.items()
        return str(value) if function == "Fn::Sub" else "${" + ".".join(value) + "}"

    found = {
        (
            action,
            written(resource),
            tuple(
                (operator, key, written(value))
                for operator, keys in statement.get("Condition", {}).items()
                for key, value in keys.items()
            ),
        )
        for statement in statements_of(template["Resources"]["PipelinePolicy"])
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }
    assert found == set().union(*NEEDED.values()) | FEATURES
    assert {each["Effect"] for each in statements_of(template["Resources"]["PipelinePolicy"])} == {"Allow"}


@pytest.mark.parametrize(
    ("integration", "parameters", "row"),
    [
        (
            "dynamodb:getItem",
            {"TableName": "${VerdictTableName}", "Key": {}},
            ("dynamodb:GetItem", TABLE, ()),
        ),
        (
            "aws-sdk:ecs:describeTaskDefinition",
            {"TaskDefinition.$": "$.Arn"},
            ("ecs:DescribeTaskDefinition", "*", ()),
        ),
        (
            "aws-sdk:codebuild:batchGetBuilds",
            {"Ids.$": "$.Ids"},
            ("codebuild:BatchGetBuilds", PROJECT.replace("${BuildProject}", "*"), ()),
        ),
    ],
)
def test_a_state_that_is_added_changes_the_policy(
    definition: dict[str, Any], integration: str, parameters: dict[str, Any], row: Row
) -> None:
    """With no other edit: the new row is there, and no other."""
    before, after = (
        rows(derived(each)) for each in (definition, with_state(definition, integration, parameters))
    )
    assert after - before == {row}
    assert before - after == set()


@pytest.mark.parametrize("integration", sorted(NEEDED.keys() - {"aws-sdk:ecs:registerTaskDefinition"}))
def test_a_state_that_is_removed_takes_its_rights_with_it(
    definition: dict[str, Any], integration: str
) -> None:
    """The policy holds no right that nobody uses."""
    changed = deepcopy(definition)
    for name, state in definition["States"].items():
        if state.get("Resource", "").endswith(f":::{integration}"):
            changed["States"][name] = {"Type": "Pass", "Next": state["Next"]}
    kept = set().union(*(each for name, each in NEEDED.items() if name != integration)) | FEATURES
    assert rows(derived(changed)) == kept


def test_nothing_may_be_run_where_nothing_is_registered(definition: dict[str, Any]) -> None:
    """What RunTask may run is what the document registers: without that, it would be any task definition."""
    changed = deepcopy(definition)
    changed["States"]["RegisterValidationTaskDef"] = {"Type": "Pass", "Next": "CheckRegistration"}
    with pytest.raises(
        PermissionsError, match=r"^/States/RunMCPServerContainer: ecs:RunTask would be granted on"
    ):
        derived(changed)


def test_an_unknown_integration_is_refused_with_its_state(definition: dict[str, Any]) -> None:
    """Generation ends rather than to emit a machine that is denied its call."""
    with pytest.raises(
        PermissionsError,
        match=r"^/States/More/Resource: the permissions of 'aws-sdk:ec2:runInstances' are not known",
    ):
        derived(with_state(definition, "aws-sdk:ec2:runInstances", {}))


def test_a_resource_known_only_at_run_time_is_refused(definition: dict[str, Any]) -> None:
    """A function that the input names would be any function."""
    with pytest.raises(
        PermissionsError, match=r"^/States/More: lambda:InvokeFunction would be granted on '\*'"
    ):
        derived(with_state(definition, "lambda:invoke", {"FunctionName.$": "$.function"}))


def test_a_token_without_a_resource_of_this_stack_is_refused(definition: dict[str, Any]) -> None:
    """A permission on something that the template does not know cannot be written."""
    with pytest.raises(UnboundTokenError, match=r"\$\{NoSuchTable\}"):
        derived(with_state(definition, "dynamodb:putItem", {"TableName": "${NoSuchTable}"}))
    with pytest.raises(UnboundTokenError, match=r"\$\{TaskSubnetIds\}"):
        derived(with_state(definition, "dynamodb:putItem", {"TableName": "${TaskSubnetIds}"}))


def test_an_older_document_keeps_its_rights(definition: dict[str, Any]) -> None:
    """The role serves both documents: what only the older one calls is granted still, and nothing twice."""
    older = with_state(definition, "dynamodb:getItem", {"TableName": "${VerdictTableName}", "Key": {}})
    both = derived(definition, older)
    assert rows(both) == rows(derived(older))
    assert rows(both) - rows(derived(definition)) == {("dynamodb:GetItem", TABLE, ())}
    assert policy.needed_by(both)["dynamodb:PutItem"] == ["RecordVerdict"]


def release(project: Path, definition: dict[str, Any], version: str) -> None:
    """Put a document down as released, as the file system would hold it."""
    text = artifacts.canonical(definition)
    path = project / artifacts.release_path("validation-pipeline", version)
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")
    lock_path = project / artifacts.lock_path("validation-pipeline")
    lock = json.loads(lock_path.read_text("utf-8"))
    lock["released"].append({"version": version, "sha256": artifacts.digest(text)})
    lock["version"] = "9.0.0"
    lock_path.write_text(json.dumps(lock), "utf-8")


def generated(project: Path) -> tuple[set[str], list[str], str]:
    """Return the actions of the pipeline's role, the versions that it serves, and the page of permissions."""
    texts = {str(each.path): each.text for each in generate(project).artifacts}
    template = json.loads(texts["templates/validation-pipeline.template.json"])
    return (
        {*template["Resources"]["PipelinePolicy"]["Metadata"]["NeededBy"]},
        [each.split()[0] for each in template["Outputs"]["PipelineVersionsServed"]["Value"].split(", ")],
        texts["docs/permissions.md"],
    )


OLDER = {"1.0.0": "dynamodb:deleteItem", "2.0.0": "dynamodb:getItem", "3.0.0": "dynamodb:updateItem"}
"""What only that release calls."""
GRANTED = {"1.0.0": "dynamodb:DeleteItem", "2.0.0": "dynamodb:GetItem", "3.0.0": "dynamodb:UpdateItem"}


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_the_role_serves_the_two_releases_before_the_document(
    project: Path, definition: dict[str, Any], count: int
) -> None:
    """The alias leads to the last one, or, where that was rolled back, to the one before; older ones are over."""
    versions = list(OLDER)[:count]
    for version in versions:
        parameters = {"TableName": "${VerdictTableName}"}
        release(project, with_state(definition, OLDER[version], parameters), version)
    actions, served, page = generated(project)
    current = artifacts.read_lock(project, "validation-pipeline").version
    assert [current, *versions[-2:][::-1]] == served
    assert {GRANTED[version] for version in versions[-2:]} == actions & {*GRANTED.values()}
    assert all(f"`{GRANTED[version]}`" in page for version in versions[-2:])


def test_releasing_the_document_takes_no_rights_away(project: Path, definition: dict[str, Any]) -> None:
    """The moment in which it is released is not the moment in which nobody runs the older one any more."""
    table = {"TableName": "${VerdictTableName}"}
    release(project, with_state(definition, "dynamodb:getItem", table), "1.0.0")
    before = generated(project)
    artifacts.write(project, generate(project).artifacts)
    artifacts.write(project, releases.release(project)[1])
    assert ["1.0.0", "9.0.0"] == [
        each.version for each in artifacts.read_lock(project, "validation-pipeline").released
    ]
    assert before == generated(project)
    assert "dynamodb:GetItem" in before[0]


def test_each_action_names_the_states_that_need_it(
    template: dict[str, Any], definition: dict[str, Any]
) -> None:
    """A reviewer who asks why an action is there finds the states, or the feature, beside the policy."""
    resource = template["Resources"]["PipelinePolicy"]
    needed_by = resource["Metadata"]["NeededBy"]
    actions = {action for each in statements_of(resource) for action in as_list(each["Action"])}
    assert needed_by.keys() == actions
    tasks = {name for name, state in definition["States"].items() if state["Type"] == "Task"}
    assert {state for states in needed_by.values() for state in states} == tasks | {"logging", "tracing"}
    assert needed_by["ecs:DescribeTasks"] == ["DescribeTask", "DescribeRejectedTask"]


def test_every_right_on_everything_is_on_the_list(template: dict[str, Any]) -> None:
    """Over all roles and policies of the template: `*` stands only where the list above says why."""
    found = {
        (name, action)
        for name, resource in template["Resources"].items()
        if resource["Type"] in ("AWS::IAM::Role", "AWS::IAM::Policy")
        for statement in statements_of(resource)
        if statement["Effect"] == "Allow" and "*" in as_list(statement["Resource"])
        for action in as_list(statement["Action"])
    }
    assert found == WIDE.keys()


def test_no_statement_allows_more_than_it_names(template: dict[str, Any]) -> None:
    """No wildcard in an action, no NotAction or NotResource, no principal in a role's own policy."""
    for resource in template["Resources"].values():
        if resource["Type"] in ("AWS::IAM::Role", "AWS::IAM::Policy"):
            for statement in statements_of(resource):
                assert statement.keys() <= {"Action", "Condition", "Effect", "Resource"}
                assert [action for action in as_list(statement["Action"]) if "*" in action] == []


def test_the_reasons_stand_in_the_documentation(root: Path) -> None:
    """What cannot be narrowed is listed with its reason, for each such action of the state machine."""
    page = (root / "docs/permissions.md").read_text("utf-8")
    pipeline, _, sweeper = page.partition("## `task-sweeper`")
    pages = {"PipelinePolicy": pipeline, "SweeperPolicy": sweeper}
    for owner, action in WIDE:
        if owner in pages:
            wide = pages[owner].partition("### What cannot be narrowed")[2]
            (row,) = (line for line in wide.splitlines() if f"`{action}`" in line)
            assert row.split("|")[2].strip().endswith(".")


def permission(action: str, resource: str, state: str, **fields: Any) -> Permission:
    """Return a permission that a state needs."""
    return Permission(
        action, resource, fields.get("condition", ()), Pointer(("States", state)), fields.get("reason", "")
    )


def test_statements_that_say_the_same_are_one() -> None:
    """Actions on the same resource, and resources for the same actions, share a statement; conditions keep apart."""
    gathered = policy.grants(
        [
            permission("a:Two", "arn:1", "A"),
            permission("a:One", "arn:1", "B"),
            permission("a:One", "arn:2", "B"),
            permission("a:Two", "arn:2", "C"),
            permission("a:One", "arn:1", "D", condition=(("StringEquals", "k", "v"),)),
            permission("a:Two", "arn:1", "A"),
        ],
        {},
    )
    assert [(each.actions, each.resources, each.condition, sorted(each.states)) for each in gathered] == [
        (("a:One",), ("arn:1",), (("StringEquals", "k", "v"),), ["D"]),
        (("a:One", "a:Two"), ("arn:1", "arn:2"), (), ["A", "B", "C"]),
    ]
    assert policy.needed_by(gathered) == {"a:One": ["D", "B"], "a:Two": ["A", "C"]}


def test_the_order_of_the_permissions_does_not_matter(definition: dict[str, Any]) -> None:
    """Statements are sorted, so that moving a state moves nothing in the policy but its list of states."""
    reordered = {**definition, "States": dict(reversed(definition["States"].items()))}
    assert [(each.actions, each.resources, each.condition) for each in derived(definition)] == [
        (each.actions, each.resources, each.condition) for each in derived(reordered)
    ]


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("arn:aws:s3:::bucket", "arn:aws:s3:::bucket"),
        ("*", "*"),
        ("${Role.Arn}", {"Fn::GetAtt": ["Role", "Arn"]}),
        ("${Function.Arn}:*", {"Fn::Sub": "${Function.Arn}:*"}),
        ("${AWS::Region}", {"Fn::Sub": "${AWS::Region}"}),
        ("${A.Arn}${B.Arn}", {"Fn::Sub": "${A.Arn}${B.Arn}"}),
    ],
)
def test_a_resource_is_written_as_shortly_as_it_can_be(text: str, expression: Any) -> None:
    """A literal stays one, a whole attribute is GetAtt, everything else is Sub."""
    written = policy.expression(text)
    assert (written if isinstance(written, str) else written.to_dict()) == expression


def test_a_condition_may_have_several_keys() -> None:
    """Keys under one operator share it, and operators stand beside each other."""
    condition = (
        ("ArnEquals", "ecs:cluster", "${Cluster.Arn}"),
        ("StringEquals", "a", "1"),
        ("StringEquals", "b", "2"),
    )
    gathered = policy.grants(
        [permission("a:One", "arn:1", "A", condition=condition)], {"Cluster.Arn": Substitution("", "x")}
    )
    document = encode_to_dict(policy.document(gathered))
    assert document["Statement"][0]["Condition"].keys() == {"ArnEquals", "StringEquals"}
    assert document["Statement"][0]["Condition"]["StringEquals"] == {"a": "1", "b": "2"}


def test_what_a_policy_may_name_is_a_resource_of_the_template(template: dict[str, Any]) -> None:
    """Each token's value in a policy leads to something that the template has."""
    for token in substitutions(PACKAGE).values():
        if token.in_policy.startswith("${") and "AWS::" not in token.in_policy:
            assert token.in_policy[2:].split("}")[0].split(".")[0] in template["Resources"]
