"""The conversation and the checks over answers of any shape: never an exception, never a pass by chance."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args
from unittest import mock

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import validator
from tests.validator.scripted_server import TOOL, Honest, Received
from validator.decoding import decode
from validator.endpoint import Endpoint
from validator.handler import judge
from validator.judgement import Judgement
from validator.limits import Budget, Limits
from validator.survey import survey
from validator.transport import Exchange, Fault, FaultKind, Request

SCHEMA = json.loads((Path(validator.__file__).parent / "verdict.schema.json").read_text(encoding="utf-8"))
VALID = jsonschema.Draft202012Validator(SCHEMA)
LIMITS = Limits(total_seconds=20)
HONEST = Honest(
    capabilities={"tools": {}, "resources": {}, "prompts": {}},
    session="abc",
    tools=(
        {
            **TOOL,
            "annotations": {"readOnlyHint": True},
            "outputSchema": {
                "type": "object",
                "properties": {"sum": {"$ref": "#/$defs/n"}},
                "$defs": {"n": {"type": "number"}},
            },
        },
        {
            "name": "b",
            "inputSchema": {
                "$id": "urn:x",
                "type": "object",
                "properties": {"x": {"type": "string", "x-mcp-header": "X"}},
            },
        },
    ),
)

Sender = Callable[[Endpoint, Request, Budget], Exchange]


def sending(change: Callable[[Any], Any]) -> Sender:
    """Answer in place of the network, with honest messages after a change."""

    def send(_: Endpoint, request: Request, budget: Budget) -> Exchange:
        headers = {name.lower(): value for name, value in request.headers.items()}
        reply = HONEST.reply(
            Received(request.method, request.path, headers, json.loads(request.body or b"null"))
        )
        if reply.message is None:
            return Exchange(request, request.path, reply.status, {})
        data = json.dumps(change(copy.deepcopy(reply.message))).encode()
        kind = {"content-type": "application/json", "mcp-session-id": "abc"}
        return Exchange(request, request.path, reply.status, kind, decode(data, budget.limits))

    return send


def verdict_on(change: Callable[[Any], Any]) -> dict[str, Any]:
    """Judge the server whose messages are changed."""
    with mock.patch("validator.conversation.send", sending(change)):
        return judge(Endpoint("127.0.0.1", 8000), LIMITS, {}, pause=lambda _: None)


leaves = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from(
        [
            "object",
            "#",
            "#/",
            "#/$defs/n",
            "urn:x",
            "http://[",
            "2026-07-28",
            "2025-11-25",
            "complete",
            "add",
            "//x",
            "a:b:c",
        ]
    )
)
junk = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["type", "$ref", "$id", "$schema", "properties", "items", "allOf", "name", "x", "data", "code"]), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return every place within a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Return the value with something else at a place."""
    if not path:
        return new
    value[path[0]] = replaced(value[path[0]], path[1:], new)
    return value


@settings(deadline=None)
@given(st.data())
def test_no_message_is_too_odd_to_be_judged(data: st.DataObject) -> None:
    """Whatever stands at any place of any message, the verdict is valid and no fault of ours."""
    number = data.draw(st.integers(0, 2**20))
    new = data.draw(junk)
    method = data.draw(st.sampled_from(["discover", "initialize", "tools", "resources", "prompts", None]))

    def change(message: Any) -> Any:
        result = message.get("result", {})
        kind = (
            "initialize"
            if "protocolVersion" in result
            else "discover"
            if "supportedVersions" in result
            else None
        )
        kind = kind or next((name for name in ("tools", "resources", "prompts") if name in result), None)
        if method not in (None, kind):
            return message
        found = places(message)
        return replaced(message, found[number % len(found)], new)

    verdict = verdict_on(change)
    VALID.validate(verdict)
    assert verdict["outcome"] != "inconclusive", verdict["message"]


def test_unchanged_it_is_verified() -> None:
    """The server that the other test spoils is verified when nothing is spoilt."""
    assert ("verified", 2) == (
        (verdict := verdict_on(lambda message: message))["outcome"],
        verdict["toolCount"],
    )


def test_our_own_work_counts_as_time() -> None:
    """If the run's time is over before all tools are judged, that is said, and nothing passes."""
    now = [0.0]

    def late(endpoint: Endpoint, request: Request, budget: Budget) -> Exchange:
        if request.rpc_method == "tools/list":
            now[0] = 100.0
        return sending(lambda message: message)(endpoint, request, budget)

    judgement = Judgement()
    with mock.patch("validator.conversation.send", late):
        survey(Endpoint("127.0.0.1", 8000), Budget(LIMITS, lambda: now[0]), judgement, lambda _: None)
    assert judgement.deciding is not None
    assert "limits.time" == judgement.deciding.check.id


def test_the_wait_for_a_start_ends_in_time_for_the_checks() -> None:
    """Pauses grow to half a second, and some seconds are left for a server that starts at the last moment."""
    now = [0.0]
    pauses: list[float] = []

    def refused(_: Endpoint, request: Request, __: Budget) -> Exchange:
        return Exchange(request, request.path, fault=Fault("unreachable", "Connection refused"))

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        now[0] += seconds

    judgement = Judgement()
    with mock.patch("validator.conversation.send", refused):
        survey(Endpoint("127.0.0.1", 8000), Budget(LIMITS, lambda: now[0]), judgement, pause)
    assert judgement.deciding is not None
    assert "endpoint.reachable" == judgement.deciding.check.id
    assert (sorted(pauses), 0.5) == (pauses, max(pauses))
    assert 14 < now[0] <= 15


@pytest.mark.parametrize("kind", get_args(FaultKind))
def test_every_fault_of_an_exchange_is_judged(kind: FaultKind) -> None:
    """Whatever cuts an exchange short, a check of the server names it: it is never left to be a fault of ours."""
    request = Request("here", "POST", "/mcp", {}, expects=1)
    assert not Judgement().accepts(Exchange(request, "/mcp", fault=Fault(kind, "so")))


@pytest.mark.parametrize("kind", get_args(FaultKind))
@pytest.mark.parametrize("method", ["server/discover", "initialize", "tools/list"])
def test_no_fault_anywhere_is_a_fault_of_ours(method: str, kind: FaultKind) -> None:
    """A server that fails at one method, in whichever way, is verified or refused, never inconclusive."""

    def failing(endpoint: Endpoint, request: Request, budget: Budget) -> Exchange:
        if request.rpc_method == method:
            return Exchange(request, request.path, fault=Fault(kind, "so"))
        return sending(lambda message: message)(endpoint, request, budget)

    with mock.patch("validator.conversation.send", failing):
        verdict = judge(Endpoint("127.0.0.1", 8000), Limits(total_seconds=1), {}, pause=lambda _: None)
    assert verdict["outcome"] in {"verified", "rejected"}, verdict["message"]
    if method == "tools/list":
        assert "rejected" == verdict["outcome"]
