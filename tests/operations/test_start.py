"""Starting: the input is checked first, a lost answer starts nothing twice, and the verdict decides the exit code."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import EndpointConnectionError

from operations import execution_commands, request
from operations.request import Wanted
from tests.operations.scripted import ALIAS, REGION, TABLE, Scripted, described, event, execution_arn, refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

IMAGE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/server@sha256:" + "a" * 64
GIVEN = ("--repository", "a/b", "--server-id", "io.github.a/b")


def ends(aws: Scripted, status: str, **given: Any) -> None:
    """Let any execution be started, and be over at once."""
    names: list[str] = []

    def start(params: dict[str, Any]) -> dict[str, Any]:
        names.append(params["name"])
        return {"executionArn": execution_arn(params["name"]), "startDate": described("x")["startDate"]}

    kinds = {"SUCCEEDED": "ExecutionSucceeded", "FAILED": "ExecutionFailed", "ABORTED": "ExecutionAborted"}
    aws.answer(
        stepfunctions__StartExecution=start,
        stepfunctions__GetExecutionHistory={
            "events": [event(1, "ExecutionStarted"), event(2, kinds[status], 3)]
        },
        stepfunctions__DescribeExecution=lambda params: described(
            params["executionArn"].rpartition(":")[2], status, **given
        ),
        dynamodb__GetItem={},
    )


@pytest.mark.parametrize(
    ("status", "given", "code"),
    [
        ("SUCCEEDED", {}, 0),
        ("FAILED", {"error": "Rejected", "cause": "tools.list: none"}, 3),
        ("FAILED", {"error": "RunFailed", "cause": "denied"}, 1),
        ("FAILED", {"error": "States.Runtime", "cause": "a path"}, 1),
        ("ABORTED", {}, 1),
    ],
)
def test_the_exit_code_says_whose_fault_it_was(
    aws: Scripted, run: Callable[..., Result], status: str, given: dict[str, str], code: int
) -> None:
    """0 verified, 3 rejected, 1 ours; the same for programs."""
    ends(aws, status, **given)
    shown, for_programs = (
        run(execution_commands.start, *GIVEN),
        run(execution_commands.start, *GIVEN, "--json"),
    )
    assert (code, code) == (shown.exit_code, for_programs.exit_code)
    told = json.loads(for_programs.stdout)
    assert (status, given.get("error")) == (told["status"], told["error"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", told["startedAt"])


def test_what_was_started_may_not_be_known_at_once(
    aws: Scripted, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is followed all the same."""
    ends(aws, "SUCCEEDED")
    monkeypatch.setattr("deployer.stacks.time.sleep", lambda _seconds: None)
    troubles = iter([refused("ExecutionDoesNotExist", "GetExecutionHistory")] * 3)
    answer = aws.answers["stepfunctions:GetExecutionHistory"]
    aws.answer(stepfunctions__GetExecutionHistory=lambda _params: next(troubles, answer))
    assert 0 == run(execution_commands.start, *GIVEN).exit_code


def test_what_is_started_goes_through_the_alias_with_a_name_of_its_own(
    aws: Scripted, run: Callable[..., Result]
) -> None:
    """Its name begins with the server's ID; the table is read by server and execution."""
    ends(aws, "SUCCEEDED")
    assert 0 == run(execution_commands.start, *GIVEN, "--image-uri", IMAGE).exit_code
    (sent,) = aws.of("stepfunctions:StartExecution")
    assert ALIAS == sent["stateMachineArn"]
    assert re.fullmatch(r"io-github-a-b-[0-9a-f]{8}", sent["name"])
    assert {
        "repositoryName": "a-b",
        "originalRepositoryName": "a/b",
        "serverId": "io.github.a/b",
        "imageUri": IMAGE,
    } == json.loads(sent["input"])
    (asked,) = aws.of("dynamodb:GetItem")
    key = {"serverId": {"S": "io.github.a/b"}, "executionArn": {"S": execution_arn(sent["name"])}}
    assert (TABLE, key) == (asked["TableName"], asked["Key"])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), "what is to be validated?"),
        (("--repository", "a/b"), "what is to be validated?"),
        (("--repository", "ab", "--server-id", "s"), r"$.originalRepositoryName: 'ab' does not match"),
        (("--repository", "a/b", "--server-id", "ü"), "$.serverId: 'ü' does not match"),
        (("--server-id", "s", "--image-uri", "repo:latest"), "$.imageUri: 'repo:latest' does not match"),
        ((*GIVEN, "--name", "a b"), "--name a b: an execution's name"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_asked(
    aws: Scripted, run: Callable[..., Result], arguments: tuple[str, ...], expected: str
) -> None:
    """Where it is, and what it should be; AWS is not asked."""
    result = run(execution_commands.start, *arguments)
    assert (2, True) == (result.exit_code, expected in result.stderr), result.stderr
    assert [] == aws.calls


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("{", "is no JSON"),
        ('{"serverId": NaN}', "is no JSON (NaN is no value of JSON)"),
        ("[]", "is not of type 'object'"),
        ('{"serverId": 1}', "$.serverId: 1 is not of type"),
    ],
)
def test_a_file_is_checked_like_options(
    aws: Scripted, run: Callable[..., Result], tmp_path: Path, content: str, expected: str
) -> None:
    """The file is named."""
    path = tmp_path / "input.json"
    path.write_text(content, "utf-8")
    result = run(execution_commands.start, "--input", str(path))
    assert (2, True, True) == (result.exit_code, str(path) in result.stderr, expected in result.stderr)
    assert [] == aws.calls


