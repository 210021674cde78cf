"""Showing a small change set, asking, executing it, and telling what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from deployer import inline, stacks
from deployer.asking import NOTHING_DONE, confirm
from deployer.change_sets import ChangeSetError
from deployer.console import EXIT_ERROR, EXIT_PLANNED, Answer, Refused, table

if TYPE_CHECKING:
    from deployer.account import Account
    from deployer.plan import Plan
    from deployer.stacks import Stack


def propose(  # noqa: PLR0913 - what to propose, and how
    account: Account, answer: Answer, request: inline.Request, before: Stack | None, name: str, *, yes: bool
) -> None:
    """Make a change set, show it, ask, and execute it. Raises `Refused`, and what botocore raises.

    `name` is what the template is called where something is told of it.
    """
    client = account.client("cloudformation")
    answer.fields |= {"stack": request.stack, "region": account.region}
    try:
        with inline.proposed(client, request, before) as proposal:
            if proposal.change_set.is_empty:
                answer.fields["result"] = "unchanged"
                _tell(answer, f"nothing to do: {request.stack} is as it should be", before)
                return
            if proposal.change_set.execution == "UNAVAILABLE":
                reason = proposal.change_set.reason or "no reason given"
                raise Refused(
                    f"CloudFormation does not execute the change set of {request.stack}: {reason}", EXIT_ERROR
                )
            plan = inline.plan_of(client, proposal, name, request.body)
            answer.fields["changes"] = [
                {
                    "action": each.action,
                    "logicalId": each.logical_id,
                    "type": each.type,
                    "replacement": each.replacement,
                }
                for each in proposal.change_set.changes
            ]
            if not answer.is_wanted:
                _show(plan, request.stack, account.region)
            elif not yes:
                raise Refused(f"{NOTHING_DONE}: --yes does it", EXIT_PLANNED)
            confirm("Execute this?", yes=yes)
            names = [each.logical_id for each in proposal.change_set.changes]
            outcome = inline.execute(account, proposal, names, is_json=answer.is_wanted)
    except ChangeSetError as error:
        raise Refused(str(error), EXIT_ERROR) from error
    now = outcome.stack or stacks.read(client, request.stack)
    _tell(answer, click.style(f"{request.stack} is {outcome.status}", fg="green"), now)


def _show(plan: Plan, stack: str, region: str) -> None:
    from deployer import plan_view  # noqa: PLC0415 - only where there is something to show

    click.echo(f"{stack} in {region}: {plan.verdict}\n\n{plan_view.text(plan, has_all=True)}\n")


def _tell(answer: Answer, text: str, stack: Stack | None) -> None:
    answer.say(text)
    if stack is None:
        return
    answer.fields |= {"status": stack.status, "outputs": dict(stack.outputs)}
    if stack.outputs:
        answer.say(table(("output", "value"), list(stack.outputs.items())))
