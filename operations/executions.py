"""The recent executions, with what each came to, in as few calls as that takes.

ListExecutions gives a thousand a call, but neither the server nor the verdict. Those are in the table of verdicts,
which is read a megabyte a call, in segments beside each other; or in DescribeExecution, one call for each. Whichever
needs fewer calls is asked; executions that the table does not know are described.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from deployer.account import error_code
from deployer.console import GAP, LEAST_LAST
from operations import parallel
from operations.outcome import RUNNING, UNRECORDED, Outcome, fault_of, outcome_of, plain
from operations.times import utc, zone

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from deployer.account import Account

    Summary = Mapping[str, Any]

PAGE = 1000
"""Executions of one answer; the most that AWS gives. Evidence: documentation (ListExecutions)."""
SCAN_BYTES = 1 << 20
"""What one answer of Scan or Query reads of a table. Evidence: documentation (DynamoDB, Scan)."""
FEW = 25
"""So many are described without a look at the table's size."""
SEGMENTS = 8
WIDE = ("started", "server", "verdict", "fault", "took", "cost", "error", "name")
MIDDLE = tuple(name for name in WIDE if name != "server")
NARROW = ("started", "name", "verdict", "error", "server")
LAYOUTS = (WIDE, MIDDLE, NARROW, NARROW[:4], NARROW[:3], NARROW[1:3])
"""From the widest to the narrowest. Names are typed again: columns are left out before a name is cut."""
UNVERIFIED = ("FAILED", "TIMED_OUT", "ABORTED")
BEFORE_A_TASK = frozenset(
    {
        "InvalidInput",
        "BuildFailed",
        "NoImageExported",
        "ImageNotBuilt",
        "RegistrationFailed",
        "TaskNotStarted",
    }
)
"""Errors of executions that have run no task."""
FIELDS = ("executionArn", "serverId", "outcome", "fault", "error", "cause")


@dataclass(frozen=True)
class Query:
    """Which executions are wanted."""

    machine_arn: str
    table: str
    statuses: tuple[str, ...] = ()
    """Empty: any."""
    since: datetime | None = None
    server: str | None = None
    limit: int = 20


@dataclass(frozen=True)
class Listed:
    """An execution in the list."""

    arn: str
    name: str
    status: str
    started: datetime
    stopped: datetime | None
    server: str
    outcome: str
    fault: str
    error: str
    cause: str
    has_build: bool = True
    """Whether it built its image; taken to be so where only its record is known, which does not tell."""

    @property
    def seconds(self) -> float:
        """How long it took, or has been running."""
        return ((self.stopped or datetime.now(UTC)) - self.started).total_seconds()

    @property
    def cost(self) -> float:
        """About what it cost on AWS, in dollars."""
        from operations import cost  # noqa: PLC0415 - nothing costs anything before the first answer

        has_task = self.error not in BEFORE_A_TASK
        return cost.rates().of_duration(self.seconds, has_build=self.has_build, has_task=has_task)

    def as_json(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "executionArn": self.arn,
            "name": self.name,
            "server": self.server or None,
            "status": self.status,
            "outcome": self.outcome or None,
            "fault": self.fault or None,
            "error": self.error or None,
            "cause": self.cause or None,
            "startedAt": utc(self.started),
            "stoppedAt": utc(self.stopped),
            "seconds": round(self.seconds, 3),
            "costEstimate": round(self.cost, 6),
        }


def listed(account: Account, query: Query) -> list[Listed]:
    """Return the executions that are wanted, the most recently started first."""
    if query.server is not None:
        return _of_server(account, query)
    summaries = _summaries(account, query, query.limit)
    records = _records(account, query, summaries)
    unknown = [each for each in summaries if each["executionArn"] not in records]
    described = parallel.each(lambda each: _described(account, each), unknown)
    return _joined(summaries, {**records, **dict(described)})


def _of_server(account: Account, query: Query) -> list[Listed]:
    """Return a server's executions: those that it has records of, and its own among those that may have none yet."""
    wanted = [each for each in (RUNNING, *UNVERIFIED) if not query.statuses or each in query.statuses]
    pages = parallel.each(lambda status: list(_unrecorded(account, query, status)), wanted)
    recorded = [] if wanted == [RUNNING] else list(_recorded(account, query))
    known = {each.arn for each in recorded}
    arns = dict.fromkeys(each["executionArn"] for page in pages for each in page)
    described = parallel.each(lambda arn: _looked_up(account, arn, None), arns.keys() - known)
    found = [*recorded, *(each for each in described if each.server == query.server and _fits(query, each))]
    return sorted(found, key=lambda each: (each.started, each.arn), reverse=True)[: query.limit]


