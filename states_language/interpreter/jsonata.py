"""What a state that is written in JSONata does with its data.

The language itself is the library `jsonata-python`'s, which is optional: without it a document that needs it is
refused. MiniStack, which uses it too, answered 870 of 888 expressions of one user's state machines as AWS did through
TestState, and failed where AWS fails in 258 of 261 cases of the reference suite (ministackorg/ministack#1519).
What surrounds the language here follows the developer guide (page "Transforming data with JSONata").
"""

from __future__ import annotations

import importlib
import importlib.util
import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from states_language.clock import timestamp
from states_language.interpreter.data import Outcome, View, shortened, to_text
from states_language.interpreter.errors import QUERY_EVALUATION_ERROR, StateFailure
from states_language.intrinsics import Call, IntrinsicFailure, evaluate_intrinsic
from states_language.paths import evaluate, parse_path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from random import Random

    from states_language.document import Catcher, ChoiceRule, State

LONGEST_MILLISECONDS = 5_000
"""How long an expression may be computed; AWS has a limit too, of unknown size. Evidence: unverified."""
DEEPEST_RECURSION = 200

_INTRINSICS = {
    "partition": "States.ArrayPartition",
    "range": "States.ArrayRange",
    "hash": "States.Hash",
    "uuid": "States.UUID",
    "parse": "States.StringToJson",
}
"""The functions that Step Functions adds to JSONata, by the intrinsic that does the same."""


def is_available() -> bool:
    """Tell whether the library is installed."""
    return importlib.util.find_spec("jsonata") is not None


@lru_cache(maxsize=2048)
def _compiled(expression: str) -> Any:
    # An object's field is left out when its value is undefined, which a bare result could not be told from null.
    return importlib.import_module("jsonata").Jsonata(f'{{"value": ({expression}\n)}}')


@dataclass(frozen=True, slots=True)
class QueryView(View):
    """What JSONata expressions see: `$states`, and the variables."""

    parameters: ClassVar[str] = "Arguments"

    value: Any
    """`$states.input`."""
    context: Any
    variables: Mapping[str, Any]
    random: Random
    now: datetime
    more: Mapping[str, Any]
    """`$states.result` or `$states.errorOutput`, where there is one."""

    def within(self, context: Any) -> QueryView:
        """Return the view in which `$states.context` is another value."""
        return QueryView(self.value, context, self.variables, self.random, self.now, self.more)

    def entered(self, fields: Mapping[str, Any]) -> QueryView:  # noqa: ARG002 - JSONata selects no input
        """Return this view: JSONata states have no InputPath."""
        return self

    # Expressions

    def fill(self, template: Any, field: str = "") -> Any:
        """Replace every text `{% … %}` by the value of its expression."""
        if isinstance(template, str):
            if template.startswith("{%") and template.endswith("%}") and len(template) >= 4:
                return self._query(template[2:-2].strip(), field)
            return template
        if isinstance(template, dict):
            return {key: self.fill(item, f"{field}/{key}") for key, item in template.items()}
        if isinstance(template, list):
            return [self.fill(item, f"{field}[{position}]") for position, item in enumerate(template)]
        return template

    def field(self, fields: Mapping[str, Any], name: str) -> Any:
        """Return a field, computed where it is an expression."""
        return self.fill(fields.get(name), name)

    def items(self, fields: Mapping[str, Any]) -> Any:
        """Evaluate `Items`."""
        return self.fill(fields["Items"], "Items") if "Items" in fields else self.value

    def rule_holds(self, rule: ChoiceRule) -> bool:
        """Evaluate `Condition`, which must give a boolean."""
        condition = self.fill(rule.fields.get("Condition"), "Condition")
        if not isinstance(condition, bool):
            raise _failure(
                f"The JSONata expression '{rule.fields.get('Condition')}' specified for the field 'Condition' "
                f"returned an unexpected result type. Expected 'boolean', but was {shortened(condition)}.",
                "Condition",
            )
        return condition

    def _query(self, expression: str, field: str) -> Any:
        subject = f"The JSONata expression '{expression}' specified for the field '{field}'"
        library = importlib.import_module("jsonata").Jsonata
        try:
            query = _compiled(expression)
            frame = query.create_frame()
            frame.set_runtime_bounds(LONGEST_MILLISECONDS, DEEPEST_RECURSION)
            for name, value in self._bindings(library.JLambda).items():
                frame.bind(name, value)
            answer = query.evaluate(None, frame)
            found = json.loads(to_text(_plain(answer)))
        except IntrinsicFailure as failure:
            raise _failure(f"{subject} threw an error: {failure.message}", field) from failure
        except Exception as error:
            # Whatever the library raises, the expression cannot be computed.
            raise _failure(f"{subject} threw an error: {error}", field) from error
        if "value" not in found:
            # Evidence for the wording: recorded (LocalStack, evaluate_jsonata and outputdecl snapshots).
            raise _failure(f"{subject} returned nothing (undefined).", field)
        return found["value"]

    def _bindings(self, function: Callable[[Any], Any]) -> dict[str, Any]:
        milliseconds = int(self.now.timestamp() * 1_000)
        return {
            "states": {"input": self.value, "context": self.context, **self.more},
            **{name: function(_intrinsic(intrinsic, self.random)) for name, intrinsic in _INTRINSICS.items()},
            "random": function(self._random),
            "now": function(lambda *_: timestamp(self.now)),
            "millis": function(lambda *_: milliseconds),
            # Step Functions has no $eval (documentation).
            "eval": None,
            **self.variables,
        }

    def _random(self, seed: float | None = None) -> float:
        source = self.random if seed is None else type(self.random)(seed)
        return source.random()

    # Results

    def passed(self, state: State) -> Outcome:
        """Apply Output and Assign."""
        return self.left(state)

    def left(self, state: State, rule: Mapping[str, Any] | None = None) -> Outcome:
        """Apply Output and Assign, of the state or the rule; the input is the default."""
        return self._outcome(state.fields if rule is None else rule, state.next, self.value)

    def finished(self, state: State, result: Any) -> Outcome:
        """Apply Output and Assign, which see the result; it is the default."""
        return self._knowing(result=result)._outcome(state.fields, state.next, result)  # noqa: SLF001 - of its kind

    def caught(self, catcher: Catcher, error_output: dict[str, str]) -> Outcome:
        """Apply the catcher's Output and Assign, which see the error output; it is the default."""
        view = self._knowing(errorOutput=error_output)
        return view._outcome(catcher.fields, catcher.next, error_output)  # noqa: SLF001 - of its kind

    def _knowing(self, **more: Any) -> QueryView:
        return QueryView(self.value, self.context, self.variables, self.random, self.now, more)

    def _outcome(self, fields: Mapping[str, Any], following: str | None, default: Any) -> Outcome:
        """Evaluate Output and Assign, both with the variables as they were."""
        output = self.fill(fields["Output"], "Output") if "Output" in fields else default
        return Outcome(output, following, self.fill(fields.get("Assign", {}), "Assign"))


def _failure(cause: str, field: str) -> StateFailure:
    return StateFailure(QUERY_EVALUATION_ERROR, cause, location=field)


def _intrinsic(name: str, random: Random) -> Callable[..., Any]:
    def apply(*arguments: Any) -> Any:
        values = _plain(list(arguments))
        call = Call(name, tuple(parse_path(f"$[{position}]") for position in range(len(values))))
        return evaluate_intrinsic(call, lambda path: evaluate(path, values), random)

    return apply


def _plain(value: Any) -> Any:
    """Return a value of the library as plain JSON: JSONata has one kind of number, so 2.0 is 2."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value
