"""What the flow finds out about a document; the rules judge it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from states_language.document import State, Task
    from states_language.flow.resolution import Resolution
    from states_language.integrations import Integration
    from states_language.intrinsics import Call
    from states_language.paths import Path
    from states_language.pointer import Pointer
    from states_language.types import Source, StructureType, Type


class Purpose(StrEnum):
    """What a path is read for: what its value must be."""

    VALUE = "value"
    """A member of a payload template: any value."""
    PATH = "path"
    """InputPath, OutputPath and ResultPath: any value."""
    ITEMS = "items"
    """A list (or an object) that a Map goes over."""
    PRESENCE = "presence"
    """A test that the path may fail: `IsPresent`."""
    TEST = "test"
    """The value that a Choice tests: one value."""
    NUMBER = "number"
    STRING = "string"
    TIMESTAMP = "timestamp"
    ARGUMENT = "argument"
    """An argument of an intrinsic function."""
    PART = "part"
    """A path inside a larger JSONata expression, which may be made for its absence."""


@dataclass(frozen=True, slots=True)
class Environment:
    """What a state can read: its raw input and the variables."""

    data: Type
    variables: StructureType


@dataclass(frozen=True, slots=True)
class Read:
    """A path that a state reads, and what it finds there."""

    state: State
    pointer: Pointer
    path: Path
    resolution: Resolution
    purpose: Purpose
    offset: int = 0
    """Where the path begins in the field's text: not 0 inside an intrinsic function."""
    scope: Pointer | None = None


@dataclass(frozen=True, slots=True)
class IntrinsicCall:
    """A call of an intrinsic function, with the types of its arguments."""

    state: State
    pointer: Pointer
    call: Call
    arguments: tuple[Type, ...]


@dataclass(frozen=True, slots=True)
class BadSyntax:
    """A text that is no path, or no intrinsic call."""

    state: State
    pointer: Pointer
    text: str
    message: str
    offset: int
    is_intrinsic: bool = False


@dataclass(frozen=True, slots=True)
class ServiceCall:
    """A Task's call: the template as it is written, and the type of what is sent."""

    state: Task
    integration: Integration
    template: Any
    pointer: Pointer
    """Of the template."""
    type: Type


@dataclass(frozen=True, slots=True)
class PayloadTemplate:
    """A payload template that was filled in: for the rules about `.$`."""

    state: State
    pointer: Pointer
    value: Any
    is_arguments: bool = False
    """Whether it is what an integration takes, whose members have types of their own."""


@dataclass
class Facts:
    """All that the flow found, in the order of the document."""

    reads: list[Read] = field(default_factory=list)
    intrinsics: list[IntrinsicCall] = field(default_factory=list)
    syntax: list[BadSyntax] = field(default_factory=list)
    calls: list[ServiceCall] = field(default_factory=list)
    templates: list[PayloadTemplate] = field(default_factory=list)
    entries: dict[Pointer, Environment] = field(default_factory=dict)
    """What each state that can be reached receives."""
    results: dict[Pointer, Type] = field(default_factory=dict)
    """What each state's work gives, before ResultSelector."""
    outputs: dict[Pointer, Type] = field(default_factory=dict)
    values: dict[Pointer, Type] = field(default_factory=dict)
    """The type of the value that each `.$` of a template gives, and each JSONata expression."""
    objects: list[Source] = field(default_factory=list)
    """Unknown data into which a ResultPath writes: it is an object."""
