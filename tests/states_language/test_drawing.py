"""The state graph as SVG: all of it is drawn, nothing on top of something else, the same every time."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from states_language.document import StateMachine

pytest.importorskip("grandalf")
from states_language.drawing import lay_out, svg  # only where graphs can be laid out

ROOT = Path(__file__).parent.parent.parent
OURS = StateMachine.of(json.loads((ROOT / "asl/validation-pipeline.asl.json").read_text("utf-8")))


@st.composite
def machines(draw: st.DrawFn, depth: int = 1) -> dict[str, Any]:
    """Make a document of states that lead to any of each other, with branches inside."""
    names = [f"State{index}" for index in range(draw(st.integers(1, 7)))]
    states: dict[str, Any] = {}
    for name in names:
        if depth and draw(st.integers(0, 4)) == 0:
            states[name] = {
                "Type": "Parallel",
                "Branches": [draw(machines(depth=depth - 1)) for _ in range(2)],
            }
        else:
            states[name] = {
                "Type": "Choice",
                "Choices": [{"Next": draw(st.sampled_from(names))} for _ in range(draw(st.integers(0, 3)))],
            }
    return {"StartAt": names[0], "States": states}


@settings(max_examples=60, deadline=None)
@given(document=machines())
def test_every_state_is_drawn_and_no_two_overlap(document: dict[str, Any]) -> None:
    """Whatever leads where, loops too, the boxes of a scope stand apart, inside of the drawing."""
    drawing = lay_out(StateMachine.of(document))
    boxes = list(drawing.boxes.values())
    assert {*document["States"]} == {box.state.name for box in boxes if box.state}
    for index, one in enumerate(boxes):
        assert one.x - one.width / 2 >= -0.5
        assert one.x + one.width / 2 <= drawing.width + 0.5
        assert one.y + one.height / 2 <= drawing.height + 0.5
        for other in boxes[index + 1 :]:
            apart_x = abs(one.x - other.x) - (one.width + other.width) / 2
            apart_y = abs(one.y - other.y) - (one.height + other.height) / 2
            assert max(apart_x, apart_y) >= -0.5


def test_our_document_is_drawn_whole_as_xml() -> None:
    """The drawing is XML, and names each state and each edge."""
    tree = ET.fromstring(svg(OURS, marks={"/States/KeepTask": "changed"}))  # noqa: S314  # it was made here
    space = "{http://www.w3.org/2000/svg}"
    titles = {element.text for element in tree.iter(f"{space}title")}
    assert {f"{state.name}: {state.type}" for state in OURS.walk()} - titles == {"KeepTask: Pass"}
    assert "KeepTask: Pass (changed)" in titles
    edges = {(state.name, edge.target) for state in OURS.states.values() for edge in state.transitions()}
    assert len(edges) + 1 == sum("edge" in element.get("class", "") for element in tree.iter(f"{space}path"))


def test_a_drawing_is_the_same_every_time() -> None:
    """Nothing of it depends on the order of a set."""
    assert svg(OURS) == svg(OURS)
