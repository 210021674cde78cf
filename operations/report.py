"""An execution for a person at a terminal, and for a program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deployer.console import as_given
from operations import cost
from operations.outcome import explained, lines
from operations.progress import SHOWN, seconds
from operations.terminal import width
from operations.times import shown, utc
from review.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from operations.outcome import Outcome
    from review.execution import Told

NAMES, NARROW_NAMES, ROOMY = 38, 28, 70
"""Columns of a timeline's names, and those of a terminal that has room for what stands beside them."""
STYLES = {"failed": "red", "stopped": "red", "caught": "yellow", "retried": "yellow"}


def of_execution(outcome: Outcome, told: Told | None) -> Iterator[tuple[str, str]]:
    """Yield the lines of a report on an execution, each with its style."""
    yield from lines(outcome)
    yield "", ""
    yield f"execution  {printable(outcome.name)}", ""
    yield f"server     {printable(outcome.server) or 'not known'}", ""
    ended = f", ended {shown(outcome.stopped)}" if outcome.stopped else ", and runs"
    yield f"started    {shown(outcome.started)}{ended}", ""
    if told is not None:
        rates = cost.rates()
        yield f"cost       about ${rates.of_history(told):.4f} on AWS, by the prices of {rates.date}", ""
        yield "", ""
        yield from timeline(told)


def of_history(told: Told) -> Iterator[tuple[str, str]]:
    """Yield the lines of a report on a history alone."""
    style = "bold green" if told.status == "SUCCEEDED" else "bold yellow"
    yield f"{told.status.lower()}  started {printable(told.started)}", style
    if told.error:
        means, advice = explained(told.error, told.status)
        yield printable(f"  {told.error}: {told.cause}"), style
        yield f"  {means}" if means else "", ""
        yield as_given(f"  what to do: {advice}"), ""
    yield "", ""
    yield from timeline(told)


def timeline(told: Told) -> Iterator[tuple[str, str]]:
    """Yield a line for each state that takes time or failed: when, how long, how often, its errors."""
    yield f"Timeline ({seconds(told.seconds)})", "bold"
    names = NAMES if (width() or ROOMY) >= ROOMY else NARROW_NAMES
    for row in rows(told):
        if row["type"] not in SHOWN and not row["errors"]:
            continue
        times = f" ({row['visits']} times)" if row["visits"] > 1 else ""
        took = seconds(row["seconds"]) if row["type"] not in {"Succeed", "Fail"} else ""
        style = STYLES.get(row["fate"], "")
        marked = f"  {row['fate']}" if row["fate"] not in {"succeeded", ""} and row["type"] != "Fail" else ""
        name = printable(row["state"]) + times
        yield f"  {row['at']:7.2f}  {name:{names}} {took:>11}{marked}".rstrip(), style
        for error in dict.fromkeys(row["errors"]):
            yield f"           {printable(error)[:300]}", "yellow"


def rows(told: Told) -> Iterator[dict[str, Any]]:
    """Yield what is known of each state, in the order in which they were first entered."""
    for name in told.names:
        visits = [visit for visit in told.visits if visit.name == name]
        ends = [told.seconds if visit.left_at is None else visit.left_at for visit in visits]
        yield {
            "state": name,
            "type": visits[0].type,
            "at": round(visits[0].entered_at, 3),
            "seconds": round(sum(end - visit.entered_at for visit, end in zip(visits, ends, strict=True)), 3),
            "visits": len(visits),
            "fate": told.fate(name) if told.status != "RUNNING" or visits[-1].left_at is not None else "",
            "errors": [error for visit in visits for error in visit.errors],
        }


def as_json(outcome: Outcome, told: Told | None) -> dict[str, Any]:
    """Return an execution for programs: times in UTC, durations in seconds, cost in dollars."""
    return {
        "executionArn": outcome.arn,
        "name": outcome.name,
        "server": outcome.server or None,
        "status": outcome.status,
        "outcome": None if outcome.status == "RUNNING" or outcome.is_sweep else outcome.title,
        "fault": outcome.fault or None,
        "error": outcome.error,
        "cause": outcome.cause,
        "startedAt": utc(outcome.started),
        "stoppedAt": utc(outcome.stopped),
        "seconds": round(outcome.seconds, 3),
        "costEstimate": None if told is None else round(cost.rates().of_history(told), 6),
        "verdict": outcome.verdict or None,
        "record": outcome.record,
        "timeline": None if told is None else list(rows(told)),
    }
