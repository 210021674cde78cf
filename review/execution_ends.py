"""How an execution's history ends: apart from what reads one whole, since following an execution needs only this."""

from __future__ import annotations

ENDS = {
    "ExecutionSucceeded": "SUCCEEDED",
    "ExecutionFailed": "FAILED",
    "ExecutionTimedOut": "TIMED_OUT",
    "ExecutionAborted": "ABORTED",
}
"""The status of an execution, by the type of its last event. Evidence: botocore's model (HistoryEventType)."""
