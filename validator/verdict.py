"""Write the verdict: what was found, as data that a registry can store and show (verdict.schema.json)."""

import json
from datetime import UTC, datetime
from typing import Any

from validator import VERSION
from validator.checks import TABLE, Check
from validator.judgement import Finding, Judgement
from validator.shown import shown
from validator.subjects import list_digest
from validator.survey import Survey

SCHEMA = "toolshed.verdict/1"
MESSAGE_CHARACTERS = 300
NAME_CHARACTERS = 120
LARGEST_BYTES = 60 * 1024
"""Lambda's caller takes 64 KiB; the rest is left for what wraps the verdict."""

SEVERITY_ORDER = ("error", "policy", "warn")


def write_verdict(
    survey: Survey | None,
    judgement: Judgement,
    *,
    image_digest: str | None = None,
    task_arn: str | None = None,
    checked_at: datetime | None = None,
) -> dict[str, Any]:
    """Return the verdict of a run; without a survey nothing was asked of the server."""
    deciding = judgement.deciding
    outcome = outcome_of(deciding)
    eras = survey.eras if survey else ()
    first = next((era for era in eras if era.version is not None), None)
    listed = next((era for era in eras if era.digests), None)
    verdict: dict[str, Any] = {
        "schema": SCHEMA,
        "verified": outcome == "verified",
        "outcome": outcome,
        "server": _server(first.server_info if first else None),
        "endpoint": {
            "path": shown(survey.contact.path, NAME_CHARACTERS) if survey and survey.contact.path else None,
            "hostHeader": shown(survey.contact.host_header, NAME_CHARACTERS) if survey else None,
        },
        "eras": [era.era for era in eras],
        "protocolVersion": first.version if first else None,
        "toolCount": len(listed.digests) if listed else 0,
        "toolsSha256": list_digest(listed.digests) if listed else None,
        "failed": deciding.check.id if deciding else None,
        "message": _message(deciding, listed.digests if listed else (), judgement),
        "checks": [_check(check, judgement, MESSAGE_CHARACTERS) for check in TABLE.values()],
        "timing": {
            "readySeconds": round(survey.ready_seconds, 3) if survey else 0.0,
            "checkSeconds": round(survey.check_seconds, 3) if survey else 0.0,
        },
        "imageDigest": image_digest,
        "taskArn": task_arn,
        "validatorVersion": VERSION,
        "checkedAt": (checked_at or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    for limit in (150, 60, 20):
        if len(json.dumps(verdict)) <= LARGEST_BYTES:
            break
        verdict["checks"] = [_check(check, judgement, limit) for check in TABLE.values()]
    return verdict


def outcome_of(deciding: Finding | None) -> str:
    """Tell what the deciding finding makes of a run: only a run without one is a pass."""
    if deciding is None:
        return "verified"
    if deciding.check.id == "internal.error":
        return "inconclusive"
    return "rejected" if deciding.severity == "error" else "needs_policy"


def _server(info: Any) -> dict[str, str | None]:
    values: dict[str, Any] = info if isinstance(info, dict) else {}
    return {
        key: shown(values[key], NAME_CHARACTERS) if isinstance(values.get(key), str) else None
        for key in ("name", "version")
    }


def _message(deciding: Finding | None, digests: tuple[str, ...], judgement: Judgement) -> str:
    if deciding is not None:
        return shown(
            f"{deciding.at}: expected {deciding.check.expects}; found {deciding.what}", MESSAGE_CHARACTERS
        )
    warned = len({finding.check.id for finding in judgement.findings})
    tools = "1 tool" if len(digests) == 1 else f"{len(digests)} tools"
    return f"{tools}; every check passed" + (f", {warned} with a warning" if warned else "")


def _check(check: Check, judgement: Judgement, limit: int) -> dict[str, Any]:
    """Tell what became of one check: the worst of what it found, and how much more there was."""
    findings = [finding for finding in judgement.findings if finding.check.id == check.id]
    findings.sort(key=lambda finding: SEVERITY_ORDER.index(finding.severity))
    worst = findings[0] if findings else None
    status = "skip" if check.id not in judgement.ran else "pass" if worst is None else "fail"
    more = judgement.counts.get(check.id, 0) - 1
    detail = worst.what if worst else ""
    suffix = f" (and {more} more)" if more > 0 else ""
    return {
        "id": check.id,
        "severity": worst.severity if worst else check.severity,
        "status": status,
        "at": shown(worst.at, limit) if worst else "",
        "expected": check.expects,
        "detail": shown(detail, max(1, limit - len(suffix))) + suffix,
        "source": check.source,
    }
