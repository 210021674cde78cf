"""Rules about what a call is given: its parameters' names, places and kinds, and the suffix `.$`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from states_language.diagnostics import Finding, Severity
from states_language.flow import jsonata
from states_language.integrations import Target, operation, request_type
from states_language.paths import PathError, parse_path
from states_language.shapes import ShapeMembers
from states_language.spelling import differs_by_case, listed, nearest
from states_language.types import (
    Kind,
    ListType,
    MapType,
    Presence,
    ScalarType,
    StructureType,
    Type,
    UnionType,
    Unknown,
    describe,
    is_open,
    of_value,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from states_language.flow import PayloadTemplate, ServiceCall
    from states_language.integrations import Integration
    from states_language.pointer import Pointer
    from states_language.rules.subject import Subject

PATH_HOLDERS: Final = frozenset(
    {"InputPath", "OutputPath", "ResultPath", "ItemsPath", "InputPathsMap", "InputTemplate", "JsonPath",
     "JSONPath", "Definition", "Expression", "FilterPattern", "Pattern", "Query"}
)  # fmt: skip
"""Keys whose values are JSONPath, or may be, for another service to read."""

_PATH: Final = re.compile(r"\$\$?(?:[.\[].*)?", re.DOTALL)
_VARIABLE: Final = re.compile(r"\$([A-Za-z_]\w*)(?:[.\[].*)?", re.DOTALL)
_INTRINSIC: Final = re.compile(r"States\.[A-Za-z0-9]+\(.*\)\s*", re.DOTALL)
_PLACEHOLDER: Final = re.compile(r"\$\{[^}]*\}|\{\{[^}]*\}\}|<[^>]*>")
_NUMBER: Final = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")


def check(subject: Subject) -> Iterator[Finding]:
    """Report what is wrong with payload templates and with the parameters of calls."""
    for template in subject.facts.templates:
        yield from _suffixes(template, subject)
    for call in subject.facts.calls:
        if call.template is not None and call.integration.target in (Target.SDK, Target.OPTIMIZED):
            yield from _Call(call, subject).check()


# The suffix


def _suffixes(template: PayloadTemplate, subject: Subject) -> Iterator[Finding]:
    if template.state.query_language == "JSONata":
        yield from _jsonata_suffixes(template.value, template.pointer)
    else:
        entry = subject.facts.entries.get(template.state.pointer)
        variables = entry.variables.members if entry is not None else {}
        yield from _jsonpath_suffixes(template.value, template.pointer, frozenset(variables))


def _jsonpath_suffixes(value: Any, pointer: Pointer, variables: frozenset[str]) -> Iterator[Finding]:
    if isinstance(value, list):
        for place, entry in enumerate(value):
            if not isinstance(entry, str):
                yield from _jsonpath_suffixes(entry, pointer / place, variables)
        return
    if not isinstance(value, dict):
        return
    for key, entry in value.items():
        if key.endswith(".$"):
            if key[:-2] in value:
                yield Finding(
                    "duplicate-key",
                    pointer / key,
                    f"'{key[:-2]}' and '{key}' give one field twice.",
                    "Remove one of them.",
                    at_key=True,
                )
            if not _is_read(entry):
                yield Finding(
                    "spurious-path-suffix",
                    pointer / key,
                    f"The key '{key}' asks for a path or an intrinsic function, and its value is none.",
                    f'Write "{key[:-2]}" for a value that is sent as it stands.',
                    at_key=True,
                )
        elif isinstance(entry, str):
            if key not in PATH_HOLDERS and _looks_read(entry, variables):
                # What begins as a variable does, or is assigned, may well be meant as text.
                is_sure = "Assign" not in pointer.steps and not _VARIABLE.fullmatch(entry)
                yield Finding(
                    "missing-path-suffix",
                    pointer / key,
                    f"'{entry}' is sent as this text: the key '{key}' does not end with '.$'.",
                    f'Write "{key}.$".',
                    at_key=True,
                    severity=None if is_sure else Severity.WARNING,
                )
        elif key not in PATH_HOLDERS:
            yield from _jsonpath_suffixes(entry, pointer / key, variables)


def _is_read(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    return value.startswith(("$", "States.")) or value.rstrip().endswith(")")


def _looks_read(text: str, variables: frozenset[str]) -> bool:
    if _PATH.fullmatch(text):
        return _is_path(text)
    if _INTRINSIC.fullmatch(text):
        return True
    match = _VARIABLE.fullmatch(text)
    return match is not None and match[1] in variables


def _is_path(text: str) -> bool:
    try:
        parse_path(text)
    except PathError:
        return False
    return True


def _jsonata_suffixes(value: Any, pointer: Pointer) -> Iterator[Finding]:
    if isinstance(value, list):
        for place, entry in enumerate(value):
            yield from _jsonata_suffixes(entry, pointer / place)
    elif isinstance(value, dict):
        for key, entry in value.items():
            if key.endswith(".$") and isinstance(entry, str) and entry.startswith(("$", "States.")):
                yield Finding(
                    "spurious-path-suffix",
                    pointer / key,
                    f"The key '{key}' ends with '.$', which means nothing in JSONata.",
                    f'Write "{key[:-2]}": "{{% … %}}".',
                    at_key=True,
                    severity=Severity.WARNING,
                )
            else:
                yield from _jsonata_suffixes(entry, pointer / key)
    elif isinstance(value, str) and (value.startswith("$states.") or _INTRINSIC.fullmatch(value)):
        yield Finding(
            "missing-path-suffix",
            pointer,
            f"'{value}' is sent as this text: in JSONata an expression stands in '{{% %}}'.",
            f'Write "{{% {value} %}}".',
            severity=Severity.WARNING,
        )


# The parameters


@dataclass(frozen=True)
class _Call:
    """One call's parameters."""

    call: ServiceCall
    subject: Subject

    def check(self) -> Iterator[Finding]:
        wanted = request_type(self.call.integration)
        yield from self._value(self.call.template, wanted, self.call.pointer, ())
        if self.call.integration.waits_for_token and not _hands_out_token(self.call.template):
            yield Finding(
                "missing-task-token",
                self.call.state.pointer / "Resource",
                "The state waits for its task token, and hands the token to nobody.",
                'Send it: "TaskToken.$": "$$.Task.Token" (JSONata: $states.context.Task.Token).',
            )

    def _value(self, value: Any, wanted: Type, pointer: Pointer, where: tuple[str, ...]) -> Iterator[Finding]:
        """Check a value that stands in the template."""
        if isinstance(wanted, Unknown | UnionType):
            return
        if isinstance(value, str) and jsonata.is_expression(value):
            if self.call.state.query_language == "JSONata":
                yield from self._given(pointer, wanted, pointer, where, value)
            return
        if isinstance(value, dict) and isinstance(wanted, StructureType):
            yield from self._structure(value, wanted, pointer, where)
        elif isinstance(value, dict) and isinstance(wanted, MapType):
            for key, entry in value.items():
                yield from self._member(key, entry, wanted.value, pointer, where)
        elif isinstance(value, list) and isinstance(wanted, ListType):
            for place, entry in enumerate(value):
                yield from self._value(entry, wanted.item, pointer / place, where)
        else:
            yield from self._literal(value, wanted, pointer, where)

    def _member(
        self, key: str, value: Any, wanted: Type, pointer: Pointer, where: tuple[str, ...]
    ) -> Iterator[Finding]:
        is_path = key.endswith(".$") and self.call.state.query_language != "JSONata"
        name = key[:-2] if is_path else key
        if is_path:
            if _is_read(value):
                yield from self._given(pointer / key, wanted, pointer / key, (*where, name), value)
        else:
            yield from self._value(value, wanted, pointer / key, (*where, name))

    def _structure(
        self, value: dict[str, Any], wanted: StructureType, pointer: Pointer, where: tuple[str, ...]
    ) -> Iterator[Finding]:
        given: set[str] = set()
        for key, entry in value.items():
            name = key[:-2] if key.endswith(".$") and self.call.state.query_language != "JSONata" else key
            member = wanted.members.get(name)
            if member is None:
                finding = self._unknown(name, wanted, pointer / key, where)
                given.add(differs_by_case(name, wanted.members) or nearest(name, wanted.members) or name)
                if finding is not None:
                    yield finding
                continue
            given.add(name)
            yield from self._member(key, entry, member.type, pointer, where)
        yield from self._missing(given, wanted, pointer, where)

    def _unknown(
        self, name: str, wanted: StructureType, pointer: Pointer, where: tuple[str, ...]
    ) -> Finding | None:
        if wanted.rest is not None:
            return None
        place = (
            f"'{'.'.join(where)}' of {self.call.integration.name}" if where else self.call.integration.name
        )
        message = f"{place} has no parameter '{name}'."
        cased = differs_by_case(name, wanted.members)
        if cased is not None:
            return Finding("wrong-case-parameter", pointer, message, f"Did you mean '{cased}'?", at_key=True)
        elsewhere = _places_of(name, request_type(self.call.integration), wanted)
        meant = nearest(name, wanted.members)
        if elsewhere and meant is None:
            advice = f"It belongs to {' or '.join(elsewhere[:3])}."
            return Finding("misplaced-parameter", pointer, message, advice, at_key=True)
        if meant is None and (owner := _call_that_takes(name, self.call.integration, wanted)):
            advice = f"It belongs to {owner}; this call cannot change it."
            return Finding("misplaced-parameter", pointer, message, advice, at_key=True)
        advice = f"Did you mean '{meant}'?" if meant else f"It has {listed(wanted.members)}."
        return Finding("unknown-parameter", pointer, message, advice, at_key=True)

    def _missing(
        self, given: set[str], wanted: StructureType, pointer: Pointer, where: tuple[str, ...]
    ) -> Iterator[Finding]:
        members = wanted.members
        for name, member in members.items():
            if member.presence is not Presence.ALWAYS or name in given:
                continue
            if isinstance(members, ShapeMembers):
                if given.intersection(members.alternatives(name)):
                    continue
                if members.is_token(name):
                    is_jsonata = self.call.state.query_language == "JSONata"
                    token = f'"{name}": "{{% $uuid() %}}"' if is_jsonata else f'"{name}.$": "States.UUID()"'
                    yield Finding(
                        "missing-idempotency-token",
                        pointer,
                        f"{self.call.integration.name} wants '{name}': Step Functions makes no token for SDK calls.",
                        f"Write {token}, or what makes a retry the same call.",
                        at_key=True,
                    )
                    continue
            place = (
                f"'{'.'.join(where)}' of {self.call.integration.name}"
                if where
                else self.call.integration.name
            )
            yield Finding(
                "missing-parameter",
                pointer,
                f"{place} lacks the parameter '{name}'.",
                f"It is {_a(describe(member.type))}.",
                at_key=True,
            )

    def _given(
        self, at: Pointer, wanted: Type, pointer: Pointer, where: tuple[str, ...], text: Any
    ) -> Iterator[Finding]:
        """Check a value that a path, an intrinsic function or an expression gives."""
        actual = self.subject.facts.values.get(at)
        if actual is None:
            return
        severity = mismatch(actual, wanted)
        if severity is None:
            return
        name = ".".join(where) or "the call"
        if isinstance(actual, ListType) and _is_indefinite(text) and not isinstance(wanted, ListType):
            yield Finding(
                "indefinite-path",
                pointer,
                f"'{text}' gives a list; '{name}' is {_a(describe(wanted))}.",
                "Name the one value by fields and indexes; '*', '..' and filters always give a list.",
            )
            return
        yield Finding(
            "mistyped-parameter",
            pointer,
            f"'{name}' of {self.call.integration.name} is {_a(describe(wanted))}; '{text}' gives {_a(describe(actual))}.",
            severity=severity,
        )

    def _literal(
        self, value: Any, wanted: Type, pointer: Pointer, where: tuple[str, ...]
    ) -> Iterator[Finding]:
        """Check a value that is sent as it stands, and is no object or list that the shape has."""
        if isinstance(value, str) and (_PLACEHOLDER.search(value) or _looks_read(value, frozenset())):
            return
        name = ".".join(where) or "the call"
        severity = literal_mismatch(value, wanted)
        if severity is not None:
            yield Finding(
                "mistyped-parameter",
                pointer,
                f"'{name}' of {self.call.integration.name} is {_a(describe(wanted))}, not {_a(describe(of_value(value)))}.",
                severity=severity,
            )
        elif (
            isinstance(wanted, ScalarType)
            and wanted.values
            and isinstance(value, str)
            and value not in wanted.values
        ):
            meant = nearest(value, wanted.values)
            yield Finding(
                "unknown-enum-value",
                pointer,
                f"'{value}' is none of the values that '{name}' takes.",
                f"Did you mean '{meant}'?" if meant else f"It takes {listed(wanted.values)}.",
                severity=Severity.ERROR if meant else None,
            )


