"""What a change does to a state machine: its states, transitions, calls, and what it no longer looks after."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from review import differences, lifetimes, safeguards
from review.model import Change, Gate, Graph, Level, Place, Section, Verb, code
from review.template import text_of
from states_language.document import State, StateMachine, Task, TransitionKind
from states_language.permissions import integration
from states_language.pointer import ROOT, Pointer

ASPECTS = {
    "Type": "kind",
    "Resource": "integration",
    "Parameters": "parameters",
    "Arguments": "parameters",
    "TimeoutSeconds": "timeout",
    "TimeoutSecondsPath": "timeout",
    "HeartbeatSeconds": "timeout",
    "HeartbeatSecondsPath": "timeout",
    "Retry": "retry",
    "Catch": "catch",
    "Choices": "choice",
    "Default": "transition",
    "Next": "transition",
    "End": "transition",
    "InputPath": "data",
    "OutputPath": "data",
    "ResultPath": "data",
    "ResultSelector": "data",
    "Result": "data",
    "Assign": "data",
    "Output": "data",
    "Branches": "",
    "ItemProcessor": "",
    "Iterator": "",
    "Comment": "",
}
"""What a field of a state is about; empty: something else tells of it, or nothing needs to be told."""


@dataclass(frozen=True)
class Definition:
    """A state machine of one side: the document, where it stands, and what its tokens stand for."""

    name: str
    file: str
    value: Any
    prefix: Pointer = ROOT
    """Where it begins in its file; the state machine is then part of a template."""
    is_text: bool = False
    """Whether it is a text inside its file, so that its own pointers lead nowhere there."""
    tokens: Mapping[str, Any] | None = None
    """The values of its `${Token}`s, where a template of the same side gives them."""
    schema: Mapping[str, Any] | None = None

    def place(self, pointer: Pointer, *, is_before: bool = False) -> Place:
        """Return a place in the file that holds the definition."""
        at = self.prefix if self.is_text else Pointer((*self.prefix.steps, *pointer.steps))
        return Place(self.file, at, is_before)


def compare(before: Definition, after: Definition) -> tuple[list[Change], Graph]:
    """Return what changed, and the graphs with their changes marked. Raises `DocumentError`."""
    old, new = StateMachine.of(before.value), StateMachine.of(after.value)
    pairing = _Pairing.of(old, new)
    changes = [
        *_whole(after, old, new),
        *_states(before, after, pairing),
        *_leaks(before, after, old, new),
        *_findings(before, after, pairing),
    ]
    return changes, _graph(after.name, old, new, pairing)


def added(definition: Definition) -> tuple[list[Change], Graph]:
    """Return what there is to say of a state machine that was not there before."""
    machine = StateMachine.of(definition.value)
    count = sum(1 for _ in machine.walk())
    change = Change(
        Section.STATE_MACHINE,
        Verb.ADDED,
        definition.name,
        f"the state machine {code(definition.name)} is added, with {count} states",
        Level.NOTE,
        definition.place(ROOT),
    )
    marks = {str(state.pointer): "added" for state in machine.walk()}
    return [change, *_reported(_checked(definition), Counter(), definition, Verb.BROKEN)], Graph(
        definition.name, None, machine, {}, marks
    )


def removed(definition: Definition) -> tuple[list[Change], Graph]:
    """Return what there is to say of a state machine that is gone."""
    machine = StateMachine.of(definition.value)
    change = Change(
        Section.STATE_MACHINE,
        Verb.REMOVED,
        definition.name,
        f"the state machine {code(definition.name)} is removed",
        Level.WARNING,
        definition.place(ROOT, is_before=True),
    )
    marks = {str(state.pointer): "removed" for state in machine.walk()}
    mended = _reported(_checked(definition), Counter(), definition, Verb.MENDED)
    return [change, *mended], Graph(definition.name, machine, None, marks, {})


@dataclass(frozen=True)
class _Pairing:
    """Which state of one side is which of the other."""

    before: Mapping[str, State]
    after: Mapping[str, State]
    """The states by their scopes and names: unlike a pointer, it does not move with what stands around."""
    pairs: Mapping[str, str]
    renamed: Mapping[str, str]

    @classmethod
    def of(cls, old: StateMachine, new: StateMachine) -> _Pairing:
        before = {_key(state): state for state in old.walk()}
        after = {_key(state): state for state in new.walk()}
        pairs = {key: key for key in before if key in after}
        gone = [key for key in before if key not in pairs]
        come = [key for key in after if key not in pairs]
        renamed: dict[str, str] = {}
        contents = Counter(_content(after[key]) for key in come)
        for key in gone:
            content = _content(before[key])
            matches = [other for other in come if _content(after[other]) == content]
            if len(matches) == 1 and contents[content] == 1 and matches[0] not in renamed.values():
                renamed[key] = matches[0]
        return cls(before, after, pairs | renamed, renamed)

    def name_after(self, name: str) -> str:
        """Return what a state of before is called now."""
        return next(
            (self.after[new].name for old, new in self.renamed.items() if self.before[old].name == name), name
        )


def _key(state: State) -> str:
    return "/".join(str(step) for step in state.pointer.steps if step != "States")


def _content(state: State) -> str:
    own = {
        key: value
        for key, value in state.fields.items()
        if key not in ("Comment", "Next", "Catch", "Default")
    }
    return json.dumps([own, len(list(state.transitions()))], sort_keys=True, default=str)


def _whole(after: Definition, old: StateMachine, new: StateMachine) -> Iterator[Change]:
    for key in dict.fromkeys([*old.fields, *new.fields]):
        was, now = old.fields.get(key), new.fields.get(key)
        if key in ("States", "Comment") or differences.same(was, now):
            continue
        level = Level.WARNING if key in ("StartAt", "QueryLanguage", "TimeoutSeconds") else Level.NOTE
        lost = key == "TimeoutSeconds" and now is None
        yield Change(
            Section.SAFETY
            if key == "TimeoutSeconds" and (was is None or now is None)
            else Section.STATE_MACHINE,
            Verb.LOST if lost else Verb.GAINED if key == "TimeoutSeconds" and was is None else Verb.CHANGED,
            after.name,
            f"{code(after.name)}: {key} {_shown(was)} → {_shown(now)}",
            Level.DANGER if lost else level,
            after.place(ROOT / key if now is not None else ROOT),
            frozenset({Gate.SAFETY}) if lost else frozenset(),
            before=was,
            after=now,
            facts={"aspect": key},
        )


def _states(before: Definition, after: Definition, pairing: _Pairing) -> Iterator[Change]:
    for old_key, new_key in pairing.renamed.items():
        old, new = pairing.before[old_key], pairing.after[new_key]
        yield _state_change(
            Verb.RENAMED,
            new,
            f"{code(old.name)} is called {code(new.name)} now",
            Level.NOTE,
            after,
            before=old.name,
            after_value=new.name,
        )
    for key, state in pairing.before.items():
        if key not in pairing.pairs:
            yield Change(
                Section.STATE_MACHINE,
                Verb.REMOVED,
                state.name,
                f"{code(state.name)} ({_what(state)}) is removed",
                Level.WARNING,
                before.place(state.pointer, is_before=True),
                facts={"aspect": "state"},
            )
    for key, state in pairing.after.items():
        if key not in pairing.pairs.values():
            yield _state_change(
                Verb.ADDED, state, f"{code(state.name)} ({_what(state)}) is added", Level.NOTE, after
            )
    for old_key, new_key in pairing.pairs.items():
        yield from _of_state(before, after, pairing.before[old_key], pairing.after[new_key], pairing)


def _what(state: State) -> str:
    return (integration(state.resource) if isinstance(state, Task) else "") or state.type


def _state_change(  # noqa: PLR0913 - a change of a state, by name where it is not plain
    verb: Verb,
    state: State,
    message: str,
    level: Level,
    where: Definition,
    *,
    key: str | None = None,
    aspect: str = "state",
    details: tuple[str, ...] = (),
    before: Any = None,
    after_value: Any = None,
    section: Section = Section.STATE_MACHINE,
    gates: frozenset[Gate] = frozenset(),
) -> Change:
    pointer = state.pointer if key is None or key not in state.fields else state.pointer / key
    return Change(
        section,
        verb,
        state.name,
        message,
        level,
        where.place(pointer),
        gates,
        details,
        before=before,
        after=after_value,
        facts={"aspect": aspect},
    )


def _of_state(
    before: Definition, after: Definition, old: State, new: State, pairing: _Pairing
) -> Iterator[Change]:
    changed = {
        key: ASPECTS.get(key, "other")
        for key in dict.fromkeys([*old.fields, *new.fields])
        if not differences.same(old.fields.get(key), new.fields.get(key))
    }
    aspects = set(changed.values())
    if "kind" in aspects or "integration" in aspects:
        yield _state_change(
            Verb.CHANGED,
            new,
            f"{code(new.name)} is {_what(new)} now, no longer {_what(old)}",
            Level.WARNING,
            after,
            key="Resource" if "Resource" in changed else "Type",
            aspect="integration",
            before=old.fields.get("Resource"),
            after_value=new.fields.get("Resource"),
        )
    yield from _transitions(after, old, new, pairing)
    for key, aspect in changed.items():
        if aspect == "timeout":
            yield _timeout(after, old, new, key)
        elif aspect == "retry":
            yield _retry(after, old, new)
        elif aspect in ("parameters", "data", "other"):
            yield _values(after, old, new, key, aspect)
    if "choice" in aspects and _targets(old, pairing) == _targets(new, None):
        yield _state_change(
            Verb.CHANGED,
            new,
            f"{code(new.name)} decides by other tests: it goes to the same states",
            Level.WARNING,
            after,
            key="Choices",
            aspect="choice",
            details=_leaves(old.fields.get("Choices"), new.fields.get("Choices")),
        )
    if "catch" in aspects:
        yield from _catch(after, old, new, pairing)
    if isinstance(old, Task) and isinstance(new, Task) and lifetimes.call_of(old) == lifetimes.call_of(new):
        yield from _guarded(before, after, old, new)


def _targets(state: State, pairing: _Pairing | None) -> list[tuple[str, str]]:
    return [
        (transition.kind.value, pairing.name_after(transition.target) if pairing else transition.target)
        for transition in state.transitions()
    ]


def _transitions(after: Definition, old: State, new: State, pairing: _Pairing) -> Iterator[Change]:
    """Yield where a state leads that it did not, and the reverse; an edge that moved is told once."""
    was = [pair for pair in _targets(old, pairing) if pair[0] != TransitionKind.CATCH]
    now = [pair for pair in _targets(new, None) if pair[0] != TransitionKind.CATCH]
    lost = list((Counter(was) - Counter(now)).elements())
    gained = list((Counter(now) - Counter(was)).elements())
    for kind, target in list(gained):
        moved = next((pair for pair in lost if pair[0] == kind), None)
        if moved is not None:
            lost.remove(moved)
            gained.remove((kind, target))
            yield _state_change(
                Verb.CHANGED,
                new,
                f"{code(new.name)} goes to {code(target)} now, no longer to {code(moved[1])} ({_way(kind)})",
                Level.WARNING,
                after,
                key=_key_of(kind),
                aspect="transition",
                before=moved[1],
                after_value=target,
            )
    for kind, target in lost:
        yield _state_change(
            Verb.REMOVED,
            new,
            f"{code(new.name)} no longer goes to {code(target)} ({_way(kind)})",
            Level.WARNING,
            after,
            key=_key_of(kind),
            aspect="transition",
            before=target,
        )
    for kind, target in gained:
        yield _state_change(
            Verb.ADDED,
            new,
            f"{code(new.name)} goes to {code(target)}, too ({_way(kind)})",
            Level.NOTE,
            after,
            key=_key_of(kind),
            aspect="transition",
            after_value=target,
        )
    if not lost and not gained and was != now and Counter(was) == Counter(now):
        yield _state_change(
            Verb.CHANGED,
            new,
            f"{code(new.name)} tries its rules in another order",
            Level.WARNING,
            after,
            key="Choices",
            aspect="choice",
        )
    if old.is_terminal != new.is_terminal:
        yield _state_change(
            Verb.CHANGED,
            new,
            f"{code(new.name)} {'ends' if new.is_terminal else 'no longer ends'} the execution",
            Level.WARNING,
            after,
            key="End",
            aspect="transition",
        )


def _way(kind: str) -> str:
    return {"next": "Next", "choice": "by a rule", "default": "Default", "catch": "on an error"}[kind]


def _key_of(kind: str) -> str:
    return {"next": "Next", "choice": "Choices", "default": "Default", "catch": "Catch"}[kind]


def _timeout(after: Definition, old: State, new: State, key: str) -> Change:
    was, now = old.fields.get(key), new.fields.get(key)
    is_lost = now is None and not any(name in new.fields for name in (f"{key}Path", key.removesuffix("Path")))
    is_gained = was is None and not any(
        name in old.fields for name in (f"{key}Path", key.removesuffix("Path"))
    )
    return _state_change(
        Verb.LOST if is_lost else Verb.GAINED if is_gained else Verb.CHANGED,
        new,
        f"{code(new.name)}: {key} {_shown(was)} → {_shown(now)}"
        + ("; nothing bounds the call any more" if is_lost and "Timeout" in key else ""),
        Level.DANGER if is_lost else Level.NOTE,
        after,
        key=key,
        aspect="timeout",
        before=was,
        after_value=now,
        section=Section.SAFETY if is_lost or is_gained else Section.STATE_MACHINE,
        gates=frozenset({Gate.SAFETY}) if is_lost else frozenset(),
    )


def _retry(after: Definition, old: State, new: State) -> Change:
    was, now = (sorted({error for each in state.retriers for error in each.errors}) for state in (old, new))
    gone, come = [each for each in was if each not in now], [each for each in now if each not in was]
    parts = []
    if gone:
        parts.append("no longer retries " + ", ".join(f"{code(each)}" for each in gone))
    if come:
        parts.append("retries " + ", ".join(f"{code(each)}" for each in come) + " now")
    if not parts:
        waits = [sum(each.longest_wait() for each in state.retriers) for state in (old, new)]
        parts.append(f"retries otherwise (its waits add up to {waits[0]:g} s → {waits[1]:g} s)")
    return _state_change(
        Verb.CHANGED,
        new,
        f"{code(new.name)} {'; '.join(parts)}",
        Level.WARNING if gone else Level.NOTE,
        after,
        key="Retry",
        aspect="retry",
        details=_leaves(old.fields.get("Retry"), new.fields.get("Retry")),
    )


def _catch(after: Definition, old: State, new: State, pairing: _Pairing) -> Iterator[Change]:
    was = {
        error: (pairing.name_after(each.next or ""), each.result_path)
        for each in reversed(old.catchers)
        for error in each.errors
    }
    now = {
        error: (each.next or "", each.result_path) for each in reversed(new.catchers) for error in each.errors
    }
    told = False
    for error in dict.fromkeys([*was, *now]):
        if error not in now:
            still = " (States.ALL still is)" if "States.ALL" in now else ""
            message, level = (
                f"{code(new.name)} no longer catches {code(error)}{still}",
                Level.NOTE if still else Level.WARNING,
            )
            verb = Verb.REMOVED
        elif error not in was:
            message, level, verb = (
                f"{code(new.name)} catches {code(error)} now, and goes to {code(now[error][0])}",
                Level.NOTE,
                Verb.ADDED,
            )
        elif was[error] != now[error]:
            what = (
                f"goes to {code(now[error][0])} now, no longer to {code(was[error][0])}"
                if was[error][0] != now[error][0]
                else f"puts the error at {code(now[error][1])} now, no longer at {code(was[error][1])}"
            )
            message, level, verb = f"{code(new.name)} {what} (on {code(error)})", Level.WARNING, Verb.CHANGED
        else:
            continue
        told = True
        yield _state_change(verb, new, message, level, after, key="Catch", aspect="catch")
    if not told:
        yield _state_change(
            Verb.CHANGED,
            new,
            f"{code(new.name)} catches errors otherwise",
            Level.NOTE,
            after,
            key="Catch",
            aspect="catch",
            details=_leaves(old.fields.get("Catch"), new.fields.get("Catch")),
        )


def _values(after: Definition, old: State, new: State, key: str, aspect: str) -> Change:
    was, now = old.fields.get(key), new.fields.get(key)
    if isinstance(was, Mapping | list) or isinstance(now, Mapping | list):
        leaves = list(differences.compare(was, now))
        names = list(dict.fromkeys(_leaf_name(leaf) for leaf in leaves))
        what = ", ".join(f"{code(name)}" for name in names[:4] if name) + (
            f" and {len(names) - 4} more" if len(names) > 4 else ""
        )
        message = (
            f"{code(new.name)}: {key} change{': ' + what if what else ''}"
            if key.endswith("s")
            else f"{code(new.name)}: {key} changes{': ' + what if what else ''}"
        )
        return _state_change(
            Verb.CHANGED, new, message, Level.NOTE, after, key=key, aspect=aspect, details=_leaves(was, now)
        )
    return _state_change(
        Verb.CHANGED,
        new,
        f"{code(new.name)}: {key} {_shown(was)} → {_shown(now)}",
        Level.NOTE,
        after,
        key=key,
        aspect=aspect,
        before=was,
        after_value=now,
    )


def _leaf_name(leaf: differences.Leaf) -> str:
    steps = (leaf.after_at or leaf.before_at or ROOT).steps
    return ".".join(str(step) for step in steps)


def _leaves(was: Any, now: Any) -> tuple[str, ...]:
    """Return the differences of two values as lines."""
    lines = []
    for leaf in differences.compare(was, now):
        name = _leaf_name(leaf) or "value"
        if leaf.is_order:
            lines.append(f"{name}: another order")
        elif leaf.before_at is None:
            lines.append(f"{name}: {_shown(leaf.after)} added")
        elif leaf.after_at is None:
            lines.append(f"{name}: {_shown(leaf.before)} removed")
        else:
            lines.append(f"{name}: {_shown(leaf.before)} → {_shown(leaf.after)}")
    return tuple(lines)


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    return code(text, 120)


def _guarded(before: Definition, after: Definition, old: Task, new: Task) -> Iterator[Change]:
    """Yield the safeguards in a call's parameters, its network too."""
    was, now = _filled(old.parameters, before), _filled(new.parameters, after)
    call = (
        lifetimes.call_of(new) or integration(new.resource).lower().removeprefix("aws-sdk:").partition(".")[0]
    )
    place = after.place(new.pointer / new.parameters_key)
    for name, rows in safeguards.table().items():
        if name.lower() == call:
            for safeguard in rows:
                for change in safeguards.of_values(safeguard, new.name, was, now, place):
                    yield replace(change, place=place) if after.is_text else change
    for key in ("Subnets", "SecurityGroups"):
        left, right = _network(was).get(key), _network(now).get(key)
        if left is not None and right is not None and left != right:
            yield _state_change(
                Verb.CHANGED,
                new,
                f"{code(new.name)}: its tasks run in other {'subnets' if key == 'Subnets' else 'security groups'}: "
                f"{_shown(left)} → {_shown(right)}",
                Level.WARNING,
                after,
                key=new.parameters_key,
                aspect="network",
                before=left,
                after_value=right,
                section=Section.NETWORK,
            )


