"""The commands about the pipeline as a whole: status, doctor."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deployer.console import (
    EXIT_REFUSED,
    EXIT_USAGE,
    Refused,
    account,
    note,
    of_stack,
    reaches_aws,
    told,
)
from operations.terminal import IS_JSON, echo, echo_json, width

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deployer.account import Account, Identity
    from operations.deployed import Deployed
    from operations.findings import Part
    from operations.policies import Place

BOOTSTRAP = "toolshed-artifacts"


@click.command()
@click.option(
    "--drift", "detects", is_flag=True, help="Let CloudFormation look for drift now; it takes minutes."
)
@IS_JSON
@of_stack
@reaches_aws
def status(  # noqa: PLR0913 - its options
    *,
    detects: bool,
    is_json: bool,
    stack_name: str,
    profile: str | None,
    region: str | None,
    endpoint_url: str | None,
) -> None:
    """Tell how the pipeline stands: stack, drift, definitions, alarms, tasks, sweeps.

    Exits with 3 where a person is needed.
    """
    from deployer.stacks import Pace  # noqa: PLC0415 - the help needs none of these
    from operations import deployed, findings  # noqa: PLC0415
    from operations import status as standing  # noqa: PLC0415

    of = account(profile, region, endpoint_url)
    with told(of.access):
        stack = deployed.find(of, stack_name)
        looks = standing.Standing(of, stack, Pace(first=1.0, last=5.0, limit=1800.0), detects)
        parts = findings.examine(of, looks.examinations())
        needs_a_person = not standing.NEEDS_A_PERSON.isdisjoint(findings.worst(parts))
        if is_json:
            echo_json({"well": not needs_a_person, **{part.name: part.as_json() for part in parts}})
        else:
            echo(findings.lines(parts, width()))
    if needs_a_person:
        sys.exit(EXIT_REFUSED)


@click.command()
@click.option("--policy", "kind", type=click.Choice(["deploy", "operate"]), help="Print the least policy for it, as JSON, and look at nothing.")  # fmt: skip
@click.option("--part", type=click.IntRange(1), metavar="N", help="With --policy: the Nth of managed policies that it fits into.")  # fmt: skip
@click.option("--parameters", "files", type=click.Path(path_type=Path, exists=True, dir_okay=False), multiple=True, metavar="FILE", help="What is to be deployed with; else what the stack has.")  # fmt: skip
@click.option("--parameter", "pairs", multiple=True, metavar="KEY=VALUE", help="The same, one; repeatable.")
@click.option("--bucket", default="", metavar="NAME", help="The artifact bucket, instead of the one that `bootstrap` made.")  # fmt: skip
@click.option("--bootstrap-stack", default=BOOTSTRAP, show_default=True, metavar="NAME", help="The artifact bucket's stack.")  # fmt: skip
@IS_JSON
@of_stack
@reaches_aws
def doctor(  # noqa: PLR0913 - its options
    *, kind: str | None, part: int | None, files: tuple[Path, ...], pairs: tuple[str, ...], bucket: str,
    bootstrap_stack: str, is_json: bool, stack_name: str, profile: str | None, region: str | None,
    endpoint_url: str | None,
) -> None:  # fmt: skip
    """Find what would fail, before the first deployment and after: credentials, quotas, bucket, secrets, permissions.

    Exits with 3 where something would.
    """
    from deployer import parameters  # noqa: PLC0415 - the help needs none of these
    from operations import findings  # noqa: PLC0415

    of = account(profile, region, endpoint_url)
    with told(of.access):
        given = {name: value for file in files for name, value in parameters.read_file(file).items()}
        given |= parameters.read_pairs(pairs)
        wanted = _Wanted(stack_name, bootstrap_stack, bucket, given)
        if kind is not None:
            _print_policy(of, wanted, kind, part)
            return
        parts = _examined(of, wanted)
        would_fail = findings.Level.FAIL in findings.worst(parts)
        if is_json:
            echo_json({"well": not would_fail, **{each.name: each.as_json() for each in parts}})
        else:
            echo(findings.lines(parts, width()))
    if would_fail:
        sys.exit(EXIT_REFUSED)


@dataclass(frozen=True)
class _Wanted:
    """Which deployment is meant: one that is there, or one that is to be."""

    stack: str
    bootstrap_stack: str
    bucket: str
    given: Mapping[str, str]

    def place(self, of: Account, identity: Identity | None, stack: Deployed | None) -> Place:
        """Return where it is, as far as that is known."""
        from deployer.account import AccountError  # noqa: PLC0415
        from operations.policies import Place  # noqa: PLC0415

        parameters = {**(stack.parameters if stack else {}), **self.given}
        known = {} if identity is None else {"partition": identity.partition, "account": identity.account}
        with suppress(AccountError):
            known["region"] = of.region
        bucket = self.bucket or parameters.get("ArtifactBucket", "")
        return Place(
            self.stack, parameters=parameters, bootstrap_stack=self.bootstrap_stack, bucket=bucket, **known
        )


def _examined(of: Account, wanted: _Wanted) -> list[Part]:
    from operations import deployed, findings  # noqa: PLC0415
    from operations import doctor as doctors  # noqa: PLC0415

    identity, skew = doctors.identify(of)
    try:
        stack = deployed.find(of, wanted.stack)
    except Refused:
        note(f"there is no stack {wanted.stack} yet")
        stack = None
    subject = doctors.Subject(of, identity, skew, stack, wanted.place(of, identity, stack))
    return findings.examine(of, doctors.Doctor(subject).examinations())


def _print_policy(of: Account, wanted: _Wanted, kind: str, part: int | None) -> None:
    from operations import policies  # noqa: PLC0415

    identity, stack = _as_far_as_known(of, wanted)
    place = wanted.place(of, identity, stack)
    policy = policies.deploy(place) if kind == "deploy" else policies.operate(place)
    parts = policies.parts(policy)
    if part is not None and part > len(parts):
        raise Refused(f"--part {part}: it has {len(parts)} parts", EXIT_USAGE)
    echo_json(policy if part is None else parts[part - 1])
    if part is None and len(parts) > 1:
        note(
            f"a managed policy holds {policies.MANAGED_CHARACTERS} characters: --part 1 to --part {len(parts)} print it in as many"
        )


def _as_far_as_known(of: Account, wanted: _Wanted) -> tuple[Identity | None, Deployed | None]:
    """Return who asks, and the stack; a policy is printed without either, too."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    from deployer.account import AccountError  # noqa: PLC0415
    from operations import deployed  # noqa: PLC0415

    try:
        identity = of.identity()
    except (BotoCoreError, ClientError, AccountError) as error:
        both = "it, and for the region" if isinstance(error, AccountError) else "it"
        note(f"the account is not known ({type(error).__name__}): the policy says * for {both}")
        return None, None
    try:
        return identity, deployed.find(of, wanted.stack)
    except (BotoCoreError, ClientError, Refused):
        note("the stack is not known: its names are the template's defaults, or what --parameter says")
        return identity, None
