"""Rolling back: the alias to an earlier version in seconds, or the stack to where it was before an update failed.

The alias leads to a version that was published before, which still is as it was; what may no longer be so is what it
needs beside itself: its role's policy, and the Lambda versions that it calls. Both are compared first.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from deployer import stacks
from deployer.account import error_code, is_denied
from deployer.console import EXIT_ERROR, Refused
from deployer.deployed import ALIAS
from deployer.stacks import Pace

if TYPE_CHECKING:
    from datetime import datetime

    from deployer.account import Account
    from review.model import Review
    from states_language.document import StateMachine

READ_BACK = Pace(first=0.2, last=1.0, limit=20.0)
"""Step Functions takes a few seconds until an alias leads elsewhere everywhere. Evidence: botocore's model."""

_DESCRIPTION = re.compile(r"(\S+) sha256:([0-9a-f]{64})")
_FUNCTION = re.compile(r"arn:[^:]+:lambda:.*:function:.*")


@dataclass(frozen=True)
class Version:
    """A published version of the state machine."""

    arn: str
    description: str
    definition: str = field(repr=False)
    role_arn: str
    created: datetime

    @property
    def number(self) -> int:
        """Its number, which AWS counts up."""
        return _number(self.arn)

    @property
    def version(self) -> str:
        """The definition's own version, which the template wrote into the description; empty where it did not."""
        match = _DESCRIPTION.fullmatch(self.description)
        return match[1] if match else ""

    @property
    def sha256(self) -> str:
        """The committed document's digest, likewise."""
        match = _DESCRIPTION.fullmatch(self.description)
        return match[2] if match else ""

    def is_same(self, other: Version) -> bool:
        """Tell whether both are one definition, deployed alike: a version may be published of a new role alone."""
        return bool(json.loads(self.definition) == json.loads(other.definition))


@dataclass(frozen=True)
class Plan:
    """Where the alias leads, and where it is to lead."""

    alias_arn: str
    routes: tuple[tuple[Version, int], ...]
    """The versions that executions start with now, and the share of each in percent; the newest first."""
    target: Version
    passed_over: tuple[Version, ...] = ()
    """Versions between that have the same definition as the one in use."""

    @property
    def is_done(self) -> bool:
        """Whether the alias leads there already."""
        return [(version.arn, weight) for version, weight in self.routes] == [(self.target.arn, 100)]

    def review(self) -> tuple[Review, Any, Any]:
        """Return what changes in the definition, in the review's words, and its two sides."""
        from review import compare, documents  # noqa: PLC0415 - only where something is compared

        name = f"{self.alias_arn.split(':')[6]}.asl.json"
        before, after = (
            {"": documents.read(each.definition.encode(), name)} for each in (self.routes[0][0], self.target)
        )
        return compare.compare(before, after), before, after


def plan(account: Account, stack: str, wanted: str | None = None) -> Plan:
    """Return what a rollback would do: to the version before, or to the `wanted` number or version of the definition.

    Raises `Refused` where there is no such version.
    """
    states = account.client("stepfunctions")
    alias = alias_of(account, stack)
    described = states.describe_state_machine_alias(stateMachineAliasArn=alias)["routingConfiguration"]
    weights = {each["stateMachineVersionArn"]: int(each["weight"]) for each in described}
    routes = sorted(
        ((_describe(states, arn), weight) for arn, weight in weights.items() if weight or len(weights) == 1),
        key=lambda route: -route[0].number,
    )
    newest = routes[0][0]
    numbers = sorted(_versions(states, alias.rpartition(":")[0]), key=_number, reverse=True)
    if wanted is not None:
        return Plan(alias, tuple(routes), _find(states, numbers, wanted))
    if len(routes) > 1:
        # Executions are being led from one to the other: back to where they come from.
        return Plan(alias, tuple(routes), routes[-1][0])
    passed_over: list[Version] = []
    for arn in numbers:
        if _number(arn) < newest.number:
            found = _describe(states, arn)
            if not found.is_same(newest):
                return Plan(alias, tuple(routes), found, tuple(passed_over))
            passed_over.append(found)
    raise Refused(
        f"version {newest.number} is the first with its definition: there is none to roll back to\n"
        "to take a change back without one: git revert, then `python build.py deploy`"
    )


def alias_of(account: Account, stack: str) -> str:
    """Return the ARN of the alias that the stack starts executions by. Raises `Refused`."""
    read = stacks.read(account.client("cloudformation"), stack)
    if read is None:
        raise Refused(
            f"there is no stack {stack} in {account.region}\n--stack-name, --region and --profile name another",
            EXIT_ERROR,
        )
    found = read.outputs.get(ALIAS)
    if not found:
        raise Refused(
            f"{stack} has no output {ALIAS}: it is not the pipeline's stack, or was never deployed to its end",
            EXIT_ERROR,
        )
    return found


def objections(account: Account, to: Version) -> list[str]:
    """Return why the version cannot do its work any more: none where it can."""
    from states_language.document import StateMachine as Machine  # noqa: PLC0415 - only where something is compared
    from states_language.permissions import PermissionsError, of_document  # noqa: PLC0415

    machine = Machine.of(json.loads(to.definition))
    try:
        needed = of_document(machine)
    except PermissionsError as error:
        return [f"what version {to.number} needs cannot be told: {error}"]
    return [*_lacks(account, to, needed), *_gone(account, machine)]