def _network(parameters: Any) -> Mapping[str, Any]:
    found = parameters.get("NetworkConfiguration") if isinstance(parameters, Mapping) else None
    found = found.get("AwsvpcConfiguration") if isinstance(found, Mapping) else None
    return (
        {key.removesuffix(".$"): text_of(value) for key, value in found.items()}
        if isinstance(found, Mapping)
        else {}
    )


def _filled(value: Any, definition: Definition) -> Any:
    """Return parameters with what a template of the same side puts in for their `${Token}`s."""
    tokens = definition.tokens or {}
    if isinstance(value, str):
        if value.startswith("${") and value.endswith("}") and value[2:-1] in tokens:
            return tokens[value[2:-1]]
        for name, known in tokens.items():
            if isinstance(known, str | int | float):
                value = value.replace(f"${{{name}}}", str(known))
        return value
    if isinstance(value, Mapping):
        return {key: _filled(inner, definition) for key, inner in value.items()}
    return [_filled(inner, definition) for inner in value] if isinstance(value, list) else value


def by_tokens(before: Definition, after: Definition) -> Iterator[Change]:
    """Yield the safeguards in calls that only another value of a `${Token}` changes: the documents are the same."""
    old, new = StateMachine.of(before.value), StateMachine.of(after.value)
    before_states = {_key(state): state for state in old.walk()}
    for state in new.walk():
        other = before_states.get(_key(state))
        if isinstance(state, Task) and isinstance(other, Task):
            yield from _guarded(before, after, other, state)


