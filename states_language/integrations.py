"""What a Task's Resource calls: the integration, its pattern, what it takes and what it answers.

The optimized integrations are a table (`data/integrations.json`); everything else follows from the shapes
of the API and the naming rules.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from states_language import shapes
from states_language.naming import Style, optimized_member_name
from states_language.types import (
    BOOLEAN,
    NUMBER,
    STRING,
    Layered,
    ListType,
    MapType,
    Member,
    Presence,
    StructureType,
    Type,
    Unknown,
    structure,
)

if TYPE_CHECKING:
    from states_language.shapes import Operation, Service


class Pattern(StrEnum):
    """When a Task state goes on: as the Resource writes it after the action."""

    REQUEST_RESPONSE = ""
    SYNC = "sync"
    SYNC_2 = "sync:2"
    TASK_TOKEN = "waitForTaskToken"  # noqa: S105 - a pattern's name


class Target(StrEnum):
    """What kind of thing a Resource names."""

    SDK = "aws-sdk"
    OPTIMIZED = "optimized"
    LAMBDA_FUNCTION = "lambda-function"
    ACTIVITY = "activity"
    UNKNOWN = "unknown"
    """No ARN of Step Functions, or one that a substitution fills in."""


@dataclass(frozen=True, slots=True)
class Integration:
    """A Task's Resource, read: `arn:${Partition}:states:::aws-sdk:ecs:runTask` is ecs, runTask, of the SDK."""

    resource: str
    target: Target
    partition: str = ""
    service: str = ""
    """As the Resource writes it: `ecs`, `states`, `sfn`."""
    action: str = ""
    pattern: Pattern = Pattern.REQUEST_RESPONSE
    unknown_pattern: str = ""
    """What stands where a pattern belongs and is none."""

    @property
    def style(self) -> Style:
        """The naming rule of its members."""
        return Style.SDK if self.target is Target.SDK else Style.OPTIMIZED

    @property
    def name(self) -> str:
        """What people call it: `aws-sdk:ecs:runTask`, `ecs:runTask.sync`."""
        prefix = "aws-sdk:" if self.target is Target.SDK else ""
        suffix = self.pattern or self.unknown_pattern
        return (
            f"{prefix}{self.service}:{self.action}" + (f".{suffix}" if suffix else "")
            if self.service
            else self.resource
        )

    @property
    def waits_for_token(self) -> bool:
        """Whether the state waits until someone sends the task token back."""
        return self.pattern is Pattern.TASK_TOKEN


_STATES: Final = re.compile(
    r"arn:(?P<partition>[^:]*):states:(?P<region>[^:]*):(?P<account>[^:]*):(?P<rest>.+)", re.DOTALL
)
_LAMBDA: Final = re.compile(r"arn:(?P<partition>[^:]*):lambda:[^:]*:[^:]*:function:.+", re.DOTALL)


def parse_resource(resource: str) -> Integration:
    """Read a Task's Resource, in any partition or with `${Partition}`; never fails."""
    return _parse(resource)


@cache
def _parse(resource: str) -> Integration:
    # `${AWS::Partition}` holds colons of its own.
    text = re.sub(r"\$\{[^}]*\}", lambda match: match[0].replace(":", "."), resource)
    if match := _LAMBDA.fullmatch(text):
        return Integration(resource, Target.LAMBDA_FUNCTION, match["partition"])
    match = _STATES.fullmatch(text)
    if match is None or "${" in match["rest"].split(":activity:")[0]:
        return Integration(resource, Target.UNKNOWN)
    partition, rest = match["partition"], match["rest"]
    if rest.startswith("activity:"):
        return Integration(resource, Target.ACTIVITY, partition, action=rest.removeprefix("activity:"))
    target = Target.OPTIMIZED
    if rest.startswith("aws-sdk:"):
        target, rest = Target.SDK, rest.removeprefix("aws-sdk:")
    service, colon, call = rest.partition(":")
    if not colon:
        return Integration(resource, Target.UNKNOWN, partition)
    action, _, suffix = call.partition(".")
    known = suffix in list(Pattern)
    return Integration(
        resource,
        target,
        partition,
        service,
        action,
        Pattern(suffix) if known else Pattern.REQUEST_RESPONSE,
        "" if known else suffix,
    )


