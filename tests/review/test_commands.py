"""The command lines: what they print, and how they end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from review import commands

CASES = Path(__file__).parent / "cases"
ROOT = Path(__file__).parent.parent.parent


def run(command: Any, *arguments: str) -> Any:
    """Run a command as the command line would."""
    return CliRunner().invoke(command, list(arguments))


def of_case(name: str, *options: str) -> Any:
    """Review a case."""
    folder = CASES / name
    return run(commands.review, str(folder / "before.json"), str(folder / "after.json"), *options)


@pytest.mark.parametrize(
    ("name", "kinds", "expected"),
    [
        ("one-arn-widened-to-star", [], 0),
        ("one-arn-widened-to-star", ["never"], 0),
        ("one-arn-widened-to-star", ["wider"], 3),
        ("one-arn-widened-to-star", ["exposure", "data-loss", "replacement"], 0),
        ("star-narrowed-to-one-arn", ["wider"], 0),
        ("star-narrowed-to-one-arn", ["any-change"], 3),
        ("cidr-replaced-by-a-group", ["exposure", "wider"], 0),
        ("key-schema-may-replace", ["replacement"], 3),
        ("deletion-policy-retain-to-delete", ["data-loss"], 3),
        ("clean-up-skipped", ["safety"], 3),
        ("statements-reordered", ["wider", "any-change"], 0),
        ("identical", ["any-change"], 0),
    ],
)
def test_each_kind_of_gate_is_judged_on_its_own(name: str, kinds: list[str], expected: int) -> None:
    """`--fail-on` is repeatable; the command ends with 3 where one is met, with 0 otherwise."""
    options = [option for kind in kinds for option in ("--fail-on", kind)]
    assert expected == of_case(name, *options).exit_code


def test_a_file_that_cannot_be_read_is_an_error_and_no_traceback(tmp_path: Path) -> None:
    """A mistake is told in a line, and ends with 1."""
    path = tmp_path / "a.json"
    path.write_text("{", "utf-8")
    for command, arguments in ((commands.review, [str(path), str(path)]), (commands.graph, [str(path)])):
        result = run(command, *arguments)
        assert 1 == result.exit_code
        assert f"error: {path}:1:2: This is no JSON" in result.output
        assert "Traceback" not in result.output


def test_a_definition_and_a_template_are_compared_as_json(tmp_path: Path) -> None:
    """Who names two files of different kinds is told so."""
    definition, template = tmp_path / "a.json", CASES / "definition-inside-a-template/before.json"
    definition.write_text(json.dumps({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}), "utf-8")
    for arguments in ([str(definition), str(template)], [str(template), str(definition)]):
        result = run(commands.review, *arguments)
        assert 0 == result.exit_code
        assert "compared as JSON only" in result.output


def test_the_whole_is_written_to_a_file_and_the_verdict_said(tmp_path: Path) -> None:
    """`--output` writes the format, and leaves the line for the log."""
    path = tmp_path / "review.json"
    result = of_case("deny-removed", "--format", "json", "--output", str(path))
    assert json.loads(path.read_text("utf-8"))["verdict"] in result.output


def test_a_graph_is_written_as_mermaid() -> None:
    """`graph` draws a document, and one inside of a template."""
    folder = CASES / "definition-inside-a-template"
    result = run(commands.graph, str(folder / "before.json"))
    assert (0, True) == (result.exit_code, result.output.startswith("flowchart TD"))


def test_a_graph_of_no_document_names_the_file(tmp_path: Path) -> None:
    """A mistake is told with its file, and ends with 1."""
    path = tmp_path / "a.json"
    path.write_text("{}", "utf-8")
    result = run(commands.graph, str(path))
    assert (1, f"error: {path}: A state machine has an object 'States'.\n") == (
        result.exit_code,
        result.output,
    )
