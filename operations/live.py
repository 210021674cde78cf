"""The live graph of an execution: the way that it took, the state that it is in with a clock that runs, what is to come."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from operations.outline import committed
from operations.progress import FAILED, SHOWN, Silent, error_of, moment, name_of, seconds
from review.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rich.console import RenderableType

    from operations.outline import Outline

    Event = Mapping[str, Any]

LEAST_COLUMNS = 60
SHORTEST_SECONDS = 0.05


@dataclass
class _Row:
    """A state, or something that takes a while, as one line."""

    name: str
    seconds: float = 0.0
    """Of the visits that are over."""
    visits: int = 0
    entered: float | None = None
    """When it was entered, in seconds since the epoch; None where it is over."""
    error: str = ""
    is_failed: bool = False
    is_reached: bool = True

    def took(self, now: float) -> float:
        """Return how long it took, or has been going on."""
        return self.seconds + (max(0.0, now - self.entered) if self.entered is not None else 0.0)

    def leave(self, at: float) -> None:
        """Add the visit that ends."""
        if self.entered is not None:
            self.seconds += max(0.0, at - self.entered)
            self.entered = None


@dataclass
class _Rows:
    """The rows in the order in which they were first entered. Not safe for threads."""

    found: dict[str, _Row] = field(default_factory=dict)

    @property
    def told(self) -> list[_Row]:
        """What is no state."""
        return [row for row in self.found.values() if row.visits == 0]

    @property
    def states(self) -> dict[str, _Row]:
        """The states that were entered."""
        return {name: row for name, row in self.found.items() if row.visits}

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
        for row in self.told:
            row.leave(at)

    def tell(self, text: str, at: float) -> None:
        """Show what takes a while."""
        self.leave_told(at)
        self.found[text] = _Row(text, entered=at)

    def call(self, error: str) -> None:
        """Take note of how a call of the states that are entered ended: by an error, or well."""
        for row in self.states.values():
            if row.entered is not None:
                row.error, row.is_failed = error or row.error, bool(error)


class Live(Silent):
    """The graph, where it fits and the states are the document's; else the states so far as a list."""

    def __init__(self, outline: Outline | None = None) -> None:
        from rich.console import Console  # noqa: PLC0415 - only where a person watches
        from rich.live import Live as RichLive  # noqa: PLC0415

        self._outline = committed() if outline is None else outline
        self._lock = threading.Lock()
        self._rows = _Rows()
        self._console = Console(stderr=True)
        self._live = RichLive(
            console=self._console, get_renderable=self._render, refresh_per_second=10, transient=True
        )

    def tell(self, text: str) -> None:
        """Show what is going on, until something else is."""
        with self._lock:
            self._rows.tell(text, time.time())

    def event(self, event: Event) -> None:
        """Show a state that takes time, and an error."""
        kind, at, name = event["type"], moment(event), name_of(event)
        with self._lock:
            if kind.endswith("StateEntered") and kind.removesuffix("StateEntered") in SHOWN:
                self._rows.enter(name, at)
                if kind == "FailStateEntered":
                    # No event says that it is left.
                    self._rows.found[name].is_failed = True
                    self._rows.leave(name, at)
            elif kind.endswith("StateExited"):
                self._rows.leave(name, at)
            elif kind in FAILED:
                self._rows.call(error_of(event))
            elif kind in {"TaskSucceeded", "LambdaFunctionSucceeded"}:
                self._rows.call("")

    def __enter__(self) -> Self:
        """Begin to show."""
        self._live.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Clear what was shown: the report follows."""
        self._live.stop()

    def _render(self) -> RenderableType:
        from rich.table import Table  # noqa: PLC0415 - only where a person watches

        table = Table.grid(padding=(0, 1))
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, justify="right")
        table.add_column(no_wrap=True)
        with self._lock:
            for branch, row in self._lines(self._console.width, self._console.height - 1):
                table.add_row(*_cells(branch, row, time.time()))
        return table

    def _lines(self, columns: int, lines: int) -> Iterator[tuple[str, _Row]]:
        """Yield the rows that fit, each with what is drawn in front of it."""
        told, states = self._rows.told, self._rows.states
        room = lines - len(self._outline.states)
        if states and states.keys() <= set(self._outline.states) and room >= 0 and columns >= LEAST_COLUMNS:
            yield from (("", row) for row in told[len(told) - min(room, len(told)) :])
            for branch, name in self._outline.rows(states):
                yield branch, states.get(name) or _Row(name, is_reached=False)
        else:
            yield from (("", row) for row in list(self._rows.found.values())[-lines:])


def _cells(branch: str, row: _Row, now: float) -> tuple[RenderableType, RenderableType, RenderableType]:
    """Return a row's mark and name, its time, its error."""
    from rich.spinner import Spinner  # noqa: PLC0415 - only where a person watches
    from rich.text import Text  # noqa: PLC0415

    is_open = row.entered is not None
    if is_open:
        mark, style = str(Spinner("dots").render(now)), "bold"
    elif row.is_reached:
        mark, style = ("✗", "yellow") if row.is_failed else ("✓", "green")
    else:
        mark, style = "○", "dim"
    name = printable(row.name) + (f" ({row.visits} times)" if row.visits > 1 else "")
    line = Text.assemble(
        (branch, "dim"), (f"{mark} ", style), (name, style if style in {"bold", "dim"} else "")
    )
    took = row.took(now)
    error = f"{row.error}, then well" if row.error and not (row.is_failed or is_open) else row.error
    return (
        line,
        Text(seconds(took) if is_open or took >= SHORTEST_SECONDS else "", "dim"),
        Text(error, "yellow"),
    )
