"""The command rollback: the alias, or with --stack the stack."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from deployer.asking import NOTHING_DONE, confirm, under_way
from deployer.console import (
    EXIT_DONE,
    EXIT_ERROR,
    EXIT_PLANNED,
    Answer,
    Refused,
    account,
    note,
    of_stack,
    reaches_aws,
    table,
    told,
    warn,
)

if TYPE_CHECKING:
    from deployer.account import Account
    from deployer.rollback import Plan, Version

REMEDY = """\
bring back what it needs (git revert, then `python build.py deploy`), or name another version with --to
--unchecked leads the alias there all the same"""

DRIFTS = """\
the stack's template names another version: the next deployment that changes the alias leads it there again
to make this permanent: git revert the change of the definition, then `python build.py deploy`"""


@click.command()
@of_stack
@reaches_aws
@click.option(
    "--to", "wanted", metavar="VERSION", help="Its number, or the definition's own version such as 1.2.0."
)
@click.option(
    "--stack", "is_stack", is_flag=True, help="Take the stack back that an operation left half changed."
)
@click.option(
    "--skip", multiple=True, metavar="LOGICAL_ID", help="With --stack: leave this as it is; repeatable."
)
@click.option("--unchecked", is_flag=True, help="Lead the alias there although the version may not work.")
@click.option("--all", "has_all", is_flag=True, help="Show every property that differs, too.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--json", "is_json", is_flag=True, help="For programs: one JSON document on standard output.")
def rollback(  # noqa: PLR0913 - one for each option
    *,
    stack_name: str,
    profile: str | None,
    region: str | None,
    endpoint_url: str | None,
    wanted: str | None,
    is_stack: bool,
    skip: tuple[str, ...],
    unchecked: bool,
    has_all: bool,
    yes: bool,
    is_json: bool,
) -> None:
    """Lead the alias to the version before: executions that begin from now on run it. Running ones keep theirs."""
    if is_stack and (wanted or unchecked):
        raise click.UsageError("--to and --unchecked are for the alias: leave --stack out.")
    if skip and not is_stack:
        raise click.UsageError("--skip is for the stack: add --stack.")
    reached, answer = account(profile, region, endpoint_url), Answer(is_json, {"stack": stack_name})
    with told(reached.access, answer):
        if is_stack:
            _stack(reached, answer, stack_name, skip, yes=yes)
        else:
            _alias(reached, answer, stack_name, Wish(wanted, unchecked, has_all, yes))
    sys.exit(EXIT_DONE)


@dataclass(frozen=True)
class Wish:
    """What is asked for, of the alias."""

    version: str | None
    is_unchecked: bool
    has_all: bool
    is_yes: bool


def _alias(reached: Account, answer: Answer, stack: str, wish: Wish) -> None:
    from deployer import rollback as rollbacks  # noqa: PLC0415 - the help needs none of it

    planned = rollbacks.plan(reached, stack, wish.version)
    answer.fields |= {
        "alias": planned.alias_arn,
        "from": [{**_fields(version), "weight": weight} for version, weight in planned.routes],
        "to": _fields(planned.target),
    }
    if planned.is_done:
        answer.fields["result"] = "unchanged"
        answer.say(f"nothing to do: the alias leads to version {planned.target.number} alone")
        return
    review, before, after = planned.review()
    objections = rollbacks.objections(reached, planned.target)
    answer.fields |= {"changes": [change.message for change in review.changes], "objections": objections}
    if not answer.is_wanted:
        _show(planned, review, before, after, has_all=wish.has_all)
    if objections and not wish.is_unchecked:
        raise Refused(
            "\n".join([f"version {planned.target.number} would not work any more", *objections, REMEDY])
        )
    for each in objections:
        warn(f"{each} (--unchecked)")
    if rollbacks.is_updating(reached, stack):
        note("the stack is being updated, and may be leading executions over: that is cancelled, too")
    if answer.is_wanted and not wish.is_yes:
        raise Refused(f"{NOTHING_DONE}: --yes does it", EXIT_PLANNED)
    confirm(f"Lead the alias to version {planned.target.number} now?", yes=wish.is_yes)
    with under_way(
        "the alias may lead to the new version already, or to the old one; nothing is half done\n"
        "`python build.py rollback` tells which: there is nothing to do where it has happened"
    ):
        # First what would lead it forward again at its next step.
        is_cancelled = _cancel(reached, stack)
        rollbacks.lead(reached, planned)
    answer.fields["isUpdateCancelled"] = is_cancelled
    answer.say(click.style(f"the alias leads to version {planned.target.number}", fg="green"))
    if is_cancelled:
        note("the update that led executions over is cancelled: `python build.py events --follow` shows it")
    elif not rollbacks.is_of_template(reached, stack, planned.target.arn):
        note(DRIFTS)


def _cancel(reached: Account, stack: str) -> bool:
    """Cancel the stack's update, where there is one; where that is not allowed, the alias comes first all the same."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - the help needs no botocore

    from deployer import rollback as rollbacks  # noqa: PLC0415
    from deployer.account import is_denied  # noqa: PLC0415

    try:
        return rollbacks.cancel_update(reached, stack)
    except ClientError as error:
        if not is_denied(error):
            raise
        warn(
            f"the update of {stack} may not be cancelled by you ({error.operation_name}): "
            "at its next step it may lead the alias forward again"
        )
        return False


