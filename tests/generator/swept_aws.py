"""The model of AWS, as the task sweeper sees it: executions, tasks with tags in pages, and task definitions.

An execution of the pipeline runs in `Account.validate`, a sweep in `Account.sweep`; both documents are the committed ones.
"""

from __future__ import annotations

import copy
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.modelled_aws import Fault, ModelledAws
from states_language.clock import VirtualClock, timestamp
from states_language.document import StateMachine
from states_language.interpreter import Execution, Status, TaskFailed, execute

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).parent.parent.parent
PREFIX = "arn:aws:states:eu-central-1:123456789012:execution:pipeline:"
TOKENS = {
    "Account": "123456789012",
    "AssignPublicIp": "ENABLED",
    "Partition": "aws",
    "PipelineName": "pipeline",
    "Region": "eu-central-1",
    "TaskSubnetIds": "subnet-1,subnet-2",
}
INPUT = {
    "repositoryName": "owner-name",
    "originalRepositoryName": "owner/name",
    "serverId": "io.github.owner/name",
}


def machine(name: str, **changes: Any) -> StateMachine:
    """Read a committed document, its tokens filled in and fields of it changed."""
    text = (ROOT / f"asl/{name}.asl.json").read_text("utf-8")
    filled = re.sub(r"\$\{(\w+)\}", lambda match: TOKENS.get(match[1], match[1]), text)
    return StateMachine.of({**json.loads(filled), **changes})


PIPELINE, SWEEPER = machine("validation-pipeline"), machine("task-sweeper")
SCHEDULE = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}


