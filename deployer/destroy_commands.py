"""The command destroy."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from deployer.asking import NOTHING_DONE, confirm_by_name, under_way
from deployer.console import (
    EXIT_DONE,
    EXIT_ERROR,
    EXIT_PLANNED,
    ROOT,
    Answer,
    Refused,
    account,
    note,
    of_stack,
    reaches_aws,
    table,
    told,
    warn,
    wrapped,
)

if TYPE_CHECKING:
    from deployer.account import Account
    from deployer.destroy import Plan, Resource
    from deployer.execute import Outcome


@click.command()
@of_stack
@reaches_aws
@click.option(
    "--stop-executions", is_flag=True, help="Stop what runs first: executions, and the tasks they leave."
)
@click.option(
    "--retain",
    multiple=True,
    metavar="LOGICAL_ID",
    help="Leave what could not be deleted before; repeatable.",
)
@click.option("--yes", "-y", is_flag=True, help="Do not ask; only with --stack-name.")
@click.option("--json", "is_json", is_flag=True, help="For programs: one JSON document on standard output.")
@click.pass_context
def destroy(  # noqa: PLR0913 - one for each option
    ctx: click.Context,
    *,
    stack_name: str,
    profile: str | None,
    region: str | None,
    endpoint_url: str | None,
    stop_executions: bool,
    retain: tuple[str, ...],
    yes: bool,
    is_json: bool,
) -> None:
    """Delete the stack. The verdicts and the images stay; logs, and the history of executions, are lost."""
    if yes and ctx.get_parameter_source("stack_name") is not ParameterSource.COMMANDLINE:
        raise click.UsageError("--yes deletes without asking: say what, with --stack-name.")
    reached, answer = account(profile, region, endpoint_url), Answer(is_json, {"stack": stack_name})
    with told(reached.access, answer):
        _destroy(reached, answer, stack_name, retain, stops=stop_executions, yes=yes)
    sys.exit(EXIT_DONE)


def _destroy(  # noqa: PLR0913 - one for each option
    reached: Account, answer: Answer, stack: str, retain: tuple[str, ...], *, stops: bool, yes: bool
) -> None:
    from deployer import destroy as destroying  # noqa: PLC0415 - the help needs none of it

    planned = destroying.plan(reached, stack)
    if planned is None:
        answer.fields["result"] = "unchanged"
        answer.say(f"nothing to do: there is no stack {stack} in {reached.region}")
        return
    answer.fields |= _fields(planned)
    if not answer.is_wanted:
        _show(reached, planned)
    if planned.running and not stops:
        _refuse_running(planned)
    if answer.is_wanted and not yes:
        raise Refused(f"{NOTHING_DONE}: --yes does it", EXIT_PLANNED)
    confirm_by_name(f"To delete it, type its name ({stack})", stack, yes=yes)
    if planned.running:
        with under_way("some executions may be stopped, and the stack is as it was: run this again to go on"):
            destroying.stop(reached, planned, note)
    ending = _delete(reached, planned, retain, is_json=answer.is_wanted)
    answer.fields["status"] = ending.status
    if ending.status != "DELETE_COMPLETE":
        raise Refused(_resistance(stack, ending), EXIT_ERROR)
    answer.say(click.style(f"{stack} is deleted", fg="green"))
    if not answer.is_wanted:
        _left(planned, retain)


def _delete(reached: Account, planned: Plan, retain: tuple[str, ...], *, is_json: bool) -> Outcome:
    from deployer import destroy as destroying  # noqa: PLC0415
    from deployer import following, tokens  # noqa: PLC0415

    client = reached.client("cloudformation")

    def begin() -> None:
        if planned.stack.status == "DELETE_IN_PROGRESS":
            note("it is being deleted already; this follows")
        else:
            destroying.delete(client, planned, tokens.new(reached), retain)

    return following.carry_out(
        client,
        planned.stack,
        begin,
        names=[each.logical_id for each in planned.resources],
        meanwhile="CloudFormation goes on deleting by itself, where it has begun, and nothing stops it\n"
        f"`python build.py destroy --stack-name {planned.stack.name}` follows it, and goes on where it could not",
        is_json=is_json,
    )


def _show(reached: Account, planned: Plan) -> None:
    click.echo(f"{planned.stack.name} in {reached.region} is {planned.stack.status}\n")
    lost, kept = planned.lost, planned.retained
    if planned.change_sets:
        click.echo(f"Its change sets go with it: {', '.join(planned.change_sets)}\n")
    holding = [each for each in lost if each.holds]
    if holding:
        click.secho("Lost, with what is in it", bold=True)
        click.echo(table(("what", "holds", "name"), [_cells(each) for each in holding]) + "\n")
    if lost:
        click.secho(f"Deleted: {len(lost)} resources in all, and the history of executions", bold=True)
        names = ", ".join(each.logical_id for each in lost if not each.holds)
        click.echo(wrapped(names) + "\n")
    if kept:
        click.secho("Retained", bold=True)
        click.echo(table(("what", "holds", "name"), [_cells(each) for each in kept]) + "\n")
    for each in planned.running.unknown:
        warn(f"whether something runs there is not known: {each}")


def _cells(each: Resource) -> tuple[str, str, str]:
    name = each.physical_id.rpartition("/")[2] if "://" in each.physical_id else each.physical_id
    return each.logical_id, each.contents or each.holds or "-", name


def _refuse_running(planned: Plan) -> None:
    raise Refused(
        "\n".join(
            [
                "something runs in it, and would be cut off or left behind",
                *planned.running.lines(),
                "wait for its end, or stop it with --stop-executions",
            ]
        )
    )


def _resistance(stack: str, ending: Outcome) -> str:
    from deployer.following import failures  # noqa: PLC0415

    failed = failures(ending)
    names = " ".join(f"--retain {each}" for each in dict.fromkeys(event.logical_id for event in failed))
    return "\n".join(
        [
            f"{stack} ended as {ending.status}: something could not be deleted",
            *(f"{each.logical_id} ({each.type}): {each.reason}" for each in failed),
            "mend that, then run this again: it goes on where it stopped",
            f"to leave it, and delete the rest: `python build.py destroy --stack-name {stack} {names}".rstrip()
            + "`",
        ]
    )


def _left(planned: Plan, retain: tuple[str, ...]) -> None:
    left = [*planned.retained, *(each for each in planned.resources if each.logical_id in retain)]
    if not left:
        return
    click.echo("\nWhat is left:")
    click.echo(table(("what", "holds", "name"), [_cells(each) for each in left]))
    from deployer.adopt import adoptable  # noqa: PLC0415 - only where something is left

    names = adoptable(ROOT)
    taken = [f"{each.logical_id}={each.physical_id}" for each in planned.retained if each.logical_id in names]
    if taken:
        note("a new stack with these names collides with them, unless it takes them in first:")
        note(f"python build.py adopt {' '.join(taken)}")


def _fields(planned: Plan) -> dict[str, Any]:
    def fields(each: Resource) -> dict[str, str]:
        return {
            "logicalId": each.logical_id,
            "physicalId": each.physical_id,
            "type": each.type,
            "contents": each.contents,
        }

    return {
        "stackId": planned.stack.id,
        "lost": [fields(each) for each in planned.lost],
        "retained": [fields(each) for each in planned.retained],
        "changeSets": list(planned.change_sets),
        "running": {
            "executions": list(planned.running.executions),
            "tasks": [task for _, task in planned.running.tasks],
        },
    }