def _lacks(account: Account, to: Version, needed: Any) -> list[str]:
    from botocore.exceptions import ClientError  # noqa: PLC0415 - the help needs no botocore

    from deployer import role_policy  # noqa: PLC0415

    try:
        policies = role_policy.of_role(account.client("iam"), to.role_arn)
    except ClientError as error:
        if not is_denied(error):
            raise
        return [f"you may not read the policy of {to.role_arn} ({error.operation_name}): does it suffice?"]
    if policies is None:
        return [f"the role of version {to.number} is gone: {to.role_arn}"]
    parts = to.arn.split(":")
    place = {"Partition": parts[1], "Region": parts[3], "Account": parts[4]}
    return [f"the role may not {each}" for each in role_policy.lacking(needed, policies, place)]


def _gone(account: Account, machine: StateMachine) -> list[str]:
    """Return which Lambda functions, or versions of them, the definition calls that are not there."""
    from botocore.exceptions import ClientError  # noqa: PLC0415

    found = []
    for function, state in sorted(_functions(machine).items()):
        try:
            account.client("lambda").get_function_configuration(FunctionName=function)
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                found.append(f"{state} calls a function that is gone: {function}")
            elif is_denied(error):
                found.append(f"you may not look whether the function is there that {state} calls: {function}")
            else:
                raise
    return found


def _functions(machine: StateMachine) -> dict[str, str]:
    """Return the functions that a definition calls, as far as it names them, and a state that calls each."""
    from states_language.document import Task  # noqa: PLC0415
    from states_language.permissions import integration  # noqa: PLC0415

    found: dict[str, str] = {}
    for state in machine.walk():
        if not isinstance(state, Task):
            continue
        called: Any = state.resource
        if integration(called).removesuffix(".waitForTaskToken") in {
            "lambda:invoke",
            "aws-sdk:lambda:invoke",
        }:
            called = state.parameters.get("FunctionName") if isinstance(state.parameters, dict) else None
        elif not _FUNCTION.fullmatch(called):
            continue
        if isinstance(called, str):
            found.setdefault(called, state.name)
    return found


def lead(account: Account, planned: Plan) -> None:
    """Let the alias lead to the version, all executions at once, and read that back; it may lead there already.

    Raises `Refused` where somebody led it elsewhere since it was planned.
    """
    states = account.client("stepfunctions")
    now = states.describe_state_machine_alias(stateMachineAliasArn=planned.alias_arn)["routingConfiguration"]
    if [each["stateMachineVersionArn"] for each in now if each["weight"]] == [planned.target.arn]:
        return
    known = {version.arn: weight for version, weight in planned.routes}
    if {each["stateMachineVersionArn"] for each in now if each["weight"]} != known.keys():
        raise Refused(
            "the alias leads elsewhere now than it did a moment ago; look again before it is changed"
        )
    states.update_state_machine_alias(
        stateMachineAliasArn=planned.alias_arn,
        routingConfiguration=[{"stateMachineVersionArn": planned.target.arn, "weight": 100}],
    )
    for _ in READ_BACK.looks():
        if leads_to(states, planned):
            return
    raise Refused(
        f"the alias was told to lead to version {planned.target.number}, and does not; where it leads:\n"
        f"aws stepfunctions describe-state-machine-alias --state-machine-alias-arn {planned.alias_arn}",
        EXIT_ERROR,
    )


def leads_to(states: Any, planned: Plan) -> bool:
    """Tell whether the alias leads to the planned version, and nowhere else."""
    found = states.describe_state_machine_alias(stateMachineAliasArn=planned.alias_arn)[
        "routingConfiguration"
    ]
    return [each["stateMachineVersionArn"] for each in found if each["weight"]] == [planned.target.arn]


def is_updating(account: Account, stack: str) -> bool:
    """Tell whether the stack is being updated: it may be what shifts executions gradually, and would go on to."""
    read = stacks.read(account.client("cloudformation"), stack)
    return read is not None and read.status == "UPDATE_IN_PROGRESS"


def cancel_update(account: Account, stack: str) -> bool:
    """Cancel the stack's update, where there is one; tells whether there was."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - the help needs no botocore

    if not is_updating(account, stack):
        return False
    try:
        account.client("cloudformation").cancel_update_stack(StackName=stack)
    except ClientError as error:
        # It may have ended since it was looked at: then nothing leads executions over any more.
        if error_code(error) != "ValidationError" or is_updating(account, stack):
            raise
        return False
    return True


def is_of_template(account: Account, stack: str, version: str) -> bool:
    """Tell whether a version, by its ARN, is the one that the stack's template leads the alias to."""
    pages = account.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    return any(
        each.get("PhysicalResourceId") == version for page in pages for each in page["StackResourceSummaries"]
    )


def _number(arn: str) -> int:
    return int(arn.rpartition(":")[2])


def _versions(states: Any, machine: str) -> list[str]:
    found: list[str] = []
    page = states.list_state_machine_versions(stateMachineArn=machine)
    while True:
        found += [each["stateMachineVersionArn"] for each in page["stateMachineVersions"]]
        if not page.get("nextToken"):
            return found
        page = states.list_state_machine_versions(stateMachineArn=machine, nextToken=page["nextToken"])


def _describe(states: Any, arn: str) -> Version:
    found = states.describe_state_machine(stateMachineArn=arn)
    return Version(
        arn, found.get("description", ""), found["definition"], found["roleArn"], found["creationDate"]
    )


def _find(states: Any, arns: list[str], wanted: str) -> Version:
    """Return the version that is meant: by its number, or the newest that holds this version of the definition."""
    if wanted.isdigit():
        found = [arn for arn in arns if _number(arn) == int(wanted)]
        if found:
            return _describe(states, found[0])
    else:
        for arn in arns:
            version = _describe(states, arn)
            if version.version == wanted:
                return version
    known = ", ".join(str(_number(arn)) for arn in arns)
    raise Refused(f"there is no version {wanted}; the state machine has {known}")
