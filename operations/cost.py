"""What an execution cost, about: the review's prices of the committed documents, by the time that things took."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from deployer.console import ROOT
from operations.outline import DEFINITION
from review import cost as prices
from review.template import Template

if TYPE_CHECKING:
    from review.execution import Told

TEMPLATE = "templates/validation-pipeline.template.json"
MACHINE = "Pipeline"
LEAST_TASK_SECONDS = 60.0
"""What Fargate charges at least. Evidence: documentation (Fargate pricing)."""


@dataclass(frozen=True)
class Rates:
    """Dollars; without free tiers and taxes."""

    transition: float
    transitions: float
    """Of a usual execution."""
    build_minute: float
    build_state: str
    build_share: float
    """Of a usual execution's time."""
    task_minute: float
    task_state: str
    function: float
    """Of a usual execution."""
    function_second: float
    function_state: str
    date: str
    """Of the price table."""

    def of_duration(self, seconds: float, *, has_build: bool = True, has_task: bool = True) -> float:
        """Return what an execution of a duration costs, whose time is shared as usual between build and task."""
        build = seconds * (self.build_share if has_task else 1.0) if has_build else 0.0
        task = max(seconds - build, LEAST_TASK_SECONDS) if has_task else 0.0
        return (
            self.transitions
            + math.ceil(build / 60) * self.build_minute
            + task / 60 * self.task_minute
            + (self.function if has_task else 0.0)
        )

    def of_history(self, told: Told) -> float:
        """Return what an execution costs whose states are known: CodeBuild counts begun minutes, Fargate seconds."""
        spent = dict.fromkeys((self.build_state, self.function_state), 0.0)
        task_began: float | None = None
        for visit in told.visits:
            end = told.seconds if visit.left_at is None else visit.left_at
            if visit.name in spent and (visit.calls or visit.left_at is not None):
                spent[visit.name] += end - visit.entered_at
            if (
                visit.name == self.task_state
                and visit.fate in {"succeeded", "retried"}
                and task_began is None
            ):
                task_began = visit.left_at
        # From RunTask's answer to the execution's end, little more than the task's own time; a minute is the least.
        task = 0.0 if task_began is None else max(told.seconds - task_began, LEAST_TASK_SECONDS)
        return (
            len(told.visits) * self.transition
            + math.ceil(spent[self.build_state] / 60) * self.build_minute
            + task / 60 * self.task_minute
            + spent[self.function_state] * self.function_second
        )


@cache
def rates() -> Rates:
    """Return the rates of the committed documents."""
    document = json.loads((ROOT / DEFINITION).read_text("utf-8"))
    template = Template(TEMPLATE, json.loads((ROOT / TEMPLATE).read_text("utf-8")))
    tokens = template.resources[MACHINE].properties["DefinitionSubstitutions"]
    items = {item.what: item.usual for item in prices.bill(document, template, tokens).items}
    assumed = prices.prices()["assumed"]

    def of(kind: str) -> tuple[float, str]:
        found = [(usual, what) for what, usual in items.items() if what.startswith(f"{kind} (")]
        return sum(usual for usual, _ in found), found[0][1].partition("(")[2].rstrip(")") if found else ""

    build, build_state = of("build")
    task, task_state = of("task")
    address, _ = of("public address")
    function, function_state = of("function")
    return Rates(
        transition=prices.prices()["step_functions"]["transition"],
        transitions=items["transitions"],
        build_minute=build / assumed["build_minutes"],
        build_state=build_state,
        build_share=assumed["build_minutes"] / (assumed["build_minutes"] + assumed["task_minutes"]),
        task_minute=(task + address) / assumed["task_minutes"],
        task_state=task_state,
        function=function,
        function_second=function / assumed["function_seconds"],
        function_state=function_state,
        date=str(prices.prices()["date"]),
    )
