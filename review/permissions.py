"""What a change lets somebody do, or no longer do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from review import tables
from review.model import Change, Gate, Level, Place, Section, Verb, code
from review.permission_sets import Gain, Gains, PermissionSet, gained
from review.principals import NOTHING, Holder, acting_roles, holders, outside
from review.wildcards import matches

if TYPE_CHECKING:
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
    before = old.permissions if old else NOTHING
    after = new.permissions if new else NOTHING
    shown = new or old
    if shown is None or before.meaning == after.meaning:
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
            Section.PERMISSIONS, Verb.CHANGED, resource, f"{code(resource)} acts as {code(now)} now, no longer as {code(was)} ({role_property})",
            Level.DANGER if wider else Level.WARNING, place, before=was, after=now,
        )  # fmt: skip
        yield from wider
        yield from narrower


def _permissions_of(role: str, known: Mapping[str, Holder]) -> PermissionSet:
    match = _OWN_ROLE.fullmatch(role)
    holder = known.get(f"identity {match[1]}") if match else None
    return holder.permissions if holder else outside(role)


def _changes(verb: Verb, gains: Gains, shown: Holder, source: Holder, now: PermissionSet) -> Iterator[Change]:
    groups: dict[tuple[str, str, str, str, str], list[Gain]] = {}
    for row in gains.rows:
        resource = row.resource if not row.managed_by else ""
        groups.setdefault((row.managed_by, resource, row.condition, row.principal, row.cause), []).append(row)
    for (managed_by, resource, condition, principal, cause), rows in groups.items():
        actions = list(dict.fromkeys(row.action for row in rows))
        needed = _needed(actions, source)
        yield Change(
            Section.PERMISSIONS, verb, shown.name,
            _sentence(verb, shown, _what(actions, managed_by), resource, principal, cause),
            _level(verb, rows, shown), gains.places[0] if gains.places else source.place,
            frozenset({Gate.WIDER}) if verb is Verb.WIDER else frozenset(),
            tuple(_details(verb, actions, condition, needed, source, now, managed_by, cause)),
            facts={
                "kind": shown.kind, "principal": _principal(shown, principal), "actions": actions, "resource": resource or "*",
                "condition": condition, "cause": cause, "needed_by": needed, "managed_policy": managed_by,
            },
        )  # fmt: skip
    if not gains.is_certain and not gains.rows and verb is Verb.WIDER:
        yield Change(
            Section.PERMISSIONS, Verb.CHANGED, shown.name,
            f"{code(shown.name)}: its policies have too many conditions to tell whether they allow more; read them",
            Level.DANGER, shown.place, frozenset({Gate.WIDER}),
        )  # fmt: skip


def _what(actions: list[str], managed_by: str) -> str:
    if managed_by:
        return f"do whatever {code(managed_by)} allows"
    listed = ", ".join(f"{code(action)}" for action in actions[:6])
    return listed + (f" and {len(actions) - 6} more" if len(actions) > 6 else "")


def _principal(holder: Holder, principal: str) -> str:
    return holder.name if holder.kind in ("identity", "acting") else principal


def _sentence(verb: Verb, holder: Holder, what: str, resource: str, principal: str, cause: str) -> str:
    on = f" on {code(resource)}" if resource else ""
    again = f", which is {cause}" if verb is Verb.WIDER and cause else ""
    if verb is Verb.NARROWER and cause:
        again = ", which is denied now" if "denied" in cause else ", by its permissions boundary"
    who = f"{code(holder.name)}"
    if holder.kind == "trust":
        principal = re.sub("^(?:Service|AWS|Federated):", "", principal)
        everyone = "anyone" if principal == "*" else f"{code(principal)}"
        return f"{everyone} may {'now' if verb is Verb.WIDER else 'no longer'} act as {who} ({what}{again})"
    if holder.kind == "resource":
        principal = re.sub("^(?:Service|AWS|Federated):", "", principal)
        everyone = "anyone" if principal == "*" else f"{code(principal)}"
        return f"{everyone} may {'now' if verb is Verb.WIDER else 'no longer'} {what}{on}{again} (policy of {who})"
    return f"{who} may {'now' if verb is Verb.WIDER else 'no longer'} {what}{on}{again}"


def _needed(actions: list[str], source: Holder) -> list[str]:
    found: dict[str, None] = {}
    for action in actions:
        for known, states in source.needed_by.items():
            if matches(action.lower(), known):
                found.update(dict.fromkeys(states))
    return list(found)


def _details(
    verb: Verb,
    actions: list[str],
    condition: str,
    needed: list[str],
    source: Holder,
    now: PermissionSet,
    managed_by: str,
    cause: str,
) -> Iterator[str]:
    if len(actions) > 6:
        yield "all of them: " + ", ".join(f"{code(action)}" for action in actions)
    if condition and not managed_by:
        yield f"only where {condition}"
    if needed:
        yield "needed by " + ", ".join(f"{code(state)}" for state in needed)
    elif source.needed_by and verb is Verb.WIDER:
        yield "needed by no state that the policy names"
    elif source.users:
        yield "for " + ", ".join(f"{code(user)}" for user in dict.fromkeys(source.users))
    if verb is Verb.NARROWER and not managed_by and not cause:
        kept = sorted(
            {
                resource
                for statement in now.statements
                if statement.allows and any(statement.actions.holds(action.lower()) for action in actions)
                for resource in statement.resources.patterns
            }
        )
        if kept:
            yield "still on " + ", ".join(f"{code(resource)}" for resource in kept[:8])


@cache
def _escalations() -> tuple[str, ...]:
    found: Any = tables.table("data/escalations.yaml")
    return tuple(action.lower() for action in found)


def _level(verb: Verb, rows: list[Gain], holder: Holder) -> Level:
    if verb is Verb.NARROWER:
        return Level.NOTE
    is_open = any("*" in row.action for row in rows) and any(row.resource == "*" for row in rows)
    escalates = holder.kind in ("identity", "acting") and any(
        matches(row.action.lower(), action) for row in rows for action in _escalations()
    )
    is_public = holder.kind in ("trust", "resource") and any(row.principal == "*" for row in rows)
    is_unknown = any(row.managed_by or row.cause for row in rows)
    return Level.DANGER if is_open or escalates or is_public or is_unknown else Level.WARNING
