"""Every fault of every call, and what the committed document makes of it.

The faults of a call are those of its API's model (botocore), those that the SDKs and Step Functions add, an answer
that is empty or partial, one that never comes, one that is lost after the call took effect, and a task that stops.
The document is executed under each on a virtual clock, against `modelled_aws`; `check` tells which invariants that
broke: no task outlives an execution without a name, one verdict exactly, the end tells whose fault it was.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.modelled_aws import Fault, ModelledAws
from runner.tokens import fill
from states_language.clock import VirtualClock
from states_language.document import StateMachine, Task
from states_language.interpreter import Execution, Status, TaskFailed, Took, execute

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from runner.modelled_aws import Call

DEFINITION = Path("asl/validation-pipeline.asl.json")
ERRORS = Path("generator/faults.yaml")
PAGE = Path("docs/faults-table.md")
INPUT = {
    "repositoryName": "owner-name",
    "originalRepositoryName": "owner/name",
    "serverId": "io.github.owner/name",
}
REJECTED = {"verified": False, "outcome": "rejected", "failed": "tools.list", "message": "no list"}
ENDS = {"server": "ValidationFailed", "pipeline": "PipelineFailed"}


def committed(root: Path) -> StateMachine:
    """Return the committed document, its tokens filled in."""
    text = (root / DEFINITION).read_text("utf-8")
    return StateMachine.of(json.loads(fill(text)))


def errors(root: Path) -> dict[str, str]:
    """Return whose fault each error of the document is: `server` or `pipeline`."""
    import yaml  # noqa: PLC0415 - only these commands need it

    rows = yaml.safe_load((root / ERRORS).read_text("utf-8"))
    return {row["error"]: row["fault"] for row in rows}


def always(state: str, name: str, apply: Any) -> Fault:
    """Put a fault on every call of a state."""
    return Fault(state, name, apply)


def raises(error: str) -> Any:
    """Fail the call before it takes effect."""

    def apply(_aws: ModelledAws, _call: Call, _parameters: Mapping[str, Any]) -> Any:
        raise TaskFailed(error, "injected")

    return apply


def lost(_aws: ModelledAws, call: Call, parameters: Mapping[str, Any]) -> Any:
    """Let the call take effect, and lose its answer."""
    call(parameters)
    return Took(float("inf"))


def hangs(_aws: ModelledAws, _call: Call, _parameters: Mapping[str, Any]) -> Any:
    """Let the call never begin."""
    return Took(float("inf"))


def answers(value: Any) -> Any:
    """Answer without any effect."""
    return lambda _aws, _call, _parameters: json.loads(json.dumps(value))


def stops(code: str, reason: str) -> Any:
    """Stop the task before it is described."""

    def apply(aws: ModelledAws, call: Call, parameters: Mapping[str, Any]) -> Any:
        for task in aws.alive:
            task.stopped = {"StopCode": code, "StoppedReason": reason}
        return call(parameters)

    return apply


PARTIAL: dict[str, dict[str, Any]] = {
    "BuildMCPServerImage": {"empty": {}, "no build": {"Build": None}, "exports nothing": {"Build": {"ExportedEnvironmentVariables": []}}},
    "RegisterValidationTaskDef": {"empty": {}, "no ARN": {"TaskDefinition": {}}},
    "RunMCPServerContainer": {"failures": {"Tasks": [], "Failures": [{"Reason": "RESOURCE:ENI"}]}, "empty": {}, "nothing": {"Tasks": [], "Failures": []}},
    "FindLostTask": {"empty": {}},
    "DescribeTask": {"missing": {"Tasks": [], "Failures": [{"Reason": "MISSING"}]}, "empty": {}, "bare": {"Tasks": [{}]}, "no status": {"Tasks": [{"TaskArn": "a"}]}},
    "ValidateMCPServer": {"empty": {}, "null": {"Payload": None}, "text": {"Payload": "verified"}},
    "DescribeRejectedTask": {"missing": {"Tasks": [], "Failures": [{"Reason": "MISSING"}]}, "empty": {}},
    "StopMCPServerContainer": {},
    "DeregisterValidationTaskDef": {"empty": {}},
    "RecordVerdict": {},
}  # fmt: skip
"""Answers of success that leave out what is hoped for. (StopTask and PutItem answer only when they took effect.)"""

APIS = {"ecs": "Ecs", "codebuild": "CodeBuild", "lambda": "Lambda", "dynamodb": "DynamoDB"}


def errors_of(task: Task) -> Iterator[str]:
    """Yield the errors that a Task's API models, those that the SDKs add, and those of Step Functions."""
    import botocore.session  # noqa: PLC0415 - only these commands need it

    service, action = task.resource.removesuffix(".sync").split(":")[-2:]
    operation = (
        botocore.session.get_session()
        .get_service_model(service)
        .operation_model(action[0].upper() + action[1:])
    )
    prefix = APIS[service]
    names = {shape.name.removesuffix("Exception") for shape in operation.error_shapes}
    # The model raises this one itself, where an item is there; without one, DynamoDB does not.
    yield from (f"{prefix}.{name}Exception" for name in sorted(names - {"ConditionalCheckFailed"}))
    yield from (f"{prefix}.SdkClientException", f"{prefix}.ThrottlingException", "States.TaskFailed")
    if service == "ecs":
        yield from ("Ecs.EcsException", "Ecs.InvalidParameterException")
    if service == "lambda":
        yield from ("Lambda.Unknown", "Sandbox.Timedout", "Lambda.ResourceNotReadyException", "ValueError")


