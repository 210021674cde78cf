"""The lines of an execution's build, task and validator together, in order of time; none lost, none twice.

Lines are read by FilterLogEvents, each known by its event's ID. While an execution runs, a line that comes late may be
older than one that was shown: each look goes back a little, and lines are held back for a moment so that the order
holds wherever the services deliver in time.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from deployer.account import error_code
from operations import parallel
from operations.follow import Patience
from operations.log_sources import LABELS, Groups, Source, sources
from operations.times import utc
from review.printable import log_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from deployer.account import Account
    from deployer.stacks import Pace
    from operations.history import History

LOOK_BACK = 10_000
"""Milliseconds that each look goes back behind the latest line: CloudWatch Logs orders nothing that comes late."""
HELD_BACK = 2_000
"""Milliseconds that a line waits for older ones of other streams."""
AFTERWARDS_SECONDS = 5.0
"""How long lines are awaited behind the execution's end."""
MARK = re.compile(r"(START|END|REPORT) RequestId: (\S+)")
"""What Lambda writes around an invocation. Evidence: documentation (Lambda, "Using the Lambda CloudWatch logs")."""


@dataclass(frozen=True, order=True)
class Line:
    """A line, with the time that its service gave it."""

    at: int
    """Milliseconds since the epoch."""
    ingested: int
    label: str
    text: str
    id: str

    @property
    def time(self) -> datetime:
        """When it was printed."""
        return datetime.fromtimestamp(self.at / 1000, UTC)

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {"at": utc(self.time), "source": self.label, "line": self.text}


@dataclass
class Reader:
    """Reads the lines of sources that become known one after the other."""

    account: Account
    since: datetime | None = None
    tell: Callable[[str], None] = lambda _text: None
    """Is told, once, of a log that cannot be read whole."""
    _seen: set[tuple[str, str]] = field(default_factory=set)
    _latest: dict[tuple[str, str, str | None, int], int] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)

    def look(self, found: Sequence[Source]) -> list[Line]:
        """Return the lines that no look before has returned."""
        parts = parallel.each(self._fresh, found)
        # Only now: where one of them failed, all are read again.
        for source, part in zip(found, parts, strict=True):
            if part:
                self._latest[source.key] = max(line.at for line in part)
        fresh = {}
        for line in (line for part in parts for line in part):
            # A window without a request's ID may overlap another one.
            if (line.label, line.id) not in self._seen:
                self._seen.add((line.label, line.id))
                fresh[line.label, line.id] = line
        return sorted(fresh.values())

    def _fresh(self, source: Source) -> list[Line]:
        since = 0 if self.since is None else int(self.since.timestamp() * 1000)
        seen = self._latest.get(source.key, 0) - LOOK_BACK
        # Which lines are an invocation's shows only from its beginning on.
        start = source.start if source.request_id else max(source.start, seen, since)
        if source.end is not None and start > source.end:
            return []
        return [line for line in self._lines(source, start) if line.at >= since]

    def _lines(self, source: Source, start: int) -> Iterator[Line]:
        from botocore.exceptions import ClientError  # noqa: PLC0415 - the help needs no botocore

        given: dict[str, Any] = {"logGroupName": source.group, "startTime": max(0, start)}
        if source.end is not None:
            given["endTime"] = source.end
        if source.stream is not None:
            given["logStreamNames"] = [source.stream]
        if source.is_shared:
            self._once(
                f"{source.label}: its request is not known; "
                "lines of other executions of that time may be among these"
            )
        try:
            pages = self.account.client("logs").get_paginator("filter_log_events").paginate(**given)
            events = (event for page in pages for event in page["events"])
            own = events if source.request_id is None else _of_request(source.request_id, events)
            yield from (_line(source.label, event) for event in own)
        except ClientError as error:
            # A stream is made with its first line.
            if error_code(error) != "ResourceNotFoundException":
                raise

    def _once(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self.tell(text)


def _of_request(request: str, events: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the events of one invocation, with the lines that do not name it: a traceback, what was printed.

    A stream has one invocation at a time; what it has between two of them is the next one's, which it begins with.
    """
    current: dict[str, str] = {}
    between: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        stream, text = event["logStreamName"], event["message"]
        mark = MARK.match(text)
        if mark:
            current[stream] = mark[2] if mark[1] == "START" else ""
        if request in text or request in stream:
            yield from between.pop(stream, ())
            yield event
        elif mark:
            between.pop(stream, None)
        elif current.get(stream) == request:
            yield event
        elif not current.get(stream):
            between.setdefault(stream, []).append(event)


def _line(label: str, event: dict[str, Any]) -> Line:
    return Line(
        event["timestamp"],
        event.get("ingestionTime", 0),
        label,
        event["message"].rstrip("\r\n"),
        event["eventId"],
    )


def so_far(
    reader: Reader, history: History, groups: Groups, labels: Sequence[str] = LABELS
) -> Iterator[Line]:
    """Yield the lines that there are."""
    history.look()
    yield from reader.look(sources(history.account, groups, history.events, labels))


def following(
    reader: Reader, history: History, groups: Groups, labels: Sequence[str], pace: Pace
) -> Iterator[Line]:
    """Yield the lines as they come, in order of time, until the execution has ended and its logs are quiet."""
    held: list[Line] = []
    known: dict[tuple[int, int], list[Source]] = {}
    ended: float | None = None
    patience = Patience(history.account.tell)
    for _ in pace.looks():
        now = time.time() * 1000
        try:
            history.look()
            mark = (len(history.events), len(labels))
            if mark not in known:
                known = {mark: sources(history.account, groups, history.events, labels)}
            held = sorted([*held, *reader.look(known[mark])])
        except Exception as error:  # noqa: BLE001 - it is raised again where it does not pass
            patience.bear(error)
            continue
        patience.rest()
        while held and held[0].at <= now - HELD_BACK:
            yield held.pop(0)
        if history.is_over:
            ended = ended or time.monotonic()
            if time.monotonic() - ended >= AFTERWARDS_SECONDS:
                break
    yield from held


def shown(line: Line, width: int = max(map(len, LABELS))) -> str:
    """Return a line for a person: the time in this machine's zone, the source, the text made harmless."""
    at = f"{line.time.astimezone():%H:%M:%S.%f}"[:12]
    return "\n".join(
        f"{at}  {line.label:{width}}  {log_line(text)}" for text in line.text.splitlines() or [""]
    )
