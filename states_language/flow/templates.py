"""Payload templates: the types of what they give, with every path that they read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from states_language.flow import jsonata
from states_language.flow.facts import BadSyntax, Facts, IntrinsicCall, PayloadTemplate, Purpose, Read
from states_language.flow.resolution import Resolution, follow, follow_variable
from states_language.intrinsics import SIGNATURES, Call, Constant, IntrinsicError, JsonType, parse_intrinsic
from states_language.paths import Path, PathError, Root, parse_path
from states_language.types import (
    BOOLEAN,
    INTEGER,
    STRING,
    ListType,
    Member,
    Source,
    StructureType,
    Type,
    Unknown,
    list_of,
    of_value,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from states_language.document import State
    from states_language.pointer import Pointer


@dataclass(frozen=True, slots=True)
class Frame:
    """What a field of a state can read."""

    state: State
    data: Type
    """`$`"""
    context: Type
    """`$$`"""
    variables: StructureType
    facts: Facts | None
    """Where findings go; None while the fixed point is sought."""
    scope: Pointer
    is_jsonata: bool
    answers: Mapping[str, Type]
    """What the contract says of data that no shape describes, by the place that gives it."""

    def with_data(self, data: Type) -> Frame:
        """Return the frame in which `$` is something else."""
        return self if data is self.data else replace(self, data=data)

    def with_variables(self, variables: StructureType) -> Frame:
        """Return the frame with other variables."""
        return self if variables is self.variables else replace(self, variables=variables)


def resolve(frame: Frame, path: Path) -> Resolution:
    """Follow a path in a frame."""
    if path.root is Root.INPUT:
        return follow(frame.data, path.steps)
    if path.root is Root.CONTEXT:
        return follow(frame.context, path.steps)
    return follow_variable(frame.variables, path)


def read_path(frame: Frame, text: str, pointer: Pointer, purpose: Purpose) -> Type:
    """Return the type of what a path gives."""
    try:
        path = parse_path(text)
    except PathError as error:
        if frame.facts is not None:
            frame.facts.syntax.append(BadSyntax(frame.state, pointer, text, error.message, error.offset))
        return Unknown("the path cannot be read")
    return _read(frame, path, pointer, purpose, 0)


def _read(frame: Frame, path: Path, pointer: Pointer, purpose: Purpose, offset: int) -> Type:
    found = resolve(frame, path)
    if frame.facts is not None:
        frame.facts.reads.append(Read(frame.state, pointer, path, found, purpose, offset, frame.scope))
    return found.type


def is_intrinsic(text: str) -> bool:
    """Tell whether a text is written as a call of an intrinsic function."""
    return text.startswith("States.") or (not text.startswith("$") and text.rstrip().endswith(")"))


def read_value(frame: Frame, text: str, pointer: Pointer, purpose: Purpose = Purpose.VALUE) -> Type:
    """Return the type of a path, or of an intrinsic function's result."""
    if text.startswith("$"):
        kind = read_path(frame, text, pointer, purpose)
    elif is_intrinsic(text):
        kind = _read_intrinsic(frame, text, pointer)
    else:
        return Unknown("neither a path nor an intrinsic function")
    if frame.facts is not None:
        frame.facts.values[pointer] = kind
    return kind


def _read_intrinsic(frame: Frame, text: str, pointer: Pointer) -> Type:
    try:
        call = parse_intrinsic(text)
    except IntrinsicError as error:
        if frame.facts is not None:
            frame.facts.syntax.append(
                BadSyntax(frame.state, pointer, text, error.message, error.offset, is_intrinsic=True)
            )
        return Unknown("the intrinsic function cannot be read")
    return _call(frame, call, pointer)


def _call(frame: Frame, call: Call, pointer: Pointer) -> Type:
    arguments: list[Type] = []
    for place, argument in enumerate(call.arguments):
        if isinstance(argument, Constant):
            arguments.append(of_value(argument.value))
        elif isinstance(argument, Call):
            arguments.append(_call(frame, argument, pointer))
        else:
            arguments.append(_read(frame, argument, pointer, Purpose.ARGUMENT, call.argument_offsets[place]))
    if frame.facts is not None:
        frame.facts.intrinsics.append(IntrinsicCall(frame.state, pointer, call, tuple(arguments)))
    if call.name == "States.StringToJson":
        source = Source(str(pointer))
        return frame.answers.get(source.root) or Unknown("a string that is read as JSON", (source,))
    return intrinsic_result(call, arguments)


