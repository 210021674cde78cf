"""What became of an execution: its status, whose fault its end was, and the verdict that it recorded."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from deployer.account import error_code
from deployer.console import EXIT_DONE, EXIT_ERROR, EXIT_REFUSED, ROOT, Refused, as_given
from deployer.stacks import Pace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from deployer.account import Account

RUNNING = "RUNNING"
WORDS = {"PolicyNeeded": "needs_policy"}
"""What the pipeline records for an error of a server's other than `rejected`."""
RECORDED_AS = {"TIMED_OUT": "ExecutionTimedOut", "ABORTED": "ExecutionAborted", "FAILED": "ExecutionFailed"}
"""What the sweeper records of an execution that has recorded nothing, by its status."""
UNRECORDED = timedelta(hours=1)
"""After so long the sweeper has recorded what an execution could not record itself: twice its schedule."""
SWEPT = "docs/operating.md says what to do about sweeps"
SETTLING = Pace(first=0.1, last=2.0, limit=60.0)
TABLE, SWEEPER = "VerdictTableNameInUse", "SweeperArn"
"""The stack's outputs that name the table of verdicts, and the sweeper."""
_ROW = re.compile(r"\| `(\w+)` \| the (\w+)'s \| [^|]+ \| ([^|]+) \| ([^|]+) \|")


@dataclass(frozen=True)
class Fault:
    """A way in which a validation ends other than verified."""

    fault: str
    """Whose: `server` or `pipeline`."""
    means: str
    help: str


@cache
def faults() -> Mapping[str, Fault]:
    """Return the faults by their error, as docs/faults.md has them."""
    text = (ROOT / "docs/faults.md").read_text("utf-8")
    rows = (_ROW.match(line.replace(r"\|", "¦")) for line in text.splitlines())
    return {row[1]: Fault(row[2], row[3].strip(), row[4].strip()) for row in rows if row}


def fault_of(status: str, error: str | None) -> str:
    """Return whose fault an end was, by the error alone: `none`, `server` or `pipeline`; empty while it runs."""
    if status in {RUNNING, "PENDING_REDRIVE"}:
        return ""
    if status == "SUCCEEDED":
        return "none"
    known = faults().get(error or "")
    return known.fault if known else "pipeline"


def outcome_of(status: str, error: str | None) -> str:
    """Return the outcome that is recorded of an end, by the error alone; where it has not ended, its status in a word."""
    known = {"none": "verified", "server": "rejected", "pipeline": "inconclusive", "": status.lower()}
    return WORDS.get(error or "") or known[fault_of(status, error)]


@dataclass(frozen=True)
class Outcome:
    """An execution, as it stands, and the record that it left in the table of verdicts."""

    described: Mapping[str, Any] = field(repr=False)
    """What DescribeExecution answers."""
    record: Mapping[str, Any] | None = None
    is_looked_up: bool = False
    """Whether the table was asked for its record."""
    is_sweep: bool = False
    """Whether it is one of the sweeper's, which judges nothing."""

    @property
    def arn(self) -> str:
        """Its ARN."""
        return str(self.described["executionArn"])

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.described["name"])

    @property
    def status(self) -> str:
        """RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED."""
        return str(self.described["status"])

    @property
    def started(self) -> datetime:
        """When it was started."""
        found: datetime = self.described["startDate"]
        return found

    @property
    def stopped(self) -> datetime | None:
        """When it ended; None while it runs."""
        return self.described.get("stopDate")

    @property
    def seconds(self) -> float:
        """How long it took, or has been running."""
        return ((self.stopped or datetime.now(UTC)) - self.started).total_seconds()

    @property
    def server(self) -> str:
        """The server's ID, from its input."""
        return str(self._input.get("serverId", ""))

    @property
    def image(self) -> str:
        """The image that was given to it, so that it built none; empty where none was."""
        return str(self._input.get("imageUri") or "")

    @property
    def _input(self) -> Mapping[str, Any]:
        found = parsed(self.described.get("input"))
        return found if isinstance(found, dict) else {}

    @property
    def result(self) -> Mapping[str, Any]:
        """The output of one that was verified: Outcome, Verified, Verdict; empty for others."""
        found = parsed(self.described.get("output"))
        return found if isinstance(found, dict) else {}

    @property
    def error(self) -> str | None:
        """The error that it failed with, or that the sweeper recorded for it."""
        return self.described.get("error") or (self.record or {}).get("error") or None

    @property
    def cause(self) -> str | None:
        """Why it failed."""
        return self.described.get("cause") or (self.record or {}).get("cause") or None

    @property
    def fault(self) -> str:
        """Whose fault the end was; empty while it runs."""
        if self.status != RUNNING and self.record and self.record.get("fault"):
            return str(self.record["fault"])
        return fault_of(self.status, self.error)

    @property
    def verdict(self) -> Mapping[str, Any]:
        """The validator's verdict: from the output, or as it was recorded; empty where there is none."""
        found: Mapping[str, Any] = self.result.get("Verdict") or (self.record or {}).get("verdict") or {}
        return found

    @property
    def title(self) -> str:
        """What it came to, in a word: `verified`, `rejected`, …, or its status."""
        if self.is_sweep:
            return self.status.lower()
        recorded = (self.record or {}).get("outcome") or self.result.get("Outcome")
        return str(recorded or outcome_of(self.status, self.error))

    @property
    def exit_code(self) -> int:
        """0 verified, 3 rejected, 1 our own fault."""
        return {"none": EXIT_DONE, "server": EXIT_REFUSED}.get(self.fault, EXIT_ERROR)


