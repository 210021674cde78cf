"""The checker: from a document to its diagnostics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from states_language.diagnostics import Diagnostic, Finding, Severity
from states_language.document import DocumentError, StateMachine
from states_language.flow import analyze
from states_language.flow.states import INPUT
from states_language.rules import FAMILIES, RULES, Subject

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from states_language.types import Type


def findings(document: Any, input_schema: Mapping[str, Any] | None = None) -> list[Finding]:
    """Return what the rules find in a document that was parsed, in the order of the document."""
    try:
        machine = StateMachine.of(document)
    except DocumentError as error:
        return [Finding("unreadable-document", error.pointer, error.message)]
    subject = Subject(document, machine, analyze(machine, input_type(input_schema)))
    return [finding for family in FAMILIES for finding in family(subject)]


def input_type(schema: Mapping[str, Any] | None) -> Type:
    """Return the type of an execution's input under its contract; without one it is open."""
    if schema is None:
        return INPUT
    from states_language.contract import type_of_schema  # noqa: PLC0415 - most documents have no contract

    return type_of_schema(schema)


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


def worst(diagnostics: Iterable[Diagnostic]) -> Severity | None:
    """Return the worst severity; None where there is nothing."""
    return max((entry.severity for entry in diagnostics), key=lambda severity: severity.weight, default=None)
