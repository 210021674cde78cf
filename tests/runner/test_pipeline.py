"""The whole pipeline: real servers in, verdicts in the table, nothing left."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from generator import faults as fault_table
from runner import report
from runner.faults_injected import HANGS, LOST, FaultError, InjectedFault, parse
from runner.pipeline import Outcome, Request
from runner.services.stand_ins import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from runner.session import Session

# On an emulator, with real processes, some of which are killed on purpose.
pytestmark = pytest.mark.soak

ROOT = Path(__file__).parent.parent.parent
SCRIPTED = Path(__file__).parent / "servers/scripted.py"

EXPECTED: Mapping[str, tuple[str | None, str | None]] = {
    "sample": (None, None),
    "good": (None, None),
    "crashes": ("ContainerExited", None),
    "exits-after-handshake": ("Rejected", "endpoint.answers|endpoint.reachable"),
    "html": ("Rejected", "rpc.content_type"),
    "endless-body": ("Rejected", "limits.bytes"),
    "endless-pages": ("Rejected", "limits.pages"),
    "no-schema": ("Rejected", "tools.schema_present"),
    "memory": ("Rejected", None),
    "no-such-program": ("ContainerNotStarted", None),
    "no-dockerfile": ("ImageNotBuilt", None),
}
"""How each server must end: the execution's error, and the check that failed, or the checks of which one must."""

SLOW: Mapping[str, tuple[str | None, str | None]] = {
    "never-listens": ("Rejected", "endpoint.reachable"),
    "loopback-only": ("Rejected", "endpoint.reachable"),
    "silent": ("Rejected", "endpoint.answers"),
}
"""Those that use up the validator's time."""


def source(behaviour: str, folder: Path) -> Source:
    """Return a repository whose server behaves so."""
    match behaviour:
        case "sample":
            return Source(ROOT / "samples/greeter")
        case "no-dockerfile":
            (folder / behaviour).mkdir()
            return Source(folder / behaviour)
        case "no-such-program":
            return Source(command=("/no/such/program",))
    return Source(command=(sys.executable, str(SCRIPTED), behaviour, "{port}"))


def request(of: Source, name: str, *faults: InjectedFault) -> Request:
    """Ask for an execution on a server of some name."""
    given = {"serverId": f"local/{name}", "repositoryName": name, "originalRepositoryName": f"local/{name}"}
    return Request(given, of, faults)


def run_all(session: Session, requests: list[Request], parallel: int) -> list[Outcome]:
    """Run executions beside each other; what raises, raises here."""
    found: dict[int, Outcome] = {}
    for number, outcome in session.run(requests, parallel):
        if isinstance(outcome, BaseException):
            raise outcome
        found[number] = outcome
    return [found[number] for number in range(len(requests))]


@pytest.fixture
def run_alone(session: Session) -> Iterator[Callable[..., list[Outcome]]]:
    """Run executions that are let go of at the end, with whatever a fault made them leave."""
    ended: list[Outcome] = []

    def run(requests: list[Request], parallel: int = 1) -> list[Outcome]:
        found = run_all(session, requests, parallel)
        ended.extend(found)
        return found

    yield run
    for outcome in ended:
        session.pipeline.forget(outcome)


@pytest.fixture(scope="module")
def outcomes(session: Session, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """Run all of them at once on one emulator, where they must not disturb each other."""
    folder = tmp_path_factory.mktemp("repositories")
    found = run_all(session, [request(source(name, folder), name) for name in EXPECTED], 6)
    return dict(zip(EXPECTED, found, strict=True))


def check(outcome: Outcome, error: str | None, failed: str | None) -> None:
    """Assert that an execution ended as it should, and left one verdict and no process."""
    assert error == outcome.execution.error
    assert failed is None or outcome.verdict["failed"] in failed.split("|")
    assert outcome.record is not None
    assert (error or "") == outcome.record["error"]
    owner = fault_table.table()[error].fault if error else "none"
    assert (owner, owner) == (outcome.fault, outcome.record["fault"])
    assert not [task for task in outcome.tasks if task.is_alive]


@pytest.mark.parametrize("name", EXPECTED)
def test_a_server_gets_its_verdict(outcomes: dict[str, Outcome], name: str) -> None:
    """The right error, the right check, one verdict in the table, whose fault it was, and nothing runs on."""
    check(outcomes[name], *EXPECTED[name])


def test_the_image_that_was_built_is_the_one_that_ran(outcomes: dict[str, Outcome]) -> None:
    """The verdict names the digest that the build exported."""
    outcome = outcomes["sample"]
    assert outcome.build is not None
    assert outcome.build.exported["IMAGE_URI"].endswith("@" + outcome.verdict["imageDigest"])


def test_a_server_that_takes_too_much_memory_is_killed(outcomes: dict[str, Outcome]) -> None:
    """While it was judged, its container was killed for what it held."""
    (task,) = outcomes["memory"].tasks
    assert task.process is not None
    assert task.process.exit is not None
    assert "memory" == task.process.exit.killed_for


def test_the_history_is_one_of_step_functions(outcomes: dict[str, Outcome]) -> None:
    """Its events have the API's shape, and its times go forward."""
    history = outcomes["sample"].execution.history
    assert [number + 1 for number in range(len(history))] == [event["id"] for event in history]
    assert sorted(event["timestamp"] for event in history) == [event["timestamp"] for event in history]
    assert ("ExecutionStarted", "ExecutionSucceeded") == (history[0]["type"], history[-1]["type"])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("sample", ["verified  greeter 1.0.0", "not carried out: FROM python", "Not shown by a local run"]),
        (
            "crashes",
            ["rejected", "ContainerExited", "the fault is the server's", "| Traceback: no such module"],
        ),
        ("no-schema", ["tools.schema_present", "error"]),
        ("no-dockerfile", ["ImageNotBuilt", "has no file named Dockerfile"]),
    ],
)
def test_the_report_tells_what_matters(outcomes: dict[str, Outcome], name: str, words: list[str]) -> None:
    """Verdict, reason, whose fault, what ran, and what a local run does not show."""
    text = "\n".join(line for line, _ in report.lines(outcomes[name], is_verbose=False))
    assert not [word for word in words if word not in text]


