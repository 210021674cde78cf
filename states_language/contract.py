"""The contract of an execution's input: a JSON Schema, read as a type, or inferred from what a document reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from states_language.document import StateMachine
from states_language.flow import Obstacle, Purpose, analyze
from states_language.types import (
    BOOLEAN,
    CONTRACT,
    INTEGER,
    NULL,
    NUMBER,
    STRING,
    ListType,
    MapType,
    Member,
    Presence,
    ScalarType,
    Source,
    StructureType,
    Type,
    UnionType,
    Unknown,
    union,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from states_language.flow import Read

_SCALARS: Final[Mapping[str, ScalarType]] = {
    "string": STRING,
    "number": NUMBER,
    "integer": INTEGER,
    "boolean": BOOLEAN,
    "null": NULL,
}
DEEPEST_SCHEMA: Final = 32


ANSWERS: Final = "answers"
"""The key of `$defs` under which a contract describes the answers that no API's shape does."""


# From a schema to a type


def answers_of_schema(schema: Any) -> dict[str, Type]:
    """Return what a contract says of answers, by the pointers of the states and fields that give them."""
    definitions = schema.get("$defs") if isinstance(schema, dict) else None
    answers = definitions.get(ANSWERS) if isinstance(definitions, dict) else None
    if not isinstance(answers, dict):
        return {}
    return {place: type_of_schema(entry, schema, 1) for place, entry in answers.items()}


def type_of_schema(schema: Any, root: Any = None, depth: int = 0) -> Type:
    """Return the type of the values that a JSON Schema describes.

    Structure, types and presence are read, patterns and ranges are not. An object that names its properties
    has no others, unless it says `additionalProperties: true`: a contract lists what a document may read.
    """
    root = schema if root is None else root
    if not isinstance(schema, dict) or depth > DEEPEST_SCHEMA:
        return Unknown("the contract says nothing of it")
    if isinstance(reference := schema.get("$ref"), str):
        return type_of_schema(_referred(root, reference), root, depth + 1)
    for key in ("anyOf", "oneOf"):
        if isinstance(schema.get(key), list) and schema[key] and "properties" not in schema:
            return union(type_of_schema(entry, root, depth + 1) for entry in schema[key])
    if isinstance(values := schema.get("enum"), list) and values and "type" not in schema:
        return union(_literal(value) for value in values)
    if "const" in schema and "type" not in schema:
        return _literal(schema["const"])
    kinds = schema.get("type", "object" if "properties" in schema else None)
    if isinstance(kinds, list) and kinds:
        return union(_of_kind(kind, schema, root, depth) for kind in kinds)
    return _of_kind(kinds, schema, root, depth)


def _literal(value: Any) -> Type:
    if isinstance(value, str):
        return ScalarType(STRING.kinds, (value,))
    return NULL if value is None else BOOLEAN if isinstance(value, bool) else NUMBER


def _referred(root: Any, reference: str) -> Any:
    here = root
    for escaped in reference.removeprefix("#").split("/")[1:]:
        step = escaped.replace("~1", "/").replace("~0", "~")
        if not isinstance(here, dict) or step not in here:
            return None
        here = here[step]
    return here if reference.startswith("#") else None


def _of_kind(kind: Any, schema: dict[str, Any], root: Any, depth: int) -> Type:
    if kind == "object":
        return _object(schema, root, depth)
    if kind == "array":
        minimum = schema.get("minItems")
        return ListType(
            type_of_schema(schema.get("items"), root, depth + 1),
            minimum=minimum if isinstance(minimum, int) else 0,
        )
    if kind == "string" and isinstance(values := schema.get("enum"), list):
        return ScalarType(STRING.kinds, tuple(value for value in values if isinstance(value, str)))
    return (
        _SCALARS.get(kind, Unknown("the contract says nothing of it"))
        if isinstance(kind, str)
        else Unknown("the contract says nothing of it")
    )


def _object(schema: dict[str, Any], root: Any, depth: int) -> Type:
    others = schema.get("additionalProperties")
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        if isinstance(others, dict):
            return MapType(type_of_schema(others, root, depth + 1))
        return StructureType({}, Unknown("the contract names no properties"), "input", CONTRACT)
    required = schema.get("required")
    required = required if isinstance(required, list) else []
    members = {
        name: Member(
            type_of_schema(entry, root, depth + 1),
            Presence.ALWAYS if name in required else Presence.OPTIONAL,
        )
        for name, entry in properties.items()
    }
    rest = Unknown("the contract allows more") if others is True or isinstance(others, dict) else None
    return StructureType(members, rest, "execution input" if depth == 0 else "part of the input", CONTRACT)


