"""What ends a process politely, and how often that is heard."""

from __future__ import annotations

import os
import signal

import pytest

from deployer import signals


def test_a_closed_terminal_is_heard_once() -> None:
    """The kernel tells it, and then the shell: what the first one began to take back goes on."""
    before, heard = signal.getsignal(signal.SIGHUP), 0
    with signals.interruptible():
        for _ in range(2):
            try:
                os.kill(os.getpid(), signal.SIGHUP)
            except KeyboardInterrupt:
                heard += 1
    assert 1 == heard
    assert before is signal.getsignal(signal.SIGHUP)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_who_insists_is_heard_twice(number: int) -> None:
    """While something is taken back: the first time it is told, the second time it is given up."""
    told: list[str] = []
    with signals.patient(told.append):
        os.kill(os.getpid(), signal.SIGHUP)
        os.kill(os.getpid(), number)
        assert ["taking back what was made; once more to leave it as it is"] == told
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
