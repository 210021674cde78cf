"""What a new stack would make, and is there already: left by an earlier one, most likely.

A creation would fail at it half-way, and be rolled back. CloudFormation takes in by itself only what the template names in
full (docs/decisions/what-outlives-the-stack.md); what a parameter names is looked for here, before anything is begun.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deployer import adopt
from deployer.account import error_code, is_denied
from deployer.console import EXIT_ERROR, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from deployer.account import Account
    from deployer.stacks import Stack

MISSING = frozenset({"RepositoryNotFoundException", "ResourceNotFoundException"})
"""Codes of errors. Evidence: botocore 1.44.5's models (DescribeRepositories, DescribeTable)."""
LOOKS: Mapping[str, Callable[[Account, str], object]] = {
    "AWS::DynamoDB::Table": lambda account, name: account.client("dynamodb").describe_table(TableName=name),
    "AWS::ECR::Repository": lambda account, name: account.client("ecr").describe_repositories(
        repositoryNames=[name]
    ),
}
"""How each kind of resource is looked for, by its name."""


def check(
    account: Account,
    stack: Stack | None,
    template: Mapping[str, Any],
    given: Mapping[str, str],
    tell: Callable[[str], None],
) -> None:
    """Raise `Refused`, with the command that takes it in, where a new stack would make what is there already.

    `given` are the stack's parameters that are set. Where it may not be looked, that is told.
    """
    names = named_by_parameters(template, given)
    if stack is not None and names:
        present = _resources(account, stack)
        names = {name: named for name, named in names.items() if name not in present}
    there = {
        name: (parameter, value)
        for name, (parameter, value) in names.items()
        if _is_there(account, template["Resources"][name]["Type"], value, tell)
    }
    if there:
        raise Refused("\n".join([*_told(there), *_remedy(there, stack)]), EXIT_ERROR)


def named_by_parameters(template: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return the parameter and the name of each resource that outlives its stack and has a name by a parameter."""
    declared = template.get("Parameters", {})
    found = {}
    for logical_id, resource in template.get("Resources", {}).items():
        if not adopt.is_kept(resource) or resource["Type"] not in LOOKS:
            continue
        identifier = resource.get("Properties", {}).get(adopt.IDENTIFIERS[resource["Type"]])
        parameter = adopt.parameter_of(identifier, template)
        name = given.get(parameter, declared[parameter].get("Default", "")) if parameter else ""
        if parameter and name:
            found[logical_id] = parameter, name
    return found


def _resources(account: Account, stack: Stack) -> set[str]:
    pages = account.client("cloudformation").get_paginator("list_stack_resources")
    return {
        each["LogicalResourceId"]
        for page in pages.paginate(StackName=stack.id)
        for each in page["StackResourceSummaries"]
    }


def _is_there(account: Account, kind: str, name: str, tell: Callable[[str], None]) -> bool:
    from botocore.exceptions import ClientError  # noqa: PLC0415 - the help needs no botocore

    try:
        LOOKS[kind](account, name)
    except ClientError as error:
        if error_code(error) in MISSING:
            return False
        if not is_denied(error):
            raise
        tell(f"whether {name} is there already is not known: {error.operation_name} is not allowed")
        return False
    return True


def _told(there: Mapping[str, tuple[str, str]]) -> list[str]:
    return [
        "what the stack would make is there already; nothing was begun",
        *(f"{logical_id}: {name} (parameter {parameter})" for logical_id, (parameter, name) in there.items()),
    ]


def _remedy(there: Mapping[str, tuple[str, str]], stack: Stack | None) -> list[str]:
    others = " ".join(f"--parameter {parameter}=…" for parameter, _ in there.values())
    if stack is not None:
        return [
            f"only a new stack can take it in: destroy {stack.name} first, or choose other names: {others}"
        ]
    named = " ".join(f"{logical_id}={name}" for logical_id, (_, name) in there.items())
    return [
        "an earlier stack has left it: begin the new one with it, then deploy",
        f"python build.py adopt {named}",
        f"or it is another stack's: choose other names: {others}",
    ]
