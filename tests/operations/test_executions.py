"""The list of executions: what it tells, and in how many calls."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from operations import cost, execution_commands, executions, outcome, status
from operations.executions import PAGE, SCAN_BYTES, Query
from tests.operations.scripted import MACHINE, NOW, TABLE, Scripted, described, execution_arn, refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result


def summary(number: int, status: str = "SUCCEEDED") -> dict[str, Any]:
    """Return an execution as ListExecutions gives it; higher numbers are older."""
    started = NOW - timedelta(minutes=number)
    found = {
        "executionArn": execution_arn(f"e{number}"),
        "stateMachineArn": MACHINE,
        "name": f"e{number}",
        "status": status,
        "startDate": started,
    }
    return found if status == "RUNNING" else {**found, "stopDate": started + timedelta(seconds=30)}


def item(number: int, fault: str = "none", **given: str) -> dict[str, Any]:
    """Return the record of an execution as DynamoDB gives it."""
    outcome = {"none": "verified", "server": "rejected", "pipeline": "inconclusive"}[fault]
    values = {"executionArn": execution_arn(f"e{number}"), "serverId": f"io.github.a/s{number}", "outcome": outcome, "fault": fault, "error": "", "cause": "", **given}  # fmt: skip
    return {name: {"S": value} for name, value in values.items()}


def paged(found: list[dict[str, Any]]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return what answers ListExecutions page by page, by status where it is asked."""

    def answer(params: dict[str, Any]) -> dict[str, Any]:
        start = int(params.get("nextToken", "0"))
        wanted = [each for each in found if params.get("statusFilter") in {None, each["status"]}]
        page = wanted[start : start + params["maxResults"]]
        more = start + len(page) < len(wanted)
        return {"executions": page, **({"nextToken": str(start + len(page))} if more else {})}

    return answer