def _leaks(before: Definition, after: Definition, old: StateMachine, new: StateMachine) -> Iterator[Change]:
    for leak in lifetimes.leaks(old, new):
        yield Change(
            Section.SAFETY,
            Verb.LOST,
            leak.first.name,
            f"a {leak.what} that {code(leak.starter.name)} started is no longer ended on every path: "
            + " → ".join(f"{code(name)}" if name != lifetimes.FAILURE else name for name in leak.path),
            Level.DANGER,
            after.place(leak.first.pointer),
            frozenset({Gate.SAFETY}),
            facts={"aspect": "lifetime", "starter": leak.starter.name, "path": list(leak.path)},
        )
    for leak in lifetimes.leaks(new, old):
        yield Change(
            Section.SAFETY,
            Verb.GAINED,
            leak.first.name,
            f"a {leak.what} that {code(leak.starter.name)} started is ended now on the path through {code(leak.first.name)}",
            Level.NOTE,
            before.place(leak.first.pointer, is_before=True),
            facts={"aspect": "lifetime", "starter": leak.starter.name, "path": list(leak.path)},
        )


def _checked(definition: Definition) -> Any:
    from states_language import check  # noqa: PLC0415 - the index of shapes takes a while to load

    return check(definition.value, definition.schema)


def _findings(before: Definition, after: Definition, pairing: _Pairing) -> Iterator[Change]:
    """Yield what the checker finds on one side only."""
    was, now = _checked(before), _checked(after)
    names = {pairing.before[old].name: pairing.after[new].name for old, new in pairing.renamed.items()}
    known = Counter(_identity(finding, names) for finding in was)
    yield from _reported(now, known, after, Verb.BROKEN)
    yield from _reported(was, Counter(_identity(finding, {}) for finding in now), before, Verb.MENDED, names)


