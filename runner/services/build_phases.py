"""The phases of a build, as BatchGetBuilds shows them. Evidence: documentation (page "Build phase transitions")."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runner.services.builds import BuildRun

FILE = "phases"
"""Where a build's script notes each phase of its buildspec: `NAME SECONDS`, as it begins."""
BEFORE = ("SUBMITTED", "QUEUED", "PROVISIONING", "DOWNLOAD_SOURCE")
AFTER = ("UPLOAD_ARTIFACTS", "FINALIZING")


def of(run: BuildRun) -> list[dict[str, Any]]:
    """Return the phases so far, the current one last; what has none of its own here takes no time."""
    begun = _noted(run)
    first = begun[0][1] if begun else run.ended
    starts = [("SUBMITTED", run.started), *((name, run.started) for name in BEFORE[1:3])]
    if first is not None:
        starts += [(BEFORE[3], first), *begun]
    if run.ended is not None:
        starts += [(name, run.ended) for name in (*AFTER, "COMPLETED")]
    ends: list[float | None] = [start for _, start in starts[1:]]
    return [
        _phase(run, name, start, end)
        for (name, start), end in zip(starts, [*ends, None], strict=True)
    ]  # fmt: skip


def _noted(run: BuildRun) -> list[tuple[str, float]]:
    found = []
    with contextlib.suppress(OSError, ValueError):
        for line in (run.folder / FILE).read_text("utf-8").splitlines():
            name, seconds = line.split()
            found.append((name.upper(), float(seconds)))
    return found


def _phase(run: BuildRun, name: str, start: float, end: float | None) -> dict[str, Any]:
    found: dict[str, Any] = {"phaseType": name, "startTime": datetime.fromtimestamp(start, UTC)}
    if end is None:
        return found
    failed = _failed(run)
    status = "SUCCEEDED"
    if name == failed or (run.status not in {"IN_PROGRESS", "SUCCEEDED"} and not failed and end == run.ended):
        status = run.status
    contexts = [{"statusCode": "COMMAND_EXECUTION_ERROR", "message": "A command of this phase failed; the log says which"}]  # fmt: skip
    return {
        **found,
        "phaseStatus": status,
        "endTime": datetime.fromtimestamp(end, UTC),
        "durationInSeconds": round(end - start),
        "contexts": contexts if name == failed and status == "FAILED" else None,
    }


def _failed(run: BuildRun) -> str:
    """Return the phase that failed; empty where none did."""
    try:
        return (run.folder / "failed").read_text("utf-8").upper()
    except OSError:
        return ""
