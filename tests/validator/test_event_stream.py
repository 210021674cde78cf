"""Reading Server-Sent Events: the same events however the bytes are cut."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validator.event_stream import Event, EventStream


def read(*portions: bytes) -> list[Event]:
    """Return the events that these portions complete."""
    stream = EventStream()
    return [event for portion in portions for event in stream.feed(portion)]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"data: x\n\n", [Event("message", b"x")]),
        (b"data:x\r\n\r\n", [Event("message", b"x")]),
        (b"data:  x\r\r", [Event("message", b" x")]),
        (b"data: a\ndata: b\n\n", [Event("message", b"a\nb")]),
        (b"event: ping\ndata: x\n\n", [Event("ping", b"x")]),
        (b"event: ping\n\ndata: x\n\n", [Event("message", b"x")]),
        (b": comment\n\n", []),
        (b"id: 1\nretry: 5\n\n", []),
        (b"data\n\n", [Event("message", b"")]),
        (b"data: x\n", []),
        (b"\xef\xbb\xbfdata: x\n\n", [Event("message", b"x")]),
        (b"\n\n\ndata: x\n\n\n\ndata: y\n\n", [Event("message", b"x"), Event("message", b"y")]),
        (b"data: \xff\n\n", [Event("message", b"\xff")]),
        (b"datax: y\n\n", []),
    ],
)
def test_events(data: bytes, expected: list[Event]) -> None:
    """The stream is read as the HTML standard says."""
    assert expected == read(data)


streams = st.lists(
    st.sampled_from([b"data: x", b"data", b"event: e", b":", b"id", b"\n", b"\r", b"\r\n", b"\n\n", b"\xef\xbb\xbf", b"y"]),
    max_size=30,
).map(b"".join)  # fmt: skip


@settings(deadline=None)
@given(streams | st.binary(max_size=60), st.lists(st.integers(0, 200), max_size=12))
def test_cutting_changes_nothing(data: bytes, cuts: list[int]) -> None:
    """Wherever the network cuts the stream, the same events come out."""
    places = sorted({0, *(cut for cut in cuts if cut < len(data)), len(data)})
    portions = [data[start:end] for start, end in itertools.pairwise(places)]
    assert read(data) == read(*portions)
    assert read(data) == read(*(data[position : position + 1] for position in range(len(data))))


@settings(deadline=None)
@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=20), min_size=1, max_size=5
    )
)
def test_what_is_written_is_read_back(lines: list[str]) -> None:
    """Data of any lines arrives as it was sent."""
    data = b"".join(b"data: " + line.encode() + b"\n" for line in lines) + b"\n"
    assert [Event("message", "\n".join(lines).encode())] == read(data)
