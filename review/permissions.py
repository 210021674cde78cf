"""What a change lets somebody do, or no longer do."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from review import tables
from review.model import Change, Gate, Level, Place, Section, Verb, code
from review.permission_sets import Gains, PermissionSet, gained
from review.principals import Holder, acting_roles, holders, outside
from review.wildcards import matches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from review.template import Template

_OWN_ROLE = re.compile(r"\$\{(\w+)(?:\.Arn)?\}")


def compare(before: Template, after: Template) -> Iterator[Change]:
    """Yield what each principal gained and lost, and who acts in another's name now."""
    old, new = holders(before, is_before=True), holders(after, is_before=False)
    for key in [*old, *(key for key in new if key not in old)]:
        yield from _of_holder(old.get(key), new.get(key))
    yield from _of_roles(before, after, old, new)


def unchanged(before: Template, after: Template) -> set[str]:
    """Return the keys of holders that are on both sides and may do the same."""
    old, new = holders(before, is_before=True), holders(after, is_before=False)
    return {
        key
        for key in old.keys() & new.keys()
        if not gained(old[key].permissions, new[key].permissions).rows
        and not gained(new[key].permissions, old[key].permissions).rows
    }


def _of_holder(old: Holder | None, new: Holder | None) -> Iterator[Change]:
    shown = new or old
    if shown is None:
        return
    before = old.permissions if old else shown.without
    after = new.permissions if new else shown.without
    if before.meaning == after.meaning:
        return
    yield from _changes(Verb.WIDER, gained(before, after), shown, new or shown, after)
    yield from _changes(Verb.NARROWER, gained(after, before), shown, old or shown, after)


def _of_roles(
    before: Template, after: Template, old: Mapping[str, Holder], new: Mapping[str, Holder]
) -> Iterator[Change]:
    roles_before, roles_after = acting_roles(before), acting_roles(after)
    for key in sorted(roles_before.keys() & roles_after.keys()):
        was, now = roles_before[key][0], roles_after[key][0]
        if was == now:
            continue
        resource, role_property = key
        place = Place(after.file, roles_after[key][1])
        permissions_before, permissions_after = _permissions_of(was, old), _permissions_of(now, new)
        holder = Holder(f"acting {resource}", resource, "acting", permissions_after, place)
        wider = list(
            _changes(
                Verb.WIDER, gained(permissions_before, permissions_after), holder, holder, permissions_after
            )
        )
        narrower = list(
            _changes(
                Verb.NARROWER,
                gained(permissions_after, permissions_before),
                holder,
                holder,
                permissions_after,
            )
        )
        yield Change(
            Section.PERMISSIONS,
            Verb.CHANGED,
            resource,
            f"{code(resource)} acts as {code(now)} now, no longer as {code(was)} ({role_property})",
            Level.DANGER if wider else Level.WARNING,
            place,
            before=was,
            after=now,
        )
        yield from wider
        yield from narrower


def _permissions_of(role: str, known: Mapping[str, Holder]) -> PermissionSet:
    match = _OWN_ROLE.fullmatch(role)
    holder = known.get(f"identity {match[1]}") if match else None
    return holder.permissions if holder else outside(role)


@dataclass(frozen=True, slots=True)
class _Group:
    """Gains that differ by their actions only."""

    managed_by: str
    resource: str
    condition: str
    principal: str
    cause: str
    actions: tuple[str, ...] = ()

    @property
    def what(self) -> str:
        """What may be done, for a reader."""
        if self.managed_by:
            return f"do whatever {code(self.managed_by)} allows"
        listed = ", ".join(code(action) for action in self.actions[:6])
        return listed + (f" and {len(self.actions) - 6} more" if len(self.actions) > 6 else "")

    @property
    def everyone(self) -> str:
        """Who may do it, for a reader."""
        name = re.sub("^(?:Service|AWS|Federated):", "", self.principal)
        return "anyone" if name == "*" else code(name)


def _groups(gains: Gains) -> list[_Group]:
    found: dict[_Group, dict[str, None]] = {}
    for row in gains.rows:
        key = _Group(
            row.managed_by, "" if row.managed_by else row.resource, row.condition, row.principal, row.cause
        )
        found.setdefault(key, {})[row.action] = None
    return [replace(group, actions=tuple(actions)) for group, actions in found.items()]