def thousand(aws: Scripted, size: int) -> None:
    """Let there be a thousand executions and more, with their records in a table of so many bytes."""
    found = [summary(number, "RUNNING" if number < 3 else "SUCCEEDED") for number in range(1500)]
    records = [item(number) for number in range(3, 1500)]

    def scan(params: dict[str, Any]) -> dict[str, Any]:
        segments = params.get("TotalSegments", 1)
        own = records[params.get("Segment", 0) :: segments]
        start = int(params.get("ExclusiveStartKey", {"executionArn": {"S": "0"}})["executionArn"]["S"])
        length = max(1, len(own) * SCAN_BYTES * segments // size)
        more = start + length < len(own)
        key = {"LastEvaluatedKey": {"executionArn": {"S": str(start + length)}}} if more else {}
        return {"Items": own[start : start + length], **key}

    aws.answer(
        stepfunctions__ListExecutions=paged(found),
        stepfunctions__DescribeExecution=lambda params: described(params["executionArn"].rpartition(":")[2]),
        dynamodb__DescribeTable={"Table": {"TableSizeBytes": size}},
        dynamodb__Scan=scan,
    )


def test_a_thousand_executions_take_few_calls(aws: Scripted) -> None:
    """The list is one call, the table about one a megabyte, and only what runs is described."""
    thousand(aws, 6 * SCAN_BYTES)
    found = executions.listed(aws.account(), Query(MACHINE, TABLE, limit=1000))
    assert [execution_arn(f"e{number}") for number in range(1000)] == [each.arn for each in found]
    assert {"verified"} == {each.outcome for each in found[3:]}
    assert "io.github.a/s999" == found[-1].server
    assert (1, 1, 3) == tuple(
        len(aws.of(call))
        for call in (
            "stepfunctions:ListExecutions",
            "dynamodb:DescribeTable",
            "stepfunctions:DescribeExecution",
        )
    )
    assert 6 <= len(aws.of("dynamodb:Scan")) <= 12
    assert {f"{segment}" for segment in range(6)} == {
        str(each["Segment"]) for each in aws.of("dynamodb:Scan")
    }


def test_more_than_a_page_of_executions_is_listed_page_by_page(aws: Scripted) -> None:
    """Each once, the latest first."""
    thousand(aws, SCAN_BYTES)
    found = executions.listed(aws.account(), Query(MACHINE, TABLE, limit=1400))
    assert [f"e{number}" for number in range(1400)] == [each.name for each in found]
    assert [PAGE, 400] == [each["maxResults"] for each in aws.of("stepfunctions:ListExecutions")]


def test_a_table_that_is_dearer_to_read_is_left_alone(aws: Scripted) -> None:
    """Where the table would take more calls than describing each, each is described."""
    thousand(aws, 500 * SCAN_BYTES)
    found = executions.listed(aws.account(), Query(MACHINE, TABLE, limit=100))
    assert 100 == len(found) == len(aws.of("stepfunctions:DescribeExecution"))
    assert "dynamodb:Scan" not in aws.made


def test_a_few_are_described_at_once(aws: Scripted) -> None:
    """Nobody asks how large the table is for twenty executions."""
    thousand(aws, SCAN_BYTES)
    executions.listed(aws.account(), Query(MACHINE, TABLE))
    assert {"stepfunctions:ListExecutions", "stepfunctions:DescribeExecution"} == aws.made


def test_since_ends_the_list(aws: Scripted) -> None:
    """Pages behind the first one that holds nothing young enough are not asked for."""
    thousand(aws, SCAN_BYTES)
    query = Query(MACHINE, TABLE, since=NOW - timedelta(minutes=20, seconds=30), limit=100_000)
    assert [f"e{number}" for number in range(21)] == [
        each.name for each in executions.listed(aws.account(), query)
    ]


def test_failed_ones_are_asked_for_by_their_status(aws: Scripted) -> None:
    """Each status is a list of its own; together they are in order of time."""
    found = [summary(0), summary(1, "FAILED"), summary(2, "TIMED_OUT"), summary(3, "FAILED")]
    aws.answer(
        stepfunctions__ListExecutions=paged(found),
        stepfunctions__DescribeExecution=lambda params: described(
            params["executionArn"].rpartition(":")[2], "FAILED", error="Rejected", cause="tools.list"
        ),
    )
    query = Query(MACHINE, TABLE, executions.UNVERIFIED)
    listed = executions.listed(aws.account(), query)
    assert [("e1", "server"), ("e2", "server"), ("e3", "server")] == [
        (each.name, each.fault) for each in listed
    ]


def test_a_server_s_executions_are_found_by_its_records(aws: Scripted) -> None:
    """With those that run; one that AWS has forgotten is told of by its record."""
    started = {"startedAt": "2026-01-01T00:00:00.000Z", "recordedAt": "2026-01-01T00:01:00.000Z"}
    records = [item(1, "server", error="Rejected", serverId="s"), item(2, serverId="s", **started)]

    def describe(params: dict[str, Any]) -> Any:
        name = params["executionArn"].rpartition(":")[2]
        if name == "e2":
            return refused("ExecutionDoesNotExist", "DescribeExecution")
        server = {"e5": "s"}.get(name, "other")
        status = "RUNNING" if name in {"e5", "e6"} else "FAILED"
        return described(name, status, input=json.dumps({"serverId": server}))

    aws.answer(
        stepfunctions__ListExecutions=paged([summary(5, "RUNNING"), summary(6, "RUNNING")]),
        stepfunctions__DescribeExecution=describe,
        dynamodb__Query={"Items": records},
    )
    found = executions.listed(aws.account(), Query(MACHINE, TABLE, server="s"))
    assert {("e5", ""), ("e1", "server"), ("e2", "none")} == {(each.name, each.fault) for each in found}
    assert "e2" == found[-1].name
    assert 60 == found[-1].seconds


@pytest.mark.parametrize(
    ("status", "error", "expected"),
    [
        ("SUCCEEDED", "", ("verified", "none")),
        ("FAILED", "Rejected", ("rejected", "server")),
        ("FAILED", "PolicyNeeded", ("needs_policy", "server")),
        ("FAILED", "RunFailed", ("inconclusive", "pipeline")),
        ("TIMED_OUT", "States.Timeout", ("inconclusive", "pipeline")),
        ("RUNNING", "", ("", "")),
    ],
)
def test_whose_fault_an_end_was_is_told_without_its_record(aws: Scripted, status: str, error: str, expected: tuple[str, str]) -> None:  # fmt: skip
    """By the error that it failed with."""
    aws.answer(
        stepfunctions__ListExecutions=paged([summary(1, status)]),
        stepfunctions__DescribeExecution=described("e1", status, error=error),
    )
    (found,) = executions.listed(aws.account(), Query(MACHINE, TABLE))
    assert expected == (found.outcome, found.fault)
    one = outcome.Outcome(described("e1", status, error=error, output="{}"))
    assert (expected[0] or "running", expected[1]) == (one.title, one.fault)


def test_the_list_names_the_zone_and_json_is_in_utc(
    aws: Scripted, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person reads this machine's time with its name, a program UTC."""
    import time  # noqa: PLC0415

    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        aws.answer(
            stepfunctions__ListExecutions=paged([summary(1)]),
            stepfunctions__DescribeExecution=described("e1"),
        )
        shown = run(execution_commands.executions).output
        (found,) = json.loads(run(execution_commands.executions, "--json").stdout)
    finally:
        monkeypatch.undo()
        time.tzset()
    assert "started (IST)" in shown
    local = NOW - timedelta(minutes=1) + timedelta(hours=5, minutes=30)
    assert f"{local:%Y-%m-%d %H:%M:%S}" in shown
    assert f"{NOW - timedelta(minutes=1):%Y-%m-%dT%H:%M:%S}.000Z" == found["startedAt"]


def test_what_cannot_be_asked_for_is_said(aws: Scripted, run: Callable[..., Result]) -> None:
    """Two filters that contradict each other, and a time that is none."""
    both = run(execution_commands.executions, "--failed", "--status", "RUNNING")
    assert (2, True) == (both.exit_code, "exclude each other" in both.stderr)
    odd = run(execution_commands.executions, "--since", "yesterdayish")
    assert (2, True) == (odd.exit_code, "30m, 12h, 7d" in odd.stderr)
    assert "stepfunctions:ListExecutions" not in aws.made


def costs(aws: Scripted, **given: Any) -> tuple[float, ...]:
    """Return the costs of two executions, which take half a minute and six minutes, by their descriptions."""
    found = [summary(1), {**summary(2), "stopDate": NOW + timedelta(minutes=4)}]
    aws.answer(
        stepfunctions__ListExecutions=paged([{**each, "status": given.get("status", "SUCCEEDED")} for each in found]),
        stepfunctions__DescribeExecution=lambda params: described(params["executionArn"].rpartition(":")[2], **given),
    )  # fmt: skip
    return tuple(round(each.cost, 4) for each in executions.listed(aws.account(), Query(MACHINE, TABLE)))


def test_a_build_is_billed_by_begun_minutes(aws: Scripted) -> None:
    """A short execution costs a minute of a build and one of a task; a usual one what the review says of it."""
    short, usual = costs(aws)
    rates = cost.rates()
    assert short == pytest.approx(rates.build_minute + rates.task_minute + rates.transitions + rates.function, abs=1e-4)  # fmt: skip
    assert usual == pytest.approx(0.0165, abs=1e-4)


def test_what_was_not_built_or_run_costs_nothing(aws: Scripted) -> None:
    """An image that was given takes no build; a build that failed was followed by no task; a refused input by nothing."""
    rates = cost.rates()
    given = costs(aws, input='{"serverId": "s", "imageUri": "i@sha256:1"}')
    assert given[0] == pytest.approx(rates.task_minute + rates.transitions + rates.function, abs=1e-4)
    failed = costs(aws, status="FAILED", error="BuildFailed")
    assert failed == pytest.approx((rates.build_minute + rates.transitions, 6 * rates.build_minute + rates.transitions), abs=1e-4)  # fmt: skip
    assert costs(aws, status="FAILED", error="InvalidInput")[0] == pytest.approx(rates.transitions, abs=1e-4)


def test_errors_before_a_task_are_errors() -> None:
    """Of the table of faults, but for the one of whoever starts."""
    assert executions.BEFORE_A_TASK - {"InvalidInput"} <= outcome.faults().keys()


def of_server(aws: Scripted, found: list[dict[str, Any]], records: list[dict[str, Any]]) -> None:
    """Script a server `s`: its executions as ListExecutions has them, and its records; `other…` are another's."""

    def describe(params: dict[str, Any]) -> Any:
        name = params["executionArn"].rpartition(":")[2]
        (own,) = (each for each in found if each["name"] == name)
        return described(**own, input=json.dumps({"serverId": "s"}))

    aws.answer(
        stepfunctions__ListExecutions=paged(found),
        stepfunctions__DescribeExecution=describe,
        dynamodb__Query={"Items": records},
    )


def test_a_server_s_executions_of_a_status_are_found_behind_others(aws: Scripted) -> None:
    """The limit counts what is wanted, not what was looked at."""
    found = [summary(number, "FAILED" if number < 130 else "SUCCEEDED") for number in range(100, 140)]
    of_server(aws, found, [item(number, serverId="s") for number in range(100, 140)])
    query = Query(MACHINE, TABLE, ("SUCCEEDED",), server="s", limit=2)
    assert ["e130", "e131"] == [each.name for each in executions.listed(aws.account(), query)]


def test_a_server_s_executions_are_found_before_they_are_recorded(aws: Scripted) -> None:
    """What was stopped a moment ago has no record until the sweeper has written one; each is there once."""
    found = [summary(1, "ABORTED"), summary(2, "FAILED"), summary(3, "RUNNING"), summary(300, "TIMED_OUT")]
    of_server(aws, found, [item(2, "server", serverId="s")])
    listed = executions.listed(aws.account(), Query(MACHINE, TABLE, server="s"))
    assert [("e1", "pipeline"), ("e2", "server"), ("e3", "")] == [(each.name, each.fault) for each in listed]


def test_what_an_execution_cannot_record_is_recorded_within_the_time_that_is_looked_back() -> None:
    """It is twice the sweeper's schedule."""
    assert 2 * status.SWEEP_EVERY == outcome.UNRECORDED


def test_since_is_not_ended_by_what_started_before(aws: Scripted) -> None:
    """The list is in the order of ends: what took long comes before what started later and ended sooner."""
    long = {**summary(30, "FAILED"), "stopDate": NOW - timedelta(minutes=1)}
    aws.answer(
        stepfunctions__ListExecutions=paged([long, summary(5), summary(60)]),
        stepfunctions__DescribeExecution=described("e5"),
    )
    query = Query(MACHINE, TABLE, since=NOW - timedelta(minutes=10), limit=1)
    assert ["e5"] == [each.name for each in executions.listed(aws.account(), query)]


@pytest.mark.parametrize(
    ("room", "columns"),
    [(None, 8), (150, 8), (110, 7), (81, 5), (80, 4), (62, 3), (60, 2), (20, 2)],
)
def test_a_name_is_whole_where_it_can_be(aws: Scripted, room: int | None, columns: int) -> None:
    """Columns are left out before a name is cut, since it is typed again."""
    aws.answer(
        stepfunctions__ListExecutions=paged(
            [{**summary(1), "name": "io-github-somebody-something-01234567"}]
        ),
        stepfunctions__DescribeExecution=described(
            "e1", input='{"serverId": "io.github.somebody/something"}'
        ),
    )
    headings, rows = executions.table(executions.listed(aws.account(), Query(MACHINE, TABLE)), room)
    assert columns == len(headings) == len(rows[0][0])
    assert "name" in headings
