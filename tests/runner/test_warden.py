"""The warden: what it runs, what it forwards, and that nothing is left, whatever dies first."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runner.processes import KILLED, Command, Exit, Process, ProcessError, without_orphans

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LINUX = sys.platform == "linux"
EVERYWHERE = "0.0.0.0"  # noqa: S104 - what a server in a container must listen on
ENV = {"PATH": os.environ["PATH"]}
PATIENCE = 30.0
"""Seconds for what takes a moment on a machine that does nothing else."""

SERVE = """
import socket, sys
server = socket.create_server((sys.argv[1], int(sys.argv[2])))
while True:
    connection, _ = server.accept()
    data = connection.recv(100)
    connection.sendall(b"heard " + data)
    connection.close()
"""

DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open(sys.argv[1], "w").write(str(os.getpid()))
        time.sleep(100)
    os._exit(0)
os.wait()
time.sleep(100)
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Start a command in a folder of its own; it is closed at the end."""
    started: list[Process] = []

    def begin(*argv: str, **fields: object) -> Process:
        process = Process(Command(argv, tmp_path, tmp_path / "log", ENV, **fields))  # type: ignore[arg-type]
        started.append(process)
        return process

    yield begin
    for process in started:
        process.close()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def is_alive(process: int) -> bool:
    """Tell whether a process runs: a zombie does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def eventually(holds: Callable[[], object]) -> bool:
    """Wait until something holds, and not for ever."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.01)
    return False


def adopts_orphans() -> bool:
    """Tell whether what is orphaned below this process becomes its child."""
    script = "import os, time\nif os.fork() == 0:\n    time.sleep(0.3)\n    print(os.getppid(), flush=True)"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as process:
        output, _ = process.communicate()
    return int(output) == os.getpid()


def talk(address: str, port: int) -> bytes:
    """Say something to a server and return what it says."""
    with socket.create_connection((address, port), timeout=PATIENCE) as connection:
        connection.sendall(b"hello")
        connection.shutdown(socket.SHUT_WR)
        return connection.recv(100)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("true", Exit(0, None, None)),
        ("exit 7", Exit(7, None, None)),
        ("kill -TERM $$", Exit(None, signal.SIGTERM, None)),
    ],
)
def test_the_end_of_a_command_is_told(start: Callable[..., Process], script: str, expected: Exit) -> None:
    """Its exit code, or the signal."""
    assert expected == start("sh", "-c", script).wait(PATIENCE)


def test_output_is_kept(start: Callable[..., Process], tmp_path: Path) -> None:
    """Both streams go to the log, to the last byte."""
    start("sh", "-c", "echo one; echo two >&2").wait(PATIENCE)
    assert "one\ntwo\n" == (tmp_path / "log").read_text()


def test_output_without_end_does_not_fill_the_disk(start: Callable[..., Process], tmp_path: Path) -> None:
    """So much is kept, the rest is read away."""
    start("sh", "-c", "yes | head -c 3000000", log_bytes=1000).wait(PATIENCE)
    kept = (tmp_path / "log").read_text()
    assert kept.endswith("[the rest of the output is not kept]\n")
    assert len(kept) < 1100


def test_a_command_that_is_not_there_is_named(start: Callable[..., Process]) -> None:
    """The system's error comes back, by its name."""
    with pytest.raises(ProcessError) as raised:
        start("/no/such/program")
    assert "ENOENT" == raised.value.reason


def test_only_the_given_environment_is_seen(start: Callable[..., Process], tmp_path: Path) -> None:
    """No credential of the caller's reaches a stranger's program."""
    start("env").wait(PATIENCE)
    names = {line.partition("=")[0] for line in (tmp_path / "log").read_text().splitlines()}
    assert names <= {"PATH", "PWD", "_", "SHLVL"}


def test_stopping_asks_first(start: Callable[..., Process], tmp_path: Path) -> None:
    """SIGTERM, and time to obey."""
    process = start("sh", "-c", "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.01; done")
    assert eventually(lambda: "up" in (tmp_path / "log").read_text())
    process.stop(PATIENCE)
    assert Exit(0, None, None) == process.wait(PATIENCE)
    assert "bye" in (tmp_path / "log").read_text()


def test_what_does_not_obey_is_killed(start: Callable[..., Process], tmp_path: Path) -> None:
    """After its time, SIGKILL."""
    process = start("sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.01; done")
    assert eventually(lambda: "up" in (tmp_path / "log").read_text())
    process.stop(0.1)
    assert Exit(None, signal.SIGKILL, None) == process.wait(PATIENCE)


@pytest.mark.skipif(not LINUX, reason="what a session has left is only found on Linux")
@pytest.mark.parametrize("end", ["close", "kill the command", "kill the warden", "stop"])
def test_a_daemon_of_a_command_is_not_left(start: Callable[..., Process], tmp_path: Path, end: str) -> None:
    """A grandchild in a session of its own ends with the command, whatever ends first."""
    file = tmp_path / "daemon"
    process = start(sys.executable, "-c", DAEMON, str(file))
    assert eventually(lambda: file.exists() and file.read_text())
    daemon = int(file.read_text())
    assert is_alive(daemon)
    match end:
        case "close":
            process.close()
        case "kill the command":
            os.kill(process.pid, signal.SIGKILL)
        case "kill the warden":
            # The daemon goes to whoever adopts orphans: here that is this test's job, in a run it is the runner's.
            os.kill(process._warden.pid, signal.SIGKILL)
            assert KILLED == process.wait(PATIENCE)
            assert eventually(lambda: not is_alive(process.pid))
            os.kill(daemon, signal.SIGKILL)
        case "stop":
            process.stop(0)
    # Killed one after the other: which of them goes last is the kernel's to say.
    assert eventually(lambda: not is_alive(daemon) and not is_alive(process.pid))