def _show(planned: Plan, review: Any, before: Any, after: Any, *, has_all: bool) -> None:
    from review import render  # noqa: PLC0415 - only where there is something to show

    rows = [("now", f"{weight} %", *_cells(version)) for version, weight in planned.routes]
    rows.append(("then", "100 %", *_cells(planned.target)))
    click.echo(f"{planned.alias_arn}\n")
    click.echo(table(("", "share", "version", "definition", "published", "digest"), rows))
    if planned.passed_over:
        numbers = ", ".join(str(each.number) for each in planned.passed_over)
        note(f"passed over, since their definition is the same: {numbers}")
    title = f"version {planned.routes[0][0].number} → version {planned.target.number}"
    click.echo("\n" + render.render(render.Report(review, before, after, title, has_all), "terminal"))


def _cells(version: Version) -> tuple[str, str, str, str]:
    return (
        str(version.number),
        version.version or "-",
        f"{version.created:%Y-%m-%d %H:%M}",
        version.sha256[:12] or version.description or "-",
    )


def _fields(version: Version) -> dict[str, Any]:
    return {
        "arn": version.arn,
        "number": version.number,
        "version": version.version,
        "sha256": version.sha256,
        "created": version.created.isoformat(),
    }


def _stack(reached: Account, answer: Answer, name: str, skip: tuple[str, ...], *, yes: bool) -> None:
    from deployer import following, stack_rollback, tokens  # noqa: PLC0415 - the help needs none of it
    from deployer.progress import line  # noqa: PLC0415

    client = reached.client("cloudformation")
    planned = stack_rollback.plan(client, name, skip)
    answer.fields |= {
        "was": planned.stack.status,
        "failed": list(planned.failed),
        "skipped": list(skip),
    }
    note(f"{name} is {planned.stack.status}; this {planned.action}")
    if planned.failed:
        note(f"what could not be changed: {', '.join(planned.failed)}")
    if planned.skipped:
        note(
            "CloudFormation then believes these to be as they were: look whether that is so, and mend it by hand"
        )
    if answer.is_wanted and not yes:
        raise Refused(f"{NOTHING_DONE}: --yes does it", EXIT_PLANNED)
    confirm(f"Roll {name} back?", yes=yes)
    outcome = following.carry_out(
        client,
        planned.stack,
        lambda: stack_rollback.begin(client, planned, tokens.new(reached)),
        meanwhile="CloudFormation goes on by itself, where it has begun\n"
        f"`python build.py events --stack-name {name} --follow` follows it; this command tells where nothing was begun",
        is_json=answer.is_wanted,
    )
    failed = [line(event) for event in following.failures(outcome)]
    answer.fields |= {"status": outcome.status, "failures": failed}
    answer.say(f"{name} is {outcome.status}")
    if outcome.status not in stack_rollback.ENDINGS:
        raise Refused(
            "\n".join(
                [f"{name} ended as {outcome.status}", *failed, "mend what resists, then run this again"]
            ),
            EXIT_ERROR,
        )
    if outcome.status == "ROLLBACK_COMPLETE":
        note(
            "a stack whose creation was taken back can only be deleted: `python build.py destroy`, then deploy again"
        )
