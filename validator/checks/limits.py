"""Checks of the bounds: what a server may take of our time and memory."""

from collections.abc import Iterator

from validator.checks.check import FIRST_REVISION, MODERN_REVISION, OURS, Found, check
from validator.schema import size_problem
from validator.subjects import Listing, Text, Tool
from validator.transport import Exchange


@check(
    "limits.time",
    "error",
    Exchange,
    expects="each answer ends within its time",
    since=FIRST_REVISION,
    source=OURS,
)
def time(exchange: Exchange) -> Iterator[Found]:
    """Require that an answer that began also ends."""
    if exchange.fault and exchange.fault.kind == "time":
        yield Found(exchange.fault.found)


@check(
    "limits.bytes",
    "error",
    Exchange,
    expects="a body of at most 4 MiB, and 24 MiB in all, counted after decompression",
    since=FIRST_REVISION,
    source=OURS,
)
def size(exchange: Exchange) -> Iterator[Found]:
    """No answer is larger than a client can be asked to hold."""
    if exchange.fault and exchange.fault.kind == "bytes":
        yield Found(exchange.fault.found)
    if exchange.request.rpc_method != "tools/list":
        yield from _problems(exchange, "values")


@check(
    "limits.depth",
    "error",
    Exchange,
    Tool,
    expects="JSON that nests at most 64 deep; schemas that nest at most 32 deep and hold at most 5,000 values",
    since=FIRST_REVISION,
    source=f"{OURS}; {MODERN_REVISION} basic/index#composition-keyword-resource-use",
)
def depth(subject: Exchange | Tool) -> Iterator[Found]:
    """JSON and schemas are no deeper, and no larger, than a client can be asked to follow."""
    if isinstance(subject, Exchange):
        yield from _problems(subject, "depth")
        return
    for name in ("inputSchema", "outputSchema"):
        problem = size_problem(subject.value.get(name), subject.limits)
        if problem is not None:
            yield Found(problem, at=f"{subject.at}.{name}")


@check(
    "limits.pages", "error", Listing, expects="a list of at most 50 pages", since=FIRST_REVISION, source=OURS
)
def pages(listing: Listing) -> Iterator[Found]:
    """Require that a list ends."""
    if listing.stopped == "pages":
        yield Found(listing.found)


@check("limits.tools", "error", Listing, expects="at most 500 tools", since=FIRST_REVISION, source=OURS)
def tools(listing: Listing) -> Iterator[Found]:
    """Require that a server has no more tools than a model can be shown."""
    if listing.stopped in {"items", "values"}:
        yield Found(listing.found)


@check(
    "limits.text",
    "error",
    Text,
    expects="texts of at most 20,000 characters",
    since=FIRST_REVISION,
    source=OURS,
)
def text(subject: Text) -> Iterator[Found]:
    """No text is longer than a model can be asked to read."""
    if len(subject.value) > subject.limits.text_characters:
        yield Found(f"{len(subject.value)} characters")


def _problems(exchange: Exchange, kind: str) -> Iterator[Found]:
    for problem in exchange.message.problems if exchange.message else ():
        if problem.kind == kind:
            yield Found(problem.found)
