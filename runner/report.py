"""What a person, or a program, is told of a local run."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from review.printable import printable
from review.render import verdict_lines
from states_language.interpreter import Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from runner.pipeline import Outcome
    from states_language.interpreter import Event

NOT_SHOWN = (
    "IAM: every call is allowed here",
    "security groups and routes: the task can reach the internet, and its neighbours",
    "the image: RUN and the base image are not carried out, the file system can be written, the user is yours",
    "isolation: the server runs as you, on this machine",
    "times of AWS: no queue, no pull, no cold network interface; Lambda's Python is this machine's",
)
"""What a run on one machine cannot tell."""

EXIT_DONE, EXIT_ERROR, EXIT_REJECTED, EXIT_INTERRUPTED = 0, 1, 3, 130


@dataclass(frozen=True)
class Visit:
    """One state that an execution passed through."""

    state: str
    kind: str
    at: float
    """Seconds after the execution's start."""
    seconds: float | None
    """None where it was not left."""
    error: str | None
    """The last error of its Task."""


def visits(history: Sequence[Event]) -> Iterator[Visit]:
    """Yield the visits of an execution without inner branches, in order."""
    begin = _time(history[0]) if history else 0.0
    entered: Event | None = None
    error: str | None = None
    for event in history:
        if event["type"].endswith("StateEntered"):
            if entered is not None:
                yield _visit(entered, None, error, begin)
            entered, error = event, None
        elif event["type"].endswith("StateExited") and entered is not None:
            yield _visit(entered, event, error, begin)
            entered = None
        elif event["type"] in {"TaskFailed", "TaskTimedOut", "LambdaFunctionFailed"}:
            error = next(
                (
                    details["error"]
                    for details in event.values()
                    if isinstance(details, dict) and "error" in details
                ),
                None,
            )
    if entered is not None:
        yield _visit(entered, history[-1], error, begin)


def _visit(entered: Event, left: Event | None, error: str | None, begin: float) -> Visit:
    at = _time(entered)
    return Visit(
        entered["stateEnteredEventDetails"]["name"],
        entered["type"].removesuffix("StateEntered"),
        at - begin,
        None if left is None else _time(left) - at,
        error,
    )


def _time(event: Event) -> float:
    return datetime.fromisoformat(event["timestamp"]).timestamp()


def exit_code(outcome: Outcome) -> int:
    """Return the exit code that an outcome asks for."""
    if outcome.execution.status is Status.ABORTED:
        return EXIT_INTERRUPTED
    return {"none": EXIT_DONE, "server": EXIT_REJECTED}.get(outcome.fault, EXIT_ERROR)


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome for programs."""
    return {
        "executionArn": outcome.arn,
        "status": str(outcome.execution.status),
        "fault": outcome.fault,
        "error": outcome.execution.error,
        "cause": outcome.execution.cause,
        "seconds": round(outcome.seconds, 3),
        "record": outcome.record,
        "timeline": [
            {"state": visit.state, "at": round(visit.at, 3), "seconds": None if visit.seconds is None else round(visit.seconds, 3), "error": visit.error}
            for visit in visits(outcome.execution.history)
        ],
        "ran": list(_ran(outcome)),
        "notShown": list(NOT_SHOWN),
    }  # fmt: skip


def _ran(outcome: Outcome) -> Iterator[dict[str, Any]]:
    if outcome.build is not None:
        yield {"what": "build", "id": outcome.build.id, "status": outcome.build.status, "notCarriedOut": list(outcome.build.skipped)}  # fmt: skip
    for task in outcome.tasks:
        address = task.interface.address if task.interface else None
        yield {
            "what": "task",
            "arn": task.arn,
            "address": address,
            "command": shlex.join(task.argv),
            "listensForOthers": task.process is not None and task.process.is_listening,
            "ended": str(task.process.exit) if task.process is not None and task.process.exit else None,
            "stopCode": (task.stopped or {}).get("StopCode"),
            "stoppedReason": (task.stopped or {}).get("StoppedReason"),
        }


def lines(outcome: Outcome, *, is_verbose: bool) -> Iterator[tuple[str, str]]:
    """Yield the report's lines, each with the style that it is shown in; nothing in them steers a terminal."""
    for text, style in _lines(outcome, is_verbose=is_verbose):
        yield printable(text), style


def _lines(outcome: Outcome, *, is_verbose: bool) -> Iterator[tuple[str, str]]:
    yield from _verdict(outcome)
    yield "", ""
    yield from _timeline(outcome, is_verbose=is_verbose)
    yield "", ""
    yield from _what_ran(outcome)
    yield "", ""
    yield "Not shown by a local run", "bold"
    for text in NOT_SHOWN:
        yield f"  {text}", "dim"


def _verdict(outcome: Outcome) -> Iterator[tuple[str, str]]:
    execution, record = outcome.execution, outcome.record
    name = (record or {}).get("outcome") or str(execution.status).lower()
    end = verdict_lines.End(name, outcome.fault, execution.error, execution.cause)
    yield from verdict_lines.lines(end, outcome.verdict)
    if record is None:
        yield "  no verdict was recorded", "yellow"


def _timeline(outcome: Outcome, *, is_verbose: bool) -> Iterator[tuple[str, str]]:
    yield f"Timeline ({outcome.seconds:.1f} s)", "bold"
    for visit in visits(outcome.execution.history):
        if is_verbose or visit.kind in {"Task", "Wait", "Succeed", "Fail"} or visit.error:
            took = "" if visit.seconds is None else f"{visit.seconds:6.2f} s"
            error = f"  {visit.error}" if visit.error else ""
            yield (
                f"  {visit.at:6.2f}  {visit.state:30} {took}{error}".rstrip(),
                "yellow" if visit.error else "",
            )


def _what_ran(outcome: Outcome) -> Iterator[tuple[str, str]]:
    yield "What ran", "bold"
    build = outcome.build
    if build is not None:
        yield f"  build  {build.status.lower()} in {build.seconds:.1f} s: the buildspec's commands, with stand-ins for git, docker and aws", ""  # fmt: skip
        for line in build.skipped:
            yield f"         not carried out: {line}", "dim"
        if build.status != "SUCCEEDED" or build.exported.get("BUILD_FAILURE"):
            yield from ((f"         | {line}", "dim") for line in _tail(build.log))
    for task in outcome.tasks:
        address = task.interface.address if task.interface else "no address"
        yield f"  task   {shlex.join(task.argv) or '(no image)'}  at {address}", ""
        if task.process is not None and task.process.is_unreachable:
            yield f"         listens on 127.0.0.1:{task.port} only: in its container nobody could reach it; let it listen on 0.0.0.0", "yellow"  # fmt: skip
        elif task.process is not None and task.process.is_watched and not task.process.is_listening:
            yield (
                f"         never listened on port {task.port}, which it was given as {{port}} and as $PORT",
                "yellow",
            )
        stopped = task.stopped or {}
        yield f"         {stopped.get('StopCode', 'not stopped')}: {stopped.get('StoppedReason', '')}", ""
        if outcome.fault != "none":
            yield from ((f"         | {line}", "dim") for line in _tail(task.log))


def _tail(log: Path) -> list[str]:
    try:
        found: list[str] = log.read_text("utf-8", errors="replace").splitlines()[-12:]
    except OSError:
        return []
    return [line[:160] for line in found]
