"""Commands that are started here, each under a warden that leaves nothing of it behind."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

WARDEN = Path(__file__).with_name("warden.py")
PR_SET_CHILD_SUBREAPER, PR_GET_CHILD_SUBREAPER = 36, 37
NOTHING_LEFT_SECONDS = 10.0
"""How long killing may take, on a machine that is busy with other things."""


class ProcessError(Exception):
    """A command could not be started; `reason` is the name of the system's error, such as ENOENT."""

    def __init__(self, reason: str, message: str):
        super().__init__(f"{message} ({reason})")
        self.reason = reason
        self.message = message


@dataclass(frozen=True)
class Command:
    """What to run, and within which bounds."""

    argv: Sequence[str]
    cwd: Path
    log: Path
    """Where its output goes."""
    env: Mapping[str, str] = field(default_factory=dict)
    memory: int = 0
    """MiB that it and its children may hold together; 0: as much as they like. Watched on Linux only."""
    log_bytes: int = 1 << 20
    times: str = ""
    """Where it is noted when the log grew."""
    address: str = ""
    """Where connections are taken for it, and passed to its `target`; empty: nowhere."""
    port: int = 0
    target: int = 0
    remove: str = ""
    """A folder that the warden removes when this process is gone without having closed it."""


@dataclass(frozen=True)
class Exit:
    """How a command ended."""

    code: int | None
    """None where a signal ended it."""
    signal: int | None
    killed_for: str | None
    """`memory` where it held more than it may."""

    def __str__(self) -> str:
        """Say it in words."""
        if self.killed_for == "memory":
            return "it held more memory than it may"
        if self.signal is not None:
            return f"ended by {signal.Signals(self.signal).name}"
        return f"exit code {self.code}"


KILLED = Exit(None, signal.SIGKILL, None)


class Process:
    """A command that runs under its warden. Safe to be asked from any thread."""

    def __init__(self, command: Command):
        """Start the command. Raises `ProcessError` where it cannot be."""
        self._changed = threading.Condition()
        self._exit: Exit | None = None
        self._failure: ProcessError | None = None
        self._pid: int | None = None
        self.is_watched = bool(command.address)
        """Whether it is known where the command listens."""
        self.is_listening = False
        self.is_unreachable = False
        """The command listens where nobody outside its container could reach it."""
        self._warden = subprocess.Popen(
            [sys.executable, "-I", "-S", str(WARDEN)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._send(
            {
                **{
                    name: getattr(command, name)
                    for name in ("memory", "log_bytes", "times", "address", "port", "target", "remove")
                },
                "argv": list(command.argv),
                "env": dict(command.env),
                "cwd": str(command.cwd),
                "log": str(command.log),
            }
        )
        threading.Thread(target=self._listen, daemon=True).start()
        with self._changed:
            self._changed.wait_for(lambda: self._pid or self._failure or self._exit)
        self._raise_failure()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            self.close()
            raise self._failure

    @property
    def pid(self) -> int:
        """The command's process id."""
        return self._pid or 0

    @property
    def exit(self) -> Exit | None:
        """How it ended; None while it runs."""
        return self._exit

    def wait(self, seconds: float) -> Exit | None:
        """Wait for its end; None where it still runs then."""
        with self._changed:
            self._changed.wait_for(lambda: self._exit, max(0.0, seconds))
            return self._exit

    def stop(self, seconds: float) -> None:
        """End it: ask, and after so many seconds kill."""
        self._send({"stop": seconds})

    def close(self) -> None:
        """Kill whatever is left of it, and wait until nothing is."""
        with contextlib.suppress(OSError, ValueError):
            if self._warden.stdin is not None:
                self._warden.stdin.close()
        try:
            self._warden.wait(NOTHING_LEFT_SECONDS)
        except subprocess.TimeoutExpired:
            self._warden.kill()
            self._warden.wait()

    def _send(self, request: Mapping[str, Any]) -> None:
        with contextlib.suppress(OSError, ValueError):
            assert self._warden.stdin is not None  # noqa: S101 - by its construction
            self._warden.stdin.write(json.dumps(request).encode() + b"\n")
            self._warden.stdin.flush()

    def _listen(self) -> None:
        assert self._warden.stdout is not None  # noqa: S101 - by its construction
        with self._warden.stdout as lines:
            for line in lines:
                self._heard(json.loads(line))
        with self._changed:
            # A warden that ends without a word was killed, and its command with it.
            if self._exit is None and self._failure is None:
                self._exit = KILLED
            self._changed.notify_all()

    def _heard(self, event: Mapping[str, Any]) -> None:
        with self._changed:
            match event["event"]:
                case "started":
                    self._pid = event["pid"]
                case "failed":
                    self._failure = ProcessError(event["reason"], event["message"])
                case "listening":
                    self.is_listening, self.is_unreachable = True, False
                case "unreachable":
                    self.is_unreachable = True
                case "exited":
                    self._exit = Exit(event["code"], event["signal"], event["killed_for"])
            self._changed.notify_all()


@contextlib.contextmanager
def without_orphans() -> Iterator[None]:
    """Leave nothing of what is started meanwhile: what a killed warden leaves comes here, and is killed at the end.

    To be left when all `Process`es are closed. What was below this process before is another's to end. Linux only.
    """
    if sys.platform != "linux":
        yield
        return
    before = frozenset(_children(os.getpid()))
    adopted = _adopt_orphans(True)
    try:
        yield
    finally:
        _kill_children_but(before)
        _adopt_orphans(adopted)


def _adopt_orphans(wanted: bool) -> bool:
    """Become the parent of what is orphaned below, or cease to be; returns whether this process was."""
    prctl, was = ctypes.CDLL(None).prctl, ctypes.c_int()
    prctl(PR_GET_CHILD_SUBREAPER, ctypes.byref(was), 0, 0, 0)
    prctl(PR_SET_CHILD_SUBREAPER, int(wanted), 0, 0, 0)
    return bool(was.value)


def _kill_children_but(spared: Container[int]) -> None:
    """Kill what is below this process; what they leave comes here, and is killed in its turn."""
    deadline = time.monotonic() + NOTHING_LEFT_SECONDS
    while time.monotonic() < deadline:
        left = [process for process in _children(os.getpid()) if process not in spared]
        if not left:
            return
        for process in left:
            with contextlib.suppress(OSError):
                os.kill(process, signal.SIGKILL)
            with contextlib.suppress(OSError):
                os.waitpid(process, os.WNOHANG)
        time.sleep(0.01)


def _children(process: int) -> list[int]:
    found: list[int] = []
    for thread in Path(f"/proc/{process}/task").glob("*"):
        with contextlib.suppress(OSError):
            found += [int(number) for number in (thread / "children").read_text().split()]
    return found
