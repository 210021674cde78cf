"""The command line as a whole: its commands are found, documented and named rightly, and it finds its environment."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import click
import pytest

import build
from deployer import console

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMED = re.compile(r"python build\.py ([a-z][a-z-]*)")
TYPED = re.compile(
    r"python build\.py ([a-z][a-z-]*)((?:(?! # )[^`\n])*)(?:`, with ((?:`[^`]+`(?: or |, )?)+))?"
)
"""A command as it is typed, up to the end of its line, or of the words that are code; and what it is told to be used with."""
OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z-]*|-[A-Za-z])(?![\w-])")
LAZY = build.LazyGroup()
CONTEXT = click.Context(LAZY)


def command(name: str) -> click.Command:
    """Return a command of build.py."""
    found = LAZY.get_command(CONTEXT, name)
    assert found is not None
    return found


def options(name: str) -> set[str]:
    """Return the names of a command's options."""
    return {each.name for each in command(name).params if each.name}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_names_commands_that_exist(page: Path) -> None:
    """The runbook above all: who reads it at night cannot guess."""
    assert set() == set(NAMED.findall(page.read_text("utf-8"))) - set(build.COMMANDS)


@pytest.mark.parametrize("package", ["deployer", "operations", "runner"])
def test_the_code_names_commands_that_exist(package: str) -> None:
    """Hints are followed as they stand."""
    texts = [
        path.read_text("utf-8") for path in (ROOT / package).rglob("*.*") if path.suffix in {".py", ".yaml"}
    ]
    assert set() == {name for text in texts for name in NAMED.findall(text)} - set(build.COMMANDS)


def unknown(text: str) -> set[tuple[str, str]]:
    """Return the options in a text that their commands do not take."""
    found = set()
    for name, *words in TYPED.findall(text):
        if name in build.COMMANDS:
            taken = {option for each in command(name).params for option in (*each.opts, *each.secondary_opts)}
            # A server's command is quoted.
            given = {option for each in words for option in OPTION.findall(re.sub(r'"[^"]*"', "", each))}
            found |= {(name, option) for option in given - taken - {"-h", "--help"}}
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_names_options_that_exist(page: Path) -> None:
    """What is copied from it runs."""
    assert set() == unknown(page.read_text("utf-8"))


@pytest.mark.parametrize("package", ["deployer", "generator", "operations", "review", "runner"])
def test_the_code_names_options_that_exist(package: str) -> None:
    """Hints are followed as they stand."""
    texts = [
        path.read_text("utf-8") for path in (ROOT / package).rglob("*.*") if path.suffix in {".py", ".yaml"}
    ]
    assert set() == {found for text in texts for found in unknown(text)}


def test_an_option_that_a_command_does_not_take_is_found() -> None:
    """In the words that are typed, and in those that it is told to be used with; not in a comment or beside the code."""
    text = (
        "`python build.py status --drfit`, and `--other`; python build.py logs E --follow # --not\n"
        "| `python build.py executions`, with `--failed` or `--sinse 1h` |"
    )
    assert {("status", "--drfit"), ("executions", "--sinse")} == unknown(text)


@pytest.mark.parametrize("name", build.COMMANDS)
def test_every_command_is_documented(name: str) -> None:
    """A command that no page tells of is found by nobody."""
    told = re.compile(rf"build\.py {re.escape(name)}\b|make {re.escape(name)}\b")
    assert any(told.search(page.read_text("utf-8")) for page in PAGES)


def test_hints_complete_the_commands_that_take_the_options() -> None:
    """What the table of a hint's commands says is what the commands take."""
    reaching = {name for name in build.COMMANDS if "profile" in options(name)}
    of_stack = {name for name in reaching if "stack_name" in options(name)}
    assert of_stack == console.OF_STACK
    assert reaching - of_stack == console.REACHES_AWS


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["--region", "eu-west-1"], "see `python build.py events --failed --region eu-west-1`, then `make lint`"),
        (["--stack-name", "a b"], "see `python build.py events --failed --stack-name 'a b'`, then `make lint`"),
        ([], "see `python build.py events --failed`, then `make lint`"),
    ],
)  # fmt: skip
def test_a_hint_reaches_what_its_command_reached(given: list[str], expected: str) -> None:
    """What was typed is repeated; what the environment or a default gave is not."""
    heard: list[str] = []

    @click.command()
    @console.of_stack
    @console.reaches_aws
    def hint(**_: object) -> None:
        heard.append(console.as_given("see `python build.py events --failed`, then `make lint`"))

    hint.main(given, standalone_mode=False)
    assert [expected] == heard


