"""What the work of a state has in common in both query languages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from states_language.document import (
    Map,
    Parallel,
    StateMachine,
    Task,
)
from states_language.flow.facts import Environment, ServiceCall
from states_language.flow.templates import (
    Frame,
    read_template,
)
from states_language.integrations import parse_resource, result_type
from states_language.types import (
    NUMBER,
    STRING,
    ListType,
    Member,
    Presence,
    Source,
    StructureType,
    Type,
    Unknown,
    list_of,
    structure,
)

if TYPE_CHECKING:
    from states_language.flow.scopes import Analyzer
    from states_language.pointer import Pointer


_S3_ALWAYS: Final = {
    "Etag": STRING,
    "Key": STRING,
    "LastModified": NUMBER,
    "Size": NUMBER,
    "StorageClass": STRING,
}
_S3_SOMETIMES: Final = ("ChecksumAlgorithm", "ChecksumType", "Owner", "RestoreStatus", "VersionId")
OPAQUE_MEMBERS: Final = ("Payload", "Output", "ResponseBody")
"""Members of answers in which any data may stand."""

S3_OBJECT: Final = StructureType(
    {
        **{name: Member(kind) for name, kind in _S3_ALWAYS.items()},
        **{name: Member(Unknown("not documented"), Presence.OPTIONAL) for name in _S3_SOMETIMES},
    },
    name="S3 object of an ItemReader",
)
"""An item of `s3:listObjectsV2`; evidence: documentation (developer guide, "ItemReader")."""
WRITTEN_RESULT: Final = structure(
    {"MapRunArn": STRING, "ResultWriterDetails": structure({"Bucket": STRING, "Key": STRING})},
    "result of a ResultWriter",
    rest=Unknown("what else a ResultWriter gives"),
)


@dataclass(slots=True)
class Outcome:
    """What leaves a state: the environments on its edges, and its output where it ends its scope."""

    edges: list[tuple[str, Environment]] = field(default_factory=list)
    output: Type | None = None


@dataclass(frozen=True)
class Scope:
    """What the states of one scope share."""

    machine: StateMachine
    execution_input: Type
    item: Type | None = None


class Step:
    """One state's work in a frame; the two query languages differ in how fields are read."""

    def __init__(self, analyzer: Analyzer, scope: Scope, frame: Frame):
        self.analyzer = analyzer
        self.scope = scope
        self.frame = frame
        self.state = frame.state
        self.fields = frame.state.fields
        self.here = Environment(frame.data, frame.variables)

    def at(self, name: str) -> Pointer:
        """Return the place of one of the state's fields."""
        return self.state.pointer / name

    def ending(self, outcome: Outcome, output: Type, variables: StructureType) -> Outcome:
        """Send the output on the state's normal edge, or out of the scope."""
        if self.frame.facts is not None:
            self.frame.facts.outputs[self.state.pointer] = output
        if self.state.next is not None:
            outcome.edges.append((self.state.next, Environment(output, variables)))
        if self.state.is_terminal:
            outcome.output = output
        return outcome

    def note_result(self, result: Type) -> None:
        """Note what the state's work gives."""
        if self.frame.facts is not None:
            self.frame.facts.results[self.state.pointer] = result

    def branches(self, data: Type) -> Type:
        """Run a Parallel's branches on their input; return the list of their outputs."""
        assert isinstance(self.state, Parallel)  # noqa: S101 - its callers know
        entry = Environment(data, self.here.variables)
        outputs: list[Type] = []
        for branch in self.state.branches:
            scope = Scope(branch, self.scope.execution_input, self.scope.item)
            output = self.analyzer.run(scope, entry, self.frame.facts)
            outputs.append(Unknown("the branch never ends well") if output is None else output)
        return list_of(outputs)

    def iterations(self, item: Type, data: Type) -> Type:
        """Run a Map's processor on one item's input; return the list of its outputs."""
        assert isinstance(self.state, Map)  # noqa: S101 - its callers know
        processor = self.state.processor
        if processor is None:
            return Unknown("the Map has no processor")
        if self.state.is_distributed:
            child: Type = Unknown("a child execution's input")
            scope = Scope(processor, child, item)
            entry = Environment(data, StructureType({}))
        else:
            scope = Scope(processor, self.scope.execution_input, item)
            entry = Environment(data, self.here.variables)
        output = self.analyzer.run(scope, entry, self.frame.facts)
        writer = self.fields.get("ResultWriter")
        if isinstance(writer, dict) and "Resource" in writer:
            return WRITTEN_RESULT
        return ListType(Unknown("the iteration never ends well") if output is None else output)

    def reader_item(self) -> Type | None:
        """Return the type of an item that an ItemReader gives; None without one."""
        reader = self.fields.get("ItemReader")
        if not isinstance(reader, dict):
            return None
        resource = reader.get("Resource")
        settings = reader.get("ReaderConfig")
        is_plain = not (isinstance(settings, dict) and "Transformation" in settings)
        if isinstance(resource, str) and resource.endswith(":s3:listObjectsV2") and is_plain:
            return S3_OBJECT
        return Unknown("an item that an ItemReader reads")


def item_of(items: Type) -> Type:
    """Return the type of an item that a Map goes over."""
    if isinstance(items, ListType):
        return items.item
    if isinstance(items, Unknown):
        return items.below("*")
    return Unknown("an item of what is no list")


def call_result(state: Task, frame: Frame, template: Any, pointer: Pointer, sent: Type) -> Type:
    """Note a Task's call; return the type of its result."""
    integration = parse_resource(state.resource)
    if frame.facts is not None:
        frame.facts.calls.append(ServiceCall(state, integration, template, pointer, sent))
    return _answer(result_type(integration), str(state.pointer), frame)


def _answer(kind: Type, place: str, frame: Frame) -> Type:
    """Return a call's result with what the contract says of it; what stays unknown remembers where it came from."""
    known = frame.answers.get(place)
    if isinstance(kind, Unknown):
        return known or Unknown(kind.reason, (Source(place),))
    if not isinstance(kind, StructureType):
        return kind
    for name in OPAQUE_MEMBERS:
        member = kind.members.get(name)
        if member is not None and isinstance(member.type, Unknown):
            told = known.members.get(name) if isinstance(known, StructureType) else None
            inner = Unknown(member.type.reason, (Source(place, (name,)),)) if told is None else told.type
            kind = kind.with_member(name, Member(inner, member.presence))
    return kind


def assigned(fields: Any, pointer: Pointer, frame: Frame, variables: StructureType) -> StructureType:
    """Return the variables after an `Assign`."""
    if not isinstance(template := fields.get("Assign"), dict):
        return variables
    values = read_template(frame, template, pointer / "Assign")
    if isinstance(values, StructureType):
        for name, member in values.members.items():
            variables = variables.with_member(name, Member(member.type, Presence.ALWAYS))
    return variables
