"""What is shown while executions run here: as an execution on AWS is shown, and what became of each of many."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol

from deployer.console import can_move
from operations import live, progress

if TYPE_CHECKING:
    from runner.pipeline import Outcome


class Progress(progress.Progress, Protocol):
    """Shows how a run goes on. Told from any thread."""

    def ended(self, number: int, outcome: Outcome | BaseException) -> None:
        """Show that one of several executions has ended."""


class Silent(progress.Silent):
    """Shows nothing: for programs."""

    def ended(self, number: int, outcome: Outcome | BaseException) -> None:
        """Show nothing."""


class Lines(progress.Lines):
    """Lines, one for each execution that has ended too."""

    def ended(self, number: int, outcome: Outcome | BaseException) -> None:
        """Show what became of one."""
        self.tell(f"{number + 1:4}  {summary(outcome)}")


class Live(live.Live):
    """The live graph; what became of each execution stays above it."""

    def ended(self, number: int, outcome: Outcome | BaseException) -> None:
        """Show what became of one."""
        self._live.console.print(f"{number + 1:4}  {summary(outcome)}", highlight=False, markup=False)


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
    return Live() if can_move(sys.stdout, sys.stderr) else Lines()
