"""What happens to a stack's resources: added, removed, changed, replaced; and which data that costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cache
from typing import Any

from review import differences, tables
from review.model import Change, Gate, Level, Place, Section, Verb, code
from review.resource_index import PropertyPath, ResourceType, resource_type
from review.template import Resource, Template, alternatives, normal, references
from states_language.pointer import ROOT, Pointer

KEEPING = ("Retain", "RetainExceptOnCreate")
CUSTOM = ("Custom::", "AWS::CloudFormation::CustomResource")


class Replacement(IntEnum):
    """Whether an update makes a new resource in the place of the old one."""

    NO = 0
    MAY = 1
    WILL = 2

    def __str__(self) -> str:
        """Name it as people do."""
        return self.name.lower()


@dataclass(slots=True)
class Update:
    """What an update does to one resource, while it is being found out."""

    before: Resource
    after: Resource
    type: ResourceType | None
    leaves: list[differences.Leaf]
    replacement: Replacement = Replacement.NO
    reasons: list[str] = field(default_factory=list)

    def raise_to(self, replacement: Replacement, reason: str) -> bool:
        """Note a reason for a replacement; return whether it is graver than what was known."""
        if replacement is Replacement.NO or reason in self.reasons:
            return False
        is_graver = replacement > self.replacement
        self.replacement = max(self.replacement, replacement)
        self.reasons.append(reason)
        return is_graver


def compare(before: Template, after: Template, renames: Mapping[str, str]) -> Iterator[Change]:
    """Yield what happens to the resources; `renames` maps logical IDs from before to those they have now.

    The templates are given as they are written; a renamed resource is told as a removal and a creation.
    """
    for old_name, new_name in renames.items():
        yield from _renamed(before, after, before.resources[old_name], after.resources[new_name])
    for name, resource in before.resources.items():
        if name not in after.resources and name not in renames:
            yield _removed(before, resource)
    updates = _updates(before, after)
    _propagate(after, updates)
    for name, resource in after.resources.items():
        if name in updates:
            yield from _updated(after, updates[name])
        elif name not in before.resources and name not in renames.values():
            yield _added(after, resource)


def renamed(before: Template, after: Template) -> dict[str, str]:
    """Return resources with the same content under another logical ID, where there is no doubt which is which."""
    gone: dict[str, list[str]] = {}
    for name, resource in before.resources.items():
        if name not in after.resources and resource.properties:
            gone.setdefault(_content(resource), []).append(name)
    come: dict[str, list[str]] = {}
    for name, resource in after.resources.items():
        if name not in before.resources and resource.properties:
            come.setdefault(_content(resource), []).append(name)
    return {
        names[0]: come[content][0]
        for content, names in gone.items()
        if len(names) == 1 and len(come.get(content, ())) == 1
    }


def _content(resource: Resource) -> str:
    return resource.type + repr(_sorted(normal(resource.properties)))


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return sorted((key, _sorted(inner)) for key, inner in value.items())
    return [_sorted(inner) for inner in value] if isinstance(value, list) else value


@cache
def _stateful() -> Mapping[str, Mapping[str, str]]:
    found: Mapping[str, Mapping[str, str]] = tables.table("data/stateful.yaml")
    return found


def holds(type_name: str) -> str:
    """Return what a type keeps; empty where it keeps nothing that is missed."""
    return _stateful().get(type_name, {}).get("holds", "")


def policy(resource: Resource, attribute: str) -> str:
    """Return what becomes of a resource: `Delete`, `Retain`, `RetainExceptOnCreate`, `Snapshot`."""
    found = resource.fields.get(attribute)
    if isinstance(found, str):
        return found
    if attribute == "DeletionPolicy" and not (
        resource.type == "AWS::RDS::DBInstance" and "DBClusterIdentifier" in resource.properties
    ):
        return _stateful().get(resource.type, {}).get("default", "Delete")
    return "Delete"


def removal(kept: str, data: str) -> tuple[str, Level, frozenset[Gate]]:
    """Return what the removal of a resource means: the end of its sentence, how much it asks of a reader, its gates.

    `kept` is the policy that applies to it, `data` what it holds; empty where it holds nothing that is missed.
    """
    if kept in KEEPING:
        return "; it stays in the account, managed by nobody", Level.WARNING, frozenset()
    if kept == "Snapshot":
        return "; a snapshot of it stays", Level.WARNING, frozenset()
    if data:
        return f", and with it its {data}", Level.DANGER, frozenset({Gate.DATA_LOSS})
    return "", Level.WARNING, frozenset()


def _removed(template: Template, resource: Resource) -> Change:
    kept, data = policy(resource, "DeletionPolicy"), holds(resource.type)
    what, level, gates = removal(kept, data)
    message = f"{code(resource.name)} ({_type(resource)}) is removed{what}"
    return Change(
        Section.RESOURCES,
        Verb.REMOVED,
        resource.name,
        message,
        level,
        Place(template.file, resource.pointer, is_before=True),
        gates,
        facts={"type": resource.type, "data": data if gates else "", "policy": kept},
    )


def _added(template: Template, resource: Resource) -> Change:
    return Change(
        Section.RESOURCES,
        Verb.ADDED,
        resource.name,
        f"{code(resource.name)} ({_type(resource)}) is added",
        Level.NOTE,
        Place(template.file, resource.pointer),
        facts={"type": resource.type},
    )


def _renamed(before: Template, after: Template, old: Resource, new: Resource) -> Iterator[Change]:
    removal = _removed(before, old)
    fate = removal.message.partition(" is removed")[2]
    yield Change(
        Section.RESOURCES,
        Verb.RENAMED,
        new.name,
        f"{code(old.name)} is {code(new.name)} now ({_type(new)}): CloudFormation creates {code(new.name)}, then removes {code(old.name)}{fate}",
        Level.DANGER if removal.gates else Level.WARNING,
        Place(after.file, new.pointer),
        removal.gates | {Gate.REPLACEMENT},
        tuple(_name_stays(old, new, resource_type(new.type))),
        before=old.name,
        after=new.name,
        facts={**removal.facts, "replacement": "will"},
    )


def _updates(before: Template, after: Template) -> dict[str, Update]:
    found = {}
    for name, new in after.resources.items():
        old = before.resources.get(name)
        if old is None:
            continue
        update = Update(
            old,
            new,
            resource_type(new.type),
            list(differences.compare(normal(old.fields), normal(new.fields))),
        )
        found[name] = update
        if old.type != new.type:
            update.raise_to(
                Replacement.WILL,
                f"its type changes from {old.type or 'none'} to {new.type or 'none'}, which CloudFormation refuses under one logical ID",
            )
        for leaf in update.leaves:
            path = property_path(leaf)
            if path is not None and not leaf.is_order:
                verdict = _verdict(update, path)
                if _is_certain(leaf, before, after):
                    update.raise_to(verdict, f"{_shown(path)} changes")
                else:
                    update.raise_to(min(verdict, Replacement.MAY), f"{_shown(path)} is computed otherwise")
        _by_defaults(before, after, update)
    return found


def _shown(path: PropertyPath) -> str:
    return code(".".join(step for step in path if step != "*") or "Properties")


def _is_certain(leaf: differences.Leaf, before: Template, after: Template) -> bool:
    """Tell whether the values differ at deployment, too: a function's argument may change, and its result not."""
    steps = (leaf.after_at or leaf.before_at or ROOT).steps
    if any(isinstance(step, str) and step.startswith("Fn::") for step in steps):
        return False
    was, now = before.resolved(leaf.before), after.resolved(leaf.after)
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        return all(set(value) in ({"Ref"}, {"Fn::GetAtt"}) for value in (was, now))
    is_computed = [any(_functions(value)) for value in (was, now)]
    return not any(is_computed) and not differences.same(was, now)


