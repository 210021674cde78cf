"""The permissions that a document's integrations need, derived from the document itself.

What an integration needs is data (`permissions.yaml`); this module reads the parameters of each Task and fills
them in. The result speaks in the document's own words: an ARN may hold `${Partition}`, `${Region}`, `${Account}`
and the document's `${Token}`s. Whoever deploys the document binds those.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import yaml

from states_language.document import Map as MapState
from states_language.document import State, StateMachine, Task
from states_language.pointer import Pointer

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

FEATURES = {"logging": Pointer(("logging",)), "tracing": Pointer(("tracing",))}
"""What a state machine may have switched on beside its document, and how a permission names it as its cause."""

_ARN_TOKEN = re.compile(r"\$\{\w*Arn\}")
_PLACEHOLDER = re.compile(r"(?<!\$)\{([\w.]+)(?:\|([\w:.-]+))?\}")
_FORMAT = re.compile(r"States\.Format\('((?:[^'\\]|\\.)*)'")
_KIND = re.compile(r"^[A-Za-z-]+[/:]")
_WITHOUT_KIND = {"s3", "sns", "sqs"}
"""Services whose ARNs name the resource itself, without its kind before it: `arn:aws:s3:::bucket/key`."""
_RESOURCE = re.compile(r"arn:[^:]*:states:[^:]*:[^:]*:(.+)")


class PermissionsError(Exception):
    """What a document needs cannot be said, or only more widely than AWS would allow; the message tells why."""

    def __init__(self, pointer: Pointer, message: str):
        super().__init__(f"{pointer}: {message}")
        self.pointer = pointer
        self.message = message


@dataclass(frozen=True, slots=True)
class Permission:
    """One action on one resource, and the state (or feature) that needs it."""

    action: str
    resource: str
    condition: tuple[tuple[str, str, str], ...]
    """Operator, condition key and value, sorted."""
    because: Pointer
    reason: str = ""
    """Why the resource is `*`; empty where it is not."""


def of_document(machine: StateMachine) -> list[Permission]:
    """Return the permissions that the Tasks of a document need, in the document's order.

    Raises `PermissionsError` where an integration is not known, a resource cannot be named, or a state needs rights
    that are not derived yet.
    """
    tasks = []
    for state in machine.walk():
        _refuse_unsaid(state)
        if isinstance(state, Task):
            tasks.append(state)
    return [permission for task in tasks for permission in _of_task(task, tasks)]


def of_features(names: Iterable[str]) -> list[Permission]:
    """Return the permissions that features of the state machine itself need: `logging`, `tracing`."""
    return [
        Permission(action, grant["resource"], (), FEATURES[name], grant["reason"])
        for name in names
        for grant in _data()["features"][name]
        for action in grant["actions"]
    ]


@cache
def integration(resource: str) -> str:
    """Return what a Task's `Resource` calls, without the partition: `aws-sdk:ecs:runTask`; the ARN itself otherwise."""
    match = _RESOURCE.fullmatch(resource)
    return match[1] if match else resource


@cache
def _data() -> Any:
    return yaml.load((Path(__file__).parent / "permissions.yaml").read_text("utf-8"), Loader=LOADER)  # noqa: S506  # LOADER is a safe loader


def _grants(task: Task) -> list[Mapping[str, Any]]:
    name = integration(task.resource).removesuffix(".waitForTaskToken")
    grants = _data()["integrations"].get(name)
    if grants is None:
        raise PermissionsError(
            task.pointer / "Resource",
            f"the permissions of '{name}' are not known; add them to permissions.yaml",
        )
    return [
        grant
        for grant in grants
        if "when" not in grant or any(_values(task.parameters, grant["when"].split(".")))
    ]


def _refuse_unsaid(state: State) -> None:
    """Refuse what needs rights that the data has no words for, rather than to leave them out in silence."""
    if isinstance(state, MapState) and state.is_distributed:
        raise PermissionsError(
            state.pointer / state.processor_key / "ProcessorConfig" / "Mode",
            "a distributed Map starts executions of its own state machine, and reads and writes its items; "
            "those permissions are not derived yet",
        )
    if "Credentials" in state.fields:
        raise PermissionsError(
            state.pointer / "Credentials",
            "a call under another role needs sts:AssumeRole instead of the call's own permissions; "
            "those are not derived yet",
        )


