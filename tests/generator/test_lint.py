"""Linting: what is wrong is found in the template and in the definition, and what was clean is not linted again."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from generator import lint as linting
from generator.lint import CACHE, REGIONS, Finding, lint

TEMPLATE, DEFINITION = Path("template.json"), Path("machine.asl.json")
CLEAN = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
MACHINE: dict[str, Any] = {
    "StartAt": "Call",
    "States": {
        "Call": {
            "Type": "Task",
            "Resource": "arn:${Partition}:states:::dynamodb:getItem",
            "Parameters": {"TableName": "${Table}", "Key": {}},
            "End": True,
        }
    },
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a clean template and a clean definition."""
    (tmp_path / TEMPLATE).write_text(json.dumps(CLEAN), "utf-8")
    (tmp_path / DEFINITION).write_text(json.dumps(MACHINE), "utf-8")
    return tmp_path


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, tuple[str, ...]]]:
    """Stand in for cfn-lint, which finds what is called wrong, and return what it was run over."""
    calls: list[tuple[Path, tuple[str, ...]]] = []

    def run(file: Path, text: str, regions: tuple[str, ...]) -> list[Finding]:
        calls.append((file, regions))
        return [Finding(file, 1, 1, "E0001", "is wrong")] if "wrong" in text else []

    monkeypatch.setattr(linting, "_run", run)
    return calls


@pytest.mark.slow
def test_the_committed_documents_are_clean_in_five_regions(root: Path, tmp_path: Path) -> None:
    """No error and no warning, in GovCloud and China either; nothing is taken from a cache."""
    assert REGIONS == ("us-east-1", "eu-central-1", "ap-southeast-2", "us-gov-west-1", "cn-north-1")
    documents = [
        Path("templates/validation-pipeline.template.json"),
        Path("asl/validation-pipeline.asl.json"),
    ]
    for document in documents:
        (tmp_path / document).parent.mkdir()
        (tmp_path / document).write_bytes((root / document).read_bytes())
    bootstrap = Path("templates/bootstrap.template.json")
    (tmp_path / bootstrap).write_bytes((root / bootstrap).read_bytes())
    assert lint(tmp_path, documents[0], documents[1:]) == []
    assert lint(tmp_path, bootstrap, []) == []
    assert len([*(tmp_path / CACHE).iterdir()]) == 3


def test_a_broken_template_is_found(folder: Path) -> None:
    """An unknown property is told with its place in the file, as compilers do."""
    text = (
        '{\n  "Resources": {\n    "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"Nmae": "x"}}\n  }\n}\n'
    )
    (folder / TEMPLATE).write_text(text, "utf-8")
    (finding,) = lint(folder, TEMPLATE, [])
    assert (finding.file, finding.line, finding.rule) == (TEMPLATE, 3, "E3002")
    assert str(finding).startswith("template.json:3:")
    assert "Nmae" in str(finding)


def test_a_broken_definition_is_found(folder: Path) -> None:
    """Though the template names the definition in S3, where cfn-lint does not look."""
    del (machine := json.loads(json.dumps(MACHINE)))["States"]["Call"]["Resource"]
    (folder / DEFINITION).write_text(json.dumps(machine), "utf-8")
    (finding,) = lint(folder, TEMPLATE, [DEFINITION])
    assert (finding.file, finding.rule) == (DEFINITION, "E3601")
    assert "'Resource' is a required property" in finding.message


def test_a_document_that_is_no_json_is_a_finding(folder: Path) -> None:
    """An edit by hand that broke the form is told with its line, in the template and in the definition."""
    for file in (TEMPLATE, DEFINITION):
        (folder / file).write_text('{\n  "a": 1,\n}\n', "utf-8")
    found = lint(folder, TEMPLATE, [DEFINITION])
    assert {finding.file for finding in found} == {TEMPLATE, DEFINITION}
    (broken,) = (finding for finding in found if finding.file == DEFINITION)
    assert (broken.line, broken.rule) in ((2, "E0000"), (3, "E0000"))
    assert broken.message.startswith("is not JSON: ")


def test_the_template_is_linted_in_each_region_and_the_definition_once(
    folder: Path, ran: list[tuple[Path, tuple[str, ...]]]
) -> None:
    """A definition is the same in all regions."""
    assert lint(folder, TEMPLATE, [DEFINITION]) == []
    assert ran == [(TEMPLATE, REGIONS), (DEFINITION, REGIONS[:1])]


def test_what_was_clean_is_not_linted_again(folder: Path, ran: list[tuple[Path, tuple[str, ...]]]) -> None:
    """The same bytes by the same cfn-lint: nothing runs."""
    lint(folder, TEMPLATE, [DEFINITION])
    ran.clear()
    assert lint(folder, TEMPLATE, [DEFINITION]) == []
    assert ran == []


def test_other_bytes_regions_or_versions_are_linted(
    folder: Path, ran: list[tuple[Path, tuple[str, ...]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever decides what is found is in the cache's key."""
    lint(folder, TEMPLATE, [])
    (folder / TEMPLATE).write_text(json.dumps(CLEAN) + "\n", "utf-8")
    lint(folder, TEMPLATE, [])
    monkeypatch.setattr(linting, "REGIONS", ("eu-west-1",))
    lint(folder, TEMPLATE, [])
    monkeypatch.setattr("importlib.metadata.version", lambda _: "0")
    lint(folder, TEMPLATE, [])
    assert len(ran) == 4


def test_a_finding_is_never_cached(folder: Path, ran: list[tuple[Path, tuple[str, ...]]]) -> None:
    """What is wrong is told every time, until it is mended; then the clean one is cached."""
    (folder / TEMPLATE).write_text('{"Description": "wrong"}', "utf-8")
    for _ in range(2):
        assert lint(folder, TEMPLATE, []) == [Finding(TEMPLATE, 1, 1, "E0001", "is wrong")]
    assert len(ran) == 2
    assert not (folder / CACHE).exists()
    (folder / TEMPLATE).write_text(json.dumps(CLEAN), "utf-8")
    assert lint(folder, TEMPLATE, []) == []


def test_a_second_run_does_not_even_import_cfn_lint(folder: Path, root: Path) -> None:
    """The first run imports and runs it; the second finds everything in the cache."""
    program = (
        "import sys; from pathlib import Path; from generator.lint import lint; "
        f"print(lint(Path({str(folder)!r}), Path('{TEMPLATE}'), [Path('{DEFINITION}')]), 'cfnlint' in sys.modules)"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    ]
    assert said == ["[] True\n", "[] False\n"]
