"""The checker and the interpreter audit each other.

Where the checker has nothing to say, no path may fail at run time, on any answers that conform to the API's
shapes: what is optional is there or not, lists are empty or not.
"""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from states_language.checker import check
from states_language.contract import answers_of_schema, infer, type_of_schema
from states_language.integrations import parse_resource, result_type
from states_language.interpreter import Execution, TaskFailed, execute
from states_language.types import (
    Kind,
    ListType,
    MapType,
    Member,
    Presence,
    StructureType,
    Type,
    UnionType,
    Unknown,
)

ROOT = Path(__file__).parents[2]
PIPELINE = json.loads((ROOT / "asl" / "validation-pipeline.asl.json").read_text("utf-8"))
CONTRACT = json.loads((ROOT / "asl" / "validation-pipeline.input.schema.json").read_text("utf-8"))
ECS = "arn:aws:states:::aws-sdk:ecs:"
DEEPEST = 5


def value_of(kind: Type, random: Random, depth: int = 0) -> Any:
    """Return a value of a type: what may be absent is, or is not."""
    match kind:
        case StructureType():
            return {
                name: value_of(member.type, random, depth + 1)
                for name, member in kind.members.items()
                if member.presence is Presence.ALWAYS or (depth < DEEPEST and random.random() < 0.6)
            }
        case ListType(item, items, minimum, exact):
            count = (
                len(items) if exact else max(minimum, random.choice((0, 1, 1, 2)) if depth < DEEPEST else 0)
            )
            return [
                value_of(items[place] if place < len(items) else item, random, depth + 1)
                for place in range(count)
            ]
        case MapType(value):
            return {"key": value_of(value, random, depth + 1)} if depth < DEEPEST else {}
        case UnionType(options):
            return value_of(random.choice(options), random, depth)
        case Unknown():
            return random.choice((None, 1, "text", [], {}))
    if kind.values:
        return random.choice(kind.values)
    if Kind.STRING in kind.kinds:
        return "2026-11-22T10:00:00Z" if kind.format == "timestamp" else "text"
    return 1 if Kind.NUMBER in kind.kinds else True if Kind.BOOLEAN in kind.kinds else None


def opaque(kind: Type, told: Type | None) -> Type:
    """Return an answer's type with what a contract tells of its opaque parts."""
    if not isinstance(kind, StructureType) or not isinstance(told, StructureType):
        return told or kind
    for name, member in told.members.items():
        kind = kind.with_member(name, Member(member.type))
    return kind


def run(document: dict[str, Any], value: Any, seed: int, answers: dict[str, Type] | None = None) -> Execution:
    """Execute a document on conforming answers; a tenth of the calls fail."""
    random = Random(seed)  # noqa: S311 - a seed that Hypothesis draws

    def call_task(resource: str, _: Any, context: Any) -> Any:
        if random.random() < 0.1:
            raise TaskFailed("Ecs.ClientException", "a failure that was drawn")
        place = f"/States/{context['State']['Name']}"
        return value_of(opaque(result_type(parse_resource(resource)), (answers or {}).get(place)), random)

    return execute(document, value, call_task=call_task, seed=seed)


def failed_paths(execution: Execution) -> str | None:
    """Return the cause where an execution ended because a path, or a test, led nowhere."""
    return execution.cause if execution.error in ("States.Runtime", "States.ResultPathMatchFailure") else None


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32))
def test_our_pipeline_never_fails_a_path(seed: int) -> None:
    """The pipeline, clean at the strictest level, ends on all answers without a path that leads nowhere."""
    random = Random(seed)  # noqa: S311 - a seed that Hypothesis draws
    document = json.loads(json.dumps(PIPELINE).replace("${Partition}", "aws"))
    answers = answers_of_schema(infer(PIPELINE))
    value = value_of(type_of_schema(CONTRACT), random)
    assert failed_paths(run(document, value, seed, answers)) is None


# Documents that are drawn

