"""Rules about what should not stand in a document: secrets, and the numbers of accounts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from states_language.diagnostics import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from states_language.pointer import Pointer
    from states_language.rules.subject import Subject

SECRETS: Final = (
    # what it is, how it looks; evidence: the issuers' documentation
    ("an AWS access key", re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("a private key", re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----")),
    ("a GitHub token", re.compile(r"\b(?:ghp|gho|ghs|ghu|github_pat)_[A-Za-z0-9_]{20,}\b")),
    ("a Slack token", re.compile(r"\bxox[abprs]-[A-Za-z0-9-]{10,}")),
    ("a bearer token", re.compile(r"\b[Bb]earer [A-Za-z0-9._~+/-]{20,}=*")),
)
SECRET_NAMES: Final = re.compile(
    r"(?i)^(?:.*[_-])?(?:password|passwd|secret|api[_-]?key|access[_-]?token|secret[_-]?key|private[_-]?key)$"
)
ACCOUNT: Final = re.compile(r"arn:[^:\s]*:[^:\s]*:[^:\s]*:(\d{12}):")
EXAMPLES: Final = frozenset(
    {"123456789012", "111122223333", "444455556666", "000000000000", "111111111111", "012345678901"}
)
"""Numbers that AWS's documentation uses."""


def check(subject: Subject) -> Iterator[Finding]:
    """Report the secrets and the account numbers of a document."""
    yield from _walk(subject.document, subject.machine.pointer)


def _walk(value: Any, pointer: Pointer) -> Iterator[Finding]:
    if isinstance(value, dict):
        for key, entry in value.items():
            if isinstance(entry, str):
                yield from _text(entry, pointer / key, key)
            elif isinstance(entry, dict | list):
                yield from _walk(entry, pointer / key)
    elif isinstance(value, list):
        for place, entry in enumerate(value):
            if isinstance(entry, str):
                yield from _text(entry, pointer / place, "")
            else:
                yield from _walk(entry, pointer / place)


def _text(text: str, pointer: Pointer, key: str) -> Iterator[Finding]:
    if len(text) < 8:
        return
    for what, pattern in SECRETS:
        if match := pattern.search(text):
            yield _secret(what, pointer, match.start())
            return
    if SECRET_NAMES.match(key) and _is_literal(text):
        yield _secret(f"the value of '{key}'", pointer, 0)
    elif "arn:" in text and (match := ACCOUNT.search(text)) and match[1] not in EXAMPLES:
        yield Finding(
            "account-literal",
            pointer,
            f"The account {match[1]} is written in: the document serves no other.",
            "Let a substitution fill it in: '${Token}' and DefinitionSubstitutions.",
            match.start(1),
        )


def _is_literal(text: str) -> bool:
    return (
        not text.startswith(("$", "{%", "{{", "arn:", "States.", "<"))
        and "${" not in text
        and " " not in text
    )


def _secret(what: str, pointer: Pointer, offset: int) -> Finding:
    return Finding(
        "secret-literal",
        pointer,
        f"This looks like {what}; whoever reads the document, or an execution's history, has it.",
        "Keep it in Secrets Manager, and read it where it is used.",
        offset,
    )
