"""Whether a role may still do what a definition needs: a published version keeps the role's name, not its policy.

The policies are read (GetRolePolicy and the like) rather than asked for with SimulatePrincipalPolicy: reading is
allowed wherever a role may be looked at, costs nothing of a quota of five requests a second, and the answer is compared
by the review's own sets, conditions included. A simulation must be told the values of condition keys, one request for
each set of them, and says nothing of resources that are written with wildcards. Neither sees service control policies.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from deployer.account import error_code

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from review.permission_sets import PermissionSet
    from states_language.permissions import Permission

_TOKEN = re.compile(r"\$\{(Partition|Region|Account)\}")


@dataclass(frozen=True, order=True)
class Lack:
    """Something that a definition needs and the role may no longer do."""

    action: str
    resource: str
    condition: str
    states: tuple[str, ...]

    def __str__(self) -> str:
        """Write it for a reader."""
        condition = f" where {self.condition}" if self.condition else ""
        return f"{self.action} on {self.resource}{condition}, needed by {', '.join(self.states)}"


@dataclass(frozen=True)
class RolePolicies:
    """What bounds a role: the documents of its policies, and of its permissions boundary where it has one."""

    documents: tuple[Any, ...]
    boundary: Any = None


def lacking(needed: Sequence[Permission], policies: RolePolicies, place: Mapping[str, str]) -> list[Lack]:
    """Return what of the needed permissions a role's policies do not give.

    `place` says what `Partition`, `Region` and `Account` are.
    """
    from review.permission_sets import gained  # noqa: PLC0415 - only where something is compared

    bound = [_bound(permission, place) for permission in needed]
    wanted = {
        "Statement": [
            {"Effect": "Allow", "Action": each.action, "Resource": each.resource, "Condition": _block(each)}
            for each in bound
        ]
    }
    found: dict[tuple[str, str, str], dict[str, None]] = {}
    for gain in gained(_allowed(policies), _allowed(RolePolicies((wanted,)))).rows:
        states = found.setdefault((gain.action, gain.resource, gain.condition), {})
        for each in bound:
            if (each.action, each.resource) == (gain.action, gain.resource):
                states[str(each.because.steps[-1])] = None
    return sorted(Lack(*key, tuple(states)) for key, states in found.items())


def _allowed(policies: RolePolicies) -> PermissionSet:
    """Return the policies as a set of requests, read as the review reads a template's role."""
    from review.principals import holders  # noqa: PLC0415
    from review.template import Template  # noqa: PLC0415

    role: dict[str, Any] = {
        "Policies": [{"PolicyDocument": document} for document in policies.documents],
    }
    resources = {"Role": {"Type": "AWS::IAM::Role", "Properties": role}}
    if policies.boundary is not None:
        role["PermissionsBoundary"] = {"Ref": "Boundary"}
        properties = {"PolicyDocument": policies.boundary}
        resources["Boundary"] = {"Type": "AWS::IAM::ManagedPolicy", "Properties": properties}
    found = holders(Template("role", {"Resources": resources}), is_before=True)
    return found["identity Role"].permissions


def _bound(permission: Permission, place: Mapping[str, str]) -> Permission:
    def fill(text: str) -> str:
        return _TOKEN.sub(lambda match: place[match[1]], text)

    condition = tuple((operator, key, fill(value)) for operator, key, value in permission.condition)
    return replace(permission, resource=fill(permission.resource), condition=condition)


def _block(permission: Permission) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for operator, key, value in permission.condition:
        found.setdefault(operator, {})[key] = value
    return found


def of_role(iam: Any, role_arn: str) -> RolePolicies | None:
    """Return a role's policies; None where there is no such role."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - the help needs no botocore

    name = role_arn.rpartition("/")[2]
    try:
        role = iam.get_role(RoleName=name)["Role"]
    except ClientError as error:
        if error_code(error) in {"NoSuchEntity", "NoSuchEntityException"}:
            return None
        raise
    boundary = role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    return RolePolicies(
        (*_inline(iam, name), *_attached(iam, name)), _managed(iam, boundary) if boundary else None
    )


def _inline(iam: Any, role: str) -> Iterator[Any]:
    for page in iam.get_paginator("list_role_policies").paginate(RoleName=role):
        for name in page["PolicyNames"]:
            yield iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]


def _attached(iam: Any, role: str) -> Iterator[Any]:
    for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=role):
        for each in page["AttachedPolicies"]:
            yield _managed(iam, each["PolicyArn"])


def _managed(iam: Any, arn: str) -> Any:
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    return iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
