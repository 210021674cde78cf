"""The executions of a session: what is known of each while it runs and afterwards, and how one is stopped."""

from __future__ import annotations

import contextlib
import json
import threading
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from states_language.interpreter import ExecutionStopped, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from runner.workflows import Workflow
    from states_language.interpreter import Event, Execution

RUNNING = "RUNNING"
IN_MEMORY = 20
"""How many ended executions have their histories in memory."""


def now() -> datetime:
    """Return the time of day, to the millisecond, as AWS has it."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


class Stop:
    """Tells an execution to end, as StopExecution does. Safe to be asked from any thread."""

    def __init__(self) -> None:
        self._requested = threading.Event()
        self._lock = threading.Lock()
        self._told: list[Callable[[], None]] = []
        self.error: str | None = None
        self.cause: str | None = None

    def request(self, error: str | None = None, cause: str | None = None) -> None:
        """Ask for the end; the first reason stays."""
        with self._lock:
            if self._requested.is_set():
                return
            self.error, self.cause = error, cause
            self._requested.set()
            told = list(self._told)
        for tell in told:
            tell()

    @property
    def is_requested(self) -> bool:
        """Whether the execution is to end."""
        return self._requested.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait until the end is asked for, at most so long; returns whether it is."""
        return self._requested.wait(seconds)

    def check(self) -> None:
        """Raise `ExecutionStopped` where the end is asked for."""
        if self.is_requested:
            raise ExecutionStopped(self.error, self.cause)

    @contextlib.contextmanager
    def telling(self, tell: Callable[[], None]) -> Iterator[None]:
        """Call a function when the end is asked for, or at once where it is already, as long as this goes on."""
        with self._lock:
            self._told.append(tell)
            late = self._requested.is_set()
        if late:
            tell()
        try:
            yield
        finally:
            with self._lock:
                self._told.remove(tell)


class StoppableClock:
    """The machine's clock, on which an execution that is to stop sleeps no longer."""

    def __init__(self, stop: Stop):
        self._stop = stop

    def now(self) -> datetime:
        """Return the time of day."""
        return datetime.now(UTC)

    def sleep_until(self, moment: datetime) -> None:
        """Sleep until a time of day. Raises `ExecutionStopped` when the execution is to stop."""
        self._stop.wait(max(0.0, (moment - self.now()).total_seconds()))
        self._stop.check()


@dataclass
class Run:
    """An execution, from its start on. Written by the thread that executes it, read by any."""

    arn: str
    name: str
    workflow: Workflow
    input: str
    started: datetime = field(default_factory=now)
    stop: Stop = field(default_factory=Stop)
    status: str = RUNNING
    output: Any = None
    error: str | None = None
    cause: str | None = None
    stopped: datetime | None = None
    ended: threading.Event = field(default_factory=threading.Event)
    _events: list[Event] | Path = field(default_factory=list)
    """A file where they are laid aside."""

    @property
    def events(self) -> list[Event]:
        """Its history so far."""
        events = self._events
        if isinstance(events, list):
            return events
        found: list[Event] = json.loads(events.read_bytes())
        return found

    def lay_aside(self, folder: Path) -> None:
        """Keep its history, which has come to its end, in a file: it holds half a megabyte. On a full disk it stays."""
        if isinstance(self._events, list):
            path = folder / f"{uuid.uuid4()}.json"
            with contextlib.suppress(OSError):
                path.write_text(json.dumps(self._events), "utf-8")
                self._events = path

    def end(self, execution: Execution) -> None:
        """Keep what became of it."""
        self.output, self.error, self.cause = execution.output, execution.error, execution.cause
        self._close(str(execution.status))

    def give_up(self, error: BaseException) -> None:
        """Keep that it could not be carried on here: a fault of the local run's, or a call that nothing stands for."""
        self.error, self.cause = "States.Runtime", f"{type(error).__name__}: {error}"
        last = self.events[-1]["id"] if self.events else 0
        self.events.append(
            {
                "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "type": "ExecutionFailed",
                "id": last + 1,
                "previousEventId": last,
                "executionFailedEventDetails": {"error": self.error, "cause": self.cause},
            }
        )
        self._close(str(Status.FAILED))

    def _close(self, status: str) -> None:
        # The status last: who sees that it has ended sees how.
        self.stopped = now()
        self.status = status
        self.ended.set()


@dataclass
class Executions:
    """All executions of a session, by ARN, in the order of their starts. Safe to be asked from any thread."""

    folder: Path
    """Where histories are laid aside."""
    _runs: dict[str, Run] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, run: Run) -> Run:
        """Keep an execution; returns the one that has its ARN, which is another where the name was taken."""
        with self._lock:
            return self._runs.setdefault(run.arn, run)

    def get(self, arn: str) -> Run | None:
        """Return an execution."""
        return self._runs.get(arn)

    def all(self) -> list[Run]:
        """Return every execution that is kept."""
        with self._lock:
            return list(self._runs.values())

    def lay_aside(self) -> None:
        """Let go of the memory of what has ended, but for the latest."""
        with contextlib.suppress(OSError):
            self.folder.mkdir(exist_ok=True)
        for run in [run for run in self.all() if run.ended.is_set()][:-IN_MEMORY]:
            run.lay_aside(self.folder)

    def forget(self, arn: str) -> None:
        """Let go of an execution."""
        with self._lock:
            self._runs.pop(arn, None)

    def stop(self, seconds: float) -> None:
        """Stop those that run, and wait for each one's end, at most so long for all."""
        running = [run for run in self.all() if not run.ended.is_set()]
        for run in running:
            run.stop.request()
        until = datetime.now(UTC).timestamp() + seconds
        for run in running:
            run.ended.wait(max(0.0, until - datetime.now(UTC).timestamp()))
