"""Bind the permissions that documents need to this stack's resources: the policies of the state machines' roles.

The policy is the union over the document and the releases in reach, since a canary, a rollback and a running execution
still use an older one under the role's newest policy.
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

ACCOUNT = {"Account": "${AWS::AccountId}"}


class UnboundTokenError(Exception):
    """A permission holds a token for which this stack has no resource."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One statement: actions on resources under a condition, and the states that need it."""

    needs: tuple[tuple[str, tuple[str, ...]], ...]
    """Each action, and the states (or features) that need it."""
    resources: tuple[str, ...]
    """As Fn::Sub writes them."""
    condition: _Condition
    reason: str
    """Why the resource is `*`; empty where it is not."""

    @property
    def actions(self) -> tuple[str, ...]:
        """What is granted."""
        return tuple(action for action, _ in self.needs)

    @property
    def states(self) -> tuple[str, ...]:
        """The states (or features) that need any of it."""
        return tuple(dict.fromkeys(state for _, states in self.needs for state in states))


def grants(permissions: Iterable[Permission], tokens: Mapping[str, Substitution]) -> list[Grant]:
    """Gather permissions into as few statements as say the same.

    Raises `UnboundTokenError` where a permission's token has no value in a policy.
    """
    by_resource: dict[tuple[str, _Condition, str], dict[str, list[str]]] = {}
    for permission in permissions:
        condition = tuple(
            (operator, key, _bind(value, tokens)) for operator, key, value in permission.condition
        )
        place = _bind(permission.resource, tokens), condition, permission.reason
        by_resource.setdefault(place, {}).setdefault(permission.action, []).append(
            str(permission.because.steps[-1])
        )
    by_actions: dict[tuple[tuple[str, ...], _Condition, str], dict[str, dict[str, list[str]]]] = {}
    for (resource, condition, reason), needs in by_resource.items():
        by_actions.setdefault((tuple(sorted(needs)), condition, reason), {})[resource] = needs
    return [
        Grant(
            needs=tuple(
                (action, tuple(dict.fromkeys(state for needs in found.values() for state in needs[action])))
                for action in actions
            ),
            resources=tuple(sorted(found)),
            condition=condition,
            reason=reason,
        )
        for (actions, condition, reason), found in sorted(by_actions.items())
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
                "a token of a release stays there until two later ones are released"
            )
            raise UnboundTokenError(message)
        return bound

    return TOKEN.sub(lambda match: value(match[1]), text)
