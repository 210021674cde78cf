"""Find where a server speaks MCP: wait for its start, look at the usual paths, get past a Host guard."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from validator.checks.check import LEGACY_REVISIONS
from validator.checks.protocol import supported_versions
from validator.conversation import Line
from validator.endpoint import Endpoint
from validator.limits import Budget
from validator.subjects import Contact
from validator.transport import EraName, Exchange

PATHS = ("/mcp", "/", "/mcp/", "/sse", "/api/mcp", "/v1/mcp", "/message")
"""Where servers are usually found; the first is where this registry wants them."""

OLD_TRANSPORT_PATHS = ("/sse", "/mcp", "/")
MODERN_ERRORS = frozenset({-32020, -32021, -32022})
"""HeaderMismatch, MissingRequiredClientCapability, UnsupportedProtocolVersion (basic/index.mdx#error-codes)."""

STARTING_STATUSES = frozenset({502, 503, 504})
STARTING_FAULTS = frozenset({"unreachable", "closed", "silent"})
SHORTEST_PAUSE, LONGEST_PAUSE = 0.05, 0.5


@dataclass(frozen=True)
class Answers:
    """What one path said to each era's greeting. The second is not sent where the first went past a bound."""

    line: Line
    discover: Exchange
    initialize: Exchange | None = None

    @property
    def eras(self) -> tuple[EraName, ...]:
        """The eras that the answers are in, modern first."""
        spoken: list[EraName] = []
        if speaks_modern(self.discover):
            spoken.append("modern")
        if self.initialize is not None and speaks_legacy(self.initialize):
            spoken.append("legacy")
        return tuple(spoken)

    @property
    def decisive(self) -> Exchange:
        """The answer by which the server is judged if it speaks neither era in form."""
        if self.initialize is None or self.discover.overran:
            return self.discover
        seems_modern = (
            self.discover.ok or {self.discover.error_code, self.initialize.error_code} & MODERN_ERRORS
        )
        return self.discover if seems_modern and not self.initialize.ok else self.initialize

    def to(self, era: EraName) -> Exchange | None:
        """Return the answer to the greeting of an era, if that was sent."""
        return self.discover if era == "modern" else self.initialize


def speaks_modern(exchange: Exchange) -> bool:
    """Whether the answer to `server/discover` is that of a modern server.

    A result in the form of this era, or one of its errors; anything else is left to `initialize`
    (basic/transports/streamable-http.mdx, Backward Compatibility).
    """
    if exchange.error_code in MODERN_ERRORS:
        return exchange.error_code != -32022 or any(
            version >= "2026" for version in supported_versions(exchange)
        )
    result = exchange.result
    if not exchange.ok or result is None:
        return False
    versions = result.get("supportedVersions")
    if isinstance(versions, list) and versions and all(version in LEGACY_REVISIONS for version in versions):
        return False  # it knows the question, and says that it speaks only as before
    return "supportedVersions" in result or "resultType" in result


def speaks_legacy(exchange: Exchange) -> bool:
    """Whether the answer to `initialize` is a result, in form or not."""
    return exchange.ok and exchange.envelope is not None and "result" in exchange.envelope


@dataclass(frozen=True)
class Finder:
    """Finds the endpoint of one server within the run's budget. `pause` waits that many seconds."""

    endpoint: Endpoint
    budget: Budget
    pause: Callable[[float], None] = time.sleep

    def find(self) -> tuple[Contact, Answers, float]:
        """How the endpoint was found, what it answered, and after how many seconds it was ready."""
        paths = (self.endpoint.path,) if self.endpoint.path else PATHS
        answers = self._first_answers(Line(self.endpoint, self.budget, paths[0], self.endpoint.host))
        ready = self.budget.elapsed()
        answers, guarded = self._past_host_guard(answers)
        first = answers
        statuses = [(paths[0], answers.decisive.status)]
        for path in paths[1:]:
            if _is_here(answers, first=answers is first) or answers.decisive.fault is not None:
                break
            answers = self._greet(replace(answers.line, path=path))
            statuses.append((path, answers.decisive.status))
        host = first.line.host_header
        if _is_here(answers, first=answers is first):
            exchange = answers.discover if "modern" in answers.eras else answers.decisive
            contact = Contact(exchange, exchange.path, host, guarded, tuple(statuses))
            # A redirect within the origin may have led to another path: the rest is asked there.
            return contact, replace(answers, line=replace(answers.line, path=exchange.path)), ready
        old = None if first.decisive.fault else self._old_transport(first.line)
        missing = _is_missing(first.decisive)
        contact = Contact(first.decisive, None if missing else paths[0], host, guarded, tuple(statuses), old)
        return contact, first, ready

    def _first_answers(self, line: Line) -> Answers:
        """Ask until something answers, or the time for starting is over."""
        limits = self.budget.limits
        until = self.budget.deadline - min(5.0, limits.total_seconds / 4)
        pause = SHORTEST_PAUSE
        while True:
            answers = self._greet(line)
            if not _is_starting(answers.decisive) or self.budget.clock() + pause >= until:
                return answers
            self.pause(pause)
            pause = min(LONGEST_PAUSE, pause * 2)

    def _greet(self, line: Line) -> Answers:
        """Greet the modern way, and the older way too: a server may speak both, or be silent to one."""
        discover = line.discover()
        if discover.overran or (_is_starting(discover) and not _is_silent(discover)):
            return Answers(line, discover)
        seconds = self.budget.limits.probe_seconds if speaks_modern(discover) else None
        return Answers(line, discover, line.initialize(seconds=seconds))

    def _past_host_guard(self, answers: Answers) -> tuple[Answers, bool]:
        """Try again as localhost what was refused under the server's own address."""
        refused = [
            exchange
            for exchange in (answers.discover, answers.initialize)
            if exchange and exchange.status in {400, 403, 421}
        ]
        if not refused or answers.eras:
            return answers, False
        local = self._greet(replace(answers.line, host_header=f"localhost:{self.endpoint.port}"))
        better = (
            local.decisive.status not in {403, 421}
            if answers.decisive.status in {403, 421}
            else bool(local.eras)
        )
        return (local, True) if better and local.decisive.fault is None else (answers, False)

    def _old_transport(self, line: Line) -> str | None:
        """Where the server speaks the transport of 2024-11-05, if it does."""
        paths = (self.endpoint.path,) if self.endpoint.path else OLD_TRANSPORT_PATHS
        for path in paths:
            if replace(line, path=path).open_stream().first_event == "endpoint":
                return path
        return None


def _is_silent(exchange: Exchange) -> bool:
    return exchange.fault is not None and exchange.fault.kind == "silent"


def _is_starting(exchange: Exchange) -> bool:
    starting_fault = exchange.fault is not None and exchange.fault.kind in STARTING_FAULTS
    return starting_fault or exchange.status in STARTING_STATUSES


def _is_missing(exchange: Exchange) -> bool:
    """Whether the answer says that nothing of MCP is at that path."""
    return exchange.status in {404, 405, 410, 501} and exchange.envelope is None and exchange.fault is None


def _is_here(answers: Answers, *, first: bool) -> bool:
    """Whether the path is one where MCP is spoken; the first path counts unless it says otherwise."""
    if answers.eras or answers.decisive.status == 401:
        return True
    if first:
        return not _is_missing(answers.decisive)
    envelope = answers.decisive.envelope
    return envelope is not None and "jsonrpc" in envelope