def _changes(verb: Verb, gains: Gains, shown: Holder, source: Holder, now: PermissionSet) -> Iterator[Change]:
    is_wider = verb is Verb.WIDER
    for group in _groups(gains):
        needed = _needed(group.actions, source)
        yield Change(
            Section.PERMISSIONS,
            verb,
            shown.name,
            _sentence(verb, shown, group),
            _level(group, shown) if is_wider else Level.NOTE,
            gains.places[0] if gains.places else source.place,
            frozenset({Gate.WIDER}) if is_wider else frozenset(),
            (*_details(group, needed), *(_needless(source, needed) if is_wider else _kept(group, now))),
            facts={
                "kind": shown.kind,
                "principal": shown.name if shown.kind in ("identity", "acting") else group.principal,
                "actions": list(group.actions),
                "resource": group.resource or "*",
                "condition": group.condition,
                "cause": group.cause,
                "needed_by": needed,
                "users": list(dict.fromkeys(source.users)),
                "managed_policy": group.managed_by,
            },
        )
    if not gains.is_certain and not gains.rows and is_wider:
        yield Change(
            Section.PERMISSIONS,
            Verb.CHANGED,
            shown.name,
            f"{code(shown.name)}: its policies have too many conditions to tell whether they allow more; read them",
            Level.DANGER,
            shown.place,
            frozenset({Gate.WIDER}),
        )


def _sentence(verb: Verb, holder: Holder, group: _Group) -> str:
    on = f" on {code(group.resource)}" if group.resource else ""
    may = "may now" if verb is Verb.WIDER else "may no longer"
    cause = (
        "no longer held back by the policy"
        if holder.kind == "resource" and "boundary" in group.cause
        else group.cause
    )
    again = f", which is {cause}" if cause else ""
    if verb is Verb.NARROWER and group.cause:
        again = ", which is denied now" if "denied" in cause else ", by its " + cause.rpartition("the ")[2]
    who = code(holder.name)
    if holder.kind == "trust":
        return f"{group.everyone} {may} act as {who} ({group.what}{again})"
    if holder.kind == "resource":
        return f"{group.everyone} {may} {group.what}{on}{again} (policy of {who})"
    return f"{who} {may} {group.what}{on}{again}"


def _needed(actions: Iterable[str], source: Holder) -> list[str]:
    """Return the states that need some of the actions, as the policy names them."""
    found: dict[str, None] = {}
    for action in actions:
        for known, states in source.needed_by.items():
            if matches(action.lower(), known):
                found.update(dict.fromkeys(states))
    return list(found)


def _details(group: _Group, needed: list[str]) -> Iterator[str]:
    if len(group.actions) > 6:
        yield "all of them: " + ", ".join(code(action) for action in group.actions)
    if group.condition and not group.managed_by:
        yield f"only where {group.condition}"
    if needed:
        yield "needed by " + ", ".join(code(state) for state in needed)


def _needless(source: Holder, needed: list[str]) -> Iterator[str]:
    """Say for whom a permission is that no state is named for."""
    if not needed and source.needed_by:
        yield "needed by no state that the policy names"
    elif not needed and source.users:
        yield "for " + ", ".join(code(user) for user in dict.fromkeys(source.users))


def _kept(group: _Group, now: PermissionSet) -> Iterator[str]:
    """Say what stays allowed where something was taken away."""
    if group.managed_by or group.cause:
        return
    kept = sorted(
        {
            resource
            for statement in now.statements
            if statement.allows and any(statement.actions.holds(action.lower()) for action in group.actions)
            for resource in statement.resources.patterns
        }
    )
    if kept:
        yield "still on " + ", ".join(code(resource) for resource in kept[:8])


@cache
def _escalations() -> tuple[str, ...]:
    found: Any = tables.table("data/escalations.yaml")
    return tuple(action.lower() for action in found)


def _level(group: _Group, holder: Holder) -> Level:
    """Return how much a widening asks of its reader."""
    is_open = group.resource == "*" and any("*" in action for action in group.actions)
    escalates = holder.kind in ("identity", "acting") and any(
        matches(action.lower(), known) for action in group.actions for known in _escalations()
    )
    is_public = holder.kind in ("trust", "resource") and group.principal == "*"
    return (
        Level.DANGER
        if is_open or escalates or is_public or group.managed_by or group.cause
        else Level.WARNING
    )