def _unrecorded(account: Account, query: Query, status: str) -> Iterator[Summary]:
    """Yield the executions of a status that may have no record yet: those that run, or have ended lately."""
    lately = datetime.now(UTC) - UNRECORDED
    # What has ended comes in the order of its end.
    return itertools.takewhile(
        lambda each: status == RUNNING or each["stopDate"] >= lately,
        _of_status(account, query, status, PAGE),
    )


def _recorded(account: Account, query: Query) -> Iterator[Listed]:
    """Yield a server's executions by its records, the latest first, at least as many as are wanted."""
    records, size, count = _server_records(account, query), query.limit, 0
    while count < query.limit and (some := list(itertools.islice(records, size))):
        found = parallel.each(lambda record: _looked_up(account, record["executionArn"], record), some)
        fitting = [each for each in found if _fits(query, each)]
        yield from fitting
        size, count = max(size, FEW), count + len(fitting)


def _fits(query: Query, each: Listed) -> bool:
    return (not query.statuses or each.status in query.statuses) and (
        query.since is None or each.started >= query.since
    )


def _looked_up(account: Account, arn: str, record: Mapping[str, Any] | None) -> Listed:
    """Return an execution as AWS describes it; where AWS has forgotten it, as its record does."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - the help needs no botocore

    try:
        described = account.client("stepfunctions").describe_execution(executionArn=arn)
    except ClientError as error:
        if error_code(error) != "ExecutionDoesNotExist" or record is None:
            raise
        times = {
            "startDate": datetime.fromisoformat(record["startedAt"]),
            "stopDate": datetime.fromisoformat(record["recordedAt"]),
        }
        status = "SUCCEEDED" if record.get("fault") == "none" else "FAILED"
        described = {"executionArn": arn, "name": arn.rpartition(":")[2], "status": status, **times}
    return _listed(described, {**_record_of(Outcome(described)), **(record or {})})


def _summaries(account: Account, query: Query, limit: int | None) -> list[Summary]:
    """Return what ListExecutions gives, each status in a thread of its own."""
    statuses = query.statuses or (None,)
    pages = parallel.each(lambda status: list(_of_status(account, query, status, limit)), statuses)
    found = [each for page in pages for each in page]
    return sorted(found, key=lambda each: (each["startDate"], each["executionArn"]), reverse=True)[:limit]


def _of_status(account: Account, query: Query, status: str | None, limit: int | None) -> Iterator[Summary]:
    client, given = account.client("stepfunctions"), {"statusFilter": status} if status else {}
    count = 0
    while True:
        size = PAGE if limit is None else min(PAGE, limit - count)
        answer = client.list_executions(stateMachineArn=query.machine_arn, maxResults=size, **given)
        young = [
            each for each in answer["executions"] if query.since is None or each["startDate"] >= query.since
        ]
        yield from young
        count += len(young)
        # What runs comes by its start, what has ended by its end: what ended before was started before.
        *_, last = answer["executions"] or [None]
        is_past = (
            query.since is not None
            and last is not None
            and (status == RUNNING or last["status"] != RUNNING)
            and (last.get("stopDate") or last["startDate"]) < query.since
        )
        if not answer.get("nextToken") or is_past or (limit is not None and count >= limit):
            return
        given = {**given, "nextToken": answer["nextToken"]}


def _records(account: Account, query: Query, summaries: Sequence[Summary]) -> dict[str, Mapping[str, Any]]:
    """Return the records of the executions by ARN; none where describing each takes no more calls."""
    ended = [each for each in summaries if each["status"] != RUNNING]
    if len(ended) <= FEW:
        return {}
    size = account.client("dynamodb").describe_table(TableName=query.table)["Table"].get("TableSizeBytes", 0)
    pages = max(1, math.ceil(size / SCAN_BYTES))
    if pages > len(ended):
        return {}
    oldest = min(each["startDate"] for each in ended)
    segments = min(SEGMENTS, pages)
    found = parallel.each(
        lambda segment: list(_scan(account, query.table, oldest, segment, segments)), range(segments)
    )
    return {each["executionArn"]: each for part in found for each in part}


def _scan(
    account: Account, table: str, oldest: datetime, segment: int, segments: int
) -> Iterator[Mapping[str, Any]]:
    given = {} if segments == 1 else {"Segment": segment, "TotalSegments": segments}
    pages = (
        account.client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=table,
            FilterExpression="#startedAt >= :oldest",
            ExpressionAttributeValues={":oldest": {"S": utc(oldest)}},
            **_projection("startedAt"),
            **given,
        )
    )
    return (plain(item) for page in pages for item in page["Items"])


def _server_records(account: Account, query: Query) -> Iterator[Mapping[str, Any]]:
    """Yield the records of a server, the latest first."""
    values = {":server": {"S": query.server}}
    condition = "#serverId = :server"
    if query.since is not None:
        # It is recorded after it was started.
        values[":since"] = {"S": utc(query.since)}
        condition += " AND #recordedAt >= :since"
    pages = (
        account.client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=query.table,
            IndexName="ByTime",
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values,
            ScanIndexForward=False,
            **_projection("startedAt", "recordedAt"),
        )
    )
    records = (plain(item) for page in pages for item in page["Items"])
    if query.statuses == UNVERIFIED:
        return (each for each in records if each.get("fault") != "none")
    return records


def _projection(*more: str) -> dict[str, Any]:
    # Each by an alias: `error` is a word of DynamoDB's.
    return {
        "ProjectionExpression": ", ".join(f"#{name}" for name in (*FIELDS, *more)),
        "ExpressionAttributeNames": {f"#{name}": name for name in (*FIELDS, *more)},
    }


def _described(account: Account, summary: Summary) -> tuple[str, Mapping[str, Any]]:
    """Return what describing an execution tells, in the words of a record."""
    arn = summary["executionArn"]
    return arn, _record_of(Outcome(account.client("stepfunctions").describe_execution(executionArn=arn)))


def _record_of(found: Outcome) -> Mapping[str, Any]:
    return {
        "serverId": found.server,
        "outcome": found.result.get("Outcome", ""),
        "fault": found.fault,
        "error": found.error or "",
        "cause": found.cause or "",
        "imageUri": found.image,
    }


def _joined(summaries: Sequence[Summary], records: Mapping[str, Mapping[str, Any]]) -> list[Listed]:
    return [_listed(each, records.get(each["executionArn"], {})) for each in summaries]


def _listed(summary: Summary, record: Mapping[str, Any]) -> Listed:
    status, error = str(summary["status"]), str(record.get("error") or "")
    fault = "" if status == RUNNING else str(record.get("fault") or fault_of(status, error))
    return Listed(
        arn=summary["executionArn"],
        name=summary["name"],
        status=status,
        started=summary["startDate"],
        stopped=summary.get("stopDate"),
        server=str(record.get("serverId") or ""),
        outcome="" if status == RUNNING else str(record.get("outcome") or outcome_of(status, error)),
        fault=fault,
        error=error,
        cause=str(record.get("cause") or ""),
        has_build=not record.get("imageUri") and error != "InvalidInput",
    )


def table(found: Sequence[Listed], room: int | None) -> tuple[list[str], list[tuple[list[str], str]]]:
    """Return the headings, and the rows with their styles, of as many columns as there is room for; None: for all."""
    started = f"started ({zone(each.started for each in found)})"
    for columns in LAYOUTS:
        headings = [started if name == "started" else name for name in columns]
        cells = list(rows(found, columns))
        widths = [max(map(len, column)) for column in zip(headings, *(row for row, _ in cells), strict=True)]
        # A server's ID may be cut where it is the last column, a name may not.
        if columns[-1] == "server":
            widths[-1] = min(widths[-1], LEAST_LAST)
        if room is None or sum(widths) + GAP * (len(widths) - 1) <= room:
            break
    return headings, cells


def rows(found: Sequence[Listed], columns: Sequence[str]) -> Iterator[tuple[list[str], str]]:
    """Yield a row of some columns for each execution, and its style."""
    styles = {"none": "green", "server": "red", "pipeline": "yellow", "": ""}
    for each in found:
        yield [_cell(each, column, is_short="took" not in columns) for column in columns], styles[each.fault]


def _cell(each: Listed, column: str, *, is_short: bool) -> str:
    from operations.progress import seconds  # noqa: PLC0415 - only for a table
    from operations.times import short  # noqa: PLC0415

    match column:
        case "started":
            # Month, day, hour and minute, where there is no room for more.
            return short(each.started)[5:16] if is_short else short(each.started)
        case "server":
            return each.server or "?"
        case "verdict":
            return each.outcome or each.status.lower()
        case "fault":
            return each.fault.replace("none", "")
        case "took":
            return seconds(each.seconds)
        case "cost":
            return f"${each.cost:.3f}"
        case "error":
            return each.error
    return each.name
