"""Checks of what a model or a person will read. They only warn: the same words occur in honest servers."""

import re
from collections.abc import Iterator

from validator.checks.check import FIRST_REVISION, OURS, Found, check
from validator.shown import names_of
from validator.subjects import Text

# What known attacks say to a model. Measured: such lists flag 7 of 28 honest servers, so they never reject.
INJECTION = re.compile(
    r"\b(?:ignore|disregard|forget|override)\s+(?:all\s+|any\s+)?(?:the\s+|your\s+)?(?:previous|prior|above|earlier|preceding)\b"
    r"|\bdo\s+not\s+(?:tell|inform|mention|reveal|notify)\b.{0,40}\b(?:user|human|person)\b"
    r"|\bwithout\s+(?:telling|informing|notifying|asking)\s+(?:the\s+)?(?:user|human)\b"
    r"|<\s*/?\s*(?:important|system|instructions?|secret)\s*>"
    r"|\byou\s+(?:must|should)\s+(?:always\s+)?(?:first\s+)?(?:read|send|include|attach|exfiltrate)\b.{0,60}"
    r"(?:\.ssh|id_rsa|\.env\b|credentials|password|api[ _-]?key|secret)"
    r"|\bnew\s+system\s+prompt\b|\byou\s+are\s+now\b|\bjailbreak\b",
    re.IGNORECASE,
)

MARKUP = re.compile(
    r"<\s*(?:script|iframe|object|embed|svg|img|link|style|form|meta|base)\b|\bjavascript\s*:|\bon(?:error|load|click)\s*=|!\[[^\]]{0,200}\]\(\s*https?:",
    re.IGNORECASE,
)

# The forms of credentials that have a form of their own.
SECRET = re.compile(
    r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\bgh[pousr]_[0-9A-Za-z]{36}\b|\bgithub_pat_[0-9A-Za-z_]{60,}"
    r"|\bsk-(?:ant-|proj-)?[0-9A-Za-z_-]{32,}"
    r"|\bxox[abprs]-[0-9A-Za-z-]{10,}"
    r"|\bAIza[0-9A-Za-z_-]{35}\b"
    r"|-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----"
    r"|\beyJ[0-9A-Za-z_-]{10,}\.eyJ[0-9A-Za-z_-]{10,}\.[0-9A-Za-z_-]{10,}"
)

# Characters that are there and are not seen: format characters, among them bidi controls and tags.
# The joiners ZWNJ and ZWJ, and the variation selectors, are ordinary in several scripts and in emoji.
HIDDEN = re.compile(
    "[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def _shown(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:80]}…"


@check(
    "text.injection",
    "warn",
    Text,
    expects="no words that give orders to a model",
    since=FIRST_REVISION,
    source=OURS,
)
def injection(text: Text) -> Iterator[Found]:
    """Require that the text describes; it does not command."""
    match = INJECTION.search(text.value)
    if match:
        yield Found(f"{_shown(match.group())!r}")


@check(
    "text.hidden_unicode",
    "warn",
    Text,
    expects="no characters that are not seen",
    since=FIRST_REVISION,
    source=OURS,
)
def hidden_unicode(text: Text) -> Iterator[Found]:
    """Require that what a person sees is what a model reads."""
    found = HIDDEN.findall(text.value)
    if found:
        yield Found(f"{len(found)} hidden characters: {names_of(found)}")


@check(
    "text.control",
    "warn",
    Text,
    expects="no control characters but tab and line ends",
    since=FIRST_REVISION,
    source=OURS,
)
def control(text: Text) -> Iterator[Found]:
    """Require that the text does nothing to the terminal that shows it."""
    found = CONTROL.findall(text.value)
    if found:
        yield Found(f"{len(found)} control characters: {names_of(found)}")


@check(
    "text.markup",
    "warn",
    Text,
    expects="no markup that a page would run or load",
    since=FIRST_REVISION,
    source=OURS,
)
def markup(text: Text) -> Iterator[Found]:
    """Require that the text is text, also where a page shows it."""
    match = MARKUP.search(text.value)
    if match:
        yield Found(f"{_shown(match.group())!r}")


@check(
    "text.secret",
    "warn",
    Text,
    expects="nothing in the form of a credential",
    since=FIRST_REVISION,
    source=OURS,
)
def secret(text: Text) -> Iterator[Found]:
    """Require that the author did not publish a key by mistake. What was found is not repeated."""
    match = SECRET.search(text.value)
    if match:
        yield Found(f"something that begins with {match.group()[:4]!r} and has the form of a credential")
