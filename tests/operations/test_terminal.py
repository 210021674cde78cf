"""What a person reads fits the terminal, and can be copied from it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from operations import findings, report, terminal
from review.execution import tell
from tests.operations.scripted import event

if TYPE_CHECKING:
    import pytest

ARN = "arn:aws:states:eu-central-1:123456789012:execution:ToolShed-MCP-Server-Validation-Pipeline:io-github-a-b-0123abcd"


def test_a_line_is_broken_between_words_and_no_word_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An ARN that is copied is whole; the terminal itself breaks what is wider than it is."""
    finding = findings.fail("it failed, and failed again", f"`python build.py execution {ARN}` says why")
    lines = [text for text, _ in findings.lines([findings.Part("sweeps", (finding,))], 40)]
    assert [f"{ARN}`"] == [line.strip() for line in lines if ARN in line]
    assert {True} == {len(line) <= 40 for line in lines if ARN not in line}
    monkeypatch.setattr(terminal, "width", lambda: 40)
    terminal.echo([(f"execution  {ARN}", ""), ("a line that is a little wider than forty columns", "")])
    assert ["execution", f"  {ARN}", "a line that is a little wider than forty", "  columns"] == (
        capsys.readouterr().out.splitlines()
    )


def test_a_document_steers_no_terminal_and_loses_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Python leaves most of what a terminal obeys as it is, where letters stay as they are."""
    value = {"name": "\x9b31m\x1b[0m\u202e \U000e0041 日本 \ud800\n"}
    terminal.echo_json(value)
    shown = capsys.readouterr().out
    assert value == json.loads(shown)
    assert "日本" in shown
    assert set() == {letter for letter in shown if not letter.isprintable()} - {"\n"}
    terminal.echo_json(value, indent=None)
    assert 1 == capsys.readouterr().out.count("\n")


def test_a_timeline_fits_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row is a line, from sixty columns on, as the live graph is."""
    events = [event(1, "ExecutionStarted"), event(2, "TaskStateEntered", name="DeregisterValidationTaskDef")]
    stopped = tell([*events, event(3, "ExecutionAborted", 4000.0)])
    for columns in (60, 70, 100):
        monkeypatch.setattr("operations.report.width", lambda columns=columns: columns)
        lines = [text for text, _ in report.timeline(stopped)]
        assert {True} == {len(line) <= columns for line in lines}, lines