def read(account: Account, arn: str, outputs: Mapping[str, str]) -> Outcome:
    """Return an execution, with its record where it has one; what the stack's `outputs` do not name is left out.

    Raises `Refused` where there is no such execution.
    """
    described = describe(account, arn)
    outcome = Outcome(described, is_sweep=described["stateMachineArn"] == outputs.get(SWEEPER))
    table = outputs.get(TABLE)
    if table is None or not outcome.server or outcome.status == RUNNING:
        return outcome
    return Outcome(described, record_of(account, table, outcome.server, arn), is_looked_up=True)


def ended(account: Account, arn: str, outputs: Mapping[str, str]) -> Outcome:
    """Return an execution whose history has come to its end.

    DescribeExecution may not know of the end yet: it is asked again. Evidence: documentation (eventually consistent).
    """
    for _ in SETTLING.looks():
        found = read(account, arn, outputs)
        if found.status != RUNNING:
            return found
    raise Refused(
        f"{arn.rpartition(':')[2]} has ended by its history, and DescribeExecution still says that it runs\n"
        f"`python build.py execution {arn.rpartition(':')[2]}` shows it, a little later",
        EXIT_ERROR,
    )


def describe(account: Account, arn: str) -> Mapping[str, Any]:
    """Return what DescribeExecution answers. Raises `Refused` where there is no such execution."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - the help needs no botocore

    try:
        found: Mapping[str, Any] = account.client("stepfunctions").describe_execution(executionArn=arn)
    except ClientError as error:
        if error_code(error) in {"ExecutionDoesNotExist", "InvalidArn"}:
            raise Refused(missing(arn), EXIT_ERROR) from error
        raise
    return found


def missing(arn: str) -> str:
    """Return what a person reads where there is no such execution."""
    name, region = arn.rpartition(":")[2], arn.split(":")[3]
    return (
        f"there is no execution {name} in {region}\n"
        "`python build.py executions` lists them; AWS forgets an execution 90 days after its end"
    )


def record_of(account: Account, table: str, server: str, arn: str) -> Mapping[str, Any] | None:
    """Return what an execution left in the table of verdicts."""
    key = {"serverId": {"S": server}, "executionArn": {"S": arn}}
    item = account.client("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")
    return None if item is None else plain(item)


def plain(item: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return an item of the table without the types of its values, and with its verdict read."""
    found = {name: next(iter(value.values())) for name, value in item.items()}
    if "verdict" in found:
        found["verdict"] = parsed(found["verdict"]) or {}
    return found


def parsed(text: Any) -> Any:
    """Return a text's JSON; None where it is none."""
    try:
        return json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return None


def lines(outcome: Outcome) -> Iterator[tuple[str, str]]:
    """Yield what a person reads of an outcome, each line with its style; nothing in it steers a terminal."""
    from review.printable import printable  # noqa: PLC0415 - only where there is something to show
    from review.render import verdict_lines  # noqa: PLC0415

    means, advice = ("", SWEPT) if outcome.is_sweep else explained(outcome.error, outcome.status)
    end = verdict_lines.End(outcome.title, outcome.fault, outcome.error, outcome.cause, advice, means)
    for text, style in verdict_lines.lines(end, outcome.verdict):
        yield as_given(printable(text)), style
    if outcome.is_looked_up and outcome.record is None:
        lately = outcome.stopped is not None and datetime.now(UTC) - outcome.stopped < UNRECORDED
        later = "; the sweeper records one within the hour" if lately else ""
        yield f"  no verdict is recorded for it{later}", "yellow"


def explained(error: str | None, status: str) -> tuple[str, str]:
    """Return what an end means and what to do, as docs/faults.md has it: of its error, else of its status."""
    if error == "InvalidInput":
        return "", "mend the input: `python build.py start` checks it before it starts anything"
    known = faults().get(error or "") or faults().get(RECORDED_AS.get(status, ""))
    return (known.means, known.help) if known else ("", "docs/faults.md has no such error")
