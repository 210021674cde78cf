"""The deployed pipeline: executes what the alias leads to, and answers its Tasks with what this machine can be."""

from __future__ import annotations

import json
import queue
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from runner.executions import Executions, Run, StoppableClock
from runner.services import records
from runner.services.builds import Builds
from runner.services.call import Call
from runner.services.execution_log import ExecutionLog
from runner.services.functions import Functions
from runner.services.images import Images
from runner.services.log_streams import LogStreams
from runner.services.stand_ins import StandIns
from runner.services.tasks import Tasks
from runner.stack import has_real_addresses
from states_language.clock import timestamp
from states_language.interpreter import Execution, execute

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from runner.emulator import Emulator
    from runner.faults_injected import InjectedFault
    from runner.services.builds import BuildRun
    from runner.services.stand_ins import Source
    from runner.services.tasks import Task
    from runner.stack import Stack
    from runner.workflows import Workflow
    from states_language.interpreter import Event

DEFAULT_SECONDS = 99_999_999
STOP_SECONDS = 5.0
"""What the executions that run at the end may take to stop."""


class UnknownIntegrationError(Exception):
    """The document calls something that nothing here stands for."""


@dataclass(frozen=True)
class Request:
    """One execution that is wanted."""

    input: Any
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
    build: BuildRun | None
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


