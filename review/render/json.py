"""A review for programs; its keys stay as they are from one version of the project to the next."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from states_language.graph import mermaid

if TYPE_CHECKING:
    from review.model import Change, Graph
    from review.render import Report

SCHEMA_VERSION = 1


def render(report: Report) -> str:
    """Return the review as JSON."""
    review, found = report.review, report.verdict
    return (
        json.dumps(
            {
                "schema": SCHEMA_VERSION,
                "verdict": found.line,
                "level": found.level.value if found.level else "none",
                "counts": found.counts,
                "documents": list(review.documents),
                "changes": [_change(change, report) for change in review.changes],
                "differences": [
                    {
                        "file": each.file,
                        "beforeAt": None if each.before_at is None else str(each.before_at),
                        "afterAt": None if each.after_at is None else str(each.after_at),
                        "before": each.before,
                        "after": each.after,
                        "meaningless": each.meaningless,
                    }
                    for each in review.differences
                ],
                "versions": [
                    {
                        "name": each.name,
                        "before": each.before,
                        "after": each.after,
                        "needed": each.needed,
                        "made": each.made,
                        "isEnough": each.is_enough,
                    }
                    for each in review.versions
                ],
                "graphs": [_graph(graph) for graph in review.graphs],
                "notes": list(review.notes),
            },
            indent=2,
            ensure_ascii=False,
        )
        + "\n"
    )


def _change(change: Change, report: Report) -> dict[str, Any]:
    file, line, column = report.locate(change.place)
    return {
        "section": change.section.value,
        "verb": change.verb.value,
        "subject": change.subject,
        "message": change.message,
        "level": change.level.value,
        "gates": sorted(gate.value for gate in change.gates),
        "file": file,
        "pointer": str(change.place.pointer),
        "isBefore": change.place.is_before,
        "line": line,
        "column": column,
        "details": list(change.details),
        "before": change.before,
        "after": change.after,
        "facts": dict(change.facts),
    }


def _graph(graph: Graph) -> dict[str, Any]:
    return {
        "name": graph.name,
        "before": None
        if graph.before is None
        else mermaid(
            graph.before, marks=graph.marks_before, marked_edges=graph.edges_removed, edge_mark="removed"
        ),
        "after": None
        if graph.after is None
        else mermaid(graph.after, marks=graph.marks_after, marked_edges=graph.edges_added, edge_mark="added"),
    }
