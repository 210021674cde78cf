"""Logs that are followed: every line once, in order, with the time at which it was printed."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from runner.processes import Command, Process
from runner.services.log_streams import LINE_CHARACTERS, LINES, LogStreams, _Log, times_of

if TYPE_CHECKING:
    import pytest

PRINT = """
import time
for number in range(3):
    print("line", number, flush=True)
    time.sleep(0.3)
print("no line feed", end="", flush=True)
"""


@dataclass
class Kept:
    """Stands for the emulator, and for its client of CloudWatch Logs."""

    groups: tuple[str, ...] = ("group",)
    events: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)

    def client(self, _service: str) -> Kept:
        """Return the client."""
        return self

    def create_log_stream(self, *, logGroupName: str, logStreamName: str) -> None:  # noqa: N803 - boto3's
        """Make a stream."""
        if logGroupName not in self.groups:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "CreateLogStream")
        self.events[logGroupName, logStreamName] = []

    def put_log_events(self, *, logGroupName: str, logStreamName: str, logEvents: list[Any]) -> None:  # noqa: N803 - boto3's
        """Keep events; no batch may be larger than AWS takes."""
        assert 0 < len(logEvents) <= 10_000
        if (logGroupName, logStreamName) not in self.events:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "PutLogEvents")
        self.events[logGroupName, logStreamName] += logEvents


def messages(kept: Kept, stream: str = "stream") -> list[str]:
    """Return what is in a stream."""
    return [event["message"] for event in kept.events.get(("group", stream), [])]


def test_lines_are_sent_while_they_are_printed(tmp_path: Path) -> None:
    """With times that are as far apart as the lines were, and the last one too, though it has no line feed."""
    kept = Kept()
    logs = LogStreams(kept)  # type: ignore[arg-type] # all that is used of it
    logs.start()
    log = tmp_path / "log"
    following = logs.follow("group", "stream", log)
    argv = [sys.executable, "-c", PRINT]
    process = Process(Command(argv, tmp_path, log, {"PATH": os.environ["PATH"]}, times=str(times_of(log))))
    try:
        deadline = time.monotonic() + 30
        while not messages(kept) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert process.exit is None
        assert process.wait(30) is not None
    finally:
        process.close()
        following.close()
        logs.close()
    assert ["line 0", "line 1", "line 2", "no line feed"] == messages(kept)
    times = [event["timestamp"] for event in kept.events["group", "stream"]]
    assert all(250 < later - earlier for earlier, later in pairwise(times))
    assert abs(times[-1] / 1000 - time.time()) < 30


@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=20)), st.data())
def test_a_log_that_grows_gives_each_line_once(lines: list[str], data: st.DataObject) -> None:
    """Wherever the looks fall, in the middle of a line or of a letter; each line has the time of its last byte."""
    content = "\n".join(lines).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(content)), max_size=5)))
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log")
        log = _Log(("group", "stream"), path)
        for number, cut in enumerate([*cuts, len(content)]):
            with times_of(path).open("a") as times:
                times.write(f"{cut} {number}\n")
            path.write_bytes(content[:cut])
            found += log.grown(is_last=number == len(cuts))
    expected, end = [], 0
    for line in lines:
        end += len(line.encode()) + 1
        at = next((number for number, cut in enumerate([*cuts, len(content)]) if cut >= end), len(cuts))
        if line:
            expected.append((line, at))
    assert expected == [(event["message"], event["timestamp"]) for event in found]


def test_a_long_line_is_cut_and_an_endless_log_ends(tmp_path: Path) -> None:
    """With a word that says so."""
    log = tmp_path / "log"
    log.write_text("x" * (LINE_CHARACTERS + 1) + "\n" + "y\n" * LINES)
    found = list(_Log(("g", "s"), log).grown(is_last=True))
    assert LINE_CHARACTERS == len(found[0]["message"])
    assert (LINES, "[the rest is not kept]") == (len(found), found[-1]["message"])


def test_a_group_that_is_not_there_keeps_nothing(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    """And disturbs nobody."""
    kept = Kept(())
    logs = LogStreams(kept)  # type: ignore[arg-type] # all that is used of it
    (tmp_path / "log").write_text("a\n")
    logs.follow("group", "stream", tmp_path / "log").close()
    logs.put("group", "other", 1, "message")
    logs.flush()
    assert ({}, 0) == (kept.events, len(recwarn))
