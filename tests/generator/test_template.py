"""The committed template: what the pipeline needs, bound as narrowly as AWS lets it, in any region and account."""

import json
import re
from copy import deepcopy
from graphlib import TopologicalSorter
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from generator import artifacts
from generator import settings as settings_file
from generator.artifacts import Definition, Package
from generator.documents import SOURCES, TEMPLATE, generate
from generator.policy import UnboundTokenError
from generator.settings import Settings
from generator.substitutions import tokens
from generator.template import Machine
from generator.template import template as assemble
from tests.generator.rendered import NOTHING, PSEUDO_PARAMETERS, holds, parameters, references, rendered

Json = dict[str, Any]

NETWORK = {"VpcId": "vpc-0a1b", "SubnetIds": "subnet-0a,subnet-0b"}
SECRETS = {
    "CloneTokenSecretArn": "arn:aws:secretsmanager:eu-west-1:1:secret:a",
    "DockerHubSecretArn": "arn:aws:secretsmanager:eu-west-1:1:secret:b",
}
STEPS = {"DeploymentIntervalMinutes": "5", "DeploymentPercentage": "10"}
TOPIC = {"AlarmTopicArn": "arn:aws:sns:eu-west-1:1:topic"}
NAMES = {
    "StateMachineName": ("Pipeline", "StateMachineName", "state_machine"),
    "BuildProjectName": ("BuildProject", "Name", "build_project"),
    "ClusterName": ("Cluster", "ClusterName", "cluster"),
    "RepositoryName": ("ImageRepository", "RepositoryName", "repository"),
    "TaskLogGroupName": ("TaskLogGroup", "LogGroupName", "task_log_group"),
    "VerdictTableName": ("VerdictTable", "TableName", "verdict_table"),
}
"""Each parameter for a name: the resource and the property that it names, and the setting that is its default."""
DATA_KEEPERS = {"AWS::DynamoDB::Table", "AWS::ECR::Repository", "AWS::S3::Bucket", "AWS::EFS::FileSystem"}


@pytest.fixture(scope="module")
def settings(root: Path) -> Settings:
    """Return the committed settings."""
    return settings_file.load(root / "settings.yaml")


@pytest.fixture(scope="module")
def resources(template: Json) -> Json:
    """Return the resources, as they are written."""
    found: Json = template["Resources"]
    return found


def of_type(resources: Json, kind: str) -> Json:
    """Return the properties of the resources of one type."""
    return {name: each["Properties"] for name, each in resources.items() if each["Type"] == kind}


def combinations() -> list[dict[str, str]]:
    """Return the parameters that decide a condition, each way and together."""
    empty = dict.fromkeys(NAMES, "")
    named = dict.fromkeys(NAMES, "a-name")
    return [
        {**network, **names, **secrets, **topic}
        for network, names, secrets, topic in product(
            ({}, NETWORK), (empty, named), ({}, SECRETS), ({}, TOPIC)
        )
    ]


@pytest.mark.parametrize(
    "given",
    combinations(),
    ids=lambda given: "+".join(sorted(key for key in given if given[key])) or "nothing",
)
def test_nothing_refers_to_what_is_not_there(template: Json, given: dict[str, str]) -> None:
    """Under every condition each reference leads to a resource that is created, a parameter, or AWS itself."""
    stack = rendered(template, parameters(template, **given))
    known = {*stack["Resources"], *template["Parameters"], *PSEUDO_PARAMETERS}
    dangling = {
        (name, reference)
        for part in ("Resources", "Outputs")
        for name, each in stack[part].items()
        for reference in references(each)
        if reference not in known
    }
    assert dangling == set()


def test_the_renderer_would_notice_a_dangling_reference(template: Json) -> None:
    """The test above fails for a resource that needs the created network without its condition."""
    broken = deepcopy(template)
    del broken["Resources"]["S3Endpoint"]["Condition"]
    stack = rendered(broken, parameters(broken, **NETWORK))
    assert "RouteTable" in {*references(stack["Resources"]["S3Endpoint"])} - {*stack["Resources"]}


def test_no_resource_waits_for_itself(template: Json) -> None:
    """The resources can be created in some order."""
    stack = rendered(template, parameters(template))["Resources"]
    order = TopologicalSorter(
        {name: {other for other in references(each) if other in stack} for name, each in stack.items()}
    )
    assert {*order.static_order()} == {*stack}


