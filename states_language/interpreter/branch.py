"""One line of states that run after another: the execution's own, a Parallel's branch, a Map's iteration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from states_language.interpreter.jsonata import QueryView
from states_language.interpreter.jsonpath import PathView

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from random import Random

    from states_language.clock import Clock
    from states_language.interpreter.data import View
    from states_language.interpreter.history import History
    from states_language.interpreter.schedule import Job, Scheduler

CallTask = Callable[[str, Any, "dict[str, Any]"], Any]
"""`call_task(resource, parameters, context)`: returns the task's result, or a `Took`; raises `TaskFailed`."""


@dataclass(slots=True)
class Run:
    """What all branches of one execution share."""

    clock: Clock
    call_task: CallTask
    history: History
    scheduler: Scheduler
    random: Random
    region: str
    aborting_event: int | None = None
    """The event because of which running states are being aborted."""

    def abort(self, jobs: Iterable[Job], because: int | None = None) -> None:
        """Cancel the jobs that still run; the event that caused it appears in the events of what it ends."""
        before = self.aborting_event
        if because is not None:
            self.aborting_event = because
        for job in jobs:
            self.scheduler.cancel(job)
        self.aborting_event = before


@dataclass(slots=True)
class Branch:
    """The variables, the place in the history and the context of one line of states."""

    run: Run
    context: Mapping[str, Any]
    """The context object without its state: `Execution`, `StateMachine`, and in a Map the item."""
    variables: dict[str, Any] = field(default_factory=dict)
    last_event: int = 0

    def child(self, last_event: int, context: Mapping[str, Any] | None = None) -> Branch:
        """Return a branch inside this one: it sees this one's variables, and keeps what it assigns to itself."""
        return Branch(
            self.run, self.context if context is None else context, dict(self.variables), last_event
        )

    def view(self, query_language: str, value: Any, context: Any) -> View:
        """Return what the expressions of a state see, in its language."""
        run = self.run
        if query_language == "JSONata":
            return QueryView(value, context, self.variables, run.random, run.clock.now(), {})
        return PathView(value, context, self.variables, run.random)

    def record(self, kind: str, details: dict[str, Any] | None = None, key: str | None = None) -> int:
        """Record an event that the branch's next one follows."""
        # Moved on first: the observer may stop the execution at this very event.
        previous, self.last_event = self.last_event, self.run.history.next_id
        return self.run.history.add(kind, previous, details, key)

    def remark(self, kind: str, details: dict[str, Any] | None = None) -> int:
        """Record an event that none follows, such as the success of an iteration."""
        return self.run.history.add(kind, self.last_event, details)

    def record_abort(self, kind: str, details: dict[str, Any] | None = None) -> None:
        """Record that something was aborted, with the event that caused it where there is one."""
        self.run.history.add(kind, self.run.aborting_event or self.last_event, details)
