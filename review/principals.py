"""Who may do what by a template: its roles, users and groups, and what its resources let others do."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from review import tables
from review.conditions import CONDITION_PREFIX, OWN_POLICIES, Condition, of_block
from review.model import Place
from review.permission_sets import (
    ANYTHING,
    NOTHING,
    Patterns,
    PermissionSet,
    Statement,
)
from review.template import Guards, Resource, Template, alternatives, references, text_of
from states_language.pointer import ROOT, Pointer

IDENTITIES = {"AWS::IAM::Role": "Roles", "AWS::IAM::User": "Users", "AWS::IAM::Group": "Groups"}
"""Types that hold policies, and the key under which a policy names them."""
ATTACHED = ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
INLINE = {
    "AWS::IAM::RolePolicy": "RoleName",
    "AWS::IAM::UserPolicy": "UserName",
    "AWS::IAM::GroupPolicy": "GroupName",
}
ROLE_PROPERTY = re.compile(r".*Role(?:A(?:rn|RN))?")
"""The name of a property that says in whose name a resource acts."""

_NAME = re.compile(r"\$\{(\w+)\}")
_ACCOUNT = re.compile(r"(?:arn:(?:\$\{[^}]*\}|[^:])*:iam::)?(\d{12}|\$\{AWS::AccountId\})(?::root)?")


@dataclass(frozen=True, slots=True)
class Holder:
    """Someone whose permissions can be compared between two templates."""

    key: str
    """What names it on both sides."""
    name: str
    """How a reader knows it."""
    kind: str
    """`identity`: what it may do; `trust`: who may act as it; `resource`: who may do what to it."""
    permissions: PermissionSet
    place: Place
    needed_by: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Actions, in lower case, and the states (or resources) that need them."""
    users: tuple[str, ...] = ()
    """The resources that act in its name."""

    @property
    def without(self) -> PermissionSet:
        """What is allowed where there is no such holder: a resource without a policy is open to its own account."""
        return PermissionSet(((OWN,),)) if self.kind == "resource" else NOTHING


OWN = Statement(True, ANYTHING, conditions=(Condition("Bool", OWN_POLICIES, ("true",)),))
"""What a resource's policy leaves to the callers' own policies: unless it denies that."""


def holders(template: Template, *, is_before: bool) -> Mapping[str, Holder]:
    """Return all holders of permissions by their keys."""
    return {holder.key: holder for holder in _Reader(template, is_before).holders()}


def acting_roles(template: Template) -> Mapping[tuple[str, str], tuple[str, Pointer]]:
    """Return whose name each resource acts in, by logical ID and property: the role's text, and the place."""
    found = {}
    for resource in template.resources.values():
        if resource.type.startswith("AWS::IAM::"):
            continue
        for pointer, key, value in _named(resource.properties, resource.pointer / "Properties"):
            if ROLE_PROPERTY.fullmatch(key):
                found[resource.name, key] = text_of(template.resolved(value)) or text_of(value), pointer
    return found


