"""Calls that do not wait for each other, so many at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Given = TypeVar("Given")
Answer = TypeVar("Answer")

AT_ONCE = 8
"""Fewer than the ten connections that a client of botocore's keeps open."""


def each(call: Callable[[Given], Answer], given: Iterable[Given], at_once: int = AT_ONCE) -> list[Answer]:
    """Return the answers in order. The first error is raised, and what has not begun by then never begins."""
    waiting = list(given)
    if len(waiting) < 2:
        return [call(one) for one in waiting]
    pool = ThreadPoolExecutor(min(at_once, len(waiting)))
    try:
        return list(pool.map(call, waiting))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
