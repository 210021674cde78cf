"""What a program reads of a command, however it ends."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click
import pytest
from botocore.exceptions import ClientError, ProfileNotFound
from click.testing import CliRunner

import build
from deployer.account import Access, AccountError
from deployer.console import RESULTS, Answer, Refused, told

if TYPE_CHECKING:
    from collections.abc import Callable

COMMANDS = (
    ("publish",),
    ("bootstrap",),
    ("adopt", "VerdictTable=verdicts"),
    ("deploy", "--yes"),
    ("rollback",),
    ("rollback", "--stack"),
    ("destroy",),
)
DENIED = ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, "DescribeStacks")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_that_fails_is_one_document(
    command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On standard output; a person reads the same on standard error."""
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    given = [*command, "--json", "--profile", "nobody", "--region", "us-east-1"]
    takes_uncommitted = command[0] in ("publish", "bootstrap", "adopt", "deploy")
    ended = CliRunner().invoke(build.build, [*given, *(["--allow-uncommitted"] if takes_uncommitted else [])])
    found = json.loads(ended.stdout)
    assert (ended.exit_code, RESULTS[ended.exit_code]) == (found["exit"], found["result"])
    assert 0 != ended.exit_code
    assert f"error: {found['error'].splitlines()[0]}" in ended.stderr


def end(raised: BaseException) -> Callable[[], None]:
    """Return what raises this."""

    def ends() -> None:
        raise raised

    return ends


@pytest.mark.parametrize(
    ("ending", "code", "result", "error"),
    [
        (lambda: None, 0, "done", None),
        (end(Refused("no\nbut")), 3, "refused", "no\nbut"),
        (end(Refused("wrong", 2)), 2, "failed", "wrong"),
        (end(Refused("shown", 5)), 5, "planned", "shown"),
        (end(Refused("back", 4)), 4, "rolled back", "back"),
        (end(AccountError("which?")), 1, "failed", "which?"),
        (end(OSError(28, "full", "disk")), 1, "failed", "disk: full"),
        (end(ProfileNotFound(profile="p")), 1, "failed", "there is no such profile"),
        (end(DENIED), 1, "failed", "not you"),
        (end(KeyboardInterrupt()), 130, "interrupted", "interrupted"),
        (end(click.Abort()), 130, "interrupted", "interrupted"),
        (end(SystemExit(130)), 130, "interrupted", None),
    ],
)
def test_how_a_command_ended_is_told(
    capsys: pytest.CaptureFixture[str], ending: Callable[[], None], code: int, result: str, error: str | None
) -> None:
    """Its exit code, what came of it, and what a person reads; with what was found out before."""
    answer = Answer(is_wanted=True, fields={"stack": "s"})
    with suppress(BaseException), told(Access(), answer):
        ending()
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert ("s", code, result) == (found["stack"], found["exit"], found["result"])
    assert (error or "") in found.get("error", "")
    assert (error is None) is ("error" not in found)


def test_a_defect_is_no_answer(capsys: pytest.CaptureFixture[str]) -> None:
    """It keeps its traceback, and nothing is on standard output."""
    with pytest.raises(KeyError), told(Access(), Answer(is_wanted=True)):
        raise KeyError("defect")
    assert "" == capsys.readouterr().out


def test_without_json_nothing_but_words(capsys: pytest.CaptureFixture[str]) -> None:
    """And with it no words."""
    for is_wanted in (False, True):
        answer = Answer(is_wanted)
        answer.say("words")
        answer.end(0)
        assert is_wanted is ("words" not in capsys.readouterr().out)