@dataclass
class Pipeline:
    """The deployed pipeline. Executions may run beside each other, each in a thread."""

    emulator: Emulator
    stack: Stack
    folder: Path
    env: Mapping[str, str] = field(default_factory=dict)
    """What the operator adds to the containers' environment."""
    stopping: threading.Event = field(default_factory=threading.Event)
    is_served: bool = False
    """Whether somebody may look at the execution log, which takes the emulator half a megabyte an execution."""
    states: Callable[[str, Call], Any] = lambda operation, _call: _nobody(f"sfn:{operation}")
    """Answers the calls of Step Functions itself."""
    on_end: Callable[[Run], None] | None = None
    """Is told of every execution that has ended, in a thread of its own."""

    def __post_init__(self) -> None:
        self.executions = Executions(self.folder / "executions")
        self.logs = LogStreams(self.emulator)
        self.execution_log = ExecutionLog(self.logs, self.stack.outputs)
        self.images = Images(self.folder / "images")
        self.stand_ins = StandIns(self.emulator, self.images, self.folder / "b")
        self.builds = Builds(
            self.emulator,
            self.stand_ins,
            self.logs,
            self.folder / "builds",
            self.stack.outputs.get("BuildLogGroupName", ""),
        )
        real = has_real_addresses()
        self.tasks = Tasks(self.emulator, self.images, self.logs, self.folder / "tasks", self.env, real)
        self.functions = Functions(
            self.emulator, self.logs, self.folder / "functions", dict if real else self.tasks.addresses
        )
        self.stand_ins.start()
        self.logs.start()

    def close(self) -> None:
        """Stop the executions, and end every process of theirs."""
        self.stopping.set()
        self.executions.stop(STOP_SECONDS)
        self.builds.close()
        self.functions.close()
        self.tasks.close()
        self.stand_ins.close()
        self.logs.close()

    def execute(self, request: Request) -> Outcome:
        """Execute the deployed definition once."""
        run = self.begin(
            self.stack.workflow, str(uuid.uuid4()), json.dumps(request.input, ensure_ascii=False)
        )
        return self.carry_out(run, request)

    def begin(self, workflow: Workflow, name: str, text: str) -> Run:
        """Take note of an execution with some input; returns the one that has its name, where there is one."""
        return self.executions.add(Run(workflow.execution_arn(name), name, workflow, text))

    def carry_out(self, run: Run, request: Request) -> Outcome:
        """Execute what was begun, to its end."""
        self.builds.sources[run.arn] = request.source
        began = time.monotonic()

        def observe(event: Event) -> None:
            run.events.append(event)
            if self.is_served:
                self.execution_log.write(run, event)
            request.observe(event)
            if self.stopping.is_set():
                run.stop.request()
            run.stop.check()

        try:
            execution = execute(
                run.workflow.machine,
                request.input,
                call_task=_Calls(self, run, request.faults),
                clock=StoppableClock(run.stop),
                context={
                    "Execution": {
                        "Id": run.arn,
                        "Name": run.name,
                        "RoleArn": run.workflow.role_arn,
                        "StartTime": timestamp(run.started),
                    },
                    "StateMachine": {"Id": run.workflow.machine_arn, "Name": run.workflow.name},
                },
                observe=observe,
                seed=uuid.uuid5(uuid.NAMESPACE_URL, run.arn).int,
            )
        except BaseException as error:
            run.give_up(error)
            self._ended(run)
            raise
        seconds = time.monotonic() - began
        # Who sees that it has ended finds all of its lines.
        self.logs.flush()
        run.end(execution)
        self._ended(run)
        return Outcome(
            run.arn,
            execution,
            seconds,
            self._record(request.input, run.arn),
            self.builds.finished.get(run.arn),
            tuple(task for task in list(self.tasks.tasks.values()) if task.execution_arn == run.arn),
        )

    def _ended(self, run: Run) -> None:
        self.executions.lay_aside()
        if self.on_end is not None and not self.stopping.is_set():
            threading.Thread(target=self.on_end, args=(run,), daemon=True).start()

    def forget(self, outcome: Outcome) -> None:
        """Let go of what an execution has left in memory and on disk; its verdict stays in the table."""
        self.executions.forget(outcome.arn)
        self.builds.forget(outcome.arn)
        self.tasks.forget(outcome.tasks)

    def _record(self, given: Any, arn: str) -> dict[str, Any] | None:
        """Return what the execution has left in the table, read back from it."""
        server = given.get("serverId") if isinstance(given, dict) else None
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
    run: Run
    faults: Sequence[InjectedFault]

    def __post_init__(self) -> None:
        limit = self.run.workflow.machine.fields.get("TimeoutSeconds", DEFAULT_SECONDS)
        self._deadline = time.monotonic() + limit

    def __call__(self, resource: str, parameters: Any, context: dict[str, Any]) -> Any:
        state = context["State"]["Name"]
        # A state that is unknown here stands inside another; then its time is the outer one's.
        states = self.run.workflow.machine.states
        limit = (
            states[state].fields.get("TimeoutSeconds", DEFAULT_SECONDS)
            if state in states
            else DEFAULT_SECONDS
        )
        deadline = min(time.monotonic() + limit, self._deadline)
        call = Call(parameters, self.run.arn, deadline, self.run.stop)
        for fault in self.faults:
            if fault.state == state and fault.strikes():
                return fault.apply(lambda: self._answer(resource, call))
        return self._answer(resource, call)

    def _answer(self, resource: str, call: Call) -> Any:
        """Answer a call; where the execution is stopped meanwhile, the call goes on, and nobody hears of its end."""
        answered: queue.SimpleQueue[tuple[Any, BaseException | None]] = queue.SimpleQueue()

        def ask() -> None:
            try:
                answered.put((self._call(resource, call), None))
            except BaseException as error:  # noqa: BLE001 - it is handed to whoever waits
                answered.put((None, error))

        threading.Thread(target=ask, daemon=True).start()
        with self.run.stop.telling(lambda: answered.put((None, None))):
            answer, error = answered.get()
        self.run.stop.check()
        if error is not None:
            raise error
        return answer

    def _call(self, resource: str, call: Call) -> Any:
        service, action = resource.rpartition(":::")[2].removeprefix("aws-sdk:").split(":")
        match service, action:
            case "codebuild", "startBuild.sync":
                return self.pipeline.builds.submit(call)
            case "ecs", _:
                return self.pipeline.tasks.call(action[0].upper() + action[1:], call)
            case "lambda", "invoke":
                return self.pipeline.functions.invoke(call)
            case "dynamodb", "putItem":
                return records.put_item(self.pipeline.emulator, call)
            case "sfn", _:
                return self.pipeline.states(action[0].upper() + action[1:], call)
        return _nobody(resource)


def _nobody(resource: str) -> NoReturn:
    raise UnknownIntegrationError(f"nothing here stands for {resource}")
