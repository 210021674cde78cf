"""One HTTP exchange with a stranger: recorded whatever comes, never raised, always bounded."""

import gzip
import json
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validator import transport
from validator.limits import Budget, Limits
from validator.transport import Exchange, Request

LIMITS = Limits(header_bytes=20_000, body_bytes=2000, run_bytes=80_000)
MESSAGE = b'{"jsonrpc":"2.0","id":1,"result":{}}'


class Recorded:
    """A connection whose bytes are known, given in portions of some size; then it is closed, or silent."""

    def __init__(self, data: bytes, portion: int, *, silent: bool = False) -> None:
        self.data, self.portion, self.silent = data, portion, silent

    def settimeout(self, seconds: float) -> None:
        """Take the time that a read may take."""
        assert seconds > 0

    def recv_into(self, buffer: Any) -> int:
        """Give the next bytes."""
        if not self.data and self.silent:
            raise TimeoutError
        taken = self.data[: min(self.portion, len(buffer))]
        self.data = self.data[len(taken) :]
        buffer[: len(taken)] = taken
        return len(taken)


def receive(data: bytes, portion: int = 65536, *, silent: bool = False, expects: int | None = 1) -> Exchange:
    """Return what is recorded of an answer with these bytes."""
    budget = Budget(LIMITS)
    request = Request("here", "POST", "/mcp", {}, expects=expects)
    wire = transport._Wire(Recorded(data, portion, silent=silent), budget.deadline, budget)  # type: ignore[arg-type]
    exchange = transport._receive(Exchange(request, "/mcp"), wire, budget)
    assert budget.bytes_read <= LIMITS.run_bytes + 2 * transport.PORTION
    return exchange


def answer(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    """Return an HTTP answer."""
    return b"HTTP/1.1 " + status + b"\r\n" + b"".join(header + b"\r\n" for header in headers) + b"\r\n" + body


JSON = b"Content-Type: application/json"
STREAM = b"Content-Type: text/event-stream"


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "closed"),
        (b"HTTP/1.1 200 OK\r\n", None),
        (b"hello", "not_http"),
        (b"HTTP/1.1 abc\r\n\r\n", "not_http"),
        (answer(MESSAGE, JSON), None),
        (answer(MESSAGE[:-1], JSON, b"Content-Length: %d" % len(MESSAGE)), "truncated"),
        (answer(MESSAGE, JSON, b"Content-Length: 99999"), "bytes"),
        (answer(MESSAGE, JSON, b"Content-Length: -5"), None),
        (answer(MESSAGE, JSON, b"Content-Length: many"), None),
        (answer(b" " * 3000, JSON), "bytes"),
        (answer(b"5\r\nhello\r\n", JSON, b"Transfer-Encoding: chunked"), "truncated"),
        (answer(b"-5\r\nhello\r\n", JSON, b"Transfer-Encoding: chunked"), "truncated"),
        (answer(b"fffffffffffffffff\r\n", JSON, b"Transfer-Encoding: chunked"), "truncated"),
        (answer(gzip.compress(b" " * 100_000), JSON, b"Content-Encoding: gzip"), "bytes"),
        (answer(gzip.compress(MESSAGE)[:-9], JSON, b"Content-Encoding: gzip"), "encoding"),
        (answer(MESSAGE, JSON, b"Content-Encoding: zstd"), "encoding"),
        (answer(b"", *[b"X: y"] * 101), "not_http"),
        (answer(b"", b"X: " + b"y" * 50_000), "bytes"),
    ],
)
def test_faults_are_named(data: bytes, fault: str | None) -> None:
    """What cuts an exchange short is recorded by its kind."""
    found = receive(data).fault
    assert fault == (found.kind if found else None)


