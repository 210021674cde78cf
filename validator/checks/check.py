"""What a check is: one small function, and what the verdict says about it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

Severity = Literal["error", "policy", "warn"]

# The revisions of MCP, oldest first (docs/docs/2026-07-28/learn/versioning.mdx).
FIRST_REVISION = "2024-11-05"
STREAMABLE_HTTP_REVISION = "2025-03-26"
LAST_LEGACY_REVISION = "2025-11-25"
MODERN_REVISION = "2026-07-28"
LEGACY_REVISIONS = (LAST_LEGACY_REVISION, "2025-06-18", STREAMABLE_HTTP_REVISION, FIRST_REVISION)

OURS = "this registry"
"""The source of what no specification asks for: a bound, or a policy."""


@dataclass(frozen=True)
class Found:
    """One thing that a check found: what came, and where, if it is not where the subject is.

    `severity` softens or sharpens the check's own for this one case.
    """

    what: str
    at: str = ""
    severity: Severity | None = None


Judge = TypeVar("Judge", bound=Callable[..., Iterable[Found]])


@dataclass(frozen=True)
class Check:
    """One check: its id, what it expects, since which revision, and where that is written.

    `judge` takes a subject (an exchange, an era, a tool, …) and gives what is wrong with it. It is pure:
    it asks nothing of the network, and reports nothing where its subject does not have what it judges.
    """

    id: str
    severity: Severity
    expects: str
    since: str
    source: str
    subjects: tuple[type[Any], ...]
    judge: Callable[[Any], Iterable[Found]]


TABLE: dict[str, Check] = {}
"""Every check by its id, in the order that verdicts list them."""


def check(
    check_id: str, severity: Severity, *subjects: type[Any], expects: str, since: str, source: str
) -> Callable[[Judge], Judge]:
    """Enter a function into the table as the check of that id, which judges subjects of these kinds."""

    def enter(judge: Judge) -> Judge:
        if check_id in TABLE:
            raise ValueError(f"two checks are called {check_id}")
        TABLE[check_id] = Check(check_id, severity, expects, since, source, subjects, judge)
        return judge

    return enter
