"""The checker's findings as cfn-lint reports them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cfnlint.api
import pytest
from cfnlint.config import ManualArgs

RULES = str(Path(__file__).parents[2] / "states_language" / "cfn_lint")
TEMPLATE = """\
Resources:
  Text:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      RoleArn: arn:aws:iam::123456789012:role/any
      DefinitionString: !Sub |
        {
          "StartAt": "A",
          "States": {"A": {"Type": "Pass", "Result": {"b": 1}, "Next": "B"},
            "B": {"Type": "Pass", "InputPath": "$.c", "End": true}}
        }
  Object:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      RoleArn: arn:aws:iam::123456789012:role/any
      Definition:
        StartAt: A
        States:
          A: {Type: Pass, Result: {b: 1}, Next: B}
          B: {Type: Pass, InputPath: $.c, End: true}
  File:
    Type: AWS::Serverless::StateMachine
    Properties:
      DefinitionUri: machine.asl.json
Transform: AWS::Serverless-2016-10-31
"""
MACHINE = '{"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": {"b": 1}, "OutputPath": "$.c", "End": true}}}'


def ours(text: str, filename: str | None = None) -> list[tuple[str, int, int]]:
    """Return rule, line and column of this project's findings, as cfn-lint places them."""
    arguments = ManualArgs(append_rules=[RULES], regions=["us-east-1"])
    if filename is None:
        matches = cfnlint.api.lint(text, config=arguments)
    else:
        matches = cfnlint.api.lint_file(Path(filename), config=arguments)
    return sorted(
        (match.rule.id, match.linenumber, match.columnnumber)
        for match in matches
        if match.rule.id.endswith("9601")
    )


@pytest.mark.slow
def test_findings_of_a_text_stand_at_their_properties() -> None:
    """Without a file, a finding stands at its value, or at the text that holds it."""
    found = ours(TEMPLATE.partition("  File:\n")[0])
    assert [("E9601", 6, 7), ("E9601", 20, 27)] == found


@pytest.mark.slow
def test_findings_of_a_file_stand_at_their_own_places(tmp_path: Path) -> None:
    """In a file, a finding stands at its line and column, in a block of text too; another file's at its property."""
    path = tmp_path / "template.yaml"
    path.write_text(TEMPLATE)
    (tmp_path / "machine.asl.json").write_text(MACHINE)
    program = str(Path(sys.executable).with_name("cfn-lint"))
    command = [program, "--append-rules", RULES, "--format", "parseable", "--", str(path)]
    output = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path).stdout
    found = sorted(tuple(line.split(":")[1:3]) for line in output.splitlines() if ":E9601:" in line)
    assert [("10", "50"), ("20", "39"), ("24", "7")] == found
