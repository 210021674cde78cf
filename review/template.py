"""A CloudFormation template as the review reads it: resources, parameters, and what its functions refer to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from states_language.pointer import ROOT, Pointer

_VARIABLE = re.compile(r"\$\{(?!!)\s*([^}]+?)\s*\}")
MOST_ALTERNATIVES = 64
"""Ways to resolve the Fn::Ifs of one value; beyond them it is taken as it is written."""

Guards = frozenset[tuple[str, bool]]
"""The template's conditions that must hold, or not, for an alternative to be the one."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource of a template, as it is written."""

    name: str
    type: str
    fields: Mapping[str, Any]

    @property
    def properties(self) -> Mapping[str, Any]:
        """Its properties; none where they are missing, or no object."""
        found = self.fields.get("Properties")
        return found if isinstance(found, Mapping) else {}

    @property
    def pointer(self) -> Pointer:
        """Where it is in its template."""
        return ROOT / "Resources" / self.name


@dataclass(frozen=True, slots=True)
class Reference:
    """Something that refers to another logical ID."""

    target: str
    attribute: str
    """The attribute of Fn::GetAtt; empty for Ref."""


@dataclass(frozen=True)
class Template:
    """A template; tolerant of what is missing."""

    file: str
    fields: Mapping[str, Any] = field(repr=False)

    def section(self, name: str) -> Mapping[str, Any]:
        """Return a section; empty where it is missing."""
        found = self.fields.get(name)
        return found if isinstance(found, Mapping) else {}

    @cached_property
    def resources(self) -> Mapping[str, Resource]:
        """The resources by logical ID. What is no object, a Fn::ForEach, stands here as a type that is not known."""
        return {
            name: Resource(name, entry["Type"], entry)
            if isinstance(entry, Mapping) and isinstance(entry.get("Type"), str)
            else Resource(name, "", entry if isinstance(entry, Mapping) else {"": entry})
            for name, entry in self.section("Resources").items()
        }

    def of_type(self, *types: str) -> Iterator[Resource]:
        """Yield the resources of some types, in the template's order."""
        return (resource for resource in self.resources.values() if resource.type in types)

    def default(self, parameter: str) -> Any:
        """Return a parameter's default; None where it has none."""
        entry = self.section("Parameters").get(parameter)
        return entry.get("Default") if isinstance(entry, Mapping) else None

    def resolved(self, value: Any) -> Any:
        """Return a value with the parameters' defaults filled in; other functions stay."""
        if isinstance(value, Mapping):
            if set(value) == {"Ref"} and (found := self.default(str(value["Ref"]))) is not None:
                return found
            return {key: self.resolved(inner) for key, inner in value.items()}
        return [self.resolved(inner) for inner in value] if isinstance(value, list) else value


