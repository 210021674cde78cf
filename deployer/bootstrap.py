"""The artifact bucket's own stack: the first thing that an account needs, and the last that it loses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployer import change_sets
from deployer.console import EXIT_ERROR, Refused

if TYPE_CHECKING:
    from deployer.account import Account

OUTPUT = "ArtifactBucketName"


def bucket_of(account: Account, stack: str) -> str:
    """Return the name of the bucket that a stack has made. Raises `Refused` where there is none."""
    client = account.client("cloudformation")
    status = change_sets.stack_status(client, stack)
    found = change_sets.outputs(client, stack).get(OUTPUT) if status is not None else None
    if found:
        return found
    what = "there is no stack" if status is None else f"it is {status}, and has no output {OUTPUT}:"
    raise Refused(
        f"no artifact bucket is known in {account.region}: {what} {stack}\n"
        "`python build.py bootstrap` makes one; --bucket names one that is there",
        EXIT_ERROR,
    )
