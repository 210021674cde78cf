"""Find the state machines that a file holds, those inside templates too."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

from states_language.pointer import ROOT, Pointer
from states_language.sources.errors import SourceError
from states_language.sources.reading import parse, parse_json, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from states_language.sources.parsed import Parsed

STATE_MACHINES: Final = ("AWS::StepFunctions::StateMachine", "AWS::Serverless::StateMachine")


@dataclass(frozen=True)
class Definition:
    """One state machine: the document, and where it stands."""

    parsed: Parsed
    value: Any
    prefix: Pointer = ROOT
    """Where the document begins, in the file's value."""
    name: str = ""
    """The logical ID of its resource, in a template."""
    parts: tuple[_Part, ...] = ()
    """The pieces of the template's strings that make up its text, where it is text inside a template."""
    embedded: Parsed | None = None

    @property
    def file(self) -> str:
        """The file that holds it."""
        return self.parsed.file

    def locate(self, pointer: Pointer, offset: int = 0, *, at_key: bool = False) -> tuple[int, int]:
        """Return line and column, in the file, of a place in the document."""
        if self.embedded is None:
            return self.parsed.locate(Pointer((*self.prefix.steps, *pointer.steps)), offset, at_key=at_key)
        spot = self.embedded.spot(pointer)
        inner = spot.key if at_key and spot.key >= 0 else spot.value
        if offset and not at_key:
            inner += self.embedded.width(spot, offset)
        for part in self.parts:
            if part.start <= inner < part.end:
                return self.parsed.locate(part.pointer, inner - part.start)
        return self.parsed.locate(self.prefix)

    def line(self, number: int) -> str:
        """Return a line of the file."""
        return self.parsed.line(number)


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece of a text inside a template: its offsets in the text, and the string that holds it."""

    start: int
    end: int
    pointer: Pointer


def read_file(path: Path) -> list[Definition]:
    """Return the state machines of a file. Raises `SourceError`."""
    return find_definitions(parse(read_text(path), str(path)), path.parent)


def find_definitions(parsed: Parsed, folder: Path | None = None) -> list[Definition]:
    """Return the state machines that a file holds: itself, or those of a CloudFormation or SAM template.

    Raises `SourceError` where it holds none.
    """
    value = parsed.value
    if isinstance(value, dict) and isinstance(value.get("Resources"), dict) and "States" not in value:
        return [
            definition
            for name, resource in value["Resources"].items()
            if isinstance(resource, dict) and resource.get("Type") in STATE_MACHINES
            for definition in _of_resource(parsed, name, resource, folder)
        ]
    if isinstance(value, dict):
        return [Definition(parsed, value)]
    kind = {list: "list", str: "text", bool: "boolean", type(None): "null"}.get(type(value), "number")
    raise SourceError(f"A state machine is an object; this file holds a {kind}.", parsed.file, 1, 1)


def _of_resource(parsed: Parsed, name: str, resource: Any, folder: Path | None) -> Iterator[Definition]:
    properties = resource.get("Properties")
    if not isinstance(properties, dict):
        return
    at = ROOT / "Resources" / name / "Properties"
    substitutions = properties.get("DefinitionSubstitutions")
    known = substitutions if isinstance(substitutions, dict) else {}
    definition = properties.get("Definition")
    if isinstance(definition, dict):
        yield Definition(parsed, _substituted(_filled(definition), known), at / "Definition", name)
    if "DefinitionString" in properties:
        yield _of_text(parsed, name, properties["DefinitionString"], at / "DefinitionString", known)
    for key in ("DefinitionUri", "DefinitionS3Location"):
        path = None if folder is None else _beside(properties.get(key), folder)
        if path is not None:
            for found in read_file(path):
                yield Definition(found.parsed, _substituted(found.value, known), found.prefix, name)


def _beside(place: Any, folder: Path) -> Path | None:
    """Return the file that a definition's place names, where it is there: a local path, or the last part of a key."""
    if isinstance(place, dict):
        place = place.get("Key")
        place = place.rpartition("/")[2] if isinstance(place, str) else None
    if not isinstance(place, str) or not place or not (folder / place).is_file():
        return None
    return folder / place


def _of_text(parsed: Parsed, name: str, written: Any, at: Pointer, known: Mapping[str, Any]) -> Definition:
    pieces = list(_pieces(written, at))
    text = "".join(piece for piece, _ in pieces)
    starts = [0, *accumulate(len(piece) for piece, _ in pieces)]
    parts = tuple(
        _Part(start, start + len(piece), pointer)
        for start, (piece, pointer) in zip(starts, pieces, strict=False)
        if pointer is not None
    )
    try:
        embedded = parse_json(text, parsed.file)
    except SourceError as error:
        offset = sum(len(line) + 1 for line in text.split("\n")[: max(error.line - 1, 0)]) + error.column - 1
        part = next((part for part in parts if part.start <= offset < part.end), None)
        place = parsed.locate(part.pointer, offset - part.start) if part and error.line else parsed.locate(at)
        raise SourceError(f"DefinitionString of {name}: {error.message}", parsed.file, *place) from error
    value = _substituted(embedded.value, known)
    return Definition(parsed, value, at, name, parts, embedded)


def _pieces(written: Any, at: Pointer) -> Iterator[tuple[str, Pointer | None]]:
    """Yield the pieces of a text that a template puts together, each with its place; what it fills in is `${…}`."""
    if isinstance(written, str):
        yield written, at
    elif isinstance(written, dict) and len(written) == 1:
        ((function, argument),) = written.items()
        if function == "Fn::Sub":
            text, place = (
                (argument[0], at / function / 0)
                if isinstance(argument, list) and argument
                else (argument, at / function)
            )
            yield (text, place) if isinstance(text, str) else ("", None)
        elif (
            function == "Fn::Join"
            and isinstance(argument, list)
            and len(argument) == 2
            and isinstance(argument[1], list)
        ):
            for index, entry in enumerate(argument[1]):
                if index and isinstance(argument[0], str):
                    yield argument[0], None
                yield from _pieces(entry, at / function / 1 / index)
        elif function == "Fn::ToJsonString":
            yield json.dumps(_filled(argument)), None
        else:
            yield _token(function, argument), None


def _token(function: str, argument: Any) -> str:
    words = argument if isinstance(argument, list) else [argument]
    name = ".".join(word for word in words if isinstance(word, str))
    return "${" + re.sub(r"[^A-Za-z0-9_:.]", "", name or function) + "}"


def _filled(value: Any) -> Any:
    """Return a template's object in which the functions that CloudFormation evaluates stand as `${…}`."""
    if isinstance(value, dict):
        if len(value) == 1:
            (key,) = value
            if key == "Ref" or key.startswith("Fn::"):
                return "".join(piece for piece, _ in _pieces(value, ROOT))
        return {key: _filled(entry) for key, entry in value.items()}
    return [_filled(entry) for entry in value] if isinstance(value, list) else value


def _substituted(value: Any, known: Mapping[str, Any]) -> Any:
    """Return the document with the substitutions that are literals filled in, where a string is nothing else."""
    literals = {f"${{{name}}}": entry for name, entry in known.items() if isinstance(entry, str)}
    if not literals:
        return value

    def fill(entry: Any) -> Any:
        if isinstance(entry, dict):
            return {key: fill(inner) for key, inner in entry.items()}
        if isinstance(entry, list):
            return [fill(inner) for inner in entry]
        return literals.get(entry, entry) if isinstance(entry, str) else entry

    return fill(value)