def text_of(value: Any) -> str:
    """Return a value as one text, with `${…}` for what is known at deployment only.

    Equal texts mean equal values: `Ref`, `Fn::GetAtt`, `Fn::Sub` and `Fn::Join` end in the same form.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping) and len(value) == 1:
        function, argument = next(iter(value.items()))
        match function:
            case "Ref":
                return f"${{{argument}}}"
            case "Fn::GetAtt":
                return f"${{{'.'.join(map(str, argument)) if isinstance(argument, list) else argument}}}"
            case "Fn::Sub":
                return _substituted(argument)
            case "Fn::Join" if (
                isinstance(argument, list) and len(argument) == 2 and isinstance(argument[1], list)
            ):
                return str(argument[0]).join(text_of(piece) for piece in argument[1])
            case "Fn::ImportValue":
                return f"${{Fn::ImportValue {text_of(argument)}}}"
            case _ if function.startswith("Fn::"):
                return f"${{{function} {_compact(argument)}}}"
    return _compact(value) if isinstance(value, Mapping | list) or value is None else str(value)


def _compact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)


def _substituted(argument: Any) -> str:
    text, known = argument if isinstance(argument, list) and len(argument) == 2 else (argument, {})
    if not isinstance(text, str):
        return _compact(argument)
    values = known if isinstance(known, Mapping) else {}
    return _VARIABLE.sub(
        lambda match: text_of(values[match[1]]) if match[1] in values else f"${{{match[1]}}}", text
    )


def references(value: Any) -> Iterator[Reference]:
    """Yield what a value refers to, by Ref, Fn::GetAtt and Fn::Sub."""
    if isinstance(value, list):
        for entry in value:
            yield from references(entry)
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            if key == "Ref" and isinstance(entry, str):
                yield Reference(entry, "")
            elif key == "Fn::GetAtt":
                yield _attribute(entry)
            elif key == "Fn::Sub":
                yield from _in_substitution(entry)
            else:
                yield from references(entry)


def _attribute(entry: Any) -> Reference:
    parts = [str(part) for part in entry] if isinstance(entry, list) else str(entry).split(".", 1)
    return Reference(parts[0], ".".join(parts[1:]))


def _in_substitution(entry: Any) -> Iterator[Reference]:
    text, known = entry if isinstance(entry, list) and len(entry) == 2 else (entry, {})
    if isinstance(known, Mapping):
        yield from references(list(known.values()))
    for match in _VARIABLE.finditer(text if isinstance(text, str) else ""):
        if not (isinstance(known, Mapping) and match[1] in known):
            target, _, attribute = match[1].partition(".")
            yield Reference(target, attribute)


def normal(value: Any) -> Any:
    """Return a value in one form for all that mean the same: `Fn::GetAtt` as list, a plain `Fn::Sub` as Ref or text."""
    if isinstance(value, list):
        return [normal(entry) for entry in value]
    if not isinstance(value, Mapping):
        return value
    if len(value) == 1:
        function, argument = next(iter(value.items()))
        if function == "Fn::GetAtt" and isinstance(argument, str):
            return {function: argument.split(".", 1)}
        if function in ("Fn::Sub", "Fn::Join") and not _holds(argument, "Fn::If"):
            return _normal_text(text_of(value))
    return {key: normal(entry) for key, entry in value.items()}


def _normal_text(text: str) -> Any:
    if (match := _VARIABLE.fullmatch(text)) and " " not in match[1]:
        target, _, attribute = match[1].partition(".")
        return {"Fn::GetAtt": [target, attribute]} if attribute else {"Ref": target}
    return {"Fn::Sub": text} if "${" in text else text


def _holds(value: Any, function: str) -> bool:
    if isinstance(value, Mapping):
        return function in value or any(_holds(entry, function) for entry in value.values())
    return isinstance(value, list) and any(_holds(entry, function) for entry in value)


def alternatives(value: Any) -> list[tuple[Guards, Any]]:
    """Return what a value can be, with the conditions that make it so: each `Fn::If` is taken both ways.

    `AWS::NoValue` takes its entry away. A value of more than `MOST_ALTERNATIVES` ways stays as it is.
    """
    if not _holds(value, "Fn::If"):
        return [(frozenset(), value)]
    found = _expanded(value)
    return found if 0 < len(found) <= MOST_ALTERNATIVES else [(frozenset(), value)]


class _NoValue:
    """Stands for `AWS::NoValue` until its holder drops it."""


_NO_VALUE = _NoValue()


def _expanded(value: Any) -> list[tuple[Guards, Any]]:
    if isinstance(value, Mapping):
        if set(value) == {"Ref"} and value["Ref"] == "AWS::NoValue":
            return [(frozenset(), _NO_VALUE)]
        if set(value) == {"Fn::If"} and isinstance(value["Fn::If"], list) and len(value["Fn::If"]) == 3:
            condition, yes, no = value["Fn::If"]
            return [
                (guards | {(str(condition), holds)}, found)
                for holds, branch in ((True, yes), (False, no))
                for guards, found in _expanded(branch)
                if (str(condition), not holds) not in guards
            ]
        return _combined([(key, _expanded(entry)) for key, entry in value.items()], dict)
    if isinstance(value, list):
        return _combined([(index, _expanded(entry)) for index, entry in enumerate(value)], _values)
    return [(frozenset(), value)]


def _values(entries: list[tuple[Any, Any]]) -> list[Any]:
    return [entry for _, entry in entries]


def _combined(parts: list[tuple[Any, list[tuple[Guards, Any]]]], build: Any) -> list[tuple[Guards, Any]]:
    rows: list[tuple[Guards, list[tuple[Any, Any]]]] = [(frozenset(), [])]
    for key, choices in parts:
        rows = [
            (guards | more, entries if found is _NO_VALUE else [*entries, (key, found)])
            for guards, entries in rows
            for more, found in choices
            if not any((name, not holds) in guards for name, holds in more)
        ]
        if len(rows) > MOST_ALTERNATIVES:
            return []
    return [(guards, build(entries)) for guards, entries in rows]