def _is_indefinite(text: Any) -> bool:
    return (
        isinstance(text, str) and text.startswith("$") and any(mark in text for mark in ("..", "*", "?", ":"))
    )


def literal_mismatch(value: Any, wanted: Type) -> Severity | None:
    """Return how wrong a literal is for a parameter: None when it fits.

    Step Functions writes numbers and booleans as strings, and reads them from strings, where the API wants
    that; an object where a string is wanted is sent as JSON (evidence: documentation, "Passing parameters").
    """
    if value is None or isinstance(wanted, Unknown | UnionType):
        return None
    if not isinstance(wanted, ScalarType):
        return Severity.WARNING if _is_attribute_value(wanted) else Severity.ERROR
    if isinstance(value, dict | list):
        return Severity.WARNING if Kind.STRING in wanted.kinds else Severity.ERROR
    if isinstance(value, bool):
        return None if Kind.BOOLEAN in wanted.kinds else _loose(wanted)
    if isinstance(value, int | float):
        return None if Kind.NUMBER in wanted.kinds or wanted.format == "timestamp" else _loose(wanted)
    if Kind.STRING in wanted.kinds:
        return None
    if Kind.NUMBER in wanted.kinds:
        return Severity.WARNING if _NUMBER.fullmatch(value) else Severity.ERROR
    return Severity.WARNING if value in ("true", "false") else Severity.ERROR


