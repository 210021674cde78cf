"""How data goes through each kind of state, and through a scope to a fixed point."""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from states_language.document import (
    Catcher,
    Choice,
    Fail,
    Map,
    Parallel,
    Pass,
    State,
    StateMachine,
    Succeed,
    Task,
    Wait,
)
from states_language.flow import jsonata
from states_language.flow.context import context_type
from states_language.flow.facts import Environment, Facts, Purpose, ServiceCall
from states_language.flow.narrowing import merge, narrow
from states_language.flow.resolution import put
from states_language.flow.templates import (
    Frame,
    read_expression,
    read_path,
    read_template,
    read_value,
)
from states_language.integrations import ERROR_OUTPUT, parse_resource, result_type
from states_language.paths import PathError, parse_path
from states_language.types import (
    NUMBER,
    STRING,
    TIMESTAMP,
    ListType,
    Member,
    Origin,
    Presence,
    Source,
    StructureType,
    Type,
    UnionType,
    Unknown,
    forget,
    join,
    list_of,
    of_value,
    structure,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from states_language.pointer import Pointer

WIDEN_AFTER: Final = 4
"""Visits of a state after which what still changes becomes unknown."""
GIVE_UP_AFTER: Final = 12
VISITS_PER_STATE: Final = 6
"""Visits, on average, after which every loop's data becomes unknown: the work stays linear in the states."""

INPUT: Final = StructureType(
    {}, Unknown("the execution's input", (Source(""),)), "execution input", Origin("the execution's input")
)
"""The input of an execution without a contract: an object of which nothing is known."""

PATH_FIELDS: Final = {
    "SecondsPath": Purpose.NUMBER,
    "TimestampPath": Purpose.TIMESTAMP,
    "TimeoutSecondsPath": Purpose.NUMBER,
    "HeartbeatSecondsPath": Purpose.NUMBER,
    "MaxConcurrencyPath": Purpose.NUMBER,
    "ToleratedFailureCountPath": Purpose.NUMBER,
    "ToleratedFailurePercentagePath": Purpose.NUMBER,
    "MaxItemsPath": Purpose.NUMBER,
    "MaxItemsPerBatchPath": Purpose.NUMBER,
    "MaxInputBytesPerBatchPath": Purpose.NUMBER,
    "ErrorPath": Purpose.STRING,
    "CausePath": Purpose.STRING,
}
EXPRESSION_FIELDS: Final = {
    "Seconds": Purpose.NUMBER,
    "Timestamp": Purpose.TIMESTAMP,
    "TimeoutSeconds": Purpose.NUMBER,
    "HeartbeatSeconds": Purpose.NUMBER,
    "MaxConcurrency": Purpose.NUMBER,
    "ToleratedFailureCount": Purpose.NUMBER,
    "ToleratedFailurePercentage": Purpose.NUMBER,
    "Error": Purpose.STRING,
    "Cause": Purpose.STRING,
}

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


class Analyzer:
    """Follows the data of one document."""

    def __init__(self, answers: Mapping[str, Type]) -> None:
        self.answers = answers
        """What the contract says of answers that no shape describes, by the place that gives them."""
        self._known: dict[Pointer, tuple[Environment, Type | None, Type | None]] = {}

    # Scopes

    def run(self, scope: Scope, entry: Environment, facts: Facts | None) -> Type | None:
        """Follow a scope's states to a fixed point; return its output's type, None where it never ends well."""
        machine = scope.machine
        known = self._known.get(machine.pointer)
        if facts is None and known is not None and known[0] == entry and known[1] == scope.item:
            return known[2]
        entries, outputs = self._settle(scope, entry)
        if facts is not None:
            facts.scopes.append(machine)
            for name, state in machine.states.items():
                if name in entries:
                    facts.entries[state.pointer] = entries[name]
                    self.step(state, entries[name], scope, facts)
        output: Type | None = None
        for kind in outputs.values():
            output = kind if output is None else join(output, kind)
        self._known[machine.pointer] = (entry, scope.item, output)
        return output

    def _settle(self, scope: Scope, entry: Environment) -> tuple[dict[str, Environment], dict[str, Type]]:
        machine = scope.machine
        start = machine.start_at
        entries: dict[str, Environment] = {}
        outputs: dict[str, Type] = {}
        if start is None or start not in machine.states:
            return entries, outputs
        order = _order(machine)
        entries[start] = entry
        queue = [(order[start], start)]
        queued = {start}
        visits: Counter[str] = Counter()
        budget = VISITS_PER_STATE * len(machine.states)
        while queue:
            _, name = heapq.heappop(queue)
            queued.discard(name)
            visits[name] += 1
            budget -= 1
            outcome = self.step(machine.states[name], entries[name], scope, None)
            if outcome.output is not None:
                outputs[name] = outcome.output
            for target, environment in outcome.edges:
                if target not in machine.states:
                    continue
                before = entries.get(target)
                after = (
                    environment
                    if before is None
                    else _meet(before, environment, target, visits[target] if budget > 0 else GIVE_UP_AFTER)
                )
                if before is None or (after is not before and after != before):
                    entries[target] = after
                    if target not in queued:
                        queued.add(target)
                        heapq.heappush(queue, (order[target], target))
        return entries, outputs

    # States

    def step(self, state: State, here: Environment, scope: Scope, facts: Facts | None) -> Outcome:
        """Follow the data through one state."""
        token = isinstance(state, Task) and parse_resource(state.resource).waits_for_token
        item = scope.item
        frame = Frame(
            state,
            here.data,
            context_type(scope.execution_input, item, state, waits_for_token=token),
            here.variables,
            facts,
            scope.machine.pointer,
            state.query_language == "JSONata",
            self.answers,
        )
        if frame.is_jsonata:
            return _JsonataStep(self, scope, frame).outcome()
        return _JsonpathStep(self, scope, frame).outcome()


def _order(machine: StateMachine) -> dict[str, int]:
    """Return each state's place in an order in which, loops apart, a state comes after those that lead to it."""
    finished: list[str] = []
    seen: set[str] = set()
    for root in (machine.start_at, *machine.states):
        if root is None or root in seen or root not in machine.states:
            continue
        seen.add(root)
        stack = [(root, _targets(machine, root))]
        while stack:
            name, targets = stack[-1]
            target = next((target for target in targets if target not in seen), None)
            if target is None:
                finished.append(name)
                stack.pop()
            elif target in machine.states:
                seen.add(target)
                stack.append((target, _targets(machine, target)))
            else:
                seen.add(target)
    return {name: place for place, name in enumerate(reversed(finished))}


def _targets(machine: StateMachine, name: str) -> Iterator[str]:
    return iter([transition.target for transition in machine.states[name].transitions()])


def _meet(before: Environment, arriving: Environment, at: str, visits: int) -> Environment:
    after = merge(before, arriving, at)
    if visits < WIDEN_AFTER or after == before:
        return after
    if visits >= GIVE_UP_AFTER:
        unknown = Unknown("it changes on each turn of a loop")
        return Environment(unknown, StructureType({}, unknown))
    variables = _widen(before.variables, after.variables)
    return Environment(
        _widen(before.data, after.data),
        variables if isinstance(variables, StructureType) else StructureType({}, Unknown("loop")),
    )


def _widen(before: Type, after: Type) -> Type:
    """Make unknown what changed."""
    if before == after:
        return before
    if isinstance(before, StructureType) and isinstance(after, StructureType) and before.key is None:
        members: dict[str, Member] = {}
        for name, member in after.members.items():
            old = before.members.get(name)
            if old is None or old.type == member.type:
                members[name] = member
            else:
                members[name] = Member(
                    Unknown("it changes on each turn of a loop"), member.presence, member.merged_at
                )
        return StructureType(members, after.rest, after.name, after.origin)
    return Unknown("it changes on each turn of a loop")


class _Step:
    """One state's work in a frame; the two query languages differ in how fields are read."""

    def __init__(self, analyzer: Analyzer, scope: Scope, frame: Frame):
        self.analyzer = analyzer
        self.scope = scope
        self.frame = frame
        self.state = frame.state
        self.fields = frame.state.fields
        self.here = Environment(frame.data, frame.variables)

    def at(self, name: str) -> Pointer:
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


def _item_of(items: Type) -> Type:
    if isinstance(items, ListType):
        return items.item
    if isinstance(items, Unknown):
        return items.below("*")
    return Unknown("an item of what is no list")


def _calls(state: Task, frame: Frame, template: Any, pointer: Pointer, sent: Type) -> Type:
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


class _JsonpathStep(_Step):
    """A state in JSONPath."""

    def outcome(self) -> Outcome:
        outcome = Outcome()
        effective = self._selected("InputPath", self.frame)
        frame = self.frame.with_data(effective)
        self._path_fields(frame, self.fields, self.state.pointer)
        match self.state:
            case Task():
                return self._worked(outcome, self._task(frame))
            case Parallel():
                return self._worked(outcome, self._parallel(frame))
            case Map():
                return self._worked(outcome, self._map(frame))
            case Pass():
                return self._pass(outcome, frame)
            case Choice():
                return self._choice(outcome, frame)
            case Wait() | Succeed():
                variables = self._assigned(self.fields, self.state.pointer, frame)
                return self.ending(outcome, self._selected("OutputPath", frame), variables)
            case Fail():
                return outcome
            case _:
                return self.ending(outcome, Unknown("the state's type is not known"), self.here.variables)

    # Fields

    def _selected(self, name: str, frame: Frame) -> Type:
        """Apply InputPath or OutputPath."""
        text = self.fields.get(name, "$")
        if text is None:
            return StructureType(
                {}, origin=Origin(f"{name} of '{self.state.name}'", frame.data, self.state.name, name)
            )
        if text == "$" or not isinstance(text, str):
            return frame.data
        kind = read_value(frame, text, self.at(name), Purpose.PATH)
        return _replacing(kind, frame.data, self.state.name, name)

    def _path_fields(self, frame: Frame, fields: Any, pointer: Pointer) -> None:
        if frame.facts is None:
            return
        for name, purpose in PATH_FIELDS.items():
            if isinstance(text := fields.get(name), str):
                read_value(frame, text, pointer / name, purpose)
        for name in ("ItemReader", "ItemBatcher", "ResultWriter", "ReaderConfig"):
            if isinstance(inner := fields.get(name), dict):
                self._path_fields(frame, inner, pointer / name)
                for key in ("Parameters", "BatchInput"):
                    if key in inner:
                        read_template(frame, inner[key], pointer / name / key)
        if isinstance(fields.get("Credentials"), dict) and pointer == self.state.pointer:
            read_template(frame, fields["Credentials"], pointer / "Credentials")

    def _assigned(self, fields: Any, pointer: Pointer, frame: Frame) -> StructureType:
        return assigned(fields, pointer, frame, self.here.variables)

    # What the states do

    def _task(self, frame: Frame) -> Type:
        assert isinstance(self.state, Task)  # noqa: S101 - its caller knows
        sent = frame.data
        if "Parameters" in self.fields:
            sent = read_template(frame, self.fields["Parameters"], self.at("Parameters"), is_arguments=True)
        return _calls(self.state, frame, self.fields.get("Parameters"), self.at("Parameters"), sent)

    def _parallel(self, frame: Frame) -> Type:
        data = frame.data
        if "Parameters" in self.fields:
            data = read_template(frame, self.fields["Parameters"], self.at("Parameters"))
        return self.branches(data)

    def _map(self, frame: Frame) -> Type:
        item = self.reader_item()
        if item is None:
            items = frame.data
            if isinstance(text := self.fields.get("ItemsPath"), str):
                items = read_value(frame, text, self.at("ItemsPath"), Purpose.ITEMS)
            item = _item_of(items)
        context = context_type(self.scope.execution_input, item, self.state, waits_for_token=False)
        selecting = replace(frame, context=context)
        data = item
        for name in ("ItemSelector", "Parameters"):
            if name in self.fields:
                data = read_template(selecting, self.fields[name], self.at(name))
                break
        if isinstance(batcher := self.fields.get("ItemBatcher"), dict):
            members: dict[str, Type] = {"Items": ListType(data, minimum=1)}
            if "BatchInput" in batcher:
                silent = replace(frame, context=context, facts=None)
                members["BatchInput"] = read_template(silent, batcher["BatchInput"], self.at("ItemBatcher"))
            data = structure(members, "batch of items")
        return self.iterations(item, data)

    def _worked(self, outcome: Outcome, result: Type) -> Outcome:
        """Send a Task's, Parallel's or Map's result on: ResultSelector, ResultPath, OutputPath, and the catchers."""
        self.note_result(result)
        selected = result
        frame = self.frame
        if "ResultSelector" in self.fields:
            selected = read_template(
                frame.with_data(result), self.fields["ResultSelector"], self.at("ResultSelector")
            )
            selected = _replacing(selected, result, self.state.name, "ResultSelector")
        scratch = frame.with_data(
            selected if selected is result else Unknown("the result, before or after ResultSelector")
        )
        variables = self._assigned(self.fields, self.state.pointer, scratch)
        placed = self._placed(selected)
        self.ending(outcome, self._selected("OutputPath", frame.with_data(placed)), variables)
        for catcher in self.state.catchers:
            self._caught(outcome, catcher)
        return outcome

    def _placed(self, result: Type) -> Type:
        """Apply ResultPath to the raw input."""
        path = self.fields.get("ResultPath", "$")
        if path is None:
            return _replacing(self.here.data, result, self.state.name, "ResultPath", discards=True)
        keys = _keys(path)
        if keys is None:
            return Unknown("ResultPath cannot be read")
        if not keys:
            return _replacing(result, self.here.data, self.state.name, "ResultPath")
        if self.frame.facts is not None and isinstance(self.here.data, Unknown):
            self.frame.facts.objects += self.here.data.sources
        return put(self.here.data, keys, result)

    def _caught(self, outcome: Outcome, catcher: Catcher) -> None:
        variables = self._assigned(catcher.fields, catcher.pointer, self.frame.with_data(ERROR_OUTPUT))
        if catcher.next is None:
            return
        keys = None if catcher.result_path is None else _keys(catcher.result_path)
        if catcher.fields.get("ResultPath", "$") is None:
            data = self.here.data
        elif keys is None:
            data = Unknown("ResultPath cannot be read")
        elif not keys:
            data = _replacing(ERROR_OUTPUT, self.here.data, self.state.name, "Catch")
        else:
            data = put(self.here.data, keys, ERROR_OUTPUT)
        outcome.edges.append((catcher.next, Environment(data, variables)))

    def _pass(self, outcome: Outcome, frame: Frame) -> Outcome:
        if "Parameters" in self.fields:
            result = read_template(frame, self.fields["Parameters"], self.at("Parameters"))
        elif "Result" in self.fields:
            result = of_value(self.fields["Result"])
        else:
            result = frame.data
        self.note_result(result)
        variables = self._assigned(self.fields, self.state.pointer, frame.with_data(result))
        output = self._selected("OutputPath", self.frame.with_data(self._placed(result)))
        return self.ending(outcome, output, variables)

    def _choice(self, outcome: Outcome, frame: Frame) -> Outcome:
        assert isinstance(self.state, Choice)  # noqa: S101 - its caller knows
        here = Environment(frame.data, self.here.variables)
        for rule in self.state.rules:
            self._read_test(rule.fields, here, rule.pointer)
            holding = narrow(rule.fields, here, holds=True)
            variables = self._assigned(rule.fields, rule.pointer, frame.with_data(holding.data))
            if rule.next is not None:
                output = self._selected("OutputPath", frame.with_data(holding.data))
                kept = variables if "Assign" in rule.fields else holding.variables
                outcome.edges.append((rule.next, Environment(output, kept)))
            here = narrow(rule.fields, here, holds=False)
        if self.state.default is not None:
            output = self._selected("OutputPath", frame.with_data(here.data))
            variables = self._assigned(self.fields, self.state.pointer, frame.with_data(here.data))
            kept = variables if "Assign" in self.fields else here.variables
            outcome.edges.append((self.state.default, Environment(output, kept)))
        return outcome

    def _read_test(self, test: Any, here: Environment, pointer: Pointer) -> Environment:
        """Read the paths of a test in the order in which they are evaluated."""
        if self.frame.facts is None or not isinstance(test, dict):
            return here
        for operator, passes in (("And", True), ("Or", False)):
            if isinstance(test.get(operator), list):
                for place, inner in enumerate(test[operator]):
                    self._read_test(inner, here, pointer / operator / place)
                    here = narrow(inner, here, holds=passes)
                return here
        if "Not" in test:
            return self._read_test(test["Not"], here, pointer / "Not")
        frame = self.frame.with_data(here.data).with_variables(here.variables)
        if isinstance(variable := test.get("Variable"), str):
            purpose = Purpose.PRESENCE if "IsPresent" in test else Purpose.TEST
            read_path(frame, variable, pointer / "Variable", purpose)
        for name, value in test.items():
            if name.endswith("Path") and isinstance(value, str):
                read_path(frame, value, pointer / name, Purpose.TEST)
        return here


class _JsonataStep(_Step):
    """A state in JSONata."""

    def outcome(self) -> Outcome:
        outcome = Outcome()
        frame = self._with_states({})
        if frame.facts is not None:
            for name, purpose in EXPRESSION_FIELDS.items():
                if jsonata.is_expression(self.fields.get(name)):
                    read_expression(frame, self.fields[name], self.at(name), purpose)
        match self.state:
            case Task():
                return self._worked(outcome, self._task(frame))
            case Parallel():
                data = self.here.data
                if "Arguments" in self.fields:
                    data = read_template(frame, self.fields["Arguments"], self.at("Arguments"))
                return self._worked(outcome, self.branches(data))
            case Map():
                return self._worked(outcome, self._map(frame))
            case Choice():
                return self._choice(outcome, frame)
            case Fail():
                return outcome
            case Pass() | Wait() | Succeed():
                return self._end(outcome, frame, self.here.data)
            case _:
                return self.ending(outcome, Unknown("the state's type is not known"), self.here.variables)

    def _with_states(self, more: dict[str, Type]) -> Frame:
        states = {"input": self.here.data, "context": self.frame.context, **more}
        return self.frame.with_variables(jsonata.with_states(self.here.variables, states))

    def _end(self, outcome: Outcome, frame: Frame, default: Type) -> Outcome:
        output = self._output(self.fields, self.state.pointer, frame, default)
        variables = assigned(self.fields, self.state.pointer, frame, self.here.variables)
        return self.ending(outcome, output, variables)

    def _output(self, fields: Any, pointer: Pointer, frame: Frame, default: Type) -> Type:
        if "Output" not in fields:
            return default
        return read_template(frame, fields["Output"], pointer / "Output")

    def _task(self, frame: Frame) -> Type:
        assert isinstance(self.state, Task)  # noqa: S101 - its caller knows
        sent: Type = self.here.data
        if "Arguments" in self.fields:
            sent = read_template(frame, self.fields["Arguments"], self.at("Arguments"), is_arguments=True)
        if isinstance(self.fields.get("Credentials"), dict):
            read_template(frame, self.fields["Credentials"], self.at("Credentials"))
        return _calls(self.state, frame, self.fields.get("Arguments"), self.at("Arguments"), sent)

    def _map(self, frame: Frame) -> Type:
        item = self.reader_item()
        if item is None:
            items = self.here.data
            if "Items" in self.fields:
                items = read_template(frame, self.fields["Items"], self.at("Items"))
            item = _item_of(items)
        data = item
        if "ItemSelector" in self.fields:
            context = context_type(self.scope.execution_input, item, self.state, waits_for_token=False)
            selecting = self._with_states({"context": context})
            data = read_template(selecting, self.fields["ItemSelector"], self.at("ItemSelector"))
        if isinstance(batcher := self.fields.get("ItemBatcher"), dict):
            batch: dict[str, Type] = {"Items": ListType(data, minimum=1)}
            if "BatchInput" in batcher:
                batch["BatchInput"] = read_template(
                    frame, batcher["BatchInput"], self.at("ItemBatcher") / "BatchInput"
                )
            data = structure(batch, "batch of items")
        return self.iterations(item, data)

    def _worked(self, outcome: Outcome, result: Type) -> Outcome:
        self.note_result(result)
        self._end(outcome, self._with_states({"result": result}), result)
        for catcher in self.state.catchers:
            frame = self._with_states({"errorOutput": ERROR_OUTPUT})
            output = self._output(catcher.fields, catcher.pointer, frame, ERROR_OUTPUT)
            variables = assigned(catcher.fields, catcher.pointer, frame, self.here.variables)
            if catcher.next is not None:
                outcome.edges.append((catcher.next, Environment(output, variables)))
        return outcome

    def _choice(self, outcome: Outcome, frame: Frame) -> Outcome:
        assert isinstance(self.state, Choice)  # noqa: S101 - its caller knows
        for rule in self.state.rules:
            if "Condition" in rule.fields:
                read_expression(frame, rule.fields["Condition"], rule.pointer / "Condition", Purpose.TEST)
            output = self._output(rule.fields, rule.pointer, frame, self.here.data)
            variables = assigned(rule.fields, rule.pointer, frame, self.here.variables)
            if rule.next is not None:
                outcome.edges.append((rule.next, Environment(output, variables)))
        if self.state.default is not None:
            output = self._output(self.fields, self.state.pointer, frame, self.here.data)
            variables = assigned(self.fields, self.state.pointer, frame, self.here.variables)
            outcome.edges.append((self.state.default, Environment(output, variables)))
        return outcome


def assigned(fields: Any, pointer: Pointer, frame: Frame, variables: StructureType) -> StructureType:
    """Return the variables after an `Assign`."""
    if not isinstance(template := fields.get("Assign"), dict):
        return variables
    values = read_template(frame, template, pointer / "Assign")
    if isinstance(values, StructureType):
        for name, member in values.members.items():
            variables = variables.with_member(name, Member(member.type, Presence.ALWAYS))
    return variables


def _keys(path: Any) -> tuple[str | int, ...] | None:
    """Return the fields and indexes of a ResultPath; None where it is none that can be followed."""
    if not isinstance(path, str):
        return None
    try:
        return parse_path(path).keys
    except PathError:
        return None


def _replacing(kind: Type, before: Type, state: str, reason: str, *, discards: bool = False) -> Type:
    """Remember, in a structure, what it took the place of."""
    if isinstance(kind, UnionType) or not isinstance(kind, StructureType):
        return kind
    if discards and isinstance(before, Unknown):
        return kind
    if kind.origin is not None and kind.origin.state == state and kind.origin.reason == reason:
        return kind
    origin = Origin(kind.origin.text if kind.origin else kind.name, _shallow(before), state, reason)
    return StructureType(kind.members, kind.rest, kind.name, origin, kind.key)


def _shallow(kind: Type) -> Type:
    """Return a type without what it replaced in turn, so that no chain of states is kept."""
    if isinstance(kind, StructureType) and kind.origin is not None and kind.origin.before is not None:
        origin = Origin(kind.origin.text, None, kind.origin.state, kind.origin.reason)
        return StructureType(kind.members, kind.rest, kind.name, origin, kind.key)
    return kind


def analyze(
    machine: StateMachine, execution_input: Type = INPUT, answers: Mapping[str, Type] | None = None
) -> Facts:
    """Follow the data of a document from its execution's input; return what was found.

    `answers` says what calls give that no shape describes, by the pointer of the state.
    """
    facts = Facts()
    entry = Environment(execution_input, StructureType({}))
    try:
        Analyzer(answers or {}).run(Scope(machine, execution_input), entry, facts)
    finally:
        forget()
    return facts


__all__ = ["INPUT", "TIMESTAMP", "analyze"]