_RESULTS: Mapping[JsonType, Type] = {
    JsonType.STRING: STRING,
    JsonType.NUMBER: INTEGER,
    JsonType.BOOLEAN: BOOLEAN,
    JsonType.ARRAY: ListType(Unknown("an intrinsic function's items")),
    JsonType.OBJECT: Unknown("an intrinsic function's object"),
    JsonType.ANY: Unknown("an intrinsic function's result"),
}


def intrinsic_result(call: Call, arguments: list[Type]) -> Type:
    """Return the type of what an intrinsic function gives for arguments of these types."""
    special = _SPECIAL.get(call.name)
    if special is not None and arguments:
        return special(call, arguments)
    signature = SIGNATURES.get(call.name)
    return (
        Unknown(f"{call.name} is no intrinsic function") if signature is None else _RESULTS[signature.result]
    )


def _item(kind: Type) -> Type:
    return kind.item if isinstance(kind, ListType) else Unknown("an item of what is not known")


def _get_item(call: Call, arguments: list[Type]) -> Type:
    index = call.arguments[1] if len(call.arguments) > 1 else None
    array = arguments[0]
    place = index.value if isinstance(index, Constant) else None
    if isinstance(array, ListType) and isinstance(place, int) and 0 <= place < len(array.items):
        return array.items[place]
    return _item(array)


def _merge(_: Call, arguments: list[Type]) -> Type:
    first, second = (*arguments, Unknown("missing"), Unknown("missing"))[:2]
    if isinstance(first, StructureType) and isinstance(second, StructureType):
        if second.rest is None and all(member.presence == "always" for member in second.members.values()):
            return StructureType({**first.members, **second.members}, first.rest)
        return StructureType({**first.members, **second.members}, Unknown("merged objects"))
    return Unknown("merged objects")


_SPECIAL: Mapping[str, Callable[[Call, list[Type]], Type]] = {
    "States.Array": lambda _, arguments: list_of(arguments),
    "States.ArrayPartition": lambda _, arguments: ListType(ListType(_item(arguments[0]), minimum=1)),
    "States.ArrayGetItem": _get_item,
    "States.ArrayUnique": lambda _, arguments: ListType(_item(arguments[0])),
    "States.ArrayRange": lambda _, __: ListType(INTEGER),
    "States.StringSplit": lambda _, __: ListType(STRING),
    "States.JsonMerge": _merge,
}


def read_template(frame: Frame, value: Any, pointer: Pointer, *, is_arguments: bool = False) -> Type:
    """Return the type of what a payload template gives."""
    if frame.facts is not None:
        frame.facts.templates.append(PayloadTemplate(frame.state, pointer, value, is_arguments))
    return _fill(frame, value, pointer)


def _fill(frame: Frame, value: Any, pointer: Pointer) -> Type:
    if isinstance(value, dict):
        members: dict[str, Member] = {}
        for key, entry in value.items():
            if not frame.is_jsonata and key.endswith(".$"):
                if isinstance(entry, str):
                    members[key[:-2]] = Member(read_value(frame, entry, pointer / key))
                continue
            members[key] = Member(_fill(frame, entry, pointer / key))
        return StructureType(members)
    if isinstance(value, list):
        return list_of([_fill(frame, entry, pointer / place) for place, entry in enumerate(value)])
    if frame.is_jsonata and isinstance(value, str) and jsonata.is_expression(value):
        return read_expression(frame, value, pointer)
    return of_value(value)


def read_expression(frame: Frame, text: Any, pointer: Pointer, purpose: Purpose = Purpose.VALUE) -> Type:
    """Return the type of a JSONata expression `{% … %}`, as far as it is followed."""
    if not jsonata.is_expression(text):
        return of_value(text)
    expression = jsonata.read(text)
    if isinstance(expression, jsonata.Reference):
        found = jsonata.follow_reference(expression, frame.variables)
        if frame.facts is not None:
            frame.facts.reads.append(
                Read(frame.state, pointer, expression.path, found, purpose, expression.offset, frame.scope)
            )
        kind = found.type
    else:
        kind = expression
        _read_parts(frame, text, pointer)
    if frame.facts is not None:
        frame.facts.values[pointer] = kind
    return kind


def _read_parts(frame: Frame, text: str, pointer: Pointer) -> None:
    """Note the plain paths into `$states` inside an expression that is not followed as a whole."""
    if frame.facts is None:
        return
    for part in jsonata.references_in(text):
        if part.path.variable == "states" and len(part.path.steps) > 1:
            found = jsonata.follow_reference(part, frame.variables)
            frame.facts.reads.append(
                Read(frame.state, pointer, part.path, found, Purpose.PART, part.offset, frame.scope)
            )