def _functions(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from (key for key in value if key == "Ref" or str(key).startswith("Fn::"))
        for inner in value.values():
            yield from _functions(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _functions(inner)


def property_path(leaf: differences.Leaf) -> PropertyPath | None:
    """Return the property that a difference of a resource is about, with `*` for places in lists; None: another field."""
    steps = (leaf.after_at or leaf.before_at or ROOT).steps
    if not steps or steps[0] != "Properties":
        return None
    path: list[str] = []
    for step in steps[1:]:
        if isinstance(step, str) and (step.startswith("Fn::") or step == "Ref"):
            break
        path.append("*" if isinstance(step, int) else step)
    return tuple(path)


def _verdict(update: Update, path: PropertyPath) -> Replacement:
    if update.type is None:
        return Replacement.MAY if update.after.type.startswith(CUSTOM) else Replacement.NO
    if not path:
        return Replacement.MAY if update.type.create_only else Replacement.NO
    if _touches(path, update.type.create_only):
        return Replacement.WILL
    return Replacement.MAY if _touches(path, update.type.conditional) else Replacement.NO


def _touches(path: PropertyPath, properties: frozenset[PropertyPath]) -> bool:
    """Tell whether a path is one of the properties, lies in one, or holds one."""
    return any(path[: len(each)] == each[: len(path)] for each in properties)


def _by_defaults(before: Template, after: Template, update: Update) -> None:
    """Note properties that a parameter's default changes: only stacks that give no value of their own get it."""
    for key in update.after.properties.keys() & update.before.properties.keys():
        old, new = update.before.properties[key], update.after.properties[key]
        if old == new and isinstance(old, Mapping | list) and before.resolved(old) != after.resolved(new):
            verdict = min(_verdict(update, (key,)), Replacement.MAY)
            update.raise_to(verdict, f"{code(key)} has another default, where a stack gives no value")


def _propagate(template: Template, updates: Mapping[str, Update]) -> None:
    """Carry replacements to what refers to them, until it settles: a new resource has a new identity."""
    users: dict[str, list[tuple[str, str]]] = {}
    for name, update in updates.items():
        for key, value in update.after.properties.items():
            for reference in references(value):
                users.setdefault(reference.target, []).append((name, key))
    waiting = [name for name, update in updates.items() if update.replacement]
    while waiting:
        name = waiting.pop(0)
        for user, key in users.get(name, ()):
            update = updates[user]
            verdict = min(_verdict(update, (key,)), updates[name].replacement)
            if update.raise_to(
                verdict, f"{code(key)} refers to {code(name)}, which {updates[name].replacement} be replaced"
            ):
                waiting.append(user)
    del template


def _updated(template: Template, update: Update) -> Iterator[Change]:
    if not update.leaves and not update.replacement:
        return
    resource = update.after
    yield from _policies_weakened(template, update)
    yield from _made_conditional(template, update)
    if update.replacement:
        yield _replaced(template, update)
    elif paths := _changed_paths(update):
        names = ", ".join(f"{code(path)}" for path in paths[:4]) + (
            f" and {len(paths) - 4} more" if len(paths) > 4 else ""
        )
        unknown = (
            "; its type is not known here: whether that replaces it cannot be told"
            if update.type is None
            else ""
        )
        yield Change(
            Section.RESOURCES,
            Verb.CHANGED,
            resource.name,
            f"{code(resource.name)} ({_type(resource)}) changes in place: {names}"
            if not unknown
            else f"{code(resource.name)} ({_type(resource)}) changes: {names}{unknown}",
            Level.WARNING if unknown else Level.NOTE,
            Place(template.file, resource.pointer),
            facts={"type": resource.type, "replacement": "unknown" if unknown else "no", "paths": paths},
        )


def _changed_paths(update: Update) -> list[str]:
    """Return what changes, as far down as a reader wants it, without what has no effect."""
    found: dict[str, None] = {}
    for leaf in update.leaves:
        steps = (leaf.after_at or leaf.before_at or ROOT).steps
        if steps[0] == "Properties":
            path = property_path(leaf) or ()
            unordered = update.type is not None and path in update.type.unordered
            if not (leaf.is_order and unordered):
                found[".".join(step for step in path[:2] if step != "*") or "Properties"] = None
        elif steps[0] not in (
            "Condition",
            "DeletionPolicy",
            "UpdateReplacePolicy",
        ) and not _is_without_effect(update, steps):
            found[str(steps[0])] = None
    return list(found)


def _is_without_effect(update: Update, steps: tuple[Any, ...]) -> bool:
    return steps[0] == "Metadata" and "AWS::CloudFormation::Init" not in (
        *steps[1:2],
        *update.after.fields.get("Metadata", {}),
    )


def succession(kept: str, data: str, *, will: bool) -> tuple[str, Level, frozenset[Gate]]:
    """Return what it means that another resource takes one's place, as `removal` does; `will`: it is certain."""
    likely = Level.DANGER if will else Level.WARNING
    if not data:
        return "", Level.WARNING, frozenset({Gate.REPLACEMENT})
    if kept in KEEPING:
        what = f": the new one is empty, its {data} stay in the old one, managed by nobody"
        return what, likely, frozenset({Gate.REPLACEMENT})
    if kept == "Snapshot":
        return f": its {data} stay in a snapshot only", likely, frozenset({Gate.REPLACEMENT})
    what = f", and its {data} {'are' if will else 'would be'} lost"
    return what, Level.DANGER, frozenset({Gate.REPLACEMENT, Gate.DATA_LOSS})


def _replaced(template: Template, update: Update) -> Change:
    resource, data = update.after, holds(update.before.type) or holds(update.after.type)
    kept = policy(resource, "UpdateReplacePolicy")
    will = update.replacement is Replacement.WILL
    message = f"{code(resource.name)} ({_type(resource)}) {'is' if will else 'may be'} replaced"
    what, level, gates = succession(kept, data, will=will)
    message += what
    return Change(
        Section.RESOURCES,
        Verb.CHANGED,
        resource.name,
        message,
        level,
        Place(template.file, resource.pointer),
        frozenset(gates),
        (*update.reasons, *_name_stays(update.before, resource, update.type)),
        facts={
            "type": resource.type,
            "replacement": str(update.replacement),
            "policy": kept,
            "data": data if Gate.DATA_LOSS in gates else "",
        },
    )


def _name_stays(old: Resource, new: Resource, known: ResourceType | None) -> Iterator[str]:
    names = [path[0] for path in known.name if len(path) == 1] if known else []
    if names and all(
        name in new.properties
        and all(found for _, found in alternatives([new.properties[name]]))
        and normal(new.properties[name]) == normal(old.properties.get(name))
        for name in names
    ):
        yield (
            f"its name stays the same ({', '.join(map(code, names))}): CloudFormation cannot create the new one beside the old "
            "one, and the update fails"
        )


def _policies_weakened(template: Template, update: Update) -> Iterator[Change]:
    """Tell where a resource was kept, and would be deleted from now on (and the reverse)."""
    for attribute, occasion in (("DeletionPolicy", "removed"), ("UpdateReplacePolicy", "replaced")):
        was, now = policy(update.before, attribute), policy(update.after, attribute)
        weaker, stronger = was != "Delete" and now == "Delete", was == "Delete" and now != "Delete"
        if not weaker and not stronger:
            continue
        data = holds(update.after.type)
        verb = Verb.LOST if weaker else Verb.GAINED
        owned = f" with its {data}" if data else ""
        message = (
            f"{code(update.after.name)} ({_type(update.after)}) is deleted{owned} when it is {occasion}: {attribute} {was} → {now}"
            if weaker
            else f"{code(update.after.name)} ({_type(update.after)}) is kept when it is {occasion}: {attribute} {was} → {now}"
        )
        yield Change(
            Section.RESOURCES,
            verb,
            update.after.name,
            message,
            (Level.DANGER if data else Level.WARNING) if weaker else Level.NOTE,
            Place(
                template.file,
                Pointer((*update.after.pointer.steps, attribute))
                if attribute in update.after.fields
                else update.after.pointer,
            ),
            frozenset({Gate.DATA_LOSS}) if weaker and data else frozenset(),
            before=was,
            after=now,
            facts={"type": update.after.type, "policy": now},
        )


def _made_conditional(template: Template, update: Update) -> Iterator[Change]:
    """Tell of a resource that exists under a condition now: where that does not hold, it is removed."""
    was, now = update.before.fields.get("Condition"), update.after.fields.get("Condition")
    if was == now:
        return
    data = holds(update.after.type)
    is_lost = now is not None and bool(data) and policy(update.before, "DeletionPolicy") == "Delete"
    message = f"{code(update.after.name)} ({_type(update.after)}) " + (
        f"exists only where the condition {code(now)} holds"
        if now is not None
        else "exists whatever the conditions are"
    )
    yield Change(
        Section.RESOURCES,
        Verb.CHANGED,
        update.after.name,
        message + (f"; elsewhere it is removed, and with it its {data}" if is_lost else ""),
        Level.DANGER if is_lost else Level.WARNING,
        Place(template.file, update.after.pointer),
        frozenset({Gate.DATA_LOSS}) if is_lost else frozenset(),
        before=was,
        after=now,
        facts={"type": update.after.type},
    )


def _type(resource: Resource) -> str:
    return resource.type or "no type"
