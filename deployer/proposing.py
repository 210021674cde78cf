"""Showing a small change set, asking, executing it, and telling what came of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from deployer import inline, stacks
from deployer.asking import NOTHING_DONE, confirm
from deployer.change_sets import ChangeSetError
from deployer.console import EXIT_ERROR, EXIT_PLANNED, Refused, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deployer.account import Account
    from deployer.plan import Plan
    from deployer.stacks import Stack


def propose(  # noqa: PLR0913 - what to propose, and how
    account: Account, request: inline.Request, before: Stack | None, name: str, *, yes: bool, is_json: bool
) -> None:
    """Make a change set, show it, ask, and execute it. Raises `Refused`, and what botocore raises.

    `name` is what the template is called where something is told of it.
    """
    client = account.client("cloudformation")
    found: dict[str, Any] = {"stack": request.stack, "region": account.region}
    try:
        with inline.proposed(client, request, before) as proposal:
            if proposal.change_set.is_empty:
                outputs = before.outputs if before is not None else {}
                _tell(
                    f"nothing to do: {request.stack} is as it should be",
                    outputs,
                    found,
                    "nothing to do",
                    is_json=is_json,
                )
                return
            if proposal.change_set.execution == "UNAVAILABLE":
                reason = proposal.change_set.reason or "no reason given"
                raise Refused(
                    f"CloudFormation does not execute the change set of {request.stack}: {reason}", EXIT_ERROR
                )
            plan = inline.plan_of(client, proposal, name, request.body)
            found["changes"] = [
                {
                    "action": each.action,
                    "logical_id": each.logical_id,
                    "type": each.type,
                    "replacement": each.replacement,
                }
                for each in proposal.change_set.changes
            ]
            if not is_json:
                _show(plan, request.stack, account.region)
            elif not yes:
                click.echo(json.dumps({**found, "status": "planned"}, indent=2))
                raise Refused(f"{NOTHING_DONE}: --yes does it", EXIT_PLANNED)
            confirm("Execute this?", yes=yes)
            names = [each.logical_id for each in proposal.change_set.changes]
            outcome = inline.execute(account, proposal, names, is_json=is_json)
    except ChangeSetError as error:
        raise Refused(str(error), EXIT_ERROR) from error
    now = outcome.stack or stacks.read(client, request.stack)
    done = click.style(f"{request.stack} is {outcome.status}", fg="green")
    _tell(done, now.outputs if now is not None else {}, found, outcome.status, is_json=is_json)


def _show(plan: Plan, stack: str, region: str) -> None:
    from deployer import plan as plans  # noqa: PLC0415 - only where there is something to show

    click.echo(f"{stack} in {region}: {plan.verdict}\n")
    click.echo(table(*plans.rows(plan)))
    if remarks := plans.remarks(plan):
        click.echo(f"\n{remarks}")
    click.echo()


def _tell(
    text: str, outputs: Mapping[str, str], document: Mapping[str, Any], status: str, *, is_json: bool
) -> None:
    if is_json:
        click.echo(json.dumps({**document, "status": status, "outputs": dict(outputs)}, indent=2))
        return
    click.echo(text)
    if outputs:
        click.echo(table(("output", "value"), list(outputs.items())))
