"""The command completion: commands, options and their values at the touch of Tab."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

import click

from deployer.console import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping

PROGRAM = "build.py"
VARIABLE = "_BUILD_PY_COMPLETE"
"""What makes click answer with completions: it derives the name from the program's."""
FUNCTIONS: Mapping[str, str] = {
    "bash": '{program}() {{ {command} "$@"; }}',
    "zsh": '{program}() {{ {command} "$@" }}',
    "fish": "function {program}; {command} $argv; end",
}


@click.command()
@click.argument("shell", type=click.Choice(sorted(FUNCTIONS)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what makes a shell know `build.py`: evaluate it in the shell's start-up file.

    bash and zsh: eval "$(.venv/bin/python build.py completion bash)"; fish: … completion fish | source
    """
    click.echo(script(ctx.find_root().command, shell))


def script(cli: click.Command, shell: str) -> str:
    """Return a function `build.py` that works in any folder, and click's completion for it."""
    from click.shell_completion import get_completion_class  # noqa: PLC0415 - the help needs none

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"click knows no shell {shell}")
    found = kind(cli, {}, PROGRAM, VARIABLE)
    text = found.source_template % found.source_vars()
    command = f"{shlex.quote(sys.executable)} {shlex.quote(str(ROOT / PROGRAM))}"
    # click asks the program by its name; ours is a function of the shell, which `env` does not find.
    for name in ("$1", PROGRAM):
        text = text.replace(f" {name})", f" {command})")
    # In zsh click completes only what is a command of its own.
    text = text.replace(f"$+commands[{PROGRAM}]", f"$+functions[{PROGRAM}]")
    return FUNCTIONS[shell].format(program=PROGRAM, command=command) + "\n" + text.strip()