@pytest.mark.skipif(not LINUX, reason="orphans are only adopted on Linux")
def test_a_run_ends_what_came_below_it_and_nothing_else(
    start: Callable[..., Process], tmp_path: Path
) -> None:
    """A daemon whose warden was killed goes; what this process had started before lives on."""
    file = tmp_path / "daemon"
    before = start("sleep", "100")
    with without_orphans():
        process = start(sys.executable, "-c", DAEMON, str(file))
        assert eventually(lambda: file.exists() and file.read_text())
        os.kill(process._warden.pid, signal.SIGKILL)
        assert KILLED == process.wait(PATIENCE)
    assert not is_alive(int(file.read_text()))
    assert before.exit is None
    assert is_alive(before.pid)


@pytest.mark.skipif(not LINUX, reason="orphans are only adopted on Linux")
@pytest.mark.parametrize("inner", [False, True])
def test_orphans_are_adopted_for_the_time_of_a_run(inner: bool) -> None:
    """Afterwards this process is what it was, inside another run too."""
    with without_orphans() if inner else contextlib.nullcontext():
        with without_orphans():
            assert adopts_orphans()
        assert inner is adopts_orphans()


@pytest.mark.skipif(not LINUX, reason="memory is only watched on Linux")
def test_too_much_memory_is_the_end(start: Callable[..., Process]) -> None:
    """Children count too."""
    script = (
        "import time; held = bytearray(80 << 20); held[::4096] = b'x' * len(held[::4096]); time.sleep(100)"
    )
    process = start("sh", "-c", f'{sys.executable} -c "{script}"; true', memory=40)
    ended = process.wait(PATIENCE)
    assert ended is not None
    assert "memory" == ended.killed_for


def test_connections_are_taken_once_the_command_listens(start: Callable[..., Process]) -> None:
    """Before, they are refused, as they would be by a task that is not up yet; afterwards too."""
    address, port, target = ("127.76.9.9" if LINUX else "127.0.0.1"), free_port(), free_port()
    script = f"import time; time.sleep(0.3)\n{SERVE}"
    process = start(
        sys.executable, "-c", script, EVERYWHERE, str(target), address=address, port=port, target=target
    )
    with pytest.raises(ConnectionRefusedError):
        talk(address, port)
    assert eventually(lambda: process.is_listening)
    assert b"heard hello" == talk(address, port)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(PATIENCE)
    with pytest.raises(ConnectionRefusedError):
        talk(address, port)


@pytest.mark.skipif(not LINUX, reason="elsewhere it is not known where a command listens")
def test_what_listens_on_loopback_only_is_not_forwarded(start: Callable[..., Process]) -> None:
    """In a container nobody could reach it: it must not pass here."""
    port, target = free_port(), free_port()
    process = start(
        sys.executable, "-c", SERVE, "127.0.0.1", str(target), address="127.76.9.8", port=port, target=target
    )
    assert eventually(lambda: process.is_unreachable)
    assert not process.is_listening
    with pytest.raises(ConnectionRefusedError):
        talk("127.76.9.8", port)


def test_a_port_in_use_is_told(start: Callable[..., Process]) -> None:
    """Another's server at the task's address is never judged in its place."""
    with socket.create_server((EVERYWHERE, 0)) as other, pytest.raises(ProcessError) as raised:
        start("sleep", "9", address="127.0.0.1", port=other.getsockname()[1], target=free_port())
    assert "EADDRINUSE" == raised.value.reason


def test_the_end_of_whoever_started_it_is_the_end(tmp_path: Path) -> None:
    """Nobody needs to say so: the input ends. A folder that is named goes too."""
    folder = tmp_path / "run"
    folder.mkdir()
    process = Process(Command(["sleep", "100"], tmp_path, folder / "log", ENV, remove=str(folder)))
    assert process._warden.stdin is not None
    process._warden.stdin.close()
    assert eventually(lambda: not is_alive(process.pid))
    assert eventually(lambda: not folder.exists())
    process.close()


@pytest.mark.skipif(not LINUX, reason="elsewhere there is no address but one")
def test_a_command_may_listen_at_the_task_s_address_itself(start: Callable[..., Process]) -> None:
    """Then nothing is forwarded, and another's listener on the same port at another address is not taken for it."""
    port = free_port()
    with socket.create_server(("127.76.9.7", port)):
        script = f"import time; time.sleep(0.3)\n{SERVE}"
        process = start(sys.executable, "-c", script, "127.76.9.6", str(port), address="127.76.9.6", port=port, target=port)  # fmt: skip
        assert not process.is_listening
        assert eventually(lambda: process.is_listening)
        assert b"heard hello" == talk("127.76.9.6", port)