def _identity(finding: Any, names: Mapping[str, str]) -> tuple[str, str, str]:
    steps = [names.get(step, step) for step in finding.pointer.steps if isinstance(step, str)]
    return finding.code, "/".join(steps), finding.message


def _reported(
    found: Any,
    known: Counter[tuple[str, str, str]],
    definition: Definition,
    verb: Verb,
    names: Mapping[str, str] | None = None,
) -> Iterator[Change]:
    left = Counter(known)
    for finding in found:
        identity = _identity(finding, names or {})
        if left[identity] > 0:
            left[identity] -= 1
            continue
        severity = finding.severity.value
        subject = finding.pointer.steps[1] if len(finding.pointer.steps) > 1 else definition.name
        is_new = verb is Verb.BROKEN
        level = (
            {"error": Level.DANGER, "warning": Level.WARNING, "note": Level.NOTE}[severity]
            if is_new
            else Level.NOTE
        )
        yield Change(
            Section.STATE_MACHINE,
            verb,
            str(subject),
            f"{code(subject)}: {finding.message}"
            if is_new
            else f"{code(subject)}: no longer: {finding.message}",
            level,
            definition.place(finding.pointer, is_before=not is_new),
            frozenset(),
            (finding.help,) if finding.help and is_new else (),
            facts={"aspect": "check", "code": finding.code, "severity": severity},
        )


