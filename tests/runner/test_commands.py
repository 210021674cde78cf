"""The commands: their exit codes and messages, and that nothing is left, whoever is killed and when."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from runner import commands, emulator, state_test
from runner.warden import descendants

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# On an emulator, with real processes, some of which are killed on purpose.
pytestmark = pytest.mark.soak

ROOT = Path(__file__).parent.parent.parent
LINUX = sys.platform == "linux"


def invoke(command: Any, *arguments: str | Path) -> tuple[int, str]:
    """Run a command in this process; its exit code, and all that it printed."""
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


# test-state


@pytest.mark.parametrize(
    ("state", "given", "mock", "expected"),
    [
        ("CheckVerdict", {"Validation": {"Payload": {"outcome": "verified", "verified": True}}}, None, {"status": "SUCCEEDED", "nextState": "KeepVerdict"}),
        ("DescribeTask", {"Task": {"TaskArn": "a"}}, {"Tasks": []}, {"status": "SUCCEEDED", "nextState": "CheckTaskStartup"}),
        ("DescribeTask", {"Task": {"TaskArn": "a"}}, {"error": "Ecs.ServerException", "cause": "c"}, {"status": "CAUGHT_ERROR", "error": "Ecs.ServerException", "nextState": "CountStartupAttempt"}),
        ("ValidationFailed", {"Error": "Rejected", "Cause": "why"}, None, {"status": "FAILED", "error": "Rejected", "cause": "why"}),
    ],
)  # fmt: skip
def test_one_state_alone(tmp_path: Path, state: str, given: Any, mock: Any, expected: dict[str, Any]) -> None:
    """What it gives, and where it leads; a state that fails exits with 3."""
    arguments: list[str | Path] = [state, "--input", tmp_path / "input.json"]
    (tmp_path / "input.json").write_text(json.dumps(given))
    if mock is not None:
        (tmp_path / "mock.json").write_text(json.dumps(mock))
        arguments += ["--mock", tmp_path / "mock.json"]
    code, output = invoke(commands.test_state, *arguments)
    found = json.loads(output)
    assert expected == {key: found[key] for key in expected}
    assert (3 if expected["status"] == "FAILED" else 0) == code


def test_the_parameters_that_a_state_would_call_with_are_shown() -> None:
    """What an operator looks for first."""
    found = state_test.here(ROOT / state_test.DEFINITION, "DescribeTask", {"Task": {"TaskArn": "a"}}, {})
    assert {"Cluster": "ClusterName", "Tasks": ["a"]} == found["inspectionData"]["afterParameters"]


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ("Nowhere", "has no state Nowhere; it has CheckInput"),
        ("DescribeTask", "give its answer with --mock FILE"),
    ],
)
def test_a_state_that_cannot_be_tested_is_told(tmp_path: Path, state: str, message: str) -> None:
    """Exit code 2, and what to give."""
    (tmp_path / "input.json").write_text("{}")
    code, output = invoke(commands.test_state, state, "--input", tmp_path / "input.json")
    assert 2 == code
    assert message in output


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", "[" * 100_000, "a.json: The JSON is nested too deeply."),
        ("a.json", "{", "a.json:1:2: This is no JSON"),
        ("a.json", "{}", "a.json: A state machine has an object 'States'."),
        ("a.yaml", "States: [", "a.yaml:2:1: This is no YAML"),
    ],
)
def test_a_definition_that_cannot_be_read_is_told(tmp_path: Path, name: str, text: str, message: str) -> None:
    """Exit code 2, with the place; as YAML it is read, too."""
    (tmp_path / "input.json").write_text("{}")
    (tmp_path / name).write_text(text)
    given = ("A", "--input", tmp_path / "input.json", "--definition", tmp_path / name)
    code, output = invoke(commands.test_state, *given)
    assert 2 == code
    assert message in output
    (tmp_path / "a.yaml").write_text("StartAt: A\nStates: {A: {Type: Succeed}}\n")
    code, output = invoke(commands.test_state, *given[:-1], tmp_path / "a.yaml")
    assert 0 == code, output


# What is wrong before anything is started


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--command", "no-such-program-here"], "there is no program no-such-program-here"),
        (["--repository", "nowhere"], "nowhere: is no folder"),
        (["--env", "A"], "write NAME=VALUE"),
        (["--repeat", "0"], "0 is not in the range"),
        (["--input", "nowhere.json"], "nowhere.json: The file cannot be read: No such file"),
        (
            ["--serve", "--input", "x", "--json"],
            "--serve executes nothing by itself: leave out --input, --json",
        ),
        (["--source", "a/b=true"], "add --serve, or --keep"),
        (["--serve", "--source", "a"], "write OWNER/NAME=DIR, or OWNER/NAME=COMMAND"),
    ],
)
def test_a_wrong_wish_costs_no_time(arguments: list[str], message: str) -> None:
    """Exit code 2, and the message says what is wrong."""
    code, output = invoke(commands.run, *arguments)
    assert 2 == code
    assert message in output


def test_an_emulator_that_cannot_be_installed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names the pins and asks for the index, and nothing half made is left."""
    (tmp_path / emulator.REQUIREMENTS).write_text("ministack==0.0.0 --hash=sha256:0\n")

    def fails(command: list[str], log: Path) -> bool:
        (tmp_path / emulator.ENVIRONMENT).mkdir(exist_ok=True)
        log.write_text("ERROR: No matching distribution\n")
        return "pip" not in command

    monkeypatch.setattr(emulator, "_carried_out", fails)
    with pytest.raises(
        emulator.EmulatorError, match=r"No matching distribution.*requirements-ministack\.txt"
    ):
        emulator.make_environment(tmp_path, lambda _text: None)
    assert not (tmp_path / emulator.ENVIRONMENT).exists()