PATHS = [
    "$", "$.a", "$.b.c", "$.call", "$.call.Tasks", "$.call.Tasks[0]", "$.call.Tasks[0].TaskArn", "$.call.Failures",
    "$.call.Tasks[0].Containers[0].Name", "$.call.tasks", "$.error", "$.error.Cause", "$.set", "$.set.x", "$[0]",
    "$.call.Tasks[*].TaskArn", "$$.Execution.Name", "$$.State.Name", "$.call.TaskArns", "$.call.TaskArns[0]",
    "States.Format('{}', $.a)", "States.Array($.a, $.set)", "States.ArrayLength($.call.Tasks)",
    "States.ArrayGetItem(States.Array($.a), 0)", "States.JsonToString($.call)",
]  # fmt: skip
RESULT_PATHS = ["$", "$.call", "$.set", "$.set.x", "$.a", None]
TESTS: list[dict[str, Any]] = [
    {"Variable": "$.call.Tasks[0].TaskArn", "IsPresent": True},
    {"Variable": "$.call.Tasks[0].Containers[0].Name", "IsPresent": True},
    {"Variable": "$.call.TaskArns[0]", "IsPresent": True},
    {"Variable": "$.call", "IsPresent": True},
    {"Variable": "$.set.x", "IsPresent": False},
    {"Variable": "$.error.Cause", "IsPresent": True},
    {"Variable": "$.a", "StringEquals": "text"},
    {
        "And": [
            {"Variable": "$.call.Failures[0]", "IsPresent": True},
            {"Variable": "$.set", "IsPresent": True},
        ]
    },
    {"Or": [{"Variable": "$.set", "IsNull": True}, {"Variable": "$.a", "IsString": True}]},
    {"Not": {"Variable": "$.call.Tasks", "IsPresent": True}},
]


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a document of a few states; the names of those that follow are drawn too, so that paths meet."""
    count = draw(st.integers(2, 6))
    names = [f"S{place}" for place in range(count)]
    states: dict[str, Any] = {"End": {"Type": "Succeed"}}
    for place, name in enumerate(names):
        later = st.sampled_from([*names[place + 1 :], "End"])
        kind = draw(st.sampled_from(["Task", "Pass", "Pass", "Choice"]))
        state: dict[str, Any] = {"Type": kind}
        if kind == "Choice":
            state |= {
                "Choices": [{**draw(st.sampled_from(TESTS)), "Next": draw(later)}],
                "Default": draw(later),
            }
        else:
            state |= {"Next": draw(later), "ResultPath": draw(st.sampled_from(RESULT_PATHS))}
        if kind == "Pass":
            state["Parameters"] = {"x.$": draw(st.sampled_from(PATHS))}
        if kind == "Task":
            state["Resource"] = ECS + draw(st.sampled_from(["describeTasks", "listTasks"]))
            state["Parameters"] = {"Tasks": ["arn"]} if state["Resource"].endswith("describeTasks") else {}
            if draw(st.booleans()):
                path = draw(st.sampled_from(["$", "$.error", "$.set"]))
                state["Catch"] = [{"ErrorEquals": ["States.ALL"], "ResultPath": path, "Next": draw(later)}]
        states[name] = state
    return {"StartAt": "S0", "States": states}


IGNORED = {"unreachable-state", "payload-may-exceed-limit", "unbounded-loop", "never-present"}
SCHEMA = {
    "type": "object",
    "required": ["a"],
    "properties": {
        "a": {"type": "string"},
        "b": {"type": "object", "required": ["c"], "properties": {"c": {}}},
    },
}


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents(), st.integers(0, 2**32))
def test_no_clean_document_fails_a_path(document: dict[str, Any], seed: int) -> None:
    """Whatever document is drawn: if the checker finds nothing in its paths, none fails."""
    assume(not [entry for entry in check(document, SCHEMA) if entry.code not in IGNORED])
    value = value_of(type_of_schema(SCHEMA), Random(seed))  # noqa: S311 - a seed that Hypothesis draws
    for turn in range(4):
        assert failed_paths(run(document, value, seed + turn)) is None
