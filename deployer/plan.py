"""What a deployment would do, in the review's words.

What happens to resources is told by the change set, which knows the account: parameters, conditions, drift. What widens,
opens or breaks is told by the review of the documents that are deployed against those that are to be.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from deployer.console import Refused
from review import classify, render
from review.compare import compare
from review.documents import read
from review.model import Change, Gate, Level, Place, Review, Section, Verb, code
from review.render.values import shown_pair
from review.resources import KEEPING, holds, policy, removal, succession
from review.template import Template
from states_language.pointer import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from deployer import change_sets
    from deployer.change_sets import ChangeSet
    from review.documents import Side

VERBS = {"Add": Verb.ADDED, "Import": Verb.ADDED, "Remove": Verb.REMOVED}
"""What an action is called in a review; any other changes what is there."""
DRIFTED = ("MODIFIED", "DELETED")
REVIEWED = frozenset({Gate.WIDER, Gate.EXPOSURE, Gate.SAFETY})
"""The gates of which a change set says nothing."""


@dataclass(frozen=True)
class Plan:
    """A change set, and what a review says of it."""

    change_set: ChangeSet
    report: render.Report

    @property
    def review(self) -> Review:
        """All that was found."""
        return self.report.review

    @property
    def verdict(self) -> str:
        """The plan in one line."""
        if self.change_set.kind != "CREATE":
            return self.report.verdict.line
        actions = Counter(change.action for change in self.change_set.changes)
        parts = [f"creates {_count(actions['Add'], 'resource')}"]
        if actions["Import"]:
            parts.append(f"takes in {actions['Import']} that an earlier stack left")
        return " · ".join(parts)

    @property
    def dangers(self) -> int:
        """How many changes may lose, open or break something."""
        return sum(change.level is Level.DANGER for change in self.review.changes)


def make(
    change_set: ChangeSet,
    deployed: Side,
    committed: Side,
    parameters: Mapping[str, str],
    notes: Sequence[str] = (),
) -> Plan:
    """Return the plan of a change set.

    `deployed` and `committed` are the documents of both sides, and `parameters` those that the stack has now. Where
    nothing is deployed, there is nothing to compare, and all of it is new.
    """
    template = next((each for each in committed.values() if each.kind == "template"), None)
    after = Template(template.parsed.file, template.value) if template is not None else Template("", {})
    compared = compare(deployed, committed) if deployed else Review((), (), ())
    names = frozenset(change.logical_id for change in change_set.changes)
    changes = [
        *(
            _with_causes(each, change, names)
            for change in change_set.changes
            for each in _resource(change, after)
        ),
        *(change for change in compared.changes if not _is_told_by_change_set(change)),
        *(_parameters(change_set, parameters, after.file) if change_set.kind != "CREATE" else ()),
    ]
    review = replace(
        compared,
        changes=tuple(
            sorted(changes, key=lambda change: (list(Section).index(change.section), -change.level.rank))
        ),
        notes=(*notes, *compared.notes),
    )
    return Plan(change_set, render.Report(review, deployed, committed))


def check_whose(plan: Plan, option: str = "--stack-name") -> None:
    """Raise `Refused` where the stack is another one: no resource that it has is of the template, and all would go."""
    were, are = (
        {name for each in side.values() if each.kind == "template" for name in each.value["Resources"]}
        for side in (plan.report.before, plan.report.after)
    )
    if were and were.isdisjoint(are):
        raise Refused(
            f"{plan.change_set.stack} is another stack: nothing that it has is of this template, and all of it would be "
            f"removed\nnothing was executed; {option} names the stack that is meant"
        )


def _is_told_by_change_set(change: Change) -> bool:
    """Tell whether the change set says it better; it says nothing of what is kept less safely from now on."""
    return change.section is Section.RESOURCES and change.verb not in (Verb.LOST, Verb.GAINED)


def _with_causes(told: Change, change: change_sets.Change, names: frozenset[str]) -> Change:
    """Note which resources a change follows from: it refers to them, they change, and nothing else of it does."""
    causes = {detail.cause.partition(".")[0] for detail in change.details}
    is_own = any(not detail.source.startswith("Resource") for detail in change.details)
    follows = () if is_own or not causes <= names else tuple(sorted(causes))
    return replace(told, facts={**told.facts, "follows": follows}) if follows else told


def side(documents: Mapping[str, bytes]) -> Side:
    """Return one side of a review, by the documents' names. Raises `ReviewError`."""
    return {name: read(content, name) for name, content in documents.items()}


def _resource(change: change_sets.Change, template: Template) -> Iterator[Change]:
    name, kind = code(change.logical_id), change.type or "no type"
    subject = f"{name} ({kind})"
    place = Place(template.file, ROOT / "Resources" / change.logical_id, is_before=change.action == "Remove")
    facts = {"type": change.type, "action": change.action}
    verb = VERBS.get(change.action, Verb.CHANGED)
    if change.action == "Import":
        message = f"{subject} is taken into the stack as it is"
        yield Change(Section.RESOURCES, verb, change.logical_id, message, Level.NOTE, place, facts=facts)
    elif change.action == "SyncWithActual":
        message = f"{subject} stays as it is: it is already what the template says, and is only noted as such"
        yield Change(
            Section.RESOURCES,
            verb,
            change.logical_id,
            message,
            Level.NOTE,
            place,
            facts={**facts, "replacement": "no"},
        )
    elif verb is Verb.ADDED:
        yield Change(
            Section.RESOURCES, verb, change.logical_id, f"{subject} is added", Level.NOTE, place, facts=facts
        )
    elif verb is Verb.REMOVED:
        yield _removed(change, subject, place, facts)
    elif change.replacement in ("True", "Conditional"):
        yield _replaced(change, subject, place, facts, template)
    else:
        decided = "" if change.action == "Modify" else "; what exactly is decided while it is carried out"
        message = (
            f"{subject} changes in place: {', '.join(map(code, _paths(change))) or 'nothing that is named'}"
        )
        yield Change(
            Section.RESOURCES,
            verb,
            change.logical_id,
            message + decided,
            Level.WARNING if decided else Level.NOTE,
            place,
            details=tuple(_values(change)),
            facts={**facts, "replacement": "no", "paths": _paths(change)},
        )
    if change.drift in DRIFTED or any(detail.drift for detail in change.details):
        yield _drifted(change, subject, place, facts)


