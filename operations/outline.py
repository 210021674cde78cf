"""The graph of a document as lines of text: the way that an execution took, what it passed by, what is still to come."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from deployer.console import ROOT
from operations.progress import SHOWN
from review.cost import calls
from states_language.document import Fail, StateMachine, Succeed, Wait

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

DEFINITION = "asl/validation-pipeline.asl.json"
ON_THE_LINE, PASSED, BRANCH, LAST_BRANCH, BEHIND = "", "│ ", "├─", "╰─", "  "


@dataclass(frozen=True)
class Outline:
    """The states of a document that take time or end it, in its own order, which is the one that it runs in."""

    states: tuple[str, ...] = ()
    usual: frozenset[str] = frozenset()
    """Those that a good execution enters, but for its end."""
    ends: frozenset[str] = frozenset()

    @classmethod
    def of(cls, document: Any) -> Outline:
        """Return a document's. Raises `DocumentError`."""
        machine = StateMachine.of(document)
        tasks = set(calls(document))
        usual = {
            name
            for name, state in machine.states.items()
            if name in tasks
            or (isinstance(state, Wait) and any(each.target in tasks for each in state.transitions()))
        }
        ends = {name for name, state in machine.states.items() if isinstance(state, Succeed | Fail)}
        ends -= _before_any_call(machine)
        shown = tuple(
            name
            for name, state in machine.states.items()
            if state.type in SHOWN and (name in ends or not isinstance(state, Succeed | Fail))
        )
        return cls(shown, frozenset(usual), frozenset(ends))

    def rows(self, way: Collection[str]) -> Iterator[tuple[str, str]]:
        """Yield each state, and before it what is drawn in front of its mark: nothing where it is on the line.

        The line is the way, and then what a good execution still has before it. What was passed by, and what only some
        executions enter, is beside it.
        """
        reached = max((number for number, name in enumerate(self.states) if name in way), default=-1)
        is_over = any(name in self.ends for name in way)
        for number, name in enumerate(self.states):
            if name in way:
                yield ON_THE_LINE, name
            elif number < reached:
                yield PASSED, name
            elif is_over:
                yield BEHIND, name
            elif name in self.usual:
                yield ON_THE_LINE, name
            else:
                yield LAST_BRANCH if name == self.states[-1] else BRANCH, name


def _before_any_call(machine: StateMachine) -> set[str]:
    """Return the states that are reached before anything is called: such an end refuses the input."""
    found, work = set[str](), [machine.start_at or ""]
    while work:
        name = work.pop()
        if name not in found and name in machine.states:
            found.add(name)
            state = machine.states[name]
            if state.type not in SHOWN:
                work += [each.target for each in state.transitions()]
    return found


@cache
def committed() -> Outline:
    """Return the pipeline's."""
    return Outline.of(json.loads((ROOT / DEFINITION).read_text("utf-8")))
