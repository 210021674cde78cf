"""Calls that do not wait for each other, so many at a time."""

from __future__ import annotations

import contextlib
import queue
import threading
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Given = TypeVar("Given")
Answer = TypeVar("Answer")

AT_ONCE = 8
"""Fewer than the ten connections that a client of botocore's keeps open."""


def each(call: Callable[[Given], Answer], given: Iterable[Given], at_once: int = AT_ONCE) -> list[Answer]:
    """Return the answers in order. The first error is raised, and what has not begun by then never begins.

    The threads end with the process: who interrupts it waits for no answer.
    """
    wanted = list(given)
    if len(wanted) < 2:
        return [call(one) for one in wanted]
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    ended: queue.SimpleQueue[tuple[int, Any, BaseException | None]] = queue.SimpleQueue()
    for number in range(len(wanted)):
        waiting.put(number)
    is_over = threading.Event()

    def work() -> None:
        with contextlib.suppress(queue.Empty):
            while not is_over.is_set():
                number = waiting.get_nowait()
                try:
                    ended.put((number, call(wanted[number]), None))
                except BaseException as error:  # noqa: BLE001 - it is raised where the answers are awaited
                    ended.put((number, None, error))

    for _ in range(min(at_once, len(wanted))):
        threading.Thread(target=work, daemon=True).start()
    answers: dict[int, Answer] = {}
    try:
        while len(answers) < len(wanted):
            number, answer, error = ended.get()
            if error is not None:
                raise error
            answers[number] = answer
    finally:
        is_over.set()
    return [answers[number] for number in range(len(wanted))]
