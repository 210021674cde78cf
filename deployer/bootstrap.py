"""The artifact bucket's own stack: the first thing that an account needs, and the last that it loses."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deployer import inline, parameters, stacks
from deployer.account import error_code, is_denied
from deployer.artifacts import MISSING
from deployer.console import EXIT_ERROR, Refused
from deployer.reviewed import document
from deployer.stack_rollback import CONTINUE, ROLL_BACK
from deployer.stacks import Meaning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deployer.account import Account
    from deployer.stacks import Stack

TEMPLATE = Path("templates/bootstrap.template.json")
OUTPUT = "ArtifactBucketName"
NAME = "BucketName"


@dataclass(frozen=True)
class Wanted:
    """The stack that is wanted, and as which it is found."""

    request: inline.Request
    before: Stack | None


def bucket_of(account: Account, stack: str) -> str:
    """Return the name of the bucket that a stack has made. Raises `Refused` where there is none."""
    read = stacks.read(account.client("cloudformation"), stack)
    if read is not None and OUTPUT in read.outputs:
        return read.outputs[OUTPUT]
    what = "there is no stack" if read is None else f"no output {OUTPUT} ({read.status}) has the stack"
    raise Refused(
        f"no artifact bucket is known in {account.region}: {what} {stack}\n"
        "`python build.py bootstrap` makes one; --bucket names one that is there",
        EXIT_ERROR,
    )


def wanted(
    account: Account, stack: str, root: Path, given: Mapping[str, str], *, allow_uncommitted: bool = False
) -> Wanted:
    """Return what is to be asked of CloudFormation. Raises `Refused` where the stack, or the bucket, is not fit."""
    body = document(root, TEMPLATE, allow_uncommitted=allow_uncommitted)
    before = stacks.read(account.client("cloudformation"), stack)
    if before is not None and before.status == "DELETE_COMPLETE":
        before = None
    if before is not None and before.meaning not in (Meaning.CREATE, Meaning.UPDATE):
        raise Refused(_unfit(before), EXIT_ERROR)
    is_new = before is None or before.meaning is Meaning.CREATE
    if given.get(NAME) and (before is None or before.outputs.get(OUTPUT) != given[NAME]):
        _check_free(account, given[NAME])
    values = parameters.settle(
        _declared(body), given, None if before is None or is_new else before.parameters
    )
    request = inline.Request(
        stack=stack,
        name=inline.new_name("bootstrap"),
        template_url="",
        parameters=values.given,
        kept=values.kept,
        capabilities=(),
        description="ToolShed bootstrap",
        body=body.decode(),
    )
    return Wanted(request, before)


def _declared(body: bytes) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(body).get("Parameters", {})
    return found


def _unfit(stack: Stack) -> str:
    if stack.meaning is Meaning.WAIT:
        return f"{stack.name} is {stack.status}: something else changes it\nwait for its end, then run this again"
    if stack.status in ROLL_BACK | CONTINUE:
        return (
            f"{stack.name} is {stack.status}: an operation left it half changed\n"
            f"take it back: `python build.py rollback --stack --stack-name {stack.name}`; then run this again"
        )
    return (
        f"{stack.name} is {stack.status}\n"
        f"`python build.py destroy --stack-name {stack.name}` removes what is left of it; the bucket's objects stay"
    )


def _check_free(account: Account, bucket: str) -> None:
    """Raise `Refused` where there is a bucket of this name: ours can be used as it is, another's cannot."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - the help needs no botocore

    try:
        account.client("s3").head_bucket(Bucket=bucket, ExpectedBucketOwner=account.identity().account)
    except ClientError as error:
        if error_code(error) in MISSING:
            return
        if not is_denied(error) and error_code(error) not in {"301", "400"}:
            raise
        raise Refused(
            f"the name {bucket} is taken, by a bucket that is not this account's or not to be seen\n"
            "bucket names are the world's: choose another, or none, and CloudFormation finds one"
        ) from error
    raise Refused(
        f"there is a bucket {bucket} already, in no stack of this tool's\n"
        f"use it as it is: `python build.py publish --bucket {bucket}`, and the same with deploy; "
        "nobody then sees to its encryption, its versions and who may reach it"
    )
