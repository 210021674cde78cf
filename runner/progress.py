"""What is shown while executions run: lines where nobody watches, a live view on a terminal."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol, Self

import click

if TYPE_CHECKING:
    from runner.pipeline import Outcome
    from states_language.interpreter import Event

SHOWN = ("Task", "Wait", "Succeed", "Fail")


class Progress(Protocol):
    """Shows how a run goes on. Told from any thread."""

    def tell(self, text: str) -> None:
        """Show what takes a while before anything is executed."""

    def event(self, event: Event) -> None:
        """Show an event of the one execution that runs."""

    def ended(self, number: int, outcome: Outcome | BaseException) -> None:
        """Show that one of several executions has ended."""

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

    def ended(self, number: int, outcome: Outcome | BaseException) -> None:
        """Show nothing."""

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Cease."""


class Lines(Silent):
    """A line for each state, as it is entered."""

    def __init__(self) -> None:
        self._begin = time.monotonic()

    def tell(self, text: str) -> None:
        """Show a line."""
        click.echo(f"{time.monotonic() - self._begin:7.2f}  {text}")

    def event(self, event: Event) -> None:
        """Show a state that takes time, and an error."""
        if event["type"].removesuffix("StateEntered") in SHOWN:
            self.tell(event["stateEnteredEventDetails"]["name"])
        elif event["type"] in {"TaskFailed", "TaskTimedOut"}:
            details: dict[str, Any] = next(
                value for key, value in event.items() if key.endswith("EventDetails")
            )
            self.tell(f"  {details['error']}")

    def ended(self, number: int, outcome: Outcome | BaseException) -> None:
        """Show what became of one."""
        self.tell(f"{number + 1:4}  {summary(outcome)}")


class Live(Lines):
    """The states so far, the last with a clock that runs."""

    def __init__(self) -> None:
        super().__init__()
        from rich.console import Console  # noqa: PLC0415 - only where a person watches
        from rich.live import Live as RichLive  # noqa: PLC0415

        self._lock = threading.Lock()
        self._done: list[tuple[str, float, str]] = []
        self._current: tuple[str, float] | None = None
        self._live = RichLive(
            console=Console(stderr=True), get_renderable=self._render, refresh_per_second=10, transient=True
        )

    def tell(self, text: str) -> None:
        """Show what is going on, until something else is."""
        with self._lock:
            self._finish("")
            self._current = (text, time.monotonic())

    def event(self, event: Event) -> None:
        """Show a state that takes time."""
        kind = event["type"].removesuffix("StateEntered")
        if kind in SHOWN:
            self.tell(event["stateEnteredEventDetails"]["name"])
        elif event["type"] in {"TaskFailed", "TaskTimedOut"} and self._current is not None:
            details: dict[str, Any] = next(
                value for key, value in event.items() if key.endswith("EventDetails")
            )
            with self._lock:
                self._finish(details["error"])

    def ended(self, number: int, outcome: Outcome | BaseException) -> None:
        """Show what became of one."""
        self._live.console.print(f"{number + 1:4}  {summary(outcome)}", highlight=False, markup=False)

    def __enter__(self) -> Self:
        """Begin to show."""
        self._live.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Clear what was shown: the report follows."""
        self._live.stop()

    def _finish(self, error: str) -> None:
        if self._current is not None:
            name, begin = self._current
            self._done.append((name, time.monotonic() - begin, error))
            self._current = None

    def _render(self) -> Any:
        from rich.spinner import Spinner  # noqa: PLC0415
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        table = Table.grid(padding=(0, 1))
        with self._lock:
            for name, seconds, error in self._done[-16:]:
                mark = Text("✗", "yellow") if error else Text("✓", "green")
                table.add_row(mark, Text(name), Text(f"{seconds:.1f} s", "dim"), Text(error, "yellow"))
            if self._current is not None:
                name, begin = self._current
                table.add_row(
                    Spinner("dots"), Text(name, "bold"), Text(f"{time.monotonic() - begin:.1f} s", "dim"), ""
                )
        return table


def summary(outcome: Outcome | BaseException) -> str:
    """Return an execution's end in a line."""
    if isinstance(outcome, BaseException):
        return f"error: {type(outcome).__name__}: {outcome}"
    name = (outcome.record or {}).get("outcome", str(outcome.execution.status).lower())
    return f"{name:13} {outcome.seconds:6.2f} s  {outcome.execution.error or ''}".rstrip()


def choose(*, is_json: bool) -> Progress:
    """Return what fits who watches."""
    if is_json:
        return Silent()
    return Live() if sys.stdout.isatty() and sys.stderr.isatty() else Lines()
