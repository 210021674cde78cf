"""The commands' reference: every command and option is in it, and what it says of calls is so."""

from __future__ import annotations

import re

import click
import pytest

from build import COMMANDS
from deployer.console import ROOT
from operations import commands, executions, parallel

PAGE = (ROOT / "docs/commands-for-operators.md").read_text("utf-8")
OWN = [name for name, module in COMMANDS.items() if module == "operations.commands"]
SHARED = {"--stack-name", "--profile", "--region", "--endpoint-url", "--json"}


def options(command: click.Command) -> set[str]:
    """Return the options of a command that are its own."""
    found = {option for each in command.params if isinstance(each, click.Option) for option in each.opts}
    return {option for option in found if option.startswith("--")} - SHARED


@pytest.mark.parametrize("name", OWN)
def test_each_command_and_option_is_documented(name: str) -> None:
    """In a section of its own; those that all commands share in the introduction."""
    introduction, *_ = PAGE.split("\n## ")
    section = next(each for each in PAGE.split("\n## ") if each.startswith(f"{name}:"))
    command: click.Command = getattr(commands, name)
    missing = {option for option in options(command) if option not in section}
    assert set() == missing - {"--output", "--bootstrap-stack"}
    assert set() == {option for option in SHARED if option not in introduction}
    assert command.help
    assert all(each.help for each in command.params if isinstance(each, click.Option))


def test_the_figures_of_the_page_are_the_code_s() -> None:
    """How many are described without a look at the table, and how many at a time."""
    assert f"up to {executions.FEW} that have ended" in PAGE
    assert re.search(r"eight at a time", PAGE)
    assert (8, 8) == (executions.SEGMENTS, parallel.AT_ONCE)


def test_the_readme_leads_to_the_page() -> None:
    """Each command is in the table of the README."""
    text = (ROOT / "README.md").read_text("utf-8")
    assert "docs/commands-for-operators.md" in text
    assert set() == {name for name in OWN if f"`{name}`" not in text and f"build.py {name}" not in text}