def _is_attribute_value(wanted: Type) -> bool:
    """Tell whether a parameter is a DynamoDB value, which documents give bare and which works."""
    return isinstance(wanted, StructureType) and wanted.name.endswith(" AttributeValue")


def _loose(wanted: ScalarType) -> Severity:
    return Severity.WARNING if Kind.STRING in wanted.kinds else Severity.ERROR


def mismatch(actual: Type, wanted: Type) -> Severity | None:
    """Return how wrong a type is for a parameter: None when a value of it may fit."""
    if isinstance(wanted, Unknown | UnionType) or is_open(actual):
        return None
    if isinstance(actual, UnionType):
        found = [mismatch(option, wanted) for option in actual.options]
        return None if None in found else Severity.WARNING if Severity.WARNING in found else Severity.ERROR
    if isinstance(wanted, ScalarType):
        return _scalar_mismatch(actual, wanted)
    if isinstance(actual, ScalarType):
        if Kind.NULL in actual.kinds:
            return None
        return Severity.WARNING if _is_attribute_value(wanted) else Severity.ERROR
    if isinstance(wanted, ListType):
        return None if isinstance(actual, ListType) else Severity.ERROR
    return Severity.ERROR if isinstance(actual, ListType) else None


def _scalar_mismatch(actual: Type, wanted: ScalarType) -> Severity | None:
    if not isinstance(actual, ScalarType):
        if isinstance(actual, ListType) and not actual.exact and Kind.STRING in wanted.kinds:
            return Severity.ERROR
        return Severity.WARNING if Kind.STRING in wanted.kinds else Severity.ERROR
    if actual.kinds & wanted.kinds or Kind.NULL in actual.kinds or wanted.format == "timestamp":
        return None
    # A number or boolean is written as a string, a string that holds one is read (documentation).
    return Severity.WARNING


