"""A review as workflow commands: GitHub draws them at the lines of the documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from review.model import Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from review.render import Report

COMMANDS = {Level.DANGER: "error", Level.WARNING: "warning"}
MOST = 10
"""Annotations of a kind that GitHub draws in a step."""


def render(report: Report) -> str:
    """Return the dangerous changes and the warnings as annotations, and the verdict as the last one."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    for level, command in COMMANDS.items():
        changes = [change for change in report.review.changes if change.level is level]
        room = MOST if len(changes) <= MOST else MOST - 1
        for change in changes[:room]:
            file, line, column = report.locate(change.place)
            title = f"{change.section.value}: {change.verb.value}"
            text = "\n".join([change.message, *change.details]).replace("`", "")
            yield f"::{command} file={_property(file)},line={line},col={column},title={_property(title)}::{_data(text)}"
        if len(changes) > room:
            yield f"::{command} title=review::{len(changes) - room} more like these: see the comment, or the artefact"
    yield f"::notice title=review::{_data(report.verdict.line)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
