"""What the commands that call AWS share: their options, their exit codes, and how they speak."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click
from click.core import ParameterSource

from deployer.account import Access, Account, AccountError
from review.printable import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROOT = Path(__file__).parent.parent
STACK = "toolshed-validation"

EXIT_DONE, EXIT_ERROR, EXIT_USAGE, EXIT_REFUSED, EXIT_ROLLED_BACK, EXIT_PLANNED = 0, 1, 2, 3, 4, 5
EXIT_INTERRUPTED = 130

DUMB = frozenset({"dumb", "unknown"})
"""Terminals on which rich moves nothing: a view that is drawn again and again would never be seen."""

GAP, LEAST_LAST = 2, 10
"""Between a table's columns; and the least that is left of its last one."""


def reaches_aws(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which account is meant; the command takes `profile`, `region` and `endpoint_url`."""
    for option in (
        click.option("--endpoint-url", metavar="URL", help="An emulator's address, for every service."),
        click.option("--region", metavar="REGION", help="Instead of the environment's or the profile's."),
        click.option("--profile", metavar="NAME", help="A profile of ~/.aws/config."),
    ):
        command = option(command)
    return command


def of_stack(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option that names the stack."""
    return click.option(
        "--stack-name", default=STACK, show_default=True, metavar="NAME", help="The pipeline's stack."
    )(command)


def makes_change_sets(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of whatever makes a stack or changes it; the command takes `tags` and `role_arn`."""
    for option in (
        click.option("--role-arn", metavar="ARN", help="The role that CloudFormation works as."),
        click.option(
            "--tags",
            multiple=True,
            metavar="KEY=VALUE",
            help="A tag of the stack and its resources; repeatable. Without any it keeps its own.",
        ),
    ):
        command = option(command)
    return command


def account(profile: str | None, region: str | None, endpoint_url: str | None) -> Account:
    """Return the account that the options mean; calls that are made again are told on standard error."""
    return Account(Access(profile, region, endpoint_url), note)


class Refused(Exception):  # noqa: N818 - it is no defect, but an answer
    """What was asked for is refused, or needs another answer first; carries the exit code."""

    def __init__(self, message: str, code: int = EXIT_REFUSED):
        super().__init__(message)
        self.code = code


@dataclass
class Answer:
    """What a program reads of a command: one JSON document on standard output, however the command ends.

    Its keys are written as AWS writes them. `result` is what came of the command, `exit` its exit code, `error` what a
    person reads of what went wrong; `status` is a stack's.
    """

    is_wanted: bool
    """Whether `--json` was given."""
    fields: dict[str, Any] = field(default_factory=dict)
    code: int = EXIT_DONE
    """How the command ends where nothing is raised."""

    def say(self, text: str = "") -> None:
        """Tell a person something; nothing where a program reads."""
        if not self.is_wanted:
            click.echo(as_given(text))

    def end(self, code: int, error: str = "") -> None:
        """Print the document."""
        if self.is_wanted:
            found = {**self.fields, "result": self.fields.get("result", RESULTS[code])}
            told = {"error": as_given(error)} if error else {}
            click.echo(json.dumps({**found, **told, "exit": code}, indent=2, ensure_ascii=False, default=str))


RESULTS = {
    EXIT_DONE: "done",
    EXIT_ERROR: "failed",
    EXIT_USAGE: "failed",
    EXIT_REFUSED: "refused",
    EXIT_ROLLED_BACK: "rolled back",
    EXIT_PLANNED: "planned",
    EXIT_INTERRUPTED: "interrupted",
}
"""What came of a command, where it does not say it more exactly."""


@contextmanager
def told(access: Access, answer: Answer | None = None) -> Iterator[None]:
    """Turn what a person can mend into a message and an exit code; anything else is a defect and keeps its traceback.

    A program reads of it, too, in the `answer`.
    """
    answer = answer or Answer(is_wanted=False)
    try:
        yield
    except (KeyboardInterrupt, click.Abort):
        answer.end(EXIT_INTERRUPTED, "interrupted")
        raise
    except SystemExit as ended:  # whoever ends the process has told why
        answer.end(int(ended.code or 0))
        raise
    except BrokenPipeError:  # whoever read the output has had enough: click ends quietly
        raise
    except Exception as error:
        code, message = _mendable(error, access)
        if not message:
            raise
        complain(message)
        answer.end(code, message)
        sys.exit(code)
    answer.end(answer.code)


def _mendable(error: Exception, access: Access) -> tuple[int, str]:
    """Return the exit code, and what a person reads, of what they can mend; no words of a defect."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - the help needs no botocore

    from deployer.account import refusal  # noqa: PLC0415

    match error:
        case Refused():
            return error.code, str(error)
        case AccountError():
            return EXIT_ERROR, str(error)
        case OSError():
            return EXIT_ERROR, f"{error.filename or 'this machine'}: {error.strerror or error}"
        case BotoCoreError() | ClientError():
            return EXIT_ERROR, refusal(error, access)
        case _:
            return EXIT_ERROR, ""


HINT = re.compile(
    r"python build\.py (?P<command>[a-z]+)[^`\n]*|aws [a-z0-9]+ [a-z]+(?:-[a-z0-9]+)+(?:[^`\n();]*[^`\n();\s])?"
)
"""A command of ours, to the end of its line or of its backticks; one of AWS's own may stand in parentheses too."""
REACHES_AWS = frozenset({"bootstrap", "publish"})
OF_STACK = frozenset(
    {
        "adopt",
        "deploy",
        "destroy",
        "doctor",
        "events",
        "execution",
        "executions",
        "logs",
        "rollback",
        "start",
        "status",
    }
)
"""The commands that take the account's options, and the stack's beside them."""


def as_given(text: str) -> str:
    """Return a text whose commands, ours and AWS's own, reach what this one reaches: a person copies them as they stand.

    The options of account and stack that were given to the command that runs are added where they are not named yet.
    """
    context = click.get_current_context(silent=True)
    if context is None:
        return text
    options = {
        name: str(context.params[name])
        for name in ("stack_name", "profile", "region", "endpoint_url")
        if context.params.get(name) is not None
        and context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    }

    def completed(hint: re.Match[str]) -> str:
        whole, command = hint[0], hint["command"]
        for name, value in options.items():
            option = f"--{name.replace('_', '-')}"
            is_account = command is None or command in REACHES_AWS
            takes = command in OF_STACK or (is_account and name != "stack_name")
            if takes and option not in whole:
                whole += f" {option} {shlex.quote(value)}"
        return whole

    return HINT.sub(completed, text)


def can_move(*streams: TextIO) -> bool:
    """Tell whether all of these are terminals on which a view can be drawn over the one before."""
    return os.environ.get("TERM", "").lower() not in DUMB and all(each.isatty() for each in streams)


def complain(message: str) -> None:
    """Tell of an error, on standard error: what is wrong first, then what to do."""
    first, *more = as_given(message).splitlines() or [""]
    click.secho(f"error: {first}", fg="red", err=True)
    for line in more:
        click.echo(f"       {line}", err=True)


def note(message: str) -> None:
    """Tell on standard error what is good to know while something goes on."""
    click.secho(as_given(message), dim=True, err=True)


def warn(message: str) -> None:
    """Say loudly, on standard error, what a person should think about again: that first, then what belongs to it."""
    first, *more = as_given(message).splitlines()
    for line in (f"WARNING: {first}", *(f"         {each}" for each in more)):
        click.secho(line, fg="yellow", bold=True, err=True)


def wrapped(text: str, indent: str = "") -> str:
    """Return a paragraph; on a terminal it is broken between words to fit."""
    if not sys.stdout.isatty():
        return indent + text
    width = shutil.get_terminal_size().columns
    return click.wrap_text(text, width, indent, indent + "  ")


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], styles: Sequence[str] = ()) -> str:
    """Return aligned columns, as wide as they need to be; on a terminal the last one is cut to its width.

    `styles` are rich's, one for each row. A cell is plain text: nothing in it steers a terminal.
    """
    from rich.console import Console  # noqa: PLC0415 - only where there is something to show
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    is_terminal = sys.stdout.isatty()
    shown = Table(box=None, pad_edge=False, header_style="bold" if is_terminal else "")
    console = Console(width=None if is_terminal else 4096)
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    room = console.width - GAP * (len(widths) - 1)
    # Where there is room for the others, the last column is cut; else the widest are, until all fit.
    widths[-1] = min(widths[-1], max(room - sum(widths[:-1]), LEAST_LAST))
    while sum(widths) > max(room, len(widths)):
        widths[widths.index(max(widths))] -= 1
    for heading, width in zip(headings, widths, strict=True):
        shown.add_column(heading, no_wrap=True, overflow="ellipsis", max_width=width)
    for number, row in enumerate(rows):
        cells = [Text(printable(cell)) for cell in row]
        shown.add_row(*cells, style=styles[number] if number < len(styles) else "")
    with console.capture() as captured:
        console.print(shown)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())
