"""A review as one self-contained page, with the graphs drawn."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from review.model import Level, Section
from review.render.page import marked, page
from review.render.values import shown_pair
from states_language.drawing import svg

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from review.model import Change, Graph
    from review.render import Report
    from states_language.document import StateMachine

LEGEND = "Green: added. Red, dashed: removed. Amber: changed. A dotted edge is taken when something failed."


def render(report: Report) -> str:
    """Return the page."""
    return page("Review", "".join(_parts(report)))


def _parts(report: Report) -> Iterator[str]:
    found = report.verdict
    yield "<h1>Review</h1>\n"
    yield f'<p class="verdict">{escape(found.line)}</p>\n'
    yield f'<p class="soft">{escape(report.title)}</p>\n' if report.title else ""
    if dangers := report.dangers():
        yield f"<h2>Look at these first</h2>\n{_list(dangers, with_gates=True)}"
    for section in Section:
        changes = [change for change in report.review.of(section) if change.level is not Level.DANGER]
        if changes:
            yield f"<h2>{section.value.capitalize()}</h2>\n{_list(changes, with_gates=False)}"
    for index, graph in enumerate(report.review.graphs):
        yield from _graph(graph, index)
    yield from _differences(report)
    if report.review.notes:
        notes = "".join(f"<li>{marked(note)}</li>" for note in report.review.notes)
        yield f"<h2>What could not be judged</h2>\n<ul>{notes}</ul>\n"


def _list(changes: Iterable[Change], *, with_gates: bool) -> str:
    return (
        '<ul class="changes">\n'
        + "".join(_item(change, with_gates=with_gates) for change in changes)
        + "</ul>\n"
    )


def _item(change: Change, *, with_gates: bool) -> str:
    gates = ", ".join(sorted(gate.value for gate in change.gates)) or change.section.value
    head = f"<b>{escape(gates)}</b> " if with_gates else ""
    details = "".join(f"<li>{marked(detail)}</li>" for detail in change.details)
    more = f"<ul>{details}</ul>" if details else ""
    return f'<li class="{change.level.value}">{head}{marked(change.message)}{more}</li>\n'


def _graph(graph: Graph, index: int) -> Iterator[str]:
    yield f'<h2>{escape(graph.name)}</h2>\n<p class="soft">{LEGEND}</p>\n'
    for side, machine, marks, edges, mark in (
        ("after", graph.after, graph.marks_after, graph.edges_added, "added"),
        ("before", graph.before, graph.marks_before, graph.edges_removed, "removed"),
    ):
        if machine is None:
            continue
        near = machine.only(neighbours(machine, marks, edges))
        for title, drawn, is_open in (
            (f"What changed, {side}", near, True),
            (f"The whole state machine, {side}", machine, False),
        ):
            if drawn.states:
                drawing = svg(
                    drawn,
                    marks=marks,
                    marked_edges=edges,
                    edge_mark=mark,
                    title=f"{graph.name}: {title}",
                    identity=f"{side}-{index}-{'near' if is_open else 'whole'}",
                )
                yield (
                    f"<details{' open' if is_open else ''}><summary>{title}</summary>"
                    f'<div class="drawing">{drawing}</div></details>\n'
                )


def neighbours(
    machine: StateMachine, marks: Mapping[str, str], edges: Collection[tuple[str, str]]
) -> set[str]:
    """Return the states that changed, or have something inside that did, and those beside them."""
    ends = {pointer for edge in edges for pointer in edge}
    touched, marked_states = (
        {
            name
            for name, state in machine.states.items()
            if any(
                pointer == str(state.pointer) or pointer.startswith(f"{state.pointer}/")
                for pointer in pointers
            )
        }
        for pointers in ({*marks, *ends}, {*marks})
    )
    following = {
        transition.target for name in marked_states for transition in machine.states[name].transitions()
    }
    leading = {
        name
        for name, state in machine.states.items()
        if any(transition.target in marked_states for transition in state.transitions())
    }
    return touched | following | leading


def _differences(report: Report) -> Iterator[str]:
    if not report.review.differences:
        return
    rows = ""
    for each in report.review.differences:
        cells = (f"{each.file}{each.at}", *shown_pair(each.before, each.after, 400), each.meaningless)
        rows += "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>\n"
    yield (
        f"<details><summary>Property by property: {len(report.review.differences)}</summary>"
        '<div class="scroll"><table>\n<tr><th>where</th><th>before</th><th>after</th><th>means nothing since</th></tr>\n'
        f"{rows}</table></div></details>\n"
    )
