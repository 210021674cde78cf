"""What a rule looks at."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from states_language.document import State, StateMachine
    from states_language.flow import Facts
    from states_language.pointer import Pointer


@dataclass(frozen=True)
class Subject:
    """A document that was read and followed."""

    document: Mapping[str, Any]
    machine: StateMachine
    facts: Facts
    unguarded: dict[tuple[Pointer, str], set[str]] = field(default_factory=dict)
    """The states that a state leads to past no Choice, as far as someone asked."""

    @cached_property
    def scopes(self) -> Mapping[Pointer, StateMachine]:
        """Every scope by its place: the machine, each branch, each processor."""
        return {scope.pointer: scope for scope in _scopes(self.machine)}

    @cached_property
    def states(self) -> Mapping[Pointer, State]:
        """Every state by its place."""
        return {state.pointer: state for state in self.machine.walk()}


def _scopes(machine: StateMachine) -> Iterator[StateMachine]:
    yield machine
    for state in machine.states.values():
        for scope in state.scopes:
            yield from _scopes(scope)
