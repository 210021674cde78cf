"""What one execution costs, from a dated price table, and what the stack costs while nobody uses it.

Two figures: a usual execution (the minutes are assumptions, written beside the prices) and the most that one can
cost (the timeouts). Both are for the path that makes the most calls and ends well. What is not in the table costs
nothing here: it is a comparison, and no bill.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from review import tables
from review.model import Change, Level, Place, Section, Verb, code
from review.template import Template, alternatives, text_of
from states_language.document import State, StateMachine, Succeed, Task, TransitionKind
from states_language.permissions import integration
from states_language.pointer import ROOT

NOTICEABLE = 0.000_000_1
"""Dollars; less is rounding."""


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the bill."""

    what: str
    usual: float
    """Dollars of a usual execution."""
    most: float | None
    """Dollars at most; None where nothing bounds it."""
    because: str
    """The numbers of the documents that make it so."""


@dataclass(frozen=True, slots=True)
class Bill:
    """What one execution costs."""

    items: tuple[Item, ...]

    @property
    def usual(self) -> float:
        """Dollars of a usual execution."""
        return sum(item.usual for item in self.items)

    @property
    def most(self) -> float | None:
        """Dollars at most; None where nothing bounds it."""
        return (
            None
            if any(item.most is None for item in self.items)
            else sum(item.most or 0 for item in self.items)
        )


@cache
def prices() -> Mapping[str, Any]:
    """Return the price table."""
    found: Mapping[str, Any] = tables.table("prices.yaml")
    return found


def compare(name: str, file: str, before: Bill, after: Bill) -> Iterator[Change]:
    """Yield what changed of the cost of one execution, and which numbers moved it."""
    usual = abs(before.usual - after.usual) > NOTICEABLE
    most = before.most != after.most and (
        before.most is None or after.most is None or abs(before.most - after.most) > NOTICEABLE
    )
    if not usual and not most:
        return
    old, new = ({item.what: item for item in bill.items} for bill in (before, after))
    lines = []
    for what in dict.fromkeys([*old, *new]):
        was, now = old.get(what), new.get(what)
        if was != now:
            lines.append(
                f"{what}: {_dollars(was.usual) if was else 'none'} → {_dollars(now.usual) if now else 'none'}"
                + _moved(was.because if was else "", now.because if now else "")
            )
    dearer = after.usual > before.usual * 1.25
    yield Change(
        Section.COST,
        Verb.CHANGED,
        name,
        f"one execution of {code(name)} usually costs {_dollars(before.usual)} → {_dollars(after.usual)}{_percent(before.usual, after.usual)}; "
        f"at most {_dollars(before.most)} → {_dollars(after.most)}",
        Level.WARNING if dearer else Level.NOTE,
        Place(file, ROOT),
        details=(*lines, f"prices of {prices()['date']}, {prices()['region']}"),
        before=round(before.usual, 8),
        after=round(after.usual, 8),
        facts={"most_before": _rounded(before.most), "most_after": _rounded(after.most)},
    )


def standing(before: Template, after: Template) -> Iterator[Change]:
    """Yield what changed of the cost of a month in which nobody uses the stack."""
    old, new = _standing(before), _standing(after)
    was, now = sum(old.values()), sum(new.values())
    if abs(was - now) < NOTICEABLE:
        return
    lines = [
        f"{what}: {_dollars(old.get(what, 0))} → {_dollars(new.get(what, 0))} a month"
        for what in dict.fromkeys([*old, *new])
        if abs(old.get(what, 0) - new.get(what, 0)) > NOTICEABLE
    ]
    yield Change(
        Section.COST,
        Verb.CHANGED,
        "stack",
        f"the stack costs {_dollars(now - was, sign=True)} a month, used or not",
        Level.WARNING if now - was > 10 else Level.NOTE,
        Place(after.file, ROOT),
        details=(*lines, f"prices of {prices()['date']}, {prices()['region']}"),
        before=round(was, 4),
        after=round(now, 4),
    )


def _standing(template: Template) -> dict[str, float]:
    found: dict[str, float] = {}
    for resource in template.resources.values():
        price = prices()["standing"].get(resource.type)
        if price is None or any(
            text_of(resource.properties.get(key)) != value for key, value in price.get("where", {}).items()
        ):
            continue
        counted = resource.properties.get(price["per"]) if "per" in price else None
        count = len(counted) if isinstance(counted, list) else 1
        found[price["what"]] = found.get(price["what"], 0) + count * price["each"]
    return found


