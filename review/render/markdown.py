"""A review for a pull request: Markdown that always fits into a comment.

What is dangerous comes first and is never cut; the rest is folded, then cut, with a pointer to the whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from review.model import Level, Section
from review.render.values import shown_pair
from states_language.graph import mermaid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from review.model import Change, Graph
    from review.render import Report

LIMIT = 65_536
"""Characters that a comment may have on GitHub."""
MARKER = "<!-- review -->"
"""By which the comment of an earlier push is found."""
ROOM = 400
"""Characters kept free for what says that something was cut."""
MOST_EDGES = 450
"""Mermaid draws 500 edges unless it is configured otherwise."""
MOST_TEXT = 48_000
"""Mermaid reads 50,000 characters unless it is configured otherwise."""
CUT = "\n\n*Cut to fit into a comment: the artefact of this run, or `review --format html`, has all of it.*\n"


@dataclass(frozen=True)
class _Block:
    """Something folded that is shown whole, in part, or not at all."""

    title: str
    lines: tuple[str, ...]
    """In parts, it is cut between these."""
    before: str = ""
    after: str = ""

    def text(self, count: int | None = None) -> str:
        lines = self.lines if count is None else self.lines[:count]
        more = "" if count is None or count >= len(self.lines) else f"\n… and {len(self.lines) - count} more"
        body = self.before + "\n".join(lines) + self.after + more
        return f"\n<details><summary>{self.title}</summary>\n\n{body}\n\n</details>\n"


def render(report: Report) -> str:
    """Return the comment; it has fewer than 65,536 characters whatever was compared."""
    text = _head(report)
    is_cut = False
    for block in _blocks(report):
        whole = block.text()
        if len(text) + len(whole) + ROOM <= LIMIT:
            text += whole
            continue
        is_cut = True
        count = _fitting(block, LIMIT - ROOM - len(text))
        if count:
            text += block.text(count)
    return text + (CUT if is_cut else "")


def _fitting(block: _Block, room: int) -> int:
    """Return how many lines of a block fit; a drawing is shown whole or not at all."""
    if block.before:
        return 0
    low, high = 0, len(block.lines)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if len(block.text(middle)) <= room else (low, middle - 1)
    return low


def _head(report: Report) -> str:
    """Return what is always there: the verdict, and all that is dangerous, as fully as it fits."""
    head = f"{MARKER}\n## Review\n\n**{_safe(report.verdict.line)}**\n"
    if report.title:
        head += f"\n{_safe(report.title)}\n"
    dangers = report.dangers()
    if not dangers:
        return head
    head += "\n### Look at these first\n\n"
    room = LIMIT - ROOM - len(CUT) - len(head)
    for lines in (
        [_item(change, with_details=True) for change in dangers],
        [_item(change, with_details=False) for change in dangers],
        [_item(change, with_details=False)[:160] for change in dangers],
        _by_kind(dangers),
    ):
        text = "\n".join(lines) + "\n"
        if len(text) <= room:
            return head + text
    return head + text[: room - 100] + "…\n"


def _item(change: Change, *, with_details: bool) -> str:
    gates = ", ".join(sorted(gate.value for gate in change.gates))
    text = f"- **{gates or change.section.value}** {_safe(change.message)}"
    return text + "".join(f"<br>&ensp;{_safe(detail)}" for detail in change.details) if with_details else text


def _by_kind(changes: list[Change]) -> list[str]:
    """Say only of whom, by what happened: so many dangers that each has no room for a sentence."""
    kinds: dict[str, dict[str, None]] = {}
    for change in changes:
        gates = ", ".join(sorted(gate.value for gate in change.gates)) or change.section.value
        kinds.setdefault(f"{gates} ({change.verb.value})", {})[change.subject] = None
    return [
        f"- **{kind}** {len(subjects)}: " + ", ".join(_safe(each) for each in subjects)
        for kind, subjects in kinds.items()
    ]


def _blocks(report: Report) -> Iterator[_Block]:
    review = report.review
    for section in Section:
        changes = [change for change in review.of(section) if change.level is not Level.DANGER]
        if changes:
            dangerous = sum(change.level is Level.DANGER for change in review.of(section))
            title = f"{section.value.capitalize()}: {len(changes)}" + (
                f" (and {dangerous} above)" if dangerous else ""
            )
            lines = tuple(f"- {_safe(change.message)}" + _folded(change) for change in changes)
            yield _Block(title, lines)
    for graph in review.graphs:
        yield from _graphs(graph)
    if review.differences:
        empty = sum(bool(each.meaningless) for each in review.differences)
        title = f"Property by property: {len(review.differences)}" + (
            f", {empty} without meaning" if empty else ""
        )
        rows = ["| where | before | after | |", "| --- | --- | --- | --- |"]
        for each in review.differences:
            before, after = shown_pair(each.before, each.after)
            cells = (_cell(f"{each.file}{each.at}"), _cell(before), _cell(after), each.meaningless)
            rows.append(f"| {' | '.join(cells)} |")
        yield _Block(title, tuple(rows))
    if review.notes:
        yield _Block("What could not be judged", tuple(f"- {_safe(note)}" for note in review.notes))


def _folded(change: Change) -> str:
    if not change.details:
        return ""
    return "<br>&ensp;" + "<br>&ensp;".join(_safe(detail) for detail in change.details[:8])


def _graphs(graph: Graph) -> Iterator[_Block]:
    for side, machine, marks, edges, mark in (
        ("after", graph.after, graph.marks_after, graph.edges_added, "added"),
        ("before", graph.before, graph.marks_before, graph.edges_removed, "removed"),
    ):
        if machine is None:
            continue
        text = mermaid(machine, marks=marks, marked_edges=edges, edge_mark=mark)
        if text.count("-->") + text.count("-.->") <= MOST_EDGES and len(text) <= MOST_TEXT:
            title = f"{_html(graph.name)}, {side}"
            yield _Block(title, (text.rstrip("\n"),), "```mermaid\n", "\n```")


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "&#64;")


def _safe(text: str) -> str:
    """Escape what is not code: a document's text calls nobody, and draws nothing."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(
        part if index % 2 else re.sub(r"([*_\[\]|#~])", r"\\\1", _html(part))
        for index, part in enumerate(parts)
    )


def _cell(text: str) -> str:
    return "`" + text.replace("`", "'").replace("|", "\\|") + "`"
