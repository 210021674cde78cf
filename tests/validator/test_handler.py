"""The Lambda function: a verdict for every event, and a pass only for a server that earned it."""

import socket
from typing import Any

import pytest

from tests.validator.scripted_server import Honest, ScriptedServer
from validator import handler as handler_module
from validator.handler import handler
from validator.limits import Limits


class Context:
    """Lambda's context with a fixed rest of time."""

    def __init__(self, milliseconds: int) -> None:
        self.milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds that are left."""
        return self.milliseconds


EVENT = {
    "serverId": "maker/server",
    "taskArn": "arn:aws:ecs:eu-central-1:111122223333:task/validation/0123",
    "imageUri": "111122223333.dkr.ecr.eu-central-1.amazonaws.com/servers@sha256:aa",
    "imageDigest": "sha256:aa",
    "executionArn": "arn:aws:states:eu-central-1:111122223333:execution:pipeline:1",
}


@pytest.mark.parametrize("eras", [("modern", "legacy"), ("modern",), ("legacy",)], ids="+".join)
def test_an_honest_server_is_verified(eras: tuple[str, ...]) -> None:
    """A server that speaks one era or both passes, and the verdict says what was seen."""
    with ScriptedServer(Honest(eras=eras)) as server:
        verdict = handler({**EVENT, "endpoint": server.url}, Context(60_000))
    assert ("verified", True, None) == (verdict["outcome"], verdict["verified"], verdict["failed"])
    assert (list(eras), 1) == (verdict["eras"], verdict["toolCount"])
    assert {"name": "scripted", "version": "1.0"} == verdict["server"]
    assert ("sha256:aa", EVENT["taskArn"]) == (verdict["imageDigest"], verdict["taskArn"])


@pytest.mark.parametrize(
    "endpoint",
    [
        None,
        "",
        7,
        "http://",
        "10.0.1.7:8000",
        "https://10.0.1.7:8000",
        "http://registry.example:8000",
        "http://localhost:8000",
        "http://169.254.169.254:80",
        "http://169.254.170.2/v4",
        "http://[fe80::1]:8000",
        "http://[fd00:ec2::254]:80",
        "http://0.0.0.0:8000",
        "http://224.0.0.1:8000",
        "http://user@10.0.1.7:8000",
        "http://10.0.1.7:99999",
        "http://10.0.1.7:8000/mcp?x=1",
        "http://[::ffff:169.254.169.254]:80",
    ],
)
def test_no_usable_endpoint_is_inconclusive(endpoint: Any) -> None:
    """Without an endpoint that may be asked nothing is known, and nothing is verified."""
    verdict = handler({**EVENT, "endpoint": endpoint}, Context(60_000))
    assert ("inconclusive", False, "internal.error") == (
        verdict["outcome"],
        verdict["verified"],
        verdict["failed"],
    )


@pytest.mark.parametrize("event", [{}, {"endpoint": None}, {"Endpoint": "http://127.0.0.1:1"}])
def test_an_event_without_an_endpoint_is_inconclusive(event: dict[str, Any]) -> None:
    """An event of another form is our fault, not the server's."""
    assert "inconclusive" == handler(event, None)["outcome"]


def test_a_defect_of_ours_is_inconclusive(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever is raised inside becomes `internal.error`, and its place, not its text, is logged."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a defect\x1b[2J")

    monkeypatch.setattr(handler_module, "survey", broken)
    verdict = handler({**EVENT, "endpoint": "http://127.0.0.1:9"}, None)
    assert ("inconclusive", "internal.error") == (verdict["outcome"], verdict["failed"])
    assert "RuntimeError: a defect\\u{001B ESCAPE}[2J" in verdict["message"]
    assert "internal.error: RuntimeError at handler.py" in caplog.text
    assert "defect" not in caplog.text


def test_a_wrong_setting_is_inconclusive(monkeypatch: pytest.MonkeyPatch) -> None:
    """A time limit that is no number is our fault too."""
    monkeypatch.setenv("TIME_LIMIT_SECONDS", "soon")
    assert "internal.error" == handler({**EVENT, "endpoint": "http://127.0.0.1:9"}, None)["failed"]


def test_nothing_listening_is_the_servers_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container that never listens is rejected, when the time for starting is over."""
    monkeypatch.setenv("TIME_LIMIT_SECONDS", "0.5")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    verdict = handler({**EVENT, "endpoint": f"http://127.0.0.1:{port}"}, None)
    assert ("rejected", "endpoint.reachable") == (verdict["outcome"], verdict["failed"])


def test_a_server_that_starts_slowly_is_waited_for() -> None:
    """What refuses connections at first and then works is verified, and the verdict says how long it took."""
    server = ScriptedServer(starts_after=0.7)
    with server:
        verdict = handler({**EVENT, "endpoint": server.url}, Context(60_000))
    assert "verified" == verdict["outcome"]
    assert 0.6 < verdict["timing"]["readySeconds"] < 3


@pytest.mark.parametrize(
    ("configured", "left", "expected"),
    [
        ("", None, Limits.total_seconds),
        ("50", None, 50),
        ("50", 30_000, 27),
        ("10", 30_000, 10),
        ("10", 1_000, 0),
    ],
)
def test_the_time_limit_leaves_a_margin(
    monkeypatch: pytest.MonkeyPatch, configured: str, left: int | None, expected: float
) -> None:
    """The run ends before Lambda would end it."""
    monkeypatch.setenv("TIME_LIMIT_SECONDS", configured)
    assert expected == handler_module._seconds(None if left is None else Context(left))


def test_a_judgement_of_too_little_is_no_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the tools were never judged, finding nothing wrong is a defect of ours."""
    monkeypatch.setattr("validator.survey._Era._judge_tool", lambda *_: True)
    with ScriptedServer() as server:
        verdict = handler({**EVENT, "endpoint": server.url}, None)
    assert ("inconclusive", False, "internal.error") == (
        verdict["outcome"],
        verdict["verified"],
        verdict["failed"],
    )


def test_checks_that_find_nothing_are_no_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the reading itself does nothing, nothing is verified."""
    monkeypatch.setattr("validator.survey._eras", lambda *_: iter(()))
    with ScriptedServer() as server:
        assert "inconclusive" == handler({**EVENT, "endpoint": server.url}, None)["outcome"]
