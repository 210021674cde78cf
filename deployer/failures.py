"""Why a deployment failed: the earliest cause first, its reason in full, its line in the committed template."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from states_language.pointer import Pointer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from deployer.events import Finding, StackEvent
    from states_language.sources import Parsed

ADVICE = Path(__file__).with_name("failures.yaml")
HANDLER_CODE = re.compile(r"HandlerErrorCode: (\w+)")
PROPERTY = re.compile(r"#/([\w/]+)")
"""How a reason names a property of the resource: `#/DefinitionS3Location/Key: …`."""


BEGUN = frozenset({"ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS"})
CANCELLED = "no resource failed: somebody has cancelled it, or led the alias back meanwhile (`python build.py rollback`); ask them"


@dataclass(frozen=True)
class Cause:
    """One thing that went wrong."""

    what: str
    """The resource and its type, or the hook."""
    how: str
    """The status, the validation's or the hook's name."""
    reason: str
    """In full, as AWS says it."""
    place: str = ""
    """File and line of the template."""
    path: str = ""
    """Of the property, as AWS names it."""
    help: str = ""
    is_warning: bool = False


def causes(events: Sequence[StackEvent], findings: Sequence[Finding], template: Parsed | None) -> list[Cause]:
    """Return what went wrong, the earliest first; what is only a consequence is left out.

    What an operation's findings say takes the place of the events of the same resource: it knows the path.
    """
    told = [
        _of_finding(each, template)
        for each in findings
        if not (each.type == "AWS::CloudFormation::Stack" and each.kind == "PROVISIONING_ERROR")
        and not each.is_consequence
    ]
    told.sort(key=lambda cause: cause.is_warning)
    subjects = {cause.what for cause in told if not cause.is_warning}
    failed = [event for event in events if event.is_failure]
    resources = [event for event in failed if not event.is_stack]
    # The stack's own event repeats its resources' reasons, and is all there is where none of them was touched.
    stated = [_of_event(event, template) for event in resources or ([] if subjects else failed)]
    if not subjects and not stated:
        # Nothing failed: whoever cancels an update gives the stack itself a reason.
        begun = [event for event in events if event.is_stack and event.status in BEGUN]
        stated = [replace(_of_event(event, template), help=CANCELLED) for event in begun[:1]]
    return [*told, *(cause for cause in stated if cause.what not in subjects)]


def lines(found: Sequence[Cause]) -> Iterator[str]:
    """Yield what a person reads: the first cause, then the others, shorter."""
    for number, cause in enumerate(found):
        place = f"  {cause.place}" if cause.place else ""
        yield f"{'cause' if number == 0 else 'also'}: {cause.what}  {cause.how}{place}"
        if cause.path:
            yield f"    at {cause.path}"
        yield from (f"    {line}" for line in cause.reason.splitlines() or ["no reason was given"])
        if number == 0 and cause.help:
            yield f"    → {cause.help}"


def document(cause: Cause) -> dict[str, Any]:
    """Return a cause for programs."""
    return {
        "what": cause.what,
        "how": cause.how,
        "reason": cause.reason,
        "place": cause.place,
        "path": cause.path,
        "help": cause.help,
        "isWarning": cause.is_warning,
    }


def _of_event(event: StackEvent, template: Parsed | None) -> Cause:
    if event.is_hook_failure:
        return Cause(
            f"{event.logical_id} ({event.type})",
            f"refused by the hook {event.hook}",
            event.hook_reason or event.reason,
            _place(template, ("Resources", event.logical_id)),
            help="a rule of your organisation refuses this; whoever owns the hook knows what it asks for",
        )
    named = PROPERTY.search(event.reason)
    steps: tuple[str, ...] = ("Resources", event.logical_id)
    if named is not None:
        steps = (*steps, "Properties", *named[1].split("/"))
    return Cause(
        f"{event.logical_id} ({event.type})",
        event.status,
        event.reason,
        _place(template, steps),
        help=advice(event.reason),
    )


def _of_finding(finding: Finding, template: Parsed | None) -> Cause:
    steps = tuple(step for step in re.split(r"[/.]", finding.path) if step)
    if steps[:1] != ("Resources",):
        inner = steps if steps[:1] == ("Properties",) or not steps else ("Properties", *steps)
        steps = ("Resources", finding.logical_id, *inner)
    how = {
        "VALIDATION_ERROR": f"early validation: {finding.name}",
        "HOOK_INVOCATION_ERROR": f"refused by the hook {finding.name}",
    }.get(finding.kind, "failed")
    return Cause(
        f"{finding.logical_id} ({finding.type})",
        f"{how} (a warning)" if finding.is_warning else how,
        finding.reason,
        _place(template, steps),
        finding.path,
        "a rule of your organisation refuses this; whoever owns the hook knows what it asks for"
        if finding.kind == "HOOK_INVOCATION_ERROR"
        else advice(finding.reason),
        finding.is_warning,
    )


def _place(template: Parsed | None, steps: tuple[str, ...]) -> str:
    """Return file and line of the nearest value that holds a place; empty where the template has no such resource."""
    if template is None or steps[1] not in template.value.get("Resources", {}):
        return ""
    found: list[str | int] = []
    value: Any = template.value
    for step in steps:
        if isinstance(value, dict) and step in value:
            found.append(step)
            value = value[step]
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            found.append(int(step))
            value = value[int(step)]
        else:
            break
    line, _ = template.locate(Pointer(tuple(found)), at_key=True)
    return f"{template.file}:{line}"


def advice(reason: str) -> str:
    """Return what to do about a reason; empty where nothing is known of it."""
    code = HANDLER_CODE.search(reason)
    if code is not None:
        for entry in _advice():
            if code[1] in entry["codes"]:
                return str(entry["help"])
    lower = reason.lower()
    for entry in _advice():
        if any(word.lower() in lower for word in entry["words"]):
            return str(entry["help"])
    return ""


@cache
def _advice() -> Sequence[Mapping[str, Any]]:
    import yaml  # noqa: PLC0415 - only where something went wrong

    found: Sequence[Mapping[str, Any]] = yaml.safe_load(ADVICE.read_text("utf-8"))
    return found
