"""Interrupting a command at one call exactly: when AWS has heard it, or when it never will."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from tests.deployer.crossing import LOST, Hold, Passage, Ruling

if TYPE_CHECKING:
    from tests.deployer.world import Running, World


def interrupted(
    world: World,
    action: str,
    *arguments: str,
    reaches: bool = True,
    by: int = signal.SIGINT,
    is_patient: bool = False,
) -> tuple[int, str]:
    """Run a command until it makes a call, and interrupt it there; its exit code, and all that it printed.

    `reaches` lets AWS hear the call, whose answer then never comes. `is_patient` lets it come after all: what takes
    something back makes calls of its own.
    """
    hold = Hold()

    def lost(passage: Passage) -> Ruling:
        hold(passage)
        return LOST

    if reaches:
        world.crossing.rule(action, times=1, after=hold)
    else:
        world.crossing.rule(action, times=1, before=lost)
    running = world.start(*arguments)
    assert hold.arrived.wait(60), world.crossing.actions()
    running.interrupt(by)
    if is_patient:
        hold.release.set()
    code = running.end()
    hold.release.set()
    return code, running.text


def interrupted_at_question(running: Running) -> int:
    """Interrupt a command that asks something; return its exit code.

    A signal that arrives just before the terminal is read waits for the next key: so it is sent again, as a person does.
    """
    while running.process.poll() is None:
        running.interrupt()
        for _ in range(30):
            if running.process.poll() is not None:
                break
            time.sleep(0.1)
    return running.end()
