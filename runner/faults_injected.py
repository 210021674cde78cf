"""Faults that an operator puts on a live run: `--fault STATE=ERROR`."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from states_language.interpreter import TaskFailed, Took

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

HANGS, LOST = "hangs", "lost"


class FaultError(Exception):
    """What was given is no fault of this document; the message says why."""


@dataclass
class InjectedFault:
    """A fault at a state, at its first calls or at all."""

    state: str
    error: str
    """An error's name; or `hangs`, the call never begins, or `lost`, it takes effect and its answer is lost."""
    left: float
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def strikes(self) -> bool:
        """Whether this call is struck; counts it."""
        with self._lock:
            self.left -= 1
            return self.left >= 0

    def apply(self, call: Callable[[], Any]) -> Any:
        """Answer instead of a call, or around it."""
        if self.error == HANGS:
            return Took(float("inf"))
        if self.error == LOST:
            call()
            return Took(float("inf"))
        raise TaskFailed(self.error, "injected by --fault")


def parse(texts: Iterable[str], tasks: Iterable[str]) -> list[InjectedFault]:
    """Read `STATE=ERROR` or `STATE=ERROR*TIMES`. Raises `FaultError`."""
    known, found = list(tasks), []
    for text in texts:
        state, equals, error = text.partition("=")
        error, _, times = error.partition("*")
        if not equals or not error or (times and not times.isdigit()):
            raise FaultError(f"--fault {text}: write STATE=ERROR, or STATE=ERROR*TIMES")
        if state not in known:
            raise FaultError(f"--fault {text}: {state} calls nothing; the states that do: {', '.join(known)}")
        found.append(InjectedFault(state, error, int(times) if times else float("inf")))
    return found
