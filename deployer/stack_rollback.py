"""Taking a stack back that an operation left half changed: what CloudFormation lets one do depends on its status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deployer import stacks
from deployer.console import EXIT_ERROR, Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deployer.stacks import Stack

ROLL_BACK = frozenset({"CREATE_FAILED", "UPDATE_FAILED"})
"""Where RollbackStack is taken. Evidence: botocore's model (RollbackStack)."""
CONTINUE = frozenset({"UPDATE_ROLLBACK_FAILED"})
"""Where ContinueUpdateRollback is taken. Evidence: botocore's model (ContinueUpdateRollback)."""
ENDINGS = frozenset({"ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "DELETE_COMPLETE"})
"""What both end in where all goes well; a stack that was never whole is deleted (botocore's model, RollbackStack)."""

FITS = {
    "UPDATE_IN_PROGRESS": "the update still goes on: `aws cloudformation cancel-update-stack --stack-name {stack}` takes it back",
    "CREATE_IN_PROGRESS": "the stack is still being created: wait for its end (`python build.py events`)",
    "REVIEW_IN_PROGRESS": "the stack has nothing but change sets: `python build.py deploy` goes on, `python build.py destroy` removes it",
    "ROLLBACK_COMPLETE": "its creation failed, and was taken back already: `python build.py destroy`, then deploy again",
    "ROLLBACK_FAILED": "its creation failed, and could not be taken back: `python build.py destroy` deletes what is left",
    "IMPORT_ROLLBACK_FAILED": "an import could not be taken back (`python build.py events --failed` tells why): `python build.py destroy` deletes the stack, and what it had imported stays",
    "DELETE_COMPLETE": "it is deleted: `python build.py deploy` makes a new one",
    "DELETE_FAILED": "it could not be deleted: `python build.py destroy` goes on",
}
"""What fits where no rollback does, by the stack's status."""
COMPLETE = (
    "nothing failed, so there is nothing to take back: `python build.py rollback` without --stack leads the alias to the "
    "version before; git revert and `python build.py deploy` undo a change of the template"
)
IN_PROGRESS = "something goes on already: `python build.py events` follows it"


@dataclass(frozen=True)
class Plan:
    """What is to be done with a stack."""

    stack: Stack
    skipped: tuple[str, ...] = ()
    """Resources that CloudFormation is to believe taken back."""
    failed: tuple[str, ...] = ()
    """Those that it could not take back."""

    @property
    def does_continue(self) -> bool:
        """Whether a rollback is continued that failed."""
        return self.stack.status in CONTINUE

    @property
    def action(self) -> str:
        """What it does, in words."""
        if not self.does_continue:
            return "takes the stack back to its last whole state (RollbackStack)"
        skipped = f", leaving {', '.join(self.skipped)} as they are" if self.skipped else ""
        return f"goes on with the rollback that failed (ContinueUpdateRollback){skipped}"


def plan(client: Any, stack: str, skipped: Sequence[str] = ()) -> Plan:
    """Return what fits the stack's status. Raises `Refused` where no rollback does."""
    found = stacks.read(client, stack)
    if found is None:
        raise Refused(f"there is no stack {stack}: nothing to roll back", EXIT_ERROR)
    if found.status not in ROLL_BACK | CONTINUE:
        kind = COMPLETE if found.is_settled else IN_PROGRESS
        raise Refused(f"{stack} is {found.status}\n{FITS.get(found.status, kind).replace('{stack}', stack)}")
    if skipped and found.status not in CONTINUE:
        raise Refused(f"{stack} is {found.status}: --skip is for UPDATE_ROLLBACK_FAILED alone")
    failed = tuple(
        each["LogicalResourceId"]
        for page in client.get_paginator("list_stack_resources").paginate(StackName=stack)
        for each in page["StackResourceSummaries"]
        if each["ResourceStatus"].endswith("_FAILED")
    )
    if unknown := sorted(set(skipped) - set(failed)):
        raise Refused(
            f"--skip {', '.join(unknown)}: only what could not be taken back can be left as it is\n"
            f"that is {', '.join(failed) or 'nothing'}"
        )
    return Plan(found, tuple(skipped), failed)


def begin(client: Any, planned: Plan, token: str) -> None:
    """Begin it; CloudFormation carries it on by itself."""
    if planned.does_continue:
        skipped = {"ResourcesToSkip": list(planned.skipped)} if planned.skipped else {}
        client.continue_update_rollback(StackName=planned.stack.id, ClientRequestToken=token, **skipped)
    else:
        client.rollback_stack(StackName=planned.stack.id, ClientRequestToken=token, RetainExceptOnCreate=True)
