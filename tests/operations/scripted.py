"""An account whose answers a test writes: each is checked against botocore's models, each call is counted."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError
from botocore.validate import validate_parameters

from deployer.account import Access, Account
from deployer.console import ROOT
from operations import drift

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NUMBER, REGION, STACK = "123456789012", "eu-central-1", "toolshed-validation"
NAME = "ToolShed-MCP-Server-Validation-Pipeline"
STATES = f"arn:aws:states:{REGION}:{NUMBER}"
MACHINE, SWEEPER = f"{STATES}:stateMachine:{NAME}", f"{STATES}:stateMachine:Sweeper-1"
ALIAS, VERSION = f"{MACHINE}:live", f"{MACHINE}:7"
STACK_ARN = f"arn:aws:cloudformation:{REGION}:{NUMBER}:stack/{STACK}/1"
CLUSTER = "ToolShed-Validation-Cluster"
TABLE, BUCKET = "verdicts", "artifacts"
NOW = datetime.now(UTC).replace(microsecond=0)

Answer = "Callable[[dict[str, Any]], Any] | dict[str, Any] | Exception"


def execution_arn(name: str) -> str:
    """Return the ARN of an execution of the pipeline."""
    return f"{STATES}:execution:{NAME}:{name}"


def refused(code: str, operation: str, message: str = "no", retries: int = 0) -> ClientError:
    """Return an error as a service answers it."""
    metadata = {"RetryAttempts": retries, "HTTPHeaders": {}}
    return ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}, operation)


@dataclass
class Scripted:
    """Answers calls. Safe to be asked from any thread."""

    answers: dict[str, Any] = field(default_factory=dict)
    """By `service:Operation`: what is answered, a function of the parameters, or an error that is raised."""
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    behind: timedelta = timedelta()
    """How far AWS's clock is behind this machine's."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, **answers: Any) -> Scripted:
        """Add answers; `service__Operation` names the call, with `_` for the service's `-`."""
        for name, answer in answers.items():
            service, _, operation = name.partition("__")
            self.answers[f"{service.replace('_', '-')}:{operation}"] = answer
        return self

    def of(self, call: str) -> list[dict[str, Any]]:
        """Return the parameters of each time that a call was made."""
        return [parameters for name, parameters in self.calls if name == call]

    @property
    def made(self) -> set[str]:
        """The calls that were made."""
        return {name for name, _ in self.calls}

    def watch(self, service: str, client: Any) -> Any:
        """Let a client's calls be answered here."""
        local = threading.local()

        def built(params: dict[str, Any], model: Any, **_: Any) -> None:
            # A call is made in one thread from here to its answer.
            local.params = params
            with self._lock:
                self.calls.append((f"{service}:{model.name}", params))

        def called(model: Any, **_: Any) -> tuple[AWSResponse, dict[str, Any]]:
            name = f"{service}:{model.name}"
            assert name in self.answers, f"nobody answers {name}"
            answer = self.answers[name]
            found = answer(local.params) if callable(answer) else answer
            if isinstance(found, Exception):
                raise found
            if model.output_shape is not None:
                validate_parameters(found, model.output_shape)
            headers = {"date": format_datetime(datetime.now(UTC) - self.behind, usegmt=True)}
            metadata = {"HTTPStatusCode": 200, "HTTPHeaders": headers, "RetryAttempts": 0}
            return AWSResponse("", 200, headers, None), {**found, "ResponseMetadata": metadata}

        client.meta.events.register("provide-client-params.*.*", built)
        client.meta.events.register_first("before-call.*.*", called)
        return client

    def account(self) -> Account:
        """Return an account that is answered so."""
        return Account(Access(region=REGION))


