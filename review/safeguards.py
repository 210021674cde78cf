"""Properties that keep a resource, or a call of a state machine, safe: which were lost and which were gained.

What is a safeguard is data (`data/safeguards.yaml`); the same table speaks of resources and of Tasks' parameters.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from review import tables
from review.model import Change, Gate, Level, Place, Section, Verb, code
from review.template import Resource, Template, alternatives, text_of
from states_language.pointer import ROOT, Pointer

UNKNOWN = -1.0
"""The rank of a value that the table does not know, a reference for example: less safe than any known one."""


@dataclass(frozen=True, slots=True)
class Safeguard:
    """One property, and how safe its values are."""

    of: str
    at: tuple[str, ...]
    what: str
    gate: Gate
    order: tuple[str, ...]
    absent: str
    absent_new: str
    compares: str
    """`order`, `more`, `less`, `holds`, `present`, or `removed`: the resource is the safeguard."""

    def rank(self, value: Any) -> float:
        """Return how safe a value is: the higher, the safer. Of the ways that Fn::Ifs leave, the least safe counts."""
        return min((self._rank(found) for _, found in alternatives(value)), default=UNKNOWN)

    def _rank(self, value: Any) -> float:
        match self.compares:
            case "present":
                return (
                    0.0 if value is None or value == {"Ref": "AWS::NoValue"} or value in ([], {}, "") else 1.0
                )
            case "holds":
                return float(isinstance(value, list) and self.order[0] in [text_of(entry) for entry in value])
            case "more" | "less":
                try:
                    number = float(self.absent if value is None else text_of(value))
                except ValueError:
                    return UNKNOWN
                return number if self.compares == "more" else -number
        text = self.absent if value is None else text_of(value)
        lowered = [known.lower() for known in self.order]
        return float(lowered.index(text.lower())) if text.lower() in lowered else UNKNOWN

    def told(self, *, is_lost: bool) -> str:
        """Say that the safeguard was lost, or gained."""
        if self.compares in ("more", "less"):
            return f"{self.what} for {'less' if is_lost else 'more'}"
        return f"{'no longer' if is_lost else 'now'}: {self.what}"

    def show(self, value: Any) -> str:
        """Write a value for a reader."""
        if value is None:
            return "not set"
        text = text_of(value)
        return code(text, 60)


@cache
def table() -> Mapping[str, list[Safeguard]]:
    """Return the safeguards by what they are of."""
    rows: list[dict[str, Any]] = tables.table("data/safeguards.yaml")
    found: dict[str, list[Safeguard]] = {}
    for row in rows:
        compares = next(
            (key for key in ("more", "less", "holds", "present", "removed") if key in row), "order"
        )
        absent = row.get("absent")
        found.setdefault(row["of"], []).append(
            Safeguard(
                row["of"],
                tuple(row.get("at", "").split("/")),
                row["what"],
                Gate(row["gate"]),
                tuple(text_of(value) for value in row.get("order", [row.get("holds")])),
                "inf" if absent == math.inf else text_of(absent),
                text_of(row.get("absent_new", absent)),
                compares,
            )
        )
    return found


def compare(before: Template, after: Template) -> Iterator[Change]:
    """Yield the safeguards of resources that were lost or gained."""
    for name, resource in before.resources.items():
        new = after.resources.get(name)
        if new is None or new.type != resource.type:
            yield from _gone(before, resource, Verb.LOST)
            yield from _exposed(before, resource, Verb.CLOSED)
    for name, resource in after.resources.items():
        old = before.resources.get(name)
        if old is None or old.type != resource.type:
            yield from _gone(after, resource, Verb.GAINED)
            yield from _exposed(after, resource, Verb.OPENED)
            continue
        place = Place(after.file, resource.pointer / "Properties")
        for safeguard in table().get(resource.type, ()):
            yield from of_values(
                safeguard, name, before.resolved(old.properties), after.resolved(resource.properties), place
            )


def _gone(template: Template, resource: Resource, verb: Verb) -> Iterator[Change]:
    for safeguard in table().get(resource.type, ()):
        if safeguard.compares == "removed":
            is_lost = verb is Verb.LOST
            yield Change(
                Section.SAFETY,
                verb,
                resource.name,
                f"{code(resource.name)} ({resource.type}): {'no longer: ' if is_lost else 'now: '}{safeguard.what}",
                Level.DANGER if is_lost else Level.NOTE,
                Place(template.file, resource.pointer, is_before=is_lost),
                frozenset({safeguard.gate}) if is_lost else frozenset(),
                facts={"safeguard": safeguard.what},
            )


def _exposed(template: Template, resource: Resource, verb: Verb) -> Iterator[Change]:
    """Tell of a resource that can be reached from outside, and that is added or removed."""
    opens = verb is Verb.OPENED
    for safeguard in table().get(resource.type, ()):
        if safeguard.gate is not Gate.EXPOSURE or safeguard.compares != "order":
            continue
        for pointer, value in _found(template.resolved(resource.properties), safeguard.at, ROOT) or [
            (ROOT, None)
        ]:
            given = safeguard.absent_new if value is None else value
            if safeguard.rank(given) < len(safeguard.order) - 1:
                yield Change(
                    Section.NETWORK,
                    verb,
                    resource.name,
                    f"{code(resource.name)} ({resource.type}) is {'added' if opens else 'removed'}; of it, it does not hold that "
                    f"{safeguard.what} ({code(safeguard.at[-1])} {safeguard.show(value)})",
                    Level.DANGER if opens else Level.NOTE,
                    Place(
                        template.file,
                        Pointer((*resource.pointer.steps, "Properties", *pointer.steps)),
                        not opens,
                    ),
                    frozenset({Gate.EXPOSURE}) if opens else frozenset(),
                    facts={"safeguard": safeguard.what},
                )


def of_values(safeguard: Safeguard, subject: str, before: Any, after: Any, place: Place) -> Iterator[Change]:
    """Yield what changed of one safeguard, where both sides are there; `place` is where the properties are."""
    if safeguard.compares == "removed":
        return
    old = dict(_by_entry(before, safeguard.at))
    new = dict(_by_entry(after, safeguard.at))
    for key in dict.fromkeys([*old, *new]):
        if key and (key not in old or key not in new):
            continue  # an entry of a list that was added or removed: it has no value from before
        was, now = old.get(key, (ROOT, None)), new.get(key, (ROOT, None))
        rank_before, rank_after = safeguard.rank(was[1]), safeguard.rank(now[1])
        if rank_before == rank_after:
            continue
        is_lost = rank_after < rank_before
        is_exposure = safeguard.gate is Gate.EXPOSURE
        verb = (
            (Verb.OPENED if is_lost else Verb.CLOSED)
            if is_exposure
            else (Verb.LOST if is_lost else Verb.GAINED)
        )
        of_entry = f" of {code(key)}" if key else ""
        yield Change(
            Section.NETWORK if is_exposure else Section.SAFETY,
            verb,
            subject,
            f"{code(subject)}: {safeguard.told(is_lost=is_lost)}{of_entry} "
            f"({code(safeguard.at[-1])} {safeguard.show(was[1])} → {safeguard.show(now[1])})",
            Level.DANGER if is_lost else Level.NOTE,
            Place(place.file, Pointer((*place.pointer.steps, *now[0].steps)), place.is_before),
            frozenset({safeguard.gate}) if is_lost else frozenset(),
            before=was[1],
            after=now[1],
            facts={"safeguard": safeguard.what},
        )


def _by_entry(value: Any, at: tuple[str, ...]) -> Iterator[tuple[str, tuple[Pointer, Any]]]:
    """Yield the values at a path, by the names of the lists' entries that lead to them."""
    if "*" not in at:
        found = _found(value, at, ROOT)
        yield "", found[0] if found else (ROOT, None)
        return
    star = at.index("*")
    for pointer, entries in _found(value, at[:star], ROOT):
        for index, entry in enumerate(entries if isinstance(entries, list) else []):
            name = entry.get("Name", entry.get("Id", index)) if isinstance(entry, Mapping) else index
            for more, (inner, leaf) in _by_entry(entry, at[star + 1 :]):
                yield (
                    f"{text_of(name)}{more and '/' + more}",
                    (Pointer((*pointer.steps, index, *inner.steps)), leaf),
                )


def _found(value: Any, at: tuple[str, ...], pointer: Pointer) -> list[tuple[Pointer, Any]]:
    if not at:
        return [(pointer, value)]
    if at[0] == "*":
        return [
            each
            for index, entry in enumerate(value if isinstance(value, list) else [])
            for each in _found(entry, at[1:], pointer / index)
        ]
    if isinstance(value, Mapping):
        for key in (at[0], f"{at[0]}.$"):
            if key in value:
                return _found(value[key], at[1:], pointer / key)
    return []
