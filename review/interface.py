"""What others rely on: parameters, outputs and exports, conditions, the input of an execution, the version."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from review import differences
from review.model import Change, Gate, Level, Place, Section, Verb, Version, code
from review.template import Template, normal, text_of
from states_language.pointer import ROOT
from states_language.versioning import Bump, smallest_bump

LIMITS = ("AllowedValues", "AllowedPattern", "MinLength", "MaxLength", "MinValue", "MaxValue")


def compare(before: Template, after: Template) -> Iterator[Change]:
    """Yield what changed of a template's parameters, outputs, conditions, rules, mappings and transforms."""
    yield from _parameters(before, after)
    yield from _outputs(before, after)
    yield from _conditions(before, after)
    for section in ("Rules", "Mappings"):
        yield from _entries(before, after, section)
    if not differences.same(before.fields.get("Transform"), after.fields.get("Transform")):
        yield Change(
            Section.INTERFACE,
            Verb.CHANGED,
            "Transform",
            f"the template is transformed by {_shown(after.fields.get('Transform'))} now, no longer by "
            f"{_shown(before.fields.get('Transform'))}; what that makes of it is not seen here",
            Level.WARNING,
            Place(after.file, ROOT / "Transform" if "Transform" in after.fields else ROOT),
        )


def _parameters(before: Template, after: Template) -> Iterator[Change]:
    old, new = before.section("Parameters"), after.section("Parameters")
    for name in dict.fromkeys([*old, *new]):
        was, now = old.get(name), new.get(name)
        pointer = ROOT / "Parameters" / name
        if now is None:
            yield Change(
                Section.INTERFACE,
                Verb.REMOVED,
                name,
                f"parameter {code(name)} is removed: a deployment that gives it fails",
                Level.WARNING,
                Place(before.file, pointer, is_before=True),
                facts={"kind": "parameter"},
            )
        elif was is None:
            has_default = isinstance(now, Mapping) and "Default" in now
            yield Change(
                Section.INTERFACE,
                Verb.ADDED,
                name,
                f"parameter {code(name)} is added, {'with the default ' + _shown(now['Default']) if has_default else 'without a default: every deployment must give it'}",
                Level.NOTE if has_default else Level.WARNING,
                Place(after.file, pointer),
                facts={"kind": "parameter"},
            )
        elif isinstance(was, Mapping) and isinstance(now, Mapping):
            yield from _parameter(after, name, was, now)


def _parameter(
    after: Template, name: str, was: Mapping[str, Any], now: Mapping[str, Any]
) -> Iterator[Change]:
    place = Place(after.file, ROOT / "Parameters" / name)
    if text_of(was.get("NoEcho", False)) != text_of(now.get("NoEcho", False)):
        is_lost = text_of(now.get("NoEcho", False)) != "true"
        yield Change(
            Section.SAFETY,
            Verb.LOST if is_lost else Verb.GAINED,
            name,
            f"parameter {code(name)}: its value is {'shown' if is_lost else 'hidden'} in the console and by the API now (NoEcho)",
            Level.DANGER if is_lost else Level.NOTE,
            place,
            frozenset({Gate.SAFETY}) if is_lost else frozenset(),
        )
    if not differences.same(was.get("Type"), now.get("Type")):
        yield _changed(
            place,
            f"parameter {code(name)}: its type is {_shown(now.get('Type'))} now, no longer {_shown(was.get('Type'))}",
            Level.WARNING,
            (was.get("Type"), now.get("Type")),
        )
    if not differences.same(was.get("Default"), now.get("Default")):
        yield _changed(
            place,
            f"parameter {code(name)}: default {_shown(was.get('Default'))} → {_shown(now.get('Default'))}, for stacks that give no value",
            Level.WARNING if "Default" not in now else Level.NOTE,
            (was.get("Default"), now.get("Default")),
        )
    for limit in LIMITS:
        if not differences.same(was.get(limit), now.get(limit)):
            yield _changed(
                place,
                f"parameter {code(name)}: {limit} {_shown(was.get(limit))} → {_shown(now.get(limit))}",
                Level.NOTE if limit not in now else Level.WARNING,
                (was.get(limit), now.get(limit)),
            )


def _changed(place: Place, message: str, level: Level, moved: tuple[Any, Any]) -> Change:
    """Return a change of a parameter, an output or a condition; the place names it."""
    section, name = place.pointer.steps
    return Change(
        Section.INTERFACE,
        Verb.CHANGED,
        str(name),
        message,
        level,
        place,
        before=moved[0],
        after=moved[1],
        facts={"kind": str(section).removesuffix("s").lower()},
    )


