"""Talk with a server and have what it says judged: who it is, then its lists, in each era that it speaks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from validator.checks.check import LEGACY_REVISIONS, MODERN_REVISION
from validator.checks.internal import Ourselves
from validator.checks.protocol import usable_session
from validator.contact import Answers, Finder
from validator.conversation import Line
from validator.endpoint import Endpoint
from validator.judgement import Judgement
from validator.limits import Budget
from validator.listing import METHOD_NOT_FOUND, read_list
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
    for era in ("modern", "legacy"):
        exchange = answers.to(era)
        if exchange is None:
            continue
        if era in answers.eras:
            yield _survey_era(era, exchange, answers.line, judgement, judged)
        elif exchange.overran:
            judgement.accepts(exchange)


def _survey_era(
    name: EraName, greeted: Exchange, line: Line, judgement: Judgement, judged: set[str]
) -> EraSurvey:
    """Judge a greeting, then what the server lists in that era."""
    judgement.accepts(greeted)
    version = _version(name, greeted)
    if version is None or greeted.result is None:
        return EraSurvey(name, version)
    greeting = Greeting(name, greeted, greeted.result)
    judgement.accepts(greeting)
    line = replace(line, era=name, version=version, session=_session(name, greeted))
    era = _Era(greeting, line, judgement, judged)
    era.judge_texts(greeting.server_info, f"{greeting.at} serverInfo")
    era.judge_texts(greeting.result.get("instructions"), f"{greeting.at} instructions")
    if name == "legacy":
        line.notify("notifications/initialized")
    by_name, digests = era.tools()
    for other in OTHER_LISTS:
        if other in greeting.capabilities:
            era.other_list(other)
    line.end_session()
    return EraSurvey(name, version, greeting.server_info, by_name, digests)


def _version(name: EraName, greeted: Exchange) -> str | None:
    """Return the revision to go on with: one that there is, since it goes into a header."""
    if name == "modern":
        return MODERN_REVISION
    version = (greeted.result or {}).get("protocolVersion")
    return version if version in LEGACY_REVISIONS else None


def _session(name: EraName, greeted: Exchange) -> str | None:
    session = greeted.headers.get("mcp-session-id")
    return session if name == "legacy" and session is not None and usable_session(session) else None


@dataclass(frozen=True)
class _Era:
    """One era of one server, which has been greeted, and the line on which it is spoken to.

    `judged` holds the digests of the tools that were judged in this run: nothing is judged twice.
    """

    greeting: Greeting
    line: Line
    judgement: Judgement
    judged: set[str]

    def tools(self) -> tuple[dict[str, str], tuple[str, ...]]:
        """Read the tools, judge each, and read them again; the digests by name, and in order."""
        listing = self._first_reading()
        if listing.stopped is not None or listing.unknown:
            return {}, ()
        digests = tuple(tool_digest(value) for value in listing.items)
        for position, (value, own) in enumerate(zip(listing.items, digests, strict=True)):
            if own not in self.judged and not self._judge_tool(position, value):
                return {}, ()
            self.judged.add(own)
        names = {str(value.get("name")): own for value, own in zip(listing.items, digests, strict=True)}
        again = read_list("tools", self.line, declared=True, accepts=self.judgement.accepts)
        if again.stopped is None:
            second = tuple(tool_digest(value) for value in again.items)
            self.judgement.accepts(Reading(self.line.era, digests, second))
        else:
            self.judgement.accepts(again)
        return names, digests

    def _first_reading(self) -> Listing:
        """Read the tools and judge the list; one that is neither declared nor known is empty."""
        declared = "tools" in self.greeting.capabilities
        accepts = self.judgement.accepts if declared else self._unless_unknown
        listing = read_list("tools", self.line, declared=declared, accepts=accepts)
        if listing.unknown and not declared:
            listing = replace(listing, stopped=None)
        self.judgement.accepts(listing)
        return listing

    def _unless_unknown(self, exchange: Exchange) -> bool:
        """Judge an exchange, unless the server says that it has no such method, and never said that it had."""
        return exchange.error_code == METHOD_NOT_FOUND or self.judgement.accepts(exchange)

    def _judge_tool(self, position: int, value: dict[str, Any]) -> bool:
        """Judge one tool and its texts; whether there was time for it."""
        budget = self.line.budget
        tool = Tool(self.line.era, position, value, budget.limits, budget.deadline)
        if budget.remaining() <= 0:
            self.judgement.add("limits.time", tool.at, "the run's time was over while the tools were judged")
            return False
        self.judgement.accepts(tool)
        return self.judge_texts(value, tool.at)

    def judge_texts(self, value: Any, at: str) -> bool:
        """Judge every text within a value; whether there was time for it."""
        budget = self.line.budget
        for text in texts(value, at, budget.limits):
            if budget.remaining() <= 0:
                self.judgement.add("limits.time", at, "the run's time was over while the texts were judged")
                return False
            self.judgement.accepts(text)
        return True

    def other_list(self, name: ListName) -> None:
        """List resources or prompts, which the server declares: only bounds can make them decide."""
        listing = read_list(name, self.line, declared=True, accepts=self._bounded)
        self.judgement.accepts(listing)
        for position, item in enumerate(listing.items):
            if not self.judge_texts(item, f"{listing.at} {name}[{position}]"):
                return

    def _bounded(self, exchange: Exchange) -> bool:
        """Tell whether an exchange is in form; of what is not, only the bounds are entered."""
        self.judgement.accepts(exchange, only=lambda check_id: check_id.startswith("limits."))
        return Judgement().accepts(exchange)
