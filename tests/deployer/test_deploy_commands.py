"""The commands deploy and events, before they reach AWS."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from deployer import deploy_commands


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--change-set-name", "7up"], "--change-set-name 7up: a name has letters, digits and hyphens"),
        (["--change-set-name", "a_b"], "--change-set-name a_b: a name has letters"),
        (["--execute", "plan", "--parameter", "A=1"], "--execute takes what was planned as it is"),
        (["--execute", "plan", "--no-execute"], "--execute takes what was planned as it is"),
        (["--execute", "plan", "--recreate"], "--execute takes what was planned as it is"),
        (["--parameter", "A"], "--parameter 'A': it is no Key=Value"),
        (["--tags", "A"], "--tags 'A': it is no Key=Value"),
    ],
)
def test_what_makes_no_sense_is_usage(arguments: list[str], said: str) -> None:
    """Exit code 2, and a message."""
    result = CliRunner().invoke(deploy_commands.deploy, ["--region", "us-east-1", *arguments])
    assert 2 == result.exit_code
    assert said in result.output


def test_a_file_that_is_not_there() -> None:
    """It is usage, as every fault of parameters; its name is told."""
    result = CliRunner().invoke(deploy_commands.deploy, ["--parameters", "file:///nowhere.json"])
    assert (2, "error: /nowhere.json: No such file or directory\n") == (result.exit_code, result.output)