def _outputs(before: Template, after: Template) -> Iterator[Change]:
    old, new = before.section("Outputs"), after.section("Outputs")
    for name in dict.fromkeys([*old, *new]):
        was, now = old.get(name), new.get(name)
        pointer = ROOT / "Outputs" / name
        exported, exports = _export(was), _export(now)
        if was is None:
            more = f", exported as {code(exports)}" if exports else ""
            yield Change(
                Section.INTERFACE,
                Verb.ADDED,
                name,
                f"output {code(name)} is added{more}",
                Level.NOTE,
                Place(after.file, pointer),
                facts={"kind": "output"},
            )
        elif now is None:
            more = (
                f", and with it the export {code(exported)}: CloudFormation refuses that while a stack imports it"
                if exported
                else ""
            )
            yield Change(
                Section.INTERFACE,
                Verb.REMOVED,
                name,
                f"output {code(name)} is removed{more}",
                Level.WARNING,
                Place(before.file, pointer, is_before=True),
                facts={"kind": "output"},
            )
        else:
            if exported != exports:
                yield _changed(
                    Place(after.file, pointer),
                    f"output {code(name)}: export {_shown(exported or None)} → {_shown(exports or None)}: CloudFormation refuses that while a stack imports it",
                    Level.WARNING,
                    (exported, exports),
                )
            left, right = (
                entry.get("Value") if isinstance(entry, Mapping) else entry for entry in (was, now)
            )
            if not differences.same(normal(left), normal(right)):
                yield _changed(
                    Place(after.file, pointer),
                    f"output {code(name)}: its value is {code(text_of(right))} now, no longer {code(text_of(left))}",
                    Level.NOTE if not exports else Level.WARNING,
                    (left, right),
                )


def _export(output: Any) -> str:
    export = output.get("Export") if isinstance(output, Mapping) else None
    return text_of(export.get("Name")) if isinstance(export, Mapping) else ""


def _conditions(before: Template, after: Template) -> Iterator[Change]:
    old, new = before.section("Conditions"), after.section("Conditions")
    for name in dict.fromkeys([*old, *new]):
        was, now = old.get(name), new.get(name)
        if differences.same(normal(was), normal(now)):
            continue
        users = [each.name for each in after.resources.values() if each.fields.get("Condition") == name]
        more = (
            (": it decides whether " + ", ".join(f"{code(user)}" for user in users[:6]) + " exist")
            if users
            else ""
        )
        if was is None or now is None:
            yield Change(
                Section.INTERFACE,
                Verb.ADDED if was is None else Verb.REMOVED,
                name,
                f"condition {code(name)} is {'added' if was is None else 'removed'}{more}",
                Level.NOTE,
                Place(
                    after.file if was is None else before.file,
                    ROOT / "Conditions" / name,
                    is_before=was is not None,
                ),
                facts={"kind": "condition"},
            )
        else:
            yield _changed(
                Place(after.file, ROOT / "Conditions" / name),
                f"condition {code(name)} is another one{more}",
                Level.WARNING,
                (was, now),
            )


def _entries(before: Template, after: Template, section: str) -> Iterator[Change]:
    old, new = before.section(section), after.section(section)
    singular = section.removesuffix("s").lower()
    for name in dict.fromkeys([*old, *new]):
        was, now = old.get(name), new.get(name)
        if differences.same(was, now):
            continue
        verb = Verb.ADDED if was is None else Verb.REMOVED if now is None else Verb.CHANGED
        place = Place(
            before.file if now is None else after.file, ROOT / section / name, is_before=now is None
        )
        level = Level.WARNING if verb is not Verb.ADDED else Level.NOTE
        message = f"{singular} {code(name)} is {verb.value}"
        yield Change(Section.INTERFACE, verb, name, message, level, place, facts={"kind": singular})


