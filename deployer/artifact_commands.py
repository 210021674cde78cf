"""The commands publish, bootstrap and adopt: what is deployed, its bucket, and what is there already."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from deployer.asking import under_way
from deployer.console import (
    EXIT_DONE,
    ROOT,
    Answer,
    account,
    makes_change_sets,
    note,
    of_stack,
    reaches_aws,
    told,
)

if TYPE_CHECKING:
    from collections.abc import Callable

ARTIFACTS = "toolshed-artifacts"


def of_bootstrap(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option that names the bucket's stack."""
    return click.option(
        "--bootstrap-stack",
        default=ARTIFACTS,
        show_default=True,
        metavar="NAME",
        help="The artifact bucket's stack.",
    )(command)


@click.command()
@of_bootstrap
@reaches_aws
@click.option("--bucket", metavar="NAME", help="Instead of the one that `bootstrap` made.")
@click.option("--bucket-owner", metavar="ACCOUNT", help="Whose it must be, where it is not of this account.")
@click.option("--allow-uncommitted", is_flag=True, help="Publish what nobody committed, and say so.")
@click.option("--json", "is_json", is_flag=True, help="For programs: one JSON document on standard output.")
def publish(  # noqa: PLR0913 - one for each option
    *,
    bootstrap_stack: str,
    profile: str | None,
    region: str | None,
    endpoint_url: str | None,
    bucket: str | None,
    bucket_owner: str | None,
    allow_uncommitted: bool,
    is_json: bool,
) -> None:
    """Put what the committed template names into the artifact bucket. What is there is compared, never overwritten."""
    reached, answer = account(profile, region, endpoint_url), Answer(is_json)
    with told(reached.access, answer):
        from deployer import artifacts, reviewed  # noqa: PLC0415 - the help needs none
        from deployer import bootstrap as bootstrapping  # noqa: PLC0415

        found = reviewed.check(ROOT, allow_uncommitted=allow_uncommitted)
        bucket = bucket or bootstrapping.bucket_of(reached, bootstrap_stack)
        with under_way("what is uploaded is whole, and stays; run this again to go on"):
            published = artifacts.publish(reached, bucket, found, answer.say, owner=bucket_owner)
        answer.fields = {
            "result": "published" if published.uploaded else "unchanged",
            "bucket": bucket,
            "commit": found.commit,
            "templateUrl": published.template_url,
            "uploaded": list(published.uploaded),
            "present": list(published.present),
        }
        if published.uploaded:
            answer.say(click.style(f"published to {bucket}", fg="green"))
        else:
            answer.say(f"nothing to do: all of it is in {bucket}")
    sys.exit(EXIT_DONE)


@click.command()
@of_bootstrap
@reaches_aws
@click.option("--bucket-name", metavar="NAME", help="Else CloudFormation finds one that is free.")
@click.option(
    "--encryption-key-arn", metavar="ARN", help="Your KMS key for the artifacts; else a key of S3's."
)
@makes_change_sets
@click.option("--allow-uncommitted", is_flag=True, help="Take a template that nobody committed, and say so.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--json", "is_json", is_flag=True, help="For programs: one JSON document on standard output.")
def bootstrap(  # noqa: PLR0913 - one for each option
    *,
    bootstrap_stack: str,
    profile: str | None,
    region: str | None,
    endpoint_url: str | None,
    bucket_name: str | None,
    encryption_key_arn: str | None,
    tags: tuple[str, ...],
    role_arn: str | None,
    allow_uncommitted: bool,
    yes: bool,
    is_json: bool,
) -> None:
    """Make the artifact bucket, once for an account and region: a small stack of its own, which changes nothing else."""
    reached, answer = account(profile, region, endpoint_url), Answer(is_json, {"stack": bootstrap_stack})
    given = {"BucketName": bucket_name, "EncryptionKeyArn": encryption_key_arn}
    with told(reached.access, answer):
        from deployer import bootstrap as bootstrapping  # noqa: PLC0415 - the help needs none of it
        from deployer.parameters import read_pairs  # noqa: PLC0415
        from deployer.proposing import propose  # noqa: PLC0415

        wanted = bootstrapping.wanted(
            reached,
            bootstrap_stack,
            ROOT,
            {name: value for name, value in given.items() if value is not None},
            allow_uncommitted=allow_uncommitted,
        )
        request = replace(wanted.request, tags=read_pairs(tags, "--tags"), role_arn=role_arn or "")
        propose(reached, answer, request, wanted.before, str(bootstrapping.TEMPLATE), yes=yes)
    sys.exit(EXIT_DONE)


@click.command()
@of_stack
@reaches_aws
@click.argument("left", nargs=-1, required=True, metavar="LOGICAL_ID=NAME…")
@click.option(
    "--parameters",
    "files",
    multiple=True,
    metavar="FILE",
    help="The stack's parameters, as `deploy` takes them; those that these resources need are used.",
)
@makes_change_sets
@click.option("--allow-uncommitted", is_flag=True, help="Take a template that nobody committed, and say so.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--json", "is_json", is_flag=True, help="For programs: one JSON document on standard output.")
def adopt(  # noqa: PLR0913 - one for each option
    *,
    stack_name: str,
    profile: str | None,
    region: str | None,
    endpoint_url: str | None,
    left: tuple[str, ...],
    files: tuple[str, ...],
    tags: tuple[str, ...],
    role_arn: str | None,
    allow_uncommitted: bool,
    yes: bool,
    is_json: bool,
) -> None:
    """Begin a new stack with what a destroyed one has left: its verdicts, its images. Then deploy the rest."""
    reached, answer = account(profile, region, endpoint_url), Answer(is_json, {"stack": stack_name})
    with told(reached.access, answer):
        from deployer import adopt as adopting  # noqa: PLC0415 - the help needs none of it
        from deployer import parameters, reviewed  # noqa: PLC0415
        from deployer.proposing import propose  # noqa: PLC0415

        request, before = adopting.wanted(
            reached,
            stack_name,
            reviewed.document(ROOT, adopting.TEMPLATE, allow_uncommitted=allow_uncommitted),
            parameters.read_pairs(left, "LOGICAL_ID=NAME"),
            parameters.read_files(files),
        )
        request = replace(request, tags=parameters.read_pairs(tags, "--tags"), role_arn=role_arn or "")
        propose(reached, answer, request, before, str(adopting.TEMPLATE), yes=yes)
    if not is_json:
        note("the rest: `python build.py deploy`, with the same parameters; the names are kept by the stack")
    sys.exit(EXIT_DONE)
