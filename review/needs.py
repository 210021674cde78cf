"""Which states need a permission, where the policy itself does not say: read from the definition that the role runs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from review.model import Section, Verb, code
from review.wildcards import matches
from states_language import permissions
from states_language.document import DocumentError, StateMachine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from review.model import Change

Needs = dict[str, list[str]]
"""Actions, in lower case, and the states that call them."""


def of_definition(value: Any) -> Needs:
    """Return what the states of a document need; nothing where it calls something that is not known here."""
    found: Needs = {}
    try:
        needed = permissions.of_document(StateMachine.of(value))
    except (DocumentError, permissions.PermissionsError):
        return {}
    for permission in needed:
        states = found.setdefault(permission.action.lower(), [])
        name = str(permission.because.steps[-1])
        if name not in states:
            states.append(name)
    return found


def named(changes: Iterable[Change], by_user: Mapping[str, Needs]) -> Iterator[Change]:
    """Yield the changes; a wider permission of a role that a state machine runs as names the states that need it.

    `by_user` has the needs of the state machines, by the logical IDs of their resources.
    """
    for change in changes:
        users = [user for user in change.facts.get("users", ()) if user in by_user]
        if change.section is not Section.PERMISSIONS or change.verb is not Verb.WIDER or not users:
            yield change
            continue
        if change.facts.get("needed_by"):
            yield change
            continue
        states = dict.fromkeys(
            state
            for user in users
            for action, each in by_user[user].items()
            for state in each
            if any(matches(written.lower(), action) for written in change.facts["actions"])
        )
        machines = ", ".join(code(user) for user in users)
        detail = (
            "needed by " + ", ".join(code(state) for state in states)
            if states
            else f"needed by no state of {machines}"
        )
        kept = tuple(line for line in change.details if not line.startswith("for "))
        yield replace(change, details=(*kept, detail), facts={**change.facts, "needed_by": list(states)})
