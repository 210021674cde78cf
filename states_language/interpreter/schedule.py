"""Flows that run beside each other in one clock's time.

A flow is a generator. It yields a moment, to sleep until it, or a list of jobs, to sleep until one of them is done.
Flows run one at a time, each until it yields, in the order of their moments: the same flows run in the same order
every time.
"""

from __future__ import annotations

import heapq
from collections.abc import Generator, Sequence
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING, Any

from states_language.interpreter.errors import StateFailure

if TYPE_CHECKING:
    from states_language.clock import Clock


class DeadlinePassed(Exception):  # noqa: N818 - not an error: a moment that has come
    """The flows were still running at the deadline."""


class Job:
    """A flow that was started: its value or its failure, once it is done."""

    __slots__ = ("done", "failure", "flow", "turn", "value", "waiter")

    def __init__(self, flow: Flow):
        self.flow = flow
        self.done = False
        self.value: Any = None
        self.failure: StateFailure | None = None
        self.waiter: Job | None = None
        self.turn = 0
        """How often it has run; a wake-up for an earlier turn is stale."""


Flow = Generator["datetime | Sequence[Job]", None, Any]


class Scheduler:
    """Runs flows in the order of the moments that they wait for."""

    def __init__(self, clock: Clock):
        self._clock = clock
        self._waiting: list[tuple[datetime, int, int, Job]] = []
        self._order = count()
        self._jobs: list[Job] = []
        self.abandons = False
        """Whether a flow that is closed leaves alone what it has started elsewhere."""

    def start(self, flow: Flow) -> Job:
        """Start a flow and run it until it first waits."""
        job = Job(flow)
        self._jobs.append(job)
        self._step(job)
        return job

    def cancel(self, job: Job) -> None:
        """Close a job's flow where it waits."""
        if not job.done:
            job.done = True
            job.flow.close()

    def cancel_all(self) -> None:
        """Close every flow that still waits, the outermost first, which close those inside them."""
        for job in self._jobs:
            self.cancel(job)

    def run(self, job: Job, deadline: datetime | None) -> None:
        """Run until the job is done. Raises `DeadlinePassed` at the deadline, should it come first."""
        while not job.done:
            moment, _, turn, woken = heapq.heappop(self._waiting)
            if woken.done or turn != woken.turn:
                continue
            if deadline is not None and moment > deadline:
                self._clock.sleep_until(deadline)
                raise DeadlinePassed
            self._clock.sleep_until(moment)
            self._step(woken)
            if deadline is not None and self._clock.now() > deadline:
                raise DeadlinePassed

    def _step(self, job: Job) -> None:
        job.turn += 1
        try:
            wait = next(job.flow)
        except StopIteration as stop:
            job.value = stop.value
            self._finish(job)
        except StateFailure as failure:
            job.failure = failure
            self._finish(job)
        else:
            if isinstance(wait, datetime):
                self._wake(job, wait)
            elif any(other.done for other in wait):
                self._wake(job, self._clock.now())
            else:
                for other in wait:
                    other.waiter = job

    def _finish(self, job: Job) -> None:
        job.done = True
        if job.waiter is not None and not job.waiter.done:
            self._wake(job.waiter, self._clock.now())

    def _wake(self, job: Job, moment: datetime) -> None:
        heapq.heappush(self._waiting, (moment, next(self._order), job.turn, job))
