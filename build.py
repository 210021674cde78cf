"""The command line: `python build.py COMMAND`. It composes the packages' commands and holds no logic."""

from __future__ import annotations

import io
import os
import sys
from importlib import import_module
from pathlib import Path

ENVIRONMENT = Path(__file__).parent / ".venv"
if __name__ == "__main__" and (ENVIRONMENT / "bin/python").exists() and sys.prefix != str(ENVIRONMENT):
    # Whatever Python is called `python`: the project's own environment has what is needed, in the pinned versions.
    PYTHON = str(ENVIRONMENT / "bin/python")
    os.execv(PYTHON, [PYTHON, *sys.argv])  # noqa: S606 - no shell is wanted

try:
    import click
except ModuleNotFoundError:
    sys.exit("error: the environment is missing; `make template` makes it")

COMMANDS = {
    "template": "generator.commands",
    "package": "generator.commands",
    "verify": "generator.commands",
    "lint": "generator.commands",
    "bump": "generator.commands",
    "release": "generator.commands",
    "graph": "review.commands",
    "review": "review.commands",
    "bootstrap": "deployer.artifact_commands",
    "publish": "deployer.artifact_commands",
    "deploy": "deployer.deploy_commands",
    "events": "deployer.deploy_commands",
    "rollback": "deployer.rollback_commands",
    "destroy": "deployer.destroy_commands",
    "adopt": "deployer.artifact_commands",
    "start": "operations.execution_commands",
    "execution": "operations.execution_commands",
    "executions": "operations.execution_commands",
    "logs": "operations.execution_commands",
    "status": "operations.stack_commands",
    "doctor": "operations.stack_commands",
    "run": "runner.commands",
    "test-state": "runner.commands",
    "faults": "runner.commands",
    "scan": "scan.commands",
    "check": "states_language.commands",
    "types": "states_language.commands",
    "contract": "states_language.commands",
    "shapes": "states_language.commands",
    "validate": "validator.commands",
    "completion": "deployer.completion_commands",
}
"""Where each command is; a module is imported when its command is asked for."""


class LazyGroup(click.Group):
    """A group that imports a command's module only when that command runs, or its help is shown."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the commands in the order in which they are used."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        """Return a command, or None where there is no such one."""
        if name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(COMMANDS[name]), name.replace("-", "_"))
        return command


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.pass_context
def build(ctx: click.Context) -> None:
    """Generate, check and deploy ToolShed's validation pipeline."""
    if os.environ.get("NO_COLOR"):
        ctx.color = False


def main() -> int:
    """Run the command line and return its exit code."""
    # What a closed stream was to take is thrown away; Python has none then.
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
    for stream in (sys.stdout, sys.stderr):
        # What a terminal's encoding lacks is escaped: a sign is no reason to end.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        build.main(standalone_mode=False)
    except click.UsageError as error:
        error.show()
        return 2
    except click.Abort:
        click.echo("interrupted", err=True)
        return 130
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
