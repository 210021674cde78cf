"""Text from a stranger, made fit to be shown and stored: escaped, shortened, what is hidden named."""

import unicodedata
from collections.abc import Iterable

_ESCAPED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_ESCAPED_CHARACTERS = frozenset("<>&\\")


def shown(text: str, limit: int) -> str:
    r"""Return the text in at most `limit` characters, in which nothing is hidden and nothing is markup.

    Control, format, unassigned and private characters become `\u{202E RIGHT-TO-LEFT OVERRIDE}`; those that
    mean something in HTML become `\u{3C}`, the backslash `\\`.
    """
    parts: list[str] = []
    length = 0
    for character in text:
        part = _escaped(character)
        parts.append(part)
        length += len(part)
        if length > limit:
            while parts and length > limit - 1:
                length -= len(parts.pop())
            return "".join(parts) + "…"
    return "".join(parts)


def _escaped(character: str) -> str:
    if character == "\\":
        return "\\\\"
    if character in _ESCAPED_CHARACTERS:
        return f"\\u{{{ord(character):X}}}"
    if unicodedata.category(character) in _ESCAPED_CATEGORIES:
        name = unicodedata.name(character, "") or _CONTROL_NAMES.get(character, "")
        return f"\\u{{{ord(character):04X}{' ' if name else ''}{name}}}"
    return character


# Unicode gives control characters no names; these are the ones of ISO 6429 that people know.
_CONTROL_NAMES = {
    "\0": "NULL",
    "\x07": "BELL",
    "\b": "BACKSPACE",
    "\t": "TAB",
    "\n": "LINE FEED",
    "\r": "CARRIAGE RETURN",
    "\x1b": "ESCAPE",
    "\x7f": "DELETE",
}


def names_of(characters: Iterable[str]) -> str:
    """Return the code points and names of a few characters, each once."""
    distinct = list(dict.fromkeys(characters))
    told = [
        f"U+{ord(character):04X} {unicodedata.name(character, '') or _CONTROL_NAMES.get(character, 'unnamed')}"
        for character in distinct[:4]
    ]
    return ", ".join(told) + (" and others" if len(distinct) > 4 else "")