@dataclass
class SweptAws(ModelledAws):
    """The services, as far as the pipeline and the sweeper use them."""

    executions: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What DescribeExecution says of each."""
    task_tags: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    created: dict[str, str] = field(default_factory=dict)
    page_size: int = 100
    """How many entries of a list the services give at most, but for revisions, whatever is asked for."""
    order: list[tuple[str, str]] = field(default_factory=list)
    """What was recorded and stopped, in that order."""

    def runTask(self, parameters: Mapping[str, Any]) -> Any:  # noqa: N802
        """Start a task, and keep its tags."""
        before = len(self.tasks)
        answer = super().runTask(parameters)
        for task in self.tasks[before:]:
            self.task_tags[task.arn] = parameters["Tags"]
            self.created[task.arn] = timestamp(self.clock.now())
        return answer

    def stopTask(self, parameters: Mapping[str, Any]) -> Any:  # noqa: N802
        """Stop a task; a stopped one loses its tags."""
        answer = super().stopTask(parameters)
        self.order.append(("stopped", parameters["Task"]))
        self.task_tags.pop(parameters["Task"], None)
        return answer

    def putItem(self, parameters: Mapping[str, Any]) -> Any:  # noqa: N802
        """Write a verdict."""
        assert parameters["Item"]["serverId"]["S"]
        answer = super().putItem(parameters)
        self.order.append(("recorded", parameters["Item"]["executionArn"]["S"]))
        return answer

    def listTasks(self, parameters: Mapping[str, Any]) -> Any:  # noqa: N802
        """List the living tasks, of a starter or all, in pages."""
        assert "Cluster" in parameters
        assert ("StartedBy" in parameters) != ("MaxResults" in parameters), (
            "StartedBy must be the only filter"
        )
        started_by = parameters.get("StartedBy")
        found = [task.arn for task in self.alive if started_by in (None, task.started_by)]
        return self._page("TaskArns", found, parameters)

    def describeTasks(self, parameters: Mapping[str, Any]) -> Any:  # noqa: N802
        """Describe tasks, with their tags where they are asked for; not so many that they exceed a state's data."""
        assert len(parameters["Tasks"]) <= 25
        answer = super().describeTasks(parameters)
        for task in answer["Tasks"]:
            task["CreatedAt"] = self.created[task["TaskArn"]]
            if "TAGS" in parameters.get("Include", []):
                task["Tags"] = self.task_tags.get(task["TaskArn"], [])
        return answer

    def listExecutions(self, parameters: Mapping[str, Any]) -> Any:  # noqa: N802
        """List the newest executions of a status."""
        found = [each for each in self.executions.values() if each["Status"] == parameters["StatusFilter"]]
        names = ("ExecutionArn", "Name", "Status", "StartDate", "StateMachineArn")
        newest = [{key: value for key, value in each.items() if key in names} for each in reversed(found)]
        return self._page("Executions", newest, parameters)

    def describeExecution(self, parameters: Mapping[str, Any]) -> Any:  # noqa: N802
        """Describe an execution."""
        found = self.executions.get(parameters["ExecutionArn"])
        if found is None:
            raise TaskFailed("Sfn.ExecutionDoesNotExistException", "Execution Does Not Exist")
        return found

    def listTaskDefinitionFamilies(self, parameters: Mapping[str, Any]) -> Any:  # noqa: N802
        """List the families with an active revision that begin with a prefix."""
        families = sorted(
            {
                each["Family"]
                for arn, each in self.definitions.items()
                if arn not in self.deregistered and each["Family"].startswith(parameters["FamilyPrefix"])
            }
        )
        return self._page("Families", families, parameters)

    def listTaskDefinitions(self, parameters: Mapping[str, Any]) -> Any:  # noqa: N802
        """List the active revisions of one family, the newest first."""
        assert ("ACTIVE", "DESC") == (parameters["Status"], parameters["Sort"])
        return self._page("TaskDefinitionArns", self.revisions(parameters["FamilyPrefix"]), parameters)

    def describeTaskDefinition(self, parameters: Mapping[str, Any]) -> Any:  # noqa: N802
        """Describe a revision, with its tags."""
        assert ["TAGS"] == parameters["Include"]
        definition = self.definitions[parameters["TaskDefinition"]]
        return {"TaskDefinition": {"Family": definition["Family"]}, "Tags": definition["Tags"]}

    def revisions(self, family: str) -> list[str]:
        """Return the active revisions of a family, the newest first."""
        return [
            arn
            for arn, each in reversed(self.definitions.items())
            if each["Family"] == family and arn not in self.deregistered
        ]

    def _page(self, name: str, found: list[Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
        begin = int(parameters.get("NextToken", "0"))
        most = 100 if name == "TaskDefinitionArns" else self.page_size
        end = begin + min(parameters.get("MaxResults", 100), most)
        more = {"NextToken": str(end)} if end < len(found) else {}
        return {name: found[begin:end], **more}


@dataclass
class Account:
    """The account that the pipeline and the sweeper run in."""

    aws: SweptAws

    @classmethod
    def of(cls, *faults: Fault, **fields: Any) -> Account:
        """Make an account with faults on some of the pipeline's states."""
        return cls(SweptAws(VirtualClock(), faults, **fields))

    def validate(
        self,
        given_input: Any = None,
        *,
        name: str = "one",
        document: StateMachine = PIPELINE,
        redrive_count: int = 0,
        observe: Callable[[Any], None] | None = None,
        stop_after: float | None = None,
    ) -> Execution:
        """Run an execution of the pipeline, and let Step Functions know how it ended."""
        arn, value = PREFIX + name, INPUT if given_input is None else given_input
        described = {
            "ExecutionArn": arn,
            "StateMachineArn": "arn:aws:states:eu-central-1:123456789012:stateMachine:pipeline",
            "Name": name,
            "Status": "RUNNING",
            "StartDate": timestamp(self.aws.clock.now()),
            "Input": json.dumps(value),
            "InputDetails": {"Included": True},
            "RedriveCount": redrive_count,
        }
        self.aws.executions[arn] = described
        execution = execute(
            document,
            value,
            call_task=self.aws,
            clock=self.aws.clock,
            context={"Execution": {"Id": arn, "RedriveCount": redrive_count}},
            observe=observe,
            stop_after=stop_after,
        )
        described["Status"] = str(execution.status)
        described["StopDate"] = timestamp(self.aws.clock.now())
        if execution.status is Status.SUCCEEDED:
            described["Output"] = json.dumps(execution.output)
        described |= {
            key: value
            for key, value in (("Error", execution.error), ("Cause", execution.cause))
            if value is not None
        }
        self.aws.faults = ()
        return execution

    def sweep(self, event: Any, *faults: Fault, document: StateMachine = SWEEPER) -> Execution:
        """Run a sweep, with faults on some of its states."""
        self.aws.faults = faults
        self.aws._counts.clear()
        self.aws.order.clear()
        self.aws.clock.advance(1)
        execution = execute(document, event, call_task=self.aws, clock=self.aws.clock)
        self.aws.faults = ()
        return execution

    def ended(self, name: str = "one") -> dict[str, Any]:
        """Return the event that EventBridge sends when an execution ended."""
        described = self.aws.executions[PREFIX + name]
        return {
            "source": "aws.states",
            "detail-type": "Step Functions Execution Status Change",
            "detail": {
                "executionArn": described["ExecutionArn"],
                "name": name,
                "status": described["Status"],
                "input": described["Input"],
            },
        }

    def copy(self) -> Account:
        """Return an account in the same state, so that another sweep can be tried on it."""
        return copy.deepcopy(self)
