"""Talk with a server and have what it says judged: who it is, then its lists, in each era that it speaks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from validator.checks.check import LEGACY_REVISIONS
from validator.checks.internal import Ourselves
from validator.checks.protocol import usable_session
from validator.contact import Answers, Finder
from validator.conversation import Line
from validator.endpoint import Endpoint
from validator.judgement import Judgement
from validator.limits import Budget
from validator.subjects import (
    BothEras,
    Contact,
    Greeting,
    Listing,
    ListName,
    Reading,
    Tool,
    texts,
    tool_digest,
)
from validator.transport import EraName, Exchange

METHOD_NOT_FOUND = -32601
NEEDED_FOR_A_PASS = frozenset(
    {
        "endpoint.reachable",
        "rpc.envelope",
        "protocol.version",
        "tools.list",
        "tools.schema_valid",
        "tools.stable",
    }
)
"""Checks without which nothing is verified, whatever else was found."""

OTHER_LISTS: tuple[ListName, ...] = ("resources", "prompts")


@dataclass(frozen=True)
class EraSurvey:
    """What was learnt of a server in one era."""

    era: EraName
    version: str | None = None
    server_info: Any = None
    tools: dict[str, str] = field(default_factory=dict)
    digests: tuple[str, ...] = ()


@dataclass(frozen=True)
class Survey:
    """What a run learnt: the server's place, its eras, and how the time was spent, in seconds."""

    contact: Contact
    eras: tuple[EraSurvey, ...] = ()
    ready_seconds: float = 0.0
    check_seconds: float = 0.0


def survey(
    endpoint: Endpoint, budget: Budget, judgement: Judgement, pause: Callable[[float], None]
) -> Survey:
    """Ask a server everything that the checks want to know, and judge it as it comes."""
    contact, answers, ready = Finder(endpoint, budget, pause).find()
    eras = tuple(_eras(contact, answers, judgement))
    if len(eras) == 2 and all(era.digests for era in eras):
        judgement.accepts(BothEras(eras[0].tools, eras[1].tools))
    judgement.accepts(Ourselves(_unfounded_pass(eras, judgement)))
    return Survey(contact, eras, ready, budget.elapsed() - ready)


def _unfounded_pass(eras: tuple[EraSurvey, ...], judgement: Judgement) -> str | None:
    """Tell why a run that found nothing wrong is still no pass: a defect of ours that let it judge too little."""
    missing = sorted(NEEDED_FOR_A_PASS - judgement.ran)
    if judgement.deciding is not None or (not missing and any(era.digests for era in eras)):
        return None
    return f"nothing was found, but too little was judged: {', '.join(missing) or 'no tools'}"


def _eras(contact: Contact, answers: Answers, judgement: Judgement) -> Iterator[EraSurvey]:
    judgement.accepts(contact)
    if contact.old_transport_path is not None or contact.path is None or contact.fault == "unreachable":
        return
    if not answers.eras:
        judgement.accepts(answers.decisive)
        return
    judged: set[str] = set()
    for era in answers.eras:
        exchange = answers.discover if era == "modern" else answers.initialize
        if exchange is not None:
            yield _Era(era, exchange, answers.line, judgement, judged).survey()


