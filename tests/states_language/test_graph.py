"""The state graph as Mermaid: every state and every edge, and text that Mermaid can read whatever the names."""

import itertools
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from states_language.document import StateMachine, TransitionKind
from states_language.graph import mermaid, outline

NODE = re.compile(r'(?m)^\s+(?P<id>s\d+)(?P<shape>\(\[|[({\[])"(?P<label>[^"<>\n`]*)"(\]\)|[)}\]])$')
EDGE = re.compile(
    r"\s+(?P<source>s\d+|start\w*\(\( \)\)|s\d+_\d+\(\( \)\)) (?P<arrow>-->|-\.->) (?P<target>s\d+)"
)
OTHER = re.compile(
    r'flowchart (TD|LR)|\s+subgraph s\d+\["[^"<>\n`]*"\]|\s+end|  classDef [a-z]+ [\w#:,]+|  class s\d+(,s\d+)* [a-z]+'
)
NAMES = st.text(min_size=1, max_size=8) | st.sampled_from(['a"b', "a\nb", "a#b", "end", "`x`", "<b>", "s0"])


def edges(text: str) -> dict[tuple[str, str], str]:
    """Return the edges between labels, with their arrows, and the edges from the start."""
    labels = {match["id"]: match["label"] for match in NODE.finditer(text)}
    return {
        (labels.get(match["source"], "start"), labels[match["target"]]): match["arrow"]
        for line in text.splitlines()
        if (match := EDGE.fullmatch(line))
    }


def chain(names: list[str]) -> StateMachine:
    """Return a document that goes through its states in their order, each failing to the last."""
    states: dict[str, Any] = {
        name: {"Type": "Task", "Next": then, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": names[-1]}]}
        for name, then in itertools.pairwise(names)
    }
    states[names[-1]] = {"Type": "Succeed"}
    return StateMachine.of({"StartAt": names[0], "States": states})


@given(st.lists(NAMES, min_size=1, max_size=5, unique=True))
def test_every_line_is_mermaid_whatever_the_names(names: list[str]) -> None:
    """No name of a state breaks out of its label, or out of its line."""
    for text in (mermaid(chain(names)), outline(chain(names))):
        odd = [
            line
            for line in text.removesuffix("\n").split("\n")
            if not any(form.fullmatch(line) for form in (NODE, EDGE, OTHER))
        ]
        assert odd == []
        assert len(names) == len(NODE.findall(text))


def test_the_picture_of_the_pipeline_has_every_state_and_edge(definition: dict[str, Any]) -> None:
    """Each state of the document is drawn once, each edge once, dotted exactly where a call failed."""
    machine = StateMachine.of(definition)
    text = mermaid(machine)
    assert list(machine.states) == [match["label"] for match in NODE.finditer(text)]
    expected = {("start", "CheckInput"): "-->"}
    for state in machine.states.values():
        for transition in state.transitions():
            failed = transition.kind is TransitionKind.CATCH
            expected[state.name, transition.target] = "-.->" if failed else "-->"
    assert expected == edges(text)


def test_the_outline_leaves_out_what_only_reshapes_and_chooses() -> None:
    """Calls and ends stay; an edge is dotted only where every way along it begins with a failure."""
    machine = StateMachine.of(
        {
            "StartAt": "Prepare",
            "States": {
                "Prepare": {"Type": "Pass", "Next": "Call"},
                "Call": {
                    "Type": "Task",
                    "Next": "Choose",
                    "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Note"}],
                },
                "Choose": {
                    "Type": "Choice",
                    "Choices": [{"Next": "Done"}, {"Next": "Choose"}],
                    "Default": "Failed",
                },
                "Note": {"Type": "Pass", "Next": "CleanUp"},
                "CleanUp": {
                    "Type": "Task",
                    "Next": "Failed",
                    "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Failed"}],
                },
                "Done": {"Type": "Succeed"},
                "Failed": {"Type": "Fail", "Error": "Broken"},
            },
        }
    )
    assert edges(outline(machine)) == {
        ("start", "Call"): "-->",
        ("Call", "Done"): "-->",
        ("Call", "Broken"): "-->",
        ("Call", "CleanUp"): "-.->",
        ("CleanUp", "Broken"): "-->",
    }


def test_the_outline_of_the_pipeline_has_all_that_it_calls(definition: dict[str, Any]) -> None:
    """No call and no end of the document is missing from the README's picture."""
    machine = StateMachine.of(definition)
    drawn = {match["label"] for match in NODE.finditer(outline(machine))}
    called = {name for name, state in machine.states.items() if state.type == "Task"}
    ended = {
        str(state.fields.get("Error", state.name)) for state in machine.states.values() if state.is_terminal
    }
    assert called | ended == drawn


@pytest.mark.parametrize("key", ["ItemProcessor", "Iterator"])
def test_inner_scopes_are_drawn_inside(key: str) -> None:
    """A Parallel and a Map are frames around their states; equal names in two scopes stay apart."""
    inner = {"StartAt": "Same", "States": {"Same": {"Type": "Pass", "End": True}}}
    machine = StateMachine.of(
        {
            "StartAt": "Both",
            "States": {
                "Both": {"Type": "Parallel", "Branches": [inner, inner], "Next": "Each"},
                "Each": {"Type": "Map", key: inner, "End": True},
            },
        }
    )
    lines = [line.strip() for line in mermaid(machine).splitlines()]
    assert [line for line in lines if line.startswith("subgraph")] == [
        'subgraph s0["Both"]',
        'subgraph s3["Each"]',
    ]
    assert [match["id"] for match in NODE.finditer(mermaid(machine))] == ["s1", "s2", "s4"]
    assert lines.count("end") == 2
    assert {"s0_0(( )) --> s1", "s0_1(( )) --> s2", "s3_0(( )) --> s4", "s0 --> s3"} <= {*lines}


def test_colours_are_defined_for_each_kind_that_is_drawn(definition: dict[str, Any]) -> None:
    """A class that is used is defined, and none is defined for nothing."""
    text = mermaid(StateMachine.of(definition))
    used = set(re.findall(r"^  class \S+ (\w+)$", text, re.MULTILINE))
    assert {"task", "choice", "succeed", "fail"} == used == set(re.findall(r"classDef (\w+)", text))
