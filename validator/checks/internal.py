"""The check of ourselves: what goes wrong here is never a server's fault, and never a pass."""

from collections.abc import Iterator
from dataclasses import dataclass

from validator.checks.check import FIRST_REVISION, OURS, Found, check


@dataclass(frozen=True)
class Ourselves:
    """How the run went on this side: what kept the validator from judging, if anything did."""

    failure: str | None = None
    at: str = "validator"


@check(
    "internal.error", "error", Ourselves, expects="a validator that works", since=FIRST_REVISION, source=OURS
)
def internal_error(ourselves: Ourselves) -> Iterator[Found]:
    """Require that the validator could judge."""
    if ourselves.failure is not None:
        yield Found(ourselves.failure)
