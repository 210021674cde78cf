"""Asking before something is done, and saying how things stand where somebody, or something, breaks in."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from deployer.console import EXIT_INTERRUPTED, EXIT_PLANNED, Refused, complain, note
from deployer.signals import interruptible

if TYPE_CHECKING:
    from collections.abc import Iterator

NOTHING_DONE = "nothing was done"


def confirm(question: str, *, yes: bool) -> None:
    """Ask; returns where the answer is yes, or was given with the command. Raises `Refused` with the code of a plan."""
    if yes:
        return
    _somebody()
    if not click.confirm(question, err=True):
        raise Refused(NOTHING_DONE, EXIT_PLANNED)


def confirm_by_name(question: str, name: str, *, yes: bool) -> None:
    """Ask for a name, in full: nobody types one by habit. Raises `Refused` with the code of a plan."""
    if yes:
        return
    _somebody()
    if click.prompt(question, err=True).strip() != name:
        raise Refused(f"that is not '{name}': {NOTHING_DONE}", EXIT_PLANNED)


def _somebody() -> None:
    if not sys.stdin.isatty():
        raise Refused(f"{NOTHING_DONE}: nobody is here to be asked\n--yes says yes beforehand", EXIT_PLANNED)


@contextmanager
def under_way(meanwhile: str, *, has_begun: bool = True) -> Iterator[None]:
    """Say how things stand, and how to go on, where something that AWS carries on by itself is no longer watched.

    That is so where somebody presses Ctrl-C or ends this process politely, and where AWS is not reached any more. What
    AWS refuses to begin has not begun: then only a request that may have been heard counts.
    """
    try:
        with interruptible():
            yield
    except KeyboardInterrupt:
        complain(f"interrupted\n{meanwhile}")
        sys.exit(EXIT_INTERRUPTED)
    except Exception as error:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - the help needs no botocore

        from deployer.account import is_passing  # noqa: PLC0415

        if isinstance(error, BotoCoreError | ClientError) and (has_begun or is_passing(error)):
            note(meanwhile)
        raise