def test_an_emulator_that_does_not_start_says_its_last_words(tmp_path: Path) -> None:
    """Here: an environment whose Python has no MiniStack."""
    with pytest.raises(
        emulator.EmulatorError, match=r"the emulator ended \(exit code 1\): .*hypercorn|No module"
    ):
        emulator.start(Path(sys.executable), tmp_path)


def test_a_taken_emulator_port_is_told(packaged: Path, tmp_path: Path) -> None:
    """The port that was asked for is another's."""
    python = emulator.make_environment(packaged, lambda _text: None)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(emulator.EmulatorError, match="in use"):
            emulator.start(python, tmp_path, port)


def test_a_taken_port_to_serve_at_is_told(packaged: Path) -> None:
    """Exit code 1, and nothing is left."""
    assert packaged.is_dir()
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        command = [sys.executable, "build.py", "run", "--serve", "--emulator-port", str(port)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert 1 == done.returncode
    assert f"port {port} cannot be served (Address already in use)" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message and exit code 1, no traceback."""
    import tempfile  # noqa: PLC0415

    def full(**_options: Any) -> str:
        raise OSError(28, "No space left on device", "/tmp/toolshed")

    monkeypatch.setattr(tempfile, "mkdtemp", full)
    code, output = invoke(commands.run)
    assert 1 == code
    assert "/tmp/toolshed: No space left on device" in output


@pytest.mark.slow
@pytest.mark.skipif(not LINUX or os.geteuid() != 0, reason="needs a network of its own")
def test_a_machine_without_loopback_is_told(packaged: Path) -> None:
    """A message and exit code 1."""
    command = ["unshare", "--net", sys.executable, "build.py", "run"]
    done = subprocess.run(command, cwd=packaged, capture_output=True, text=True, check=False)
    assert 1 == done.returncode
    assert "cannot talk to itself at 127.0.0.1" in done.stderr
    assert "Traceback" not in done.stderr


# Whoever is killed, and when


SCRIPTED = Path(__file__).parent / "servers/scripted.py"
LINGERING = ("--command", f"{sys.executable} {SCRIPTED} silent {{port}}")
"""A server that uses up the validator's time: what is killed while it is judged is killed in time."""
TRIES = 5
"""A build is short, and may have ended before it is seen, or struck; then another one is."""
PATIENCE = 60.0
"""Seconds for what takes one or two on a machine that does nothing else."""


class Run:
    """`build.py run` as a process of its own, and all that it has started."""

    def __init__(self, *arguments: str, terminal: bool = False):
        self.pid, self._terminal = pty.fork() if terminal else (0, 0)
        command = [sys.executable, "build.py", "run", *arguments]
        if terminal and self.pid == 0:
            os.chdir(ROOT)
            os.execv(command[0], command)  # noqa: S606 - in the terminal's child
        if not terminal:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                # What runs in the background has Ctrl-C ignored, and hands that on.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - before exec, in one thread
            )
            self.pid = self._process.pid
        self.seen: set[tuple[int, str]] = set()
        """Each process that was below it, with its start: a number is given again."""

    def below(self) -> dict[int, str]:
        """Return the processes below it, with their command lines."""
        found: dict[int, str] = {}
        for each in descendants(self.pid):
            with contextlib.suppress(OSError):  # it has ended since
                found[each] = Path(f"/proc/{each}/cmdline").read_text().replace("\0", " ")
        self.seen |= {(each, stat(each)[STARTED]) for each in found}
        return found

    def wait_for(self, *words: str) -> int:
        """Wait until a process below it has these words in its command line; returns it, or 0 where the run ends first."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for process, command in self.below().items():
                # A child that has executed nothing yet has the run's own command line.
                if all(word in command for word in words) and "build.py" not in command:
                    return process
            if stat(self.pid)[STATE] in GONE:
                return 0
            time.sleep(0.02)
        raise AssertionError(f"no process {words}")

    def close_terminal(self) -> None:
        """Hang up."""
        os.close(self._terminal)

    def end(self) -> int:
        """Wait for its end; returns the exit code, or minus the signal."""
        if self._terminal:
            return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._process.wait(PATIENCE)

    def clear_up(self) -> None:
        """End it, should a test have failed before it did."""
        if not self._terminal:
            self._process.kill()
            self._process.wait()
            if self._process.stdout is not None:
                self._process.stdout.close()

    def output(self) -> str:
        """Return what it printed."""
        assert self._process.stdout is not None
        with self._process.stdout as out:
            return out.read().decode()

    def left(self) -> list[int]:
        """Return what is left of everything that was seen below it, a moment after its end."""
        deadline = time.monotonic() + PATIENCE
        while (left := [each for each, started in self.seen if _runs(each, started)]) and time.monotonic() < deadline:  # fmt: skip
            time.sleep(0.02)
        return left


STATE, PARENT, STARTED = 0, 1, 19
"""Where these are among the fields of /proc/…/stat that follow the name, in its brackets."""
GONE = ("", "Z", "X")


def stat(process: int) -> list[str]:
    """Return those fields; they are empty where there is no such process."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return [""] * 20


