"""Read a list page by page: to its end, or to the first thing that is wrong with it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from validator.conversation import Line
from validator.limits import Limits
from validator.subjects import Listing, ListName, StopReason
from validator.transport import Exchange

METHOD_NOT_FOUND = -32601


def read_list(name: ListName, line: Line, *, declared: bool, accepts: Callable[[Exchange], bool]) -> Listing:
    """Return the items of a list and why the reading stopped, if it did not come to the end.

    `accepts` judges each page's exchange. Tools are read on as long as there is something to read, so that an
    author is told everything at once; of other lists a page that is not accepted is the last.
    """
    limits = line.budget.limits
    listing = Listing(name, line.era, declared=declared)
    cursors: set[str] = set()
    params: dict[str, Any] = {}
    size = 0
    while True:
        if listing.pages == limits.pages:
            return replace(listing, stopped="pages", found=f"more than {limits.pages} pages")
        exchange = line.ask(f"{name}/list", params)
        usable = accepts(exchange) or name == "tools"
        size += exchange.message.size if exchange.message else 0
        listing = _with_page(replace(listing, pages=listing.pages + 1), exchange, usable=usable)
        if listing.stopped is None and (len(listing.items) > limits.tools or size > limits.body_bytes):
            found = f"more than {limits.tools} {name}, or {limits.body_bytes} bytes of them"
            return replace(listing, stopped="items", found=found)
        cursor = (exchange.result or {}).get("nextCursor")
        if listing.stopped is not None or cursor is None:
            return listing
        fault = _cursor_fault(cursor, cursors, limits)
        if fault is not None:
            return replace(listing, stopped=fault[0], found=fault[1])
        cursors.add(cursor)
        params = {"cursor": cursor}


def _cursor_fault(cursor: Any, seen: set[str], limits: Limits) -> tuple[StopReason, str] | None:
    """Tell why a cursor cannot be followed; the empty string is one like any other."""
    if not isinstance(cursor, str):
        return "cursor_type", f"nextCursor is a JSON {type(cursor).__name__}"
    if len(cursor) > limits.text_characters:
        return "cursor_type", f"a cursor of {len(cursor)} characters"
    if cursor in seen:
        return "repeated_cursor", f"the cursor {cursor[:60]!r} came twice"
    return None


def _with_page(listing: Listing, exchange: Exchange, *, usable: bool) -> Listing:
    """Return the listing with one more page, or stopped by what is wrong with that page."""
    problems = exchange.message.problems if exchange.message else ()
    for problem in problems:
        if problem.kind == "values":
            return replace(listing, stopped="values", found=problem.found)
    if exchange.result is None or exchange.error_code is not None:
        unknown = exchange.error_code == METHOD_NOT_FOUND
        return replace(listing, stopped="exchange", found="no usable answer", unknown=unknown)
    if not usable:
        return replace(listing, stopped="exchange", found="an answer that is not in form")
    items = exchange.result.get(listing.name)
    if not isinstance(items, list):
        kind = "missing" if items is None else f"a JSON {type(items).__name__}"
        return replace(listing, stopped="form", found=f"{listing.name} is {kind}")
    for position, item in enumerate(items):
        if not isinstance(item, dict):
            found = f"{listing.name}[{position}] is a JSON {type(item).__name__}"
            return replace(listing, stopped="form", found=found)
    return replace(listing, items=(*listing.items, *items))
