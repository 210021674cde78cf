"""Read Server-Sent Events as they come, as the HTML standard defines them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """One event: its type (`message` unless said otherwise) and the bytes of its data."""

    type: str
    data: bytes


class EventStream:
    """A parser that takes bytes in any portions and gives the events that they complete.

    Lines end with CR, LF or CRLF. Comments, `id` and `retry` are passed over: no stream is ever resumed.
    It holds at most what was fed and not yet given: whoever feeds it counts the bytes.
    """

    def __init__(self) -> None:
        self._pending = bytearray()
        self._data: list[bytes] = []
        self._type = ""
        self._began = False
        self._after_return = False

    def feed(self, portion: bytes) -> list[Event]:
        """Return the events that this portion completes, in order."""
        self._pending += portion
        if not self._began:
            if len(self._pending) < 3 and b"\xef\xbb\xbf".startswith(bytes(self._pending)):
                return []
            if self._pending.startswith(b"\xef\xbb\xbf"):
                del self._pending[:3]
            self._began = True
        events = []
        for line in self._lines():
            event = self._take(line)
            if event is not None:
                events.append(event)
        return events

    def _lines(self) -> list[bytes]:
        """Return the lines that are complete; the rest stays pending. A CR ends its line without waiting for LF."""
        if self._pending and self._after_return:
            if self._pending.startswith(b"\n"):
                del self._pending[:1]
            self._after_return = False
        if self._pending:
            self._after_return = self._pending.endswith(b"\r")
        if b"\n" not in self._pending and b"\r" not in self._pending:
            return []
        whole = bytes(self._pending).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, rest = whole.split(b"\n")
        self._pending = bytearray(rest)
        return lines

    def _take(self, line: bytes) -> Event | None:
        if not line:
            return self._dispatch()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._type = value.decode("utf-8", "replace")
        return None

    def _dispatch(self) -> Event | None:
        data, event_type = self._data, self._type
        self._data, self._type = [], ""
        return Event(event_type or "message", b"\n".join(data)) if data else None
