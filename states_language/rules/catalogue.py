"""Every code that the checker reports: its severity, and in one sentence what it means.

Each has a page, `docs/checks/<code>.md`, whose examples are executed as its test. A code names the defect,
so that it reads well after "allow".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from states_language.diagnostics import Severity

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE


@dataclass(frozen=True, slots=True)
class Rule:
    """One code of the checker."""

    code: str
    severity: Severity
    summary: str


_RULES: Final = (
    # The document
    Rule("unreadable-document", ERROR, "The file is no state machine that can be read."),
    Rule("duplicate-key", ERROR, "An object has a key twice; the first value is lost."),
    Rule("missing-field", ERROR, "A state, or the state machine, lacks a field that it must have."),
    Rule("unknown-field", ERROR, "A state has a field that its type does not have."),
    Rule("mistyped-field", ERROR, "A field has a value of the wrong kind."),
    Rule("conflicting-fields", ERROR, "Two fields stand together of which only one may."),
    Rule("duplicate-state-name", ERROR, "Two states have one name."),
    Rule("invalid-allowance", ERROR, "An allowance has no code, or no reason."),
    Rule("unused-allowance", WARNING, "An allowance silences nothing."),
    # The graph
    Rule("missing-state", ERROR, "A transition leads to a state that does not exist."),
    Rule("unreachable-state", ERROR, "No transition leads to a state."),
    Rule("no-way-to-the-end", ERROR, "From a state no end can be reached."),
    Rule("unbounded-loop", WARNING, "A loop that waits has nothing that bounds it."),
    # Paths
    Rule("invalid-path", ERROR, "A text is no path that Step Functions accepts."),
    Rule("unresolved-path", ERROR, "A path leads to a field that is not there."),
    Rule("wrong-case-path", ERROR, "A path names a field in the wrong case."),
    Rule("path-into-scalar", ERROR, "A path goes into a string, number or boolean, or into a list by name."),
    Rule("indefinite-path", ERROR, "A path that gives a list stands where one value must stand."),
    Rule("field-not-on-every-path", WARNING, "A field is set on some of the paths that lead here only."),
    Rule("field-set-later", ERROR, "A field is read before the state that sets it."),
    Rule("field-set-only-in-catch", ERROR, "A field is read that only a Catch sets."),
    Rule("removed-field", ERROR, "A field is read that an earlier state removed."),
    Rule("unset-variable", ERROR, "A variable is read that nothing assigned."),
    Rule("never-present", WARNING, "A test asks for a field that can never be there."),
    Rule("index-may-fail", WARNING, "An index goes into a list that may be too short; nothing catches that."),
    Rule("member-may-be-absent", NOTE, "A field is read, unguarded, that the API may leave out."),
    # Calls
    Rule("unknown-resource", WARNING, "A Resource is none that Step Functions knows."),
    Rule("unknown-service", WARNING, "A Resource names a service that is not known."),
    Rule("unknown-action", ERROR, "A Resource names an action that the service does not have."),
    Rule("unsupported-pattern", ERROR, "A Resource asks for a pattern that the action does not support."),
    Rule("unknown-parameter", ERROR, "A parameter is none of the call's."),
    Rule("wrong-case-parameter", ERROR, "A parameter is written in the wrong case."),
    Rule("misplaced-parameter", ERROR, "A parameter belongs to another place of the call."),
    Rule("missing-parameter", ERROR, "A call lacks a parameter that it must have."),
    Rule(
        "missing-idempotency-token", WARNING, "An SDK call lacks the token that Step Functions does not make."
    ),
    Rule("mistyped-parameter", ERROR, "A parameter has a value of the wrong kind."),
    Rule("unknown-enum-value", WARNING, "A literal is none of the values that the API knows."),
    Rule("missing-path-suffix", ERROR, "A path stands under a key without '.$', and is sent as text."),
    Rule("spurious-path-suffix", ERROR, "A key ends with '.$', and its value is no path."),
    Rule("missing-task-token", WARNING, "A state waits for a task token that it never hands out."),
    Rule("invalid-expression", ERROR, "A text is no JSONata expression that can be read."),
    # Intrinsic functions
    Rule("invalid-intrinsic", ERROR, "A text is no call of an intrinsic function that can be read."),
    Rule("unknown-intrinsic", ERROR, "There is no such intrinsic function."),
    Rule("wrong-intrinsic-arguments", ERROR, "An intrinsic function has too many or too few arguments."),
    Rule("mistyped-intrinsic-argument", ERROR, "An argument of an intrinsic function is of the wrong kind."),
    # Errors
    Rule("unknown-error-name", ERROR, "An error's name is none that can occur here."),
    Rule("error-never-raised", WARNING, "An error is expected that this integration never raises."),
    Rule("misplaced-states-all", ERROR, "States.ALL does not stand alone, or not last."),
    Rule("uncatchable-error", WARNING, "An error is expected that nothing catches."),
    # Operation
    Rule("payload-may-exceed-limit", WARNING, "A state's data may be larger than 256 KiB."),
    Rule("resource-not-stopped", WARNING, "What a state starts is not stopped on every path."),
    Rule("secret-literal", WARNING, "A secret stands in the document."),
    Rule("account-literal", NOTE, "An account's number stands in the document."),
)

RULES: Final = {rule.code: rule for rule in _RULES}
"""All rules by their codes."""
