"""A review as SARIF 2.1.0, which code hosts show beside the lines."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from review.model import Level, Section

if TYPE_CHECKING:
    from review.model import Change
    from review.render import Report

LEVELS = {Level.DANGER: "error", Level.WARNING: "warning", Level.NOTE: "note"}
MOST_RESULTS = 5000
"""Results that GitHub shows of one upload; the dangerous ones come first (documentation)."""


def render(report: Report) -> str:
    """Return the changes as results, each at a line of the document after the change."""
    changes = sorted(report.review.changes, key=lambda change: -change.level.rank)[:MOST_RESULTS]
    rules = sorted({_rule(change) for change in changes})
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "review",
                        "rules": [
                            {"id": rule, "shortDescription": {"text": rule.replace("/", ": ")}}
                            for rule in rules
                        ],
                    }
                },
                "results": [_result(change, report, rules) for change in changes],
                "columnKind": "unicodeCodePoints",
            }
        ],
    }
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _rule(change: Change) -> str:
    return f"{Section(change.section).value.replace(' ', '-')}/{change.verb.value}"


def _result(change: Change, report: Report, rules: list[str]) -> dict[str, Any]:
    file, line, column = report.locate(change.place)
    text = "\n".join([change.message, *change.details]).replace("`", "'")
    identity = "\0".join((_rule(change), change.subject, change.message))
    return {
        "ruleId": _rule(change),
        "ruleIndex": rules.index(_rule(change)),
        "level": LEVELS[change.level],
        "message": {"text": text},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": file},
                    "region": {"startLine": line, "startColumn": column},
                }
            }
        ],
        "partialFingerprints": {"review/v1": hashlib.sha256(identity.encode()).hexdigest()[:32]},
    }