def bill(document: Any, template: Template | None, tokens: Mapping[str, Any]) -> Bill:
    """Return what one execution of a document costs; the template of the same side tells the sizes, where there is one.

    Raises `DocumentError`.
    """
    machine = StateMachine.of(document)
    path = _path(machine)
    return Bill(tuple(_items(machine, path, _Sizes(machine, template, tokens))))


def calls(document: Any) -> tuple[str, ...]:
    """Return the Tasks that a usual execution passes, in order: those of the path that none of its ways goes round.

    Raises `DocumentError`.
    """
    machine = StateMachine.of(document)
    tasks = [state.name for state in _path(machine) if isinstance(state, Task)]
    inner = [
        name
        for before, name, after in zip(tasks, tasks[1:], tasks[2:], strict=False)
        if after not in _reached(machine, before, without=name)
    ]
    return (*tasks[:1], *inner, *tasks[1:][-1:])


def _reached(machine: StateMachine, start: str, *, without: str) -> set[str]:
    """Return the states that can be reached where nothing fails, and one is not entered."""
    seen, work = set[str](), [start]
    while work:
        name = work.pop()
        for target in _targets(machine.states[name]):
            if target != without and target not in seen:
                seen.add(target)
                work.append(target)
    return seen


def _path(machine: StateMachine) -> list[State]:
    """Return the path without errors and turns that ends well and makes the most calls, with the fewest states."""
    best: dict[str, tuple[int, int, str]] = {}
    """Of a state: the calls on the best way from it, the states (negative, fewer are better), and the next one."""
    for name in _last_first(machine):
        state = machine.states[name]
        choices = [(0, 0, "")] if isinstance(state, Succeed) or state.fields.get("End") is True else []
        choices += [(*best[target][:2], target) for target in _targets(state) if target in best]
        if choices:
            calls, states, following = max(choices, key=lambda choice: choice[:2])
            best[name] = calls + isinstance(state, Task), states - 1, following
    path, name = [], machine.start_at or ""
    while name in best:
        path.append(machine.states[name])
        name = best[name][2]
    return path


def _targets(state: State) -> list[str]:
    return [each.target for each in state.transitions() if each.kind is not TransitionKind.CATCH]


def _last_first(machine: StateMachine) -> list[str]:
    """Return the states that can be reached, each after all that it leads to; an edge that closes a loop is left out."""
    order: list[str] = []
    seen: set[str] = set()
    work = [(machine.start_at or "", False)]
    while work:
        name, is_done = work.pop()
        if is_done:
            order.append(name)
        elif name in machine.states and name not in seen:
            seen.add(name)
            work.append((name, True))
            work += [(target, False) for target in reversed(_targets(machine.states[name]))]
    return order


class _Sizes:
    """The sizes that prices depend on, from the documents of one side."""

    def __init__(self, machine: StateMachine, template: Template | None, tokens: Mapping[str, Any]):
        self.machine = machine
        self.template = template
        self.tokens = tokens

    def of_type(self, resource_type: str, *keys: str) -> Any:
        """Return a property of the only resource of a type; None where there is none, or several that differ."""
        if self.template is None:
            return None
        found = set()
        for resource in self.template.of_type(resource_type):
            value: Any = resource.properties
            for key in keys:
                value = value.get(key) if isinstance(value, Mapping) else None
            found.add(text_of(self.template.resolved(value)) if value is not None else "")
        return found.pop() if len(found) == 1 else None

    def task_definition(self, key: str) -> Any:
        """Return a field of the task definition that the document, or else the template, registers."""
        for state in self.machine.walk():
            if isinstance(state, Task) and state.resource.lower().endswith("ecs:registertaskdefinition"):
                found = state.parameters.get(key) if isinstance(state.parameters, Mapping) else None
                if found is not None:
                    return found
        return self.of_type("AWS::ECS::TaskDefinition", key)

    def token(self, value: Any) -> Any:
        """Return what a `${Token}` stands for, of the alternatives the first."""
        text = text_of(value)
        known = self.tokens.get(text[2:-1]) if text.startswith("${") else None
        return text if known is None else text_of(alternatives(known)[0][1])


