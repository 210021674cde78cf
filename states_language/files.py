"""Check files: find them, read them with what stands beside them, and place the findings."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from states_language.checker import findings, severity_of
from states_language.diagnostics import Diagnostic, Finding, Severity
from states_language.pointer import ROOT
from states_language.sources import (
    Definition,
    SourceError,
    decode,
    find_definitions,
    parse,
    read_file,
    read_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from states_language.allowances import Allowances

SUFFIXES: Final = (".asl.json", ".asl.yaml", ".asl.yml", ".asl", ".states.json")
"""How the names of documents end, that a folder is searched for."""
TEMPLATES: Final = ("template.json", "template.yaml", "template.yml")
STANDARD_INPUT: Final = "-"


@dataclass
class Report:
    """What a check of files gives."""

    diagnostics: list[Diagnostic] = field(default_factory=list)
    sources: dict[str, Definition] = field(default_factory=dict)
    """A document of each file that has diagnostics, for its lines."""
    unreadable: list[SourceError] = field(default_factory=list)
    """Files that could not be opened."""
    checked: int = 0
    """State machines that were checked."""


def find_files(arguments: Iterable[str]) -> Iterator[str]:
    """Yield the files that the arguments name: files, folders, patterns, and `-`.

    What names nothing is yielded too: reading it says so.
    """
    for argument in arguments:
        path = Path(argument)
        if argument == STANDARD_INPUT or path.is_file():
            yield argument
        elif path.is_dir():
            # A folder without documents is yielded itself: reading it says so.
            yield from sorted(str(entry) for entry in path.rglob("*") if _is_document(entry, path)) or [
                argument
            ]
        elif any(mark in argument for mark in "*?["):
            root = Path(path.anchor) if path.is_absolute() else Path()
            matches = sorted(
                str(entry) for entry in root.glob(str(path.relative_to(path.anchor))) if entry.is_file()
            )
            yield from matches or [argument]
        else:
            yield argument


def _is_document(path: Path, folder: Path) -> bool:
    inside = path.relative_to(folder).parts[:-1]
    if any(part.startswith(".") or part in ("node_modules", "cdk.out") for part in inside):
        return False
    return path.name.endswith((*SUFFIXES, *TEMPLATES)) and path.is_file()


def base_of(path: Path) -> Path:
    """Return a document's path without what marks it as one: `a.asl.json -> a`."""
    suffix = next((suffix for suffix in SUFFIXES if path.name.endswith(suffix)), path.suffix)
    return path.with_name(path.name.removesuffix(suffix))


def check_files(arguments: Iterable[str], schema_path: Path | None = None) -> Report:
    """Check files; every fault of a file is in the report, none is raised.

    A document's contract is `schema_path`, or `<name>.input.schema.json` beside it; its allowances are
    `<name>.allow.yaml` beside it.
    """
    report = Report()
    for name in find_files(arguments):
        try:
            _check_file(name, schema_path, report)
        except SourceError as error:
            if error.line == 0 and not Path(error.file or name).is_file() and name != STANDARD_INPUT:
                report.unreadable.append(error)
            else:
                report.diagnostics.append(unreadable(error, name))
        except RecursionError:
            report.diagnostics.append(
                unreadable(SourceError("The document is nested too deeply.", name), name)
            )
    # A file that a template names may have been checked by itself, too.
    report.diagnostics = list(dict.fromkeys(report.diagnostics))
    report.diagnostics.sort(key=lambda entry: (entry.file, entry.line, entry.column, entry.code))
    return report


def unreadable(error: SourceError, name: str) -> Diagnostic:
    """Return the diagnostic of a file that cannot be parsed."""
    return Diagnostic(
        error.file or name,
        "unreadable-document",
        Severity.ERROR,
        ROOT,
        error.line,
        error.column,
        error.message,
        "",
    )


def read_definitions(name: str) -> list[Definition]:
    """Return the state machines of a file, or of the standard input. Raises `SourceError`."""
    if Path(name).is_dir():
        raise SourceError("There is no document here.", name)
    if name == STANDARD_INPUT:
        text = decode(sys.stdin.buffer.read(), "<stdin>")
        return find_definitions(parse(text, "<stdin>"))
    return read_file(Path(name))


def read_schema(name: str, schema_path: Path | None) -> Mapping[str, Any] | None:
    """Return the contract of a document: the one that is given, or the one beside it. Raises `SourceError`."""
    path = schema_path
    if path is None and name != STANDARD_INPUT:
        beside = base_of(Path(name))
        beside = beside.with_name(beside.name + ".input.schema.json")
        path = beside if beside.is_file() else None
    if path is None:
        return None
    schema = parse(read_text(path), str(path)).value
    if not isinstance(schema, dict):
        raise SourceError("A contract is a JSON Schema, an object.", str(path), 1, 1)
    return schema


def _check_file(name: str, schema_path: Path | None, report: Report) -> None:
    allowed: dict[Path, Allowances] = {}
    for definition in read_definitions(name):
        report.checked += 1
        is_beside = name not in (definition.file, STANDARD_INPUT)
        schema = read_schema(definition.file if is_beside else name, schema_path)
        found: Iterable[Finding] = [*_duplicates(definition), *findings(definition.value, schema)]
        allowances = None if name == STANDARD_INPUT else _allowances(Path(definition.file), allowed)
        placed = [place(finding, definition) for finding in (allowances.keep(found) if allowances else found)]
        if placed:
            report.sources.setdefault(definition.file, definition)
        report.diagnostics += placed
    for allowances in allowed.values():
        report.diagnostics += allowances.report()


def _allowances(path: Path, allowed: dict[Path, Allowances]) -> Allowances | None:
    """Return the allowances beside a document; those of a template serve all of its state machines."""
    beside = base_of(path)
    beside = beside.with_name(beside.name + ".allow.yaml")
    if beside not in allowed and beside.is_file():
        from states_language.allowances import read_allowances  # noqa: PLC0415 - few documents have them

        allowed[beside] = read_allowances(beside)
    return allowed.get(beside)


def _duplicates(definition: Definition) -> Iterator[Finding]:
    parsed = definition.embedded or definition.parsed
    for duplicate in parsed.duplicates:
        if definition.embedded is None and not duplicate.pointer.within(definition.prefix):
            continue
        steps = duplicate.pointer.steps
        pointer = type(ROOT)(steps if definition.embedded else steps[len(definition.prefix.steps) :])
        yield Finding(
            "duplicate-key",
            pointer,
            f"The key '{duplicate.key}' stands twice; the first value is lost.",
            "Rename or remove one of them.",
            at_key=True,
        )


def place(finding: Finding, definition: Definition) -> Diagnostic:
    """Return a finding with its place in the file."""
    line, column = definition.locate(finding.pointer, finding.offset, at_key=finding.at_key)
    return Diagnostic(
        definition.file,
        finding.code,
        severity_of(finding),
        finding.pointer,
        line,
        column,
        finding.message,
        finding.help,
    )