# From a document to a schema


@dataclass
class _Node:
    """One place of the input, as a document reads it."""

    kinds: set[str] = field(default_factory=set)
    properties: dict[str, _Node] = field(default_factory=dict)
    items: _Node | None = None
    is_read: bool = False
    is_tested: bool = False

    def at(self, steps: tuple[str, ...]) -> _Node:
        here = self
        for step in steps:
            if step == "*":
                here.items = here.items or _Node()
                here = here.items
            else:
                here = here.properties.setdefault(step, _Node())
        return here

    def schema(self) -> dict[str, Any]:
        if self.items is not None:
            return {"type": "array", "items": self.items.schema()}
        if self.properties:
            required = [name for name, node in self.properties.items() if node.is_required]
            return {
                "type": "object",
                **({"required": required} if required else {}),
                "properties": {name: node.schema() for name, node in self.properties.items()},
            }
        if self.kinds == {"object"}:
            return {"type": "object", "properties": {}}
        return {"type": next(iter(self.kinds))} if len(self.kinds) == 1 else {}

    @property
    def is_required(self) -> bool:
        inner = [*self.properties.values(), *([self.items] if self.items else [])]
        return not self.is_tested and (self.is_read or any(node.is_required for node in inner))


_KINDS: Final = {Purpose.NUMBER: "number", Purpose.STRING: "string", Purpose.TIMESTAMP: "string"}
_TESTS: Final = {"String": "string", "Numeric": "number", "Boolean": "boolean", "Timestamp": "string"}


def infer(document: Any) -> dict[str, Any]:
    """Return a JSON Schema of the input that a document reads: a contract to start from.

    What it reads of answers that no API describes (a function's, a string read as JSON) stands under
    `$defs/answers`, by the pointer of the state or field that gives it.

    What is read is a property; it is required unless a Choice asks whether it is there. Types come from what
    a value is used for, where that tells. Raises `DocumentError` where the document is no state machine.
    """
    machine = StateMachine.of(document)
    facts = analyze(machine)
    roots: dict[str, _Node] = {"": _Node()}
    for read in facts.reads:
        for source in _sources(read):
            if source.steps:
                node = roots.setdefault(source.root, _Node()).at(source.steps)
                _note(node, read, document)
    for source in facts.objects:
        roots.setdefault(source.root, _Node()).at(source.steps).kinds.add("object")
    root = roots.pop("")
    schema = root.schema() if root.properties or root.items else {"type": "object", "properties": {}}
    if roots:
        schema["$defs"] = {ANSWERS: {place: node.schema() for place, node in roots.items()}}
    return {"$schema": "http://json-schema.org/draft-07/schema#", **schema}


def _note(node: _Node, read: Read, document: Any) -> None:
    """Note at a place of the data how a path reads it."""
    if read.purpose is Purpose.PRESENCE:
        node.is_tested = True
        return
    node.is_read = True
    if read.purpose is Purpose.ITEMS:
        node.items = node.items or _Node()
    if (kind := _KINDS.get(read.purpose) or _tested_kind(read, document)) is not None:
        node.kinds.add(kind)


def _sources(read: Read) -> tuple[Source, ...]:
    kind = read.resolution.type
    if isinstance(kind, UnionType):
        kind = next((option for option in kind.options if isinstance(option, Unknown)), kind)
    if isinstance(kind, Unknown):
        return kind.sources
    if isinstance(kind, StructureType) and kind.rest is not None:
        return kind.rest.sources
    for gap in read.resolution.gaps:  # a test narrowed the value, and it came from the input all the same
        if gap.obstacle is Obstacle.OPEN and isinstance(gap.parent, StructureType) and gap.parent.rest:
            return gap.parent.rest.below(gap.name).sources
    return ()


def _tested_kind(read: Read, document: Any) -> str | None:
    if read.purpose is not Purpose.TEST:
        return None
    test = document
    for step in read.pointer.parent.steps:
        test = test[step]
    if not isinstance(test, dict):
        return None
    for operator in test:
        for prefix, kind in _TESTS.items():
            if operator.startswith(prefix):
                return kind
    return None