def _runs(process: int, started: str) -> bool:
    fields = stat(process)
    return fields[STARTED] == started and fields[STATE] not in GONE


def kill(process: int) -> bool:
    """Kill a process in the middle of its work; False where it had ended before.

    It is stopped first: a process that has ended already takes a SIGKILL too, as long as nobody has waited for it.
    """
    try:
        os.kill(process, signal.SIGSTOP)
        deadline = time.monotonic() + PATIENCE
        while stat(process)[STATE] not in ("T", *GONE) and time.monotonic() < deadline:
            time.sleep(0.001)
        was_stopped = stat(process)[STATE] == "T"
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return was_stopped


def folders() -> set[Path]:
    """Return the folders of runs that there are."""
    import tempfile  # noqa: PLC0415

    return set(Path(tempfile.gettempdir()).glob("toolshed-*"))


def gone(before: set[Path]) -> bool:
    """Wait a moment for the folders that were made since."""
    deadline = time.monotonic() + PATIENCE
    while folders() - before and time.monotonic() < deadline:
        time.sleep(0.02)
    return not folders() - before


@pytest.fixture
def begin(packaged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Run]]:
    """Start runs whose folders are in a place of their own."""
    assert packaged.is_dir()
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    started: list[Run] = []

    def start(*arguments: str, terminal: bool = False) -> Run:
        started.append(Run(*arguments, terminal=terminal))
        return started[-1]

    yield start
    for run in started:
        run.clear_up()


pytestmark_linux = pytest.mark.skipif(not LINUX, reason="processes are looked for in /proc")


@pytestmark_linux
@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (signal.SIGINT, 130),
        (signal.SIGKILL, -9),
        pytest.param(signal.SIGTERM, 130, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, 130, marks=pytest.mark.slow),
    ],
)
def test_an_interrupted_run_leaves_nothing(begin: Callable[..., Run], number: int, expected: int) -> None:
    """Neither process nor file, while a server is being judged."""
    run = begin(*LINGERING)
    assert run.wait_for(SCRIPTED.name)
    os.kill(run.pid, number)
    assert expected == run.end()
    assert [] == run.left()
    assert gone(set())
    assert "Traceback" not in run.output()


@pytestmark_linux
def test_a_closed_terminal_leaves_nothing(begin: Callable[..., Run]) -> None:
    """The live view has nobody to write to any more."""
    run = begin(*LINGERING, terminal=True)
    assert run.wait_for(SCRIPTED.name)
    run.close_terminal()
    run.end()
    assert [] == run.left()
    assert gone(set())


