"""Rules about paths: what they read must be there, and be what is wanted."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from states_language.diagnostics import Finding, Severity
from states_language.document import Choice, Map, Parallel, Pass, Task
from states_language.flow import Obstacle, Purpose
from states_language.paths import Name, PathError, Root, parse_path
from states_language.rules.graph import closure
from states_language.spelling import differs_by_case, listed, nearest
from states_language.types import (
    CONTRACT,
    ListType,
    ScalarType,
    StructureType,
    Type,
    UnionType,
    describe,
    is_open,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from states_language.document import State, StateMachine
    from states_language.flow import Gap, Read
    from states_language.pointer import Pointer
    from states_language.rules.subject import Subject

ONE_VALUE: Final = frozenset({Purpose.TEST, Purpose.NUMBER, Purpose.STRING, Purpose.TIMESTAMP})
"""Purposes for which a list, as an indefinite path gives it, is of no use."""


def check(subject: Subject) -> Iterator[Finding]:
    """Report the paths that fail, or may."""
    setters = _Setters(subject)
    for bad in subject.facts.syntax:
        if not bad.is_intrinsic:
            yield Finding("invalid-path", bad.pointer, f"'{bad.text}': {bad.message}", offset=bad.offset)
    seen: set[tuple[Pointer, int]] = set()
    for read in subject.facts.reads:
        if (read.pointer, read.offset) not in seen:
            seen.add((read.pointer, read.offset))
            yield from _judge(read, subject, setters)


def _judge(read: Read, subject: Subject, setters: _Setters) -> Iterator[Finding]:
    failure = read.resolution.failure
    if failure is not None:
        found = _failed(read, failure, subject, setters)
        # In a larger expression nothing, too, is a value: it may be what the expression asks for.
        yield replace(found, severity=Severity.WARNING) if read.purpose is Purpose.PART else found
        return
    if read.purpose is Purpose.PART:
        return
    if read.purpose in ONE_VALUE and not _gives_one(read):
        yield Finding(
            "indefinite-path",
            read.pointer,
            f"'{read.path.text}' gives a list, where one value must stand.",
            "Name the one value by fields and indexes; '*', '..' and filters always give a list.",
            read.offset,
        )
    elif read.purpose is Purpose.ITEMS:
        yield from _items(read)
    elif read.purpose in _WANTED:
        yield from _wanted(read)
    if read.purpose is not Purpose.PRESENCE:
        yield from _uncertain(read, subject, setters)


def _gives_one(read: Read) -> bool:
    return read.path.is_definite or not isinstance(read.resolution.type, ListType)


_WANTED: Final[Mapping[Purpose, str]] = {
    Purpose.NUMBER: "number",
    Purpose.STRING: "string",
    Purpose.TIMESTAMP: "string",
}


def _wanted(read: Read) -> Iterator[Finding]:
    kind = read.resolution.type
    wanted = _WANTED[read.purpose]
    if (
        isinstance(kind, UnionType)
        or is_open(kind)
        or (isinstance(kind, ScalarType) and wanted in {entry.value for entry in kind.kinds})
    ):
        return
    yield Finding(
        "mistyped-field",
        read.pointer,
        f"'{read.path.text}' gives {_a(describe(kind))}; a {read.purpose.value} must stand here.",
        offset=read.offset,
        # A string may hold a number: Step Functions reads it (recorded: MaxItemsPerBatchPath of "2").
        severity=Severity.WARNING if isinstance(kind, ScalarType) else None,
    )


def _items(read: Read) -> Iterator[Finding]:
    kind = read.resolution.type
    if isinstance(kind, ScalarType | StructureType) and not is_open(kind):
        lists = (
            [name for name, member in kind.members.items() if isinstance(member.type, ListType)]
            if isinstance(kind, StructureType)
            else []
        )
        advice = f"It has the {'list' if len(lists) == 1 else 'lists'} {listed(lists)}." if lists else ""
        yield Finding(
            "mistyped-field",
            read.pointer,
            f"'{read.path.text}' gives {_a(describe(kind))}; a Map goes over a list.",
            advice,
            read.offset,
        )


def _a(text: str) -> str:
    return text if text.startswith(("anything", "one ")) else f"{'an' if text[:1] in 'aeiou' else 'a'} {text}"


# Paths that never resolve


def _failed(read: Read, gap: Gap, subject: Subject, setters: _Setters) -> Finding:
    offset = read.offset + gap.offset
    place = read.path.prefix(max(gap.position, 0))
    if gap.position < 0:
        return _variable(read, gap, subject)
    if gap.obstacle is Obstacle.MISSING and isinstance(gap.parent, StructureType):
        code, message, advice = _missing(read, gap, place, setters)
    elif gap.obstacle is Obstacle.OUT_OF_RANGE:
        assert isinstance(gap.parent, ListType)  # noqa: S101 - only lists have a range
        code = "unresolved-path"
        message = f"{place} has {len(gap.parent.items)} items, none at {gap.step}."
        advice = ""
    elif gap.obstacle is Obstacle.MISSING:
        code, message, advice = "unresolved-path", f"Nothing inside {place} has a field '{gap.name}'.", ""
    else:
        code = "path-into-scalar"
        message = f"{place} is {_a(describe(gap.parent))}: {_step_text(gap)} leads nowhere."
        advice = _into_advice(read, gap)
    if gap.in_filter:
        message = f"The filter never matches: {message}"
    if read.purpose is Purpose.PRESENCE and not gap.in_filter:
        return Finding("never-present", read.pointer, f"This is never there: {message}", advice, offset)
    return Finding(code, read.pointer, message, advice, offset)


def _step_text(gap: Gap) -> str:
    return f"the field '{gap.name}'" if isinstance(gap.step, Name) else f"'{gap.step}'"


def _into_advice(read: Read, gap: Gap) -> str:
    if gap.obstacle is Obstacle.NOT_AN_OBJECT:
        before, after = read.path.prefix(gap.position), read.path.prefix(gap.position + 1)
        rest = after[len(before) :]
        return f"Take one item first, '{before}[0]{rest}', or all of them, '{before}[*]{rest}'."
    if gap.obstacle is Obstacle.NOT_A_LIST and isinstance(gap.parent, StructureType):
        lists = [name for name, member in gap.parent.members.items() if isinstance(member.type, ListType)]
        if lists:
            return f"Did you mean '{read.path.prefix(gap.position)}.{lists[0]}{gap.step}'?"
    if isinstance(gap.parent, ScalarType):
        return (
            "A string that holds JSON is read by States.StringToJson." if "string" in gap.parent.kinds else ""
        )
    return ""


def _missing(read: Read, gap: Gap, place: str, setters: _Setters) -> tuple[str, str, str]:
    """Return the code, the message and the advice for a member that its structure does not have."""
    parent = gap.parent
    assert isinstance(parent, StructureType)  # noqa: S101 - its caller looked
    what = parent.name or (parent.origin.text if parent.origin else "") or "object"
    message = f"{place} ({what}) has no field '{gap.name}'."
    cased = differs_by_case(gap.name, parent.members)
    if cased is not None:
        return "wrong-case-path", message, f"Did you mean '{cased}'?"
    origin = parent.origin
    if origin is not None and _has(origin.before, gap.name):
        return (
            "removed-field",
            message,
            f"{origin.reason} of '{origin.state}' left it out: {_REMEDIES.get(origin.reason, '')}",
        )
    setter = setters.find(read, gap)
    if setter is not None:
        return (setter[0], message, setter[1])
    deeper = _deeper(parent, gap, read)
    if deeper is not None:
        return "unresolved-path", message, deeper
    meant = nearest(gap.name, parent.members)
    if meant is not None:
        return "unresolved-path", message, f"Did you mean '{meant}'?"
    return (
        "unresolved-path",
        message,
        f"It has {listed(parent.members)}." if parent.members else "It is empty.",
    )


_REMEDIES: Final = {
    "ResultPath": "the result took the input's place. Give that state a ResultPath such as '$.result'.",
    "ResultSelector": "name it there, or take it from the result.",
    "OutputPath": "it passes only a part on.",
    "InputPath": "it passes only a part in.",
    "Catch": "the error output took the input's place. Give the catcher a ResultPath such as '$.error'.",
}


def _has(kind: Type | None, name: str) -> bool:
    if isinstance(kind, UnionType):
        return any(_has(option, name) for option in kind.options)
    return isinstance(kind, StructureType) and name in kind.members


def _deeper(parent: StructureType, gap: Gap, read: Read) -> str | None:
    """Say where the member is when it is one level further down: a forgotten envelope."""
    place = read.path.prefix(gap.position)
    for name, member in parent.members.items():
        if _has(member.type, gap.name):
            return f"Did you mean '{place}.{name}.{gap.name}'?"
    if "Payload" in parent.members:
        return f"A function's answer stands in 'Payload': '{place}.Payload.{gap.name}'."
    return None


def _variable(read: Read, gap: Gap, subject: Subject) -> Finding:
    variables = gap.parent
    assert isinstance(variables, StructureType)  # noqa: S101 - variables are one
    names = set(variables.members) | {name for state in subject.states.values() for name in _assigned(state)}
    if gap.name in names:
        advice = "It is assigned in another scope, or later."
        severity = Severity.ERROR
    elif meant := nearest(gap.name, names | ({"states"} if "states" in variables.members else set())):
        advice, severity = f"Did you mean '${meant}'?", Severity.ERROR
    else:
        # A branch or an iteration may be checked alone: the states around it may assign the variable.
        advice, severity = "No state of this document assigns it.", Severity.WARNING
    return Finding(
        "unset-variable",
        read.pointer,
        f"The variable '${gap.name}' is not set here.",
        advice,
        read.offset,
        severity=severity,
    )


def _assigned(state: State) -> Iterator[str]:
    places: list[Any] = [state.fields, *(catcher.fields for catcher in state.catchers)]
    places += [rule.fields for rule in getattr(state, "rules", ())]
    for fields in places:
        if isinstance(template := fields.get("Assign"), dict):
            yield from (key.removesuffix(".$") for key in template)


# Paths that may fail


def _uncertain(read: Read, subject: Subject, setters: _Setters) -> Iterator[Finding]:
    found = [_doubt(read, gap, subject, setters) for gap in read.resolution.gaps if not gap.in_filter]
    doubts = [finding for finding in found if finding is not None]
    # One doubt is enough: the first that is more than the API's silence about a member.
    yield from [finding for finding in doubts if finding.code != "member-may-be-absent"][:1] or doubts[:1]


def _doubt(read: Read, gap: Gap, subject: Subject, setters: _Setters) -> Finding | None:
    place = read.path.prefix(gap.position + 1)
    offset = read.offset + gap.offset
    match gap.obstacle:
        case Obstacle.OPEN:
            cased = _other_case(gap)
            if cased is not None:
                return Finding(
                    "wrong-case-path",
                    read.pointer,
                    f"Nothing has set {place}; only the execution's input could hold it.",
                    f"Did you mean '{cased}', which was set before?",
                    offset,
                    severity=Severity.WARNING,
                )
            setter = setters.find(read, gap)
            if setter is None:
                return None
            return Finding(
                setter[0],
                read.pointer,
                f"Nothing has set {place} before this state; only the execution's input could hold it.",
                setter[1],
                offset,
                severity=Severity.WARNING,
            )
        case Obstacle.SOME_PATHS:
            return Finding(
                "field-not-on-every-path",
                read.pointer,
                f"{place} is set on some of the paths that lead to '{read.state.name}', not on all.",
                f"Set it on the others too. {_guard(read, place)}",
                offset,
                severity=Severity.ERROR if _is_met_unguarded(read, gap, subject) else None,
            )
        case Obstacle.MAY_BE_SHORT:
            if read.state.query_language == "JSONata":
                return None
            return Finding(
                "index-may-fail",
                read.pointer,
                f"{read.path.prefix(gap.position)} may have no item at {gap.step}: that is States.Runtime, which nothing catches.",
                _guard(read, place),
                offset,
            )
        case Obstacle.OPTIONAL | Obstacle.MAP_KEY:
            origin = gap.parent.origin if isinstance(gap.parent, StructureType) else None
            return Finding(
                "member-may-be-absent",
                read.pointer,
                f"'{gap.name}' may be absent from {place.rpartition('.')[0] or '$'} ({describe(gap.parent)}).",
                _guard(read, place),
                offset,
                # A contract means what it says; an API's model often does not.
                severity=Severity.WARNING if origin is not None and origin.text == CONTRACT.text else None,
            )
    return None


def _guard(read: Read, place: str) -> str:
    """Say how a read is guarded: by a Choice before it; in JSONata in the expression; not in a ResultSelector."""
    if read.state.query_language == "JSONata":
        return f"Ask '$exists({place})' first."
    if "ResultSelector" in read.pointer.steps:
        return (
            "Nothing guards a ResultSelector: keep what holds it, and take it after a Choice with IsPresent."
        )
    return f'Guard it by a Choice: "Variable": "{place}", "IsPresent": true.'


def _other_case(gap: Gap) -> str | None:
    """Return the member of an open structure that the document set, and that differs by case only."""
    return differs_by_case(gap.name, gap.parent.members) if isinstance(gap.parent, StructureType) else None


def _is_met_unguarded(read: Read, gap: Gap, subject: Subject) -> bool:
    """Tell whether a path that lacks the field leads from where the paths met to here past no Choice.

    A Choice on the way may know, by other data, on which path the execution came.
    """
    machine = None if read.scope is None else subject.scopes.get(read.scope)
    if machine is None or gap.merged_at not in machine.states:
        return False
    known = subject.unguarded
    key = (machine.pointer, gap.merged_at)
    if key not in known:
        edges = {
            name: [] if isinstance(state, Choice) else [edge.target for edge in state.transitions()]
            for name, state in machine.states.items()
        }
        known[key] = closure([gap.merged_at], edges)
    return read.state.name in known[key]


# Who sets a field


class _Setters:
    """Which states of a scope set a field of the data, and how: `ResultPath`, `output` or `Catch`."""

    def __init__(self, subject: Subject):
        self._subject = subject
        self._tables: dict[Pointer, dict[str, list[tuple[str, str]]]] = {}
        self._edges: dict[Pointer, dict[str, list[str]]] = {}

    def find(self, read: Read, gap: Gap) -> tuple[str, str] | None:
        """Return the code and the advice for a field of the raw input that another state sets."""
        if gap.position != 0 or read.path.root is not Root.INPUT or read.scope is None:
            return None
        entry = self._subject.facts.entries.get(read.state.pointer)
        if entry is None or not _is_data(gap.parent, entry.data):
            return None
        machine = self._subject.scopes.get(read.scope)
        if machine is None:
            return None
        table = self._table(machine)
        is_open = isinstance(gap.parent, StructureType) and gap.parent.rest is not None
        states = [
            (name, how)
            for name, how in table.get(gap.name, ())
            # What a whole output holds, the input may well hold too; a ResultPath is meant to add.
            if (name != read.state.name or how == "Catch") and not (is_open and how == "output")
        ]
        if not states:
            return None
        if all(how == "Catch" for _, how in states):
            names = listed(dict.fromkeys(name for name, _ in states))
            return "field-set-only-in-catch", f"Only the Catch of {names} sets it."
        names = listed(dict.fromkeys(name for name, how in states if how != "Catch"))
        later = closure([read.state.name], self._edges[machine.pointer])
        where = "later" if any(name in later for name, _ in states) else "on another path"
        return "field-set-later", f"{names} sets it {where}."

    def _table(self, machine: StateMachine) -> dict[str, list[tuple[str, str]]]:
        table = self._tables.get(machine.pointer)
        if table is None:
            found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
            for state in machine.states.values():
                for name, how in _fields_set(state):
                    found[name].append((state.name, how))
                for catcher in state.catchers:
                    if (caught := _first(catcher.result_path)) is not None:
                        found[caught].append((state.name, "Catch"))
            table = self._tables[machine.pointer] = dict(found)
            self._edges[machine.pointer] = {
                name: [edge.target for edge in state.transitions()] for name, state in machine.states.items()
            }
        return table


def _is_data(parent: Type, data: Type) -> bool:
    """Tell whether a structure is a state's raw input, as narrowing may have left it."""
    if parent is data:
        return True
    if isinstance(data, StructureType) and isinstance(parent, StructureType):
        return parent.rest is not None and parent.rest is data.rest
    return False


def _first(path: Any) -> str | None:
    if not isinstance(path, str):
        return None
    try:
        keys = parse_path(path).keys
    except PathError:
        return None
    return keys[0] if keys and isinstance(keys[0], str) else None


def _fields_set(state: State) -> Iterator[tuple[str, str]]:
    """Yield the fields of the data that a state's normal way sets, and whether by ResultPath or as its output."""
    if not isinstance(state, Task | Pass | Map | Parallel):
        return
    path = state.fields.get("ResultPath", "$")
    if (name := _first(path)) is not None:
        yield name, "ResultPath"
    if path == "$":
        keys = ("Parameters", "Result") if isinstance(state, Pass) else ("ResultSelector",)
        for template in (state.fields.get(key) for key in keys):
            if isinstance(template, dict):
                yield from ((entry.removesuffix(".$"), "output") for entry in template)
