"""A state in JSONata: Arguments, the work, Assign, Output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from states_language.document import (
    Choice,
    Fail,
    Map,
    Parallel,
    Pass,
    Succeed,
    Task,
    Wait,
)
from states_language.flow import jsonata
from states_language.flow.context import context_type
from states_language.flow.facts import Environment, Purpose
from states_language.flow.step import Outcome, Step, assigned, call_result, item_of
from states_language.flow.templates import (
    Frame,
    read_expression,
    read_template,
)
from states_language.integrations import ERROR_OUTPUT
from states_language.types import (
    ListType,
    Type,
    Unknown,
    structure,
)

if TYPE_CHECKING:
    from states_language.pointer import Pointer


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


class JsonataStep(Step):
    """A state in JSONata."""

    def outcome(self) -> Outcome:
        """Follow the data through the state."""
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
        return call_result(self.state, frame, self.fields.get("Arguments"), self.at("Arguments"), sent)

    def _map(self, frame: Frame) -> Type:
        item = self.reader_item()
        if item is None:
            items = self.here.data
            if "Items" in self.fields:
                items = read_template(frame, self.fields["Items"], self.at("Items"))
            item = item_of(items)
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