def stack(**given: Any) -> dict[str, Any]:
    """Return what DescribeStacks answers of a deployed pipeline."""
    outputs = {
        "PipelineArn": ALIAS,
        "VerdictTableNameInUse": TABLE,
        "SweeperArn": SWEEPER,
        "ClusterNameInUse": CLUSTER,
        "BuildLogGroupName": "builds",
        "ValidatorLogGroupName": "validator",
        "VpcIdInUse": "vpc-1",
    }
    parameters = {"VpcId": "", "SubnetIds": "", "AssignPublicIp": "ENABLED", "ArtifactBucket": BUCKET}
    return {
        "Stacks": [
            {
                "StackName": STACK,
                "StackId": STACK_ARN,
                "StackStatus": "CREATE_COMPLETE",
                "CreationTime": NOW - timedelta(minutes=10),
                "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()],
                "Parameters": [
                    {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
                ],
                **given,
            }
        ]
    }


def resources() -> dict[str, str]:
    """Return physical IDs for the template's resources."""
    template = json.loads((ROOT / drift.TEMPLATE).read_text("utf-8"))
    given = {"Pipeline": MACHINE, "Sweeper": SWEEPER, "Cluster": CLUSTER, "VerdictTable": TABLE}
    return {name: given.get(name, f"{name}-1") for name in template["Resources"]}


def listed_resources(_params: Mapping[str, Any]) -> dict[str, Any]:
    """Answer ListStackResources in one page."""
    template = json.loads((ROOT / drift.TEMPLATE).read_text("utf-8"))
    return {
        "StackResourceSummaries": [
            {
                "LogicalResourceId": name,
                "PhysicalResourceId": physical,
                "ResourceType": template["Resources"][name]["Type"],
                "LastUpdatedTimestamp": NOW,
                "ResourceStatus": "CREATE_COMPLETE",
            }
            for name, physical in resources().items()
        ]
    }


def definition(document: drift.Document = drift.PIPELINE) -> Any:
    """Return a committed definition as it is deployed."""
    from operations.deployed import Deployed  # noqa: PLC0415

    found = Deployed(STACK, stack()["Stacks"][0])
    known = drift.substitutions(document, found, resources())
    return drift.fill(document.value, {**dict.fromkeys(_tokens(document), "bound"), **known})


def _tokens(document: drift.Document) -> Iterator[str]:
    yield from drift.TOKEN.findall(json.dumps(document.value))


def machine(arn: str, value: Any, description: str = "") -> dict[str, Any]:
    """Return what DescribeStateMachine answers."""
    return {
        "stateMachineArn": arn,
        "name": arn.split(":")[6],
        "definition": json.dumps(value),
        "roleArn": f"arn:aws:iam::{NUMBER}:role/r",
        "type": "STANDARD",
        "creationDate": NOW,
        "description": description,
    }


def machines(params: Mapping[str, Any]) -> dict[str, Any]:
    """Answer DescribeStateMachine of what is committed."""
    arn = params["stateMachineArn"]
    lock = drift.PIPELINE.lock
    if arn == SWEEPER:
        return machine(arn, definition(drift.SWEEPER))
    description = f"{lock['version']} sha256:{lock['sha256']}" if arn == VERSION else ""
    return machine(arn, definition(), description)


def healthy() -> Scripted:
    """Return an account in which the pipeline is deployed, as committed, and nothing runs."""
    return Scripted().answer(
        cloudformation__DescribeStacks=stack(),
        cloudformation__ListStackResources=listed_resources,
        stepfunctions__DescribeStateMachine=machines,
        stepfunctions__DescribeStateMachineAlias={
            "stateMachineAliasArn": ALIAS,
            "name": "live",
            "routingConfiguration": [{"stateMachineVersionArn": VERSION, "weight": 100}],
        },
        stepfunctions__ListStateMachineVersions={
            "stateMachineVersions": [{"stateMachineVersionArn": VERSION, "creationDate": NOW}]
        },
        stepfunctions__ListExecutions={"executions": []},
        cloudwatch__DescribeAlarms=lambda params: {
            "MetricAlarms": [alarm(name) for name in params["AlarmNames"]]
        },
        ecs__ListTasks={"taskArns": []},
        sts__GetCallerIdentity={
            "UserId": "u",
            "Account": NUMBER,
            "Arn": f"arn:aws:sts::{NUMBER}:assumed-role/Operator/me",
        },
        s3__HeadBucket={"BucketRegion": REGION},
        s3__GetBucketVersioning={"Status": "Enabled"},
        s3__GetBucketEncryption={
            "ServerSideEncryptionConfiguration": {
                "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
            }
        },
        s3__GetPublicAccessBlock={
            "PublicAccessBlockConfiguration": dict.fromkeys(
                ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
            )
        },
        service_quotas__GetServiceQuota={"Quota": {"Value": 100.0}},
        ec2__DescribeSubnets={"Subnets": [{"SubnetId": "subnet-1", "AvailableIpAddressCount": 251}]},
        iam__GetRole={
            "Role": {
                "Path": "/",
                "RoleName": "Operator",
                "RoleId": "AROA0123456789ABCDEF",
                "Arn": f"arn:aws:iam::{NUMBER}:role/people/Operator",
                "CreateDate": NOW,
            }
        },
        iam__SimulatePrincipalPolicy=lambda params: {
            "EvaluationResults": [
                {"EvalActionName": name, "EvalDecision": "allowed"} for name in params["ActionNames"]
            ],
            "IsTruncated": False,
        },
    )


def alarm(name: str, state: str = "OK") -> dict[str, Any]:
    """Return an alarm."""
    return {
        "AlarmName": name,
        "AlarmDescription": "what it means",
        "StateValue": state,
        "StateUpdatedTimestamp": NOW,
    }


def described(name: str, status: str = "SUCCEEDED", **given: Any) -> dict[str, Any]:
    """Return what DescribeExecution answers."""
    found = {
        "executionArn": execution_arn(name),
        "stateMachineArn": MACHINE,
        "name": name,
        "status": status,
        "startDate": NOW - timedelta(minutes=5),
        "input": json.dumps({"serverId": "io.github.a/b"}),
    }
    if status != "RUNNING":
        found["stopDate"] = NOW - timedelta(minutes=2)
    if status == "SUCCEEDED":
        result = {
            "Outcome": "verified",
            "Verified": True,
            "Fault": "none",
            "Error": "",
            "Cause": "",
            "Verdict": {},
        }
        found["output"] = json.dumps(result)
    return {**found, **given}


def event(number: int, kind: str, at: float = 0.0, **details: Any) -> dict[str, Any]:
    """Return an event of a history; `details` is what its type's key holds."""
    found: dict[str, Any] = {
        "timestamp": NOW - timedelta(minutes=5) + timedelta(seconds=at),
        "type": kind,
        "id": number,
        "previousEventId": number - 1,
    }
    key = "state" if kind.endswith(("StateEntered", "StateExited")) else kind[0].lower() + kind[1:]
    if kind.endswith("StateEntered"):
        key = "stateEntered"
    elif kind.endswith("StateExited"):
        key = "stateExited"
    return {**found, f"{key}EventDetails": details} if details else found