def of_schema(before: Any, after: Any, file: str, subject: str) -> Iterator[Change]:
    """Yield what changed of a contract: a JSON schema of what goes in, or comes out."""
    old, new = _properties(before), _properties(after)
    was_required, is_required = _required(before), _required(after)
    place = Place(file, ROOT)
    for name in dict.fromkeys([*old, *new]):
        at = Place(file, ROOT / "properties" / name, is_before=name not in new)
        if name not in new:
            yield _contract(
                Verb.REMOVED, f"{subject}: {code(name)} is no longer described", Level.WARNING, at
            )
        elif name not in old:
            must = name in is_required
            yield _contract(
                Verb.ADDED,
                f"{subject}: {code(name)} is added, and {'must be given' if must else 'may be left out'}",
                Level.WARNING if must else Level.NOTE,
                at,
            )
        else:
            lines = [
                f"{_text(leaf)}: {_shown(leaf.before)} → {_shown(leaf.after)}"
                for leaf in differences.compare(old[name], new[name])
                if not is_prose(leaf)
            ]
            if lines:
                yield _contract(
                    Verb.CHANGED,
                    f"{subject}: {code(name)} must be otherwise",
                    Level.WARNING,
                    at,
                    tuple(lines),
                )
            if (name in was_required) != (name in is_required):
                must = name in is_required
                yield _contract(
                    Verb.CHANGED,
                    f"{subject}: {code(name)} {'must be given now' if must else 'may be left out now'}",
                    Level.WARNING if must else Level.NOTE,
                    at,
                )
    rest = [
        leaf
        for leaf in differences.compare(before, after)
        if (leaf.after_at or leaf.before_at or ROOT).steps[:1] not in (("properties",), ("required",))
        and not is_prose(leaf)
    ]
    if rest:
        lines = [
            f"{_text(leaf) or 'all of it'}: {_shown(leaf.before)} → {_shown(leaf.after)}" for leaf in rest
        ]
        yield _contract(
            Verb.CHANGED, f"{subject}: is described otherwise", Level.WARNING, place, tuple(lines)
        )


def _contract(verb: Verb, message: str, level: Level, place: Place, details: tuple[str, ...] = ()) -> Change:
    subject = message.partition(":")[0]
    return Change(
        Section.INTERFACE, verb, subject, message, level, place, details=details, facts={"kind": "contract"}
    )


def _properties(schema: Any) -> Mapping[str, Any]:
    found = schema.get("properties") if isinstance(schema, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _required(schema: Any) -> list[Any]:
    found = schema.get("required") if isinstance(schema, Mapping) else None
    return found if isinstance(found, list) else []


PROSE = ("description", "title", "$comment", "examples", "$id", "$schema")


def is_prose(leaf: differences.Leaf) -> bool:
    """Tell whether a difference of two schemas is in their prose only."""
    steps = (leaf.after_at or leaf.before_at or ROOT).steps
    return bool(steps) and steps[-1] in PROSE and steps[-2:-1] != ("properties",)


def _text(leaf: differences.Leaf) -> str:
    return ".".join(str(step) for step in (leaf.after_at or leaf.before_at or ROOT).steps)


def version(name: str, before: tuple[Any, Any, Any], after: tuple[Any, Any, Any]) -> Version | None:
    """Return whether a definition's version moved by enough; a side is its document, its input's schema and its lock.

    None where there is no version on both sides. A version that was never released may change as it likes.
    """
    old, new = before[2], after[2]
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return None
    was, now = str(old.get("version")), str(new.get("version"))
    needed = smallest_bump(before[0], after[0], before[1], after[1])
    made = _made(was, now)
    released = [entry.get("version") for entry in old.get("released") or () if isinstance(entry, Mapping)]
    is_enough = was not in released or _rank(made) >= needed
    return Version(name, was, now, str(needed), made, is_enough and made != "lower")


def _made(before: str, after: str) -> str:
    try:
        old, new = ([int(part) for part in text.split(".")] for text in (before, after))
    except ValueError:
        return "unreadable"
    if new < old:
        return "lower"
    for bump, index in ((Bump.MAJOR, 0), (Bump.MINOR, 1), (Bump.PATCH, 2)):
        if old[index] != new[index]:
            return str(bump)
    return str(Bump.NONE)


def _rank(made: str) -> int:
    return {"none": 0, "patch": 1, "minor": 2, "major": 3}.get(made, -1)


def of_version(found: Version, file: str) -> Change | None:
    """Return what to say of a version that did not move by enough, or moved back."""
    place = Place(file, ROOT / "version")
    if not found.is_enough:
        return Change(
            Section.INTERFACE,
            Verb.CHANGED,
            found.name,
            f"the version of {code(found.name)} is {found.after} ({found.made}), but its changes ask for {found.needed}: run `bump`",
            Level.WARNING,
            place,
            before=found.before,
            after=found.after,
            facts={"kind": "version"},
        )
    if found.before != found.after:
        return Change(
            Section.INTERFACE,
            Verb.CHANGED,
            found.name,
            f"{code(found.name)} {found.before} → {found.after} ({found.made})",
            Level.NOTE,
            place,
            before=found.before,
            after=found.after,
            facts={"kind": "version"},
        )
    return None


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    return code(text, 100)
