"""The artifact bucket's own stack: the first thing that an account needs, and the last that it loses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deployer import stacks
from deployer.console import EXIT_ERROR, Refused

if TYPE_CHECKING:
    from deployer.account import Account

OUTPUT = "ArtifactBucketName"


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
