"""A change set of a small template that is sent with the request: of the artifact bucket, and of what is adopted.

Whatever ends it before it is executed (an answer, a refusal, Ctrl-C) takes back what was made for it.
"""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from deployer import change_sets, following, stacks, tokens
from deployer.account import is_passing
from deployer.change_sets import ChangeSet, ChangeSetError
from deployer.console import EXIT_ERROR, EXIT_ROLLED_BACK, Refused, note
from deployer.execute import start, stream_of
from deployer.progress import line
from deployer.signals import interruptible, patient

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from deployer.account import Account
    from deployer.execute import Outcome
    from deployer.plan import Plan
    from deployer.stacks import Pace, Stack

LONGEST = 51_200
"""Bytes of a template that a request may carry. Evidence: documentation (CloudFormation quotas)."""
GOOD = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})
ROLLED_BACK = frozenset({"ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_COMPLETE", "DELETE_COMPLETE"})  # fmt: skip


@dataclass(frozen=True)
class Import:
    """A resource that is there already, and is to be the stack's."""

    logical_id: str
    type: str
    identifier: Mapping[str, str]


@dataclass(frozen=True)
class Request(change_sets.Request):
    """A request that carries its template."""

    body: str = ""
    imports: tuple[Import, ...] = ()

    def arguments(self, kind: str) -> dict[str, Any]:
        """Return what CreateChangeSet takes."""
        if len(self.body.encode()) > LONGEST:
            raise ChangeSetError(
                f"the template has {len(self.body.encode())} bytes, and a request carries {LONGEST} at most"
            )
        found = super().arguments("IMPORT" if self.imports else kind)
        del found["TemplateURL"]
        found["TemplateBody"] = self.body
        if self.imports:
            found["ResourcesToImport"] = [
                {
                    "ResourceType": each.type,
                    "LogicalResourceId": each.logical_id,
                    "ResourceIdentifier": dict(each.identifier),
                }
                for each in self.imports
            ]
        return found


def new_name(what: str) -> str:
    """Return a change set's name that no other run has."""
    return f"toolshed-{what}-{secrets.token_hex(6)}"


@dataclass
class Proposal:
    """A change set that was made, and may be executed."""

    change_set: ChangeSet
    before: Stack | None
    is_executed: bool = field(default=False)


@contextmanager
def proposed(
    client: Any, request: Request, before: Stack | None, pace: Pace | None = None
) -> Iterator[Proposal]:
    """Make a change set; it is taken back at the end unless it was executed.

    Raises `ChangeSetError` where CloudFormation refuses it.
    """
    kind = change_sets.kind_for(before)
    proposal: Proposal | None = None
    with interruptible():
        try:
            arn, _ = change_sets.begin(client, request, kind)
            proposal = Proposal(change_sets.wait(client, arn, kind, pace), before)
            yield proposal
        finally:
            if proposal is None or not proposal.is_executed:
                _withdraw(client, request, before)


def _withdraw(client: Any, request: Request, before: Stack | None) -> None:
    """Delete the change set, and the empty stack where it was made for it; says what is left where it cannot."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - the help needs no botocore

    try:
        # By its name, which is this run's alone: the answer with its ARN may never have come.
        with patient(note):
            found = change_sets.find(client, request.stack, request.name)
            if found is not None:
                change_sets.delete(client, found.arn)
            if before is None:
                change_sets.remove_empty(client, request.stack)
    except (BotoCoreError, ClientError, ChangeSetError, KeyboardInterrupt):
        note(f"left behind, and harmless: the change set {request.name} of {request.stack}")


def plan_of(client: Any, proposal: Proposal, name: str, body: str) -> Plan:
    """Return the change set in the review's words, compared with what the stack's template is now.

    Raises `Refused` where the stack is another one.
    """
    from deployer import deployed, plan  # noqa: PLC0415 - only where something is compared

    before = proposal.before
    has_template = before is not None and before.status != "REVIEW_IN_PROGRESS"
    was = {name: deployed.template_of(client, stack=before.id)} if before is not None and has_template else {}
    found = plan.make(
        proposal.change_set,
        plan.side(was),
        plan.side({name: body.encode()}),
        before.parameters if before is not None else {},
    )
    plan.check_whose(found, "--bootstrap-stack")
    return found


def execute(
    account: Account,
    proposal: Proposal,
    names: Sequence[str],
    *,
    is_json: bool = False,
    pace: Pace | None = None,
) -> Outcome:
    """Execute it, and follow that to its end. Raises `Refused`, with the earliest cause, where it does not succeed."""
    client, change_set = account.client("cloudformation"), proposal.change_set
    stack = stacks.read(client, change_set.stack_id or change_set.stack)
    if stack is None:
        raise Refused(f"{change_set.stack} is gone: somebody else deleted it", EXIT_ERROR)

    def begin() -> None:
        token = tokens.new(account)
        stream = stream_of(client, change_set)
        # From here on it may have been heard, unless it is refused.
        proposal.is_executed = True
        try:
            start(client, change_set, token, stream)
        except Exception as error:
            proposal.is_executed = is_passing(error)
            raise

    outcome = following.carry_out(
        client,
        stack,
        begin,
        names=names,
        meanwhile="CloudFormation goes on by itself, where it has begun\n"
        f"`python build.py events --stack-name {stack.name} --follow` follows it",
        is_json=is_json,
        pace=pace,
    )
    if outcome.status in GOOD:
        return outcome
    failed = [line(event) for event in following.failures(outcome)]
    raise Refused(
        "\n".join([f"{stack.name} ended as {outcome.status}", *failed, _remedy(stack, outcome.status)]),
        EXIT_ROLLED_BACK if outcome.status in ROLLED_BACK else EXIT_ERROR,
    )


def _remedy(stack: Stack, status: str) -> str:
    if status in {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED"}:
        return f"mend the cause; then `python build.py destroy --stack-name {stack.name}` removes the stack, and this may run again"
    return "mend the cause, then run this again"
