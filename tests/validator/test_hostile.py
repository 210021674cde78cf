"""Hostile, broken and odd servers: each is bounded, each is named, and nobody else is asked anything."""

import json
import socket
import time
from dataclasses import replace
from typing import Any

import pytest

from tests.validator.hostile_cases import REFUSED, TOLERATED, Case, Odd, result, tool
from tests.validator.scripted_server import Honest, Received, Reply, ScriptedServer
from validator.checks import TABLE
from validator.endpoint import parse_endpoint
from validator.handler import judge
from validator.limits import Limits
from validator.verdict import LARGEST_BYTES

LIMITS = Limits()
WAITING = Limits(total_seconds=3, request_seconds=0.8, probe_seconds=0.4)
GRACE_SECONDS = 0.5
"""What a run may take past its time: the last judgement, and a busy machine."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> set[Any]:
    """Collect every address that a connection is asked for, and refuse every look-up of a name."""
    addresses: set[Any] = set()
    connect = socket.socket.connect

    def recording(connection: socket.socket, address: Any) -> None:
        addresses.add(address)
        connect(connection, address)

    def refusing(*_: object, **__: object) -> None:
        raise AssertionError("a name was looked up")

    monkeypatch.setattr(socket.socket, "connect", recording)
    for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "create_connection"):
        monkeypatch.setattr(socket, name, refusing)
    return addresses


def judged(case: Case | Odd, era: str) -> tuple[dict[str, Any], bool, int]:
    """Judge the server of a case in one era: the verdict, whether it kept to its time, and the server's port."""
    limits = WAITING if case.waits else LIMITS
    with ScriptedServer(replace(case.honest, eras=(era,)), case.spoil()) as server:
        began = time.monotonic()
        verdict = judge(parse_endpoint(server.url), limits, {})
        return verdict, time.monotonic() - began < limits.total_seconds + GRACE_SECONDS, server.port


def failures(verdict: dict[str, Any]) -> dict[str, str]:
    """Return the checks that failed, with their severities."""
    return {check["id"]: check["severity"] for check in verdict["checks"] if check["status"] == "fail"}


@pytest.mark.parametrize(
    ("case", "era"),
    [pytest.param(case, era, id=f"{case.name}-{era}") for case in REFUSED for era in case.eras],
)
def test_refused(case: Case, era: str, asked: set[Any]) -> None:
    """The server is refused by the check that names what it does, in time, and only it is asked."""
    verdict, in_time, port = judged(case, era)
    assert (case.outcome, False, case.expects) == (verdict["outcome"], verdict["verified"], verdict["failed"])
    assert in_time
    assert {("127.0.0.1", port)} == asked
    assert len(json.dumps(verdict)) <= LARGEST_BYTES


@pytest.mark.parametrize(
    ("case", "era"),
    [pytest.param(case, era, id=f"{case.name}-{era}") for case in TOLERATED for era in case.eras],
)
def test_tolerated(case: Odd, era: str, asked: set[Any]) -> None:
    """The server is verified, with the warning that it earned and no other, and only it is asked."""
    verdict, in_time, port = judged(case, era)
    assert ("verified", None) == (verdict["outcome"], verdict["failed"])
    assert ({case.warns: "warn"} if case.warns else {}).items() <= failures(verdict).items()
    assert set(failures(verdict).values()) <= {"warn"}
    assert in_time
    assert {("127.0.0.1", port)} == asked


def test_there_are_enough_behaviours() -> None:
    """At least 120 behaviours refuse, and each has a name of its own."""
    names = [case.name for case in REFUSED]
    assert len(set(names)) == len(names)
    assert len(names) >= 120


def test_each_check_is_met_by_a_behaviour() -> None:
    """No check is in the table that nothing here makes fail; the others have tests of their own."""
    met = {case.expects for case in REFUSED} | {case.warns for case in TOLERATED}
    elsewhere = {"internal.error", "endpoint.reachable", "tools.eras_differ"}
    assert set(TABLE) == {check_id for check_id in met if check_id} | elsewhere


def test_eras_that_differ_only_warn() -> None:
    """A server that says different things to old and new clients is verified, and the difference is told."""

    def spoilt(received: Received, reply: Reply) -> Reply:
        if received.rpc == "tools/list" and not received.modern:
            return result(tools=[tool(name="other")])(received, reply)
        return reply

    with ScriptedServer(Honest(), spoilt) as server:
        verdict = judge(parse_endpoint(server.url), LIMITS, {})
    assert "verified" == verdict["outcome"]
    assert {"tools.eras_differ": "warn"} == failures(verdict)


@pytest.mark.parametrize("era", ["modern", "legacy"])
def test_an_error_in_one_era_counts(era: str) -> None:
    """A server that speaks both ways is refused for what is broken in either."""

    def spoilt(received: Received, reply: Reply) -> Reply:
        if received.rpc == "tools/list" and received.modern == (era == "modern"):
            return result(tools=[tool(inputSchema=None)])(received, reply)
        return reply

    with ScriptedServer(Honest(), spoilt) as server:
        verdict = judge(parse_endpoint(server.url), LIMITS, {})
    assert ("rejected", "tools.schema_present") == (verdict["outcome"], verdict["failed"])
    assert era in next(check["at"] for check in verdict["checks"] if check["id"] == "tools.schema_present")
