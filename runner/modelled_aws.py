"""A model of the AWS that the validation pipeline calls: it knows which tasks live, and what was recorded.

Times are the virtual clock's. A fault is put on a state: it answers instead of the call, or around it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from states_language.interpreter import TaskFailed, Took

if TYPE_CHECKING:
    from states_language.clock import VirtualClock

DIGEST = "sha256:" + "a" * 64
OTHER_DIGEST = "sha256:" + "b" * 64
IMAGE = f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/toolshed-mcp-servers-v2@{DIGEST}"
VERIFIED = {
    "schema": "toolshed.verdict/1",
    "verified": True,
    "outcome": "verified",
    "failed": None,
    "message": "1 tool",
}

CONDITION = "attribute_not_exists(executionArn) OR redriveCount < :redriveCount"
CLIENT_TOKEN_LIMIT = 64
"""Characters. Evidence: documentation (ECS API reference, RunTask)."""

Call = Callable[[Mapping[str, Any]], Any]


class ModelError(Exception):
    """The document calls what this model does not know."""


@dataclass
class Task:
    """A task on Fargate."""

    arn: str
    definition: str
    image: str
    started_by: str
    token: str
    running_at: float
    """The time, in seconds, from which it runs."""
    stopped: dict[str, Any] | None = None
    """Stop code, reason and exit code, once it has stopped."""


@dataclass(frozen=True)
class Fault:
    """What goes wrong at a state: at its first `times` calls."""

    state: str
    name: str
    apply: Callable[[ModelledAws, Call, Mapping[str, Any]], Any]
    times: int = 10**9


@dataclass
class ModelledAws:
    """The services, as far as the pipeline uses them."""

    clock: VirtualClock
    faults: tuple[Fault, ...] = ()
    seconds_to_run: float = 7.0
    verdict: Any = field(default_factory=lambda: copy.deepcopy(VERIFIED))
    exported: list[dict[str, str]] = field(default_factory=lambda: [{"Name": "IMAGE_URI", "Value": IMAGE}])
    definitions: dict[str, dict[str, Any]] = field(default_factory=dict)
    deregistered: set[str] = field(default_factory=set)
    tasks: list[Task] = field(default_factory=list)
    table: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    writes: int = 0
    judged: list[dict[str, Any]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    _counts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._begin = self.clock.now()

    @property
    def seconds(self) -> float:
        """The virtual seconds since the model was made."""
        return (self.clock.now() - self._begin).total_seconds()

    @property
    def alive(self) -> list[Task]:
        """The tasks that have not stopped."""
        return [task for task in self.tasks if task.stopped is None]

    def __call__(self, resource: str, parameters: Mapping[str, Any], context: Mapping[str, Any]) -> Any:
        """Answer a Task of the state machine."""
        state = context["State"]["Name"]
        name = resource.rsplit(":", 1)[-1].removesuffix(".sync")
        self.calls.append(state)
        call: Call = getattr(self, name)
        fault = next((each for each in self.faults if each.state == state), None)
        count = self._counts[state] = self._counts.get(state, 0) + 1
        if fault is not None and count <= fault.times:
            return fault.apply(self, call, parameters)
        return call(parameters)

    # The method names are those of the APIs, as the Resource ARNs write them.

    def startBuild(self, parameters: Mapping[str, Any]) -> Any:  # noqa: N802
        """Build for two minutes, and export what is wanted."""
        if {"ProjectName", "EnvironmentVariablesOverride"} != set(parameters):
            raise ModelError(f"startBuild is modelled without {set(parameters)}")
        return Took(
            120,
            {
                "Build": {
                    "Id": "project:1",
                    "BuildStatus": "SUCCEEDED",
                    "ExportedEnvironmentVariables": self.exported,
                }
            },
        )

    def registerTaskDefinition(self, parameters: Mapping[str, Any]) -> Any:  # noqa: N802
        """Register a revision."""
        revision = 1 + sum(each["Family"] == parameters["Family"] for each in self.definitions.values())
        arn = f"arn:aws:ecs:eu-central-1:123456789012:task-definition/{parameters['Family']}:{revision}"
        self.definitions[arn] = dict(parameters)
        return {
            "TaskDefinition": {
                "TaskDefinitionArn": arn,
                "Family": parameters["Family"],
                "Revision": revision,
            },
            "Tags": [],
        }

    def deregisterTaskDefinition(self, parameters: Mapping[str, Any]) -> Any:  # noqa: N802
        """Deregister a revision."""
        self.deregistered.add(parameters["TaskDefinition"])
        return {"TaskDefinition": {"Status": "INACTIVE"}}

    def runTask(self, parameters: Mapping[str, Any]) -> Any:  # noqa: N802
        """Start a task, once for each client token."""
        known = next((task for task in self.tasks if task.token == parameters["ClientToken"]), None)
        if known is None:
            if len(parameters["ClientToken"]) > CLIENT_TOKEN_LIMIT:
                raise ModelError("a client token has at most 64 characters")
            (container,) = self.definitions[parameters["TaskDefinition"]]["ContainerDefinitions"]
            known = Task(
                f"arn:aws:ecs:eu-central-1:123456789012:task/cluster/{len(self.tasks)}",
                parameters["TaskDefinition"],
                container["Image"],
                parameters["StartedBy"],
                parameters["ClientToken"],
                self.seconds + self.seconds_to_run,
            )
            self.tasks.append(known)
        return {"Failures": [], "Tasks": [self._described(known)]}

    def listTasks(self, parameters: Mapping[str, Any]) -> Any:  # noqa: N802
        """List the living tasks of a starter."""
        if {"Cluster", "StartedBy"} != set(parameters):
            raise ModelError("listTasks by StartedBy takes no other filter")
        return {"TaskArns": [task.arn for task in self.alive if task.started_by == parameters["StartedBy"]]}

    def describeTasks(self, parameters: Mapping[str, Any]) -> Any:  # noqa: N802
        """Describe tasks; an unknown one is MISSING."""
        found = {task.arn: task for task in self.tasks}
        return {
            "Failures": [
                {"Arn": arn, "Reason": "MISSING"} for arn in parameters["Tasks"] if arn not in found
            ],
            "Tasks": [self._described(found[arn]) for arn in parameters["Tasks"] if arn in found],
        }

    def stopTask(self, parameters: Mapping[str, Any]) -> Any:  # noqa: N802
        """Stop a task; one that has stopped stays as it is."""
        task = next((task for task in self.tasks if task.arn == parameters["Task"]), None)
        if task is None:
            raise TaskFailed("Ecs.InvalidParameterException", "The referenced task was not found.")
        if task.stopped is None:
            task.stopped = {"StopCode": "UserInitiated", "StoppedReason": parameters["Reason"]}
        return {"Task": self._described(task)}

    def invoke(self, parameters: Mapping[str, Any]) -> Any:
        """Judge for three seconds, and answer as is wanted."""
        self.judged.append(dict(parameters["Payload"]))
        return Took(3, {"StatusCode": 200, "ExecutedVersion": "1", "Payload": self.verdict})

    def putItem(self, parameters: Mapping[str, Any]) -> Any:  # noqa: N802
        """Write an item under the pipeline's condition, which is the only one that this model knows."""
        if parameters["ConditionExpression"] != CONDITION:
            raise ModelError(f"putItem is modelled under the condition {CONDITION}")
        item = parameters["Item"]
        key = item["serverId"]["S"], item["executionArn"]["S"]
        held = self.table.get(key)
        redrive = int(parameters["ExpressionAttributeValues"][":redriveCount"]["N"])
        if held is not None and not int(held["redriveCount"]["N"]) < redrive:
            raise TaskFailed("DynamoDB.ConditionalCheckFailedException", "The conditional request failed")
        self.table[key] = dict(item)
        self.writes += 1
        return {}

    def _described(self, task: Task) -> dict[str, Any]:
        container: dict[str, Any] = {"Name": "mcp-server", "Image": task.image, "NetworkInterfaces": []}
        described: dict[str, Any] = {
            "TaskArn": task.arn,
            "TaskDefinitionArn": task.definition,
            "Containers": [container],
        }
        if task.stopped is not None:
            described |= {"LastStatus": "STOPPED", "DesiredStatus": "STOPPED", **task.stopped}
            container["ExitCode"] = 1
        elif self.seconds < task.running_at:
            described |= {"LastStatus": "PENDING", "DesiredStatus": "RUNNING"}
        else:
            described |= {"LastStatus": "RUNNING", "DesiredStatus": "RUNNING"}
            container |= {
                "ImageDigest": task.image.split("@")[1],
                "NetworkInterfaces": [{"PrivateIpv4Address": "10.77.0.9"}],
            }
        return described
