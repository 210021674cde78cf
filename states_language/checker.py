"""The checker: from a document to its diagnostics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from states_language.diagnostics import Diagnostic, Finding, Severity
from states_language.document import DocumentError, StateMachine
from states_language.flow import Facts, analyze
from states_language.rules import FAMILIES, RULES, Subject

if TYPE_CHECKING:
    from collections.abc import Mapping


def findings(document: Any, input_schema: Mapping[str, Any] | None = None) -> list[Finding]:
    """Return what the rules find in a document that was parsed, in the order of the document."""
    try:
        machine = StateMachine.of(document)
    except DocumentError as error:
        return [Finding("unreadable-document", error.pointer, error.message)]
    if (odd := _odd_key(document)) is not None:
        message = f"A key of an object is a text; this document has the key {odd!r}."
        return [Finding("unreadable-document", machine.pointer, message)]
    try:
        subject = Subject(document, machine, facts_of(machine, input_schema))
        return [finding for family in FAMILIES for finding in family(subject)]
    except RecursionError:
        return [Finding("unreadable-document", machine.pointer, "The document is nested too deeply.")]


def _odd_key(document: Any) -> Any:
    """Return a key that is no text, as a YAML reader may give; None where there is none."""
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            for key, inner in value.items():
                if not isinstance(key, str):
                    return key
                if isinstance(inner, dict | list):
                    waiting.append(inner)
        elif isinstance(value, list):
            waiting += [inner for inner in value if isinstance(inner, dict | list)]
    return None


def facts_of(machine: StateMachine, input_schema: Mapping[str, Any] | None = None) -> Facts:
    """Follow a document's data under the contract of its input; without one the input is open."""
    if input_schema is None:
        return analyze(machine)
    from states_language import contract  # noqa: PLC0415 - most documents have no contract

    answers = contract.answers_of_schema(input_schema)
    return analyze(machine, contract.type_of_schema(input_schema), answers)


def check(document: Any, input_schema: Mapping[str, Any] | None = None) -> list[Diagnostic]:
    """Check a parsed document; return the diagnostics, without places in a text.

    `input_schema` is the JSON Schema of the execution's input; without one, nothing is known of the input.
    """
    return [_placed(finding) for finding in findings(document, input_schema)]


def severity_of(finding: Finding) -> Severity:
    """Return a finding's severity: its own, or its rule's."""
    return finding.severity or RULES[finding.code].severity


def _placed(finding: Finding) -> Diagnostic:
    return Diagnostic(
        "", finding.code, severity_of(finding), finding.pointer, 0, 0, finding.message, finding.help
    )