@pytest.mark.parametrize("network", [{}, NETWORK], ids=["own network", "existing network"])
def test_the_network_is_made_or_taken_as_it_is(template: Json, network: dict[str, str]) -> None:
    """With a VPC and subnets given nothing of a network is created; security groups are, and use it."""
    stack = rendered(template, parameters(template, **network))["Resources"]
    kinds = {each["Type"] for each in stack.values() if each["Type"].startswith("AWS::EC2::")}
    groups = {"AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupIngress"}
    assert (kinds == groups) == bool(network)
    expected: Any = {"Ref": "VpcId"} if network else {"Ref": "Network"}
    assert [each["VpcId"] for each in of_type(stack, "AWS::EC2::SecurityGroup").values()] == [expected] * 2
    subnets: Any = (
        {"Fn::Split": [",", {"Ref": "SubnetIds"}]} if network else [{"Ref": "SubnetA"}, {"Ref": "SubnetB"}]
    )
    assert stack["ValidatorFunction"]["Properties"]["VpcConfig"]["SubnetIds"] == subnets


def test_a_vpc_without_subnets_is_refused_before_anything_is_created(template: Json) -> None:
    """And subnets without their VPC: each rule asks for the other parameter."""

    def is_given(parameter: str) -> Json:
        return {"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, ""]}]}

    found = [
        (rule["RuleCondition"], [each["Assert"] for each in rule["Assertions"]])
        for name, rule in template["Rules"].items()
        if "Needs" in name and "Steps" not in name
    ]
    pairs = [("VpcId", "SubnetIds"), ("SubnetIds", "VpcId"), ("BuildSubnetIds", "VpcId")]
    assert sorted(found, key=str) == sorted(
        [(is_given(given), [is_given(needed)]) for given, needed in pairs], key=str
    )


def test_the_created_network_spans_two_zones(resources: Json) -> None:
    """Two subnets in two zones, routed to the internet, and S3 through a gateway endpoint."""
    subnets = of_type(resources, "AWS::EC2::Subnet")
    assert [each["AvailabilityZone"]["Fn::Select"][0] for each in subnets.values()] == [0, 1]
    assert [each["MapPublicIpOnLaunch"] for each in subnets.values()] == [False, False]
    routed = of_type(resources, "AWS::EC2::SubnetRouteTableAssociation")
    assert {each["SubnetId"]["Ref"] for each in routed.values()} == {*subnets}
    assert resources["InternetRoute"]["DependsOn"] == "InternetGatewayAttachment"
    (endpoint,) = of_type(resources, "AWS::EC2::VPCEndpoint").values()
    assert endpoint["VpcEndpointType"] == "Gateway"
    assert endpoint["ServiceName"] == {"Fn::Sub": "com.amazonaws.${AWS::Region}.s3"}
    assert endpoint["RouteTableIds"] == [{"Ref": "RouteTable"}]


def test_nothing_comes_in_but_the_validators_requests(resources: Json, settings: Settings) -> None:
    """No rule lets an address in; the servers' port is open to the validator's group alone."""
    for group in of_type(resources, "AWS::EC2::SecurityGroup").values():
        assert "SecurityGroupIngress" not in group
    (rule,) = of_type(resources, "AWS::EC2::SecurityGroupIngress").values()
    assert {key: value for key, value in rule.items() if key != "Description"} == {
        "GroupId": {"Fn::GetAtt": ["TaskSecurityGroup", "GroupId"]},
        "SourceSecurityGroupId": {"Fn::GetAtt": ["ValidatorSecurityGroup", "GroupId"]},
        "IpProtocol": "tcp",
        "FromPort": settings.task.port,
        "ToPort": settings.task.port,
    }


def test_what_leaves_is_bounded(resources: Json, settings: Settings) -> None:
    """A task may connect to port 443, where the parameter says; the validator to the tasks alone."""
    groups = of_type(resources, "AWS::EC2::SecurityGroup")
    rules = {
        name: [
            {key: value for key, value in rule.items() if key != "Description"}
            for rule in group["SecurityGroupEgress"]
        ]
        for name, group in groups.items()
    }
    web = {"IpProtocol": "tcp", "CidrIp": "0.0.0.0/0"}
    assert rules == {
        "BuildSecurityGroup": [{**web, "FromPort": port, "ToPort": port} for port in (80, 443)],
        "TaskSecurityGroup": [
            {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": {"Ref": "TaskEgressCidr"}}
        ],
        "ValidatorSecurityGroup": [
            {
                "IpProtocol": "tcp",
                "FromPort": settings.task.port,
                "ToPort": settings.task.port,
                "DestinationSecurityGroupId": {"Fn::GetAtt": ["TaskSecurityGroup", "GroupId"]},
            }
        ],
    }


def test_the_task_uses_the_group_that_nothing_enters(template: Json, definition: Json) -> None:
    """What RunTask names is the task's own group, the subnets of this stack, and the parameter for its address."""
    network = definition["States"]["RunMCPServerContainer"]["Parameters"]["NetworkConfiguration"][
        "AwsvpcConfiguration"
    ]
    assert network["SecurityGroups"] == ["${TaskSecurityGroupId}"]
    assert network["AssignPublicIp"] == "${AssignPublicIp}"
    values = template["Resources"]["Pipeline"]["Properties"]["DefinitionSubstitutions"]
    assert values["TaskSecurityGroupId"] == {"Fn::GetAtt": ["TaskSecurityGroup", "GroupId"]}
    assert values["AssignPublicIp"] == {"Ref": "AssignPublicIp"}
    parameter = template["Parameters"]["AssignPublicIp"]
    assert (parameter["Default"], parameter["AllowedValues"]) == ("ENABLED", ["ENABLED", "DISABLED"])


def test_images_are_immutable_scanned_and_expire(resources: Json, settings: Settings) -> None:
    """A tag names one image for ever, each is scanned when it is pushed, and the oldest go."""
    (repository,) = of_type(resources, "AWS::ECR::Repository").values()
    assert repository["ImageTagMutability"] == "IMMUTABLE"
    assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}
    (rule,) = json.loads(repository["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
    assert rule["selection"] == {
        "tagStatus": "any",
        "countType": "imageCountMoreThan",
        "countNumber": settings.images.keep,
    }
    assert rule["action"] == {"type": "expire"}


def test_every_log_group_forgets(resources: Json, settings: Settings) -> None:
    """Each has its retention, and goes with the stack."""
    groups = of_type(resources, "AWS::Logs::LogGroup")
    assert {name: each["RetentionInDays"] for name, each in groups.items()} == {
        "TaskLogGroup": settings.logs.task_retention_days,
        "BuildLogGroup": settings.logs.retention_days,
        "ValidatorLogGroup": settings.logs.retention_days,
        "PipelineLogGroup": settings.logs.retention_days,
        "SweeperLogGroup": settings.logs.retention_days,
        "FlowLogGroup": settings.logs.retention_days,
    }
    assert {resources[name]["DeletionPolicy"] for name in groups} == {"Delete"}


def test_whatever_writes_a_log_writes_to_one_of_them(resources: Json, definition: Json) -> None:
    """Nobody falls back to a log group that a service makes and keeps for ever."""
    build, function, machine = (
        resources[name]["Properties"] for name in ("BuildProject", "ValidatorFunction", "Pipeline")
    )
    assert build["LogsConfig"] == {
        "CloudWatchLogs": {"Status": "ENABLED", "GroupName": {"Ref": "BuildLogGroup"}}
    }
    assert function["LoggingConfig"] == {"LogGroup": {"Ref": "ValidatorLogGroup"}}
    (destination,) = machine["LoggingConfiguration"]["Destinations"]
    assert destination["CloudWatchLogsLogGroup"]["LogGroupArn"] == {"Fn::GetAtt": ["PipelineLogGroup", "Arn"]}
    assert machine["LoggingConfiguration"]["Level"] == "ALL"
    (container,) = definition["States"]["RegisterValidationTaskDef"]["Parameters"]["ContainerDefinitions"]
    assert container["LogConfiguration"]["Options"]["awslogs-group"] == "${TaskLogGroupName}"
    assert machine["DefinitionSubstitutions"]["TaskLogGroupName"] == {"Ref": "TaskLogGroup"}


def test_what_holds_data_outlives_the_stack(resources: Json) -> None:
    """A table or a repository is kept when the stack goes, but not when its creation failed."""
    keepers = {name: each for name, each in resources.items() if each["Type"] in DATA_KEEPERS}
    assert {*keepers} == {"VerdictTable", "ImageRepository"}
    for each in keepers.values():
        assert (each["DeletionPolicy"], each["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_verdicts_are_kept_well(resources: Json) -> None:
    """On demand, recoverable to a point in time, encrypted, found by server and execution."""
    table = resources["VerdictTable"]["Properties"]
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    _, with_key, without = table["SSESpecification"]["Fn::If"]
    assert (with_key["SSEEnabled"], without) == (True, {"SSEEnabled": True})
    assert [each["AttributeName"] for each in table["KeySchema"]] == ["serverId", "executionArn"]


def test_the_keys_of_the_table_are_in_every_item(resources: Json, definition: Json) -> None:
    """What the state machine writes has each attribute that the table and its index are keyed by."""
    item = definition["States"]["RecordVerdict"]["Parameters"]["Item"]
    table = resources["VerdictTable"]["Properties"]
    for attribute in table["AttributeDefinitions"]:
        assert list(item[attribute["AttributeName"]]) == [f"{attribute['AttributeType']}.$"]


@pytest.mark.parametrize(
    "document", ["templates/validation-pipeline.template.json", "asl/validation-pipeline.asl.json"]
)
def test_no_account_region_or_partition_is_written_in(root: Path, document: str) -> None:
    """The same bytes deploy to any account, any region, GovCloud and China."""
    text = (root / document).read_text("utf-8")
    assert re.findall(r"arn:aws[\w-]*:", text) == []
    assert re.findall(r"(?<![\w])\d{12}(?![\w])", text) == []
    regions = (
        r"\b(?:us|eu|ap|ca|sa|me|af|il|mx|cn)(?:-gov|-iso\w?)?-(?:north|south|east|west|central)\w*-\d\b"
    )
    assert re.findall(regions, text) == []
    assert re.findall(r"\bamazonaws\.com\.cn\b|dkr\.ecr", text) == []


def test_every_arn_begins_with_the_partition_of_the_stack(template: Json, definition: Json) -> None:
    """An ARN that is put together names the partition by its pseudo parameter, or by the definition's token."""
    for text, partition in (
        (json.dumps(template), "${AWS::Partition}"),
        (json.dumps(definition), "${Partition}"),
    ):
        arns = [each for each in re.findall(r"\barn:[^\"]*", text) if not each.startswith("arn:[a-z-]+:")]
        assert arns
        assert [each for each in arns if not each.startswith(f"arn:{partition}:")] == []


def test_each_role_trusts_one_service_for_this_account(resources: Json) -> None:
    """No role can be assumed on behalf of another account; where a service names its source, that is bound too."""
    trusted = {}
    for name, role in of_type(resources, "AWS::IAM::Role").items():
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert (statement["Effect"], statement["Action"]) == ("Allow", "sts:AssumeRole")
        assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
        trusted[name] = (statement["Principal"], "aws:SourceArn" in statement["Condition"].get("ArnLike", {}))
    assert trusted == {
        "BuildRole": ({"Service": "codebuild.amazonaws.com"}, True),
        "PipelineRole": ({"Service": "states.amazonaws.com"}, True),
        "SweeperRole": ({"Service": "states.amazonaws.com"}, True),
        "SweepStarterRole": ({"Service": "events.amazonaws.com"}, True),
        "FlowLogRole": ({"Service": "vpc-flow-logs.amazonaws.com"}, True),
        "TaskExecutionRole": ({"Service": "ecs-tasks.amazonaws.com"}, True),
        "TaskRole": ({"Service": "ecs-tasks.amazonaws.com"}, True),
        "ValidatorRole": ({"Service": "lambda.amazonaws.com"}, False),  # Lambda names no function there
    }


def test_the_server_under_validation_may_do_nothing(resources: Json) -> None:
    """The role that a stranger's container can read has no policy, inline, attached or managed."""
    assert resources["TaskRole"]["Properties"].keys() <= {
        "AssumeRolePolicyDocument",
        "Description",
        "PermissionsBoundary",
        "Tags",
    }
    for policy in of_type(resources, "AWS::IAM::Policy").values():
        assert {"Ref": "TaskRole"} not in policy["Roles"]


def test_the_validators_code_may_do_nothing_but_log(resources: Json) -> None:
    """What Lambda needs to join the network is denied to the code, by the function's own ARN."""
    role, denial = resources["ValidatorRole"]["Properties"], resources["ValidatorCodePolicy"]["Properties"]
    allowed = {
        action
        for policy in role["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        for action in statement["Action"]
    }
    (statement,) = denial["PolicyDocument"]["Statement"]
    assert denial["Roles"] == [{"Ref": "ValidatorRole"}]
    assert statement["Effect"] == "Deny"
    assert statement["Resource"] == "*"
    assert statement["Condition"] == {
        "ArnEquals": {"lambda:SourceFunctionArn": {"Fn::GetAtt": ["ValidatorFunction", "Arn"]}}
    }
    assert allowed - {*statement["Action"]} == {"logs:CreateLogStream", "logs:PutLogEvents"}


def test_capability_iam_suffices(template: Json) -> None:
    """No role, policy, user or group has a name of its own, nothing is a macro, and nothing managed is attached."""
    assert "Transform" not in template
    for each in template["Resources"].values():
        if each["Type"].startswith("AWS::IAM::"):
            assert each["Type"] in ("AWS::IAM::Role", "AWS::IAM::Policy")
            assert {"RoleName", "ManagedPolicyArns", "Path"} & {*each["Properties"]} == set()


def test_the_machine_waits_for_its_policy(resources: Json) -> None:
    """CreateStateMachine fails while its role may not do what it will do; so it waits, and whatever runs waits for it."""
    assert "PipelinePolicy" in resources["Pipeline"]["DependsOn"]
    assert "ValidatorCodePolicy" in resources["Pipeline"]["DependsOn"]
    assert resources["PipelinePolicy"]["Properties"]["Roles"] == [{"Ref": "PipelineRole"}]
    assert resources["Pipeline"]["Properties"]["RoleArn"] == {"Fn::GetAtt": ["PipelineRole", "Arn"]}


def test_executions_start_through_the_alias_live(template: Json, settings: Settings, root: Path) -> None:
    """The alias points at the version that was published from these bytes, and is what the stack puts out."""
    resources = template["Resources"]
    alias = resources["PipelineAlias"]["Properties"]
    assert alias["Name"] == "live"
    assert alias["DeploymentPreference"]["StateMachineVersionArn"] == {"Ref": "PipelineVersion"}
    assert alias["DeploymentPreference"]["Alarms"] == [{"Ref": "PipelineFaultAlarm"}]
    assert template["Outputs"]["PipelineArn"]["Value"] == {"Ref": "PipelineAlias"}
    version = resources["PipelineVersion"]
    lock = artifacts.read_lock(root, "validation-pipeline")
    assert version["Properties"]["Description"] == f"{lock.version} sha256:{lock.sha256}"
    assert version["Properties"]["StateMachineRevisionId"] == {
        "Fn::GetAtt": ["Pipeline", "StateMachineRevisionId"]
    }
    assert resources["Pipeline"]["Properties"]["StateMachineType"] == "STANDARD"
    assert resources["Pipeline"]["Properties"]["TracingConfiguration"] == {"Enabled": True}
    assert settings.names.state_machine == template["Parameters"]["StateMachineName"]["Default"]


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({}, []),
        (STEPS, ["DeploymentIntervalMinutes", "DeploymentPercentage"]),
        ({"DeploymentType": "CANARY"}, ["DeploymentIntervalMinutes", "DeploymentPercentage"]),
        ({"DeploymentType": "LINEAR", "DeploymentPercentage": "10"}, ["DeploymentIntervalMinutes"]),
        ({"DeploymentType": "CANARY", **STEPS}, []),
        ({"DeploymentType": "LINEAR", **STEPS}, []),
    ],
)
def test_a_rollout_without_its_steps_or_steps_without_a_rollout_are_refused(
    template: Json, given: dict[str, str], refused: list[str]
) -> None:
    """Before anything changes, with the parameter to give or to leave out."""
    values = parameters(template, **given)
    told = [
        assertion["AssertDescription"]
        for rule in template["Rules"].values()
        if holds(rule["RuleCondition"], values)
        for assertion in rule["Assertions"]
        if not holds(assertion["Assert"], values)
    ]
    assert len(told) == len(refused)
    for text, parameter in zip(told, refused, strict=True):
        assert parameter in text


@pytest.mark.parametrize("kind", ["ALL_AT_ONCE", "CANARY", "LINEAR"])
def test_the_alias_takes_steps_only_where_it_goes_in_steps(template: Json, kind: str) -> None:
    """Whatever the type, the alarm on our own faults takes it back."""
    stack = rendered(template, parameters(template, DeploymentType=kind, **STEPS))["Resources"]
    steps = {
        "Interval": {"Ref": "DeploymentIntervalMinutes"},
        "Percentage": {"Ref": "DeploymentPercentage"},
    }
    assert stack["PipelineAlias"]["Properties"]["DeploymentPreference"] == {
        "Type": {"Ref": "DeploymentType"},
        "StateMachineVersionArn": {"Ref": "PipelineVersion"},
        "Alarms": [{"Ref": "PipelineFaultAlarm"}],
        **({} if kind == "ALL_AT_ONCE" else steps),
    }


def test_the_parameters_of_a_rollout_are_those_of_the_resource(template: Json) -> None:
    """Its types, and every whole number that it takes and no other, by the schema that cfn-lint carries."""
    from cfnlint.schema import PROVIDER_SCHEMA_MANAGER  # noqa: PLC0415  # takes a moment

    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", "AWS::StepFunctions::StateMachineAlias")
    properties = schema.schema["definitions"]["DeploymentPreference"]["properties"]
    assert {*properties["Type"]["enum"]} == {*template["Parameters"]["DeploymentType"]["AllowedValues"]}
    for parameter, key in (("DeploymentIntervalMinutes", "Interval"), ("DeploymentPercentage", "Percentage")):
        pattern = re.compile(template["Parameters"][parameter]["AllowedPattern"])
        taken = [number for number in range(3000) if pattern.fullmatch(str(number))]
        assert taken == [*range(properties[key]["minimum"], properties[key]["maximum"] + 1)]
        assert not pattern.fullmatch("01")


def test_published_versions_are_kept(resources: Json, root: Path) -> None:
    """A rollback, a canary and a running execution still find the function and the machine that they know."""
    package = artifacts.read_package(root)
    for name in ("PipelineVersion", f"ValidatorVersion{package.sha256[:12]}"):
        assert (resources[name]["DeletionPolicy"], resources[name]["UpdateReplacePolicy"]) == (
            "Retain",
            "Retain",
        )
    assert len(of_type(resources, "AWS::Lambda::Version")) == 1


def test_the_definition_and_the_package_are_named_by_their_committed_bytes(
    resources: Json, root: Path
) -> None:
    """A review of the template is a review of what it deploys: other bytes, another key."""
    text = (root / "asl/validation-pipeline.asl.json").read_bytes().decode("utf-8")
    machine, function = resources["Pipeline"]["Properties"], resources["ValidatorFunction"]["Properties"]
    assert machine["DefinitionS3Location"] == {
        "Bucket": {"Ref": "ArtifactBucket"},
        "Key": f"asl/validation-pipeline/{artifacts.digest(text)}.asl.json",
    }
    assert function["Code"] == {
        "S3Bucket": {"Ref": "ArtifactBucket"},
        "S3Key": f"validator/{artifacts.read_package(root).sha256}.zip",
    }
    assert artifacts.read_lock(root, "validation-pipeline").sha256 == artifacts.digest(text)


def test_each_token_has_a_value_and_each_value_a_token(resources: Json, root: Path) -> None:
    """No `${Token}` reaches AWS as it is written, and none is left over that nobody reads."""
    text = (root / "asl/validation-pipeline.asl.json").read_text("utf-8")
    assert resources["Pipeline"]["Properties"]["DefinitionSubstitutions"].keys() == tokens(text)
    assert set(re.findall(r"\$\{[^}]*\}", text)) == {f"${{{token}}}" for token in tokens(text)}


def test_a_token_without_a_value_is_refused(settings: Settings) -> None:
    """A definition with a token that the stack does not know cannot be deployed, so it is not emitted."""
    definition = Definition("machine", '{"Comment": "${Nobody} and ${Region}"}', "1.0.0", "0" * 64)
    with pytest.raises(UnboundTokenError, match=r"tokens without a value in substitutions.py: Nobody$"):
        assemble(settings, dict.fromkeys(SOURCES, Machine(definition, [])), Package("0" * 64))


def test_the_build_ends_before_its_state_gives_up(resources: Json, definition: Json) -> None:
    """A `.sync` state that times out stops no build: CodeBuild's own timeouts, together, are shorter."""
    project = resources["BuildProject"]["Properties"]
    state = definition["States"]["BuildMCPServerImage"]
    longest = 60 * (project["TimeoutInMinutes"] + project["QueuedTimeoutInMinutes"])
    assert project["TimeoutInMinutes"] >= 5
    assert project["QueuedTimeoutInMinutes"] >= 5
    assert longest < state["TimeoutSeconds"] < definition["TimeoutSeconds"]
    variables = {each["Name"]: each["Value"] for each in project["Environment"]["EnvironmentVariables"]}
    assert int(variables["DOCKER_BUILD_SECONDS"]) <= 60 * (project["TimeoutInMinutes"] - 2)


def test_a_build_is_what_the_project_says(resources: Json, definition: Json) -> None:
    """Privileged for docker, without source or artifacts; an execution overrides its environment and nothing else."""
    project = resources["BuildProject"]["Properties"]
    assert project["Source"]["Type"] == "NO_SOURCE"
    assert project["Artifacts"] == {"Type": "NO_ARTIFACTS"}
    assert project["Environment"]["PrivilegedMode"] is True
    assert definition["States"]["BuildMCPServerImage"]["Parameters"].keys() == {
        "ProjectName",
        "EnvironmentVariablesOverride",
    }


def test_secrets_are_read_only_where_they_are_given(template: Json) -> None:
    """Without a secret its variable is empty text and the role has no right on any; with one, on that one only."""
    for given in ({}, SECRETS):
        stack = rendered(template, parameters(template, **given))["Resources"]
        variables = {
            each["Name"]: (each["Type"], each["Value"])
            for each in stack["BuildProject"]["Properties"]["Environment"]["EnvironmentVariables"]
            if each["Name"].startswith(("CLONE_TOKEN", "DOCKER_HUB"))
        }
        statements = stack["BuildRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
        rights = [
            each["Resource"] for each in statements if each["Action"] == ["secretsmanager:GetSecretValue"]
        ]
        if given:
            assert variables == {
                "CLONE_TOKEN": ("SECRETS_MANAGER", {"Ref": "CloneTokenSecretArn"}),
                "DOCKER_HUB_USERNAME": ("SECRETS_MANAGER", {"Fn::Sub": "${DockerHubSecretArn}:username"}),
                "DOCKER_HUB_PASSWORD": ("SECRETS_MANAGER", {"Fn::Sub": "${DockerHubSecretArn}:password"}),
            }
            assert rights == [{"Ref": "CloneTokenSecretArn"}, {"Ref": "DockerHubSecretArn"}]
        else:
            assert set(variables.values()) == {("PLAINTEXT", "")}
            assert rights == []


def test_the_validator_answers_before_its_state_gives_up(resources: Json, definition: Json) -> None:
    """Its own limit, then the function's timeout, then the state's: each leaves time to say so."""
    function = resources["ValidatorFunction"]["Properties"]
    limit = int(function["Environment"]["Variables"]["TIME_LIMIT_SECONDS"])
    assert limit < function["Timeout"] < definition["States"]["ValidateMCPServer"]["TimeoutSeconds"]
    assert function["VpcConfig"]["SecurityGroupIds"] == [
        {"Fn::GetAtt": ["ValidatorSecurityGroup", "GroupId"]}
    ]


def test_only_faults_of_the_pipeline_raise_the_alarm(resources: Json, definition: Json) -> None:
    """The filter counts, in this machine's log, ends in the one Fail state of our faults, and by what none can catch."""
    faults = resources["PipelineFaultFilter"]["Properties"]
    alarm = resources["PipelineFaultAlarm"]["Properties"]
    failed = '($.type = "FailStateEntered" && $.details.name = "PipelineFailed")'
    died = '($.type = "ExecutionFailed" && $.details.error = "States.*")'
    assert faults["FilterPattern"] == f"{{ {failed} || {died} }}"
    assert definition["States"]["PipelineFailed"]["Type"] == "Fail"
    assert faults["LogGroupName"] == {"Ref": "PipelineLogGroup"}
    (counted,) = faults["MetricTransformations"]
    assert (alarm["Namespace"], alarm["MetricName"]) == (counted["MetricNamespace"], counted["MetricName"])


def test_alarms_tell_what_no_execution_can_tell_itself(template: Json) -> None:
    """Timed out, aborted and throttled executions too; to a topic where one is given, and to nobody otherwise."""
    alarms = of_type(template["Resources"], "AWS::CloudWatch::Alarm")
    of_the_pipeline = {name: each for name, each in alarms.items() if not name.startswith("Sweeps")}
    assert {each["MetricName"] for each in of_the_pipeline.values()} == {
        "PipelineFaults",
        "ExecutionsTimedOut",
        "ExecutionsAborted",
        "ExecutionThrottled",
    }
    for name, each in alarms.items():
        assert (each["Threshold"], each["Statistic"], each["TreatMissingData"]) == (1, "Sum", "notBreaching")
        if name in of_the_pipeline and name != "PipelineFaultAlarm":
            assert each["Dimensions"] == [{"Name": "StateMachineArn", "Value": {"Ref": "Pipeline"}}]
        for given in ({}, TOPIC):
            stack = rendered(template, parameters(template, **given))["Resources"]
            told = stack[name]["Properties"].get("AlarmActions")
            assert told == ([{"Ref": "AlarmTopicArn"}] if given else None)


def test_every_parameter_has_a_group_a_label_and_a_description(template: Json) -> None:
    """A person meets each parameter once, under a heading, in words."""
    interface = template["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]
    assert sorted(grouped) == sorted(template["Parameters"])
    assert interface["ParameterLabels"].keys() == template["Parameters"].keys()
    assert all(label["default"] for label in interface["ParameterLabels"].values())
    assert all(group["Label"]["default"] for group in interface["ParameterGroups"])
    assert all(each["Description"].endswith(".") for each in template["Parameters"].values())


def test_every_parameter_is_used_and_takes_its_own_default(template: Json) -> None:
    """No parameter is there for nothing, and none refuses the value that it has by default."""
    body = {part: template[part] for part in ("Resources", "Conditions", "Outputs")}
    assert {*template["Parameters"]} <= {*references(body)}
    for each in template["Parameters"].values():
        if "Default" in each and "AllowedPattern" in each:
            assert re.fullmatch(each["AllowedPattern"], each["Default"])
    assert [name for name, each in template["Parameters"].items() if "Default" not in each] == [
        "ArtifactBucket"
    ]


@pytest.mark.parametrize("parameter", NAMES)
def test_a_name_is_a_default_and_may_be_empty(template: Json, settings: Settings, parameter: str) -> None:
    """The name that operators know is the default; an empty one lets CloudFormation choose."""
    resource, key, setting = NAMES[parameter]
    written = template["Parameters"][parameter]
    assert written["Default"] == getattr(settings.names, setting)
    assert re.fullmatch(written["AllowedPattern"], "")
    assert not re.fullmatch(written["AllowedPattern"], "two words")
    for value in ("", "a-name"):
        stack = rendered(template, parameters(template, **{parameter: value}))["Resources"]
        assert stack[resource]["Properties"].get(key, NOTHING) == ({"Ref": parameter} if value else NOTHING)


def test_nothing_else_has_a_name_that_a_second_stack_would_take(template: Json) -> None:
    """With every name empty, a stack's names are CloudFormation's or hold its own."""
    stack = rendered(template, parameters(template, **dict.fromkeys(NAMES, "")))["Resources"]
    naming = (
        "Name",
        "ClusterName",
        "TableName",
        "RepositoryName",
        "FunctionName",
        "LogGroupName",
        "AlarmName",
        "GroupName",
    )
    taken = {
        (name, json.dumps(each["Properties"][key]))
        for name, each in stack.items()
        for key in naming
        if key in each["Properties"]
    }
    assert {entry for entry in taken if "Ref" not in entry[1] and "AWS::StackName" not in entry[1]} == {
        ("PipelineAlias", '"live"')  # within its own state machine
    }


def test_every_resource_that_takes_tags_has_the_cost_tags(resources: Json, settings: Settings) -> None:
    """By the schemas that cfn-lint carries; tags do not repeat, and a task has them too."""
    from cfnlint.schema import PROVIDER_SCHEMA_MANAGER  # noqa: PLC0415  # takes a moment

    wanted = {(key, value) for key, value in settings.tags.items()}
    assert wanted
    for name, each in resources.items():
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", each["Type"]).schema
        assert ("Tags" in schema["properties"]) == ("Tags" in each["Properties"]), name
        tags = each["Properties"].get("Tags", [])
        assert len({tag["Key"] for tag in tags}) == len(tags)
        if tags:
            assert wanted <= {(tag["Key"], str(tag["Value"])) for tag in tags}


def test_a_task_and_its_definition_have_the_cost_tags_too(definition: Json, settings: Settings) -> None:
    """What costs most is created by the state machine, not by the stack."""
    for state in ("RegisterValidationTaskDef", "RunMCPServerContainer"):
        tags = definition["States"][state]["Parameters"]["Tags"]
        assert {(key, value) for key, value in settings.tags.items()} <= {
            (tag["Key"], tag.get("Value")) for tag in tags
        }
        assert {"toolshed:execution-arn", "toolshed:server-id"} <= {tag["Key"] for tag in tags}


def test_outputs_say_where_to_start_and_where_to_look(template: Json) -> None:
    """The alias to start, the logs, the table: each with a description."""
    assert {
        "PipelineArn",
        "PipelineLogGroupName",
        "BuildLogGroupName",
        "TaskLogGroupNameInUse",
        "ValidatorLogGroupName",
        "VerdictTableNameInUse",
        "ImageRepositoryUri",
        "PipelineFaultAlarmName",
    } <= {*template["Outputs"]}
    assert all(each["Description"].endswith(".") for each in template["Outputs"].values())
    assert not [name for name, each in template["Outputs"].items() if "Export" in each]


def test_the_template_fits_into_cloudformation(template: Json, root: Path) -> None:
    """Below its quotas (documentation: AWS CloudFormation quotas)."""
    size = (root / "templates/validation-pipeline.template.json").stat().st_size
    assert size < 1024 * 1024
    assert len(template["Resources"]) <= 500
    assert len(template["Parameters"]) <= 200
    assert len(template["Outputs"]) <= 200
    assert len(template["Description"].encode()) <= 1024


SETTINGS_EDITS = [
    ("port: 8000", "port: 9000", "/TaskIngressFromValidator", 9000),
    ("keep: 100", "keep: 7", "/ImageRepository", 7),
    ("task_retention_days: 7", "task_retention_days: 14", "/TaskLogGroup", 14),
    ("timeout_minutes: 10", "timeout_minutes: 9", "/BuildProject", 9),
    ("memory: 256 ", "memory: 333 ", "/ValidatorFunction", 333),
    ("Project: ToolShed", "Project: Other", "/Cluster", "Other"),
    ("vpc_cidr: 10.77.0.0/16", "vpc_cidr: 10.9.0.0/20", "VpcCidr", "10.9.0.0/20"),
]


@pytest.mark.parametrize(
    ("before", "after", "place", "value"), SETTINGS_EDITS, ids=[edit[1] for edit in SETTINGS_EDITS]
)
def test_a_setting_reaches_the_template(
    project: Path, before: str, after: str, place: str, value: object
) -> None:
    """What a person decides in the settings stands where it takes effect."""
    text = (project / "settings.yaml").read_text("utf-8")
    assert text.count(before) == 1
    (project / "settings.yaml").write_text(text.replace(before, after), "utf-8")
    (made,) = (json.loads(each.text) for each in generate(project).artifacts if each.path == TEMPLATE)
    part = made["Resources"][place[1:]] if place.startswith("/") else made["Parameters"][place]
    assert str(value) in json.dumps(part)
