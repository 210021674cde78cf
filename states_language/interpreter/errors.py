"""How a state fails, which error names there are, and which handler a failure meets."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

RUNTIME = "States.Runtime"
DATA_LIMIT_EXCEEDED = "States.DataLimitExceeded"
TIMEOUT = "States.Timeout"
HEARTBEAT_TIMEOUT = "States.HeartbeatTimeout"
TASK_FAILED = "States.TaskFailed"
ALL = "States.ALL"
NO_CHOICE_MATCHED = "States.NoChoiceMatched"
INTRINSIC_FAILURE = "States.IntrinsicFailure"
QUERY_EVALUATION_ERROR = "States.QueryEvaluationError"
RESULT_PATH_MATCH_FAILURE = "States.ResultPathMatchFailure"
EXCEED_TOLERATED_FAILURE_THRESHOLD = "States.ExceedToleratedFailureThreshold"
ITEM_READER_FAILED = "States.ItemReaderFailed"
RESULT_WRITER_FAILED = "States.ResultWriterFailed"

NOT_CAUGHT_BY_WILDCARDS = frozenset({RUNTIME, DATA_LIMIT_EXCEEDED})
"""What neither `States.ALL` nor `States.TaskFailed` matches.

Evidence: documentation (page "Handling errors in Step Functions workflows"). For a task's too large *result*
histories recorded from AWS in 2024 say otherwise: there `States.ALL` caught `States.DataLimitExceeded`
(LocalStack, `error_handling/test_states_errors.snapshot.json`). The interpreter keeps to the documentation: a
document that is safe here is safe either way.
"""


class StateFailure(Exception):  # noqa: N818 - a failure is what ASL's documentation calls it
    """A state failed with an error name and, mostly, a cause; retriers and catchers look at it."""

    def __init__(
        self, error: str, cause: str | None = None, aliases: tuple[str, ...] = (), location: str | None = None
    ):
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause
        self.aliases = aliases
        """Further names under which handlers know it."""
        self.location = location
        """The field whose expression failed, in a state that is written in JSONata."""

    def output(self) -> dict[str, str]:
        """Return the error output that a catcher hands on; an absent cause is an empty text.

        Evidence: emulator (LocalStack, after recorded histories).
        """
        return {"Error": self.error, "Cause": self.cause or ""}


class TaskFailed(Exception):  # noqa: N818 - AWS's name for the event
    """Raised by a `call_task` to fail its task, `seconds` after it was called."""

    def __init__(self, error: str, cause: str | None = None, *, seconds: float = 0):
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause
        self.seconds = seconds


class ExecutionStopped(Exception):  # noqa: N818 - what StopExecution does
    """Raised by an observer, or by a `call_task`, to stop the execution as StopExecution does."""

    def __init__(self, error: str | None = None, cause: str | None = None):
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


def handles(error_equals: Iterable[str], failure: StateFailure) -> bool:
    """Tell whether a retrier or catcher with these names handles the failure.

    `States.Runtime` is never handled: it always ends the execution. `States.TaskFailed` matches everything but
    `States.Timeout`. Evidence: documentation (page "Handling errors in Step Functions workflows").
    """
    if failure.error == RUNTIME:
        return False
    for name in error_equals:
        if name == failure.error or name in failure.aliases:
            return True
        wildcard = name == ALL or (name == TASK_FAILED and failure.error != TIMEOUT)
        if wildcard and failure.error not in NOT_CAUGHT_BY_WILDCARDS:
            return True
    return False
