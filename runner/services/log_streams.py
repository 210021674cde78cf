"""What processes print, and what executions do, put into the emulator's CloudWatch Logs as it comes.

A thread of its own reads what the processes' logs have grown by, and sends lines with the times at which they were
printed, which their warden has noted. A log group that is not there keeps nothing; nobody waits for one.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runner.emulator import Emulator

LINES = 10_000
"""The lines of one log that are kept."""
LINE_CHARACTERS = 8000
BATCH = 1000
POLL_SECONDS = 0.1
FLUSH_SECONDS = 2.0


def times_of(log: Path) -> Path:
    """Return where a warden notes when a log grew: `END MILLISECONDS` in each line, END in bytes from the begin."""
    return log.with_name(f"{log.name}.times")


@dataclass(eq=False)
class _Log:
    """A log that is followed."""

    place: tuple[str, str]
    """Group and stream."""
    path: Path
    _read: int = 0
    _rest: bytes = b""
    _times: deque[tuple[int, int]] = field(default_factory=deque)
    _times_read: int = 0
    _left: int = LINES
    lock: threading.Lock = field(default_factory=threading.Lock)

    def grown(self, *, is_last: bool) -> Iterator[dict[str, Any]]:
        """Yield the lines since the last look; at the end also one without its line feed."""
        self._read_times()
        data = self._rest + _tail(self.path, self._read + len(self._rest))
        lines = data.split(b"\n")
        self._rest = b"" if is_last else lines.pop()
        for line in lines:
            self._read += len(line) + 1
            text = line.decode("utf-8", "replace").rstrip("\r")[:LINE_CHARACTERS]
            # CloudWatch Logs takes no empty message. Evidence: documentation (InputLogEvent).
            if text and self._left > 0:
                self._left -= 1
                yield {"timestamp": self._time(), "message": text if self._left else "[the rest is not kept]"}

    def _read_times(self) -> None:
        found = _tail(times_of(self.path), self._times_read).rpartition(b"\n")[0]
        if found:
            self._times_read += len(found) + 1
            self._times += ((int(end), int(at)) for end, at in (line.split() for line in found.split(b"\n")))

    def _time(self) -> int:
        """Return when the byte before the place that is read up to was printed."""
        while len(self._times) > 1 and self._times[0][0] < self._read:
            self._times.popleft()
        return self._times[0][1] if self._times else int(time.time() * 1000)


def _tail(path: Path, start: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(start)
            return file.read()
    except OSError:
        return b""


@dataclass(frozen=True)
class Following:
    """A log whose growth is sent until this is closed."""

    logs: LogStreams
    log: _Log

    def close(self) -> None:
        """Have sent all of it."""
        self.logs.unfollow(self.log)


@dataclass
class LogStreams:
    """Sends what is followed, and what is put. Safe to be asked from any thread."""

    emulator: Emulator
    _followed: list[_Log] = field(default_factory=list)
    _waiting: defaultdict[tuple[str, str], list[dict[str, Any]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    _made: set[tuple[str, str]] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _wake: threading.Event = field(default_factory=threading.Event)
    _sending: threading.Lock = field(default_factory=threading.Lock)
    _is_closed: bool = False

    def start(self) -> None:
        """Begin to send."""
        threading.Thread(target=self._work, daemon=True).start()

    def close(self) -> None:
        """Send no more."""
        self._is_closed = True
        self._wake.set()

    def put(self, group: str, stream: str, milliseconds: int, message: str) -> None:
        """Send a message, some time soon."""
        with self._lock:
            self._waiting[group, stream].append({"timestamp": milliseconds, "message": message})

    def follow(self, group: str, stream: str, path: Path) -> Following:
        """Send what a log grows by, until that is closed."""
        log = _Log((group, stream), path)
        with self._lock:
            self._followed.append(log)
        return Following(self, log)

    def unfollow(self, log: _Log) -> None:
        """Have sent all of a log, and look no more."""
        with self._lock:
            if log not in self._followed:
                return
            self._followed.remove(log)
        self._look(log, is_last=True)
        self.flush()

    def flush(self) -> None:
        """Have sent what there is."""
        self._send()

    def _work(self) -> None:
        while not self._wake.wait(POLL_SECONDS):
            with self._lock:
                followed = list(self._followed)
            for log in followed:
                self._look(log, is_last=False)
            self._send()

    def _look(self, log: _Log, *, is_last: bool) -> None:
        with log.lock:
            events = list(log.grown(is_last=is_last))
        with self._lock:
            self._waiting[log.place] += events

    def _send(self) -> None:
        with self._sending:
            with self._lock:
                waiting = {place: events for place, events in self._waiting.items() if events}
                self._waiting.clear()
            for place, events in waiting.items():
                if not self._is_closed:
                    self._publish(*place, events)

    def _publish(self, group: str, stream: str, events: list[dict[str, Any]]) -> None:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - the help needs no botocore

        logs = self.emulator.client("logs")
        with contextlib.suppress(ClientError, BotoCoreError):
            if (group, stream) not in self._made:
                self._made.add((group, stream))
                logs.create_log_stream(logGroupName=group, logStreamName=stream)
        for start in range(0, len(events), BATCH):
            with contextlib.suppress(ClientError, BotoCoreError):
                logs.put_log_events(
                    logGroupName=group, logStreamName=stream, logEvents=events[start : start + BATCH]
                )
