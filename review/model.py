"""What a comparison finds, before anybody decides how to show it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from states_language.pointer import ROOT, Pointer

if TYPE_CHECKING:
    from collections.abc import Mapping


class Section(StrEnum):
    """The parts of a review, in the order in which they are shown."""

    RESOURCES = "resources"
    PERMISSIONS = "permissions"
    NETWORK = "network"
    SAFETY = "safety"
    STATE_MACHINE = "state machine"
    INTERFACE = "interface"
    COST = "cost"


class Level(StrEnum):
    """How much a change asks of its reader."""

    DANGER = "danger"
    """Something may be lost, opened or left running."""
    WARNING = "warning"
    """Look at it."""
    NOTE = "note"
    """Good to know."""

    @property
    def rank(self) -> int:
        """The higher, the worse."""
        return {"note": 0, "warning": 1, "danger": 2}[self.value]


class Gate(StrEnum):
    """What `--fail-on` can refuse; a change is caught by each gate on its own."""

    WIDER = "wider"
    EXPOSURE = "exposure"
    REPLACEMENT = "replacement"
    DATA_LOSS = "data-loss"
    SAFETY = "safety"
    """A safeguard was switched off, or something that was started is no longer stopped."""


class Verb(StrEnum):
    """What happened to the subject. Each has its mirror: what B → A says where A → B says this."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    RENAMED = "renamed"
    WIDER = "wider"
    NARROWER = "narrower"
    OPENED = "opened"
    CLOSED = "closed"
    LOST = "lost"
    GAINED = "gained"
    BROKEN = "broken"
    MENDED = "mended"

    @property
    def mirror(self) -> Verb:
        """What the comparison the other way round says."""
        return _MIRRORS[self]


_PAIRS = (
    (Verb.ADDED, Verb.REMOVED),
    (Verb.WIDER, Verb.NARROWER),
    (Verb.OPENED, Verb.CLOSED),
    (Verb.LOST, Verb.GAINED),
    (Verb.BROKEN, Verb.MENDED),
)
_MIRRORS = {
    **{one: other for pair in _PAIRS for one, other in (pair, pair[::-1])},
    Verb.CHANGED: Verb.CHANGED,
    Verb.RENAMED: Verb.RENAMED,
}


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in one of the compared documents."""

    file: str
    pointer: Pointer = ROOT
    is_before: bool = False
    """Whether it is in the document from before: what was removed has no other place."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that a reviewer should know."""

    section: Section
    verb: Verb
    subject: str
    """What it is about, in the document's words: a logical ID, a state, a parameter."""
    message: str
    """One sentence (Markdown code marks names), complete without the subject's type."""
    level: Level
    place: Place
    gates: frozenset[Gate] = frozenset()
    details: tuple[str, ...] = ()
    """Lines that explain it, folded where there is little room."""
    before: Any = None
    after: Any = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What counts and tables are made from: `replacement`, `type`, `data`, …; JSON values."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that differs, property by property."""

    file: str
    before_at: Pointer | None
    """Where it is in the document from before; None where it was added."""
    after_at: Pointer | None
    before: Any
    after: Any
    meaningless: str = ""
    """Why it changes nothing (a description, the same permissions written otherwise); empty where it may."""

    @property
    def at(self) -> Pointer:
        """Where a reader finds it: after, or before where it is gone."""
        found = self.after_at if self.after_at is not None else self.before_at
        return ROOT if found is None else found


@dataclass(frozen=True, slots=True)
class Graph:
    """A state machine before and after; None where there was none."""

    name: str
    before: Any
    after: Any
    marks_before: Mapping[str, str]
    """Pointers of states to what happened to them: `removed`, `changed`, `renamed`."""
    marks_after: Mapping[str, str]
    edges_removed: frozenset[tuple[str, str]] = frozenset()
    """Pointers of the state that an edge leaves and of the one that it enters, in the document from before."""
    edges_added: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Version:
    """Whether the version of a definition moved by what its change asks for."""

    name: str
    before: str
    after: str
    needed: str
    made: str
    is_enough: bool


@dataclass(frozen=True, slots=True)
class Review:
    """All that two sides differ in."""

    documents: tuple[str, ...]
    """The documents that were compared, in order."""
    changes: tuple[Change, ...]
    differences: tuple[Difference, ...]
    graphs: tuple[Graph, ...] = ()
    versions: tuple[Version, ...] = ()
    notes: tuple[str, ...] = ()
    """What could not be judged, and why."""

    def of(self, section: Section) -> list[Change]:
        """Return a section's changes, the most dangerous first."""
        return [change for change in self.changes if change.section is section]


class ReviewError(Exception):
    """Something that the caller can mend; the message says what, where, and how."""


def code(value: object, longest: int = 160) -> str:
    """Return a value as Markdown code, on one line: nothing that a document holds can end the mark, or fill the page."""
    text = " ".join(str(value).replace("`", "'").split())
    return f"`{text if len(text) <= longest else text[: longest - 1] + '…'}`" if text else "`(empty)`"