def _items(machine: StateMachine, path: list[State], sizes: _Sizes) -> Iterator[Item]:
    transition = prices()["step_functions"]["transition"]
    count = len(path) + 1
    yield Item("transitions", count * transition, count * transition, f"{count} transitions")
    limit = _number(machine.fields.get("TimeoutSeconds"))
    for state in path:
        if not isinstance(state, Task):
            continue
        call = integration(state.resource).lower().removeprefix("aws-sdk:").partition(".")[0]
        if call == "codebuild:startbuild":
            yield _build(state, sizes, limit)
        elif call == "ecs:runtask":
            yield from _task(state, sizes, limit)
        elif call == "lambda:invoke":
            yield _function(state, sizes, limit)


def _build(state: Task, sizes: _Sizes, limit: float | None) -> Item:
    kind = sizes.of_type("AWS::CodeBuild::Project", "Environment", "ComputeType") or "BUILD_GENERAL1_SMALL"
    price = prices()["codebuild_minute"].get(kind, prices()["codebuild_minute"]["BUILD_GENERAL1_SMALL"])
    minutes = _number(sizes.of_type("AWS::CodeBuild::Project", "TimeoutInMinutes"))
    bounds = [
        each
        for each in (minutes and minutes * 60, _number(state.fields.get("TimeoutSeconds")), limit)
        if each
    ]
    most = min(bounds) / 60 if bounds else None
    return Item(
        f"build ({state.name})",
        prices()["assumed"]["build_minutes"] * price,
        None if most is None else most * price,
        f"{kind}, at most {_told(most, 'min')}",
    )


def _task(state: Task, sizes: _Sizes, limit: float | None) -> Iterator[Item]:
    cpu, memory = _number(sizes.task_definition("Cpu")), _number(sizes.task_definition("Memory"))
    platform = sizes.task_definition("RuntimePlatform")
    architecture = platform.get("CpuArchitecture", "X86_64") if isinstance(platform, Mapping) else "X86_64"
    fargate = prices()["fargate"]
    hour = (cpu or 256) / 1024 * fargate["vcpu_hour"].get(architecture, 0) + (memory or 512) / 1024 * fargate[
        "gib_hour"
    ].get(architecture, 0)
    usual = prices()["assumed"]["task_minutes"] / 60
    most = None if limit is None else limit / 3600
    yield Item(
        f"task ({state.name})",
        usual * hour,
        None if most is None else most * hour,
        f"{cpu or 256:g} CPU units, {memory or 512:g} MiB, at most {_told(most and most * 60, 'min')}",
    )
    network = state.parameters.get("NetworkConfiguration") if isinstance(state.parameters, Mapping) else None
    settings = network.get("AwsvpcConfiguration") if isinstance(network, Mapping) else None
    if isinstance(settings, Mapping) and sizes.token(settings.get("AssignPublicIp", "DISABLED")) == "ENABLED":
        price = prices()["public_ipv4_hour"]
        yield Item(
            f"public address ({state.name})",
            usual * price,
            None if most is None else most * price,
            "AssignPublicIp ENABLED",
        )


def _function(state: Task, sizes: _Sizes, limit: float | None) -> Item:
    memory = _number(sizes.of_type("AWS::Lambda::Function", "MemorySize")) or 128
    timeout = _number(sizes.of_type("AWS::Lambda::Function", "Timeout"))
    architecture = "x86_64"
    price = memory / 1024 * prices()["lambda"]["gib_second"][architecture]
    request = prices()["lambda"]["request"]
    bounds = [each for each in (timeout, _number(state.fields.get("TimeoutSeconds")), limit) if each]
    most = min(bounds) if bounds else None
    usual = min(prices()["assumed"]["function_seconds"], most or prices()["assumed"]["function_seconds"])
    return Item(
        f"function ({state.name})",
        usual * price + request,
        None if most is None else most * price + request,
        f"{memory:g} MiB, at most {_told(most, 's')}",
    )


def _told(number: float | None, unit: str) -> str:
    return "without a bound" if number is None else f"{number:g} {unit}"


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _moved(was: str, now: str) -> str:
    return f" ({was} → {now})" if was and now and was != now else f" ({was or now})" if was or now else ""


def _dollars(amount: float | None, *, sign: bool = False) -> str:
    if amount is None:
        return "no bound"
    mark = "-" if amount < 0 else "+" if sign else ""
    return f"{mark}${abs(amount):.4f}" if abs(amount) < 1 else f"{mark}${abs(amount):.2f}"


def _percent(before: float, after: float) -> str:
    return f" ({(after - before) / before:+.0%})" if before else ""


def _rounded(amount: float | None) -> float | None:
    return None if amount is None else round(amount, 6)
