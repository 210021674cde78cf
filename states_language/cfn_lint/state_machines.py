"""Rules of cfn-lint that report the checker's findings, each at its place in the template.

cfn-lint imports this file by its path; the project need not be installed.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cfnlint.rules import CloudFormationLintRule, RuleMatch

ROOT = str(Path(__file__).resolve().parents[2])
if ROOT not in sys.path:
    sys.path.append(ROOT)

from states_language.checker import findings  # noqa: E402 - only now can it be found
from states_language.diagnostics import Diagnostic, Severity  # noqa: E402
from states_language.files import check_files, place  # noqa: E402
from states_language.pointer import ROOT as TOP  # noqa: E402
from states_language.sources import Parsed, SourceError, find_definitions  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cfnlint.template import Template

PROPERTIES = ("DefinitionUri", "DefinitionS3Location")


@lru_cache(maxsize=8)
def _of_file(name: str, _: float) -> tuple[Diagnostic, ...]:
    """Check a template's file once for all rules; the time of its last change is part of the key."""
    return tuple(check_files([name]).diagnostics)


def _of_template(template: Any) -> Iterator[tuple[list[str | int], Diagnostic]]:
    """Check a template that has no file; yield the findings with the paths of their properties."""
    try:
        definitions = find_definitions(Parsed("", "", template, is_yaml=False, yaml_spots={}))
    except SourceError:
        return
    for definition in definitions:
        for finding in findings(definition.value):
            inner = () if definition.embedded else finding.pointer.steps
            yield [*definition.prefix.steps, *inner], place(finding, definition)


class _Findings:
    """What the rules share: each reports the findings of one severity."""

    severity: Severity

    def match(self, cfn: Template) -> list[RuleMatch]:
        """Return the findings of a template."""
        path = Path(cfn.filename) if cfn.filename else None
        if path is None or not path.is_file():
            return [
                RuleMatch(where, _text(entry))
                for where, entry in _of_template(cfn.template)
                if entry.severity is self.severity
            ]
        found = _of_file(str(path), path.stat().st_mtime)
        return [
            self._matched(entry, cfn)
            for entry in found
            # cfn-lint has said itself that a template cannot be parsed, or that a key stands twice.
            if entry.severity is self.severity and entry.code not in ("unreadable-document", "duplicate-key")
        ]

    @staticmethod
    def _matched(entry: Diagnostic, cfn: Template) -> RuleMatch:
        if Path(entry.file) == Path(cfn.filename):
            where = (entry.line - 1, entry.column - 1, entry.line - 1, entry.column)
            return RuleMatch(list(entry.pointer.steps), _text(entry), location=where)
        message = f"{entry.file}:{entry.line}:{entry.column}: {_text(entry)}"
        return RuleMatch(_property_of(entry.file, cfn), message)


def _text(entry: Diagnostic) -> str:
    return f"{entry.code}: {entry.message} {entry.help}".strip()


def _property_of(file: str, cfn: Template) -> list[str | int]:
    """Return the path of the property that names a definition's file."""
    for name, resource in cfn.template.get("Resources", {}).items():
        for key in PROPERTIES:
            value = resource.get("Properties", {}).get(key)
            if isinstance(value, str) and (Path(cfn.filename).parent / value) == Path(file):
                return ["Resources", name, "Properties", key]
    return list(TOP.steps)


class StateMachineErrors(_Findings, CloudFormationLintRule):  # type: ignore[misc]  # cfn-lint is untyped
    """Findings that cannot work."""

    id = "E9601"
    shortdesc = "A state machine cannot work as it is written"
    description = "A path, a parameter, a transition or an error name of a state machine is wrong"
    source_url = "docs/checks/README.md"
    tags = ["stepfunctions", "states-language"]  # noqa: RUF012 - cfn-lint reads a list
    severity = Severity.ERROR


class StateMachineWarnings(_Findings, CloudFormationLintRule):  # type: ignore[misc]  # cfn-lint is untyped
    """Findings that may not work."""

    id = "W9601"
    shortdesc = "A state machine may fail as it is written"
    description = "A path may fail at run time, a loop has no bound, or what was started is not stopped"
    source_url = "docs/checks/README.md"
    tags = ["stepfunctions", "states-language"]  # noqa: RUF012 - cfn-lint reads a list
    severity = Severity.WARNING


class StateMachineNotes(_Findings, CloudFormationLintRule):  # type: ignore[misc]  # cfn-lint is untyped
    """Findings that are worth knowing."""

    id = "I9601"
    shortdesc = "Worth knowing of a state machine"
    description = "A field that an API may leave out is read, or an answer may be large"
    source_url = "docs/checks/README.md"
    tags = ["stepfunctions", "states-language"]  # noqa: RUF012 - cfn-lint reads a list
    severity = Severity.NOTE
