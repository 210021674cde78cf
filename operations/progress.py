"""What is shown while an execution runs: lines where nobody watches, a live view on a terminal."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, Self

import click

from review.printable import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Event = Mapping[str, Any]

SHOWN = frozenset({"Task", "Wait", "Succeed", "Fail", "Map", "Parallel"})
"""The types of states that take time, or end an execution."""
FAILED = frozenset(
    {"TaskFailed", "TaskTimedOut", "TaskStartFailed", "TaskSubmitFailed", "LambdaFunctionFailed"}
)
NOTICEABLE_SECONDS = 0.5


class Progress(Protocol):
    """Shows how an execution goes on. Told from any thread."""

    def tell(self, text: str) -> None:
        """Show what takes a while and is no state."""

    def event(self, event: Event) -> None:
        """Show an event of the execution's history."""

    def __enter__(self) -> Self:
        """Begin to show."""

    def __exit__(self, *_error: object) -> None:
        """Cease."""


class Silent:
    """Shows nothing: for programs."""

    def tell(self, text: str) -> None:
        """Show nothing."""

    def event(self, event: Event) -> None:
        """Show nothing."""

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Cease."""


class Lines(Silent):
    """A line when a state is entered for the first time, one when it took its time, one for each error."""

    def __init__(self) -> None:
        self._told_at = time.monotonic()
        self._began: float | None = None
        self._entered: dict[str, float] = {}
        self._seen: set[str] = set()

    def tell(self, text: str) -> None:
        """Show a line, with the seconds since this began to watch."""
        self._line(time.monotonic() - self._told_at, text)

    def event(self, event: Event) -> None:
        """Show a state that takes time, and an error, with the seconds since the execution started."""
        at = moment(event)
        self._began = at if self._began is None else self._began
        name = _name(event)
        if event["type"].endswith("StateEntered"):
            self._entered[name] = at
            if name not in self._seen and event["type"].removesuffix("StateEntered") in SHOWN:
                self._seen.add(name)
                self._line(at - self._began, printable(name))
        elif event["type"].endswith("StateExited"):
            took = at - self._entered.pop(name, at)
            if took >= NOTICEABLE_SECONDS and name in self._seen:
                self._line(at - self._began, f"  {printable(name)} took {seconds(took)}")
        elif event["type"] in FAILED:
            self._line(at - self._began, f"  {error_of(event)}")

    def _line(self, at: float, text: str) -> None:
        click.echo(f"{at:7.2f}  {text}")


@dataclass
class _Row:
    """A state, or something that takes a while, as one line of the live view."""

    name: str
    seconds: float = 0.0
    """Of the visits that are over."""
    visits: int = 0
    entered: float | None = None
    """When it was entered, in seconds since the epoch; None where it is over."""
    error: str = ""

    def leave(self, at: float) -> None:
        """Add the visit that ends."""
        if self.entered is not None:
            self.seconds += max(0.0, at - self.entered)
            self.entered = None


@dataclass
class _Rows:
    """The rows in the order in which they were first entered. Not safe for threads."""

    found: dict[str, _Row] = field(default_factory=dict)

    def enter(self, name: str, at: float) -> None:
        """Enter a row; what was told before it is over."""
        self.leave_told(at)
        row = self.found.setdefault(name, _Row(name))
        row.entered, row.visits = at, row.visits + 1

    def leave(self, name: str, at: float) -> None:
        """Leave a row that was entered."""
        if name in self.found:
            self.found[name].leave(at)

    def leave_told(self, at: float) -> None:
        """End what is no state."""
        for row in self.found.values():
            if row.visits == 0:
                row.leave(at)

    def tell(self, text: str, at: float) -> None:
        """Show what takes a while."""
        self.leave_told(at)
        self.found[text] = _Row(text, entered=at)


class Live(Silent):
    """The states so far, those entered now with a clock that runs, and those that a good execution has before it."""

    def __init__(self, expected: Sequence[str] = ()) -> None:
        from rich.console import Console  # noqa: PLC0415 - only where a person watches
        from rich.live import Live as RichLive  # noqa: PLC0415

        self._expected = tuple(expected)
        self._lock = threading.Lock()
        self._rows = _Rows()
        self._live = RichLive(
            console=Console(stderr=True), get_renderable=self._render, refresh_per_second=10, transient=True
        )

    def tell(self, text: str) -> None:
        """Show what is going on, until something else is."""
        with self._lock:
            self._rows.tell(text, time.time())

    def event(self, event: Event) -> None:
        """Show a state that takes time, and an error."""
        kind, at, name = event["type"], moment(event), _name(event)
        with self._lock:
            if kind.endswith("StateEntered") and kind.removesuffix("StateEntered") in SHOWN:
                self._rows.enter(name, at)
            elif kind.endswith("StateExited"):
                self._rows.leave(name, at)
            elif kind in FAILED:
                for row in self._rows.found.values():
                    if row.entered is not None and row.visits:
                        row.error = error_of(event)

    def __enter__(self) -> Self:
        """Begin to show."""
        self._live.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Clear what was shown: the report follows."""
        self._live.stop()

    def _render(self) -> Any:
        from rich.spinner import Spinner  # noqa: PLC0415
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        table = Table.grid(padding=(0, 1))
        now = time.time()
        with self._lock:
            for row in list(self._rows.found.values())[-16:]:
                is_open = row.entered is not None
                took = row.seconds + (max(0.0, now - row.entered) if row.entered is not None else 0.0)
                done = Text("✗", "yellow") if row.error else Text("✓", "green")
                name = printable(row.name) + (f" ({row.visits} times)" if row.visits > 1 else "")
                table.add_row(
                    Spinner("dots") if is_open else done,
                    Text(name, "bold" if is_open else ""),
                    Text(f"{took:.1f} s", "dim"),
                    Text(row.error, "yellow"),
                )
            for name in self._ahead():
                table.add_row(Text("·", "dim"), Text(name, "dim"), "", "")
        return table

    def _ahead(self) -> tuple[str, ...]:
        """Return the states that a good execution has before it: those behind the last that was entered."""
        reached = [number for number, name in enumerate(self._expected) if name in self._rows.found]
        if any(row.error for row in self._rows.found.values()):
            return ()
        return self._expected[max(reached, default=-1) + 1 :]


def choose(*, is_json: bool, expected: Sequence[str] = ()) -> Progress:
    """Return what fits who watches."""
    if is_json:
        return Silent()
    return Live(expected) if sys.stdout.isatty() and sys.stderr.isatty() else Lines()


def seconds(number: float) -> str:
    """Return a duration as a person reads it: `0.4 s`, `3 min 20 s`, `2 h 5 min`."""
    if number < 60:
        return f"{number:.1f} s"
    whole = round(number)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def moment(event: Event) -> float:
    """Return when an event happened, in seconds since the epoch."""
    value = event["timestamp"]
    return (value if isinstance(value, datetime) else datetime.fromisoformat(value)).timestamp()


def error_of(event: Event) -> str:
    """Return the error that an event names."""
    details = (value for key, value in event.items() if key.endswith("EventDetails"))
    found: Mapping[str, Any] = next(details, {})
    return printable(str(found.get("error") or event["type"]))


def _name(event: Event) -> str:
    found = event.get("stateEnteredEventDetails") or event.get("stateExitedEventDetails") or {}
    return str(found.get("name", ""))