def test_the_outcome_is_told_to_programs_too(outcomes: dict[str, Outcome]) -> None:
    """It is JSON, with the verdict as it was recorded and the timeline in order."""
    found: Any = json.loads(json.dumps(report.as_json(outcomes["sample"])))
    assert (True, "verified", "SUCCEEDED") == (
        found["record"]["verified"],
        found["record"]["outcome"],
        found["status"],
    )
    assert "ValidationSucceeded" == found["timeline"][-1]["state"]
    assert sorted(each["at"] for each in found["timeline"]) == [each["at"] for each in found["timeline"]]


@pytest.mark.parametrize(("name", "expected"), [("sample", 0), ("html", 3), ("crashes", 3)])
def test_the_exit_code_says_whose_fault_it_was(
    outcomes: dict[str, Outcome], name: str, expected: int
) -> None:
    """Verified is 0, rejected 3."""
    assert expected == report.exit_code(outcomes[name])


INJECTED = [
    ("RunMCPServerContainer", "Ecs.AccessDeniedException", "RunFailed"),
    ("ValidateMCPServer", "Lambda.Unknown", "ValidatorFailed"),
    ("RecordVerdict", "DynamoDB.AccessDeniedException", "VerdictNotRecorded"),
    ("StopMCPServerContainer", "Ecs.ServerException", "TaskNotStopped"),
]


@pytest.mark.slow
def test_faults_on_a_live_run_end_as_on_the_model(run_alone: Callable[..., list[Outcome]]) -> None:
    """The errors are those of the table, and whatever is left is ended with the session."""
    requests = [
        request(Source(ROOT / "samples/greeter"), f"fault-{state}", InjectedFault(state, error, float("inf")))
        for state, error, _ in INJECTED
    ]
    found = run_alone(requests, 4)
    assert [expected for _, _, expected in INJECTED] == [outcome.execution.error for outcome in found]
    assert ["pipeline"] * len(INJECTED) == [outcome.fault for outcome in found]


@pytest.mark.slow
def test_a_lost_answer_of_a_live_run_leaves_no_task(run_alone: Callable[..., list[Outcome]]) -> None:
    """RunTask took effect and its answer was lost: the retry gets the same task."""
    fault = InjectedFault("RunMCPServerContainer", LOST, 1)
    (outcome,) = run_alone([request(Source(ROOT / "samples/greeter"), "lost", fault)])
    assert (None, 1) == (outcome.execution.error, len(outcome.tasks))
    check(outcome, None, None)


@pytest.mark.soak
def test_servers_that_use_up_their_time(run_alone: Callable[..., list[Outcome]], tmp_path: Path) -> None:
    """Each is rejected, by the check that says why; that one listens where nobody reaches it is known."""
    found = run_alone([request(source(name, tmp_path), name) for name in SLOW], len(SLOW))
    for name, outcome in zip(SLOW, found, strict=True):
        check(outcome, *SLOW[name])
        (task,) = outcome.tasks
        assert task.process is not None
        assert (name == "loopback-only") is task.process.is_unreachable


@pytest.mark.soak
def test_a_hundred_executions_ten_at_a_time(session: Session) -> None:
    """All verdicts are right, and memory, processes and files are where they were."""
    wanted = [request(Source(ROOT / "samples/greeter"), f"many-{number}") for number in range(100)]
    verified = 0
    for _, outcome in session.run(wanted, 10):
        assert not isinstance(outcome, BaseException)
        check(outcome, None, None)
        session.pipeline.forget(outcome)
        verified += 1
    assert 100 == verified
    assert {} == {
        arn: task for arn, task in session.pipeline.tasks.tasks.items() if "many" in task.execution_arn
    }
    assert not [task for task in session.pipeline.tasks.tasks.values() if task.is_alive]


@pytest.mark.parametrize(
    ("text", "state", "error", "left"),
    [
        ("A=Ecs.X", "A", "Ecs.X", float("inf")),
        ("B=hangs*2", "B", HANGS, 2),
    ],
)
def test_a_fault_is_read(text: str, state: str, error: str, left: float) -> None:
    """State, error, and how often."""
    (fault,) = parse([text], ["A", "B"])
    assert (state, error, left) == (fault.state, fault.error, fault.left)


@pytest.mark.parametrize("text", ["A", "A=", "=X", "C=X", "A=X*y"])
def test_what_is_no_fault_is_refused(text: str) -> None:
    """The message shows the form, or the states that call something."""
    with pytest.raises(FaultError, match=r"STATE=ERROR|the states that do: A, B"):
        parse([text], ["A", "B"])


def test_a_fault_strikes_so_often() -> None:
    """And then no more."""
    fault = InjectedFault("A", "X", 2)
    assert [True, True, False, False] == [fault.strikes() for _ in range(4)]