def test_a_file_that_is_missing_is_no_defect(aws: Scripted, run: Callable[..., Result]) -> None:
    """It is said which."""
    result = run(execution_commands.start, "--input", "/nowhere/input.json")
    assert (1, "error: /nowhere/input.json: No such file or directory\n") == (result.exit_code, result.stderr)
    assert [] == aws.calls


def test_an_image_needs_no_repository() -> None:
    """Nothing is cloned; the names say where the image came from."""
    given = request.input_of(Wanted(server_id="s", image_uri=IMAGE))
    assert ("team/server", "team-server") == (given["originalRepositoryName"], given["repositoryName"])


def test_a_name_fits_whatever_the_server_s_id() -> None:
    """At most 80 characters that mean nothing to a shell, and never the same twice."""
    names = [request.name_of({"serverId": server}) for server in ("x" * 256, "/:=+@ .", "a", "a")]
    assert all(re.fullmatch(r"[A-Za-z0-9-]{1,80}", name) for name in names)
    assert len(names) == len(set(names))


def test_a_lost_answer_starts_nothing_twice(aws: Scripted, run: Callable[..., Result]) -> None:
    """The name was drawn for this start: where it is taken, it was taken by the call whose answer was lost."""
    ends(aws, "SUCCEEDED")
    sent: list[dict[str, Any]] = []

    def start(params: dict[str, Any]) -> Any:
        sent.append(params)
        return refused("ExecutionAlreadyExists", "StartExecution")

    aws.answer(
        stepfunctions__StartExecution=start,
        stepfunctions__DescribeExecution=lambda params: described(
            params["executionArn"].rpartition(":")[2], input=sent[0]["input"]
        ),
    )
    assert 0 == run(execution_commands.start, *GIVEN).exit_code


@pytest.mark.parametrize(("retries", "code"), [(0, 1), (1, 0)])
def test_a_name_of_yours_that_is_taken_is_refused(
    aws: Scripted, run: Callable[..., Result], retries: int, code: int
) -> None:
    """Unless this very call was repeated, and the input is the same."""
    ends(aws, "SUCCEEDED")
    given = request.text_of(request.input_of(Wanted("a/b", "io.github.a/b")))
    aws.answer(
        stepfunctions__StartExecution=refused("ExecutionAlreadyExists", "StartExecution", retries=retries),
        stepfunctions__DescribeExecution=described("mine", input=given),
    )
    result = run(execution_commands.start, *GIVEN, "--name", "mine")
    assert (code, not code) == (result.exit_code, "there is an execution mine already" not in result.stderr)


def test_a_start_that_nobody_answered_says_how_to_go_on(aws: Scripted, run: Callable[..., Result]) -> None:
    """It may have taken effect: the name tells, and makes the repetition safe."""
    aws.answer(stepfunctions__StartExecution=EndpointConnectionError(endpoint_url="https://states"))
    result = run(execution_commands.start, *GIVEN, "--name", "mine")
    assert 1 == result.exit_code
    assert "it is not known whether mine was started" in result.stderr
    assert "add --name mine: it starts once" in result.stderr


def test_detached_it_says_how_to_come_back(aws: Scripted, run: Callable[..., Result]) -> None:
    """Nothing is followed; the commands to follow and to stop it are there."""
    ends(aws, "SUCCEEDED")
    result = run(execution_commands.start, *GIVEN, "--detach", "--name", "mine", "--region", REGION)
    assert (0, f"started {execution_arn('mine')}\n") == (result.exit_code, result.stdout)
    assert [
        f"follow it  python build.py execution mine --follow --region {REGION}",
        f"stop it    python build.py execution mine --stop --region {REGION}",
    ] == result.stderr.splitlines()
    assert "stepfunctions:GetExecutionHistory" not in aws.made
    told = json.loads(run(execution_commands.start, *GIVEN, "--detach", "--json", "--name", "mine").stdout)
    assert {"executionArn": execution_arn("mine"), "name": "mine"} == told


@pytest.mark.parametrize("code", ["AccessDeniedException", "ExpiredTokenException", "ThrottlingException"])
def test_a_refusal_is_told_without_a_traceback(aws: Scripted, run: Callable[..., Result], code: str) -> None:
    """What AWS said, and what to do."""
    aws.answer(stepfunctions__StartExecution=refused(code, "StartExecution", "not you"))
    result = run(execution_commands.start, *GIVEN)
    assert 1 == result.exit_code
    assert f"StartExecution: not you ({code})" in result.stderr
    assert 2 == len(result.stderr.splitlines())


def test_a_stack_that_is_not_there_is_told(aws: Scripted, run: Callable[..., Result]) -> None:
    """With how to name another one."""
    aws.answer(
        cloudformation__DescribeStacks=refused("ValidationError", "DescribeStacks", "Stack x does not exist")
    )
    result = run(execution_commands.start, *GIVEN)
    assert (1, True) == (result.exit_code, "there is no stack toolshed-validation" in result.stderr)


def test_a_stranger_s_words_steer_no_terminal(aws: Scripted, run: Callable[..., Result]) -> None:
    """An execution's cause holds what a server said."""
    ends(aws, "FAILED", error="Rejected", cause="\x1b[2Jgone \u202eback")
    shown = run(execution_commands.start, *GIVEN).stdout
    assert "·[2Jgone ·back" in shown
    assert not {"\x1b", "\u202e"} & set(shown)
