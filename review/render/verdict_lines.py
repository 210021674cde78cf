"""A verdict on a server for a person: what came of it, whose fault that was, and the checks that it failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

STYLES = {"none": "bold green", "server": "bold red", "pipeline": "bold yellow"}
"""How an end is shown, by whose fault it was."""


@dataclass(frozen=True)
class End:
    """How an execution ended."""

    outcome: str
    fault: str
    """Whose: `none`, `server`, `pipeline`; empty where it has not ended."""
    error: str | None = None
    cause: str | None = None
    help: str = "docs/faults.md says what to do"
    means: str = ""


def whose(fault: str) -> str:
    """Return whose fault something is, in a person's words."""
    return {"server": "the server's", "pipeline": "the pipeline's"}.get(fault, "nobody's")


def lines(end: End, verdict: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the lines of a verdict, each with its style."""
    style = STYLES.get(end.fault, "bold yellow")
    about = ", ".join(_about(verdict))
    yield f"{end.outcome}{f'  {about}' if about else ''}", style
    if end.error:
        yield f"  {end.error}: {end.cause}" if end.cause else f"  {end.error}", style
        if end.means:
            yield f"  the fault is {whose(end.fault)}: {end.means}", ""
            yield f"  what to do: {end.help}", ""
        else:
            yield f"  the fault is {whose(end.fault)}; {end.help}", ""
    yield from checks(verdict)


def _about(verdict: Mapping[str, Any]) -> Iterator[str]:
    server = verdict.get("server") or {}
    if named := " ".join(str(server[key]) for key in ("name", "version") if server.get(key)):
        yield named
    if verdict.get("protocolVersion"):
        yield f"protocol {verdict['protocolVersion']}"
    count = verdict.get("toolCount")
    if count is not None:
        yield f"{count} tool{'s' * (count != 1)}"


def checks(verdict: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield how many checks went how, and those that failed."""
    found = verdict.get("checks") or []
    counted = {
        status: sum(check["status"] == status for check in found) for status in ("pass", "fail", "skip")
    }
    if found:
        yield (
            f"  {counted['pass']} checks passed, {counted['fail']} failed, {counted['skip']} did not apply",
            "",
        )
    for check in found:
        if check["status"] == "fail":
            style = "red" if check["severity"] == "error" else "yellow"
            where = f" at {check['at']}" if check["at"] else ""
            yield f"  {check['severity']:6} {check['id']}{where}: {check['detail']}", style