def test_a_hint_keeps_what_it_says_itself() -> None:
    """An option that the hint names is not added again, and another kind of command takes no stack."""
    heard: list[str] = []

    @click.command()
    @console.of_stack
    @console.reaches_aws
    def hint(**_: object) -> None:
        heard.append(console.as_given("python build.py status --stack-name other\npython build.py bootstrap"))

    hint.main(["--stack-name", "mine", "--profile", "p"], standalone_mode=False)
    expected = "python build.py status --stack-name other --profile p\npython build.py bootstrap --profile p"
    assert [expected] == heard


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "end it: aws cloudformation delete-stack --stack-name a (it cannot be cancelled)",
            "end it: aws cloudformation delete-stack --stack-name a --region r (it cannot be cancelled)",
        ),
        (
            "delete it (aws s3api delete-object --key a/b.json); then go on",
            "delete it (aws s3api delete-object --key a/b.json --region r); then go on",
        ),
        ("`aws sts get-caller-identity` tells", "`aws sts get-caller-identity --region r` tells"),
        ("aws sts get-caller-identity --region s", "aws sts get-caller-identity --region s"),
        ("what aws cannot do", "what aws cannot do"),
    ],
)
def test_a_hint_of_aws_s_own_command_reaches_it_too(text: str, expected: str) -> None:
    """The AWS command line knows the account's options, and not ours of the stack."""
    heard: list[str] = []

    @click.command()
    @console.of_stack
    @console.reaches_aws
    def hint(**_: object) -> None:
        heard.append(console.as_given(text))

    hint.main(["--region", "r", "--stack-name", "mine"], standalone_mode=False)
    assert [expected] == heard


@pytest.mark.slow
def test_any_python_finds_the_environment(tmp_path: Path) -> None:
    """A Python without the project's packages hands over to the project's; without one, it says what to do."""
    venv.create(tmp_path / "bare", with_pip=False)
    bare = tmp_path / "bare/bin/python"
    project = tmp_path / "project"
    project.mkdir()
    shutil.copy(ROOT / "build.py", project)

    def ran() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [bare, "build.py", "-h"], cwd=project, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": ""}, check=False
        )  # fmt: skip

    missing = ran()
    assert (1, "error: the environment is missing; `make template` makes it\n") == (
        missing.returncode,
        missing.stderr,
    )
    (project / ".venv/bin").mkdir(parents=True)
    link = project / ".venv/bin/python"
    link.write_text(f'#!/bin/sh\nexec {sys.executable} -c "import sys; print(sys.argv[1:])" "$@"\n')
    link.chmod(0o755)
    assert (0, "['build.py', '-h']\n") == ((found := ran()).returncode, found.stdout)


@pytest.mark.parametrize("closed", [">&-", "2>&-"])
def test_a_closed_stream_is_no_defect(closed: str) -> None:
    """Whoever wants to see nothing may close what it would be written to."""
    command = f'exec "{sys.executable}" "{ROOT / "build.py"}" graph asl/task-sweeper.asl.json {closed}'
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (0, "") == (done.returncode, done.stderr)


def test_what_an_encoding_lacks_is_escaped(tmp_path: Path) -> None:
    """A person with another locale reads what a command prints, and no traceback."""
    document = tmp_path / "one.asl.json"
    document.write_text('{"StartAt": "→", "States": {"→": {"Type": "Succeed"}}}', "utf-8")
    result = subprocess.run(
        [sys.executable, "build.py", "graph", document], cwd=ROOT, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "latin-1"}, check=False
    )  # fmt: skip
    assert (0, True) == (result.returncode, rb"\u2192" in result.stdout), result
