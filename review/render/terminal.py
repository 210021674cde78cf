"""A review for a person at a terminal; colours are dropped by whoever writes it elsewhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from review.model import Level, Section, Verb
from review.render.values import shown_pair

if TYPE_CHECKING:
    from collections.abc import Iterator

    from review.model import Change
    from review.render import Report

COLOURS = {Level.DANGER: "red", Level.WARNING: "yellow", Level.NOTE: None}
SIGNS = {
    Verb.ADDED: "+",
    Verb.REMOVED: "-",
    Verb.CHANGED: "~",
    Verb.RENAMED: "~",
    Verb.WIDER: "▲",
    Verb.NARROWER: "▽",
    Verb.OPENED: "▲",
    Verb.CLOSED: "▽",
    Verb.LOST: "-",
    Verb.GAINED: "+",
    Verb.BROKEN: "✗",
    Verb.MENDED: "✓",
}
MOST_NOTES = 12
"""Notes of a section that are shown; all of them with `--all`."""


def render(report: Report) -> str:
    """Return the review as lines, the most dangerous first."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    found = report.verdict
    colour = COLOURS[found.level] if found.level else "green"
    if report.title:
        yield click.style(report.title, dim=True)
    yield click.style(found.line, fg=colour, bold=True)
    dangers = report.dangers()
    if dangers:
        yield ""
        yield click.style("Look at these first", bold=True)
        for change in dangers:
            yield from _change(change, report, with_section=True)
    for section in Section:
        changes = [change for change in report.review.of(section) if change.level is not Level.DANGER]
        if not changes:
            continue
        yield ""
        yield click.style(section.value.capitalize(), bold=True)
        notes = [change for change in changes if change.level is Level.NOTE]
        cut = 0 if report.has_all else max(0, len(notes) - MOST_NOTES)
        for change in changes[: len(changes) - cut]:
            yield from _change(change, report, with_section=False)
        if cut:
            yield click.style(f"  … and {cut} more of little weight (--all)", dim=True)
    yield from _properties(report)
    for note in report.review.notes:
        yield click.style(f"note: {_plain(note)}", dim=True)


def _change(change: Change, report: Report, *, with_section: bool) -> Iterator[str]:
    colour = COLOURS[change.level]
    section = click.style(f"{change.section.value}: ", dim=True) if with_section else ""
    yield f"  {click.style(SIGNS[change.verb], fg=colour, bold=True)} {section}{_marked(change.message, colour)}"
    if change.level is not Level.NOTE or report.has_all:
        for detail in change.details:
            yield click.style(f"      {_plain(detail)}", dim=True)


def _properties(report: Report) -> Iterator[str]:
    differences = report.review.differences
    if not differences:
        return
    empty = [each for each in differences if each.meaningless]
    yield ""
    summary = f"Property by property: {len(differences)}"
    if empty:
        summary += f", of which {len(empty)} mean nothing ({', '.join(sorted({each.meaningless for each in empty}))})"
    yield click.style(summary + ("" if report.has_all else "; --all shows them"), dim=True)
    if report.has_all:
        for each in differences:
            reason = f"  ({each.meaningless})" if each.meaningless else ""
            before, after = shown_pair(each.before, each.after)
            yield f"  {each.file}{each.at}: {before} → {after}{reason}"


def _marked(text: str, colour: str | None) -> str:
    """Show code by its weight; without colours nothing is left of the marks."""
    parts = re.split(r"`([^`]*)`", text)
    return "".join(
        click.style(part, bold=True, fg=colour) if index % 2 else part for index, part in enumerate(parts)
    )


def _plain(text: str) -> str:
    return text.replace("`", "")
