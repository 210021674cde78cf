"""Showing one execution: from AWS or a file, as text, JSON or a page; stopping it."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from deployer.console import ROOT, Refused
from deployer.stacks import Pace
from operations import execution_commands, outcome
from operations.outcome import faults
from review.execution import tell
from tests.operations.scripted import NAME, NOW, SWEEPER, Scripted, described, event, execution_arn, refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result


def history() -> list[dict[str, Any]]:
    """Return the history of an execution whose build was retried, and that failed."""
    label = {"resourceType": "codebuild", "resource": "startBuild.sync"}
    given = {**label, "region": "r", "parameters": "{}"}
    return [
        event(1, "ExecutionStarted", input="{}"),
        event(2, "TaskStateEntered", 0, name="BuildMCPServerImage", input="{}"),
        event(3, "TaskScheduled", 0, **given),
        event(4, "TaskFailed", 1, **label, error="CodeBuild.AccountLimitExceededException", cause="busy"),
        event(5, "TaskScheduled", 5, **given),
        event(6, "TaskSucceeded", 90, **label, output="{}"),
        event(7, "TaskStateExited", 91, name="BuildMCPServerImage", output="{}"),
        event(8, "FailStateEntered", 91, name="PipelineFailed", input="{}"),
        event(9, "ExecutionFailed", 91, error="TaskNotStarted", cause="no capacity"),
    ]


@pytest.fixture
def failed(aws: Scripted) -> Scripted:
    """Let there be an execution that failed by our fault."""
    return aws.answer(
        stepfunctions__GetExecutionHistory={"events": history()},
        stepfunctions__DescribeExecution=described(
            "e", "FAILED", error="TaskNotStarted", cause="no capacity"
        ),
        dynamodb__GetItem={},
    )


@pytest.mark.parametrize("given", ["e", execution_arn("e")])
def test_an_execution_is_told_with_what_to_do(
    failed: Scripted, run: Callable[..., Result], given: str
) -> None:
    """By its name or ARN: states, times, errors, whose fault, and the advice of docs/faults.md."""
    result = run(execution_commands.execution, given)
    assert 0 == result.exit_code
    shown = result.stdout
    assert "TaskNotStarted: no capacity" in shown
    assert f"the fault is the pipeline's: {faults()['TaskNotStarted'].means}" in shown
    assert f"what to do: {faults()['TaskNotStarted'].help}" in shown
    assert re.search(r"BuildMCPServerImage +1 min 31 s  retried", shown)
    assert "CodeBuild.AccountLimitExceededException: busy" in shown
    assert [execution_arn("e")] == [
        each["executionArn"] for each in failed.of("stepfunctions:DescribeExecution")
    ]


@pytest.mark.usefixtures("failed")
def test_a_program_reads_the_states_in_seconds(run: Callable[..., Result]) -> None:
    """With the errors of each; times in UTC."""
    found = json.loads(run(execution_commands.execution, "e", "--json").stdout)
    first = found["timeline"][0]
    assert ("BuildMCPServerImage", 91, "retried", 1) == (first["state"], first["seconds"], first["fate"], first["visits"])  # fmt: skip
    assert ("pipeline", "TaskNotStarted") == (found["fault"], found["error"])
    assert found["startedAt"].endswith("Z")
    # Two begun minutes of a build, two transitions.
    assert found["costEstimate"] == pytest.approx(2 * 0.005 + 2 * 0.000025)


def test_a_page_is_drawn_over_the_definition_that_was_executed(
    failed: Scripted, run: Callable[..., Result], tmp_path: Path
) -> None:
    """The deployed one; where it may not be asked for, a committed one that has the states."""
    page = tmp_path / "page.html"
    document = {"StartAt": "BuildMCPServerImage", "States": {"BuildMCPServerImage": {"Type": "Task", "Resource": "r", "Next": "PipelineFailed"}, "PipelineFailed": {"Type": "Fail"}, "OnlyHere": {"Type": "Succeed"}}}  # fmt: skip
    failed.answer(
        stepfunctions__DescribeStateMachineForExecution={
            "stateMachineArn": "m",
            "name": "m",
            "definition": json.dumps(document),
            "roleArn": "r",
            "updateDate": NOW,
        }
    )
    assert 0 == run(execution_commands.execution, "e", "-o", str(page)).exit_code
    assert "OnlyHere" in page.read_text("utf-8")
    failed.answer(stepfunctions__DescribeStateMachineForExecution=refused("AccessDeniedException", "D"))
    assert 0 == run(execution_commands.execution, "e", "-o", str(page)).exit_code
    assert "StopMCPServerContainer" in page.read_text("utf-8")


def test_a_history_file_is_shown_without_an_account(run: Callable[..., Result], tmp_path: Path) -> None:
    """As text, as JSON and as a page."""
    path, page = tmp_path / "history.json", tmp_path / "page.html"
    path.write_text(json.dumps({"events": history()}, default=str), "utf-8")
    shown = run(execution_commands.execution, str(path))
    assert (0, True, True) == (shown.exit_code, "TaskNotStarted: no capacity" in shown.stdout, f"what to do: {faults()['TaskNotStarted'].help}" in shown.stdout)  # fmt: skip
    assert "FAILED" == json.loads(run(execution_commands.execution, str(path), "--json").stdout)["status"]
    drawn = run(execution_commands.execution, str(path), "-o", str(page))
    assert (0, True) == (drawn.exit_code, page.read_text("utf-8").startswith("<!doctype html>"))


def test_what_is_no_history_is_refused(run: Callable[..., Result], tmp_path: Path) -> None:
    """A file without events is an error with advice, and a file is not followed."""
    path = tmp_path / "history.json"
    path.write_text("{}", "utf-8")
    result = run(execution_commands.execution, str(path))
    assert (1, True) == (result.exit_code, "get-execution-history" in result.stderr)
    assert 2 == run(execution_commands.execution, str(path), "--follow").exit_code


@pytest.mark.parametrize("given", ["no/such/file.json", "arn:aws:states:r:1:stateMachine:x", "a b"])
def test_what_is_neither_a_name_nor_a_file_is_refused(
    aws: Scripted, run: Callable[..., Result], given: str
) -> None:
    """Before anything is asked."""
    result = run(execution_commands.execution, given)
    assert (2, True) == (
        result.exit_code,
        "is neither an execution's name or ARN, nor a file" in result.stderr,
    )
    assert [] == aws.calls


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--stop", "--follow"), "exclude each other"),
        (("--follow", "-o", "page.html"), "exclude each other"),
        (("-o", "page.html", "--json"), "leave out --json"),
        (("--definition", "DEFINITION"), "--output draws"),
        (("--reason", "no use"), "--stop"),
    ],
)
def test_no_option_is_passed_over_in_silence(
    aws: Scripted, run: Callable[..., Result], options: tuple[str, ...], said: str
) -> None:
    """What contradicts another option, or is of no use without one, is refused before anything is done."""
    file = str(ROOT / "asl/validation-pipeline.asl.json")
    given = (file if each == "DEFINITION" else each for each in options)
    result = run(execution_commands.execution, "e", *given)
    assert (2, True, set()) == (result.exit_code, said in result.stderr, aws.made)


def test_an_execution_that_is_not_there_is_told(aws: Scripted, run: Callable[..., Result]) -> None:
    """With where the others are."""
    aws.answer(
        stepfunctions__GetExecutionHistory=refused("ExecutionDoesNotExist", "GetExecutionHistory"),
        stepfunctions__DescribeExecution=refused("ExecutionDoesNotExist", "DescribeExecution"),
    )
    for arguments in (("x",), ("x", "--stop"), ("x", "--follow")):
        result = run(execution_commands.execution, *arguments)
        assert (1, True) == (result.exit_code, "there is no execution x in eu-central-1" in result.stderr)


def test_an_arn_is_shown_where_its_stack_is_gone(failed: Scripted, run: Callable[..., Result]) -> None:
    """Only the record of its verdict is left out, and that is said."""
    failed.answer(
        cloudformation__DescribeStacks=refused("ValidationError", "DescribeStacks", "does not exist")
    )
    result = run(execution_commands.execution, execution_arn("e"))
    assert (0, True) == (result.exit_code, "what only the stack's outputs name is left out" in result.stderr)
    assert "dynamodb:GetItem" not in failed.made
    assert 1 == run(execution_commands.execution, "e").exit_code


def test_a_sweep_is_no_validation(aws: Scripted, run: Callable[..., Result]) -> None:
    """It verified nothing, and no verdict of it is missing; `status` leads here when one fails."""
    arn = execution_arn("sweep").replace(NAME, "Sweeper-1")
    aws.answer(stepfunctions__GetExecutionHistory={"events": [event(1, "ExecutionStarted")]})
    given = {"executionArn": arn, "stateMachineArn": SWEEPER, "input": "{}", "output": "{}"}
    aws.answer(stepfunctions__DescribeExecution=described("sweep", **given))
    shown = run(execution_commands.execution, arn).stdout
    assert "succeeded" == shown.splitlines()[0]
    assert "verdict" not in shown
    assert json.loads(run(execution_commands.execution, arn, "--json").stdout)["outcome"] is None
    failed = {**given, "error": "SweepFailed", "cause": "a task is left"}
    aws.answer(stepfunctions__DescribeExecution=described("sweep", "FAILED", **failed))
    assert "docs/operating.md" in run(execution_commands.execution, arn).stdout


@pytest.mark.parametrize(("minutes", "said"), [(2, "the sweeper records one"), (90, "is recorded for it\n")])
def test_a_record_is_promised_only_while_one_may_come(
    aws: Scripted, run: Callable[..., Result], minutes: int, said: str
) -> None:
    """And missed only where it was looked for."""
    ended = described("e", "ABORTED", stopDate=NOW - timedelta(minutes=minutes))
    aws.answer(
        stepfunctions__GetExecutionHistory={"events": [event(1, "ExecutionStarted")]},
        stepfunctions__DescribeExecution=ended,
        dynamodb__GetItem={},
    )
    shown = run(execution_commands.execution, "e").stdout
    assert "no verdict is recorded for it" in shown
    assert said in shown
    aws.answer(cloudformation__DescribeStacks={"Stacks": []})
    assert "no verdict" not in run(execution_commands.execution, execution_arn("e")).stdout


@pytest.mark.parametrize(
    ("status", "expected"), [("RUNNING", "stopped;"), ("SUCCEEDED", "it had ended already")]
)
def test_an_execution_is_stopped_once(
    aws: Scripted, run: Callable[..., Result], status: str, expected: str
) -> None:
    """With who did it as its error; one that is over is left alone."""
    aws.answer(
        stepfunctions__DescribeExecution=described("e", status),
        stepfunctions__StopExecution={"stopDate": NOW},
    )
    result = run(execution_commands.execution, "e", "--stop", "--reason", "too slow")
    assert (0, True) == (result.exit_code, result.stdout.startswith(expected))
    sent = [(each["error"], each["cause"]) for each in aws.of("stepfunctions:StopExecution")]
    assert ([("StoppedByOperator", "too slow")] if status == "RUNNING" else []) == sent


def test_one_that_runs_is_shown_as_it_stands(aws: Scripted, run: Callable[..., Result]) -> None:
    """It has neither a verdict nor a fault yet."""
    aws.answer(
        stepfunctions__GetExecutionHistory={"events": history()[:3]},
        stepfunctions__DescribeExecution=described("e", "RUNNING"),
    )
    result = run(execution_commands.execution, "e")
    assert (0, True) == (result.exit_code, result.stdout.startswith("running\n"))
    assert ", and runs" in result.stdout
    assert "fault" not in result.stdout


def test_every_fault_of_the_documents_is_explained() -> None:
    """Each error that an execution can end with is a row of docs/faults.md, with whose fault it is."""
    ends = {event["error"] for event in _ends()}
    assert set() == ends - faults().keys() - {""}
    assert {"server", "pipeline"} == {each.fault for each in faults().values()}


def _ends() -> list[dict[str, str]]:
    """Return the errors of the document's own ends, by the Pass states that note them."""
    document = json.loads((ROOT / "asl/validation-pipeline.asl.json").read_text("utf-8"))
    return [
        {"error": state["Parameters"]["Error"]}
        for state in document["States"].values()
        if state["Type"] == "Pass" and "Error" in state.get("Parameters", {})
    ]


