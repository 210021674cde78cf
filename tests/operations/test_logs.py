"""The lines of an execution: found from its history, in order, none lost, none twice, none that steers a terminal."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from deployer.account import Account
from deployer.stacks import Pace
from operations import execution_commands, logs
from operations.history import History
from operations.log_sources import LABELS, Groups, sources
from operations.logs import Reader
from tests.operations.scripted import NOW, Scripted, event, execution_arn, refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

ARN = execution_arn("e")
GROUPS = Groups("builds", "validator")
REQUEST = "11111111-2222-3333-4444-555555555555"
BEGIN = int((NOW - timedelta(minutes=5)).timestamp() * 1000)
DEFINITION = {
    "ContainerDefinitions": [
        {"Name": "mcp-server", "LogConfiguration": {"Options": {"awslogs-group": "tasks", "awslogs-stream-prefix": "p"}}},
        {"Name": "silent"},
    ]
}  # fmt: skip


def task(first: int, kind: str, resource: str, answer: Any, parameters: Any = None, *, fails: bool = False) -> list[dict[str, Any]]:  # fmt: skip
    """Return the events of a Task that calls something."""
    label = {"resourceType": kind, "resource": resource}
    given = json.dumps(parameters or {})
    text = json.dumps(answer)
    end = (
        event(first + 2, "TaskFailed", first + 2, **label, error="E", cause=text)
        if fails
        else event(first + 2, "TaskSucceeded", first + 2, **label, output=text)
    )
    return [
        event(first, "TaskScheduled", first, **label, region="r", parameters=given),
        event(first + 1, "TaskStarted", first + 1, **label),
        end,
    ]


def history(*, fails: bool = False) -> list[dict[str, Any]]:
    """Return a history with a build, a task and a validation."""
    build = {"Build": {"Id": "project:b1", "Logs": {"GroupName": "builds", "StreamName": "b1"}}}
    answer = (
        {"errorMessage": "x", "requestId": REQUEST}
        if fails
        else {"SdkResponseMetadata": {"RequestId": REQUEST}}
    )
    registered = {"TaskDefinition": {"TaskDefinitionArn": "td"}}
    started = {"Tasks": [{"TaskArn": "arn:aws:ecs:r:1:task/cluster/t1", "TaskDefinitionArn": "td"}]}
    return [
        event(1, "ExecutionStarted", input="{}"),
        *task(2, "codebuild", "startBuild.sync", build),
        *task(5, "aws-sdk:ecs", "registerTaskDefinition", registered, DEFINITION),
        *task(8, "aws-sdk:ecs", "runTask", started),
        *task(11, "lambda", "invoke", answer, fails=fails),
        event(14, "ExecutionSucceeded", 20, output="{}"),
    ]


def message(at: int, text: str, stream: str = "s", identifier: str = "") -> dict[str, Any]:
    """Return an event of a log, so many milliseconds after the execution's start."""
    return {
        "timestamp": BEGIN + at,
        "ingestionTime": BEGIN + at + 5,
        "message": text,
        "logStreamName": stream,
        "eventId": identifier or f"{stream}-{at}-{text}",
    }