def faults_of(task: Task) -> Iterator[Fault]:
    """Yield every fault of a Task, lasting and passing."""
    for times, lasting in ((10**9, "always"), (1, "once")):
        for error in dict.fromkeys(errors_of(task)):
            yield Fault(task.name, f"{error} {lasting}", raises(error), times)
        yield Fault(task.name, f"hangs {lasting}", hangs, times)
        yield Fault(task.name, f"answer lost {lasting}", lost, times)
        for name, answer in PARTIAL[task.name].items():
            yield Fault(task.name, f"answers {name} {lasting}", answers(answer), times)
    if task.name == "DescribeTask":
        for code in ("EssentialContainerExited", "TaskFailedToStart", "SpotInterruption"):
            yield Fault(task.name, f"task stops: {code}", stops(code, "injected"))


PREPARED = {"FindLostTask": (always("RunMCPServerContainer", "lost", lost),)}
"""What must go wrong before for a call to be made at all."""


def faults_by_state(machine: StateMachine) -> list[Fault]:
    """Return every fault of every call of a document."""
    tasks = [state for state in machine.states.values() if isinstance(state, Task)]
    return [fault for task in tasks for fault in faults_of(task)]


def model(*faults: Fault, **fields: Any) -> ModelledAws:
    """Make a model with faults on some of its states."""
    return ModelledAws(VirtualClock(), faults, **fields)


def recorded(aws: ModelledAws) -> dict[str, Any]:
    """Return the one verdict that was recorded, its values without their DynamoDB types."""
    (item,) = aws.table.values()
    return {name: next(iter(value.values())) for name, value in item.items()}


def check(
    machine: StateMachine, owners: Mapping[str, str], aws: ModelledAws, execution: Execution
) -> list[str]:
    """Return which invariants an execution has broken. `owners` tells whose fault each error is."""
    error = execution.error or ""
    broken = []
    if execution.status not in (Status.SUCCEEDED, Status.FAILED) or error.startswith("States."):
        broken.append(f"ended as {execution.status} with {error}")
    named = ("TaskNotStopped", "TaskMayBeRunning")
    if aws.alive and not any(name in f"{error} {execution.cause}" for name in named):
        broken.append("a task runs, and nothing says so")
    if len(aws.tasks) > 1:
        broken.append("more than one task was started")
    if aws.writes > 1 or (aws.writes == 0 and error != "VerdictNotRecorded"):
        broken.append(f"{aws.writes} verdicts were recorded")
    if error and error not in owners:
        broken.append(f"{error} is in no table")
    elif error and ENDS[owners[error]] != execution.visited[-1]:
        broken.append(f"{error} ended in {execution.visited[-1]}")
    if aws.seconds > machine.fields["TimeoutSeconds"]:
        broken.append(f"took {aws.seconds} s")
    if aws.table and error != "VerdictNotRecorded" and recorded(aws)["error"] != error:
        broken.append("another error was recorded than the execution ended with")
    return broken


@dataclass(frozen=True)
class Combination:
    """An execution under one fault, or two, and what it came to."""

    faults: tuple[Fault, ...]
    is_rejected: bool
    """Whether the validator would have rejected the server."""
    error: str
    seconds: float
    """By the virtual clock."""
    tasks_left: int
    broken: tuple[str, ...]
    is_pair: bool = False

    @property
    def ends_as(self) -> str:
        """The error, or what the server's own verdict comes to."""
        return self.error or "verified"


