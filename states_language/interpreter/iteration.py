"""Run a Map state: its items, and the processor for each of them, inline."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from states_language.interpreter.distributed import run_distributed
from states_language.interpreter.inputs import item_context, iteration_input, number_field, selected_items

if TYPE_CHECKING:
    from states_language.document import Map
    from states_language.interpreter.branch import Branch
    from states_language.interpreter.data import View
    from states_language.interpreter.parallel import RunScope
    from states_language.interpreter.schedule import Flow, Job

INLINE_CONCURRENCY = 40
"""Iterations that an inline Map runs at once at most. Evidence: documentation (page "Inline mode")."""


def run_map(branch: Branch, state: Map, view: View, run_scope: RunScope) -> Flow:
    """Run the processor for each item and give the list of the outputs, in the order of the items."""
    if state.is_distributed:
        return run_distributed(branch, state, view, run_scope)
    return _InlineMap(branch, state, view, run_scope).run()


class _Iteration:
    """One iteration that was started."""

    __slots__ = ("branch", "details", "job", "position")

    def __init__(self, position: int, branch: Branch, job: Job, details: dict[str, Any]):
        self.position = position
        self.branch = branch
        self.job = job
        self.details = details


class _InlineMap:
    """The iterations of a Map state in this execution; the first failure aborts the others and is the state's.

    Evidence: documentation (page "Inline mode"); the order of the events: recorded (LocalStack,
    `scenarios/test_base_scenarios.snapshot.json` and `timeouts/test_timeouts.snapshot.json`).
    """

    def __init__(self, branch: Branch, state: Map, view: View, run_scope: RunScope):
        self._branch = branch
        self._state = state
        self._view = view
        self._run_scope = run_scope
        self._running: list[_Iteration] = []

    def run(self) -> Flow:
        branch = self._branch
        items = selected_items(self._state.fields, self._view)
        concurrency = int(
            number_field(self._view, self._state.fields, "MaxConcurrency") or INLINE_CONCURRENCY
        )
        branch.record("MapStateStarted", {"length": len(items)})
        outputs: list[Any] = [None] * len(items)
        waiting = deque(enumerate(items))
        try:
            while waiting or self._running:
                free = concurrency - len(self._running)
                self._start([waiting.popleft() for _ in range(min(free, len(waiting)))])
                if not any(iteration.job.done for iteration in self._running):
                    yield [iteration.job for iteration in self._running]
                for iteration in self._finished():
                    outputs[iteration.position] = self._output(iteration)
        except BaseException:
            self._abort()
            raise
        branch.remark("MapStateSucceeded")
        return outputs

    def _start(self, items: list[tuple[int, Any]]) -> None:
        """Start iterations: the events of their starts come before those of their states."""
        branch, scheduler, machine = self._branch, self._branch.run.scheduler, self._state.processor
        assert machine is not None  # noqa: S101 - a Map without one is refused before
        starting = []
        for position, item in items:
            details = {"name": self._state.name, "index": position}
            started = branch.run.history.add("MapIterationStarted", branch.last_event, details)
            child = branch.child(started, item_context(branch.context, position, item))
            value = iteration_input(self._state.fields, self._view, position, item)
            starting.append((position, child, value, details))
        for position, child, value, details in starting:
            job = scheduler.start(self._run_scope(child, machine, value))
            self._running.append(_Iteration(position, child, job, details))

    def _finished(self) -> list[_Iteration]:
        finished = [iteration for iteration in self._running if iteration.job.done]
        self._running = [iteration for iteration in self._running if not iteration.job.done]
        return finished

    def _output(self, iteration: _Iteration) -> Any:
        branch = self._branch
        branch.last_event = iteration.branch.last_event
        if iteration.job.failure is not None:
            branch.remark("MapIterationFailed", iteration.details)
            self._abort(because=branch.last_event)
            branch.remark("MapStateFailed")
            raise iteration.job.failure
        branch.remark("MapIterationSucceeded", iteration.details)
        return iteration.job.value

    def _abort(self, because: int | None = None) -> None:
        run = self._branch.run
        for iteration in self._running:
            run.abort([iteration.job], because)
            cause = because or run.aborting_event or iteration.branch.last_event
            run.history.add("MapIterationAborted", cause, iteration.details)
        self._running = []
