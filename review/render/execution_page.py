"""An execution as one self-contained page: the way it took, how long each state took, what went in and came out."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any

from review.execution import Told, Visit, taken
from review.render.page import page
from states_language.drawing import svg

if TYPE_CHECKING:
    from collections.abc import Iterator

    from states_language.document import StateMachine

STYLE = """
.timeline{display:grid;grid-template-columns:minmax(7rem,16rem) 1fr 4.5rem;gap:.15rem .6rem;font-size:.85rem;align-items:center}
.timeline .name{overflow-wrap:anywhere}.timeline .time{text-align:right;font-variant-numeric:tabular-nums}
.track{position:relative;height:1.1rem;background:var(--card);border-radius:3px}
.bar{position:absolute;top:2px;bottom:2px;min-width:3px;border-radius:2px;background:var(--good)}
.bar.failed,.bar.stopped{background:var(--danger)}.bar.caught,.bar.retried{background:var(--warning)}
.fate{font-weight:600}.fate.succeeded{color:var(--good)}.fate.failed,.fate.stopped{color:var(--danger)}
.fate.caught,.fate.retried{color:var(--warning)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem;margin:.5rem 0}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
.graph .caught>.box{stroke:var(--warn);stroke-width:3;stroke-dasharray:7 3}.graph .stopped>.box{stroke:var(--bad);stroke-width:3}
"""
LONGEST = 20_000
"""Characters of an input or output that are shown."""
MOST = 300
"""Visits that are shown with their data; beyond them only those that did not just succeed, as many again."""
VERDICT = ("Outcome", "Verified", "Fault", "Error", "Cause", "outcome", "verified", "failed", "message")
"""Fields of an output that say how it was judged."""


def render(told: Told, machine: StateMachine | None) -> str:
    """Return the page; without a document there is no graph."""
    return page(f"Execution: {told.status}", "".join(_parts(told, machine)), STYLE)


def _parts(told: Told, machine: StateMachine | None) -> Iterator[str]:
    good = "succeeded" if told.status == "SUCCEEDED" else "failed"
    yield f'<h1>Execution <span class="fate {good}">{escape(told.status)}</span></h1>\n'
    yield f'<p class="soft">Started {escape(told.started)}; {_time(told.seconds)}, {len(told.visits)} states entered.</p>\n'
    yield from _verdict(told)
    if machine is not None:
        yield from _graph(told, machine)
    yield "<h2>Timeline</h2>\n"
    yield from _timeline(told)
    yield "<h2>States</h2>\n"
    yield _data("Input of the execution", told.input)
    shown = [
        (index, visit) for index, visit in enumerate(told.visits) if index < MOST or visit.fate != "succeeded"
    ][: 2 * MOST]
    for index, visit in shown:
        yield _visit(index, visit)
    if len(shown) < len(told.visits):
        yield f'<p class="soft">{len(told.visits) - len(shown)} more visits are in the history only.</p>\n'


def _verdict(told: Told) -> Iterator[str]:
    rows = list(_judged(told.output))
    if told.error:
        rows = [("Error", told.error), ("Cause", told.cause), *rows]
    if rows:
        items = "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in rows)
        yield f'<h2>Verdict</h2>\n<dl class="result">{items}</dl>\n'
    if told.output is not None:
        yield _data("Output of the execution", told.output)


def _judged(output: str | None) -> Iterator[tuple[str, str]]:
    value = _parsed(output)
    for holder in (value, value.get("Result"), value.get("Verdict")) if isinstance(value, dict) else ():
        found = [(key, holder[key]) for key in VERDICT if isinstance(holder, dict) and key in holder]
        if found:
            yield from (
                (key, each if isinstance(each, str) else json.dumps(each))
                for key, each in found
                if each != ""
            )
            return


def _parsed(text: str | None) -> Any:
    try:
        return json.loads(text or "null")
    except ValueError:
        return None


def _graph(told: Told, machine: StateMachine) -> Iterator[str]:
    fates, edges = taken(machine, told)
    entered = machine.only(told.names)
    yield "<h2>The way it took</h2>\n"
    yield '<p class="soft">Green: succeeded. Amber: retried, or failed and caught (dashed). Red: failed.</p>\n'
    drawing = svg(
        entered,
        marks=fates,
        marked_edges=edges,
        edge_mark="taken",
        title="The states that were entered",
        identity="entered",
    )
    yield f'<div class="drawing">{drawing}</div>\n'
    whole = svg(
        machine,
        marks=fates,
        marked_edges=edges,
        edge_mark="taken",
        title="The whole state machine",
        identity="whole",
        is_dimmed=True,
    )
    yield f'<details><summary>The whole state machine</summary><div class="drawing">{whole}</div></details>\n'


def _timeline(told: Told) -> Iterator[str]:
    whole = max(told.seconds, 0.001)
    yield '<div class="timeline">\n'
    for name in told.names:
        visits = [visit for visit in told.visits if visit.name == name]
        total = 0.0
        bars = ""
        for visit in visits:
            end = told.seconds if visit.left_at is None else visit.left_at
            total += end - visit.entered_at
            left, width = 100 * visit.entered_at / whole, 100 * (end - visit.entered_at) / whole
            bars += (
                f'<span class="bar {visit.fate}" style="left:{min(left, 99.5):.2f}%;width:{max(min(width, 100 - left), 0):.2f}%" '
                f'title="{escape(name)}: {visit.fate}, {_time(end - visit.entered_at)}"></span>'
            )
        times = f", {len(visits)} times" if len(visits) > 1 else ""
        yield f'<span class="name">{escape(name)}{times}</span><span class="track">{bars}</span><span class="time">{_time(total)}</span>\n'
    yield "</div>\n"


def _visit(index: int, visit: Visit) -> str:
    seconds = _time((visit.left_at or visit.entered_at) - visit.entered_at)
    errors = "".join(f"<pre>{escape(error[:LONGEST])}</pre>" for error in visit.errors)
    body = (f"<p>Failed attempts</p>{errors}" if errors else "") + _pre("Input", visit.input)
    body += _pre("Output", visit.output) if visit.output is not None else "<p>It has no output.</p>"
    return (
        f'<details id="visit-{index}"><summary>{escape(visit.name)} <span class="soft">{visit.type}, {seconds}</span> '
        f'<span class="fate {visit.fate}">{visit.fate}</span></summary><div>{body}</div></details>\n'
    )


def _data(title: str, text: str) -> str:
    return f"<details><summary>{escape(title)}</summary><div>{_pre('', text)}</div></details>\n"


def _pre(title: str, text: str) -> str:
    value = _parsed(text)
    shown = text if value is None else json.dumps(value, indent=2, ensure_ascii=False)
    if not shown:
        return f"<p>{escape(title)}: not recorded.</p>" if title else "<p>Not recorded.</p>"
    more = f"\n… {len(shown) - LONGEST:,} more characters" if len(shown) > LONGEST else ""
    return (f"<p>{escape(title)}</p>" if title else "") + f"<pre>{escape(shown[:LONGEST] + more)}</pre>"


def _time(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
