"""Rules about the form of JSONata expressions; what they compute is not judged."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from states_language.diagnostics import Finding
from states_language.flow import jsonata

if TYPE_CHECKING:
    from collections.abc import Iterator

    from states_language.document import State
    from states_language.pointer import Pointer
    from states_language.rules.subject import Subject

_IGNORED: Final = re.compile(
    # strings, quoted names, comments, and regular expressions where a value may begin
    r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|/\*.*?\*/|(?<=[(,:=])\s*/(?:[^/\\\n]|\\.)+/[im]*""",
    re.DOTALL,
)
_PAIRS: Final = {")": "(", "]": "[", "}": "{"}


def check(subject: Subject) -> Iterator[Finding]:
    """Report the expressions of JSONata states that cannot be read."""
    for state in subject.states.values():
        if state.query_language == "JSONata":
            yield from _walk(state, state.fields, state.pointer)


def _walk(state: State, value: Any, pointer: Pointer) -> Iterator[Finding]:
    if isinstance(value, dict):
        for key, entry in value.items():
            if key not in ("Comment", "States") or pointer != state.pointer:
                if key in ("ItemProcessor", "Iterator", "Branches") and pointer == state.pointer:
                    continue  # its states are walked by themselves
                yield from _walk(state, entry, pointer / key)
    elif isinstance(value, list):
        for place, entry in enumerate(value):
            yield from _walk(state, entry, pointer / place)
    elif isinstance(value, str):
        fault = fault_of(value)
        if fault is not None:
            yield Finding("invalid-expression", pointer, f"{fault[0]}.", fault[1])


def fault_of(text: str) -> tuple[str, str] | None:
    """Return what is wrong with a text that is, or seems meant as, an expression, and the advice."""
    if not jsonata.is_expression(text):
        if text.startswith("{%"):
            return "The expression does not end with '%}'", "An expression is '{% … %}', and nothing else."
        if text.endswith("%}"):
            return "The expression does not begin with '{%'", "An expression is '{% … %}', and nothing else."
        return None
    body = text[2:-2]
    if not body.strip():
        return "The expression is empty", ""
    bare = _IGNORED.sub(" ", body)
    opened: list[str] = []
    for letter in bare:
        if letter in "([{":
            opened.append(letter)
        elif letter in _PAIRS and (not opened or opened.pop() != _PAIRS[letter]):
            return f"A '{letter}' closes what nothing opened", ""
    if opened:
        return f"A '{opened[-1]}' is not closed", ""
    if '"' in bare or "`" in bare or "'" in bare:
        return "A quote is not closed", ""
    if "[?(" in bare:
        return "This is a JSONPath filter", "JSONata writes '[price < 10]'."
    return None