@pytestmark_linux
@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("emulator_process.py", "venv-ministack"), 1),
        (("build.sh",), 1),
        ((SCRIPTED.name,), 3),
        (("function_process.py",), 1),
    ],
    ids=["emulator", "build", "server", "function"],
)
@pytest.mark.parametrize("warden", [False, True], ids=["itself", "its warden"])
def test_a_part_that_is_killed_leaves_nothing(
    begin: Callable[..., Run], words: tuple[str, ...], expected: int, *, warden: bool
) -> None:
    """The run ends with an error, or a verdict on the server that went away, and leaves nothing."""
    for _ in range(TRIES):
        run = begin(*LINGERING)
        process = run.wait_for(*words)
        if process and kill(int(stat(process)[PARENT] or 0) if warden else process):
            break
        run.clear_up()
    assert expected == run.end()
    assert [] == run.left()
    assert gone(set())
    assert "Traceback" not in run.output()


def client_of(run: Run, service: str) -> Any:
    """Return a client of the endpoint that a run has printed; waits until it has."""
    import boto3  # noqa: PLC0415

    assert run._process.stdout is not None
    printed: dict[str, str] = {}
    for line in run._process.stdout:
        words = line.decode().split()
        if words[:1] == ["export"]:
            printed = dict(word.split("=", 1) for word in words[1:])
        if words[:1] == ["aws"]:
            break
    return boto3.client(
        service,
        endpoint_url=printed["AWS_ENDPOINT_URL"],
        region_name=printed["AWS_REGION"],
        aws_access_key_id=printed["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=printed["AWS_SECRET_ACCESS_KEY"],
    )


@pytestmark_linux
@pytest.mark.parametrize("words", [("build.sh",), ("server.py",), ("function_process.py",)])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_serves_leaves_nothing_of_an_execution(
    begin: Callable[..., Run], words: tuple[str, ...], number: int
) -> None:
    """One that was started over the API is under way, and another beside it."""
    run = begin("--serve")
    states = client_of(run, "stepfunctions")
    (alias,) = [
        each["stateMachineAliasArn"]
        for machine in states.list_state_machines()["stateMachines"]
        for each in states.list_state_machine_aliases(stateMachineArn=machine["stateMachineArn"])[
            "stateMachineAliases"
        ]
    ]
    given = {"serverId": "a/b", "repositoryName": "a-b", "originalRepositoryName": "a/b"}
    for _ in range(2):
        states.start_execution(stateMachineArn=alias, input=json.dumps(given))
    run.wait_for(*words)
    os.kill(run.pid, number)
    assert (130 if number == signal.SIGINT else -9) == run.end()
    assert [] == run.left()
    assert gone(set())
    assert "Traceback" not in run.output()


@pytestmark_linux
@pytest.mark.slow
def test_a_kept_emulator_is_reached_and_ends_with_the_run(begin: Callable[..., Run]) -> None:
    """The printed address answers, with the verdict in its table."""
    run = begin("--keep")
    client = client_of(run, "dynamodb")
    (table,) = client.list_tables()["TableNames"]
    assert 1 == client.scan(TableName=table)["Count"]
    run.below()
    os.kill(run.pid, signal.SIGINT)
    assert 130 == run.end()
    assert [] == run.left()


@pytestmark_linux
@pytest.mark.slow
def test_a_run_is_as_small_as_promised(begin: Callable[..., Run], tmp_path: Path) -> None:
    """400 MB for everything; how long it takes is among the figures."""
    run = begin("--json", "--history", str(tmp_path / "history.json"))
    peak = 0.0
    while run._process.poll() is None:
        peak = max(peak, sum(_proportional_mb(each) for each in (run.pid, *run.below())))
        time.sleep(0.1)
    found = json.loads(run.output())
    assert "verified" == found["record"]["outcome"]
    assert "ExecutionSucceeded" == json.loads((tmp_path / "history.json").read_text())["events"][-1]["type"]
    assert peak < 400


def _proportional_mb(process: int) -> float:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
    except (OSError, StopIteration):
        return 0.0


@pytestmark_linux
def test_an_impatient_interruption_leaves_nothing_either(begin: Callable[..., Run]) -> None:
    """Ctrl-C again and again, while the run is ending."""
    run = begin(*LINGERING)
    assert run.wait_for(SCRIPTED.name)
    for _ in range(20):
        os.kill(run.pid, signal.SIGINT)
        time.sleep(0.005)
    assert 130 == run.end()
    assert [] == run.left()
    assert gone(set())
