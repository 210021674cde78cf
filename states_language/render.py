"""Write diagnostics: as text for people, as JSON, SARIF, JUnit and GitHub's commands for tools."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from states_language.diagnostics import Diagnostic, Severity
from states_language.spelling import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from states_language.files import Report

COLOURS: Final = {Severity.ERROR: "31", Severity.WARNING: "33", Severity.NOTE: "36"}
LONGEST_LINE: Final = 160


def text(report: Report, shown: Sequence[Diagnostic], *, colour: bool) -> str:
    """Write diagnostics with the source's line and a caret, then a summary."""
    blocks = ["\n".join(_block(entry, report, colour=colour)) for entry in shown]
    return "\n\n".join([*blocks, _summary(report, shown)]) + "\n"


def _block(entry: Diagnostic, report: Report, *, colour: bool) -> Iterator[str]:
    def paint(words: str, code: str) -> str:
        return f"\033[{code}m{words}\033[0m" if colour else words

    at = f"{entry.file}:{entry.line}:{entry.column}" if entry.line else entry.file
    label = paint(f"{entry.severity.value}[{entry.code}]", "1;" + COLOURS[entry.severity])
    yield f"{paint(at, '1')}: {label}: {printable(entry.message)}"
    source = report.sources.get(entry.file)
    line = source.line(entry.line) if source is not None and entry.line else ""
    if line.strip():
        shown, caret = _window(printable(line.rstrip("\r\n").expandtabs(1)), entry.column - 1)
        number = str(entry.line)
        yield f" {paint(number + ' |', '34')} {shown}"
        yield f" {' ' * len(number)} {paint('|', '34')} {' ' * caret}{paint('^', '1;' + COLOURS[entry.severity])}"
    if entry.help:
        yield f"   {paint('help:', '1;32')} {printable(entry.help)}"


def _window(line: str, column: int) -> tuple[str, int]:
    """Return the part of a long line around a column, and the column in it."""
    if len(line) <= LONGEST_LINE:
        return line.rstrip(), column
    start = max(0, min(column - LONGEST_LINE // 2, len(line) - LONGEST_LINE))
    cut = line[start : start + LONGEST_LINE]
    before, after = "…" if start else "", "…" if start + LONGEST_LINE < len(line) else ""
    return before + cut + after, column - start + len(before)


def _summary(report: Report, shown: Sequence[Diagnostic]) -> str:
    counts = Counter(entry.severity for entry in report.diagnostics)
    hidden = len(report.diagnostics) - len(shown)
    machines = f"{report.checked} state machine{'' if report.checked == 1 else 's'} checked"
    found = ", ".join(
        f"{counts[severity]} {severity.value}{'' if counts[severity] == 1 else 's'}"
        for severity in (Severity.ERROR, Severity.WARNING, Severity.NOTE)
        if counts[severity]
    )
    more = f" ({hidden} not shown; see --level)" if hidden else ""
    return f"{machines}: {found or 'nothing found'}{more}."


def as_json(_: Report, shown: Sequence[Diagnostic]) -> str:
    """Write a list of `{file, code, severity, pointer, line, column, message, help}`."""
    return json.dumps([entry.as_json() for entry in shown], indent=2, ensure_ascii=False) + "\n"


def github(_: Report, shown: Sequence[Diagnostic]) -> str:
    """Write GitHub's workflow commands, one a line."""
    words = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
    return "".join(
        f"::{words[entry.severity]} file={_property(entry.file)},line={entry.line or 1},col={entry.column or 1},"
        f"title={_property(entry.code)}::{_data(_told(entry))}\n"
        for entry in shown
    )


def _told(entry: Diagnostic) -> str:
    return printable(f"{entry.message} {entry.help}".strip())


def _data(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")


def sarif(_: Report, shown: Sequence[Diagnostic]) -> str:
    """Write a log of SARIF 2.1.0."""
    from states_language.rules.catalogue import RULES  # noqa: PLC0415 - only this format describes the rules

    levels = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}
    used = sorted({entry.code for entry in shown})
    rules = [
        {
            "id": code,
            "shortDescription": {"text": RULES[code].summary},
            "defaultConfiguration": {"level": levels[RULES[code].severity]},
        }
        for code in used
    ]
    results = [
        {
            "ruleId": entry.code,
            "ruleIndex": used.index(entry.code),
            "level": levels[entry.severity],
            "message": {"text": _told(entry)},
            "locations": [_sarif_location(entry)],
        }
        for entry in shown
    ]
    driver = {"name": "states-language", "rules": rules}
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _sarif_location(entry: Diagnostic) -> Mapping[str, Any]:
    physical: dict[str, Any] = {
        "artifactLocation": {"uri": entry.file.replace("\\", "/").replace(" ", "%20")}
    }
    if entry.line:
        physical["region"] = {"startLine": entry.line, "startColumn": entry.column}
    return {
        "physicalLocation": physical,
        "logicalLocations": [{"fullyQualifiedName": str(entry.pointer)}],
    }


def junit(report: Report, shown: Sequence[Diagnostic]) -> str:
    """Write JUnit's XML: a test case a diagnostic, and one that passes where there is none."""
    from xml.sax.saxutils import escape, quoteattr  # noqa: PLC0415 - only this format is XML

    failures = sum(entry.severity is not Severity.NOTE for entry in shown)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuite name="states-language" tests="{max(len(shown), 1)}" failures="{failures}">',
    ]
    for entry in shown:
        name = quoteattr(printable(f"{entry.code} {entry.pointer}"))
        lines.append(f"  <testcase classname={quoteattr(entry.file)} name={name}>")
        tag = "system-out" if entry.severity is Severity.NOTE else "failure"
        attributes = (
            ""
            if tag == "system-out"
            else f" message={quoteattr(printable(entry.message))} type={quoteattr(entry.code)}"
        )
        where = f"{entry.file}:{entry.line}:{entry.column}"
        lines.append(f"    <{tag}{attributes}>{escape(f'{where}: {_told(entry)}')}</{tag}>")
        lines.append("  </testcase>")
    if not shown:
        lines.append(f'  <testcase classname="states-language" name="{report.checked} state machines"/>')
    return "\n".join([*lines, "</testsuite>"]) + "\n"


FORMATS: Final[Mapping[str, Callable[[Report, Sequence[Diagnostic]], str]]] = {
    "json": as_json,
    "sarif": sarif,
    "github": github,
    "junit": junit,
}
"""The formats for tools."""