@pytest.mark.parametrize(
    "body",
    [
        answer(MESSAGE, JSON),
        answer(MESSAGE, JSON, b"Content-Length: %d" % len(MESSAGE)),
        answer(MESSAGE + b"trailing", JSON, b"Content-Length: %d" % len(MESSAGE)),
        answer(b"%x\r\n%s\r\n0\r\n\r\n" % (len(MESSAGE), MESSAGE), JSON, b"Transfer-Encoding: chunked"),
        answer(gzip.compress(MESSAGE), JSON, b"Content-Encoding: gzip"),
        answer(zlib.compress(MESSAGE), JSON, b"Content-Encoding: deflate"),
        answer(b"data: " + MESSAGE + b"\n\n", STREAM),
        answer(gzip.compress(b": hi\n\ndata: " + MESSAGE + b"\n\n"), STREAM, b"Content-Encoding: gzip"),
        b"HTTP/1.1 100 Continue\r\n\r\n" + answer(MESSAGE, JSON),
        answer(MESSAGE, b"content-type:application/json;charset=utf-8"),
    ],
)
@pytest.mark.parametrize("portion", [1, 7, 65536])
def test_a_message_arrives_in_every_wrapping(body: bytes, portion: int) -> None:
    """However HTTP carries it, and however the network cuts it, the message is the same."""
    assert json.loads(MESSAGE) == receive(body, portion).envelope


def test_a_stream_is_left_as_soon_as_the_answer_is_there() -> None:
    """What follows the answer on a stream that stays open is not waited for."""
    exchange = receive(answer(b"data: " + MESSAGE + b"\n\n", STREAM), silent=True)
    assert (None, json.loads(MESSAGE)) == (exchange.fault, exchange.envelope)


def test_silence_and_half_an_answer_are_told_apart() -> None:
    """A server that says nothing is not one that takes too long."""
    kinds = [receive(data, silent=True).fault for data in (b"", b"HTTP/1.1 2", answer(b"{", JSON))]
    assert ["silent", "time", "time"] == [fault.kind for fault in kinds if fault]


def test_the_body_of_a_notifications_answer_is_not_read() -> None:
    """Nothing is waited for, and nothing is read, where no answer is expected."""
    assert (202, None) == (
        (exchange := receive(answer(b"x" * 9999, status=b"202 Accepted"), expects=None)).status,
        exchange.fault,
    )


pieces = st.sampled_from(
    [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 307 X\r\n", b"HTTP/1.0 ", b"HTTP/", b"\r\n", b"\n", b"\r\n\r\n", JSON + b"\r\n", STREAM + b"\r\n",
     b"Content-Length: 5\r\n", b"Content-Length: 0\r\n", b"Transfer-Encoding: chunked\r\n", b"Content-Encoding: gzip\r\n", b"Content-Encoding: deflate\r\n",
     b"Location: http://[::1\r\n", b"5\r\nhello\r\n", b"0\r\n\r\n", b"0\r\n", MESSAGE, b"data: " + MESSAGE + b"\n\n", b"data: {\n", b": c\n\n",
     gzip.compress(MESSAGE), gzip.compress(b" " * 9000), b"\x00", b"\xff\xfe", b":", b" ", b"X: y\r\n", b" folded\r\n", b"=?utf-8?q?x?=\r\n"]
)  # fmt: skip
answers = st.tuples(
    st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"]),
    st.lists(pieces | st.binary(max_size=20), max_size=14).map(b"".join),
).map(b"".join)


@settings(deadline=None)
@given(answers, st.sampled_from([1, 3, 17, 65536]), st.booleans())
def test_no_answer_raises(data: bytes, portion: int, silent: bool) -> None:
    """Whatever bytes a server sends, the exchange is recorded: with a fault, or with a status."""
    exchange = receive(data, portion, silent=silent)
    assert (exchange.fault is None) <= (exchange.status is not None)
    assert exchange.fault is None or exchange.message is None


@settings(deadline=None)
@given(answers)
def test_cutting_changes_nothing(data: bytes) -> None:
    """The network's portions do not decide what is understood."""
    whole, single = receive(data), receive(data, 1)
    assert (whole.status, whole.message, whole.fault and whole.fault.kind) == (
        single.status,
        single.message,
        single.fault and single.fault.kind,
    )
