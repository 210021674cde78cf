"""The checker's rules, a family a module; each is a function from a subject to findings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from states_language.rules import (
    dataflow,
    errors,
    expressions,
    graph,
    integrations,
    intrinsics,
    limits,
    parameters,
    resources,
    secrets,
    structure,
)
from states_language.rules.catalogue import RULES, Rule
from states_language.rules.subject import Subject

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from states_language.diagnostics import Finding

FAMILIES: Final[tuple[Callable[[Subject], Iterator[Finding]], ...]] = (
    structure.check,
    graph.check,
    integrations.check,
    parameters.check,
    dataflow.check,
    intrinsics.check,
    expressions.check,
    errors.check,
    resources.check,
    limits.check,
    secrets.check,
)

__all__ = ["FAMILIES", "RULES", "Rule", "Subject"]
