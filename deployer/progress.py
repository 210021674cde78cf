"""What is shown while CloudFormation works: a live view on a terminal, lines everywhere else."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Self

import click

from deployer.console import can_move

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deployer.events import StackEvent

ROWS_BESIDE = 5
"""Lines of a terminal that the resources leave free."""
STATUS_STYLES = (("_FAILED", "red"), ("ROLLBACK", "yellow"), ("DELETE", "yellow"), ("_COMPLETE", "green"))
PATIENCE = 30
"""Seconds without an event after which lines say that something still goes on: CI ends what is silent."""


def style_of(status: str) -> str:
    """Return the colour of a status; none for what is under way."""
    return next(
        (style for part, style in STATUS_STYLES if part in status and "IN_PROGRESS" not in status), ""
    )


def clock(at: datetime | None) -> str:
    """Return a time of day in this machine's zone."""
    return (at or datetime.now(UTC)).astimezone().strftime("%H:%M:%S")


def zone(at: datetime | None = None) -> str:
    """Return the name of this machine's zone, and its distance from UTC."""
    local = (at or datetime.now(UTC)).astimezone()
    offset = local.strftime("%z")
    return f"{local.tzname()} (UTC{offset[:3]}:{offset[3:]})" if offset != "+0000" else "UTC"


def span(seconds: float) -> str:
    """Return a duration for people."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{seconds:.1f} s" if seconds < 10 else f"{rest} s"


def line(event: StackEvent) -> str:
    """Return an event as a line."""
    status = event.hook_status or event.status
    subject = f"{event.logical_id} ({event.type.removeprefix('AWS::')})"
    hook = f" hook {event.hook}" if event.hook else ""
    reason = event.hook_reason if event.hook else event.reason
    text = " ".join(reason.split())
    return f"{clock(event.at)}  {status:<27} {subject}{hook}" + (f": {text}" if text else "")


class Lines:
    """A line for each event; after a while without any, a line that it still goes on."""

    def __init__(self, *, is_error_stream: bool = False) -> None:
        self._err = is_error_stream
        self._last = time.monotonic()
        self._begun = self._last

    def __enter__(self) -> Self:
        """Begin to show."""
        self._write(f"times are in {zone()}")
        return self

    def __exit__(self, *_error: object) -> None:
        """Cease."""

    def event(self, event: StackEvent) -> None:
        """Show what happened."""
        self._last = time.monotonic()
        text = line(event)
        style = style_of(event.status)
        self._write(click.style(text, fg=style) if style in ("red", "yellow") else text)

    def look(self) -> None:
        """Show, where nothing has been shown for a while, that it still goes on."""
        now = time.monotonic()
        if now - self._last > PATIENCE:
            self._last = now
            self._write(f"{clock(None)}  still going on, after {span(now - self._begun)}")

    def tell(self, text: str) -> None:
        """Show what is good to know."""
        click.secho(text, dim=True, err=True)

    def _write(self, text: str) -> None:
        click.echo(text, err=self._err)


@dataclass
class _Row:
    """One resource as it is shown."""

    name: str
    type: str
    status: str = ""
    begun: float = 0.0
    seconds: float = 0.0
    begun_at: datetime | None = None
    reason: str = ""

    @property
    def is_active(self) -> bool:
        return self.status.endswith("_IN_PROGRESS")


class Live(Lines):
    """The resources that are worked on, each with a bar and a clock; above them what went wrong."""

    def __init__(self, stack: str, names: Sequence[str]) -> None:
        super().__init__()
        from rich.console import Console  # noqa: PLC0415 - only where a person watches
        from rich.live import Live as RichLive  # noqa: PLC0415

        self._stack, self._total = stack, len(names)
        self._rows: dict[str, _Row] = {}
        self._done: deque[str] = deque(maxlen=200)
        self._status = ""
        self._lock = threading.Lock()
        self._console = Console()
        self._live = RichLive(
            console=self._console, get_renderable=self._render, refresh_per_second=8, transient=True
        )

    def __enter__(self) -> Self:
        """Begin to show."""
        self._live.start()
        return self

    def __exit__(self, *_error: object) -> None:
        """Cease, and leave nothing of the view: a summary follows."""
        self._live.stop()

    def event(self, event: StackEvent) -> None:
        """Show what happened."""
        with self._lock:
            if event.is_stack and event.logical_id == self._stack:
                self._status = event.status
            else:
                self._of_resource(event)
        if event.is_failure:
            self._console.print(line(event), style="red", highlight=False, markup=False)

    def look(self) -> None:
        """Do nothing: the clocks show that it goes on."""

    def tell(self, text: str) -> None:
        """Show what is good to know, above the view."""
        self._console.print(text, style="yellow", highlight=False, markup=False)

    def _of_resource(self, event: StackEvent) -> None:
        row = self._rows.setdefault(event.logical_id, _Row(event.logical_id, event.type))
        was_active, row.status, row.reason = row.is_active, event.status or row.status, event.reason
        if row.is_active and not was_active:
            row.begun, row.begun_at = time.monotonic(), event.at
        elif not row.is_active:
            # Both times are of AWS's clock, whatever this machine's shows.
            if event.at is not None and row.begun_at is not None:
                row.seconds = max(0.0, (event.at - row.begun_at).total_seconds())
            if event.logical_id in self._done:
                self._done.remove(event.logical_id)
            self._done.append(event.logical_id)

    def _render(self) -> Any:
        from rich.console import Group  # noqa: PLC0415
        from rich.progress_bar import ProgressBar  # noqa: PLC0415
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        now, width = time.monotonic(), self._console.width
        with self._lock:
            active = [row for row in self._rows.values() if row.is_active]
            done = [self._rows[name] for name in self._done if not self._rows[name].is_active]
            finished = len(done)
        room = max(3, self._console.height - ROWS_BESIDE)
        shown = active[:room]
        recent = done[-(room - len(shown)) :] if room > len(shown) else []
        bar = max(8, min(24, width // 6))
        head = Table.grid(padding=(0, 1))
        total = max(self._total, len(self._rows))
        head.add_row(
            Text(self._stack, "bold"),
            Text(self._status or "begins", style_of(self._status) or "cyan"),
            ProgressBar(total=max(total, 1), completed=finished, width=bar),
            Text(f"{finished} of {total}"),
            Text(span(now - self._begun), "dim"),
        )
        table = Table.grid(padding=(0, 1))
        for column in range(4):
            table.add_column(no_wrap=True, overflow="ellipsis", ratio=1 if column == 0 else None)
        for row in [*recent, *shown]:
            style = style_of(row.status)
            mark = "…" if row.is_active else "✗" if style == "red" else "✓"
            table.add_row(
                # In one cell: where there is little room, a column of one letter would be the first to go.
                Text.assemble((mark, style or "cyan"), " ", row.name),
                Text(row.status, style),
                ProgressBar(
                    total=1, completed=0 if row.is_active else 1, width=bar, pulse=row.is_active,
                    complete_style=style or "cyan", finished_style=style or "green",
                ),
                Text(span(now - row.begun if row.is_active else row.seconds), "dim"),
            )  # fmt: skip
        more = len(active) - len(shown)
        return Group(head, table, *([Text(f"and {more} more are worked on", "dim")] if more > 0 else []))


def choose(stack: str, names: Sequence[str], *, is_json: bool) -> Lines:
    """Return what fits who watches."""
    if not is_json and can_move(sys.stdout):
        return Live(stack, names)
    return Lines(is_error_stream=is_json)
