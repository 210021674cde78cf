"""Permissions as sets of requests, and what one set allows that another does not.

A request is a principal, an action, a resource and a context. Statements cut each of those into cells within which
no statement tells two requests apart (`wildcards.witnesses`, `conditions.possible_values`), so that trying one
request of each cell decides exactly whether a change is wider, narrower, both, or neither. Fn::If takes part as
one more condition: what holds under some setting of the template's conditions counts.

It does not judge across accounts, session policies or service control policies: they are in no template.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from review.conditions import CONDITION_PREFIX, Condition, Context, Values, possible_values
from review.wildcards import FRESH, matches, witnesses

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from review.model import Place

MOST_CONTEXTS = 20_000
"""Contexts of one cell that are tried; beyond, the comparison says that it cannot tell."""


@dataclass(frozen=True, slots=True)
class Patterns:
    """A set of texts: what some pattern matches, or what none does."""

    patterns: frozenset[str]
    is_complement: bool = False

    def holds(self, text: str) -> bool:
        """Tell whether a text is in the set."""
        return any(matches(pattern, text) for pattern in self.patterns) is not self.is_complement

    def matching(self, text: str) -> list[str]:
        """Return how the set is written where it holds a text, for a reader."""
        if self.is_complement:
            return ["everything but " + ", ".join(sorted(self.patterns))]
        return sorted(pattern for pattern in self.patterns if matches(pattern, text))


ANYTHING = Patterns(frozenset({"*"}))


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a policy, under the settings of the template's conditions that make it so."""

    allows: bool
    actions: Patterns
    """In lower case: actions have no case."""
    resources: Patterns = ANYTHING
    principals: Patterns = ANYTHING
    conditions: tuple[Condition, ...] = ()
    written: tuple[tuple[str, str], ...] = ()
    """Actions in lower case, and as they are written."""
    place: Place | None = None
    managed_by: str = ""
    """The managed policy that it comes from; empty where the template writes it."""

    @property
    def meaning(self) -> tuple[object, ...]:
        """What it says, without how and where."""
        return self.allows, self.actions, self.resources, self.principals, self.conditions

    def covers(self, principal: str, action: str, resource: str) -> bool:
        """Tell whether it speaks of a request, its conditions aside."""
        return (
            self.actions.holds(action) and self.resources.holds(resource) and self.principals.holds(principal)
        )

    def holds(self, context: Context) -> bool:
        """Tell whether its conditions hold."""
        return all(condition.holds(context) for condition in self.conditions)


@dataclass(frozen=True, slots=True)
class PermissionSet:
    """What a principal may do: each layer must allow it, and no statement may deny it."""

    layers: tuple[tuple[Statement, ...], ...]
    """The identity's policies; then, where there is one, the permissions boundary."""

    @property
    def statements(self) -> Iterator[Statement]:
        """All statements of all layers."""
        for layer in self.layers:
            yield from layer

    @property
    def meaning(self) -> frozenset[object]:
        """What it says; equal meanings allow the same."""
        return frozenset(
            (index, statement.meaning) for index, layer in enumerate(self.layers) for statement in layer
        ) | {len(self.layers)}

    def covering(self, principal: str, action: str, resource: str) -> PermissionSet:
        """Return the statements that speak of a request."""
        return PermissionSet(
            tuple(
                tuple(each for each in layer if each.covers(principal, action, resource))
                for layer in self.layers
            )
        )

    def allows(self, context: Context) -> bool:
        """Tell whether a request is allowed by statements that all speak of it."""
        if any(not each.allows and each.holds(context) for each in self.statements):
            return False
        return bool(self.layers) and all(
            any(each.allows and each.holds(context) for each in layer) for layer in self.layers
        )


NOTHING = PermissionSet(((),))


@dataclass(frozen=True, slots=True, order=True)
class Gain:
    """Something that is allowed now, and was not."""

    action: str
    """As the policy writes it."""
    resource: str
    condition: str
    principal: str
    cause: str
    """Why: empty where a statement allows it, else what no longer holds it back."""
    managed_by: str = ""


@dataclass(frozen=True, slots=True)
class Gains:
    """What one set allows beyond another."""

    rows: tuple[Gain, ...]
    is_certain: bool = True
    """Whether all cells were tried."""
    places: tuple[Place, ...] = ()