@dataclass(frozen=True)
class _Era:
    """One era of one server: its greeting, and the line on which it is spoken to.

    `judged` holds the digests of the tools that were judged in this run: nothing is judged twice.
    """

    name: EraName
    greeted: Exchange
    line: Line
    judgement: Judgement
    judged: set[str]

    def survey(self) -> EraSurvey:
        """Judge the greeting, then what the server lists."""
        self.judgement.accepts(self.greeted)
        version = self._version()
        result = self.greeted.result
        if version is None or result is None:
            return EraSurvey(self.name, version)
        greeting = Greeting(self.name, self.greeted, result)
        self.judgement.accepts(greeting)
        self._judge_texts(greeting.server_info, f"{greeting.at} serverInfo")
        self._judge_texts(result.get("instructions"), f"{greeting.at} instructions")
        session = self._session()
        spoken = replace(self, line=replace(self.line, era=self.name, version=version, session=session))
        if self.name == "legacy":
            spoken.line.notify("notifications/initialized")
        by_name, digests = spoken._tools(greeting)  # noqa: SLF001 - itself, on another line
        for other in OTHER_LISTS:
            if other in greeting.capabilities:
                spoken._other_list(other, greeting)  # noqa: SLF001
        spoken.line.end_session()
        return EraSurvey(self.name, version, greeting.server_info, by_name, digests)

    def _version(self) -> str | None:
        """Return the revision to go on with: one that there is, since it goes into a header."""
        if self.name == "modern":
            return self.line.version
        version = (self.greeted.result or {}).get("protocolVersion")
        return version if version in LEGACY_REVISIONS else None

    def _session(self) -> str | None:
        session = self.greeted.headers.get("mcp-session-id")
        return session if self.name == "legacy" and session is not None and usable_session(session) else None

    def _tools(self, greeting: Greeting) -> tuple[dict[str, str], tuple[str, ...]]:
        """Read the tools, judge each, and read them again; the digests by name, and in order."""
        declared = "tools" in greeting.capabilities
        listing = self._read("tools", greeting, self.judgement.accepts if declared else self._unless_unknown)
        if listing.stopped == "exchange" and listing.unknown and not declared:
            listing = replace(listing, stopped=None)
        self.judgement.accepts(listing)
        if listing.stopped is not None or listing.unknown:
            return {}, ()
        digests = tuple(tool_digest(value) for value in listing.items)
        for position, (value, own) in enumerate(zip(listing.items, digests, strict=True)):
            if own not in self.judged and not self._judge_tool(position, value):
                return {}, ()
            self.judged.add(own)
        names = {str(value.get("name")): own for value, own in zip(listing.items, digests, strict=True)}
        again = self._read("tools", greeting, self.judgement.accepts)
        if again.stopped is None:
            self.judgement.accepts(
                Reading(self.name, digests, tuple(tool_digest(value) for value in again.items))
            )
        else:
            self.judgement.accepts(again)
        return names, digests

    def _judge_tool(self, position: int, value: dict[str, Any]) -> bool:
        """Judge one tool and its texts; whether there was time for it."""
        budget = self.line.budget
        tool = Tool(self.name, position, value, budget.limits, budget.deadline)
        if budget.remaining() <= 0:
            self.judgement.add("limits.time", tool.at, "the run's time was over while the tools were judged")
            return False
        self.judgement.accepts(tool)
        return self._judge_texts(value, tool.at)

    def _judge_texts(self, value: Any, at: str) -> bool:
        budget = self.line.budget
        for text in texts(value, at, budget.limits):
            if budget.remaining() <= 0:
                self.judgement.add("limits.time", at, "the run's time was over while the texts were judged")
                return False
            self.judgement.accepts(text)
        return True

    def _other_list(self, name: ListName, greeting: Greeting) -> None:
        """List resources or prompts, which the server declares: only bounds can make them decide."""
        listing = self._read(name, greeting, self._bounded)
        self.judgement.accepts(listing)
        for position, item in enumerate(listing.items):
            if not self._judge_texts(item, f"{listing.at} {name}[{position}]"):
                return

    def _unless_unknown(self, exchange: Exchange) -> bool:
        """Judge an exchange, unless the server says that it has no such method, and never said that it had."""
        return exchange.error_code == METHOD_NOT_FOUND or self.judgement.accepts(exchange)

    def _bounded(self, exchange: Exchange) -> bool:
        """Whether an exchange is in form; of what is not, only the bounds are entered."""
        self.judgement.accepts(exchange, only=lambda check_id: check_id.startswith("limits."))
        return Judgement().accepts(exchange)

    def _read(self, name: ListName, greeting: Greeting, accepts: Callable[[Exchange], bool]) -> Listing:
        """Read a list page by page to its end, or to the first thing that is wrong with it."""
        limits = self.line.budget.limits
        listing = Listing(name, self.name, declared=name in greeting.capabilities)
        cursors: set[str] = set()
        params: dict[str, Any] = {}
        size = 0
        while listing.stopped is None:
            if listing.pages == limits.pages:
                return replace(listing, stopped="pages", found=f"more than {limits.pages} pages")
            exchange = self.line.ask(f"{name}/list", params)
            accepted = accepts(exchange)
            listing = _with_page(replace(listing, pages=listing.pages + 1), exchange, accepted=accepted)
            size += exchange.message.size if exchange.message else 0
            if listing.stopped is None and (len(listing.items) > limits.tools or size > limits.body_bytes):
                found = f"more than {limits.tools} {name}, or {limits.body_bytes} bytes of them"
                return replace(listing, stopped="items", found=found)
            cursor = (exchange.result or {}).get("nextCursor")
            if listing.stopped is not None or cursor is None:
                return listing
            if not isinstance(cursor, str):
                return replace(
                    listing, stopped="cursor_type", found=f"nextCursor is a JSON {type(cursor).__name__}"
                )
            if len(cursor) > limits.text_characters:
                return replace(listing, stopped="cursor_type", found=f"a cursor of {len(cursor)} characters")
            if cursor in cursors:
                return replace(
                    listing, stopped="repeated_cursor", found=f"the cursor {cursor[:60]!r} came twice"
                )
            cursors.add(cursor)
            params = {"cursor": cursor}
        return listing


def _with_page(listing: Listing, exchange: Exchange, *, accepted: bool) -> Listing:
    """Return the listing with one more page, or stopped by what is wrong with that page."""
    if exchange.message is not None and any(
        problem.kind == "values" for problem in exchange.message.problems
    ):
        return replace(listing, stopped="values", found=exchange.message.problems[-1].found)
    if exchange.result is None or exchange.error_code is not None:
        unknown = exchange.error_code == METHOD_NOT_FOUND
        return replace(listing, stopped="exchange", found="no usable answer", unknown=unknown)
    if not accepted and listing.name != "tools":
        return replace(listing, stopped="exchange", found="an answer that is not in form")
    items = exchange.result.get(listing.name)
    if not isinstance(items, list):
        kind = "missing" if items is None else f"a JSON {type(items).__name__}"
        return replace(listing, stopped="form", found=f"{listing.name} is {kind}")
    for position, item in enumerate(items):
        if not isinstance(item, dict):
            return replace(
                listing, stopped="form", found=f"{listing.name}[{position}] is a JSON {type(item).__name__}"
            )
    return replace(listing, items=(*listing.items, *items))