def survey(root: Path, *, pairs: bool = False) -> list[Combination]:
    """Execute the committed document under every fault, with a good and a bad server; with `pairs`, under two."""
    machine, owners = committed(root), errors(root)
    every = faults_by_state(machine)
    found = [
        combine(machine, owners, (fault, *PREPARED.get(fault.state, ())), is_rejected=is_rejected)
        for is_rejected in (False, True)
        for fault in every
    ]
    if pairs:
        found += [combine(machine, owners, pair, is_pair=True) for pair in lasting_pairs(every)]
    return found


def lasting_pairs(every: Sequence[Fault]) -> Iterator[tuple[Fault, Fault]]:
    """Yield every two lasting faults of different calls."""
    lasting = [fault for fault in every if fault.times > 1]
    return (
        (first, second) for first, second in itertools.combinations(lasting, 2) if first.state != second.state
    )


def combine(
    machine: StateMachine,
    owners: Mapping[str, str],
    faults: tuple[Fault, ...],
    *,
    is_rejected: bool = False,
    is_pair: bool = False,
) -> Combination:
    """Execute a document under some faults."""
    aws = model(*faults, **({"verdict": REJECTED} if is_rejected else {}))
    execution = execute(machine, INPUT, call_task=aws, clock=aws.clock)
    broken = tuple(check(machine, owners, aws, execution))
    return Combination(
        faults, is_rejected, execution.error or "", aws.seconds, len(aws.alive), broken, is_pair
    )


def broken(found: Sequence[Combination]) -> list[str]:
    """Return a line for each combination that broke an invariant."""
    return [
        f"{' + '.join(f'{fault.state}: {fault.name}' for fault in each.faults)}: {'; '.join(each.broken)}"
        for each in found
        if each.broken
    ]


def count(found: Sequence[Combination]) -> str:
    """Return how many executions there were, and how many held."""
    singles = len(_singles(found))
    held = sum(not each.broken for each in found)
    states = len({each.faults[0].state for each in found})
    pairs = f", {len(found) - singles} pairs of faults" if len(found) > singles else ""
    return f"{len(found)} executions: {singles // 2} faults of {states} calls, each with a good and a bad server{pairs}; {held} hold, {len(found) - held} do not"


def rows(found: Sequence[Combination]) -> Iterator[tuple[str, str, str, str]]:
    """Yield a row for each fault: its state, its name, how a good server's execution ends, how a bad one's."""
    good = {(each.faults[0].state, each.faults[0].name): each for each in found if not each.is_rejected}
    bad = {(each.faults[0].state, each.faults[0].name): each for each in found if each.is_rejected}
    for key, each in bad.items():
        yield *key, _cell(good[key]), _cell(each)


def _cell(each: Combination) -> str:
    left = f", {each.tasks_left} task left" if each.tasks_left else ""
    return f"{each.ends_as}, {each.seconds:.0f} s{left}{' BROKEN' if each.broken else ''}"


def table(found: Sequence[Combination]) -> str:
    """Return the faults as a table for a terminal."""
    head = ("state", "fault", "a good server's execution", "a bad server's execution")
    lines = [head, *rows(_singles(found))]
    widths = [max(len(line[column]) for line in lines) for column in range(4)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def page(found: Sequence[Combination]) -> str:
    """Return the faults as a page of the documentation."""
    lines = [
        "# Every fault of every call",
        "<!-- Made by `python build.py faults --pairs --write`. -->",
        "",
        "The committed document, executed on a virtual clock against a model of AWS that knows which tasks live",
        "([`runner/modelled_aws.py`](../runner/modelled_aws.py)). A fault is one that the API's model names, throttling,",
        "what the SDKs and Step Functions add, an answer that leaves out what is hoped for, a call that hangs, or **one",
        "that took effect and whose answer was lost**; lasting, or only once. What must hold under each: no task outlives",
        "the execution, unless the error names it; one verdict exactly; the end tells whose fault it was; no",
        "`States.Runtime`; inside the time limit.",
        "",
        f"**{count(found)}.**",
        "",
        "| Call | Fault | A good server's execution | A bad server's execution |",
        "| --- | --- | --- | --- |",
        *(f"| `{state}` | {name} | {good} | {bad} |" for state, name, good, bad in rows(_singles(found))),
    ]
    return "\n".join(lines) + "\n"


def _singles(found: Sequence[Combination]) -> list[Combination]:
    return [each for each in found if not each.is_pair]
