"""How a review is shown. Each format is a module with one function; none of them compares anything."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from review.classify import Verdict, verdict
from review.model import Level, Place, Review
from states_language.pointer import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from review.documents import Side
    from review.model import Change

FORMATS = ("terminal", "markdown", "json", "sarif", "github", "html")


@dataclass(frozen=True)
class Report:
    """A review, with what it takes to show it."""

    review: Review
    before: Side
    after: Side
    title: str = ""
    """What was compared with what, for a reader: `main…HEAD`."""
    has_all: bool = False
    """Whether to show every property, and every note."""

    @property
    def verdict(self) -> Verdict:
        """The review in one line."""
        return verdict(self.review)

    def dangers(self) -> list[Change]:
        """Return what must be seen first."""
        return [change for change in self.review.changes if change.level is Level.DANGER]

    def locate(self, place: Place) -> tuple[str, int, int]:
        """Return file, line and column, in the documents that are there after the change.

        What is gone is told at the nearest thing that held it; of a file that is gone, at its first line.
        """
        for document in self.after.values():
            if document.parsed.file == place.file:
                line, column = document.parsed.locate(place.pointer, at_key=place.pointer != ROOT)
                return place.file, max(line, 1), max(column, 1)
        return place.file, 1, 1


def render(report: Report, form: str) -> str:
    """Return a report in one of the `FORMATS`."""
    function: Callable[[Report], str] = import_module(f"review.render.{form}").render
    return function(report)