def _named(value: Any, pointer: Pointer) -> Iterator[tuple[Pointer, str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield pointer / key, str(key), inner
            if not str(key).startswith("Fn::"):
                yield from _named(inner, pointer / key)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _named(inner, pointer / index)


def outside(role: str) -> PermissionSet:
    """Return the permissions of a role that the template does not hold."""
    return PermissionSet(((_opaque(role, None),),))


@cache
def _managed() -> Mapping[str, list[Mapping[str, Any]]]:
    found: Mapping[str, list[Mapping[str, Any]]] = tables.table("data/managed_policies.yaml")
    return found


def _opaque(name: str, place: Place | None) -> Statement:
    condition = Condition("Bool", f"{name} allows it", ("true",))
    return Statement(True, ANYTHING, conditions=(condition,), place=place, managed_by=name)


class _Reader:
    """Reads the holders of one template."""

    def __init__(self, template: Template, is_before: bool):
        self.template = template
        self.is_before = is_before

    def holders(self) -> Iterator[Holder]:
        users = self._users()
        for resource in self.template.resources.values():
            if resource.type in IDENTITIES:
                yield self._identity(resource, tuple(users.get(resource.name, ())))
                if "AssumeRolePolicyDocument" in resource.properties:
                    yield self._trust(resource)
            elif resource.type == "AWS::Lambda::Permission":
                yield self._invocation(resource)
            elif resource.type == "AWS::Serverless::Function" and "Policies" in resource.properties:
                yield self._identity(resource, (resource.name,))
            elif resource.type not in INLINE and resource.type not in ATTACHED:
                yield from self._resource_policies(resource)
        yield from self._elsewhere()

    def _place(self, pointer: Pointer) -> Place:
        return Place(self.template.file, pointer, self.is_before)

    def _users(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for (user, _), (role, _) in acting_roles(self.template).items():
            target = role.removeprefix("${").partition(".")[0].rstrip("}")
            found.setdefault(target, []).append(user)
        return found

    def _identity(self, resource: Resource, users: tuple[str, ...]) -> Holder:
        statements = list(self._inline(resource))
        needed: dict[str, tuple[str, ...]] = {}
        for policy in self.template.of_type(*ATTACHED, *INLINE):
            if self._is_attached(policy, resource):
                statements += self._document(policy, ROOT / "PolicyDocument")
                needed |= _needed_by(policy)
        layers = [tuple(statements)]
        if "PermissionsBoundary" in resource.properties:
            layers.append(tuple(self._boundary(resource)))
        return Holder(
            f"identity {resource.name}",
            resource.name,
            "identity",
            PermissionSet(tuple(layers)),
            self._place(resource.pointer),
            {**needed, **_needed_by(resource)},
            users,
        )

    def _inline(self, resource: Resource) -> Iterator[Statement]:
        at = resource.pointer / "Properties"
        for guards, index, found in _entries(resource.properties.get("Policies")):
            pointer = ROOT / "Policies" / index
            if isinstance(found, Mapping) and "PolicyDocument" in found:
                yield from self._statements(
                    found["PolicyDocument"], resource, pointer / "PolicyDocument", guards
                )
            elif isinstance(found, Mapping) and "Statement" in found:
                yield from self._statements(found, resource, pointer, guards)
            else:
                yield from _under(guards, self._managed_policy(found, resource, at / "Policies" / index))
        for guards, index, found in _entries(resource.properties.get("ManagedPolicyArns")):
            yield from _under(guards, self._managed_policy(found, resource, at / "ManagedPolicyArns" / index))

    def _boundary(self, resource: Resource) -> Iterator[Statement]:
        """Yield what a permissions boundary lets through: under a condition that takes it away, everything."""
        pointer = resource.pointer / "Properties" / "PermissionsBoundary"
        for guards, found in alternatives([resource.properties["PermissionsBoundary"]]):
            if not found:
                yield Statement(True, ANYTHING, conditions=_guarded(guards), place=self._place(pointer))
            for value in found:
                yield from _under(guards, self._managed_policy(value, resource, pointer))

    def _is_used(self, policy: Resource) -> bool:
        """Tell whether a managed policy is of somebody in this template: if not, it is of whoever holds it elsewhere."""
        if any(policy.properties.get(key) for key in IDENTITIES.values()):
            return True
        return any(
            reference.target == policy.name
            for identity in self.template.of_type(*IDENTITIES)
            for reference in references(identity.properties)
        )

    def _is_attached(self, policy: Resource, identity: Resource) -> bool:
        if policy.type in INLINE:
            targets = [policy.properties.get(INLINE[policy.type])]
        else:
            found = policy.properties.get(IDENTITIES.get(identity.type, ""))
            targets = found if isinstance(found, list) else []
        names = {identity.name}
        own = identity.properties.get("RoleName") or identity.properties.get("UserName")
        return any(
            {reference.target for reference in references(target)} & names
            or (own is not None and text_of(target) == text_of(own))
            for target in targets
        )

    def _managed_policy(self, value: Any, holder: Resource, pointer: Pointer) -> Iterator[Statement]:
        """Read a managed policy: this template's own, one of AWS's that is known, or one that nobody here can read."""
        text = text_of(self.template.resolved(value)) or text_of(value)
        for reference in references(value):
            own = self.template.resources.get(reference.target)
            if own is not None and own.type == "AWS::IAM::ManagedPolicy":
                if not self._is_attached(own, holder):
                    yield from self._document(own, ROOT / "PolicyDocument")
                return
        name = re.sub(r"^arn:(?:\$\{[^}]*\}|[^:])*:iam::aws:policy/", "", text)
        known = _managed().get(name, _managed().get(f"service-role/{name}"))
        if known is None:
            yield _opaque(text, self._place(pointer))
            return
        for entry in known:
            for statement in _read(entry, frozenset(), self._place(pointer)):
                yield replace(statement, managed_by=name)

    def _document(self, resource: Resource, at: Pointer) -> Iterator[Statement]:
        document: Any = resource.properties
        for step in at.steps:
            document = document.get(step) if isinstance(document, Mapping) else None
        yield from self._statements(document, resource, at, frozenset())

    def _statements(
        self, document: Any, resource: Resource, at: Pointer, guards: Guards
    ) -> Iterator[Statement]:
        """Read the statements of a policy document, each under the conditions that make it so."""
        pointer = Pointer((*resource.pointer.steps, "Properties", *at.steps))
        condition = resource.fields.get("Condition")
        if isinstance(condition, str) and resource.type not in IDENTITIES:
            guards = guards | {(condition, True)}
        if isinstance(document, str):
            document = _json(document)
        if not isinstance(document, Mapping):
            if document is not None:
                yield _opaque(text_of(document), self._place(pointer))
            return
        if set(document) == {"Fn::If"}:
            for more, found in _unwrapped(document):
                yield from self._statements(found, resource, at, guards | more)
            return
        for outer, index, entry in _entries(document.get("Statement")):
            place = self._place(pointer / "Statement" / index)
            for more, found in (pair for part in _split(entry) for pair in _present(part)):
                together = guards | outer | more
                if _is_possible(together):
                    yield self._named(next(_read(found, together, place)))

    def _named(self, statement: Statement) -> Statement:
        """Return a statement in which the template's own resources are named in one way: `${Table.Arn}`."""
        texts = frozenset(self._own_arn(text) for text in statement.resources.patterns)
        return replace(statement, resources=replace(statement.resources, patterns=texts))

    def _own_arn(self, text: str) -> str:
        match = _NAME.search(text)
        own = self.template.resources.get(match[1]) if match else None
        form = tables.table("data/arns.yaml").get(own.type) if own else None
        if match is None or form is None:
            return text
        start: str = form.replace("${Name}", match[0])
        return f"${{{match[1]}.Arn}}{text[len(start) :]}" if text.startswith(start) else text

    def _trust(self, resource: Resource) -> Holder:
        statements = tuple(self._document(resource, ROOT / "AssumeRolePolicyDocument"))
        return Holder(
            f"trust {resource.name}",
            resource.name,
            "trust",
            PermissionSet((statements,)),
            self._place(resource.pointer / "Properties" / "AssumeRolePolicyDocument"),
        )

    def _invocation(self, resource: Resource) -> Holder:
        properties = resource.properties
        principal = text_of(properties.get("Principal", "*"))
        kind = "Service" if principal.endswith((".amazonaws.com", ".amazonaws.com.cn")) else "AWS"
        conditions = [
            Condition(operator, key, (text_of(properties[name]),))
            for name, operator, key in (
                ("SourceArn", "ArnLike", "aws:SourceArn"),
                ("SourceAccount", "StringEquals", "aws:SourceAccount"),
                ("PrincipalOrgID", "StringEquals", "aws:PrincipalOrgID"),
                ("FunctionUrlAuthType", "StringEquals", "lambda:FunctionUrlAuthType"),
            )
            if name in properties
        ]
        action = text_of(properties.get("Action", "*"))
        statement = Statement(
            True,
            Patterns(frozenset({action.lower()})),
            Patterns(frozenset({text_of(properties.get("FunctionName", "*"))})),
            _principals({kind: principal}),
            tuple(sorted(conditions)),
            ((action.lower(), action),),
            self._place(resource.pointer),
        )
        return Holder(
            f"resource {resource.name}",
            resource.name,
            "resource",
            PermissionSet(((OWN, statement),)),
            self._place(resource.pointer),
        )

    def _resource_policies(self, resource: Resource) -> Iterator[Holder]:
        """Yield what the policies of a resource let others do; an endpoint's policy lets nobody do more, but bounds all."""
        for at, document in _documents(resource.properties, ROOT):
            statements = tuple(self._statements(document, resource, at, frozenset()))
            pointer = Pointer((*resource.pointer.steps, "Properties", *at.steps))
            bounds = resource.type == "AWS::EC2::VPCEndpoint"
            yield Holder(
                f"resource {resource.name} {at}",
                resource.name,
                "resource",
                PermissionSet(((OWN,), statements) if bounds else ((OWN, *statements),)),
                self._place(pointer),
            )

    def _elsewhere(self) -> Iterator[Holder]:
        """Yield the roles, users and groups that are named by policies here and are resources elsewhere."""
        found: dict[str, list[Statement]] = {}
        places: dict[str, Place] = {}
        for policy in self.template.of_type(*ATTACHED, *INLINE):
            keys = [INLINE[policy.type]] if policy.type in INLINE else list(IDENTITIES.values())
            for key in keys:
                targets = policy.properties.get(key)
                for target in targets if isinstance(targets, list) else [targets] if targets else []:
                    if not any(each.target in self.template.resources for each in references(target)):
                        name = text_of(target)
                        if any(
                            text_of(each.properties.get("RoleName")) == name
                            for each in self.template.of_type(*IDENTITIES)
                        ):
                            continue
                        found.setdefault(name, []).extend(self._document(policy, ROOT / "PolicyDocument"))
                        places.setdefault(name, self._place(policy.pointer))
        for policy in self.template.of_type("AWS::IAM::ManagedPolicy"):
            if not self._is_used(policy):
                found.setdefault(policy.name, []).extend(self._document(policy, ROOT / "PolicyDocument"))
                places.setdefault(policy.name, self._place(policy.pointer))
        for name, statements in found.items():
            yield Holder(
                f"identity {name}", name, "identity", PermissionSet((tuple(statements),)), places[name]
            )


def _present(value: Any) -> Iterator[tuple[Guards, Any]]:
    """Yield a value's alternatives, without those in which it is not there."""
    for guards, found in alternatives([value]):
        for entry in found:
            yield guards, entry


def _unwrapped(value: Any, guards: Guards = frozenset()) -> Iterator[tuple[Guards, Any]]:
    """Yield what a value is when only the Fn::If around it is taken both ways."""
    if isinstance(value, Mapping) and set(value) == {"Fn::If"} and isinstance(value["Fn::If"], list):
        condition, *branches = value["Fn::If"]
        for holds, branch in zip((True, False), branches, strict=False):
            yield from _unwrapped(branch, guards | {(str(condition), holds)})
    elif value != {"Ref": "AWS::NoValue"}:
        yield guards, value


def _entries(value: Any) -> Iterator[tuple[Guards, int, Any]]:
    """Yield the entries of a list, with the conditions of the Fn::Ifs around it and around each of them."""
    for guards, listed in _unwrapped(value):
        for index, entry in enumerate(listed if isinstance(listed, list) else [listed] if listed else []):
            for more, found in _unwrapped(entry, guards):
                if _is_possible(more):
                    for each in found if isinstance(found, list) else [found]:
                        yield more, index, each


def _is_possible(guards: Guards) -> bool:
    return not any((name, not holds) in guards for name, holds in guards)


def _under(guards: Guards, statements: Iterator[Statement]) -> Iterator[Statement]:
    """Yield statements that hold under some of the template's conditions only."""
    for statement in statements:
        yield replace(statement, conditions=(*statement.conditions, *_guarded(guards)))


def _split(entry: Any) -> Iterator[Any]:
    """Yield the parts of a statement such that a Fn::If in a list of actions or resources concerns its entry alone."""
    if not isinstance(entry, Mapping):
        yield entry
        return
    for key in ("Action", "Resource"):
        listed = entry.get(key)
        if isinstance(listed, list) and len(listed) > 1:
            chosen = [each for each in listed if isinstance(each, Mapping) and set(each) == {"Fn::If"}]
            if chosen:
                plain = [each for each in listed if each not in chosen]
                for part in ([plain] if plain else []) + [[each] for each in chosen]:
                    yield from _split({**entry, key: part})
                return
    yield entry


def _guarded(guards: Guards) -> tuple[Condition, ...]:
    return tuple(
        Condition("Bool", CONDITION_PREFIX + name, ("true" if holds else "false",))
        for name, holds in sorted(guards)
    )


def _read(entry: Any, guards: Guards, place: Place) -> Iterator[Statement]:
    if not isinstance(entry, Mapping):
        yield _opaque(text_of(entry), place)
        return
    actions, written = _set(entry, "Action", str.lower)
    resources, _ = _set(entry, "Resource", str)
    if "NotPrincipal" in entry:
        principals = replace(_principals(entry["NotPrincipal"]), is_complement=True)
    else:
        principals = _principals(entry["Principal"]) if "Principal" in entry else ANYTHING
    yield Statement(
        entry.get("Effect") != "Deny",
        actions,
        resources,
        principals,
        (*of_block(entry.get("Condition")), *_guarded(guards)),
        tuple(sorted(written.items())),
        place,
    )


def _set(entry: Mapping[str, Any], key: str, form: Any) -> tuple[Patterns, dict[str, str]]:
    is_complement = f"Not{key}" in entry
    found = entry.get(f"Not{key}" if is_complement else key, "*")
    texts = [text_of(each) for each in (found if isinstance(found, list) else [found])]
    return Patterns(frozenset(form(text) for text in texts), is_complement), {
        form(text): text for text in texts
    }


def _principals(value: Any) -> Patterns:
    if not isinstance(value, Mapping):
        return Patterns(frozenset({"*" if value == "*" else text_of(value)}))
    if set(value) == {"Ref"} or any(key.startswith("Fn::") for key in value):
        return Patterns(frozenset({text_of(value)}))
    found = set()
    for kind, entries in value.items():
        for entry in entries if isinstance(entries, list) else [entries]:
            text = text_of(entry)
            if text == "*" and kind == "AWS":
                found.add("*")
            elif kind == "AWS" and (match := _ACCOUNT.fullmatch(text)):
                found.add(f"AWS:arn:*:iam::{match[1]}:*")
            else:
                found.add(f"{kind}:{text}")
    return Patterns(frozenset(found))


def _documents(value: Any, at: Pointer) -> Iterator[tuple[Pointer, Any]]:
    """Yield what looks like a policy document: statements that have an effect."""
    if isinstance(value, str):
        if '"Statement"' in value and (found := _json(value)) is not None:
            yield at, found
        return
    if isinstance(value, Mapping):
        statements = value.get("Statement")
        listed = statements if isinstance(statements, list) else [statements]
        if any(
            isinstance(found, Mapping) and "Effect" in found
            for entry in listed
            for _, found in _present(entry)
        ):
            yield at, value
            return
        for key, inner in value.items():
            yield from _documents(inner, at / key)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _documents(inner, at / index)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _needed_by(resource: Resource) -> dict[str, tuple[str, ...]]:
    metadata = resource.fields.get("Metadata")
    needed = metadata.get("NeededBy") if isinstance(metadata, Mapping) else None
    if not isinstance(needed, Mapping):
        return {}
    return {
        str(action).lower(): tuple(map(str, states))
        for action, states in needed.items()
        if isinstance(states, list)
    }


__all__ = ["NOTHING", "Holder", "acting_roles", "holders", "outside"]
