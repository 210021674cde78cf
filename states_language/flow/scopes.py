"""Follow the data through the states of a scope to a fixed point."""

from __future__ import annotations

import heapq
from collections import Counter
from typing import TYPE_CHECKING, Final

from states_language.document import (
    State,
    StateMachine,
    Task,
)
from states_language.flow.context import context_type
from states_language.flow.facts import Environment, Facts
from states_language.flow.jsonata_step import JsonataStep
from states_language.flow.jsonpath_step import JsonpathStep
from states_language.flow.narrowing import merge
from states_language.flow.step import Outcome, Scope
from states_language.flow.templates import (
    Frame,
)
from states_language.integrations import parse_resource
from states_language.types import (
    Member,
    Origin,
    Source,
    StructureType,
    Type,
    Unknown,
    forget,
    join,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from states_language.pointer import Pointer


WIDEN_AFTER: Final = 4
"""Visits of a state after which what still changes becomes unknown."""
GIVE_UP_AFTER: Final = 12
VISITS_PER_STATE: Final = 6
"""Visits, on average, after which every loop's data becomes unknown: the work stays linear in the states."""

INPUT: Final = StructureType(
    {}, Unknown("the execution's input", (Source(""),)), "execution input", Origin("the execution's input")
)
"""The input of an execution without a contract: an object of which nothing is known."""


class Analyzer:
    """Follows the data of one document."""

    def __init__(self, answers: Mapping[str, Type]) -> None:
        self.answers = answers
        """What the contract says of answers that no shape describes, by the place that gives them."""
        self._known: dict[Pointer, tuple[Environment, Type | None, Type | None]] = {}

    # Scopes

    def run(self, scope: Scope, entry: Environment, facts: Facts | None) -> Type | None:
        """Follow a scope's states to a fixed point; return its output's type, None where it never ends well."""
        machine = scope.machine
        known = self._known.get(machine.pointer)
        if facts is None and known is not None and known[0] == entry and known[1] == scope.item:
            return known[2]
        entries, outputs = self._settle(scope, entry)
        if facts is not None:
            for name, state in machine.states.items():
                if name in entries:
                    facts.entries[state.pointer] = entries[name]
                    self.step(state, entries[name], scope, facts)
        output: Type | None = None
        for kind in outputs.values():
            output = kind if output is None else join(output, kind)
        self._known[machine.pointer] = (entry, scope.item, output)
        return output

    def _settle(self, scope: Scope, entry: Environment) -> tuple[dict[str, Environment], dict[str, Type]]:
        machine = scope.machine
        start = machine.start_at
        entries: dict[str, Environment] = {}
        outputs: dict[str, Type] = {}
        if start is None or start not in machine.states:
            return entries, outputs
        order = _order(machine)
        entries[start] = entry
        queue = [(order[start], start)]
        queued = {start}
        visits: Counter[str] = Counter()
        budget = VISITS_PER_STATE * len(machine.states)
        while queue:
            _, name = heapq.heappop(queue)
            queued.discard(name)
            visits[name] += 1
            budget -= 1
            outcome = self.step(machine.states[name], entries[name], scope, None)
            if outcome.output is not None:
                outputs[name] = outcome.output
            for target, environment in outcome.edges:
                if target not in machine.states:
                    continue
                before = entries.get(target)
                after = (
                    environment
                    if before is None
                    else _meet(before, environment, target, visits[target] if budget > 0 else GIVE_UP_AFTER)
                )
                if before is None or (after is not before and after != before):
                    entries[target] = after
                    if target not in queued:
                        queued.add(target)
                        heapq.heappush(queue, (order[target], target))
        return entries, outputs

    # States

    def step(self, state: State, here: Environment, scope: Scope, facts: Facts | None) -> Outcome:
        """Follow the data through one state."""
        token = isinstance(state, Task) and parse_resource(state.resource).waits_for_token
        item = scope.item
        frame = Frame(
            state,
            here.data,
            context_type(scope.execution_input, item, state, waits_for_token=token),
            here.variables,
            facts,
            scope.machine.pointer,
            state.query_language == "JSONata",
            self.answers,
        )
        if frame.is_jsonata:
            return JsonataStep(self, scope, frame).outcome()
        return JsonpathStep(self, scope, frame).outcome()


def _order(machine: StateMachine) -> dict[str, int]:
    """Return each state's place in an order in which, loops apart, a state comes after those that lead to it."""
    finished: list[str] = []
    seen: set[str] = set()
    for root in (machine.start_at, *machine.states):
        if root is None or root in seen or root not in machine.states:
            continue
        seen.add(root)
        stack = [(root, _targets(machine, root))]
        while stack:
            name, targets = stack[-1]
            target = next((target for target in targets if target not in seen), None)
            if target is None:
                finished.append(name)
                stack.pop()
            elif target in machine.states:
                seen.add(target)
                stack.append((target, _targets(machine, target)))
            else:
                seen.add(target)
    return {name: place for place, name in enumerate(reversed(finished))}


def _targets(machine: StateMachine, name: str) -> Iterator[str]:
    return iter([transition.target for transition in machine.states[name].transitions()])


def _meet(before: Environment, arriving: Environment, at: str, visits: int) -> Environment:
    after = merge(before, arriving, at)
    if visits < WIDEN_AFTER or after == before:
        return after
    if visits >= GIVE_UP_AFTER:
        unknown = Unknown("it changes on each turn of a loop")
        return Environment(unknown, StructureType({}, unknown))
    variables = _widen(before.variables, after.variables)
    return Environment(
        _widen(before.data, after.data),
        variables if isinstance(variables, StructureType) else StructureType({}, Unknown("loop")),
    )


def _widen(before: Type, after: Type) -> Type:
    """Make unknown what changed."""
    if before == after:
        return before
    if isinstance(before, StructureType) and isinstance(after, StructureType) and before.key is None:
        members: dict[str, Member] = {}
        for name, member in after.members.items():
            old = before.members.get(name)
            if old is None or old.type == member.type:
                members[name] = member
            else:
                members[name] = Member(
                    Unknown("it changes on each turn of a loop"), member.presence, member.merged_at
                )
        return StructureType(members, after.rest, after.name, after.origin)
    return Unknown("it changes on each turn of a loop")


def analyze(
    machine: StateMachine, execution_input: Type = INPUT, answers: Mapping[str, Type] | None = None
) -> Facts:
    """Follow the data of a document from its execution's input; return what was found.

    `answers` says what calls give that no shape describes, by the pointer of the state.
    """
    facts = Facts()
    entry = Environment(execution_input, StructureType({}))
    scope = Scope(machine, execution_input)
    if "ProcessorConfig" in machine.fields:  # a Map's processor, checked alone
        around = Unknown("the states around the processor")
        entry = Environment(execution_input, StructureType({}, around))
        scope = Scope(machine, execution_input, around)
    try:
        Analyzer(answers or {}).run(scope, entry, facts)
    finally:
        forget()
    return facts
