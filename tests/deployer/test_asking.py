"""Asking, and what is said where something that goes on is no longer watched."""

from __future__ import annotations

import os
import pty
import signal
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from deployer import asking
from deployer.console import EXIT_INTERRUPTED, EXIT_PLANNED, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator


def client_error(code: str) -> ClientError:
    """Return an error as a service answers it."""
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "DeleteStack")


@pytest.mark.parametrize(
    "ask", [asking.confirm, lambda text, *, yes: asking.confirm_by_name(text, "name", yes=yes)]
)
def test_with_nobody_to_ask_nothing_is_done(ask: object) -> None:
    """That has the exit code of a plan; `--yes` asks nobody."""
    assert callable(ask)
    ask("Go?", yes=True)
    with pytest.raises(Refused, match="--yes says yes beforehand") as caught:
        ask("Go?", yes=False)
    assert EXIT_PLANNED == caught.value.code


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Return where a person types: the standard input is a terminal."""
    theirs, ours = pty.openpty()
    with os.fdopen(ours) as terminal:
        monkeypatch.setattr("sys.stdin", terminal)
        yield theirs
    os.close(theirs)


@pytest.mark.parametrize(
    ("text", "default", "expected"),
    [
        ("y", False, True),
        (" YES ", False, True),
        ("n", True, False),
        ("", True, True),
        ("", False, False),
        ("what\nno", True, False),
    ],
)
def test_a_question_is_asked_until_it_is_answered(
    typed: int, text: str, *, default: bool, expected: bool
) -> None:
    """An empty answer is the default."""
    os.write(typed, f"{text}\n".encode())
    assert expected is asking.agreed("Go?", default=default)


def test_an_end_of_the_input_is_no_answer(typed: int) -> None:
    """It is an interruption."""
    os.write(typed, b"\x04")
    with pytest.raises(KeyboardInterrupt):
        asking.agreed("Go?")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interruption_says_how_things_stand(capsys: pytest.CaptureFixture[str], number: int) -> None:
    """Whoever ends the process politely: exit code 130, and the handlers are as they were."""
    before = signal.getsignal(number)
    with pytest.raises(SystemExit) as caught, asking.under_way("it goes on\nlook there"):
        os.kill(os.getpid(), number)
    assert EXIT_INTERRUPTED == caught.value.code
    assert "error: interrupted\n       it goes on\n       look there\n" == capsys.readouterr().err
    assert before is signal.getsignal(number)


@pytest.mark.parametrize(
    ("error", "has_begun", "expected"),
    [
        (client_error("ExpiredToken"), True, True),
        (client_error("AccessDenied"), False, False),
        (client_error("Throttling"), False, True),
        (ReadTimeoutError(endpoint_url="u"), False, True),
        (ValueError("a defect"), True, False),
        (BrokenPipeError(), True, True),
        (BrokenPipeError(), False, False),
    ],
)
def test_what_may_go_on_is_told(
    capsys: pytest.CaptureFixture[str], error: Exception, *, has_begun: bool, expected: bool
) -> None:
    """A request that was refused began nothing; one whose answer never came may have been heard."""
    with pytest.raises(type(error)), asking.under_way("it goes on", has_begun=has_begun):
        raise error
    assert expected is ("it goes on" in capsys.readouterr().err)
