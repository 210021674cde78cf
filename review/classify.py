"""What a review amounts to: one line, counts, and which gates it does not pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from review.model import Gate, Level, Review, Section, Verb

if TYPE_CHECKING:
    from collections.abc import Iterable

    from review.model import Change

ANY_CHANGE = "any-change"
NEVER = "never"
KINDS = (NEVER, ANY_CHANGE, *(gate.value for gate in Gate))
"""What `--fail-on` takes."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A review in one line, and in numbers."""

    line: str
    counts: dict[str, int]
    """How many changes each gate would refuse, and `any-change`."""
    level: Level | None
    """The worst level; None where nothing changed."""


def verdict(review: Review) -> Verdict:
    """Return what a review amounts to."""
    counts = {gate.value: sum(gate in change.gates for change in review.changes) for gate in Gate}
    counts[ANY_CHANGE] = sum(not difference.meaningless for difference in review.differences)
    level = max((change.level for change in review.changes), key=lambda each: each.rank, default=None)
    return Verdict(_line(review, counts), counts, level)


def refused(review: Review, kinds: Iterable[str]) -> list[str]:
    """Return which of the gates a review does not pass, in their order; each is judged on its own."""
    counts = verdict(review).counts
    return [kind for kind in KINDS if kind in set(kinds) and kind != NEVER and counts[kind] > 0]


def _line(review: Review, counts: dict[str, int]) -> str:
    if not review.changes and not counts[ANY_CHANGE]:
        versions = [f"ASL {version.after}" for version in review.versions if version.before != version.after]
        named = "nothing changed" if not review.differences else "nothing changed that means anything"
        return " · ".join([named, *versions])
    return " · ".join(
        [
            *_resources(review.of(Section.RESOURCES)),
            _permissions(review.of(Section.PERMISSIONS)),
            f"network exposure: {counts[Gate.EXPOSURE.value] or 'none'}",
            *_safety(review),
            *_states(review.of(Section.STATE_MACHINE)),
            *_interface(review.of(Section.INTERFACE)),
            *_versions(review),
        ]
    )


def _resources(changes: list[Change]) -> list[str]:
    lost = [change for change in changes if Gate.DATA_LOSS in change.gates]
    replaced = [change for change in changes if change.facts.get("replacement") in ("will", "may")]
    will = [change for change in replaced if change.facts["replacement"] == "will"]
    parts = []
    for named, some in (
        ("replacement", will),
        ("possible replacement", [each for each in replaced if each not in will]),
    ):
        with_loss = [change for change in some if change in lost]
        if with_loss:
            parts.append(f"{_count(len(with_loss), named)} with data loss")
        if len(some) > len(with_loss):
            parts.append(_count(len(some) - len(with_loss), named))
    if removed := [change for change in lost if change.verb is Verb.REMOVED]:
        parts.append(f"{_count(len(removed), 'removal')} with data loss")
    if weaker := [change for change in lost if change.verb is Verb.LOST]:
        parts.append(f"data kept less safely: {len(weaker)}")
    return parts or ["no replacement"]


def _permissions(changes: list[Change]) -> str:
    wider = sum(Gate.WIDER in change.gates for change in changes)
    narrower = sum(change.verb is Verb.NARROWER for change in changes)
    if not wider and not narrower:
        return "permissions: the same"
    parts = [f"{_count(wider, 'permission')} wider"] if wider else []
    return " · ".join([*parts, *([f"{narrower} narrower"] if narrower else [])])


def _safety(review: Review) -> list[str]:
    lost = sum(Gate.SAFETY in change.gates for change in review.changes)
    return [f"{_count(lost, 'safeguard')} lost"] if lost else []


def _states(changes: list[Change]) -> list[str]:
    broken = sum(change.verb is Verb.BROKEN for change in changes)
    states = {
        change.subject
        for change in changes
        if change.verb is not Verb.BROKEN and change.verb is not Verb.MENDED
    }
    parts = [f"{_count(len(states), 'state')} changed"] if states else []
    return [*parts, *([f"{_count(broken, 'new finding')} of the checker"] if broken else [])]


def _interface(changes: list[Change]) -> list[str]:
    count = sum(
        change.level is not Level.NOTE and change.facts.get("kind") != "version" for change in changes
    )
    return [f"{_count(count, 'change')} of the interface"] if count else []


def _versions(review: Review) -> list[str]:
    parts = []
    for version in review.versions:
        if version.before == version.after and version.needed == "none":
            continue
        moved = (
            f"ASL {version.before} → {version.after}"
            if version.before != version.after
            else f"ASL {version.after}"
        )
        if not version.is_enough:
            judged = f"{version.made}: {version.needed} is asked for"
        elif version.before == version.after:
            judged = "not released yet: free to change"
        else:
            judged = f"{version.made}: as it should be"
        parts.append(f"{moved} ({judged})")
    return parts


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


__all__ = ["ANY_CHANGE", "KINDS", "NEVER", "Verdict", "refused", "verdict"]