def filtered(
    lines: dict[str, list[dict[str, Any]]], size: int = 100
) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return what answers FilterLogEvents over the lines of some groups, page by page."""

    def answer(params: dict[str, Any]) -> dict[str, Any]:
        start = int(params.get("nextToken", "0"))
        found = [
            each
            for each in lines.get(params["logGroupName"], ())
            if params["startTime"] <= each["timestamp"] <= params.get("endTime", 1 << 60)
            and each["logStreamName"] in params.get("logStreamNames", [each["logStreamName"]])
        ]
        more = start + size < len(found)
        return {"events": found[start : start + size], **({"nextToken": str(start + size)} if more else {})}

    return answer


LINES = {
    "builds": [message(3000, "built", "b1"), message(2500, "cloned", "b1"), message(2600, "other", "b2")],
    "tasks": [message(9000, "listening", "p/mcp-server/t1"), message(9100, "stranger", "p/mcp-server/t2")],
    "validator": [
        message(12000, f"START RequestId: {REQUEST}", "v"),
        message(12500, "START RequestId: another", "v"),
        message(13000, "no id in this line", f"[{REQUEST}]"),
    ],
}


def scripted(
    aws: Scripted, lines: dict[str, list[dict[str, Any]]], *, fails: bool = False, size: int = 100
) -> History:
    """Script an execution with its logs."""
    aws.answer(
        stepfunctions__GetExecutionHistory={"events": history(fails=fails)},
        logs__FilterLogEvents=filtered(lines, size),
    )
    return History(aws.account(), ARN, has_data=True)


@pytest.mark.parametrize("fails", [False, True])
def test_lines_come_together_in_order_of_time(aws: Scripted, fails: bool) -> None:
    """Those of other builds, tasks and requests are left out, whether the validator answered or failed."""
    found = logs.so_far(Reader(aws.account()), scripted(aws, LINES, fails=fails), GROUPS)
    assert [
        ("build", "cloned"),
        ("build", "built"),
        ("task", "listening"),
        ("validator", f"START RequestId: {REQUEST}"),
        ("validator", "no id in this line"),
    ] == [(line.label, line.text) for line in found]


@pytest.mark.parametrize("fails", [False, True])
def test_an_invocation_s_lines_need_not_name_it(aws: Scripted, fails: bool) -> None:
    """A traceback does not: it is known by the stream, which has one invocation at a time."""
    lines = [
        message(9000, "INIT_START of another", "w"),
        message(9500, "START RequestId: another Version: 1", "w"),
        message(11000, "INIT_START", "v"),
        message(11100, "[ERROR] Runtime.ImportModuleError: no module", "v"),
        message(12000, f"START RequestId: {REQUEST} Version: 1", "v"),
        message(12100, "another's", "w"),
        message(12200, "[ERROR] KeyError: 'x'\rTraceback", "v"),
        message(12300, f"END RequestId: {REQUEST}", "v"),
        message(12300, f"REPORT RequestId: {REQUEST}\tDuration: 300 ms", "v"),
        message(12400, "END RequestId: another", "w"),
        message(12500, "START RequestId: third Version: 1", "v"),
        message(12600, "the third's", "v"),
    ]
    read = scripted(aws, {"validator": lines}, fails=fails)
    reader = Reader(aws.account())
    assert [each["message"] for each in lines if each["logStreamName"] == "v"][:-2] == [
        line.text for line in logs.so_far(reader, read, GROUPS)
    ]
    lines.append(message(12250, "came late", "v"))
    lines.sort(key=lambda each: each["timestamp"])
    assert ["came late"] == [line.text for line in logs.so_far(reader, read, GROUPS)]
    later = Reader(aws.account(), NOW - timedelta(minutes=5) + timedelta(milliseconds=12150))
    assert "[ERROR] KeyError: 'x'\rTraceback" == next(logs.so_far(later, read, GROUPS)).text


@pytest.mark.parametrize("size", [1, 7, 100])
def test_pages_lose_nothing(aws: Scripted, size: int) -> None:
    """Hundreds of lines, of which some have the same time and text."""
    lines = [message(3000 + number // 10, "same", "b1", f"id{number}") for number in range(300)]
    found = list(logs.so_far(Reader(aws.account()), scripted(aws, {"builds": lines}, size=size), GROUPS))
    assert 300 == len(found) == len({line.id for line in found})


def test_looks_find_what_came_late_and_nothing_twice(aws: Scripted) -> None:
    """A line that is older than one that was seen is found by the next look, if it is not much older."""
    lines = [message(5000, "second", "b1")]
    read = scripted(aws, {"builds": lines})
    read.look()
    found = sources(aws.account(), GROUPS, read.events, LABELS)
    reader = Reader(aws.account())
    assert ["second"] == [line.text for line in reader.look(found)]
    lines += [message(4000, "first, late", "b1"), message(6000, "third", "b1")]
    assert ["first, late", "third"] == [line.text for line in reader.look(found)]
    assert [] == reader.look(found)


def test_lines_are_followed_until_the_end(aws: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the history grows, sources come; what comes behind the end is there, in order."""
    monkeypatch.setattr(logs, "AFTERWARDS_SECONDS", 0.05)
    whole, looks = history(), 0
    lines: dict[str, list[dict[str, Any]]] = {"builds": [], "tasks": [], "validator": LINES["validator"]}

    def answer(_params: dict[str, Any]) -> dict[str, Any]:
        nonlocal looks
        looks += 1
        if looks == 3:
            lines["builds"].append(message(2500, "cloned", "b1"))
        if looks == 5:
            lines["tasks"].append(message(9000, "listening", "p/mcp-server/t1"))
        return {"events": whole[: looks * 2]}

    aws.answer(stepfunctions__GetExecutionHistory=answer, logs__FilterLogEvents=filtered(lines))
    read = History(aws.account(), ARN, has_data=True)
    found = list(logs.following(Reader(aws.account()), read, GROUPS, LABELS, Pace(0.001, 0.002, 10)))
    assert ["cloned", "listening", f"START RequestId: {REQUEST}", "no id in this line"] == [
        line.text for line in found
    ]