def _removed(change: change_sets.Change, subject: str, place: Place, facts: Mapping[str, Any]) -> Change:
    data = holds(change.type)
    what, level, gates = removal(change.policy, data)
    message = f"{subject} is removed{what}"
    return Change(
        Section.RESOURCES,
        Verb.REMOVED,
        change.logical_id,
        message,
        level,
        place,
        gates,
        facts={**facts, "data": data if gates else "", "policy": change.policy},
    )


def _replaced(
    change: change_sets.Change, subject: str, place: Place, facts: Mapping[str, Any], template: Template
) -> Change:
    will, data = change.replacement == "True", holds(change.type)
    message = f"{subject} {'is' if will else 'may be'} replaced"
    kept = change.policy.removeprefix("ReplaceAnd")
    resource = template.resources.get(change.logical_id)
    if not kept and resource is not None:
        kept = policy(resource, "UpdateReplacePolicy")
    what, level, gates = succession(kept, data, will=will)
    message += what
    if not data and kept in KEEPING:
        message += "; the old one stays"
    return Change(
        Section.RESOURCES,
        Verb.CHANGED,
        change.logical_id,
        message,
        level,
        place,
        frozenset(gates),
        (*_reasons(change), *_values(change)),
        facts={
            **facts,
            "replacement": "will" if will else "may",
            "policy": kept,
            "data": data if Gate.DATA_LOSS in gates else "",
            "paths": _paths(change, only_replacing=True),
        },
    )


def _drifted(change: change_sets.Change, subject: str, place: Place, facts: Mapping[str, Any]) -> Change:
    found = [
        f"{code(detail.path or detail.attribute)} was deployed as {before}, and is {now}"
        for detail in change.details
        if detail.drift is not None
        for before, now in (shown_pair(*detail.drift),)
    ]
    if change.drift == "DELETED":
        message = f"{subject} was deleted by somebody outside of the stack"
    else:
        message = f"{subject} was changed by somebody outside of the stack"
        message += ", which this update takes back where it sets the same" if found else ""
    return Change(
        Section.RESOURCES,
        Verb.CHANGED,
        change.logical_id,
        message,
        Level.WARNING,
        place,
        details=tuple(found),
        facts={**facts, "drift": change.drift or "MODIFIED"},
    )


def _paths(change: change_sets.Change, *, only_replacing: bool = False) -> list[str]:
    """Return what changes: properties by their paths, and other attributes by their names."""
    return list(
        dict.fromkeys(
            detail.path or detail.attribute
            for detail in change.details
            if not only_replacing or detail.recreation != "Never"
        )
    )


def _reasons(change: change_sets.Change) -> Iterator[str]:
    """Yield why a resource is replaced, as far as AWS tells: once for each property, however many causes it has."""
    for path in _paths(change, only_replacing=True):
        details = [each for each in change.details if (each.path or each.attribute) == path]
        causes = sorted({each.cause for each in details if each.cause})
        because = f", because of {', '.join(map(code, causes))}" if causes else ""
        # Of a parameter's new value AWS tells twice: that it changes, and that it may be another text.
        is_certain = any(each.is_certain for each in details)
        yield f"{code(path)} changes{because}" + (
            "" if is_certain else "; whether it does is known only then"
        )


def _values(change: change_sets.Change) -> Iterator[str]:
    """Yield the values from before and after, where AWS tells them."""
    for detail in change.details:
        if detail.before is not None or detail.after is not None:
            before, after = shown_pair(detail.before, detail.after)
            yield f"{detail.path or detail.attribute}: {before} → {after}"


def _parameters(change_set: ChangeSet, before: Mapping[str, str], file: str) -> Iterator[Change]:
    for name, value in change_set.parameters.items():
        if name in before and before[name] != value:
            yield Change(
                Section.INTERFACE,
                Verb.CHANGED,
                name,
                f"the parameter {code(name)} is {code(value)} now, and was {code(before[name])}",
                Level.NOTE,
                Place(file, ROOT / "Parameters" / name),
                before=before[name],
                after=value,
                facts={"kind": "parameter"},
            )


def refused(plan: Plan, kinds: Sequence[str]) -> list[str]:
    """Return which of the review's gates a plan does not pass: it is a change, also where the documents are the same."""
    found = classify.refused(plan.review, kinds)
    return [kind for kind in dict.fromkeys(kinds) if kind in found or kind == classify.ANY_CHANGE]


def undecided(plan: Plan, kinds: Sequence[str]) -> list[str]:
    """Return which of the gates nobody can tell of, since what is deployed is not known: only the review would."""
    if plan.change_set.kind == "CREATE" or plan.report.before:
        return []
    return [kind for kind in dict.fromkeys(kinds) if kind in REVIEWED]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