def _of_task(task: Task, tasks: list[Task]) -> Iterator[Permission]:
    for grant in _grants(task):
        condition_sets = [()] if "condition" not in grant else _conditions(grant["condition"], task, tasks)
        resources = _fill(grant["resource"], task, tasks)
        for action in grant["actions"]:
            for resource in resources:
                _refuse_vague(action, resource, grant, task)
                for condition in condition_sets:
                    yield Permission(action, resource, condition, task.pointer, grant.get("reason", ""))


def _refuse_vague(action: str, resource: str, grant: Mapping[str, Any], task: Task) -> None:
    if not (resource == "*" or resource.startswith("arn:") or _ARN_TOKEN.fullmatch(resource)):
        raise PermissionsError(
            task.pointer,
            f"{action} needs an ARN, and '{resource}' is none; pass an ARN, or a token that ends in 'Arn'",
        )
    if "reason" not in grant and (resource == "*" or _is_open(resource)):
        raise PermissionsError(
            task.pointer,
            f"{action} would be granted on '{resource}', since its parameter is known only at run time",
        )


def _is_open(arn: str) -> bool:
    """Tell whether an ARN names nothing but a kind of resource (`…:table/*`), or not even that (`arn:aws:lambda:*`)."""
    parts = arn.split(":", 5)
    if len(parts) < 6:
        return not _ARN_TOKEN.fullmatch(arn)
    name = parts[5] if parts[2] in _WITHOUT_KIND else _KIND.sub("", parts[5])
    return name == "*" or name.startswith("*/")


def _conditions(
    condition: Mapping[str, Mapping[str, str]], task: Task, tasks: list[Task]
) -> list[tuple[tuple[str, str, str], ...]]:
    rows = [
        [(operator, key, filled) for filled in _fill(value, task, tasks)]
        for operator, keys in condition.items()
        for key, value in keys.items()
    ]
    combinations: list[tuple[tuple[str, str, str], ...]] = [()]
    for row in rows:
        combinations = [(*combination, each) for combination in combinations for each in row]
    return [tuple(sorted(combination)) for combination in combinations]


def _fill(template: str, task: Task, tasks: list[Task]) -> list[str]:
    """Return the ARNs that a template stands for, with the parameters of a Task filled in."""
    before, steps, creator, after = _parted(template)
    if not steps:
        return [template]
    found = list(_values(task.parameters, steps))
    if creator and all(_fixed(key, value) == "*" for key, value in found):
        creators = [each for each in tasks if integration(each.resource) == creator]
        created = [grant["resource"] for each in creators for grant in _grants(each)[:1]]
        return sorted(
            {arn for each, made in zip(creators, created, strict=True) for arn in _fill(made, each, tasks)}
            or {f"{before}*{after}"}
        )
    fixed = sorted({_fixed(key, value) for key, value in found}) or ["*"]
    return [
        filled
        for value in fixed
        for filled in _fill(
            value + after
            if value.startswith("arn:") or _ARN_TOKEN.fullmatch(value)
            else before + value + after,
            task,
            tasks,
        )
    ]


@lru_cache(512)
def _parted(template: str) -> tuple[str, Sequence[str], str, str]:
    """Return what is before a template's first placeholder, the steps to its parameter, who creates it, and the rest."""
    match = _PLACEHOLDER.search(template)
    if match is None:
        return template, (), "", ""
    return template[: match.start()], match[1].split("."), match[2] or "", template[match.end() :]


def _values(parameters: Any, steps: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """Yield the key and value of a parameter, with or without `.$`, inside lists too."""
    if isinstance(parameters, list):
        for entry in parameters:
            yield from _values(entry, steps)
    elif isinstance(parameters, Mapping):
        for key in (steps[0], f"{steps[0]}.$"):
            if key in parameters:
                if len(steps) == 1:
                    yield key, parameters[key]
                else:
                    yield from _values(parameters[key], steps[1:])


def _fixed(key: str, value: Any) -> str:
    """Return what is known of a parameter before the execution, with `*` for what is not."""
    if not isinstance(value, str) or value.startswith("{%"):
        return "*"
    if not key.endswith(".$"):
        return value
    if match := _FORMAT.match(value):
        return re.sub(r"\*+", "*", match[1].replace("{}", "*"))
    return "*"
