"""Rules about Resources: services, actions and patterns that exist."""

from __future__ import annotations

from typing import TYPE_CHECKING

from states_language import shapes
from states_language.diagnostics import Finding, Severity
from states_language.document import Task
from states_language.integrations import Integration, Pattern, Target, optimized, parse_resource
from states_language.naming import action_name
from states_language.spelling import listed, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from states_language.pointer import Pointer
    from states_language.rules.subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """Report the Resources that cannot be called as they are written."""
    for state in subject.states.values():
        if isinstance(state, Task) and isinstance(state.fields.get("Resource"), str):
            integration = parse_resource(state.resource)
            pointer = state.pointer / "Resource"
            if integration.target is Target.SDK:
                yield from _sdk(integration, pointer)
            elif integration.target is Target.OPTIMIZED:
                yield from _optimized(integration, pointer)
            elif integration.target is Target.UNKNOWN and not _is_filled_in(state.resource):
                yield Finding(
                    "unknown-resource",
                    pointer,
                    f"'{state.resource}' is no Resource of Step Functions.",
                    "Write 'arn:${Partition}:states:::service:action', or a function's or an activity's ARN.",
                )


def _is_filled_in(resource: str) -> bool:
    return "${" in resource


def _sdk(integration: Integration, pointer: Pointer) -> Iterator[Finding]:
    index = shapes.load()
    service = index.service(integration.service)
    offset = integration.resource.find("aws-sdk:") + len("aws-sdk:")
    if service is None:
        yield _unknown_service(integration, pointer, offset)
        return
    if integration.action not in service.actions:
        meant = nearest(integration.action, service.actions)
        yield Finding(
            "unknown-action",
            pointer,
            f"{integration.service} has no action '{integration.action}' (botocore {index.version}).",
            f"Did you mean '{meant}'?" if meant else "",
            offset + len(integration.service) + 1,
        )
    if integration.unknown_pattern or integration.pattern not in (
        Pattern.REQUEST_RESPONSE,
        Pattern.TASK_TOKEN,
    ):
        suffix = integration.unknown_pattern or integration.pattern
        yield Finding(
            "unsupported-pattern",
            pointer,
            f"aws-sdk integrations have no pattern '.{suffix}'.",
            "They answer at once, or wait for a task token ('.waitForTaskToken').",
            integration.resource.rfind("." + suffix),
        )


def _unknown_service(integration: Integration, pointer: Pointer, offset: int) -> Finding:
    index = shapes.load()
    meant = index.folders.get(integration.service) or _service_of(integration)
    if meant is not None:
        return Finding(
            "unknown-service",
            pointer,
            f"There is no service '{integration.service}' in aws-sdk integrations.",
            f"Did you mean 'aws-sdk:{meant}:{integration.action}'?",
            offset,
            severity=Severity.ERROR,
        )
    return Finding(
        "unknown-service",
        pointer,
        f"The service '{integration.service}' is not known (botocore {index.version}).",
        "It may be older or newer than the shapes that the checker has; its calls are not checked.",
        offset,
    )


def _service_of(integration: Integration) -> str | None:
    """Return the nearest service that has the action."""
    index = shapes.load()
    names = set(index.places)
    while (meant := nearest(integration.service, names)) is not None:
        service = index.service(meant)
        if service is not None and integration.action in service.actions:
            return meant
        names.discard(meant)
    return None


def _optimized(integration: Integration, pointer: Pointer) -> Iterator[Finding]:
    actions = optimized().get(integration.service)
    offset = integration.resource.rfind(f":{integration.service}:{integration.action}") + 1
    if actions is None:
        yield _no_optimized_service(integration, pointer, offset)
        return
    row = actions.get(integration.action)
    if row is None:
        meant = nearest(integration.action, actions)
        yield Finding(
            "unknown-action",
            pointer,
            f"{integration.service} has no optimized action '{integration.action}'.",
            f"Did you mean '{meant}'?" if meant else _by_sdk(integration) or f"It has {listed(actions)}.",
            offset + len(integration.service) + 1,
        )
        return
    if integration.unknown_pattern or integration.pattern not in row.patterns:
        suffix = integration.unknown_pattern or integration.pattern
        others = [f".{pattern}" for pattern in row.patterns if pattern]
        yield Finding(
            "unsupported-pattern",
            pointer,
            f"{integration.service}:{integration.action} has no pattern '.{suffix}'.",
            f"It has {listed(others)}." if others else "It answers at once only.",
            integration.resource.rfind("." + suffix),
        )


def _no_optimized_service(integration: Integration, pointer: Pointer, offset: int) -> Finding:
    meant = nearest(integration.service, optimized())
    by_sdk = _by_sdk(integration)
    if meant is not None and integration.action in optimized()[meant]:
        advice, severity = f"Did you mean '{meant}:{integration.action}'?", Severity.ERROR
    elif by_sdk:
        advice, severity = by_sdk, Severity.ERROR
    else:
        advice, severity = f"There are {listed(optimized(), most=30)}.", Severity.WARNING
    return Finding(
        "unknown-service",
        pointer,
        f"There is no optimized integration of '{integration.service}'.",
        advice,
        offset,
        severity=severity,
    )


def _by_sdk(integration: Integration) -> str:
    """Say how the SDK's integrations call an action that has no optimized one."""
    index = shapes.load()
    name = (
        integration.service if integration.service in index.places else index.folders.get(integration.service)
    )
    service = None if name is None else index.service(name)
    action = action_name(integration.action)
    if service is None or action not in service.actions:
        return ""
    return f"Call it by the SDK: 'aws-sdk:{service.name}:{action}'."
