"""The commands deploy and events."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from deployer.artifact_commands import of_bootstrap
from deployer.console import (
    EXIT_USAGE,
    ROOT,
    Answer,
    Refused,
    account,
    makes_change_sets,
    of_stack,
    reaches_aws,
    told,
)

if TYPE_CHECKING:
    from datetime import datetime

KINDS = ("any-change", "wider", "exposure", "replacement", "data-loss", "safety")


@click.command()
@of_stack
@of_bootstrap
@reaches_aws
@click.option(
    "--bucket", metavar="NAME", help="For definitions and package, instead of the one that `bootstrap` made."
)
@click.option("--bucket-owner", metavar="ACCOUNT", help="Whose it must be, where it is not of this account.")
@click.option(
    "--parameters",
    "files",
    multiple=True,
    metavar="FILE",
    help="Values, in a form of `aws cloudformation deploy --parameter-overrides`.",
)
@click.option(
    "--parameter",
    "pairs",
    multiple=True,
    metavar="KEY=VALUE",
    help="One value; repeatable. What is not named keeps its value.",
)
@makes_change_sets
@click.option(
    "--change-set-name", metavar="NAME", help="Instead of one that is made from the documents' digest."
)
@click.option("--yes", "-y", "is_yes", is_flag=True, help="Execute without asking: for CI.")
@click.option(
    "--no-execute", is_flag=True, help="Only plan: leave the change set to be executed later; ends with 5."
)
@click.option(
    "--execute", "planned", metavar="NAME", help="Execute a change set that was planned with --no-execute."
)
@click.option(
    "--fail-on",
    multiple=True,
    type=click.Choice(KINDS),
    help="End with 3 where the plan has one; repeatable.",
)
@click.option("--all", "has_all", is_flag=True, help="Show every change of the plan: fold none.")
@click.option("--recreate", is_flag=True, help="Delete a stack whose creation failed, and create it anew.")
@click.option(
    "--wait",
    "does_wait",
    is_flag=True,
    help="Where something else changes the stack, follow it and then go on.",
)
@click.option(
    "--revert-drift", is_flag=True, help="Show what somebody changed outside of the stack, and take it back."
)
@click.option("--allow-uncommitted", is_flag=True, help="Deploy what nobody committed, and say so.")
@click.option("--json", "is_json", is_flag=True, help="For programs: one JSON document on standard output.")
def deploy(  # noqa: PLR0913 - one for each option
    *, stack_name: str, bootstrap_stack: str, profile: str | None, region: str | None, endpoint_url: str | None,
    bucket: str | None, bucket_owner: str | None, files: tuple[str, ...], pairs: tuple[str, ...], tags: tuple[str, ...],
    role_arn: str | None, change_set_name: str | None, is_yes: bool, no_execute: bool, planned: str | None,
    fail_on: tuple[str, ...], has_all: bool, recreate: bool, does_wait: bool, revert_drift: bool, allow_uncommitted: bool, is_json: bool,
) -> None:  # fmt: skip
    """Deploy the committed documents with a change set: show what will happen, ask, show it happening.

    Exit codes: 0 done, or nothing to do; 1 an error; 2 usage; 3 refused; 4 rolled back; 5 planned, not executed.
    """
    reached, answer = account(profile, region, endpoint_url), Answer(is_json, {"stack": stack_name})
    with told(reached.access, answer):
        from deployer.context import Context, Options  # noqa: PLC0415 - the help needs none
        from deployer.deployment import Deployment  # noqa: PLC0415
        from deployer.parameters import read_files, read_pairs  # noqa: PLC0415
        from deployer.planning import NAME  # noqa: PLC0415

        given = {**read_files(files), **read_pairs(pairs)}
        for name, option in ((change_set_name, "--change-set-name"), (planned, "--execute")):
            if name is not None and NAME.fullmatch(name) is None:
                raise Refused(
                    f"{option} {name}: a name has letters, digits and hyphens, at most 128, and begins with a letter",
                    EXIT_USAGE,
                )
        others = (given, tags, change_set_name, role_arn, bucket, no_execute, recreate, revert_drift)
        if planned and any(others):
            raise Refused(
                "--execute takes what was planned as it is: no parameters, tags, names, bucket, role, --recreate or "
                "--revert-drift",
                EXIT_USAGE,
            )
        options = Options(
            stack=stack_name,
            given=given,
            tags=read_pairs(tags, "--tags"),
            bucket=bucket or "",
            bucket_owner=bucket_owner or "",
            bootstrap_stack=bootstrap_stack,
            role_arn=role_arn or "",
            change_set_name=change_set_name or "",
            execute=planned or "",
            gates=fail_on,
            is_yes=is_yes,
            does_execute=not no_execute,
            has_all=has_all,
            does_recreate=recreate,
            does_wait=does_wait,
            does_revert_drift=revert_drift,
            is_uncommitted_allowed=allow_uncommitted,
            is_json=is_json,
        )
        answer.code = Deployment(Context(reached.access, options, ROOT, answer=answer.fields)).run()
    sys.exit(answer.code)


@click.command()
@of_stack
@reaches_aws
@click.option("--follow", "-f", is_flag=True, help="Go on until what goes on has ended.")
@click.option("--failed", is_flag=True, help="Only what went wrong, and no consequence of it.")
@click.option(
    "--since", metavar="WHEN", help="Only from then on: 90s, 20m, 3h, 2d, or a time such as 2026-11-22T08:00."
)
@click.option("--operation", metavar="ID", help="Only of one operation; `last` is the last one.")
@click.option(
    "--json", "is_json", is_flag=True, help="For programs: a JSON document a line, its time in UTC."
)
def events(  # noqa: PLR0913 - one for each option
    *, stack_name: str, profile: str | None, region: str | None, endpoint_url: str | None, follow: bool, failed: bool,
    since: str | None, operation: str | None, is_json: bool,
) -> None:  # fmt: skip
    """Show what happened to the stack, the oldest first."""
    reached = account(profile, region, endpoint_url)
    with told(reached.access):
        from deployer.history import Wanted, follow_events, show_events  # noqa: PLC0415 - the help needs none

        begin: datetime | None = None
        if since is not None:
            from deployer.history import moment  # noqa: PLC0415

            begin = moment(since)
        wanted = Wanted(stack_name, begin, operation or "", only_failed=failed, is_json=is_json)
        code = (follow_events if follow else show_events)(reached, wanted)
    sys.exit(code)
