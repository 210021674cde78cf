"""Calls beside each other."""

from __future__ import annotations

import threading
import time

import pytest

from operations import parallel


def test_answers_are_in_order_and_no_more_at_once_than_allowed() -> None:
    """However long each takes."""
    running, most, lock = 0, 0, threading.Lock()

    def call(number: int) -> int:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.002 * (number % 3))
        with lock:
            running -= 1
        return number * 2

    assert [number * 2 for number in range(40)] == parallel.each(call, range(40), 5)
    assert 1 < most <= 5


def test_the_first_error_is_raised_and_the_rest_never_begins() -> None:
    """Nobody waits for what is slow."""
    begun: list[int] = []
    gate = threading.Event()

    def call(number: int) -> None:
        begun.append(number)
        if number == 0:
            raise ValueError("no")
        gate.wait(10)

    with pytest.raises(ValueError, match="no"):
        parallel.each(call, range(1000), 2)
    gate.set()
    assert len(begun) < 1000


@pytest.mark.parametrize("count", [0, 1])
def test_one_call_needs_no_thread(count: int) -> None:
    """It is made where it is asked for."""
    here = threading.current_thread()
    assert [here] * count == parallel.each(lambda _: threading.current_thread(), range(count))
