"""The live graph: the way of an execution through its document, on terminals of any size."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from deployer.console import ROOT
from operations import outline
from operations.live import Live
from operations.outline import Outline, committed
from tests.operations.test_progress import entered, left

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime.now(UTC)
USUAL = [
    "BuildMCPServerImage",
    "RegisterValidationTaskDef",
    "RunMCPServerContainer",
    "WaitForTaskStartup",
    "DescribeTask",
    "ValidateMCPServer",
    "StopMCPServerContainer",
    "DeregisterValidationTaskDef",
    "RecordVerdict",
]


def failed(at: float, error: str) -> dict[str, Any]:
    """Return an event."""
    return {"type": "TaskFailed", "timestamp": NOW + timedelta(seconds=at), "taskFailedEventDetails": {"error": error}}  # fmt: skip


def screen(live: Live, columns: int = 80, lines: int = 24) -> list[str]:
    """Return what a terminal shows, the spinner as `*`."""
    console = Console(width=columns, height=lines, color_system=None, force_terminal=True)
    live._console = console
    with console.capture() as captured:
        console.print(live._render())
    shown = (re.sub("[\N{BRAILLE PATTERN BLANK}-\N{BRAILLE PATTERN DOTS-12345678}]", "*", line) for line in captured.get().splitlines())  # fmt: skip
    return [" ".join(line.split()) for line in shown]


def shown(events: Iterator[dict[str, Any]] | list[dict[str, Any]], **terminal: int) -> list[str]:
    """Return what a terminal shows after some events of an execution of the committed document."""
    live = Live()
    for each in events:
        live.event(each)
    return screen(live, **terminal)


def visited(*names: str, began: float = 0) -> Iterator[dict[str, Any]]:
    """Yield the events of states that take two seconds each."""
    for number, name in enumerate(names):
        yield entered(began + 2 * number, name)
        yield left(began + 2 * number + 2, name)


def test_the_outline_is_the_committed_document_s() -> None:
    """Every state that takes time, in order; the usual ones are those of a good execution; ends that refuse an input are none."""
    states = json.loads((ROOT / outline.DEFINITION).read_text("utf-8"))["States"]
    timed = [name for name, state in states.items() if state["Type"] in {"Task", "Wait"}]
    assert [name for name in committed().states if name not in committed().ends] == timed
    assert [name for name in committed().states if name in committed().usual] == USUAL
    assert {"ValidationSucceeded", "ValidationFailed", "PipelineFailed"} == committed().ends


def test_before_it_comes_the_usual_way_is_the_line() -> None:
    """What only some executions enter is beside it."""
    assert [
        "* BuildMCPServerImage",
        "○ RegisterValidationTaskDef",
        "○ RunMCPServerContainer",
        "├─○ WaitForLostTask",
        "├─○ FindLostTask",
        "○ WaitForTaskStartup",
        "○ DescribeTask",
        "○ ValidateMCPServer",
        "├─○ DescribeRejectedTask",
        "○ StopMCPServerContainer",
        "○ DeregisterValidationTaskDef",
        "○ RecordVerdict",
        "├─○ ValidationSucceeded",
        "├─○ ValidationFailed",
        "╰─○ PipelineFailed",
    ] == [re.sub(r"( [\d.]+ (s|min|h))+$", "", line) for line in shown([entered(-3, "BuildMCPServerImage")])]


def test_the_line_is_the_way_that_was_taken() -> None:
    """What it passed by is beside it; the end that came is on it, and nothing is behind."""
    found = shown(
        [
            entered(0, "BuildMCPServerImage"),
            failed(1, "CodeBuild.BuildFailed"),
            left(1, "BuildMCPServerImage"),
            *visited("RecordVerdict", began=2),
            entered(4, "PipelineFailed", "Fail"),
        ]
    )
    assert "✗ BuildMCPServerImage 1.0 s CodeBuild.BuildFailed" == found[0]
    assert found[1:11] == [f"│ ○ {name}" for name in committed().states[1:11]]
    assert ["✓ RecordVerdict 2.0 s", "│ ○ ValidationSucceeded", "│ ○ ValidationFailed", "✗ PipelineFailed"] == found[11:]  # fmt: skip
    assert "○ PipelineFailed" == shown([entered(0, "ValidationFailed", "Fail")])[-1]


def test_a_branch_that_is_taken_joins_the_line() -> None:
    """Nothing stays beside it but what was passed by."""
    found = shown(visited("BuildMCPServerImage", "RegisterValidationTaskDef", "RunMCPServerContainer", "WaitForLostTask"))  # fmt: skip
    assert ["✓ WaitForLostTask 2.0 s", "├─○ FindLostTask", "○ WaitForTaskStartup"] == found[3:6]


def test_a_call_that_was_repeated_is_no_failure() -> None:
    """Its error is told; while it is repeated, too."""
    events = [entered(0, "RecordVerdict"), failed(1, "Busy\x1b")]
    assert any(line.startswith("* RecordVerdict") and line.endswith("Busy·") for line in shown(events))
    events += [{"type": "TaskSucceeded", "timestamp": NOW}, left(3, "RecordVerdict")]
    assert "✓ RecordVerdict 3.0 s Busy·, then well" in shown(events)


def test_a_state_that_is_entered_again_is_one_line() -> None:
    """With all its time."""
    events = [*visited("WaitForTaskStartup", "DescribeTask"), *visited("WaitForTaskStartup", began=8)]
    assert "✓ WaitForTaskStartup (2 times) 4.0 s" in shown(events)


@pytest.mark.parametrize(
    ("columns", "lines"), [(80, 15), (59, 24), (20, 5)], ids=["low", "narrow", "hardly one"]
)
def test_a_terminal_that_is_too_small_shows_a_list(columns: int, lines: int) -> None:
    """Of the latest states, the one that runs last."""
    events = [*visited("BuildMCPServerImage", "RegisterValidationTaskDef"), entered(4, "RunMCPServerContainer")]  # fmt: skip
    found = shown(events, columns=columns, lines=lines)
    assert len(found) == 3
    assert found[-1].startswith("* Run")
    many = [event for number in range(30) for event in visited(f"State{number}")]
    assert shown(many, columns=columns, lines=lines)[-1].startswith("✓ State29")
    assert len(shown(many, columns=columns, lines=lines)) < lines


def test_every_size_that_shows_the_graph_shows_it_whole() -> None:
    """No line is longer than the terminal or below it."""
    events = [entered(-3, "DeregisterValidationTaskDef"), failed(0, "A" * 100)]
    live = Live()
    for each in events:
        live.event(each)
    assert len(committed().states) == len(screen(live, 80, 16)) == len(screen(live, 60, 24))


def test_an_execution_of_another_document_is_a_list() -> None:
    """Its states are shown as they come; nothing is guessed."""
    events = [*visited("BuildMCPServerImage", "Renamed")]
    assert ["✓ BuildMCPServerImage 2.0 s", "✓ Renamed 2.0 s"] == shown(events)


def test_what_is_told_is_above_the_graph() -> None:
    """It ends when something else begins."""
    live = Live()
    live.tell("deploying")
    live.event(entered(1, "BuildMCPServerImage"))
    found = screen(live)
    assert found[0].startswith("✓ deploying")
    assert found[1].startswith("* BuildMCPServerImage")


def test_a_document_s_own_order_decides() -> None:
    """Of a document that is not the pipeline's."""
    document = {
        "StartAt": "A",
        "States": {
            "A": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Next": "B", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Mend"}]},
            "Mend": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Next": "Bad"},
            "B": {"Type": "Succeed"},
            "Bad": {"Type": "Fail"},
        },
    }  # fmt: skip
    found = Outline.of(document)
    assert [("", "A"), ("├─", "Mend"), ("├─", "B"), ("╰─", "Bad")] == [*found.rows(())]
    assert [("", "A"), ("│ ", "Mend"), ("", "B"), ("  ", "Bad")] == [*found.rows(("A", "B"))]
