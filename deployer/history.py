"""The events of a stack, as the command `events` shows them: a table, or one line for each while they come."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from deployer import events, stacks
from deployer.console import (
    EXIT_DONE,
    EXIT_ERROR,
    EXIT_INTERRUPTED,
    EXIT_ROLLED_BACK,
    EXIT_USAGE,
    Refused,
    note,
    table,
)
from deployer.execute import Follower
from deployer.progress import Lines, style_of, zone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deployer.account import Account
    from deployer.events import Finding, StackEvent
    from deployer.stacks import Stack

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
AGO = re.compile(r"(\d+)([smhd])")
LAST = "last"


@dataclass(frozen=True)
class Wanted:
    """Which events are to be shown, and how."""

    stack: str
    since: datetime | None = None
    operation: str = ""
    only_failed: bool = False
    is_json: bool = False


def moment(text: str, now: datetime | None = None) -> datetime:
    """Return the time that `20m` (ago) or `2026-11-22T08:00` (in this machine's zone) means. Raises `Refused`."""
    now = now or datetime.now(UTC)
    try:
        if ago := AGO.fullmatch(text.strip()):
            return now - timedelta(seconds=int(ago[1]) * UNITS[ago[2]])
        return datetime.fromisoformat(text.strip()).astimezone(UTC)
    except OverflowError as error:
        raise Refused(f"--since {text}: that is longer ago than any stack", EXIT_USAGE) from error
    except ValueError as error:
        raise Refused(
            f"--since {text}: it is neither a span (90s, 20m, 3h, 2d) nor a time (2026-11-22T08:00)",
            EXIT_USAGE,
        ) from error


def show_events(account: Account, wanted: Wanted) -> int:
    """Show what happened so far. Raises `Refused` where there is no such stack."""
    client = account.client("cloudformation")
    stack = _stack(client, wanted.stack)
    found = _chosen(events.Stream(client, stack.id, wanted.since).new(has_all=True), wanted)
    findings = _findings(client, stack, wanted) if wanted.only_failed else []
    if wanted.is_json:
        for event in found:
            click.echo(as_json(event))
        for finding in findings:
            click.echo(json.dumps(_finding_document(finding), ensure_ascii=False))
        return EXIT_DONE
    if not found and not findings:
        click.echo(f"{stack.name} is {stack.status}; no such events")
        return EXIT_DONE
    if found:
        # A table cuts what is long: of what failed, the reason is wanted in full, below it.
        click.echo(as_table(found, has_reasons=not wanted.only_failed))
    if wanted.only_failed:
        for event in found:
            click.echo(f"\n{event.logical_id}: {_reason(event) or 'no reason was given'}")
        for finding in findings:
            where = f" at {finding.path}" if finding.path else ""
            click.echo(f"\n{finding.logical_id}: {finding.name or finding.kind}{where}: {finding.reason}")
    return EXIT_DONE


def as_table(found: Sequence[StackEvent], *, has_reasons: bool = True) -> str:
    """Return events as a table under their day and zone: a day that all share, and reasons that none has, take no room."""
    days = {_local(event).date() for event in found}
    day = f"{days.pop()}, " if len(days) == 1 else ""
    form = "%H:%M:%S" if day else "%Y-%m-%d %H:%M:%S"
    rows = [
        [
            _local(event).strftime(form),
            event.hook_status or event.status,
            event.logical_id,
            event.type.removeprefix("AWS::"),
            _reason(event),
        ]
        for event in found
    ]
    headings = ["time", "status", "resource", "type", "reason"]
    if not has_reasons or not any(row[-1] for row in rows):
        headings, rows = headings[:-1], [row[:-1] for row in rows]
    shown = table(headings, rows, [style_of(event.status) for event in found])
    return f"{day}times are in {zone(found[-1].at)}\n{shown}"


def follow_events(account: Account, wanted: Wanted) -> int:
    """Show what happens until it has ended; return 4 where it was rolled back. Raises `Refused`."""
    client = account.client("cloudformation")
    stack = _stack(client, wanted.stack)
    stream = events.Stream(client, stack.id, wanted.since)
    view = _Printed(wanted)
    if stack.is_settled:
        if wanted.since is not None:
            for event in stream.new(has_all=True):
                view.event(event)
        note(f"{stack.name} is {stack.status}: nothing goes on")
        return EXIT_DONE
    if wanted.since is None:
        # From the beginning of what goes on: it is that which is to be followed.
        first = events.beginning(events.of_stack(client, stack.id), stack.name)
        stream = events.Stream(client, stack.id, first.at if first is not None else None)
    try:
        with view:
            outcome = Follower(client, stream, view.event, note, view.look).follow(
                lambda _shown, _stack: True
            )
    except KeyboardInterrupt:
        click.echo(f"\nno longer followed; what goes on in {stack.name} is not ended by that", err=True)
        return EXIT_INTERRUPTED
    note(f"{stack.name} is {outcome.status}")
    if "ROLLBACK" in outcome.status and outcome.status.endswith("_COMPLETE"):
        return EXIT_ROLLED_BACK
    return EXIT_ERROR if outcome.status.endswith("_FAILED") else EXIT_DONE


class _Printed(Lines):
    """Prints those events that are wanted, as lines or as JSON."""

    def __init__(self, wanted: Wanted) -> None:
        super().__init__()
        self._wanted = wanted

    def event(self, event: StackEvent) -> None:
        """Show what happened, where it is wanted."""
        if not _chosen([event], self._wanted):
            return
        if self._wanted.is_json:
            click.echo(as_json(event))
            sys.stdout.flush()
        else:
            super().event(event)

    def _write(self, text: str) -> None:
        click.echo(text, err=self._wanted.is_json)


def _stack(client: Any, name: str) -> Stack:
    found = stacks.read(client, name)
    if found is None:
        raise Refused(f"there is no stack {name} in this account and region", EXIT_ERROR)
    return found


def _chosen(found: Sequence[StackEvent], wanted: Wanted) -> list[StackEvent]:
    chosen = list(found)
    if wanted.operation == LAST:
        last = chosen[-1] if chosen else None
        chosen = [each for each in chosen if last is not None and _of_same(each, last)]
    elif wanted.operation:
        chosen = [each for each in chosen if wanted.operation in (each.operation, each.token)]
    if wanted.only_failed:
        failed = [each for each in chosen if each.is_failure]
        # The stack's own event repeats what is told of its resources.
        chosen = [each for each in failed if not each.is_stack] or failed
    return chosen


def _of_same(one: StackEvent, other: StackEvent) -> bool:
    """Tell whether two events are of one operation; by its token, where the service gives no ID."""
    return one.operation == other.operation if other.operation else one.token == other.token


def _findings(client: Any, stack: Stack, wanted: Wanted) -> list[Finding]:
    """Return what early validation and hooks found, which the stack's own events do not tell."""
    operation = wanted.operation if wanted.operation != LAST else next(iter(stack.operations), "")
    named = {"operation": operation} if operation else {"stack": stack.id}
    found = events.findings(client, note, **named)
    return [
        each
        for each in found
        if each.kind != "PROVISIONING_ERROR"
        and (wanted.since is None or each.at is None or each.at >= wanted.since)
    ]


def _local(event: StackEvent) -> datetime:
    return (event.at or datetime.now(UTC)).astimezone()


def _reason(event: StackEvent) -> str:
    return " ".join((event.hook_reason if event.hook else event.reason).split())


def as_json(event: StackEvent) -> str:
    """Return an event as one line of JSON."""
    return json.dumps(document(event), ensure_ascii=False)


def document(event: StackEvent) -> dict[str, Any]:
    """Return an event for programs; its time is in UTC."""
    found = {
        "id": event.id,
        "time": event.at.astimezone(UTC).isoformat() if event.at is not None else "",
        "logicalId": event.logical_id,
        "physicalId": event.physical_id,
        "type": event.type,
        "status": event.status,
        "reason": event.reason,
        "operation": event.operation,
        "token": event.token,
    }
    if event.hook:
        found |= {"hook": event.hook, "hookStatus": event.hook_status, "hookReason": event.hook_reason}
    return found


def _finding_document(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.kind,
        "time": finding.at.astimezone(UTC).isoformat() if finding.at is not None else "",
        "logicalId": finding.logical_id,
        "type": finding.type,
        "name": finding.name,
        "path": finding.path,
        "reason": finding.reason,
        "isWarning": finding.is_warning,
    }
