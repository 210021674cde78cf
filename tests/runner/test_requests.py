"""What an operator asks for: checked before anything is started, each mistake with its remedy."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.execution_input import SCHEMA
from runner.requests import RequestError, environment_of, input_of, read_json, source_of, sources_of
from runner.services.stand_ins import Source

ROOT = Path(__file__).parent.parent.parent
VALIDATOR = jsonschema.Draft202012Validator(json.loads((ROOT / SCHEMA).read_text("utf-8")))


def test_without_a_wish_it_is_the_sample() -> None:
    """The server that ships with the project."""
    assert Source(ROOT / "samples/greeter") == source_of(ROOT, None, None)


def test_a_command_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its program, and what it names beside the operator, are led to where they are; options and ports are kept."""
    (tmp_path / "servers").mkdir()
    (tmp_path / "servers/s.py").touch()
    monkeypatch.chdir(tmp_path)
    found = source_of(ROOT, f"{sys.executable} servers/s.py --port={{port}} a/b", None)
    assert (sys.executable, str(tmp_path / "servers/s.py"), "--port={port}", "a/b") == found.command


@pytest.mark.parametrize(
    ("command", "repository", "message"),
    [
        ("no-such-program-here {port}", None, "there is no program no-such-program-here"),
        ("", None, "is empty"),
        ("a 'b", None, "No closing quotation"),
        (None, Path("nowhere"), "nowhere: is no folder"),
        (None, Path(__file__).parent, "has no file named Dockerfile"),
        ("true", Path(), "exclude each other"),
    ],
)
def test_what_cannot_be_started_is_told_before(
    command: str | None, repository: Path | None, message: str
) -> None:
    """Nothing is started for it."""
    with pytest.raises(RequestError, match=message):
        source_of(ROOT, command, repository)


def test_a_source_for_each_repository_is_read(tmp_path: Path) -> None:
    """A folder that is one is a repository, anything else a command, which may hold equal signs."""
    (tmp_path / "Dockerfile").touch()
    found = sources_of(ROOT, [f"a/b={tmp_path}", f"c/d={sys.executable} --x=y {{port}}"])
    assert {"a/b": Source(tmp_path), "c/d": Source(command=(sys.executable, "--x=y", "{port}"))} == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a/b", "write OWNER/NAME=DIR, or OWNER/NAME=COMMAND"),
        ("a/b=", "write OWNER/NAME"),
        ("a=true", "write OWNER/NAME"),
        ("a/b/c=true", "write OWNER/NAME"),
        ("a/b=no-such-program-here", r"--source a/b: there is no program no-such-program-here"),
        (f"a/b={Path(__file__).parent}", r"--source a/b: .*has no file named Dockerfile"),
    ],
)
def test_a_source_that_cannot_be_is_told(text: str, message: str) -> None:
    """With the repository that it was for."""
    with pytest.raises(RequestError, match=message):
        sources_of(ROOT, [text])


@given(st.text(min_size=1))
def test_an_input_that_is_made_fits_its_schema(name: str) -> None:
    """Whatever the server's folder is called."""
    found = input_of(ROOT, None, Source(command=(name,)))
    assert [] == list(VALIDATOR.iter_errors(found))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"input\.json:1:2: This is no JSON"),
        ('{"serverId": NaN}', "'NaN' is no JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("[]", "is not of type 'object'"),
        ("{}", "'serverId' is a required property"),
        ('{"serverId": 5, "repositoryName": "a", "originalRepositoryName": "a/b"}', r"\$\.serverId: 5 is not of type 'string'"),
        ('{"serverId": "a", "repositoryName": "a", "originalRepositoryName": "a"}', r"\$\.originalRepositoryName: 'a' does not match"),
    ],
)  # fmt: skip
def test_an_input_that_breaks_the_schema_is_told(tmp_path: Path, text: str, message: str) -> None:
    """With the file, the field and what is wrong with it."""
    path = tmp_path / "input.json"
    path.write_text(text)
    with pytest.raises(RequestError, match=message) as raised:
        input_of(ROOT, path, Source(command=("true",)))
    assert str(path) in str(raised.value)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """By its name."""
    with pytest.raises(RequestError, match=r"nothing\.json: The file cannot be read: No such file"):
        read_json(tmp_path / "nothing.json")


def test_variables_are_read() -> None:
    """A value may hold what a name may not."""
    assert {"A": "b=c", "_D": ""} == environment_of(["A=b=c", "_D="])


@pytest.mark.parametrize("text", ["A", "=b", "a-b=c", "1=2"])
def test_what_is_no_variable_is_refused(text: str) -> None:
    """The message shows the form."""
    with pytest.raises(RequestError, match="NAME=VALUE"):
        environment_of([text])
