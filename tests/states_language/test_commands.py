"""The command line of the checker."""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from states_language.commands import main

ROOT = Path(__file__).parents[2]
GOOD = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
BAD = {
    "StartAt": "Call",
    "States": {
        "Call": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:ecs:describeTasks", "Parameters": {"Tasks": ["a"]}, "Next": "Take"},
        "Take": {"Type": "Pass", "Parameters": {"a.$": "$.tasks", "b.$": "$.Tasks[0]"}, "End": True},
    },
}  # fmt: skip


def run(*arguments: object, stdin: str | None = None) -> Result:
    """Run the command line."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=stdin)


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """Write the faulty document."""
    path = tmp_path / "bad.asl.json"
    path.write_text(json.dumps(BAD, indent=2))
    return path


def test_text_shows_the_line_and_a_caret(bad: Path) -> None:
    """A finding names its place, shows its line, and points into the path."""
    result = run("check", bad)
    assert (
        f"{bad}:17:18: error[wrong-case-path]: $ (ecs DescribeTasksResponse) has no field 'tasks'.\n"
        in result.output
    )
    assert (
        ' 17 |         "a.$": "$.tasks",\n    |                  ^\n   help: Did you mean \'Tasks\'?\n'
        in result.output
    )
    assert result.output.endswith("1 state machine checked: 1 error, 1 warning.\n")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), 3),
        (("--fail-on", "never"), 0),
        (("--fail-on", "warning"), 3),
        (("--level", "error"), 3),
    ],
)
def test_the_exit_code_says_whether_something_was_found(
    arguments: tuple[str, ...], code: int, bad: Path
) -> None:
    """3 where a finding is as severe as --fail-on asks, else 0."""
    assert code == run("check", bad, *arguments).exit_code


def test_a_clean_document_exits_with_0(tmp_path: Path) -> None:
    """Nothing found is 0, at the strictest level too."""
    path = tmp_path / "good.asl.json"
    path.write_text(json.dumps(GOOD))
    result = run("check", path, "--fail-on", "note")
    assert (0, "1 state machine checked: nothing found.\n") == (result.exit_code, result.output)


def test_a_missing_file_exits_with_1(tmp_path: Path) -> None:
    """A path that cannot be read is an error, not a finding; the others are checked all the same."""
    result = run("check", tmp_path / "none.asl.json")
    assert result.exit_code == 1
    assert (
        f"{tmp_path / 'none.asl.json'}: The file cannot be read: No such file or directory.\n"
        in result.output
    )


def test_a_wrong_option_exits_with_2(bad: Path) -> None:
    """What click refuses is a usage error."""
    assert 2 == run("check", bad, "--format", "yaml").exit_code


def test_json_is_a_list_of_diagnostics(bad: Path) -> None:
    """The JSON format has the documented fields, in their order."""
    found: list[dict[str, Any]] = json.loads(run("check", bad, "--format", "json").output)
    assert {
        "file": str(bad),
        "code": "wrong-case-path",
        "severity": "error",
        "pointer": "/States/Take/Parameters/a.$",
        "line": 17,
        "column": 18,
        "message": "$ (ecs DescribeTasksResponse) has no field 'tasks'.",
        "help": "Did you mean 'Tasks'?",
    } == found[0]


def test_sarif_points_at_rule_and_region(bad: Path) -> None:
    """The SARIF log names its rules and places its results."""
    log = json.loads(run("check", bad, "--format", "sarif").output)
    (only,) = log["runs"]
    result = only["results"][0]
    assert ("2.1.0", "wrong-case-path", "error") == (log["version"], result["ruleId"], result["level"])
    assert "wrong-case-path" == only["tool"]["driver"]["rules"][result["ruleIndex"]]["id"]
    assert {"startLine": 17, "startColumn": 18} == result["locations"][0]["physicalLocation"]["region"]


def test_github_writes_commands(bad: Path) -> None:
    """Each finding is one workflow command, with its separators escaped."""
    first = run("check", bad, "--format", "github").output.splitlines()[0]
    assert first.startswith("::error file=")
    assert first.endswith(
        ",line=17,col=18,title=wrong-case-path::$ (ecs DescribeTasksResponse) has no field 'tasks'. Did you mean 'Tasks'?"
    )


def test_no_name_steers_a_terminal_or_breaks_the_xml(tmp_path: Path) -> None:
    """A document may be a stranger's; what is found in it stays on its line."""
    path = tmp_path / "a.asl.json"
    path.write_text(
        json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "\x1b[2J\n::error::"}}})
    )
    assert "There is no state '·[2J·::error::' in this scope." in run("check", path, "--color").output
    ET.fromstring(run("check", path, "--format", "junit").output)  # noqa: S314 - ours
    path.write_text(path.read_text().replace('"A"', '"\\u001bA"'))
    assert run("types", path).output.startswith("Pass ·A\n")


def test_junit_is_xml_with_a_case_a_finding(bad: Path) -> None:
    """The JUnit report parses, and counts its failures."""
    suite = ET.fromstring(run("check", bad, "--format", "junit").output.encode())  # noqa: S314 - our own output
    assert ("2", "2") == (suite.get("tests"), suite.get("failures"))
    assert ["wrong-case-path", "index-may-fail"] == [entry.get("type") for entry in suite.iter("failure")]


