"""Rules about the calls of intrinsic functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from states_language.diagnostics import Finding, Severity
from states_language.intrinsics import MAXIMUM_CALLS, SIGNATURES, Constant, JsonType
from states_language.spelling import listed, nearest
from states_language.types import (
    Kind,
    ListType,
    MapType,
    ScalarType,
    StructureType,
    Type,
    UnionType,
    describe,
    is_open,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from states_language.flow import IntrinsicCall
    from states_language.rules.subject import Subject

_SCALARS: Final = {
    JsonType.STRING: Kind.STRING,
    JsonType.NUMBER: Kind.NUMBER,
    JsonType.BOOLEAN: Kind.BOOLEAN,
}


def check(subject: Subject) -> Iterator[Finding]:
    """Report calls that fail: `States.IntrinsicFailure`, or a definition that is refused."""
    for bad in subject.facts.syntax:
        if bad.is_intrinsic:
            yield Finding("invalid-intrinsic", bad.pointer, f"'{bad.text}': {bad.message}", offset=bad.offset)
    for call in subject.facts.intrinsics:
        yield from _call(call)


def _call(found: IntrinsicCall) -> Iterator[Finding]:
    call = found.call
    if call.offset == 0 and call.count > MAXIMUM_CALLS:
        yield Finding(
            "wrong-intrinsic-arguments",
            found.pointer,
            f"A field holds at most {MAXIMUM_CALLS} intrinsic functions; this one holds {call.count}.",
            "Split it over several Pass states.",
        )
    signature = SIGNATURES.get(call.name)
    if signature is None:
        meant = nearest(call.name, SIGNATURES)
        yield Finding(
            "unknown-intrinsic",
            found.pointer,
            f"There is no intrinsic function '{call.name}'.",
            f"Did you mean '{meant}'?" if meant else f"There are {listed(SIGNATURES, most=30)}.",
            call.offset,
        )
        return
    if fault := signature.arity_fault(len(call.arguments)):
        yield Finding("wrong-intrinsic-arguments", found.pointer, f"{fault}.", offset=call.offset)
        return
    for place, kind in enumerate(found.arguments):
        parameter = signature.parameter(place)
        if parameter is None:
            continue
        argument = call.arguments[place]
        value = argument.value if isinstance(argument, Constant) else None
        if not _fits(kind, parameter.type):
            text = f"'{parameter.name}' of {call.name} is {_name(parameter.type)}, not {_a(describe(kind))}."
        elif parameter.choices and isinstance(value, str) and value not in parameter.choices:
            text = f"'{parameter.name}' of {call.name} is one of {listed(parameter.choices)}, not '{value}'."
        else:
            continue
        yield Finding("mistyped-intrinsic-argument", found.pointer, text, offset=call.argument_offsets[place])
    yield from _special(found)


def _special(found: IntrinsicCall) -> Iterator[Finding]:
    call = found.call
    if call.name == "States.Format" and isinstance(call.arguments[0], Constant):
        places = max(len(call.arguments[0].template) - 1, 0)
        given = len(call.arguments) - 1
        if places != given and call.arguments[0].template:
            yield Finding(
                "wrong-intrinsic-arguments",
                found.pointer,
                f"The template has {places} places '{{}}', and {given} values are given.",
                "Give one value for each; a brace that is text is written '\\\\{'.",
                call.offset,
            )
    if (
        call.name == "States.JsonMerge"
        and isinstance(call.arguments[2], Constant)
        and call.arguments[2].value is True
    ):
        yield Finding(
            "mistyped-intrinsic-argument",
            found.pointer,
            "States.JsonMerge only merges shallowly: its third argument must be false.",
            offset=call.argument_offsets[2],
            severity=Severity.ERROR,
        )


def _name(kind: JsonType) -> str:
    return _a({"array": "list"}.get(kind.value, kind.value))


def _a(text: str) -> str:
    return text if text.startswith("any") else f"{'an' if text[:1] in 'aeiou' else 'a'} {text}"


def _fits(kind: Type, wanted: JsonType) -> bool:
    if wanted is JsonType.ANY or is_open(kind):
        return True
    if isinstance(kind, UnionType):
        return any(_fits(option, wanted) for option in kind.options)
    if wanted is JsonType.ARRAY:
        return isinstance(kind, ListType)
    if wanted is JsonType.OBJECT:
        return isinstance(kind, StructureType | MapType)
    return isinstance(kind, ScalarType) and _SCALARS[wanted] in kind.kinds
