"""A state in JSONPath: InputPath, Parameters, the work, ResultSelector, ResultPath, OutputPath."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from states_language.document import (
    Catcher,
    Choice,
    Fail,
    Map,
    Parallel,
    Pass,
    Succeed,
    Task,
    Wait,
)
from states_language.flow.context import context_type
from states_language.flow.facts import Environment, Purpose
from states_language.flow.narrowing import narrow
from states_language.flow.resolution import put
from states_language.flow.step import Outcome, Step, assigned, call_result, item_of
from states_language.flow.templates import (
    Frame,
    read_path,
    read_template,
    read_value,
)
from states_language.integrations import ERROR_OUTPUT
from states_language.paths import PathError, parse_path
from states_language.types import (
    ListType,
    Origin,
    StructureType,
    Type,
    UnionType,
    Unknown,
    of_value,
    structure,
)

if TYPE_CHECKING:
    from states_language.pointer import Pointer


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


class JsonpathStep(Step):
    """A state in JSONPath."""

    def outcome(self) -> Outcome:
        """Follow the data through the state."""
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
        return call_result(self.state, frame, self.fields.get("Parameters"), self.at("Parameters"), sent)

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
            item = item_of(items)
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
