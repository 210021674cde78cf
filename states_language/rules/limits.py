"""Rules about sizes: a state's data holds at most 256 KiB, and `States.ALL` does not catch what exceeds it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from states_language.diagnostics import Finding, Severity
from states_language.document import Pass
from states_language.integrations import operation
from states_language.types import ListType

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from states_language.flow import ServiceCall
    from states_language.rules.subject import Subject

LARGEST_PAYLOAD: Final = 256 * 1024
"""Bytes of a state's input or output (evidence: documentation, quotas)."""


@cache
def _table() -> Mapping[tuple[str, str], Mapping[str, Any]]:
    path = Path(__file__).parent.with_name("data") / "large_answers.json"
    rows = json.loads(path.read_text("utf-8"))["answers"]
    return {(row["service"], row["operation"]): row for row in rows}


def check(subject: Subject) -> Iterator[Finding]:
    """Report the payloads that are, or may be, too large."""
    for state in subject.states.values():
        for name in (
            ("Result", "Parameters", "Arguments", "Output")
            if isinstance(state, Pass)
            else ("Parameters", "Arguments")
        ):
            value = state.fields.get(name)
            # A document is at most 1 MiB; only then may one field of it be too large.
            if isinstance(value, dict | list | str) and (size := _size(value)) > LARGEST_PAYLOAD:
                yield Finding(
                    "payload-may-exceed-limit",
                    state.pointer / name,
                    f"{name} alone is {size:,} bytes; a state's data holds at most {LARGEST_PAYLOAD:,}.",
                    "Keep it in S3, and pass its place.",
                    at_key=True,
                    severity=Severity.ERROR,
                )
    for call in subject.facts.calls:
        yield from _answer(call)


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def _answer(call: ServiceCall) -> Iterator[Finding]:
    if call.integration.waits_for_token:
        return
    found = operation(call.integration)
    row = None if found is None else _table().get((found[0].folder, found[1].name))
    if row is None:
        return
    given = call.template if isinstance(call.template, dict) else {}
    names = {key.removesuffix(".$") for key in given}
    if names.intersection(row["unless"]) or _is_short(call, row.get("only_lists")):
        return
    yield Finding(
        "payload-may-exceed-limit",
        call.state.pointer / "Resource",
        f"The answer of {call.integration.name} may be larger than 256 KiB ({row['largest']}); "
        "that is States.DataLimitExceeded, which States.ALL does not catch.",
        f"Limit it by {' or '.join(row['unless'])}." if row["unless"] else "Ask for less at a time.",
        severity=Severity.NOTE,
    )


def _is_short(call: ServiceCall, name: str | None) -> bool:
    """Tell whether the list that makes the answer long is known to be short."""
    members = getattr(call.type, "members", {})
    member = members.get(name) if name else None
    return (
        member is not None
        and isinstance(member.type, ListType)
        and member.type.exact
        and len(member.type.items) < 20
    )
