"""A plan as a person reads it: a table, what follows from it, what a table cannot say; and the same for programs.

One change of a network touches all that is in it. What changes only since something that it refers to does is folded
into a line, unless it may lose or open something: then nothing is folded away of it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from deployer.console import table, wrapped
from review import render
from review.classify import ANY_CHANGE
from review.model import Change, Level, Section, Verb

if TYPE_CHECKING:
    from deployer.change_sets import ChangeSet
    from deployer.plan import Plan

SIGNS = {Verb.ADDED: "+", Verb.REMOVED: "-", Verb.CHANGED: "~"}
STYLES = {Level.DANGER: "red", Level.WARNING: "yellow", Level.NOTE: ""}
FATES = {"Import": "taken in", "SyncWithActual": "stays"}
"""What a table says of actions that no verb of the review's names."""
LONGEST_NAMES = 3
LEAST_FOLDED = 4
"""Fewer have a row each."""


def text(plan: Plan, *, has_all: bool = False) -> str:
    """Return the whole plan but its verdict; `has_all` folds nothing."""
    headings, found, styles = rows(plan, has_all=has_all)
    parts = [
        table(headings, found, styles) if found else "no resource changes",
        settings(plan),
        "" if has_all else following(plan),
        remarks(plan, has_all=has_all),
    ]
    return "\n\n".join(part for part in parts if part)


def settings(plan: Plan) -> str:
    """Return the parameters of a creation that are not at their defaults; a change tells of those that change."""
    if plan.change_set.kind != "CREATE":
        return ""
    declared: dict[str, Any] = {}
    for document in plan.report.after.values():
        if document.kind == "template":
            declared = document.value.get("Parameters", {})
    given = [
        [name, value]
        for name, value in sorted(plan.change_set.parameters.items())
        if value != str(declared.get(name, {}).get("Default", ""))
    ]
    return table(["parameter", "value"], given) if given else ""


def _of_resources(plan: Plan) -> list[Change]:
    """Return what happens to resources: no drift, and nothing that the documents alone tell."""
    return [
        change
        for change in plan.review.of(Section.RESOURCES)
        if "action" in change.facts and "drift" not in change.facts
    ]


def _folded(plan: Plan) -> list[Change]:
    found = [
        change
        for change in _of_resources(plan)
        if change.facts.get("follows") and change.level is not Level.DANGER
    ]
    return found if len(found) >= LEAST_FOLDED else []


def following(plan: Plan) -> str:
    """Return what is folded, by what happens to it; empty where nothing is."""
    groups: dict[str, list[str]] = {}
    for change in _folded(plan):
        groups.setdefault(_fate(change), []).append(change.subject)
    if not groups:
        return ""
    lines = [wrapped(f"{fate}: {', '.join(names)}", "  ") for fate, names in groups.items()]
    return "\n".join(["And what refers to these (--all shows each):", *lines])


def rows(plan: Plan, *, has_all: bool = False) -> tuple[list[str], list[list[str]], list[str]]:
    """Return the table of a plan: headings, rows, and a style for each row."""
    if plan.change_set.kind == "CREATE":
        return _rows_by_type(plan.change_set)
    found, styles, folded = [], [], _folded(plan)
    for change in _of_resources(plan):
        if not has_all and change in folded:
            continue
        found.append(
            [
                SIGNS[change.verb],
                change.subject,
                _fate(change),
                str(change.facts["type"]).removeprefix("AWS::"),
                _because(change),
            ]
        )
        styles.append(STYLES[change.level])
    return ["", "resource", "what happens", "type", "because of"], found, styles


def _fate(change: Change) -> str:
    if change.facts["action"] in FATES:
        return FATES[change.facts["action"]]
    if change.verb is not Verb.CHANGED:
        return change.verb.value
    words = {"will": "replaced", "may": "may be replaced"}
    return words.get(str(change.facts["replacement"]), "changed in place")


def _because(change: Change) -> str:
    paths = list(change.facts.get("paths", ()))
    shown = ", ".join(paths[:LONGEST_NAMES]) + (
        f" and {len(paths) - LONGEST_NAMES} more" if len(paths) > LONGEST_NAMES else ""
    )
    data = change.facts.get("data")
    return "; ".join(part for part in (f"LOST: {data}" if data else "", shown) if part)


def _rows_by_type(change_set: ChangeSet) -> tuple[list[str], list[list[str]], list[str]]:
    """Return a row for each type: where all is new, which types are new says enough."""
    groups: dict[tuple[str, str], list[str]] = {}
    for change in change_set.changes:
        groups.setdefault((change.action, change.type.removeprefix("AWS::")), []).append(change.logical_id)
    found = [
        ["+", str(len(names)), "taken in" if action == "Import" else "added", kind, ", ".join(names)]
        for (action, kind), names in sorted(groups.items())
    ]
    return ["", "number", "what happens", "type", "resources"], found, [""] * len(found)


def remarks(plan: Plan, *, has_all: bool = False) -> str:
    """Return what a table cannot say, for a terminal: the dangers first, in whole sentences."""
    folded = [] if has_all else _folded(plan)
    told = tuple(
        change
        for change in plan.review.changes
        if not (change.section is Section.RESOURCES and change.level is Level.NOTE) and change not in folded
    )
    if plan.change_set.kind == "CREATE":
        told = ()
    shown = replace(plan.review, changes=told, differences=())
    text = render.render(replace(plan.report, review=shown), "terminal")
    # The first line is the verdict, which counts what the table shows, too.
    return text.partition("\n")[2].strip("\n")


def document(plan: Plan) -> dict[str, Any]:
    """Return the plan for programs."""
    found: dict[str, Any] = json.loads(render.render(plan.report, "json"))
    change_set = plan.change_set
    return {
        "changeSet": {
            "name": change_set.name,
            "arn": change_set.arn,
            "kind": change_set.kind,
            "parameters": dict(change_set.parameters),
        },
        "verdict": plan.verdict,
        # Where only a parameter changes, the documents are the same.
        "counts": {**found["counts"], ANY_CHANGE: max(found["counts"][ANY_CHANGE], len(change_set.changes))},
        "changes": found["changes"],
        "notes": found["notes"],
    }
