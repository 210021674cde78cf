"""What a state that is written in JSONPath does with its data."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from states_language.interpreter.choice import holds
from states_language.interpreter.data import Outcome, View, check_size, shortened, to_text
from states_language.interpreter.errors import (
    INTRINSIC_FAILURE,
    RESULT_PATH_MATCH_FAILURE,
    RUNTIME,
    StateFailure,
)
from states_language.intrinsics import (
    IntrinsicError,
    IntrinsicFailure,
    evaluate_intrinsic,
    parse_intrinsic,
)
from states_language.paths import PathError, PathNotFound, Root, evaluate, parse_path, set_reference_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

    from states_language.document import Catcher, ChoiceRule, State
    from states_language.paths import Path

_ROOTS = {Root.INPUT: "input", Root.CONTEXT: "context object", Root.VARIABLE: "variable"}


@dataclass(frozen=True, slots=True)
class PathView(View):
    """What paths see: `$`, `$$` and the variables."""

    parameters: ClassVar[str] = "Parameters"

    value: Any
    context: Any
    variables: Mapping[str, Any]
    random: Random

    def seeing(self, value: Any) -> PathView:
        """Return the view in which `$` is another value."""
        return PathView(value, self.context, self.variables, self.random)

    def within(self, context: Any) -> PathView:
        """Return the view in which `$$` is another value."""
        return replace(self, context=context)

    def entered(self, fields: Mapping[str, Any]) -> PathView:
        """Apply `InputPath`."""
        return self.seeing(self.selected(fields, "InputPath")) if "InputPath" in fields else self

    # Expressions

    def path(self, text: Any, field: str) -> Any:
        """Return what a path leads to; `field` is named in the failure."""
        try:
            path = parse_path(text)
        except PathError as error:
            raise StateFailure(RUNTIME, f"Invalid path '{text}' : {error.message}") from error
        return self._follow(path, field)

    def expression(self, text: str, field: str) -> Any:
        """Return the value of a path or an intrinsic call, as a field that ends in `.$` holds it."""
        if text.startswith("$"):
            return self.path(text, field)
        try:
            call = parse_intrinsic(text)
        except IntrinsicError as error:
            raise StateFailure(
                RUNTIME,
                f"The value '{text}' of the field '{field}' is no path and no intrinsic: {error.message}",
            ) from error
        try:
            return evaluate_intrinsic(call, lambda path: self._follow(path, field), self.random)
        except IntrinsicFailure as failure:
            raise StateFailure(INTRINSIC_FAILURE, failure.message) from failure

    def fill(self, template: Any, field: str = "") -> Any:
        """Replace every field whose name ends in `.$` by what its path or intrinsic gives."""
        if isinstance(template, dict):
            filled = {}
            for key, item in template.items():
                if key.endswith(".$") and isinstance(item, str):
                    filled[key[:-2]] = self.expression(item, key)
                else:
                    filled[key] = self.fill(item, key)
            return filled
        if isinstance(template, list):
            return [self.fill(item, field) for item in template]
        return template

    def field(self, fields: Mapping[str, Any], name: str) -> Any:
        """Return a field, or what the path (for Error and Cause: or intrinsic) of `…Path` gives."""
        path = f"{name}Path"
        return self.expression(fields[path], path) if path in fields else fields.get(name)

    def items(self, fields: Mapping[str, Any]) -> Any:
        """Apply `ItemsPath`."""
        return self.path(fields.get("ItemsPath", "$"), "ItemsPath")

    def rule_holds(self, rule: ChoiceRule) -> bool:
        """Decide a rule by its operators."""
        return holds(rule.fields, self.path)

    def _follow(self, path: Path, field: str) -> Any:
        if path.root is Root.INPUT:
            root = self.value
        elif path.root is Root.CONTEXT:
            root = self.context
        elif path.variable is not None and path.variable in self.variables:
            root = self.variables[path.variable]
        else:
            raise StateFailure(
                RUNTIME, f"The variable '${path.variable}' of the field '{field}' has no value."
            )
        try:
            return evaluate(path, root)
        except PathNotFound as missing:
            # Evidence for error name and wording: recorded (AWS workshops, "could not be found in the input"), for
            # Parameters too, where the specification says States.ParameterPathFailure.
            raise StateFailure(
                RUNTIME,
                f"The JSONPath '{path.text}' specified for the field '{field}' could not be found in the "
                f"{_ROOTS[path.root]} '{shortened(root)}'",
            ) from missing

    # Results

    def passed(self, state: State) -> Outcome:
        """Apply InputPath, Parameters or Result, Assign, ResultPath and OutputPath."""
        fields = state.fields
        effective = self.entered(fields)
        result = effective.fill(fields["Parameters"]) if "Parameters" in fields else effective.value
        if "Result" in fields:
            result = fields["Result"]
        return self._placed(state, result, self.seeing(result).assigned(fields))

    def left(self, state: State, rule: Mapping[str, Any] | None = None) -> Outcome:
        """Apply Assign, of the state or the rule, and OutputPath."""
        return self._output(state, self.value, self.assigned(state.fields if rule is None else rule))

    def finished(self, state: State, result: Any) -> Outcome:
        """Apply Assign, ResultSelector, ResultPath and OutputPath."""
        # Assign sees the raw result, before ResultSelector (evidence: emulator).
        seen = self.seeing(result)
        assigned = seen.assigned(state.fields)
        if "ResultSelector" in state.fields:
            result = seen.fill(state.fields["ResultSelector"])
        return self._placed(state, result, assigned)

    def caught(self, catcher: Catcher, error_output: dict[str, str]) -> Outcome:
        """Apply the catcher's Assign and ResultPath. OutputPath does not apply (evidence: emulator)."""
        assigned = self.seeing(error_output).assigned(catcher.fields)
        output = place_result(self.value, error_output, catcher.result_path)
        return Outcome(output, catcher.next, assigned)

    def assigned(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Evaluate `Assign`, all of it with the variables as they were."""
        template = fields.get("Assign")
        return self.fill(template) if template else {}

    def _placed(self, state: State, result: Any, assigned: dict[str, Any]) -> Outcome:
        output = place_result(self.value, result, state.fields.get("ResultPath", "$"))
        return self._output(state, output, assigned)

    def _output(self, state: State, output: Any, assigned: dict[str, Any]) -> Outcome:
        if "OutputPath" in state.fields:
            check_size(to_text(output), state.name)
            output = self.seeing(output).selected(state.fields, "OutputPath")
        return Outcome(output, state.next, assigned)

    def selected(self, fields: Mapping[str, Any], name: str) -> Any:
        """Apply `InputPath` or `OutputPath`: an empty object where the document says null."""
        text = fields[name]
        return {} if text is None else self.path(text, name)


def place_result(raw_input: Any, result: Any, path: str | None) -> Any:
    """Apply `ResultPath`: put the result into the state's raw input, in its stead, or nowhere."""
    if path == "$":
        return result
    if path is None:
        return raw_input
    try:
        return set_reference_path(raw_input, parse_path(path), result)
    except PathError as error:
        raise StateFailure(RUNTIME, f"Invalid path '{path}' : {error.message}") from error
    except (PathNotFound, ValueError) as error:
        raise StateFailure(
            RESULT_PATH_MATCH_FAILURE,
            f'Unable to apply step "{path}" to input {shortened(raw_input)}: {error}',
        ) from error
