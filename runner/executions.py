"""The executions of a session: what is known of each while it runs and afterwards, and how one is stopped."""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from states_language.interpreter import ExecutionStopped, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runner.workflows import Workflow
    from states_language.interpreter import Event, Execution

RUNNING = "RUNNING"


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
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    stop: Stop = field(default_factory=Stop)
    events: list[Event] = field(default_factory=list)
    """Its history so far."""
    status: str = RUNNING
    output: Any = None
    error: str | None = None
    cause: str | None = None
    stopped: datetime | None = None
    ended: threading.Event = field(default_factory=threading.Event)

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
        self.stopped = datetime.now(UTC)
        self.status = status
        self.ended.set()


@dataclass
class Executions:
    """All executions of a session, by ARN, in the order of their starts. Safe to be asked from any thread."""

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
