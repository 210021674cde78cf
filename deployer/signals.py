"""Ctrl-C, and what else ends a process politely: CI sends SIGTERM, a terminal that is closed SIGHUP."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

POLITE = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let whoever ends this process politely be heard as Ctrl-C is: as `KeyboardInterrupt`."""

    def interrupt(number: int, _frame: object) -> None:
        if number == signal.SIGHUP:
            # The kernel says so, and then the shell: the second one would end what the first one began to take back.
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    with _handled(interrupt):
        yield


@contextmanager
def patient(tell: Callable[[str], None]) -> Iterator[None]:
    """While something is taken back, hear Ctrl-C once without giving up; the second time give up.

    A terminal that is closed says so more than once, and nobody is left who insists.
    """
    heard = 0

    def interrupt(number: int, _frame: object) -> None:
        nonlocal heard
        if number == signal.SIGHUP:
            return
        heard += 1
        if heard > 1:
            raise KeyboardInterrupt
        tell("taking back what was made; once more to leave it as it is")

    with _handled(interrupt):
        yield


@contextmanager
def _handled(handler: Callable[[int, object], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before: dict[int, Any] = {
        number: signal.signal(number, handler)
        for number in POLITE
        # What is ignored stays so: `nohup` means it.
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