@dataclass(frozen=True)
class OptimizedAction:
    """A row of the table of optimized integrations."""

    service: str
    action: str
    row: Mapping[str, Any]
    folder: str
    """botocore's name for the service."""

    @property
    def patterns(self) -> tuple[Pattern, ...]:
        """The patterns that the action offers."""
        return (Pattern.REQUEST_RESPONSE, *(Pattern(name) for name in self.row.get("patterns", ())))

    @property
    def operation(self) -> str:
        """The API's operation."""
        name: str = self.row.get("operation") or self.action[:1].upper() + self.action[1:]
        return name


@cache
def optimized() -> Mapping[str, Mapping[str, OptimizedAction]]:
    """Return the optimized integrations: service -> action -> row."""
    table = json.loads(_TABLE.read_text("utf-8"))["services"]
    return {
        service: {
            action: OptimizedAction(service, action, row, row.get("folder") or entry.get("folder") or service)
            for action, row in entry["actions"].items()
        }
        for service, entry in table.items()
    }


@cache
def optimized_error_prefixes() -> Mapping[str, tuple[str, ...]]:
    """Return what stands before the dot in the errors of each optimized service; the first is the usual one."""
    table = json.loads(_TABLE.read_text("utf-8"))["services"]
    return {service: tuple(entry["errors"]) for service, entry in table.items()}


_TABLE: Final = Path(__file__).with_name("data") / "integrations.json"


def operation(integration: Integration) -> tuple[Service, Operation] | None:
    """Return the API's service and operation behind an integration; None where there is none or it is not known."""
    if integration.target is Target.SDK:
        service = shapes.load().service(integration.service)
        call = None if service is None else service.actions.get(integration.action)
    elif (row := _row(integration)) is not None:
        service = shapes.load().by_folder(row.folder)
        name = row.operation
        call = None if service is None else service.actions.get(name[:1].lower() + name[1:])
    else:
        return None
    return None if service is None or call is None else (service, call)


def _row(integration: Integration) -> OptimizedAction | None:
    if integration.target is not Target.OPTIMIZED:
        return None
    return optimized().get(integration.service, {}).get(integration.action)


@cache
def request_type(integration: Integration) -> Type:
    """Return what the integration takes: a structure whose required members are `ALWAYS`, or why it is unknown."""
    row = _row(integration)
    if row is not None and "request" in row.row:
        return _spelled(row.row["request"], f"{integration.name} request")
    found = operation(integration)
    if found is None:
        return Unknown(_reason(integration))
    service, call = found
    if call.input is None:
        return StructureType({}, name=f"{call.name} request")
    kind = service.type_of(call.input, integration.style, request=True)
    return kind if row is None or not isinstance(kind, StructureType) else _opened(kind, row)


def _opened(kind: StructureType, row: OptimizedAction) -> StructureType:
    """Return the API's request as the optimized integration takes it."""
    changes: dict[str, Member] = {}
    for member in row.row.get("open", ()):
        name = optimized_member_name(member)
        presence = Presence.OPTIONAL if member in row.row.get("optional", ()) else kind.members[name].presence
        changes[name] = Member(Unknown("any JSON"), presence)
    for member, letter in row.row.get("added", {}).items():
        changes[member] = Member(_WORDS[letter], Presence.OPTIONAL)
    for name, inner in row.row.get("open_inside", {}).items():
        items = kind.members[name].type
        if isinstance(items, ListType) and isinstance(items.item, StructureType):
            opened = {key: Member(Unknown("any JSON"), items.item.members[key].presence) for key in inner}
            members = Layered.of(items.item.members, opened)
            item = replace(items.item, members=members, key=("request", row.service, row.action, name))
            changes[name] = Member(ListType(item), kind.members[name].presence)
    if not changes:
        return kind
    return replace(kind, members=Layered.of(kind.members, changes), key=("request", row.service, row.action))


