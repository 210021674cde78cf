"""The shapes of AWS's APIs, from a compact index of botocore's models.

The index (`data/shapes.index`) holds every service, each compressed on its own, so that a check reads
only the services that a document names, and botocore is not needed at run time. `shape_index.py` writes it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

from states_language.naming import (
    Style,
    action_name,
    added_member_names,
    member_names,
    sdk_error_prefix,
)
from states_language.types import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    STRING,
    TIMESTAMP,
    Kind,
    ListType,
    MapType,
    Member,
    Presence,
    ScalarType,
    StructureType,
    Type,
    Unknown,
)

INDEX: Final = Path(__file__).with_name("data") / "shapes.index"
FORMAT: Final = 1
Reference = int | str
"""A shape: its place in the service's list, or a letter for a plain scalar (`SCALARS`)."""

BLOB: Final = Unknown("a blob")
DOCUMENT: Final = Unknown("a document type: any JSON")
SCALARS: Final[Mapping[str, Type]] = {
    "s": STRING,
    "i": INTEGER,
    "f": NUMBER,
    "b": BOOLEAN,
    "t": TIMESTAMP,
    "x": BLOB,
    "d": DOCUMENT,
}


class ShapeIndexError(Exception):
    """The index is missing or was written by another version; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of an API, by botocore's names."""

    name: str
    input: Reference | None
    output: Reference | None
    errors: tuple[str, ...]


@dataclass(frozen=True)
class Service:
    """One service of the index."""

    name: str
    """As an `aws-sdk:` Resource writes it: `ecs`, `sfn`, `secretsmanager`."""
    folder: str
    """botocore's name for it: `stepfunctions`."""
    service_id: str
    shapes: list[list[Any]]
    raw_operations: Mapping[str, list[Any]]
    errors: tuple[str, ...]
    """The shapes of all errors of the service."""

    @cached_property
    def actions(self) -> Mapping[str, Operation]:
        """The operations by the name that a Resource gives them: `runTask`."""
        return {
            action_name(name): Operation(name, entry[0], entry[1], tuple(entry[2]))
            for name, entry in self.raw_operations.items()
        }

    @cached_property
    def error_prefix(self) -> str:
        """What stands before the dot in an `aws-sdk:` error name: `Ecs`."""
        return sdk_error_prefix(self.service_id)

    @cached_property
    def _types(self) -> dict[tuple[Reference, Style, bool], Type]:
        return {}

    def type_of(self, reference: Reference | None, style: Style, *, request: bool = False) -> Type:
        """Return the type of a shape under a naming rule; structures expand when they are looked into.

        In a request what is not required is `OPTIONAL`, and idempotency tokens are required under the
        `aws-sdk` rule, since Step Functions generates none.
        """
        if reference is None:
            return StructureType({}, name=f"empty answer of {self.name}")
        if isinstance(reference, str):
            return SCALARS[reference]
        key = (reference, style, request)
        known = self._types.get(key)
        if known is None:
            known = self._types[key] = self._build(reference, style, request)
        return known

    def _build(self, reference: int, style: Style, request: bool) -> Type:
        entry = self.shapes[reference]
        kind = entry[0]
        if kind == "e":
            return ScalarType(frozenset({Kind.STRING}), tuple(entry[2]))
        if kind == "S":
            members = ShapeMembers(self, reference, style, request)
            return StructureType(
                members, name=f"{self.name} {entry[1]}", key=(self.name, reference, style, request)
            )
        inner = self.type_of(entry[1], style, request=request)  # no list or map of AWS holds itself directly
        return ListType(inner) if kind == "L" else MapType(inner)

    def shape_name(self, reference: Reference | None) -> str:
        """Return botocore's name of a shape; empty for scalars, lists and maps."""
        return (
            self.shapes[reference][1]
            if isinstance(reference, int) and self.shapes[reference][0] in "Se"
            else ""
        )