def test_standard_input_is_a_file() -> None:
    """`-` reads the document from a pipe."""
    result = run("check", "-", stdin=json.dumps(BAD))
    assert "<stdin>:1:" in result.output
    assert 3 == result.exit_code


def test_folders_and_patterns_are_searched(tmp_path: Path, bad: Path) -> None:
    """A folder gives its documents and templates, and leaves hidden folders out."""
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "good.asl.json").write_text(json.dumps(GOOD))
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "bad.asl.json").write_text(json.dumps(BAD))
    (tmp_path / "other.json").write_text("{}")
    results = [
        run("check", argument).output.splitlines()[-1] for argument in (tmp_path, f"{tmp_path}/**/*.asl.json")
    ]
    assert results[0] == "2 state machines checked: 1 error, 1 warning."
    assert run("check", f"{bad.parent}/b*.asl.json").output.endswith(
        "1 state machine checked: 1 error, 1 warning.\n"
    )


def test_nothing_to_check_is_an_error(tmp_path: Path) -> None:
    """A folder without documents is told: a gate that checks nothing guards nothing."""
    result = run("check", tmp_path)
    assert (1, f"{tmp_path}: There is no document here.\n") == (result.exit_code, result.output)


def test_findings_can_be_allowed_beside_the_document(bad: Path) -> None:
    """An allowance with a reason silences its finding, and only that."""
    allow = bad.with_name("bad.allow.yaml")
    allow.write_text("- allow: index-may-fail\n  at: Take\n  because: it answers with one task\n")
    assert "1 state machine checked: 1 error.\n" in run("check", bad).output
    allow.write_text("- allow: index-may-fail\n  at: Call\n  because: it answers with one task\n")
    assert "1 error, 2 warnings.\n" in run("check", bad).output


def test_allowances_of_a_template_serve_all_its_state_machines(tmp_path: Path) -> None:
    """An entry that silences a finding of one machine is used, whatever the others have."""
    machine = {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"Definition": BAD}}
    clean = {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"Definition": GOOD}}
    template = {"Resources": {"Bad": machine, "Good": clean}}
    (tmp_path / "template.json").write_text(json.dumps(template))
    reason = "because: it is so"
    (tmp_path / "template.allow.yaml").write_text(
        f"- allow: index-may-fail\n  {reason}\n- allow: wrong-case-path\n  at: /States/Take\n  {reason}\n"
    )
    assert "2 state machines checked: nothing found.\n" == run("check", tmp_path, "--level", "warning").output


def test_explain_tells_where_knowledge_ended(tmp_path: Path) -> None:
    """A path into what is not known is listed with the reason."""
    path = tmp_path / "a.asl.json"
    document = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Parameters": {"b.$": "$.c"}, "End": True}}}
    path.write_text(json.dumps(document))
    assert "$.c: not known: the execution's input\n" in run("check", path, "--explain").output


def test_types_shows_the_data_at_a_state(bad: Path) -> None:
    """An author sees which paths there are."""
    output = run("types", bad, "--at", "Take", "--depth", "3").output
    assert (
        "Pass Take\n  input\n    $  object (ecs DescribeTasksResponse)\n    $.Tasks?  list of ecs Task\n"
        in output
    )
    assert "$.Tasks?[*].LastStatus?  string\n" in output


def test_types_refuses_a_state_that_does_not_exist(bad: Path) -> None:
    """A misspelled state is a usage error that names the nearest one."""
    result = run("types", bad, "--at", "Tke")
    assert result.exit_code == 2
    assert "did you mean 'Take'?" in result.output


def test_types_names_the_file_that_cannot_be_read(tmp_path: Path, bad: Path) -> None:
    """That may be the contract."""
    schema = tmp_path / "contract.json"
    schema.write_text("{")
    result = run("types", bad, "--input-schema", schema)
    assert (1, True) == (result.exit_code, result.output.startswith(f"{schema}:1:2: This is no JSON"))


def test_contract_writes_a_schema(tmp_path: Path) -> None:
    """The command writes what the library infers."""
    path = tmp_path / "a.asl.json"
    document = {"StartAt": "A", "States": {"A": {"Type": "Wait", "SecondsPath": "$.delay", "End": True}}}
    path.write_text(json.dumps(document))
    assert {"delay": {"type": "number"}} == json.loads(run("contract", path).output)["properties"]


def test_shapes_tells_its_version() -> None:
    """The index says which botocore it was made from."""
    assert run("shapes").output.startswith("botocore 1.")


def test_checking_imports_neither_botocore_nor_yaml(bad: Path) -> None:
    """A check of JSON starts fast: what it does not need is not imported."""
    program = (
        "import sys\nfrom states_language.commands import main\n"
        f"try: main(['check', {str(bad)!r}])\nexcept SystemExit: pass\n"
        "print(sorted({'botocore', 'boto3', 'yaml', 'rich', 'asyncio'} & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert "[]" == result.stdout.splitlines()[-1]
