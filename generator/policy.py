"""Bind the permissions that documents need to this stack's resources: the state machine role's policy.

The policy is the union over the document and its last release, since a canary, a rollback and a running execution
still use the older one under the role's newest policy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from awacs import aws as operators
from awacs.aws import Action, Allow, Condition, PolicyDocument, Statement
from troposphere import GetAtt, Sub

from generator.substitutions import TOKEN, Substitution

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from states_language.permissions import Permission

_Condition = tuple[tuple[str, str, str], ...]
_Statement = tuple[tuple[str], _Condition, str]

ACCOUNT = {"Account": "${AWS::AccountId}"}


class UnboundTokenError(Exception):
    """A permission holds a token for which this stack has no resource."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One statement: actions on resources under a condition, and the states that need it."""

    needs: tuple[tuple[str, tuple[str, ...]], ...]
    """Each action with the states that need it."""
    resources: tuple[str, ...]
    """As Fn::Sub writes them."""
    condition: _Condition
    reason: str

    @property
    def actions(self) -> tuple[str, ...]:
        """The actions, sorted."""
        return tuple(action for action, _ in self.needs)

    @property
    def states(self) -> tuple[str, ...]:
        """The states that need one of the actions."""
        return tuple({state: None for _, states in self.needs for state in states})


def grants(permissions: Iterable[Permission], tokens: Mapping[str, Substitution]) -> list[Grant]:
    """Gather permissions into as few statements as say the same.

    Raises `UnboundTokenError` where a permission's token has no value in a policy.
    """
    bound: dict[_Statement, dict[str, dict[str, None]]] = {}
    for permission in permissions:
        condition = tuple(
            (operator, key, _bind(value, tokens)) for operator, key, value in permission.condition
        )
        statement = (_bind(permission.resource, tokens),), condition, permission.reason
        states = bound.setdefault(statement, {}).setdefault(permission.action, {})
        states[str(permission.because.steps[-1])] = None
    merged: dict[tuple[tuple[str, ...], _Condition, str], list[tuple[str, dict[str, dict[str, None]]]]] = {}
    for ((resource,), condition, reason), by_action in bound.items():
        merged.setdefault((tuple(sorted(by_action)), condition, reason), []).append((resource, by_action))
    return [
        Grant(
            needs=tuple(
                (action, tuple({state: None for _, by_action in entries for state in by_action[action]}))
                for action in actions
            ),
            resources=tuple(sorted(resource for resource, _ in entries)),
            condition=condition,
            reason=reason,
        )
        for (actions, condition, reason), entries in sorted(merged.items())
    ]


def document(statements: Iterable[Grant]) -> PolicyDocument:
    """Return the policy document."""
    return PolicyDocument(
        Version="2012-10-17",
        Statement=[
            Statement(
                Effect=Allow,
                Action=[Action(*action.split(":", 1)) for action in grant.actions],
                Resource=[expression(resource) for resource in grant.resources],
                **({"Condition": _condition(grant.condition)} if grant.condition else {}),
            )
            for grant in statements
        ],
    )


def needed_by(statements: Iterable[Grant]) -> dict[str, list[str]]:
    """Return, for each action, the states (or features) that need it: what a reviewer asks of a permission."""
    needs: dict[str, dict[str, None]] = {}
    for grant in statements:
        for action, states in grant.needs:
            needs.setdefault(action, {}).update(dict.fromkeys(states))
    return {action: list(states) for action, states in sorted(needs.items())}


def expression(text: str) -> Any:
    """Return the shortest CloudFormation expression for a text as Fn::Sub writes it."""
    if "${" not in text:
        return text
    whole = text[2:-1]
    if text == f"${{{whole}}}" and "." in whole and "${" not in whole:
        return GetAtt(*whole.split(".", 1))
    return Sub(text)


def _condition(rows: _Condition) -> Condition:
    by_operator: dict[str, dict[str, Any]] = {}
    for operator, key, value in rows:
        by_operator.setdefault(operator, {})[key] = expression(value)
    return Condition([getattr(operators, operator)(keys) for operator, keys in by_operator.items()])


def _bind(text: str, tokens: Mapping[str, Substitution]) -> str:
    def value(name: str) -> str:
        bound = ACCOUNT.get(name) or (tokens[name].in_policy if name in tokens else "")
        if not bound:
            message = (
                f"a permission names ${{{name}}}, for which substitutions.py has no value in a policy; "
                "a token of the last release stays there until the next release"
            )
            raise UnboundTokenError(message)
        return bound

    return TOKEN.sub(lambda match: value(match[1]), text)
