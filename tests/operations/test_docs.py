"""The commands' reference: every command and option is in it, and what it says of calls is so."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import click
import pytest

from build import COMMANDS, LazyGroup
from deployer.console import ROOT
from operations import executions, parallel
from operations.logs import Line
from tests.operations.scripted import NOW, Scripted, described, event, execution_arn, refused
from tests.operations.test_executions import paged, summary

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

PAGE = (ROOT / "docs/commands-for-operators.md").read_text("utf-8")
OWN = [name for name, module in COMMANDS.items() if module.startswith("operations.")]
SHARED = {"--stack-name", "--profile", "--region", "--endpoint-url", "--json"}


def command_of(name: str) -> click.Command:
    """Return a command."""
    group = LazyGroup()
    found = group.get_command(click.Context(group), name)
    assert found is not None
    return found


def options(command: click.Command) -> set[str]:
    """Return the options of a command that are its own."""
    found = {option for each in command.params if isinstance(each, click.Option) for option in each.opts}
    return {option for option in found if option.startswith("--")} - SHARED


@pytest.mark.parametrize("name", OWN)
def test_each_command_and_option_is_documented(name: str) -> None:
    """In a section of its own; those that all commands share in the introduction."""
    introduction, *_ = PAGE.split("\n## ")
    section = next(each for each in PAGE.split("\n## ") if each.startswith(f"{name}:"))
    command = command_of(name)
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


def test_what_programs_read_is_documented(aws: Scripted, run: Callable[..., Result]) -> None:
    """Every key of every document, and no more than one document on standard output."""
    aws.answer(
        stepfunctions__StartExecution={"executionArn": execution_arn("e"), "startDate": NOW},
        stepfunctions__ListExecutions=paged([summary(1)]),
        stepfunctions__DescribeExecution=described("e"),
        stepfunctions__GetExecutionHistory={
            "events": [event(1, "ExecutionStarted"), event(2, "SucceedStateEntered", name="S", input="{}")]
        },
        dynamodb__GetItem={},
    )
    section = PAGE.partition("## For programs")[2].partition("\n## ")[0]
    rows = {row[1]: set(re.findall(r"`(\w+)`", row[2])) for row in re.finditer(r"^\| (`.*?`) \| (.+) \|$", section, re.MULTILINE)}  # fmt: skip

    def keys(*arguments: str) -> set[str]:
        command, *rest = arguments
        value = json.loads(run(command_of(command), *rest, "--json").stdout)
        value = value[0] if isinstance(value, list) else value
        return set(value) | {key for row in value.get("timeline") or () for key in row}

    whole = keys("execution", "e")
    assert rows["`start`, `execution`"] == whole | {"timeline"}
    assert rows["`start --detach`"] == keys("start", "--repository", "a/b", "--server-id", "s", "--detach")
    assert rows["`execution --stop`"] == keys("execution", "e", "--stop")
    assert whole - {"verdict", "record", "timeline", "state", "type", "at", "visits", "fate", "errors"} == keys("executions")  # fmt: skip
    assert {"at", "source", "line"} == set(Line(0, 0, "build", "x", "1").as_json()) == rows["`logs`"]
    for name in ("status", "doctor"):
        found = json.loads(run(command_of(name), "--json").stdout)
        assert isinstance(found.pop("well"), bool)
        finding = {key for part in found.values() for each in part["findings"] for key in each}
        assert {"well", "findings"} | finding <= rows["`status`, `doctor`"]


def test_a_failure_leaves_standard_output_empty(aws: Scripted, run: Callable[..., Result]) -> None:
    """So that what reads it reads no half of a document."""
    aws.answer(cloudformation__DescribeStacks=refused("AccessDenied", "DescribeStacks"))
    for name, *rest in (("executions",), ("execution", "e"), ("logs", "e"), ("status",)):
        result = run(command_of(name), *rest, "--json")
        assert (1, "") == (result.exit_code, result.stdout), name
