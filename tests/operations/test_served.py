"""The commands end to end, as processes, against a local run that serves AWS's APIs."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from deployer.console import ROOT
from tests.runner.served import FAULTY, HANGING, HONEST, REJECTED, UNBUILDABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.runner.served import Served

pytestmark = pytest.mark.slow
SECONDS = 120


@dataclass(frozen=True)
class Operator:
    """Someone at a terminal of the served account."""

    served: Served

    @property
    def environment(self) -> dict[str, str]:
        """What a command's process finds."""
        return {**os.environ, **self.served.environment, "TZ": "Asia/Kolkata", "PYTHONUNBUFFERED": "1"}

    def argv(self, *arguments: str) -> list[str]:
        """Return a command as it is typed."""
        return [sys.executable, str(ROOT / "build.py"), *arguments, "--stack-name", self.served.stack]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self.argv(*arguments),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Begin a command, in a group of its own as a terminal would."""
        return subprocess.Popen(
            self.argv(*arguments),
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def started(self, repository: str) -> str:
        """Start an execution, and return its ARN."""
        name = f"o-{uuid.uuid4().hex[:12]}"
        result = self.run("start", *of(repository), "--name", name, "--detach", "--json")
        assert 0 == result.returncode, result.stderr
        found: str = json.loads(result.stdout)["executionArn"]
        return found


def of(repository: str) -> tuple[str, ...]:
    """Return the options for a repository; its server's ID is the repository's name."""
    return "--repository", repository, "--server-id", repository


@pytest.fixture(scope="module")
def operator(served: Served) -> Operator:
    """Return someone at a terminal."""
    return Operator(served)


@pytest.fixture(scope="module")
def ended(operator: Operator) -> dict[str, subprocess.CompletedProcess[str]]:
    """Start a validation of each kind with `start --json`, all at once, and follow each to its end."""
    repositories = (HONEST, REJECTED, UNBUILDABLE, FAULTY)
    with ThreadPoolExecutor(len(repositories)) as pool:
        results = pool.map(lambda each: operator.run("start", *of(each), "--json"), repositories)
        return dict(zip(repositories, results, strict=True))


@pytest.mark.parametrize(
    ("repository", "code", "fault", "error"),
    [(HONEST, 0, "none", None), (REJECTED, 3, "server", "Rejected"), (UNBUILDABLE, 3, "server", "ImageNotBuilt"), (FAULTY, 1, "pipeline", "RunFailed")],
)  # fmt: skip
def test_a_validation_ends_with_its_verdict(
    ended: dict[str, subprocess.CompletedProcess[str]],
    repository: str,
    code: int,
    fault: str,
    error: str | None,
) -> None:
    """Verified, rejected or our own fault: in the exit code, in the record, and in the last state."""
    result = ended[repository]
    assert code == result.returncode, result.stderr + result.stdout
    found = json.loads(result.stdout)
    assert (repository, fault, error) == (found["server"], found["fault"], found["error"])
    assert fault == found["record"]["fault"]
    assert found["timeline"][-1]["state"] in {"ValidationSucceeded", "ValidationFailed", "PipelineFailed"}
    assert (repository == HONEST) is (found["verdict"] or {}).get("verified", False)


def test_states_are_told_as_they_come(operator: Operator) -> None:
    """In a pipe, a line for each state, then the verdict and a timeline; times in this machine's zone."""
    result = operator.run("start", *of(HONEST))
    assert 0 == result.returncode, result.stderr
    states = ["BuildMCPServerImage", "RegisterValidationTaskDef", "RunMCPServerContainer", "ValidateMCPServer", "StopMCPServerContainer", "RecordVerdict"]  # fmt: skip
    places = [result.stdout.index(state) for state in states]
    assert sorted(places) == places
    assert re.search(r"^verified  greeter", result.stdout, re.MULTILINE)
    assert re.search(r"^started    \d{4}-\d\d-\d\d \d\d:\d\d:\d\d IST, ended", result.stdout, re.MULTILINE)
    assert not re.search("\x1b", result.stdout)


def test_two_at_once_do_not_mix(operator: Operator) -> None:
    """Each has its own verdict, name and lines."""
    one, two = (
        operator.begin("start", *of(HONEST), "--json"),
        operator.begin("start", *of(REJECTED), "--json"),
    )
    found = [json.loads(each.communicate(timeout=SECONDS)[0]) for each in (one, two)]
    assert [(0, "none", HONEST), (3, "server", REJECTED)] == [
        (process.returncode, each["fault"], each["server"])
        for process, each in zip((one, two), found, strict=True)
    ]
    lines = [
        json.loads(line)
        for line in operator.run("logs", found[0]["executionArn"], "--json").stdout.splitlines()
    ]
    tasks = [each for each in lines if each["source"] == "task"]
    assert tasks
    other = operator.run("logs", found[1]["executionArn"], "--json", "--source", "build").stdout
    assert REJECTED in other
    assert not any(REJECTED in each["line"] for each in lines)


