"""The state graph as SVG, laid out in layers (Sugiyama's method, by grandalf) and drawn without a browser.

Colours are for light and dark pages alike; what a mark says is also in the line of the box, and in its title.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

from states_language.document import (
    Choice,
    Fail,
    Map,
    Parallel,
    State,
    StateMachine,
    Succeed,
    Task,
    TransitionKind,
    Wait,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

HEIGHT, PADDING, TITLE = 34.0, 14.0, 24.0
LINE = 16.0
"""Height of a line of text."""
LONGEST_LINE = 15
"""Letters of a name after which it is broken between its words, since a graph is wide rather than high."""
CHARACTER = 7.3
"""Width of a letter at the size that is drawn, in pixels; a little more than most."""
GAP_X, GAP_Y = 26, 30
SMALLEST = 0.7
"""How far a page may shrink a drawing; beyond, it is scrolled."""
START = "start"
Point = tuple[float, float]

STYLE = """
.graph{--line:#64748b;--text:#0f172a;--box:#fff;--task:#eff6ff;--choice:#fefce8;--end:#f1f5f9;
 --good:#15803d;--bad:#b91c1c;--warn:#b45309;font:13px system-ui,sans-serif;max-width:100%;height:auto}
@media(prefers-color-scheme:dark){.graph{--line:#94a3b8;--text:#f1f5f9;--box:#1e293b;--task:#172554;--choice:#422006;
 --end:#334155;--good:#4ade80;--bad:#f87171;--warn:#fbbf24}}
.graph text{fill:var(--text);text-anchor:middle;dominant-baseline:central}
.graph .box{fill:var(--box);stroke:var(--line)}
.graph .Task>.box{fill:var(--task)}.graph .Choice>.box{fill:var(--choice)}
.graph .Succeed>.box,.graph .Fail>.box,.graph .Wait>.box{fill:var(--end)}
.graph .edge{fill:none;stroke:var(--line);stroke-width:1.3}.graph .caught{stroke-dasharray:4 4}
.graph marker path{fill:context-stroke}
.graph .added>.box,.graph .succeeded>.box{stroke:var(--good);stroke-width:3}
.graph .removed>.box,.graph .failed>.box{stroke:var(--bad);stroke-width:3;stroke-dasharray:7 3}
.graph .changed>.box,.graph .retried>.box{stroke:var(--warn);stroke-width:3}
.graph .untouched{opacity:.45}
.graph .edge.added,.graph .edge.taken{stroke:var(--good);stroke-width:2.6}.graph .edge.removed{stroke:var(--bad);stroke-width:2.6}
"""


@dataclass(frozen=True)
class Box:
    """A state that has a place: the middle of its box, in pixels."""

    state: State | None
    x: float
    y: float
    width: float
    height: float
    inner: tuple[Drawing, ...] = ()


@dataclass(frozen=True)
class Line:
    """An edge that has a way."""

    source: str
    target: str
    points: tuple[Point, ...]
    is_caught: bool


@dataclass(frozen=True)
class Drawing:
    """A scope of states that is laid out; its upper left corner is at 0, 0."""

    width: float
    height: float
    boxes: Mapping[str, Box] = field(default_factory=dict)
    lines: tuple[Line, ...] = ()


def svg(  # noqa: PLR0913 - what a drawing may be told, all by name
    machine: StateMachine,
    *,
    marks: Mapping[str, str] | None = None,
    marked_edges: Collection[tuple[str, str]] = (),
    edge_mark: str = "added",
    title: str = "State graph",
    identity: str = "graph",
    is_dimmed: bool = False,
) -> str:
    """Return the graph as an SVG element.

    `marks` gives states, by their pointers, a class: added, removed, changed, succeeded, failed, retried. With
    `is_dimmed` the others are drawn faintly. `identity` tells several drawings of one page apart.
    """
    drawing = lay_out(machine)
    margin = 12
    width, height = drawing.width + 2 * margin, drawing.height + 2 * margin
    painter = _Painter(marks or {}, frozenset(marked_edges), edge_mark, identity, is_dimmed)
    body = "".join(painter.scope(drawing, margin, margin))
    return (
        f'<svg class="graph" xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(title)}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" '
        f'style="min-width:{width * SMALLEST:.0f}px">'
        f"<title>{escape(title)}</title><style>{STYLE}</style>"
        f'<defs><marker id="{identity}-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" '
        f'orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>{body}</svg>'
    )


def lay_out(machine: StateMachine) -> Drawing:
    """Return where the states of a scope are drawn, and those inside of them."""
    sizes: dict[str, tuple[float, float]] = {}
    inner: dict[str, tuple[Drawing, ...]] = {}
    for name, state in machine.states.items():
        inner[name] = tuple(lay_out(scope) for scope in state.scopes)
        sizes[name] = _size(state, inner[name])
    edges = _edges(machine)
    names = list(machine.states)
    if machine.start_at is not None and machine.start_at in machine.states:
        names.insert(0, START + "\0")
        sizes[START + "\0"] = (18, 18)
        edges = {(START + "\0", machine.start_at): False, **edges}
    if not names:
        return Drawing(0, 0)
    places, ways = _layers(names, sizes, edges)
    left = min(places[name][0] - sizes[name][0] / 2 for name in names)
    left = min([left, *(x for points in ways.values() for x, _ in points)])
    top = min(places[name][1] - sizes[name][1] / 2 for name in names)
    boxes = {
        name: Box(
            machine.states.get(name),
            places[name][0] - left,
            places[name][1] - top,
            *sizes[name],
            inner.get(name, ()),
        )
        for name in names
    }
    lines = tuple(
        Line(source, target, tuple((x - left, y - top) for x, y in ways[source, target]), caught)
        for (source, target), caught in edges.items()
    )
    right = max(
        [*(box.x + box.width / 2 for box in boxes.values()), *(x for line in lines for x, _ in line.points)]
    )
    bottom = max(box.y + box.height / 2 for box in boxes.values())
    return Drawing(right, bottom, boxes, lines)


def _size(state: State, inner: tuple[Drawing, ...]) -> tuple[float, float]:
    lines = [state.name] if inner else _lines(state.name)
    own = max(map(len, lines)) * CHARACTER + 2 * PADDING + (12 if isinstance(state, Choice) else 0)
    if not inner:
        return own, HEIGHT + LINE * (len(lines) - 1)
    width = sum(drawing.width + PADDING for drawing in inner) + PADDING
    return max(own, width), max(drawing.height for drawing in inner) + TITLE + 2 * PADDING


def _lines(name: str) -> list[str]:
    """Break a name between its words, into two lines that are as equal as they can be."""
    words = re.findall(r"[A-Z]*[^A-Z\s_-]+[\s_-]*|[A-Z]+", name)
    if len(name) <= LONGEST_LINE or len(words) < 2 or "".join(words) != name:
        return [name]
    breaks = ("".join(words[:index]) for index in range(1, len(words)))
    first = min(breaks, key=lambda text: abs(len(name) - 2 * len(text)))
    return [first.strip(), name[len(first) :]]


def _edges(machine: StateMachine) -> dict[tuple[str, str], bool]:
    """Return the edges, and whether only an error takes them."""
    found: dict[tuple[str, str], bool] = {}
    for state in machine.states.values():
        for transition in state.transitions():
            if transition.target in machine.states:
                key = state.name, transition.target
                found[key] = found.get(key, True) and transition.kind is TransitionKind.CATCH
    return found


def _layers(
    names: list[str], sizes: Mapping[str, tuple[float, float]], edges: Mapping[tuple[str, str], bool]
) -> tuple[dict[str, Point], dict[tuple[str, str], tuple[Point, ...]]]:
    """Place the states in layers; parts that nothing connects stand beside each other."""
    from grandalf.graphs import Edge, Graph, Vertex  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: PLC0415  # only drawing needs it
    from grandalf.layouts import SugiyamaLayout  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: PLC0415  # see above

    vertices = {name: Vertex(name) for name in names}
    for name, vertex in vertices.items():
        vertex.view = _View(*sizes[name])
    turned = _back_edges(names, edges)
    drawn: dict[tuple[str, str], Any] = {}
    for source, target in edges:
        if source != target and (source, target) not in drawn and (target, source) not in drawn:
            ends = (target, source) if (source, target) in turned else (source, target)
            edge = Edge(vertices[ends[0]], vertices[ends[1]])
            edge.view = _Way()
            drawn[source, target] = edge
    graph = Graph(list(vertices.values()), list(drawn.values()))
    offset = 0.0
    order = {name: index for index, name in enumerate(names)}
    for part in sorted(graph.C, key=lambda part: min(order[vertex.data] for vertex in part.sV)):
        members = sorted((vertex for vertex in part.sV), key=lambda vertex: order[vertex.data])
        if len(members) == 1:
            members[0].view.xy = (0.0, 0.0)
        else:
            layout = SugiyamaLayout(part)
            layout.xspace, layout.yspace = GAP_X, GAP_Y
            roots = [vertex for vertex in members if not vertex.e_in()]
            layout.init_all(roots=roots or members[:1], inverted_edges=[])
            layout.draw(8)
        left = min(vertex.view.xy[0] - vertex.view.w / 2 for vertex in members)
        shift = offset - left
        offset += max(vertex.view.xy[0] + vertex.view.w / 2 for vertex in members) - left + GAP_X
        for vertex in members:
            vertex.view.xy = (vertex.view.xy[0] + shift, vertex.view.xy[1])
        for edge in part.sE:
            edge.view.points = [(x + shift, y) for x, y in edge.view.points]
    places = {name: vertex.view.xy for name, vertex in vertices.items()}
    return places, {pair: tuple(_way(pair, drawn, turned, places, sizes)) for pair in edges}


def _way(
    pair: tuple[str, str],
    drawn: Mapping[tuple[str, str], Any],
    turned: Collection[tuple[str, str]],
    places: Mapping[str, Point],
    sizes: Mapping[str, tuple[float, float]],
) -> list[Point]:
    source, target = pair
    (x, y), (width, height) = places[source], sizes[source]
    if source == target:
        side = x + width / 2
        return [(side, y - 6), (side + 22, y), (side, y + 6)]
    between: list[Point] = []
    if pair in drawn:
        between = list(drawn[pair].view.points[1:-1])
        if pair in turned:
            between.reverse()
    (end_x, end_y), (_, end_height) = places[target], sizes[target]
    down = end_y > y
    if not down and not between:  # a turn back, beside the boxes
        side = max(x + width / 2, end_x + sizes[target][0] / 2) + 14
        return [(x + width / 2, y), (side, (y + end_y) / 2), (end_x + sizes[target][0] / 2, end_y)]
    return [
        (x, y + (height / 2 if down else -height / 2)),
        *between,
        (end_x, end_y + (-end_height / 2 if down else end_height / 2)),
    ]


def _back_edges(names: list[str], edges: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return edges that close a loop, as a walk in the order of the document finds them."""
    following: dict[str, list[str]] = {name: [] for name in names}
    for source, target in edges:
        following[source].append(target)
    done: set[str] = set()
    found: set[tuple[str, str]] = set()
    for root in names:
        if root in done:
            continue
        path: dict[str, Iterator[str]] = {root: iter(following[root])}
        while path:
            name = next(reversed(path))
            following_target = next(path[name], None)
            if following_target is None:
                done.add(name)
                del path[name]
                continue
            target = following_target
            if target in path:
                found.add((name, target))
            elif target not in done:
                path[target] = iter(following[target])
    return found


class _View:
    """What the layout wants to know of a vertex, and writes to it."""

    def __init__(self, width: float, height: float):
        self.w = width
        self.h = height
        self.xy: Point = (0.0, 0.0)


class _Way:
    """What the layout writes to an edge."""

    def __init__(self) -> None:
        self.points: list[Point] = []

    def setpath(self, points: list[Point]) -> None:
        """Keep the points that an edge goes through."""
        self.points = [(float(x), float(y)) for x, y in points]


@dataclass(frozen=True)
class _Painter:
    marks: Mapping[str, str]
    edges: frozenset[tuple[str, str]]
    edge_mark: str
    identity: str
    is_dimmed: bool

    def scope(self, drawing: Drawing, x: float, y: float) -> Iterator[str]:
        """Yield the elements of a scope: edges below, boxes above."""
        for line in drawing.lines:
            yield self._line(drawing, line, x, y)
        for name, box in drawing.boxes.items():
            yield from self._box(name, box, x, y)

    def _line(self, drawing: Drawing, line: Line, x: float, y: float) -> str:
        ends = tuple(self._pointer(drawing.boxes[name]) for name in (line.source, line.target))
        classes = ["edge"]
        if line.is_caught:
            classes.append("caught")
        if ends in self.edges:
            classes.append(self.edge_mark)
        elif self.is_dimmed:
            classes.append("untouched")
        points = [(px + x, py + y) for px, py in line.points]
        return (
            f'<path class="{" ".join(classes)}" d="{_curve(points)}" marker-end="url(#{self.identity}-tip)"/>'
        )

    @staticmethod
    def _pointer(box: Box) -> str:
        return "" if box.state is None else str(box.state.pointer)

    def _box(self, name: str, box: Box, x: float, y: float) -> Iterator[str]:
        left, top = box.x - box.width / 2 + x, box.y - box.height / 2 + y
        if box.state is None:
            yield f'<circle class="box" cx="{box.x + x:.1f}" cy="{box.y + y:.1f}" r="7"/>'
            return
        mark = self.marks.get(self._pointer(box), "untouched" if self.is_dimmed and not box.inner else "")
        said = f" ({mark})" if mark and mark != "untouched" else ""
        yield f'<g class="{box.state.type}{" " + mark if mark else ""}"><title>{escape(name)}: {box.state.type}{said}</title>'
        yield _shape(box.state, left, top, box.width, box.height)
        lines = [name] if box.inner else _lines(name)
        label_y = top + TITLE / 2 + 4 if box.inner else box.y + y - LINE * (len(lines) - 1) / 2
        for index, line in enumerate(lines):
            yield f'<text x="{box.x + x:.1f}" y="{label_y + LINE * index:.1f}">{escape(line)}</text>'
        at = left + PADDING
        for drawing in box.inner:
            yield from self.scope(drawing, at, top + TITLE + PADDING)
            at += drawing.width + PADDING
        yield "</g>"


def _shape(state: State, left: float, top: float, width: float, height: float) -> str:
    if isinstance(state, Choice):
        cut = 12
        points = [
            (left + cut, top),
            (left + width - cut, top),
            (left + width, top + height / 2),
            (left + width - cut, top + height),
            (left + cut, top + height),
            (left, top + height / 2),
        ]
        return '<polygon class="box" points="' + " ".join(f"{px:.1f},{py:.1f}" for px, py in points) + '"/>'
    if isinstance(state, Succeed | Fail | Wait):
        radius = height / 2
    else:
        radius = 3 if isinstance(state, Task | Parallel | Map) else 10
    return f'<rect class="box" x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" rx="{radius:.1f}"/>'


def _curve(points: list[Point]) -> str:
    """Return a path that enters and leaves each point upright."""
    (x, y), *rest = points
    text = f"M{x:.1f} {y:.1f}"
    for end_x, end_y in rest:
        middle = (y + end_y) / 2
        text += f"C{x:.1f} {middle:.1f} {end_x:.1f} {middle:.1f} {end_x:.1f} {end_y:.1f}"
        x, y = end_x, end_y
    return text
