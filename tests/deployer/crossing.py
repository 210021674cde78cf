"""A crossing between a command and an emulator: what passes can be seen, held up, refused, or lost on the way."""

from __future__ import annotations

import http.client
import threading
import urllib.parse
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

NAMESPACE = "http://cloudformation.amazonaws.com/doc/2010-05-15/"


@dataclass
class Passage:
    """One request on its way."""

    method: str
    path: str
    action: str
    """Of a query API; else the method."""
    fields: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """What comes back instead of the service's answer."""

    status: int
    body: bytes


def error(code: str, message: str = "no", status: int = 400) -> Answer:
    """Return an error as CloudFormation sends it. Shape: botocore's parser of the query protocol reads it."""
    text = (
        f'<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>Sender</Type><Code>{code}</Code>'
        f"<Message>{message}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
    )
    return Answer(status, text.encode())


class Lost:
    """The connection breaks, before or after the service has heard."""


LOST = Lost()
Ruling = Answer | Lost | None
"""What happens to a passage: it is answered here, it is lost, or it goes on."""


@dataclass
class Rule:
    """What happens to some passages of an action."""

    action: str
    before: Callable[[Passage], Ruling] = lambda _passage: None
    """Before the service hears."""
    after: Callable[[Passage], Ruling] = lambda _passage: None
    """Once it has answered, before the answer goes back."""
    times: int = 1_000_000


@dataclass
class Hold:
    """Keeps a passage until it is let go."""

    then: Ruling = None
    """What happens to it when it is let go."""
    arrived: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)

    def __call__(self, _passage: Passage) -> Ruling:
        """Keep it, for a minute at the most."""
        self.arrived.set()
        self.release.wait(60)
        return self.then

    def wait(self) -> None:
        """Wait until a passage is kept."""
        assert self.arrived.wait(60)


class Crossing:
    """A server that passes everything on to another one, by its rules."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._lock = threading.Lock()
        self.passed: list[Passage] = []
        self.rules: list[Rule] = []
        crossing = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                crossing._cross(self)

            do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - as http.server has it

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Be there no longer."""
        self._server.shutdown()
        self._server.server_close()

    def actions(self, *wanted: str) -> list[str]:
        """Return the actions that came by, in order; only some of them where they are named."""
        with self._lock:
            return [each.action for each in self.passed if not wanted or each.action in wanted]

    def rule(self, action: str, **what: Any) -> Rule:
        """Add a rule for an action."""
        rule = Rule(action, **what)
        self.rules.append(rule)
        return rule

    def hold(self, action: str, *, after: bool = False, then: Ruling = None) -> Hold:
        """Keep the next passage of an action: before the service hears, or before its answer goes back."""
        hold = Hold(then)
        self.rule(action, times=1, **{"after" if after else "before": hold})
        return hold

    def refuse(self, action: str, answer: Ruling, times: int = 1_000_000) -> None:
        """Answer an action here, or lose it, so many times; the service does not hear of it."""
        self.rule(action, times=times, before=lambda _passage: answer)

    def _ruling(self, passage: Passage) -> Rule | None:
        with self._lock:
            self.passed.append(passage)
            for rule in self.rules:
                if rule.action == passage.action and rule.times > 0:
                    rule.times -= 1
                    return rule
        return None

    def _cross(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("content-length") or 0))
        passage = _passage(handler, body)
        rule = self._ruling(passage)
        ruling = rule.before(passage) if rule is not None else None
        if ruling is None:
            status, headers, content = self._passed_on(handler, body)
            ruling = rule.after(passage) if rule is not None else None
        if isinstance(ruling, Lost):
            handler.close_connection = True
            handler.connection.close()
            return
        if isinstance(ruling, Answer):
            status, headers, content = ruling.status, [("content-type", "text/xml")], ruling.body
        try:
            self._back(handler, status, headers, content)
        except OSError:  # whoever asked is gone
            handler.close_connection = True

    def _back(
        self, handler: BaseHTTPRequestHandler, status: int, headers: list[tuple[str, str]], content: bytes
    ) -> None:
        handler.send_response(status)
        has_length = False
        for name, value in headers:
            if name.lower() in ("transfer-encoding", "connection", "date", "server"):
                continue
            has_length = has_length or name.lower() == "content-length"
            handler.send_header(name, value)
        if not has_length:
            handler.send_header("content-length", str(len(content)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(content)

    def _passed_on(
        self, handler: BaseHTTPRequestHandler, body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            headers = {name: value for name, value in handler.headers.items() if name.lower() != "expect"}
            connection.request(handler.command, handler.path, body=body or None, headers=headers)
            response = connection.getresponse()
            return response.status, response.getheaders(), response.read()
        finally:
            connection.close()


def _passage(handler: BaseHTTPRequestHandler, body: bytes) -> Passage:
    fields: dict[str, str] = {}
    if "x-www-form-urlencoded" in (handler.headers.get("content-type") or ""):
        fields = {name: values[0] for name, values in urllib.parse.parse_qs(body.decode()).items()}
    target = (handler.headers.get("x-amz-target") or "").rpartition(".")[2]
    return Passage(handler.command, handler.path, fields.get("Action") or target or handler.command, fields)
