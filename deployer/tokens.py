"""The token of a request: made twice, it is carried out once; and it tells others whose it is."""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deployer.account import Account

OURS = re.compile(r"toolshed-(.+)-[0-9a-f]{16}")
LONGEST_NAME = 60
"""Letters of a name: a token has 128 at most. Evidence: botocore 1.44.5's model."""


def new(account: Account) -> str:
    """Return a token for one request. It names who makes it: a user, or the session of a role."""
    who = re.split("[/:]", account.identity().arn)[-1]
    name = re.sub("[^A-Za-z0-9]+", "-", who).strip("-")[:LONGEST_NAME] or "somebody"
    return f"toolshed-{name}-{secrets.token_hex(8)}"


def beginner(token: str) -> str:
    """Return who began an operation, by its token: one of ours names them."""
    found = OURS.fullmatch(token)
    return found[1] if found else token
