"""What the `${Token}`s of the committed document stand for where nothing is deployed."""

from __future__ import annotations

import re

TOKEN = re.compile(r"\$\{([A-Za-z][A-Za-z0-9]*)\}")
VALUES = {"Partition": "aws", "TaskSubnetIds": "subnet-1,subnet-2", "AssignPublicIp": "ENABLED"}
"""Where a token's own name would not do."""


def fill(text: str) -> str:
    """Return a document's text with its tokens filled in."""
    return TOKEN.sub(lambda found: VALUES.get(found[1], found[1]), text)
