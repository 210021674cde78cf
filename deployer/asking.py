"""Asking before something is done, and saying how things stand where somebody, or something, breaks in."""

from __future__ import annotations

import select
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from deployer.console import EXIT_INTERRUPTED, EXIT_PLANNED, Refused, complain, note
from deployer.signals import interruptible

if TYPE_CHECKING:
    from collections.abc import Iterator

NOTHING_DONE = "nothing was done"
ANSWERS = {"y": True, "yes": True, "n": False, "no": False}
LONGEST_DEAF_SECONDS = 0.1


def confirm(question: str, *, yes: bool) -> None:
    """Ask; returns where the answer is yes, or was given with the command. Raises `Refused` with the code of a plan."""
    if yes:
        return
    _somebody()
    if not agreed(question):
        raise Refused(NOTHING_DONE, EXIT_PLANNED)


def confirm_by_name(question: str, name: str, *, yes: bool) -> None:
    """Ask for a name, in full: nobody types one by habit. Raises `Refused` with the code of a plan."""
    if yes:
        return
    _somebody()
    if _line(f"{question}: ") != name:
        raise Refused(f"that is not '{name}': {NOTHING_DONE}", EXIT_PLANNED)


def agreed(question: str, *, default: bool = False) -> bool:
    """Ask until the answer is yes or no. Ctrl-C, or an end of the input, is no answer: raises `KeyboardInterrupt`."""
    while True:
        answer = _line(f"{question} [{'Y/n' if default else 'y/N'}]: ").lower()
        if answer in ANSWERS:
            return ANSWERS[answer]
        if not answer:
            return default
        click.echo("y or n?", err=True)


def _line(prompt: str) -> str:
    """Return what a person types. An interruption is heard at any time: also between the prompt and the read."""
    click.echo(prompt, nl=False, err=True)
    # A read that begins just after a signal came would wait for the next key.
    while not select.select([sys.stdin], [], [], LONGEST_DEAF_SECONDS)[0]:
        pass
    line = sys.stdin.readline()
    if not line:
        raise KeyboardInterrupt
    return line.strip()


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

        is_of_aws = isinstance(error, BotoCoreError | ClientError)
        # Where nobody reads what is shown any more, it goes on all the same.
        if (has_begun and (is_of_aws or isinstance(error, OSError))) or (is_of_aws and is_passing(error)):
            note(meanwhile)
        raise
