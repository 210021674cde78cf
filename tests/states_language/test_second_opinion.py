"""A second opinion on paths, which shares no code with the checker.

Responses are generated from botocore's own models, spelled by a rule of this module, and read by JMESPath.
What the checker calls unresolved must never resolve in one, and what it finds no fault with must always.
"""

from __future__ import annotations

import re
import string
from functools import cache
from typing import Any

import jmespath  # type: ignore[import-untyped]
import pytest
from botocore.loaders import Loader
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from states_language.checker import check

SERVICES = {
    "ecs": "ecs",
    "codebuild": "codebuild",
    "dynamodb": "dynamodb",
    "rds": "rds",
    "glue": "glue",
    "batch": "batch",
}
"""Service in a Resource -> botocore's folder."""
DEEPEST = 4


@cache
def model(folder: str) -> dict[str, Any]:
    """Return botocore's model of a service."""
    loaded: dict[str, Any] = Loader().load_service_model(folder, "service-2")
    return loaded


def spelled(name: str) -> str:
    """Spell a member as an SDK integration does: capitals at the front lowered together, the first raised."""
    lowered = re.sub(r"^[A-Z]+(?=[A-Z][a-z]|[^A-Za-z]|$)|^[A-Z]", lambda match: match[0].lower(), name)
    if lowered == "null":
        return "Nul"
    return lowered[0].upper() + lowered[1:]


def operations(folder: str) -> list[str]:
    """Return the operations that answer with a structure of at least one member."""
    found = model(folder)
    return sorted(
        name
        for name, entry in found["operations"].items()
        if "output" in entry and found["shapes"][entry["output"]["shape"]]["members"]
    )


def response(draw: st.DrawFn, folder: str, shape_name: str, depth: int = 0) -> Any:
    """Draw a value of a shape; what is not required is there or not, and lists are empty or not."""
    shape = model(folder)["shapes"][shape_name]
    kind = shape["type"]
    if kind == "structure":
        members = {}
        for name, member in shape["members"].items():
            required = name in shape.get("required", ())
            if required or (depth < DEEPEST and draw(st.booleans())):
                members[spelled(name)] = response(draw, folder, member["shape"], depth + 1)
        return members
    if kind == "list":
        count = draw(st.integers(0, 2)) if depth < DEEPEST else 0
        return [response(draw, folder, shape["member"]["shape"], depth + 1) for _ in range(count)]
    if kind == "map":
        count = draw(st.integers(0, 1)) if depth < DEEPEST else 0
        return {
            f"key{place}": response(draw, folder, shape["value"]["shape"], depth + 1)
            for place in range(count)
        }
    if kind in ("integer", "long"):
        return 7
    if kind in ("float", "double"):
        return 0.5
    return True if kind == "boolean" else shape.get("enum", ["text"])[0]


def path_into(draw: st.DrawFn, folder: str, shape_name: str) -> list[str | int]:
    """Draw a path of the shape: names as they are spelled, and indexes."""
    steps: list[str | int] = []
    while len(steps) < 6:
        shape = model(folder)["shapes"][shape_name]
        if shape["type"] == "structure" and shape["members"]:
            name = draw(st.sampled_from(sorted(shape["members"])))
            steps.append(spelled(name))
            shape_name = shape["members"][name]["shape"]
        elif shape["type"] == "list":
            steps.append(draw(st.integers(0, 1)))
            shape_name = shape["member"]["shape"]
        else:
            break
        if draw(st.integers(0, 5)) == 0:
            break
    return steps


def mutated(draw: st.DrawFn, steps: list[str | int]) -> list[str | int]:
    """Draw a path that differs in one step: another case, a letter more, a step left out or added."""
    place = draw(st.integers(0, len(steps) - 1))
    step = steps[place]
    way = draw(st.integers(0, 3))
    if way == 0 and isinstance(step, str):
        changed: list[str | int] = [step[0].lower() + step[1:]]
    elif way == 1 and isinstance(step, str):
        changed = [step + draw(st.sampled_from(string.ascii_lowercase))]
    elif way == 2:
        changed = []
    else:
        changed = [step, draw(st.sampled_from(["Value", "Arn", "Name"]))]
    return [*steps[:place], *changed, *steps[place + 1 :]]


def jsonpath(steps: list[str | int]) -> str:
    """Write steps as JSONPath."""
    return "$" + "".join(f".{step}" if isinstance(step, str) else f"[{step}]" for step in steps)


def resolves(steps: list[str | int], value: Any) -> bool:
    """Ask JMESPath whether the steps lead somewhere; no generated value is null."""
    text = "".join(f'."{step}"' if isinstance(step, str) else f"[{step}]" for step in steps).lstrip(".")
    return not text or jmespath.search(text, value) is not None


def verdict(service: str, operation: str, steps: list[str | int]) -> set[str]:
    """Return the severities that the checker gives to a read of the path."""
    resource = f"arn:aws:states:::aws-sdk:{service}:{operation[0].lower()}{operation[1:]}"
    read = {"Type": "Pass", "Parameters": {"value.$": jsonpath(steps)}, "End": True}
    call = {"Type": "Task", "Resource": resource, "Parameters": {}, "Next": "Read"}
    found = check({"StartAt": "Call", "States": {"Call": call, "Read": read}})
    return {entry.severity.value for entry in found if str(entry.pointer).startswith("/States/Read")}


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, str, list[str | int], Any]:
    """Draw a service, an operation, a path that is right or wrong, and a response."""
    service = draw(st.sampled_from(sorted(SERVICES)))
    folder = SERVICES[service]
    operation = draw(st.sampled_from(operations(folder)))
    shape = model(folder)["operations"][operation]["output"]["shape"]
    steps = path_into(draw, folder, shape)
    if draw(st.booleans()):
        steps = mutated(draw, steps)
    return service, operation, steps, response(draw, folder, shape)


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(cases())
def test_jmespath_agrees(case: tuple[str, str, list[str | int], Any]) -> None:
    """An error means that the path resolves in no response; no finding, that it resolves in each."""
    service, operation, steps, answer = case
    severities = verdict(service, operation, steps)
    if "error" in severities:
        assert not resolves(steps, answer)
    elif not severities:
        assert resolves(steps, answer)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (["Tasks"], {"note"}),
        (["Tasks", 0], {"warning"}),
        (["tasks"], {"error"}),
        (["Tasks", "TaskArn"], {"error"}),
        (["Tasks", 0, "TaskArn", "Arn"], {"error"}),
    ],
)
def test_the_verdicts_differ(steps: list[str | int], expected: set[str]) -> None:
    """The comparison has teeth: right, doubtful and wrong paths get different verdicts."""
    assert expected == verdict("ecs", "DescribeTasks", steps)