class ShapeMembers(Mapping[str, Member]):
    """The members of an API's structure by their names in ASL; each is read when it is asked for."""

    __slots__ = ("_members", "_names", "_reference", "_request", "_service", "_style", "_tokens")

    def __init__(self, service: Service, reference: int, style: Style, request: bool):
        self._service = service
        self._reference = reference
        self._style = style
        self._request = request
        self._members: dict[str, Member] = {}
        self._names: dict[str, str] | None = None

    @property
    def _entry(self) -> list[Any]:
        return self._service.shapes[self._reference]

    def _known(self) -> dict[str, str]:
        if self._names is None:
            _, shape, members, *_ = self._entry
            folder = self._service.folder
            self._names = {
                name: member
                for member in members
                for name in member_names(self._style, folder, shape, member)
            }
            self._names.update(dict.fromkeys(added_member_names(self._style, folder, shape), ""))
        return self._names

    def __getitem__(self, name: str) -> Member:
        known = self._members.get(name)
        if known is None:
            member = self._known()[name]
            known = self._members[name] = self._read(member)
        return known

    def _read(self, member: str) -> Member:
        if not member:  # added by the SDK; always a string
            return Member(STRING, Presence.OPTIONAL)
        _, _, members, required, tokens = self._entry
        kind = self._service.type_of(members[member], self._style, request=self._request)
        sure = member in required or (self._request and self._style is Style.SDK and member in tokens)
        return Member(kind, Presence.ALWAYS if sure else Presence.OPTIONAL)

    def is_token(self, name: str) -> bool:
        """Tell whether the member is an idempotency token."""
        return self._known().get(name) in self._entry[4]

    def alternatives(self, name: str) -> tuple[str, ...]:
        """Return every name under which the member may be written, this one too."""
        member = self._known()[name]
        return tuple(other for other, value in self._known().items() if value == member)

    def __iter__(self) -> Iterator[str]:
        return iter(self._known())

    def __len__(self) -> int:
        return len(self._known())


@dataclass(frozen=True)
class ShapeIndex:
    """The services of the index; each is read from the file when it is first asked for."""

    path: Path
    version: str
    """The version of botocore whose models these are."""
    places: Mapping[str, list[Any]]
    """Service name -> [offset, length, botocore's folder, serviceId]."""
    start: int

    @cached_property
    def _loaded(self) -> dict[str, Service]:
        return {}

    @cached_property
    def folders(self) -> Mapping[str, str]:
        """The name of each service by botocore's folder: `stepfunctions -> sfn`."""
        return {place[2]: name for name, place in self.places.items()}

    def service(self, name: str) -> Service | None:
        """Return a service by the name that an `aws-sdk:` Resource gives it; None: the index has none."""
        service = self._loaded.get(name)
        if service is None and (place := self.places.get(name)) is not None:
            with self.path.open("rb") as file:
                file.seek(self.start + place[0])
                data = json.loads(zlib.decompress(file.read(place[1])))
            service = self._loaded[name] = Service(
                name, place[2], place[3], data["shapes"], data["operations"], tuple(data["errors"])
            )
        return service

    def by_folder(self, folder: str) -> Service | None:
        """Return a service by botocore's name for it."""
        name = self.folders.get(folder)
        return None if name is None else self.service(name)


@cache
def load(path: Path = INDEX) -> ShapeIndex:
    """Open the index. Raises `ShapeIndexError` where it cannot be read."""
    try:
        with path.open("rb") as file:
            header = file.readline()
            start = file.tell()
        head = json.loads(header)
        if head["format"] != FORMAT:
            raise ShapeIndexError(f"{path} has the format {head['format']}, not {FORMAT}; regenerate it.")
    except (OSError, ValueError, KeyError) as error:
        raise ShapeIndexError(f"{path} cannot be read ({error}); regenerate it.") from error
    return ShapeIndex(path, head["botocore"], head["services"], start)
