"""Checks of the messages: JSON-RPC 2.0, as MCP uses it over HTTP."""

from collections.abc import Iterator
from typing import Any

from validator.checks.check import FIRST_REVISION, MODERN_REVISION, STREAMABLE_HTTP_REVISION, Found, check
from validator.transport import EVENT_STREAM, JSON, Exchange

TRANSPORT_PAGE = f"{MODERN_REVISION} basic/transports/streamable-http"
MESSAGES_PAGE = f"{MODERN_REVISION} basic/index"
UNSUPPORTED_VERSION = -32022


def _awaited(exchange: Exchange) -> bool:
    """Whether a message was to come, and its form can be judged."""
    return exchange.fault is None and exchange.status is not None and exchange.request.expects is not None


def _envelope(exchange: Exchange) -> dict[str, Any] | None:
    """Return the message, if it is one whose envelope is in form: what further checks may look into."""
    envelope = exchange.envelope
    if not _awaited(exchange) or envelope is None or list(_envelope_faults(envelope)):
        return None
    return envelope


@check(
    "rpc.content_encoding",
    "error",
    Exchange,
    expects="a body that is not compressed, or in gzip or deflate, and whole",
    since=STREAMABLE_HTTP_REVISION,
    source="RFC 9110 section 8.4",
)
def content_encoding(exchange: Exchange) -> Iterator[Found]:
    """Require that the body can be undone into what was meant."""
    if exchange.fault and exchange.fault.kind == "encoding":
        yield Found(exchange.fault.found)


@check(
    "rpc.content_type",
    "error",
    Exchange,
    expects=f"Content-Type {JSON} or {EVENT_STREAM}",
    since=STREAMABLE_HTTP_REVISION,
    source=f"{TRANSPORT_PAGE}#sending-messages",
)
def content_type(exchange: Exchange) -> Iterator[Found]:
    """Require that an answer says that it is JSON, or a stream of events."""
    if (
        _awaited(exchange)
        and exchange.ok
        and exchange.message
        and exchange.media_type not in {JSON, EVENT_STREAM}
    ):
        yield Found(f"Content-Type {exchange.headers.get('content-type', '(none)')!r}")


@check(
    "rpc.json",
    "error",
    Exchange,
    expects="one JSON value in UTF-8, no key twice in an object, no byte-order mark",
    since=FIRST_REVISION,
    source="RFC 8259 sections 4 and 8.1",
)
def json(exchange: Exchange) -> Iterator[Found]:
    """Require that the message is JSON; a byte-order mark before it only warns."""
    if not exchange.ok or exchange.media_type not in {JSON, EVENT_STREAM}:
        return
    for problem in exchange.message.problems if exchange.message else ():
        if problem.kind == "json":
            yield Found(problem.found)
        elif problem.kind == "byte_order_mark":
            yield Found(problem.found, severity="warn")


def _envelope_faults(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        yield "a batch"
    elif not isinstance(value, dict):
        yield f"a JSON {type(value).__name__} instead of an object"
    else:
        if value.get("jsonrpc") != "2.0":
            yield f'"jsonrpc" is {value.get("jsonrpc")!r}'
        if ("result" in value) == ("error" in value):
            yield "both result and error" if "result" in value else "neither result nor error"


@check(
    "rpc.envelope",
    "error",
    Exchange,
    expects='one object with "jsonrpc": "2.0" and either result or error',
    since=FIRST_REVISION,
    source=f"{MESSAGES_PAGE}#responses",
)
def envelope(exchange: Exchange) -> Iterator[Found]:
    """Require that the message is a JSON-RPC 2.0 response."""
    if _awaited(exchange) and exchange.ok and exchange.message and exchange.message.sound:
        for fault in _envelope_faults(exchange.message.value):
            yield Found(fault)


@check(
    "rpc.id",
    "error",
    Exchange,
    expects="the id of the request that it answers",
    since=FIRST_REVISION,
    source=f"{MESSAGES_PAGE}#result-responses",
)
def response_id(exchange: Exchange) -> Iterator[Found]:
    """Require that a response carries its request's id; an error may have none if the request could not be read."""
    message = _envelope(exchange)
    if message is None:
        return
    own = message.get("id")
    expected = exchange.request.expects
    if (own is None and "error" in message) or (
        own == expected and isinstance(own, int) and not isinstance(own, bool)
    ):
        return
    yield Found(f"the id {own!r} where {expected} was asked")


@check(
    "rpc.response",
    "error",
    Exchange,
    expects="an answer whose result is an object",
    since=FIRST_REVISION,
    source=f"{MESSAGES_PAGE}#result-responses",
)
def response(exchange: Exchange) -> Iterator[Found]:
    """There is an answer, and its result is an object."""
    if not _awaited(exchange) or not exchange.ok:
        return
    if exchange.message is None:
        yield Found(
            "the stream ended without an answer" if exchange.media_type == EVENT_STREAM else "an empty body"
        )
    message = _envelope(exchange)
    if message is not None and "result" in message and not isinstance(message["result"], dict):
        yield Found(f"the result is a JSON {type(message['result']).__name__}")


@check(
    "rpc.error",
    "error",
    Exchange,
    expects="a result, not an error",
    since=FIRST_REVISION,
    source=f"{MESSAGES_PAGE}#error-responses",
)
def error(exchange: Exchange) -> Iterator[Found]:
    """Require that what every server must answer is not answered with an error."""
    message = _envelope(exchange)
    if message is None or "error" not in message or exchange.error_code == UNSUPPORTED_VERSION:
        return
    told = message["error"]
    if exchange.status == 401 or (exchange.status == 403 and "www-authenticate" in exchange.headers):
        return
    if (
        not isinstance(told, dict)
        or not isinstance(told.get("code"), int)
        or not isinstance(told.get("message"), str)
    ):
        yield Found(f"an error without an integer code and a message: {told!r}")
    else:
        yield Found(f"error {told['code']}: {told['message']}")
