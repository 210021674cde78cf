"""What a deployment knows from its beginning: what is asked for, which account is meant, how to speak and to ask."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import click

from deployer.account import Account
from deployer.console import as_given, note
from deployer.stacks import Pace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from deployer.account import Access
    from deployer.progress import Lines


@dataclass(frozen=True)
class Options:
    """What the person, or CI, asks for."""

    stack: str
    given: Mapping[str, str] = field(default_factory=dict)
    """Parameters."""
    tags: Mapping[str, str] = field(default_factory=dict)
    bucket: str = ""
    bucket_owner: str = ""
    bootstrap_stack: str = ""
    role_arn: str = ""
    change_set_name: str = ""
    execute: str = ""
    """The name of a change set that was planned before, which is to be executed."""
    gates: tuple[str, ...] = ()
    is_yes: bool = False
    does_execute: bool = True
    has_all: bool = False
    """Whether the plan is shown with nothing folded."""
    does_recreate: bool = False
    does_wait: bool = False
    does_revert_drift: bool = False
    is_uncommitted_allowed: bool = False
    is_json: bool = False


@dataclass
class Voice:
    """Speaks to whoever runs this: above the live view while there is one; never into what a program reads."""

    is_json: bool = False
    view: Lines | None = None

    def say(self, text: str = "") -> None:
        """Tell a result."""
        click.echo(as_given(text), err=self.is_json)

    def note(self, text: str) -> None:
        """Tell what is good to know while something goes on; what is done does not depend on whether that is heard."""
        with suppress(OSError):
            (self.view.tell if self.view is not None else note)(text)

    def blame(self, text: str = "") -> None:
        """Tell one more line of what went wrong, where a terminal, or whatever else, still takes it."""
        with suppress(OSError):
            click.echo(as_given(text), err=True)


@dataclass
class Context:
    """One run of `deploy`."""

    access: Access
    options: Options
    root: Path
    pace: Pace = Pace()  # noqa: RUF009 - it is frozen
    answer: dict[str, Any] = field(default_factory=dict)
    """What a program reads of it, with `--json`."""

    @cached_property
    def voice(self) -> Voice:
        """How to speak."""
        return Voice(self.options.is_json)

    @cached_property
    def account(self) -> Account:
        """Whose calls tell of it when they are made again."""
        return Account(self.access, self.voice.note)

    @cached_property
    def client(self) -> Any:
        """CloudFormation."""
        return self.account.client("cloudformation")

    @property
    def can_ask(self) -> bool:
        """Whether somebody is there to answer."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    def ask(self, question: str, *, default: bool = False) -> bool:
        """Ask; Ctrl-C is no answer, but an interruption."""
        from deployer.asking import agreed  # noqa: PLC0415 - only where something is asked

        return agreed(question, default=default)