def _a(text: str) -> str:
    return f"{'an' if text[:1] in 'aeiou' else 'a'} {text}"


def _hands_out_token(template: Any) -> bool:
    if isinstance(template, dict):
        return any(_hands_out_token(value) for value in template.values())
    if isinstance(template, list):
        return any(_hands_out_token(value) for value in template)
    if not isinstance(template, str):
        return False
    return (
        "Task.Token" in template
        or "Task['Token']" in template
        or template.strip() in ("$$", "$$.Task")
        or (jsonata.is_expression(template) and "context" in template)
    )


MAKING: Final = ("register", "create", "put")
"""How the calls begin that say what a thing is; others only use it."""


def _call_that_takes(name: str, integration: Integration, wanted: StructureType) -> str:
    """Return the call of the same service that takes a member of this name about the same thing; empty if none does.

    `Image` is no member of RunTask's ContainerOverride, but of RegisterTaskDefinition's ContainerDefinition.
    """
    found = operation(integration)
    subject = _subject(wanted)
    if found is None or not subject:
        return ""
    service, _ = found
    for action, call in sorted(service.actions.items(), key=lambda entry: not entry[0].startswith(MAKING)):
        if action == integration.action or call.input is None:
            continue
        for place, kind in _structures(service.type_of(call.input, integration.style, request=True)):
            if name in kind.members and _subject(kind) == subject:
                return f"'{'.'.join((*place, name))}' of aws-sdk:{service.name}:{action}"
    return ""


def _subject(kind: StructureType) -> str:
    """Return what a shape is about, by the first word of its name: `Container` of `ecs ContainerOverride`."""
    words = re.findall(r"[A-Z][a-z0-9]+", kind.name.rpartition(" ")[2])
    return words[0] if len(words) > 1 else ""


def _structures(kind: Type, most: int = 300) -> Iterator[tuple[tuple[str, ...], StructureType]]:
    """Yield the structures inside a request with their places, nearest the top first; each shape once."""
    queue: list[tuple[Type, tuple[str, ...]]] = [(kind, ())]
    seen: set[object] = set()
    while queue and most > 0:
        here, path = queue.pop(0)
        most -= 1
        if isinstance(here, ListType):
            queue.append((here.item, (*path[:-1], f"{path[-1]}[]") if path else path))
        elif isinstance(here, MapType):
            queue.append((here.value, (*path, "*")))
        elif isinstance(here, StructureType) and (here.key is None or here.key not in seen):
            seen.add(here.key)
            yield path, here
            queue += [(member.type, (*path, key)) for key, member in here.members.items()]


def _places_of(name: str, kind: Type, apart_from: Type) -> list[str]:
    """Return where in a request a member of this name stands, nearest the top first."""
    return [
        f"'{'.'.join((*place, name))}'"
        for place, here in _structures(kind)
        if name in here.members and here is not apart_from
    ]