def gained(before: PermissionSet, after: PermissionSet) -> Gains:
    """Return what `after` allows and `before` does not."""
    if before.meaning == after.meaning:
        return Gains(())
    both = [*before.statements, *after.statements]
    principals = _cells(each.principals for each in both)
    actions = _cells(each.actions for each in both)
    resources = _cells(each.resources for each in both)
    rows: dict[Gain, Place | None] = {}
    is_certain = True
    for some_principals, some_actions, some_resources in product(principals, actions, resources):
        request = some_principals[0], some_actions[0], some_resources[0]
        old, new = before.covering(*request), after.covering(*request)
        if old.meaning == new.meaning or not any(each.allows for each in new.statements):
            continue
        context, is_whole = _context_gained(old, new)
        is_certain = is_certain and is_whole
        if context is not None:
            for principal in some_principals:
                for action in some_actions:
                    for resource in some_resources:
                        rows |= _rows(old, new, (principal, action, resource), context)
    places = dict.fromkeys(place for place in rows.values() if place is not None)
    return Gains(tuple(sorted(_without_covered(rows))), is_certain, tuple(places))


def _cells(sets: Iterable[Patterns]) -> list[list[str]]:
    """Return texts in groups that no statement tells apart."""
    distinct = list(dict.fromkeys(sets))
    groups: dict[tuple[bool, ...], list[str]] = {}
    for text in witnesses(frozenset().union(*(each.patterns for each in distinct))):
        groups.setdefault(tuple(each.holds(text) for each in distinct), []).append(text)
    return list(groups.values())


def _context_gained(old: PermissionSet, new: PermissionSet) -> tuple[Context | None, bool]:
    """Return a context in which `new` allows and `old` does not, and whether all were tried."""
    by_key: dict[str, list[Condition]] = {}
    for statement in {each.meaning: each for each in (*old.statements, *new.statements)}.values():
        for condition in statement.conditions:
            by_key.setdefault(condition.key.lower(), []).append(condition)
    choices: dict[str, list[Values]] = {
        key: [("true",), ("false",)] if key.startswith(CONDITION_PREFIX) else _told_apart(conditions, key)
        for key, conditions in by_key.items()
    }
    for tried, values in enumerate(product(*choices.values())):
        if tried >= MOST_CONTEXTS:
            return None, False
        context = dict(zip(choices, values, strict=True))
        if new.allows(context) and not old.allows(context):
            return context, True
    return None, True


def _told_apart(conditions: list[Condition], key: str) -> list[Values]:
    """Return one value for each way in which the conditions of a key can turn out."""
    ways: dict[tuple[bool, ...], Values] = {}
    distinct = list(dict.fromkeys(conditions))
    for values in possible_values(distinct):
        context = {key: values}
        ways.setdefault(tuple(condition.holds(context) for condition in distinct), values)
    return list(ways.values())


def _rows(
    old: PermissionSet, new: PermissionSet, request: tuple[str, str, str], context: Context
) -> Mapping[Gain, Place | None]:
    principal, action, resource = request
    cause, denying = _cause(old, context)
    found: dict[Gain, Place | None] = {}
    known = {each.meaning for each in old.layers[0]} if old.layers else set()
    allowing = [each for each in new.layers[0] if each.allows and each.holds(context)]
    for statement in [each for each in allowing if each.meaning not in known] or allowing:
        shown = denying or statement
        written = dict(shown.written)
        for pattern in shown.actions.matching(action):
            for target in shown.resources.matching(resource):
                for who in statement.principals.matching(principal):
                    gain = Gain(
                        written.get(pattern, pattern),
                        target,
                        "; ".join(map(str, statement.conditions)),
                        who,
                        cause,
                        statement.managed_by,
                    )
                    found[gain] = shown.place
    return found


def _cause(old: PermissionSet, context: Context) -> tuple[str, Statement | None]:
    """Return what held a request back before, where a statement allowed it already."""
    allowed = old.layers and any(each.allows and each.holds(context) for each in old.layers[0])
    if not allowed:
        return "", None
    denying = next((each for each in old.statements if not each.allows and each.holds(context)), None)
    if denying is not None:
        return "no longer denied", denying
    return "no longer held back by the permissions boundary", None


def _without_covered(rows: Mapping[Gain, Place | None]) -> Iterator[Gain]:
    """Leave out rows that another row says more widely; of two that say the same, one stays."""
    for row in rows:
        if not any(
            _says(other, row) and not (_says(row, other) and row < other) for other in rows if other != row
        ):
            yield row


def _says(wide: Gain, narrow: Gain) -> bool:
    """Tell whether a row says all that another one does."""
    return (
        (wide.condition, wide.principal, wide.cause) == (narrow.condition, narrow.principal, narrow.cause)
        and matches(wide.action.lower(), _longest(narrow.action.lower()))
        and matches(wide.resource, _longest(narrow.resource))
    )


def _longest(pattern: str) -> str:
    """Return a text that a pattern matches, and few others do."""
    return pattern.replace("*", FRESH * 3).replace("?", FRESH)
