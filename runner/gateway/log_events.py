"""CloudWatch Logs: FilterLogEvents with JSON patterns, prefixes and pages, none of which the emulator has."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runner.gateway import filter_patterns
from runner.gateway.protocol import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from runner.pipeline import Pipeline

LIMIT = 10_000
"""What an answer holds at most, and by default. Evidence: documentation (FilterLogEvents, `limit`)."""


@dataclass
class LogEvents:
    """Answers for CloudWatch Logs. Safe to be asked from any thread."""

    pipeline: Pipeline
    service: str = "logs"

    @property
    def operations(self) -> Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]]:
        """What is answered here."""
        return {"FilterLogEvents": self.filter_log_events}

    def filter_log_events(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return a page of a group's events, those of all its streams in the order of their times."""
        from botocore.exceptions import ClientError  # noqa: PLC0415 - the help needs no botocore

        pattern = given.get("filterPattern", "").strip()
        is_json = pattern.startswith("{")
        try:
            fits = filter_patterns.matcher(pattern) if is_json else None
        except filter_patterns.FilterPatternError as error:
            raise ApiError("InvalidParameterException", str(error)) from error
        here = {"filterPattern"} if is_json else set()
        here |= {"limit", "nextToken", "logStreamNamePrefix", "interleaved"}
        asked = {name: value for name, value in given.items() if name not in here}
        try:
            found = self.pipeline.emulator.client("logs").filter_log_events(**asked, limit=LIMIT)["events"]
        except ClientError as error:
            raise ApiError(error.response["Error"]["Code"], error.response["Error"]["Message"]) from error
        prefix = given.get("logStreamNamePrefix", "")
        events = [
            each
            for each in found
            if each["logStreamName"].startswith(prefix) and (fits is None or fits(each["message"]))
        ]
        start, size = _start(given.get("nextToken")), given.get("limit", LIMIT)
        more = len(events) > start + size
        return {
            "events": events[start : start + size],
            "searchedLogStreams": [],
            "nextToken": base64.urlsafe_b64encode(str(start + size).encode()).decode() if more else None,
        }


def _start(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token))
    except ValueError as error:
        raise ApiError("InvalidParameterException", "The specified nextToken is invalid.") from error
