"""An execution's history, read on from where the last reading ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from deployer.account import error_code
from deployer.console import EXIT_ERROR, Refused
from operations.outcome import missing
from review.execution_ends import ENDS

if TYPE_CHECKING:
    from deployer.account import Account

    Event = dict[str, Any]

PAGE = 1000
"""Events of one answer; the most that AWS gives."""


@dataclass
class History:
    """The events of an execution. Each look asks once where nothing is new, and once for each page more."""

    account: Account
    arn: str
    has_data: bool = False
    """Whether inputs and outputs are read, too: most of an answer's bytes."""
    events: list[Event] = field(default_factory=list)
    _token: str | None = None
    """Of the page that was the last one. It is asked for again: what is new is at its end, or behind it."""

    @property
    def is_over(self) -> bool:
        """Whether the execution has ended."""
        return bool(self.events) and self.events[-1]["type"] in ENDS

    def look(self) -> list[Event]:
        """Return the events since the last look. Raises `Refused` where there is no such execution."""
        fresh: list[Event] = []
        while True:
            page = self._page()
            known = self.events[-1]["id"] if self.events else 0
            new = [_normal(event) for event in page["events"] if event["id"] > known]
            self.events += new
            fresh += new
            if not page.get("nextToken"):
                return fresh
            self._token = page["nextToken"]

    def _page(self) -> Any:
        from botocore.exceptions import ClientError  # noqa: PLC0415 - the help needs no botocore

        given = {"nextToken": self._token} if self._token else {}
        try:
            return self.account.client("stepfunctions").get_execution_history(
                executionArn=self.arn, maxResults=PAGE, includeExecutionData=self.has_data, **given
            )
        except ClientError as error:
            if error_code(error) in {"ExecutionDoesNotExist", "InvalidArn"}:
                raise Refused(missing(self.arn), EXIT_ERROR) from error
            if error_code(error) == "InvalidToken" and self._token:
                # A token lives for a day: begin anew, and skip what is known.
                self._token = None
                return self._page()
            raise


def _normal(event: Event) -> Event:
    """Return an event with its time as text, in UTC, as a history file has it."""
    at: datetime = event["timestamp"]
    return {**event, "timestamp": at.astimezone(UTC).isoformat(timespec="milliseconds")}