def waited(look: Callable[[], Any], seconds: float = 30) -> Any:
    """Return what is looked for, once it is there."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError("it never was")


def test_who_detaches_can_return_and_stop_it(operator: Operator) -> None:
    """Ctrl-C ends the watch, not the execution; it says how to come back, and what it says works."""
    watching = operator.begin("start", *of(HANGING))
    assert watching.stdout is not None
    while "ValidateMCPServer" not in watching.stdout.readline():
        pass
    watching.send_signal(signal.SIGINT)
    _, told = watching.communicate(timeout=30)
    assert (130, False) == (watching.returncode, "Traceback" in told)
    assert "the execution goes on" in told
    known = re.search(rf"execution (\S+) --follow --stack-name {operator.served.stack}", told)
    assert known is not None
    assert f"execution {known[1]} --stop" in told
    (running,) = json.loads(operator.run("executions", "--status", "running", "--server", HANGING, "--json").stdout)  # fmt: skip
    assert known[1] == running["name"]

    returned = operator.begin("execution", known[1], "--follow", "--json")
    time.sleep(1)
    assert returned.poll() is None
    stopped = operator.run("execution", known[1], "--stop", "--reason", "enough")
    assert (0, True) == (stopped.returncode, stopped.stdout.startswith("stopped;"))
    found = json.loads(returned.communicate(timeout=30)[0])
    assert (1, "ABORTED", "StoppedByOperator", "enough") == (returned.returncode, found["status"], found["error"], found["cause"])  # fmt: skip


def test_lines_are_in_order_and_labelled(operator: Operator, ended: dict[str, subprocess.CompletedProcess[str]]) -> None:  # fmt: skip
    """The build's before the task's, the validator's with its request; times in UTC for programs."""
    arn = json.loads(ended[HONEST].stdout)["executionArn"]
    found = [json.loads(line) for line in operator.run("logs", arn, "--json").stdout.splitlines()]
    assert ["build", "task", "validator"] == sorted({each["source"] for each in found})
    assert sorted(each["at"] for each in found) == [each["at"] for each in found]
    assert "build" == found[0]["source"]
    requests = {match[0] for each in found if each["source"] == "validator" and (match := re.search(r"RequestId: (\S+)", each["line"]))}  # fmt: skip
    assert 1 == len(requests)
    only = operator.run("logs", arn, "--source", "build")
    assert {"build"} == {line.split()[1] for line in only.stdout.splitlines()}
    assert "times in IST" in only.stderr


def test_lines_are_followed_to_the_end(operator: Operator) -> None:
    """What is followed from the begin is what there is in the end: nothing lost, nothing twice."""
    arn = operator.started(REJECTED)
    followed = operator.run("logs", arn, "--follow", "--json")
    assert 0 == followed.returncode, followed.stderr
    lines = followed.stdout.splitlines()
    assert sorted(operator.run("logs", arn, "--json").stdout.splitlines()) == sorted(lines)
    assert {"build", "task", "validator"} == {json.loads(line)["source"] for line in lines}


def test_the_list_has_them_all(
    operator: Operator, ended: dict[str, subprocess.CompletedProcess[str]]
) -> None:
    """With their verdicts; a server's, and those that failed."""
    arns = {repository: json.loads(result.stdout)["executionArn"] for repository, result in ended.items()}
    found = {each["executionArn"]: each for each in json.loads(operator.run("executions", "--json", "--limit", "200").stdout)}  # fmt: skip
    assert [
        ("verified", "none"),
        ("rejected", "server"),
        ("rejected", "server"),
        ("inconclusive", "pipeline"),
    ] == [(found[arn]["outcome"], found[arn]["fault"]) for arn in arns.values()]
    failed = json.loads(
        operator.run("executions", "--json", "--failed", "--since", "1h", "--limit", "200").stdout
    )
    assert set(arns.values()) - {arns[HONEST]} <= {each["executionArn"] for each in failed}
    assert arns[HONEST] not in {each["executionArn"] for each in failed}
    own = json.loads(operator.run("executions", "--json", "--server", FAULTY).stdout)
    assert arns[FAULTY] in {each["executionArn"] for each in own}
    assert {FAULTY} == {each["server"] for each in own}


def test_the_pipeline_s_status_is_told(operator: Operator) -> None:
    """What is deployed is the committed document; a task that runs is told with its execution."""
    arn = operator.started(HANGING)
    try:
        running = waited(
            lambda: [
                each
                for each in json.loads(operator.run("status", "--json").stdout)["tasks"].get("tasks", ())
                if each["executionArn"] == arn and each["status"] == "RUNNING"
            ]
        )
        assert [("RUNNING", HANGING)] == [(each["executionStatus"], each["server"]) for each in running]
        found = json.loads(operator.run("status", "--json").stdout)
        whats = [each["what"] for each in found["definition"]["findings"]]
        assert ["the alias live runs version 1", "version 1 is the committed document 1.0.0"] == whats
        assert "ok" == found["sweeper"]["findings"][0]["level"]
        assert "CREATE_COMPLETE" == found["stack"]["status"]
    finally:
        operator.run("execution", arn, "--stop")


def test_the_doctor_looks_at_what_there_is(operator: Operator) -> None:
    """Credentials, clock and bucket; what the emulator does not know is said to be unknown."""
    result = operator.run("doctor", "--json")
    found = json.loads(result.stdout)
    assert "ok" == found["clock"]["findings"][0]["level"]
    assert "123456789012" == found["credentials"]["account"]
    assert "toolshed-artifacts" == found["bucket"]["name"]
    assert {"credentials", "clock", "documents", "bucket", "secrets", "quotas", "permissions"} < set(found)
    assert "Traceback" not in result.stderr
