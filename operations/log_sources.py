"""Where an execution's lines are: read from its history, which names the build, the task and the validator's request."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from operations.outcome import parsed
from review.execution_ends import ENDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from deployer.account import Account
    from operations.history import Event

BUILD, TASK, VALIDATOR = "build", "task", "validator"
LABELS = (BUILD, TASK, VALIDATOR)
UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
SLACK = 60_000
"""Milliseconds before and after what the history says: clocks differ, and lines come late."""
LAMBDA_LEAST = 5_000
"""The same around an invocation whose request is not known."""


@dataclass(frozen=True)
class Source:
    """Lines of one stream; or of a group within a time, where the stream is not known."""

    label: str
    group: str
    stream: str | None
    start: int
    """Milliseconds since the epoch."""
    end: int | None = None
    """None where more may come."""
    request_id: str | None = None
    """Of an invocation: only its lines."""

    @property
    def is_shared(self) -> bool:
        """Whether lines of other executions may be among its lines."""
        return self.stream is None and self.request_id is None

    @property
    def key(self) -> tuple[str, str, str | None, int]:
        """What stays the same while more becomes known of it."""
        return self.label, self.group, self.stream, self.start


@dataclass(frozen=True)
class Groups:
    """The log groups of a stack."""

    build: str | None
    validator: str | None

    @classmethod
    def of(cls, outputs: Mapping[str, str]) -> Groups:
        """Return those that a stack's outputs name."""
        return cls(outputs.get("BuildLogGroupName"), outputs.get("ValidatorLogGroupName"))


def sources(account: Account, groups: Groups, events: Sequence[Event], labels: Sequence[str]) -> list[Source]:
    """Return the sources that a history names so far; those of builds are asked of CodeBuild where it does not."""
    calls = list(_calls(events))
    found: list[Source] = []
    if BUILD in labels:
        found += _builds(account, groups, calls)
    if TASK in labels:
        found += _tasks(calls)
    if VALIDATOR in labels and groups.validator:
        found += _validations(groups.validator, calls, is_over=events[-1]["type"] in ENDS)
    return list(dict.fromkeys(found))


@dataclass
class _Call:
    """One attempt of a Task to call a service."""

    resource: str
    scheduled: int
    parameters: Any = None
    submitted: Any = None
    result: Any = None
    cause: str = ""
    ended: int | None = None


def _calls(events: Sequence[Event]) -> Iterator[_Call]:
    open_calls: dict[int, _Call] = {}
    for event in events:
        kind, before = event["type"], int(event.get("previousEventId", 0))
        if kind == "TaskScheduled":
            details = event["taskScheduledEventDetails"]
            resource = f"{details.get('resourceType', '')}:{details.get('resource', '')}"
            call = _Call(resource.removeprefix("aws-sdk:"), _at(event), parsed(details.get("parameters")))
            open_calls[event["id"]] = call
            yield call
        elif kind.startswith("Task") and before in open_calls:
            found = open_calls[event["id"]] = open_calls[before]
            ended: Mapping[str, Any] = next(
                (value for key, value in event.items() if key.endswith("EventDetails")), {}
            )
            if kind == "TaskSubmitted":
                found.submitted = parsed(ended.get("output"))
            elif kind == "TaskSucceeded":
                found.result, found.ended = parsed(ended.get("output")), _at(event)
            elif kind in {"TaskFailed", "TaskTimedOut"}:
                found.cause, found.ended = str(ended.get("cause") or ""), _at(event)


def _at(event: Event) -> int:
    return int(datetime.fromisoformat(event["timestamp"]).timestamp() * 1000)


def _builds(account: Account, groups: Groups, calls: Sequence[_Call]) -> Iterator[Source]:
    for call in calls:
        if not call.resource.startswith("codebuild:"):
            continue
        answers = (call.result, parsed(call.cause), call.submitted)
        builds = [
            build
            for each in answers
            if isinstance(each, dict) and isinstance(build := each.get("Build"), dict)
        ]
        identifier = next((build["Id"] for build in builds if build.get("Id")), None)
        if identifier is None:
            continue
        logs = next((build["Logs"] for build in builds if (build.get("Logs") or {}).get("StreamName")), None)
        logs = logs or _asked(account, identifier)
        group = logs.get("GroupName") or groups.build
        stream = logs.get("StreamName") or identifier.partition(":")[2]
        if group:
            yield Source(BUILD, group, stream, call.scheduled - SLACK, _end(call))


def _asked(account: Account, identifier: str) -> Mapping[str, Any]:
    """Return where CodeBuild says that a build's lines are; nothing where it does not know the build any more."""
    found = account.client("codebuild").batch_get_builds(ids=[identifier])["builds"]
    logs = found[0].get("logs", {}) if found else {}
    return {"GroupName": logs.get("groupName"), "StreamName": logs.get("streamName")}


def _tasks(calls: Sequence[_Call]) -> Iterator[Source]:
    places: dict[str, list[tuple[str, str]]] = {}
    for call in calls:
        result = call.result if isinstance(call.result, dict) else {}
        if call.resource == "ecs:registerTaskDefinition" and isinstance(call.parameters, dict):
            arn = (result.get("TaskDefinition") or {}).get("TaskDefinitionArn", "")
            places[arn] = list(_streams(call.parameters))
        for task in result.get("Tasks") or () if call.resource in {"ecs:runTask", "ecs:listTasks"} else ():
            identifier = str(task.get("TaskArn", "")).rpartition("/")[2]
            for group, prefix in places.get(task.get("TaskDefinitionArn", ""), ()):
                yield Source(TASK, group, f"{prefix}/{identifier}", call.scheduled - SLACK)


def _streams(definition: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield group and stream prefix of each container that logs to CloudWatch."""
    for container in definition.get("ContainerDefinitions") or ():
        options = (container.get("LogConfiguration") or {}).get("Options") or {}
        if "awslogs-group" in options:
            # prefix/container/task. Evidence: documentation (ECS, awslogs-stream-prefix).
            yield options["awslogs-group"], f"{options.get('awslogs-stream-prefix')}/{container['Name']}"


def _validations(group: str, calls: Sequence[_Call], *, is_over: bool) -> Iterator[Source]:
    for call in calls:
        # Which request it is shows when it is over; until then its lines could be another execution's.
        if call.resource.startswith("lambda:") and (call.ended is not None or is_over):
            known = _request_id(call)
            slack = SLACK if known else LAMBDA_LEAST
            end = None if call.ended is None else call.ended + slack
            yield Source(VALIDATOR, group, None, call.scheduled - LAMBDA_LEAST, end, known)


def _request_id(call: _Call) -> str | None:
    """Return the request's ID, which Lambda's lines hold: from the answer, or from the function's error."""
    result = call.result if isinstance(call.result, dict) else {}
    metadata = result.get("SdkResponseMetadata") or {}
    if isinstance(metadata.get("RequestId"), str):
        return str(metadata["RequestId"])
    cause = parsed(call.cause)
    named = cause.get("requestId") if isinstance(cause, dict) else None
    found = UUID.search(named or call.cause)
    return found[0] if found else None


def _end(call: _Call) -> int | None:
    return None if call.ended is None else call.ended + SLACK
