"""What is shown while an execution runs: lines where nobody watches, a live graph on a terminal."""

from __future__ import annotations

import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, Self

import click

from deployer.console import can_move
from review.printable import printable

if TYPE_CHECKING:
    from collections.abc import Mapping

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
        name = name_of(event)
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


def choose(*, is_json: bool) -> Progress:
    """Return what fits who watches."""
    if is_json:
        return Silent()
    if not can_move(sys.stdout, sys.stderr):
        return Lines()
    from operations.live import Live  # noqa: PLC0415 - only where a person watches

    return Live()


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


def name_of(event: Event) -> str:
    """Return the name of the state that an event enters or leaves; empty for other events."""
    found = event.get("stateEnteredEventDetails") or event.get("stateExitedEventDetails") or {}
    return str(found.get("name", ""))