def _graph(name: str, old: StateMachine, new: StateMachine, pairing: _Pairing) -> Graph:
    marks_before = {
        str(state.pointer): "removed" for key, state in pairing.before.items() if key not in pairing.pairs
    }
    marks_after = {
        str(state.pointer): "added"
        for key, state in pairing.after.items()
        if key not in pairing.pairs.values()
    }
    for old_key, new_key in pairing.pairs.items():
        one, other = pairing.before[old_key], pairing.after[new_key]
        own_before = {key: value for key, value in one.fields.items() if ASPECTS.get(key, "other")}
        own_after = {key: value for key, value in other.fields.items() if ASPECTS.get(key, "other")}
        if old_key in pairing.renamed or not differences.same(own_before, own_after):
            marks_before[str(one.pointer)] = "changed"
            marks_after[str(other.pointer)] = "changed"
    edges_before, edges_after = _edges(old), _edges(new)
    to_new = {
        str(pairing.before[one].pointer): str(pairing.after[other].pointer)
        for one, other in pairing.pairs.items()
    }
    moved_before = {
        (to_new.get(source, source), to_new.get(target, target)): (source, target)
        for source, target in edges_before
    }
    return Graph(
        name,
        old,
        new,
        marks_before,
        marks_after,
        frozenset(edge for moved, edge in moved_before.items() if moved not in edges_after),
        frozenset(edge for edge in edges_after if edge not in moved_before),
    )


def _edges(machine: StateMachine) -> set[tuple[str, str]]:
    found = {
        (str(state.pointer), str(machine.states[transition.target].pointer))
        for state in machine.states.values()
        for transition in state.transitions()
        if transition.target in machine.states
    }
    for state in machine.states.values():
        for scope in state.scopes:
            found |= _edges(scope)
    return found
