"""Step Functions: executions are our own interpreter's, state machines, versions and aliases the emulator's.

Evidence for messages that the API's reference does not have: answers recorded from AWS (LocalStack's snapshots).
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
import threading
import uuid
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from runner.executions import RUNNING, now
from runner.gateway.protocol import ApiError
from runner.pipeline import Request
from runner.services.shapes import from_api, to_api
from runner.workflows import resolve
from states_language.interpreter import TaskFailed
from states_language.interpreter.data import PAYLOAD_LIMIT, to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runner.executions import Run
    from runner.pipeline import Pipeline
    from runner.repositories import Repositories
    from runner.services.call import Call
    from runner.workflows import Workflow
    from states_language.interpreter import Event

EXECUTION = re.compile(r"arn:[\w-]+:states:[\w-]+:\d{12}:execution:[^:]+:[^:]+")
MACHINE = re.compile(r"arn:[\w-]+:states:[\w-]+:\d{12}:stateMachine:[^:/]+(:[^:/]+)?")
NAME = re.compile(r"[^\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]{1,80}")
"""Evidence: documentation (StartExecution, `name`)."""
PAGE = 100
"""What a page holds when nothing is said. Evidence: documentation (ListExecutions, `maxResults`)."""
SNAPSHOTS = 100
DATA = ("input", "output")
"""What GetExecutionHistory leaves out of an event when it is to hold no execution data. Evidence: documentation."""
STOP_SECONDS = 5.0


@dataclass
class StateMachines:
    """Answers for Step Functions. Safe to be asked from any thread."""

    pipeline: Pipeline
    repositories: Repositories
    service: str = "stepfunctions"
    _pages: OrderedDict[str, tuple[str, list[str]]] = field(default_factory=OrderedDict)
    """What is left of a list, by the token that asks for it."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def operations(self) -> Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]]:
        """What is answered here."""
        return {
            "StartExecution": self.start_execution,
            "DescribeExecution": self.describe_execution,
            "ListExecutions": self.list_executions,
            "GetExecutionHistory": self.get_execution_history,
            "StopExecution": self.stop_execution,
            "RedriveExecution": self.redrive_execution,
            "DescribeStateMachineForExecution": self.describe_state_machine_for_execution,
        }

    def start_execution(self, given: dict[str, Any]) -> dict[str, Any]:
        """Start an execution; one that runs with this name and this input is answered again."""
        name = given.get("name", "") or str(uuid.uuid4())
        if not NAME.fullmatch(name):
            raise ApiError("InvalidName", f"Invalid Name: '{name}'")
        text = given.get("input", "{}")
        parsed = _input(text)
        workflow = self._workflow(given["stateMachineArn"])
        repository = self.repositories.of(parsed)
        request = Request(parsed, repository.source, repository.own_faults())
        with self._lock:
            before = self.pipeline.executions.get(workflow.execution_arn(name))
            run = before or self.pipeline.begin(workflow, name, text)
        if before is None:
            threading.Thread(target=self._carry_out, args=(run, request), daemon=True).start()
        elif before.status != RUNNING or json.loads(before.input) != parsed:
            raise ApiError("ExecutionAlreadyExists", f"Execution Already Exists: '{before.arn}'")
        return {"executionArn": run.arn, "startDate": run.started}

    def describe_execution(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return what is known of an execution."""
        run = self._run(given["executionArn"])
        status = run.status
        has_data = given.get("includedData") != "METADATA_ONLY"
        output = to_text(run.output) if has_data and status == "SUCCEEDED" else None
        return {
            **_summary(run, status),
            "input": run.input if has_data else None,
            "inputDetails": {"included": has_data},
            "output": output,
            "outputDetails": {"included": True} if output is not None else None,
            "error": run.error,
            "cause": run.cause,
            "redriveStatus": "NOT_REDRIVABLE",
            "redriveStatusReason": f"Execution is {status} and cannot be redriven" if status in {RUNNING, "SUCCEEDED"} else NO_REDRIVE,
        }  # fmt: skip

    def list_executions(self, given: dict[str, Any]) -> dict[str, Any]:
        """List a state machine's executions, or those of one of its versions or aliases, the most recent first."""
        arn = given.get("stateMachineArn")
        if arn is None:
            raise ApiError("ValidationException", "Must specify either stateMachineArn or mapRunArn")
        wanted = json.dumps(
            [given.get(name) for name in ("stateMachineArn", "statusFilter", "redriveFilter")]
        )
        if token := given.get("nextToken"):
            arns = self._rest(token, wanted)
        else:
            arns = [run.arn for run in self._found(arn, given)]
            if not arns:
                self._workflow(arn)
        size = given.get("maxResults") or PAGE
        runs = [run for run in map(self.pipeline.executions.get, arns[:size]) if run is not None]
        return {
            "executions": [_summary(run, run.status) for run in runs],
            "nextToken": self._keep(wanted, arns[size:]) if arns[size:] else None,
        }

    def get_execution_history(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return the events so far."""
        run = self._run(given["executionArn"])
        backwards = bool(given.get("reverseOrder"))
        events = list(run.events)
        start = len(events) if backwards else 1
        if token := given.get("nextToken"):
            start = _position(token, run.arn, backwards=backwards)
        size = given.get("maxResults") or PAGE
        if backwards:
            page, following = events[max(0, start - size) : start][::-1], start - size
            more = following > 0
        else:
            page, following = events[start - 1 : start - 1 + size], start + size
            more = following <= len(events)
        if not given.get("includeExecutionData", True):
            page = [_without_data(event) for event in page]
        return {
            "events": page,
            "nextToken": _token(run.arn, following, backwards=backwards) if more else None,
        }

    def stop_execution(self, given: dict[str, Any]) -> dict[str, Any]:
        """Stop an execution, and wait for its end."""
        run = self._run(given["executionArn"])
        run.stop.request(given.get("error"), given.get("cause"))
        run.ended.wait(STOP_SECONDS)
        return {"stopDate": run.stopped or now()}

    def redrive_execution(self, given: dict[str, Any]) -> dict[str, Any]:
        """Refuse: the interpreter begins at the first state."""
        self._run(given["executionArn"])
        raise ApiError("ExecutionNotRedrivable", NO_REDRIVE)

    def describe_state_machine_for_execution(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return the definition that an execution has, whatever was deployed since."""
        run = self._run(given["executionArn"])
        has_data = given.get("includedData") != "METADATA_ONLY"
        return {
            "stateMachineArn": run.workflow.version_arn or run.workflow.machine_arn,
            "name": run.workflow.name,
            "definition": run.workflow.definition if has_data else "",
            "roleArn": run.workflow.role_arn,
            "updateDate": run.workflow.updated,
        }

    def start(self, arn: str, text: str) -> None:
        """Start an execution for a rule; what cannot be started is nobody's error here."""
        with contextlib.suppress(ApiError):
            self.start_execution({"stateMachineArn": arn, "input": text})

    def call(self, operation: str, call: Call) -> Any:
        """Answer a Task that calls Step Functions: `aws-sdk:sfn:describeExecution`."""
        model = self.pipeline.emulator.client(self.service).meta.service_model.operation_model(operation)
        answer = self.operations.get(operation)
        if answer is None:
            raise TaskFailed("Sfn.SdkClientException", f"a local run has no answer to sfn:{operation}")
        try:
            found = answer(to_api(model.input_shape, call.parameters))
        except ApiError as error:
            code = error.code if error.code.endswith("Exception") else f"{error.code}Exception"
            raise TaskFailed(f"Sfn.{code}", error.message) from error
        return from_api(model.output_shape, found)

    def _carry_out(self, run: Run, request: Request) -> None:
        try:
            self.pipeline.carry_out(run, request)
        except Exception as error:  # noqa: BLE001 - the execution holds it, for whoever describes it
            del error

    def _run(self, arn: str) -> Run:
        if not EXECUTION.fullmatch(arn):
            raise ApiError("InvalidArn", f"Invalid Arn: '{arn}'")
        run = self.pipeline.executions.get(arn)
        if run is None:
            raise ApiError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        return run

    def _workflow(self, arn: str) -> Workflow:
        from botocore.exceptions import ClientError  # noqa: PLC0415 - the help needs no botocore

        if not MACHINE.fullmatch(arn):
            raise ApiError("InvalidArn", f"Invalid Arn: '{arn}'")
        try:
            return resolve(self.pipeline.emulator, arn)
        except ClientError as error:
            raise ApiError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'") from error

    def _found(self, arn: str, given: Mapping[str, Any]) -> list[Run]:
        status, redriven = given.get("statusFilter"), given.get("redriveFilter")
        runs = [
            run
            for run in self.pipeline.executions.all()
            if arn in {run.workflow.machine_arn, run.workflow.version_arn, run.workflow.alias_arn}
            and status in {None, run.status}
            and redriven != "REDRIVEN"
        ]
        return sorted(runs, key=lambda run: (run.stopped or run.started, run.arn), reverse=True)

    def _keep(self, wanted: str, arns: list[str]) -> str:
        token = uuid.uuid4().hex
        with self._lock:
            self._pages[token] = (wanted, arns)
            while len(self._pages) > SNAPSHOTS:
                self._pages.popitem(last=False)
        return token

    def _rest(self, token: str, wanted: str) -> list[str]:
        with self._lock:
            known, arns = self._pages.get(token, ("", []))
        if known != wanted:
            raise ApiError("InvalidToken", f"Invalid Token: '{token}'")
        return arns


NO_REDRIVE = "A local run does not redrive executions"


def _refuse(constant: str) -> Any:
    message = f"Unrecognized token '{constant}'"
    raise ValueError(message)


def _input(text: str) -> Any:
    try:
        parsed = json.loads(text, parse_constant=_refuse)
    except ValueError as error:
        raise ApiError(
            "InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'"
        ) from error
    if len(text.encode()) > PAYLOAD_LIMIT:
        raise ApiError("InvalidExecutionInput", f"Invalid State Machine Execution Input: 'larger than {PAYLOAD_LIMIT} bytes'")  # fmt: skip
    return parsed


def _summary(run: Run, status: str) -> dict[str, Any]:
    """Return what both the list and the description have."""
    return {
        "executionArn": run.arn,
        "stateMachineArn": run.workflow.machine_arn,
        "stateMachineVersionArn": run.workflow.version_arn,
        "stateMachineAliasArn": run.workflow.alias_arn,
        "name": run.name,
        "status": status,
        "startDate": run.started,
        "stopDate": run.stopped if status != RUNNING else None,
        "redriveCount": 0,
    }


def _without_data(event: Event) -> Event:
    return {
        key: {name: inner for name, inner in value.items() if name not in DATA}
        if isinstance(value, dict)
        else value
        for key, value in event.items()
    }


def _token(arn: str, position: int, *, backwards: bool) -> str:
    return base64.urlsafe_b64encode(f"{arn} {position} {backwards}".encode()).decode()


def _position(token: str, arn: str, *, backwards: bool) -> int:
    try:
        of, position, direction = base64.urlsafe_b64decode(token).decode().split(" ")
        if (of, direction) == (arn, str(backwards)):
            return int(position)
    except ValueError:
        pass
    raise ApiError("InvalidToken", f"Invalid Token: '{token}'")
