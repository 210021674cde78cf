"""Reading JSON from a stranger: bounded, strict, and never with an exception."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validator.decoding import decode
from validator.limits import Limits

LIMITS = Limits()
SMALL = Limits(json_depth=4, json_containers=20, json_values=60)

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)
# Bytes that look like JSON more often than chance would have it.
fragments = st.lists(
    st.sampled_from([b'"', b"\\", b"\\u", b"d800", b"{", b"}", b"[", b"]", b",", b":", b"1", b"e9", b"null", b" ", b"\xff", b"\xef\xbb\xbf", b"\x00"]),
    max_size=60,
).map(b"".join)  # fmt: skip


def kinds(data: bytes, limits: Limits = LIMITS) -> list[str]:
    """Return the kinds of problems that bytes have."""
    return [problem.kind for problem in decode(data, limits).problems]


@settings(deadline=None)
@given(values, st.booleans())
def test_what_json_writes_is_read_back(value: Any, ascii_only: bool) -> None:
    """Any value that a server writes in UTF-8 is read as it was."""
    data = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8")
    assert (value, True) == (decode(data, LIMITS).value, decode(data, LIMITS).sound)


@settings(deadline=None)
@given(st.binary(max_size=300) | fragments)
def test_no_bytes_raise(data: bytes) -> None:
    """Whatever the bytes are, there is a sound value, which can be written again, or a problem."""
    decoded = decode(data, LIMITS)
    if decoded.sound:
        json.dumps(decoded.value, ensure_ascii=False).encode("utf-8")
        assert decoded.value == json.loads(data.decode("utf-8-sig"))
    else:
        assert decoded.value is None


@settings(deadline=None)
@given(values)
def test_the_bounds_agree_with_the_value(value: Any) -> None:
    """A document is refused for its depth or its values exactly when it has too many, told by counting them."""

    def depth(node: Any) -> int:
        inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else None
        return 0 if inner is None else 1 + max(map(depth, inner), default=0)

    data = json.dumps(value).encode()
    if depth(value) > SMALL.json_depth:
        assert kinds(data, SMALL) in (["depth"], ["values"])
    else:
        assert "depth" not in kinds(data, SMALL)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", ["json"]),
        (b'{"a":1,"a":2}', ["json"]),
        (b'{"a":{"b":1,"b":2}}', ["json"]),
        (b'{"a":1,"\\u0061":2}', ["json"]),
        (b'"\\ud800"', ["json"]),
        (b'"\\udc00\\ud800"', ["json"]),
        (b'"\\ud83d\\ude00"', []),
        (b'"\\\\ud800"', []),
        (b"\xef\xbb\xbf{}", ["byte_order_mark"]),
        (b"\xef\xbb\xbf{", ["byte_order_mark", "json"]),
        (b"\xff\xfe{\x00}\x00", ["json"]),
        (b"NaN", ["json"]),
        (b"1e999", []),
        (b"[" * 65, ["depth"]),
        (b"[" * 64 + b"]" * 64, []),
        (b'"' + b"[" * 1000 + b'"', []),
        (b'"\\"' + b"[" * 1000 + b'"', []),
        (b"9" * 5000, ["json"]),
    ],
)
def test_problems_are_named(data: bytes, expected: list[str]) -> None:
    """Each way to be wrong has its kind."""
    assert expected == kinds(data)


@pytest.mark.parametrize(
    "data",
    [
        b'\\"' * 2_000_000,
        b'"' + b'\\"' * 2_000_000,
        b'"' * 4_000_000,
        b"[],[]," * 600_000,
        b"\\" * 4_000_000,
        b'{"' + b"a" * 4_000_000,
    ],
    ids=["escapes", "open string of escapes", "quotes", "arrays", "backslashes", "open key"],
)
def test_four_megabytes_of_anything_take_little_time(data: bytes) -> None:
    """No form of 4 MiB makes the reading quadratic."""
    began = time.process_time()
    decode(data, LIMITS)
    assert time.process_time() - began < 3
