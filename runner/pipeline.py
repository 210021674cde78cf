"""The deployed pipeline: executes what the alias leads to, and answers its Tasks with what this machine can be."""

from __future__ import annotations

import json
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from runner.emulator import ACCOUNT, REGION
from runner.services import records
from runner.services.builds import Builds
from runner.services.call import Call
from runner.services.functions import Functions
from runner.services.images import Images
from runner.services.stand_ins import StandIns
from runner.services.tasks import Tasks
from runner.stack import has_real_addresses
from states_language.interpreter import Execution, ExecutionStopped, execute

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from runner.emulator import Emulator
    from runner.faults_injected import InjectedFault
    from runner.services.builds import Finished
    from runner.services.stand_ins import Source
    from runner.services.tasks import Task
    from runner.stack import Stack
    from states_language.interpreter import Event

DEFAULT_SECONDS = 99_999_999


class UnknownIntegrationError(Exception):
    """The document calls something that nothing here stands for."""


@dataclass(frozen=True)
class Request:
    """One execution that is wanted."""

    input: Mapping[str, Any]
    source: Source
    faults: Sequence[InjectedFault] = ()
    observe: Callable[[Event], None] = lambda _event: None


@dataclass(frozen=True)
class Outcome:
    """What became of an execution, and of what ran for it."""

    arn: str
    execution: Execution
    seconds: float
    record: Mapping[str, Any] | None
    """The item that the execution left in the table of verdicts, its values without their types."""
    build: Finished | None
    tasks: tuple[Task, ...]

    @property
    def verdict(self) -> Mapping[str, Any]:
        """The validator's verdict as it was recorded; empty where there is none."""
        found: Mapping[str, Any] = (self.record or {}).get("verdict") or {}
        return found

    @property
    def fault(self) -> str:
        """Whose fault the end was: `none`, `server` or `pipeline`."""
        if self.execution.output is not None:
            return "none"
        return "server" if self.execution.visited[-1:] == ("ValidationFailed",) else "pipeline"


class StoppableClock:
    """The machine's clock, on which an execution that is to stop sleeps no longer."""

    def __init__(self, stopping: threading.Event):
        self._stopping = stopping

    def now(self) -> datetime:
        """Return the time of day."""
        return datetime.now(UTC)

    def sleep_until(self, moment: datetime) -> None:
        """Sleep until a time of day. Raises `ExecutionStopped` when the execution is to stop."""
        if self._stopping.wait(max(0.0, (moment - self.now()).total_seconds())):
            raise ExecutionStopped


@dataclass
class Pipeline:
    """The deployed pipeline. Executions may run beside each other, each in a thread."""

    emulator: Emulator
    stack: Stack
    folder: Path
    env: Mapping[str, str] = field(default_factory=dict)
    """What the operator adds to the containers' environment."""
    stopping: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.images = Images(self.folder / "images")
        self.stand_ins = StandIns(self.emulator, self.images, self.folder / "b")
        self.builds = Builds(
            self.emulator,
            self.stand_ins,
            self.folder / "builds",
            self.stack.outputs.get("BuildLogGroupName", ""),
        )
        real = has_real_addresses()
        self.tasks = Tasks(self.emulator, self.images, self.folder / "tasks", self.env, real)
        self.functions = Functions(
            self.emulator, self.folder / "functions", dict if real else self.tasks.addresses
        )
        self.stand_ins.start()

    def close(self) -> None:
        """Stop the executions, and end every process of theirs."""
        self.stopping.set()
        self.tasks.close()
        self.stand_ins.close()

    def execute(self, request: Request) -> Outcome:
        """Execute the deployed definition once."""
        name = str(uuid.uuid4())
        machine_arn = self.stack.version_arn.rpartition(":")[0]
        machine_name = machine_arn.rpartition(":")[2]
        arn = f"arn:aws:states:{REGION}:{ACCOUNT}:execution:{machine_name}:{name}"
        self.builds.sources[arn] = request.source
        began = time.monotonic()
        execution = execute(
            self.stack.machine,
            dict(request.input),
            call_task=_Calls(self, arn, request.faults),
            clock=StoppableClock(self.stopping),
            context={
                "Execution": {"Id": arn, "Name": name, "RoleArn": self.stack.role_arn},
                "StateMachine": {"Id": machine_arn, "Name": machine_name},
            },
            observe=self._observer(request.observe),
            seed=uuid.UUID(name).int,
        )
        seconds = time.monotonic() - began
        return Outcome(
            arn,
            execution,
            seconds,
            self._record(request.input, arn),
            self.builds.finished.get(arn),
            tuple(task for task in list(self.tasks.tasks.values()) if task.execution_arn == arn),
        )

    def forget(self, outcome: Outcome) -> None:
        """Let go of what an execution has left in memory and on disk; its verdict stays in the table."""
        self.builds.forget(outcome.arn)
        self.tasks.forget(outcome.tasks)

    def _observer(self, observe: Callable[[Event], None]) -> Callable[[Event], None]:
        def observed(event: Event) -> None:
            observe(event)
            if self.stopping.is_set():
                raise ExecutionStopped

        return observed

    def _record(self, given: Mapping[str, Any], arn: str) -> dict[str, Any] | None:
        """Return what the execution has left in the table, read back from it."""
        server = given.get("serverId")
        if not isinstance(server, str) or not server:
            return None
        table = self.stack.outputs["VerdictTableNameInUse"]
        key = {"serverId": {"S": server}, "executionArn": {"S": arn}}
        item = self.emulator.client("dynamodb").get_item(TableName=table, Key=key).get("Item")
        if item is None:
            return None
        plain = {name: next(iter(value.values())) for name, value in item.items()}
        return {**plain, "verdict": json.loads(plain["verdict"])}


@dataclass
class _Calls:
    """Answers the Tasks of one execution."""

    pipeline: Pipeline
    arn: str
    faults: Sequence[InjectedFault]

    def __call__(self, resource: str, parameters: Any, context: dict[str, Any]) -> Any:
        state = context["State"]["Name"]
        # A state that is unknown here stands inside another; then its time is the outer one's.
        fields = (
            self.pipeline.stack.machine.states[state].fields
            if state in self.pipeline.stack.machine.states
            else {}
        )
        limit = fields.get("TimeoutSeconds", DEFAULT_SECONDS)
        call = Call(parameters, self.arn, time.monotonic() + limit)
        for fault in self.faults:
            if fault.state == state and fault.strikes():
                return fault.apply(lambda: self._answer(resource, call))
        return self._answer(resource, call)

    def _answer(self, resource: str, call: Call) -> Any:
        service, action = resource.rpartition(":::")[2].removeprefix("aws-sdk:").split(":")
        match service, action:
            case "codebuild", "startBuild.sync":
                return self.pipeline.builds.start_build(call)
            case "ecs", _:
                return self.pipeline.tasks.call(action[0].upper() + action[1:], call)
            case "lambda", "invoke":
                return self.pipeline.functions.invoke(call)
            case "dynamodb", "putItem":
                return records.put_item(self.pipeline.emulator, call)
        raise UnknownIntegrationError(f"nothing here stands for {resource}")
