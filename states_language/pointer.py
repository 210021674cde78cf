"""A place in a JSON document (RFC 6901), carried by everything that speaks of one."""

from __future__ import annotations

from dataclasses import dataclass

Step = str | int


@dataclass(frozen=True, slots=True)
class Pointer:
    """A place in a document: the keys and indexes that lead to it from the root."""

    steps: tuple[Step, ...] = ()

    def __truediv__(self, step: Step) -> Pointer:
        """Return the place one step below this one."""
        return Pointer((*self.steps, step))

    def __str__(self) -> str:
        """Write the place as RFC 6901 does: `/States/Run/Parameters/Tags/0`; the root is empty."""
        return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in self.steps)

    @property
    def parent(self) -> Pointer:
        """The place one step above; the root is its own parent."""
        return Pointer(self.steps[:-1])

    def within(self, other: Pointer) -> bool:
        """Tell whether this place is `other` or lies below it."""
        return self.steps[: len(other.steps)] == other.steps


ROOT = Pointer()
