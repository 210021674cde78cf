"""Rules about the errors that Retry and Catch name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from states_language import shapes
from states_language.diagnostics import Finding, Severity
from states_language.document import Map, Parallel, State, Task
from states_language.integrations import (
    Integration,
    Target,
    operation,
    optimized_error_prefixes,
    parse_resource,
)
from states_language.naming import optimized_exception_name, sdk_error_prefix, sdk_exception_name
from states_language.spelling import listed, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from states_language.document import Catcher, Retrier
    from states_language.pointer import Pointer
    from states_language.rules.subject import Subject

PREDEFINED: Final = (
    # evidence: documentation (developer guide, "Handling errors"; the language's specification, appendix A)
    "States.ALL",
    "States.BranchFailed",
    "States.DataLimitExceeded",
    "States.ExceedToleratedFailureThreshold",
    "States.HeartbeatTimeout",
    "States.Http.Socket",
    "States.Http.StatusCode",
    "States.IntrinsicFailure",
    "States.ItemReaderFailed",
    "States.NoChoiceMatched",
    "States.ParameterPathFailure",
    "States.Permissions",
    "States.QueryEvaluationError",
    "States.ResultPathMatchFailure",
    "States.ResultWriterFailed",
    "States.Runtime",
    "States.TaskFailed",
    "States.Timeout",
)

RAISED_BY: Final[Mapping[str, tuple[type[State], ...]]] = {
    # Predefined errors that only some types of state report; evidence: documentation
    "States.BranchFailed": (Parallel,),
    "States.ExceedToleratedFailureThreshold": (Map,),
    "States.ItemReaderFailed": (Map,),
    "States.ResultWriterFailed": (Map,),
    "States.HeartbeatTimeout": (Task, Parallel, Map),
    "States.Http.Socket": (Task, Parallel, Map),
    "States.Http.StatusCode": (Task, Parallel, Map),
    "States.NoChoiceMatched": (Parallel, Map),
}

LAMBDA_ERRORS: Final = (
    # Errors of the call to Lambda that no shape models; evidence: documentation (best practices, examples)
    "AWSLambdaException",
    "ClientExecutionTimeoutException",
    "SdkClientException",
    "ServiceException",
    "TooManyRequestsException",
    "Unknown",
)


def check(subject: Subject) -> Iterator[Finding]:
    """Report the names in `ErrorEquals` that match nothing here."""
    for state in subject.states.values():
        for rules in (state.retriers, state.catchers):
            yield from _states_all(rules)
            for rule in rules:
                for place, name in enumerate(rule.errors):
                    yield from _name(name, state, rule.pointer / "ErrorEquals" / place)


def _states_all(rules: Sequence[Retrier | Catcher]) -> Iterator[Finding]:
    for place, rule in enumerate(rules):
        if "States.ALL" not in rule.errors:
            continue
        if len(rule.errors) > 1:
            yield Finding(
                "misplaced-states-all",
                rule.pointer / "ErrorEquals",
                "States.ALL must stand alone: it matches the others too.",
                "Give it an entry of its own, the last one.",
            )
        if place < len(rules) - 1:
            yield Finding(
                "misplaced-states-all",
                rule.pointer / "ErrorEquals",
                "States.ALL must come last: no entry after it is ever tried.",
                "Move its entry to the end.",
            )


def _name(name: str, state: State, pointer: Pointer) -> Iterator[Finding]:
    if name.startswith("States."):
        yield from _predefined(name, pointer)
        if not isinstance(state, RAISED_BY.get(name, State)):
            yield Finding(
                "error-never-raised",
                pointer,
                f"A {state.type} state never reports '{name}'.",
                f"It comes from {listed(kind.type for kind in RAISED_BY[name])} states.",
            )
    elif isinstance(state, Task):
        yield from _of_task(name, parse_resource(state.resource), pointer)
    elif "." in name:
        yield from _of_any(name, pointer)


def _predefined(name: str, pointer: Pointer) -> Iterator[Finding]:
    if name == "States.Runtime":
        yield Finding(
            "uncatchable-error",
            pointer,
            "States.Runtime is never retried and never caught: the execution fails.",
            "Keep the path, the index or the result from failing: test it by a Choice before.",
        )
    elif name not in PREDEFINED:
        meant = nearest(name, PREDEFINED)
        yield Finding(
            "unknown-error-name",
            pointer,
            f"There is no error '{name}'; names of one's own cannot begin with 'States.'.",
            f"Did you mean '{meant}'?" if meant else f"There are {listed(PREDEFINED, most=30)}.",
        )


@dataclass(frozen=True)
class _Errors:
    """The errors that an integration raises."""

    prefixes: tuple[str, ...]
    names: frozenset[str]
    """What stands behind the dot, as far as the API's model says."""


