"""How much a server may cost: the bounds of a run, and what is left of them.

The numbers were measured against 28 real servers (November 2026): the largest tool list had 160 KB and
54 tools, the longest description 3,216 characters, and all of them answered every check in 0.8 s.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

KIBIBYTE = 1024
MEBIBYTE = 1024 * KIBIBYTE


@dataclass(frozen=True)
class Limits:
    """The bounds of one run; sizes in bytes or characters, times in seconds."""

    total_seconds: float = 20.0
    request_seconds: float = 8.0
    probe_seconds: float = 4.0
    """What a request may take that an older server may rightly leave unanswered (basic/versioning.mdx)."""
    header_bytes: int = 64 * KIBIBYTE
    body_bytes: int = 4 * MEBIBYTE
    run_bytes: int = 24 * MEBIBYTE
    json_depth: int = 64
    json_containers: int = 60_000
    """Objects and arrays: what makes a small document large in memory (about 230 bytes each)."""
    json_values: int = 250_000
    pages: int = 50
    tools: int = 500
    schema_depth: int = 32
    schema_nodes: int = 5_000
    text_characters: int = 20_000
    redirects: int = 3


class BytesExceeded(Exception):  # noqa: N818 - a bound that was reached, not an error of ours
    """The run has read all the bytes that it may."""


@dataclass
class Budget:
    """What is left of a run's time and bytes.

    `clock` counts seconds and never runs backwards. The deadline counts everything, our own work too.
    """

    limits: Limits
    clock: Callable[[], float] = time.monotonic
    began: float = field(init=False)
    bytes_read: int = field(init=False, default=0)
    requests: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.began = self.clock()

    @property
    def deadline(self) -> float:
        """The moment, on `clock`, at which the run ends."""
        return self.began + self.limits.total_seconds

    def remaining(self) -> float:
        """Return the seconds that are left; never negative."""
        return max(0.0, self.deadline - self.clock())

    def elapsed(self) -> float:
        """Return the seconds since the run began."""
        return self.clock() - self.began

    def next_id(self) -> int:
        """Return a JSON-RPC id that no other request of this run has."""
        self.requests += 1
        return self.requests

    def spend(self, count: int) -> None:
        """Count bytes that came in; raises `BytesExceeded` once the run has had its share."""
        self.bytes_read += count
        if self.bytes_read > self.limits.run_bytes:
            raise BytesExceeded