@cache
def result_type(integration: Integration) -> Type:
    """Return what the state's result is before ResultSelector, or why it is unknown."""
    if integration.waits_for_token:
        return Unknown("what SendTaskSuccess sends is not known here")
    row = _row(integration)
    if row is None:
        found = operation(integration)
        if found is None:
            return Unknown(_reason(integration))
        service, call = found
        return service.type_of(call.output, integration.style)
    return _optimized_result(integration, row)


def _optimized_result(integration: Integration, row: OptimizedAction) -> Type:
    key = "result" if integration.pattern is Pattern.REQUEST_RESPONSE else integration.pattern.value
    spelled = row.row.get(key)
    if isinstance(spelled, Mapping):
        return _with_metadata(_spelled(spelled, f"{integration.name} result"), integration)
    if spelled is None and key != "result":
        return Unknown(f"{integration.action} has no pattern {key}")
    if spelled == "unknown":
        return Unknown(f"what {integration.name} answers is not documented")
    service = shapes.load().by_folder(row.folder)
    if service is None:
        return Unknown(_reason(integration))
    name, _, path = (spelled or row.operation).partition("#")
    call = service.actions.get(name[:1].lower() + name[1:])
    if call is None:
        return Unknown(_reason(integration))
    kind = _descend(service.type_of(call.output, integration.style), path)
    if integration.pattern is Pattern.SYNC_2 and isinstance(kind, StructureType):
        opened = {name: Member(Unknown("the other execution's data")) for name in row.row.get("json", ())}
        kind = replace(
            kind, members=Layered.of(kind.members, opened), key=("sync:2", row.service, row.action)
        )
    return _with_metadata(kind, integration)


def _descend(kind: Type, path: str) -> Type:
    for step in filter(None, path.split("/")):
        if step == "[]" and isinstance(kind, ListType):
            kind = kind.item
        elif isinstance(kind, StructureType):
            kind = kind.members[optimized_member_name(step)].type
    return kind


def _with_metadata(kind: Type, integration: Integration) -> Type:
    """Add what optimized integrations put beside the API's answer."""
    if not isinstance(kind, StructureType):
        return kind
    added = {name: Member(Unknown("metadata of the call"), Presence.OPTIONAL) for name in METADATA}
    return replace(
        kind, members=Layered.of(kind.members, added), key=("result", integration.name, integration.target)
    )


METADATA: Final = ("SdkHttpMetadata", "SdkResponseMetadata")
"""What optimized integrations put beside an answer (evidence: documentation, the examples of lambda:invoke)."""

_WORDS: Final[Mapping[str, Type]] = {
    "any": Unknown("any JSON"),
    "string": STRING,
    "number": NUMBER,
    "boolean": BOOLEAN,
    "object": MapType(Unknown("any JSON")),
}


def _spelled(members: Mapping[str, str], name: str) -> StructureType:
    """Read a structure of the table."""
    is_request = name.endswith("request")
    found: dict[str, Member] = {}
    for key, word in members.items():
        if key == "...":
            continue
        optional = key.endswith("?") or (is_request and not key.endswith("!"))
        found[key.rstrip("!?")] = Member(_WORDS[word], Presence.OPTIONAL if optional else Presence.ALWAYS)
    rest = Unknown("the documentation names no other members") if "..." in members else None
    return StructureType(found, rest, name, key=("spelled", name))


def _reason(integration: Integration) -> str:
    match integration.target:
        case Target.LAMBDA_FUNCTION:
            return "a Lambda function's answer"
        case Target.ACTIVITY:
            return "an activity's answer"
        case Target.UNKNOWN:
            return f"the resource {integration.resource!r} is not known here"
        case _:
            return f"the integration {integration.name} is not known here"


ERROR_OUTPUT: Final = structure({"Error": STRING, "Cause": STRING}, "error output")
"""What a catcher receives."""
