"""CloudWatch Logs Insights, as far as the dashboard's queries use it, and the log of executions that they read.

Evidence: documentation (CloudWatch Logs User Guide, "Logs Insights QL"): the commands, what each function returns, and
that after `stats` only its own columns are known.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from states_language.interpreter import Execution

Row = dict[str, Any]

TOKEN = re.compile(
    r"""\s*(?:(?P<text>"[^"]*")|(?P<number>\d+(?:\.\d+)?)|(?P<name>[@A-Za-z_][\w.]*)|(?P<operator>!=|<=|>=|[-+*/(),=<>\[\]]))"""
)
KEYWORDS = {"and", "or", "not", "in"}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "strcontains": lambda text, part: int(part in text),
    "toMillis": lambda timestamp: timestamp,
}
AGGREGATIONS: dict[str, Callable[[Sequence[Any]], Any]] = {
    "sum": sum,
    "avg": lambda values: sum(values) / len(values),
    "min": min,
    "max": max,
}


def log(execution: Execution, arn: str) -> list[Row]:
    """Return the events of an execution as Step Functions logs them at level ALL, their fields discovered."""
    rows = []
    for event in execution.history:
        details: Mapping[str, Any] = next(
            (value for key, value in event.items() if key.endswith("EventDetails")), {}
        )
        row: Row = {
            "id": str(event["id"]),
            "type": event["type"],
            "previous_event_id": str(event["previousEventId"]),
            "execution_arn": arn,
            "@timestamp": int(datetime.fromisoformat(event["timestamp"]).timestamp() * 1000),
        }
        rows.append(row | {f"details.{key}": value for key, value in details.items()})
    return rows


def run(query: str, rows: Iterable[Row]) -> list[Row]:
    """Answer a query; raises `ValueError` for what it does not know, as CloudWatch would."""
    found = list(rows)
    for command in query.split("\n| "):
        verb, _, rest = command.partition(" ")
        if verb == "filter":
            found = [row for row in found if _value(rest, row)]
        elif verb == "fields":
            found = [row | {name: _value(text, row) for text, name in _columns(rest)} for row in found]
        elif verb == "stats":
            found = _stats(rest, found)
        elif verb == "sort":
            name, order = rest.split()
            found = sorted(found, key=lambda row: row[name], reverse=order == "desc")
        elif verb == "limit":
            found = found[: int(rest)]
        else:
            message = f"{verb} is no command that is known here"
            raise ValueError(message)
    return found


def _stats(text: str, rows: Sequence[Row]) -> list[Row]:
    columns, _, by = text.partition(" by ")
    keys = [key.strip() for key in by.split(",")]
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row.get(key) for key in keys), []).append(row)
    return [
        dict(zip(keys, key, strict=True))
        | {name: _aggregate(each, group) for each, name in _columns(columns)}
        for key, group in groups.items()
    ]


def _columns(text: str) -> list[tuple[str, str]]:
    """Part columns at the commas that are outside brackets, each into its expression and its name."""
    parts = re.split(r",\s*(?![^()]*\))", text)
    return [(each.partition(" as ")[0], (each.partition(" as ")[2] or each).strip()) for each in parts]


def _python(text: str, field: str) -> str:
    """Write an expression in Python; every name that is neither keyword nor function is a field."""
    made, position = [], 0
    text = text.strip()
    while position < len(text):
        match = TOKEN.match(text, position)
        if match is None:
            message = f"cannot be read: {text[position:]}"
            raise ValueError(message)
        position = match.end()
        word = match[0].strip()
        called = text[position:].lstrip().startswith("(")
        if match["name"] and called and word not in KEYWORDS:
            made.append(word)
        elif match["name"] and word not in KEYWORDS:
            made.append(f"{field}({word!r})")
        else:
            made.append("==" if word == "=" else word)
    return " ".join(made)


def _value(text: str, row: Row) -> Any:
    return eval(_python(text, "field"), {"__builtins__": {}, "field": row.get, **FUNCTIONS})  # noqa: S307 - our own queries


def _aggregate(text: str, group: Sequence[Row]) -> Any:
    if text.strip() == "count(*)":
        return len(group)

    def column(name: str) -> list[Any]:
        return [row[name] for row in group if row.get(name) is not None]

    return eval(_python(text, "column"), {"__builtins__": {}, "column": column, **AGGREGATIONS})  # noqa: S307 - our own queries