def test_what_passes_ends_no_watch_and_loses_no_line(aws: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told once; what was read beside the call that failed is read again, however old it is."""
    monkeypatch.setattr(logs, "AFTERWARDS_SECONDS", 0.0)
    monkeypatch.setattr(logs, "LOOK_BACK", 0)
    read = scripted(aws, {**LINES, "tasks": [message(9000, "listening", "p/mcp-server/t1")]})
    answer, troubles = filtered(LINES), iter([refused("ThrottlingException", "FilterLogEvents")] * 2)
    aws.answer(
        logs__FilterLogEvents=lambda params: (
            (next(troubles, None) if params["logGroupName"] == "tasks" else None) or answer(params)
        )
    )
    heard: list[str] = []
    account = Account(aws.account().access, heard.append)
    read.account = account
    found = logs.following(Reader(account), read, GROUPS, ("build", "task"), Pace(0.001, 0.002, 10))
    assert ["cloned", "built", "listening"] == [line.text for line in found]
    assert ["ThrottlingException: still following; the execution goes on"] == heard


def test_expired_credentials_end_the_watch(aws: Scripted) -> None:
    """A person must sign in again."""
    read = scripted(aws, LINES)
    aws.answer(logs__FilterLogEvents=refused("ExpiredTokenException", "FilterLogEvents"))
    with pytest.raises(ClientError, match="ExpiredToken"):
        list(logs.following(Reader(aws.account()), read, GROUPS, LABELS, Pace(0.001, 0.002, 10)))


def test_lines_wait_for_older_ones_of_other_streams(aws: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was just printed is held back for a moment, and shown behind what comes a little later but is older."""
    monkeypatch.setattr(logs, "AFTERWARDS_SECONDS", 0.05)
    monkeypatch.setattr(logs, "HELD_BACK", 60_000)
    now, looks = int(datetime.now(UTC).timestamp() * 1000) - BEGIN, 0
    lines: dict[str, list[dict[str, Any]]] = {"builds": [], "tasks": []}

    def answer(_params: dict[str, Any]) -> dict[str, Any]:
        nonlocal looks
        looks += 1
        if looks == 2:
            lines["tasks"].append(message(now, "younger", "p/mcp-server/t1"))
        if looks == 6:
            lines["tasks"].append(message(now - 100, "older", "p/mcp-server/t1"))
        return {"events": history()[: 12 if looks < 8 else 20]}

    aws.answer(stepfunctions__GetExecutionHistory=answer, logs__FilterLogEvents=filtered(lines))
    read = History(aws.account(), ARN, has_data=True)
    found = logs.following(Reader(aws.account()), read, GROUPS, ("task",), Pace(0.001, 0.002, 10))
    assert ["older", "younger"] == [line.text for line in found]


def test_a_build_that_runs_is_found_by_its_id(aws: Scripted) -> None:
    """CodeBuild says where its lines are as soon as it was submitted."""
    events = [
        event(1, "ExecutionStarted", input="{}"),
        event(2, "TaskScheduled", 1, resourceType="codebuild", resource="startBuild.sync", region="r", parameters="{}"),
        event(3, "TaskStarted", 1, resourceType="codebuild", resource="startBuild.sync"),
        event(4, "TaskSubmitted", 2, resourceType="codebuild", resource="startBuild.sync", output=json.dumps({"Build": {"Id": "project:b1"}})),
    ]  # fmt: skip
    aws.answer(
        stepfunctions__GetExecutionHistory={"events": events},
        codebuild__BatchGetBuilds={"builds": [{"logs": {"groupName": "own", "streamName": "prefix/b1"}}]},
    )
    read = History(aws.account(), ARN, has_data=True)
    read.look()
    (found,) = sources(aws.account(), GROUPS, read.events, LABELS)
    assert ("build", "own", "prefix/b1", None) == (found.label, found.group, found.stream, found.end)
    aws.answer(codebuild__BatchGetBuilds={"builds": []})
    (found,) = sources(aws.account(), GROUPS, read.events, LABELS)
    assert ("builds", "b1") == (found.group, found.stream)


def test_a_log_that_is_not_there_yet_is_no_error(aws: Scripted) -> None:
    """A stream is made with its first line."""
    read = scripted(aws, LINES)
    aws.answer(logs__FilterLogEvents=refused("ResourceNotFoundException", "FilterLogEvents"))
    assert [] == list(logs.so_far(Reader(aws.account()), read, GROUPS))


def test_sources_and_since_narrow_it(aws: Scripted, run: Callable[..., Result]) -> None:
    """Other logs are not read at all."""
    scripted(aws, LINES)
    result = run(execution_commands.logs, ARN, "--source", "build", "--json", "--since", "1h")
    assert ["cloned", "built"] == [json.loads(line)["line"] for line in result.stdout.splitlines()]
    assert {"builds"} == {each["logGroupName"] for each in aws.of("logs:FilterLogEvents")}
    narrow = run(execution_commands.logs, ARN, "--source", "build", "--since", "1s")
    assert ("", True) == (narrow.stdout, "no lines from build" in narrow.stderr)


def test_what_a_stranger_prints_steers_no_terminal(aws: Scripted, run: Callable[..., Result]) -> None:
    """Colours are dropped, other control characters become dots, a line of several is several lines."""
    lines = {
        "tasks": [
            message(9000, "\x1b[31mred\x1b[0m\ttab\x07\u202e\r\nnext\x1b]0;title\x07", "p/mcp-server/t1")
        ]
    }
    scripted(aws, lines)
    shown = run(execution_commands.logs, ARN, "--source", "task").stdout.splitlines()
    assert ["task       red tab··", "task       next"] == [line[14:] for line in shown]


def test_denied_logs_are_told(aws: Scripted, run: Callable[..., Result]) -> None:
    """Without a traceback."""
    scripted(aws, LINES)
    aws.answer(logs__FilterLogEvents=refused("AccessDeniedException", "FilterLogEvents", "not you"))
    result = run(execution_commands.logs, ARN)
    assert (1, True) == (result.exit_code, "this is not allowed: FilterLogEvents: not you" in result.stderr)