def test_a_fault_is_judged_as_the_document_judges_it() -> None:
    """The fault in the page is the one that the document's own state notes."""
    document = json.loads((ROOT / "asl/validation-pipeline.asl.json").read_text("utf-8"))
    noted = {
        parameters["Error"]: parameters["Fault"]
        for state in document["States"].values()
        if isinstance(parameters := state.get("Parameters"), dict)
        and {"Error", "Fault"} <= parameters.keys()
        and parameters["Error"]
    }
    assert noted
    assert noted == {error: faults()[error].fault for error in noted}


def test_a_history_of_aws_and_one_of_a_run_here_are_told_alike() -> None:
    """Times as AWS's client gives them, and as text."""
    as_text = [{**each, "timestamp": each["timestamp"].isoformat()} for each in history()]
    assert [(visit.name, visit.fate) for visit in tell(history()).visits] == [
        (visit.name, visit.fate) for visit in tell(as_text).visits
    ]


@pytest.mark.parametrize("arguments", [("e", "--follow", "--json"), ("e", "--json")])
def test_an_end_that_is_not_known_everywhere_yet_is_waited_for(
    failed: Scripted, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """The history has ended and the description says that it runs: its end decides, not the moment."""
    monkeypatch.setattr("deployer.stacks.time.sleep", lambda _seconds: None)
    after = failed.answers["stepfunctions:DescribeExecution"]
    answers = iter([described("e", "RUNNING"), described("e", "RUNNING"), after])
    failed.answer(stepfunctions__DescribeExecution=lambda _: next(answers))
    result = run(execution_commands.execution, *arguments)
    assert ("FAILED", "pipeline") == tuple(json.loads(result.stdout)[key] for key in ("status", "fault"))
    assert (1 if "--follow" in arguments else 0) == result.exit_code


def test_an_end_that_is_never_known_is_no_verdict(failed: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is claimed of it."""
    monkeypatch.setattr(outcome, "SETTLING", Pace(first=0, last=0, limit=0.05))
    failed.answer(stepfunctions__DescribeExecution=described("e", "RUNNING"))
    with pytest.raises(Refused, match="still says that it runs"):
        outcome.ended(failed.account(), execution_arn("e"), {})


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        ("ABORTED", "StoppedByOperator", "ExecutionAborted"),
        ("TIMED_OUT", None, "ExecutionTimedOut"),
        ("FAILED", "States.Runtime", "ExecutionFailed"),
        ("FAILED", "Rejected", "Rejected"),
    ],
)
def test_an_end_that_recorded_nothing_is_explained_by_its_status(
    status: str, error: str | None, expected: str
) -> None:
    """As the sweeper will record it; who stopped it is told of no defect."""
    assert (faults()[expected].means, faults()[expected].help) == outcome.explained(error, status)
