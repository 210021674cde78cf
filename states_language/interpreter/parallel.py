"""Run the branches of a Parallel state beside each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from states_language.interpreter.inputs import arguments

if TYPE_CHECKING:
    from states_language.document import Parallel, StateMachine
    from states_language.interpreter.branch import Branch
    from states_language.interpreter.data import View
    from states_language.interpreter.schedule import Flow, Job

RunScope = Callable[["Branch", "StateMachine", Any], "Flow"]
"""`run_scope(branch, machine, input)`, which runs the states inside this one."""


def run_parallel(branch: Branch, state: Parallel, view: View, run_scope: RunScope) -> Flow:
    """Run all branches with the same input and give the list of their outputs.

    The first failure aborts the other branches, and is the state's. Evidence: documentation (page "Parallel
    workflow state"); that it keeps the error's own name: recorded.
    """
    value = arguments(view, state.fields)
    started = branch.record("ParallelStateStarted")
    children: list[tuple[Branch, Job]] = []
    try:
        for machine in state.branches:
            child = branch.child(started)
            children.append((child, branch.run.scheduler.start(run_scope(child, machine, value))))
        while not any(job.failure for _, job in children) and (
            running := [job for _, job in children if not job.done]
        ):
            yield running
    except BaseException:
        branch.run.abort(job for _, job in children)
        raise
    for child, job in children:
        if job.failure is not None:
            branch.last_event = child.last_event
            branch.run.abort((other for _, other in children), because=child.last_event)
            branch.remark("ParallelStateFailed")
            raise job.failure
    branch.last_event = max((child.last_event for child, _ in children), default=started)
    branch.remark("ParallelStateSucceeded")
    return [job.value for _, job in children]