@cache
def errors_of(integration: Integration) -> _Errors | None:
    """Return the errors that an integration raises; None where that is not known."""
    found = operation(integration)
    if integration.target is Target.SDK:
        service = shapes.load().service(integration.service)
        if service is None:
            return None
        prefix = service.error_prefix
        names = {sdk_exception_name(shape) for shape in service.errors}
        return _Errors(
            (prefix,), frozenset({*names, f"{prefix}Exception", "SdkClientException", "AbortedException"})
        )
    if integration.target is Target.OPTIMIZED:
        prefixes = optimized_error_prefixes().get(integration.service)
        if prefixes is None:
            return None
        names = {optimized_exception_name(shape) for shape in found[0].errors} if found else set()
        if integration.service == "lambda":
            names |= set(LAMBDA_ERRORS)
        names |= {f"Amazon{prefix}Exception" for prefix in prefixes} | {
            f"AWS{prefix}Exception" for prefix in prefixes
        }
        return _Errors(prefixes, frozenset({*names, "SdkClientException"}))
    if integration.target is Target.LAMBDA_FUNCTION:
        service = shapes.load().service("lambda")
        names = {optimized_exception_name(shape) for shape in service.errors} if service else set()
        return _Errors(("Lambda",), frozenset({*names, *LAMBDA_ERRORS}))
    return None


@cache
def _sdk_prefixes() -> frozenset[str]:
    """Return every prefix that the SDK's integrations write."""
    return frozenset(sdk_error_prefix(place[3]) for place in shapes.load().places.values())


@cache
def _all_prefixes() -> dict[str, str]:
    """Return every prefix of an error's name by its lower-case form."""
    found: dict[str, str] = {}
    for prefixes in optimized_error_prefixes().values():
        found.update({prefix.lower(): prefix for prefix in prefixes})
    for prefix in _sdk_prefixes():
        found.setdefault(prefix.lower(), prefix)
    return found


def _of_task(name: str, integration: Integration, pointer: Pointer) -> Iterator[Finding]:
    errors = errors_of(integration)
    if errors is None:
        if integration.target is not Target.ACTIVITY and "." in name:
            yield from _of_any(name, pointer)
        return
    prefix, dot, rest = name.partition(".")
    if not dot:
        if integration.target is Target.SDK:
            yield _never(name, integration, pointer, f"Its errors are written '{errors.prefixes[0]}.…'.")
        return
    if prefix in errors.prefixes:
        yield from _behind_prefix(prefix, rest, errors, integration, pointer)
        return
    cased = next((known for known in errors.prefixes if known.lower() == prefix.lower()), None)
    if cased is not None and integration.target is not Target.SDK and prefix in _sdk_prefixes():
        yield _never(
            name, integration, pointer, f"So the SDK's integrations write it; here it is '{cased}.{rest}'."
        )
    elif cased is not None:
        yield Finding(
            "unknown-error-name",
            pointer,
            f"'{name}' matches nothing: {integration.name} writes its errors '{cased}.…'.",
            f"Did you mean '{cased}.{rest}'?",
        )
    elif integration.target is Target.LAMBDA_FUNCTION or integration.service == "lambda":
        # A function's own errors may hold dots: `java.lang.Exception`.
        known = _all_prefixes().get(prefix.lower())
        if known is not None:
            yield _never(name, integration, pointer, "It is an error of another service.")
    elif prefix.lower() in _all_prefixes():
        yield _never(name, integration, pointer, f"Its errors are written '{errors.prefixes[0]}.…'.")


def _behind_prefix(
    prefix: str, rest: str, errors: _Errors, integration: Integration, pointer: Pointer
) -> Iterator[Finding]:
    if rest in errors.names:
        return
    meant = nearest(rest, errors.names)
    if meant is None and rest + "Exception" in errors.names:
        meant, severity = rest + "Exception", Severity.WARNING
    elif meant is None or abs(len(meant) - len(rest)) > 3:
        return  # an error that the API does not model
    else:
        severity = Severity.ERROR
    yield Finding(
        "unknown-error-name",
        pointer,
        f"{integration.name} has no error '{prefix}.{rest}'.",
        f"Did you mean '{prefix}.{meant}'?",
        len(prefix) + 1,
        severity=severity,
    )


def _of_any(name: str, pointer: Pointer) -> Iterator[Finding]:
    """Judge a name where any integration may raise the error: only the prefix's case can be wrong."""
    prefix = name.partition(".")[0]
    if prefix.isupper() and len(prefix) > 3:
        known = _all_prefixes().get(prefix.lower())
        if known is not None and known != prefix:
            yield Finding(
                "unknown-error-name",
                pointer,
                f"No integration writes its errors '{prefix}.…'.",
                f"Did you mean '{known}{name[len(prefix) :]}'?",
            )


def _never(name: str, integration: Integration, pointer: Pointer, advice: str) -> Finding:
    return Finding(
        "error-never-raised",
        pointer,
        f"{integration.name} never raises '{name}'.",
        advice,
    )
