"""What follows on AWS when an execution's status changes: metrics, and the rules that wait for such an event.

Evidence: documentation (pages "Monitoring Step Functions metrics using CloudWatch", "Automating Step Functions event
delivery with EventBridge"). The rules' patterns are matched by the emulator; its alarms look at the metrics.
"""

from __future__ import annotations

import contextlib
import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runner.emulator import ACCOUNT, REGION
from runner.gateway.filter_patterns import FilterPatternError, matcher
from runner.services import execution_log
from states_language.interpreter.data import to_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from runner.executions import Run
    from runner.pipeline import Pipeline

METRICS = {
    "ExecutionsSucceeded": "SUCCEEDED",
    "ExecutionsFailed": "FAILED",
    "ExecutionsTimedOut": "TIMED_OUT",
    "ExecutionsAborted": "ABORTED",
}
"""Which metric counts which end."""


@dataclass(frozen=True)
class Aftermath:
    """Sees to what follows an execution's end."""

    pipeline: Pipeline
    start: Callable[[str, str], None]
    """Starts an execution of a state machine, with some input."""

    def of(self, run: Run) -> None:
        """Count an execution that has ended, and start what a rule starts for it."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - the help needs no botocore

        # The emulator may be gone already, with the session.
        with contextlib.suppress(BotoCoreError, ClientError):
            self._count(run)
            self._tell(run)

    def _count(self, run: Run) -> None:
        cloudwatch = self.pipeline.emulator.client("cloudwatch")
        dimensions = [{"Name": "StateMachineArn", "Value": run.workflow.machine_arn}]
        counts = {"ExecutionsStarted": 1, **{name: int(run.status == end) for name, end in METRICS.items()}}
        data: list[dict[str, Any]] = [
            {"MetricName": name, "Dimensions": dimensions, "Value": count, "Unit": "Count"}
            for name, count in counts.items()
        ]
        assert run.stopped is not None  # noqa: S101 - it has ended
        took = (run.stopped - run.started).total_seconds() * 1000
        data.append({"MetricName": "ExecutionTime", "Dimensions": dimensions, "Value": took, "Unit": "Milliseconds"})  # fmt: skip
        cloudwatch.put_metric_data(Namespace="AWS/States", MetricData=data)
        for namespace, metric in self._filtered(run):
            cloudwatch.put_metric_data(Namespace=namespace, MetricData=[metric])

    def _filtered(self, run: Run) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield what the metric filters of the execution's log group count in its events."""
        group = self.pipeline.execution_log.group(run)
        if not group:
            return
        lines = [execution_log.line(run.arn, event) for event in run.events]
        found = self.pipeline.emulator.client("logs").describe_metric_filters(logGroupName=group)
        for each in found["metricFilters"]:
            with contextlib.suppress(FilterPatternError):
                count = sum(map(matcher(each["filterPattern"]), lines))
                for transformation in each["metricTransformations"]:
                    value = {"Value": float(count), "Unit": transformation.get("unit", "None")}
                    yield transformation["metricNamespace"], {"MetricName": transformation["metricName"], **value}  # fmt: skip

    def _tell(self, run: Run) -> None:
        event = json.dumps(status_change(run), ensure_ascii=False)
        events = self.pipeline.emulator.client("events")
        for rule in events.list_rules()["Rules"]:
            pattern = rule.get("EventPattern")
            if rule["State"] != "ENABLED" or not pattern:
                continue
            if not events.test_event_pattern(EventPattern=pattern, Event=event)["Result"]:
                continue
            for target in events.list_targets_by_rule(Rule=rule["Name"])["Targets"]:
                if ":stateMachine:" in target["Arn"]:
                    self.start(target["Arn"], event)


def status_change(run: Run) -> dict[str, Any]:
    """Return the event of an execution that has ended."""
    assert run.stopped is not None  # noqa: S101 - it has ended
    output = to_text(run.output) if run.status == "SUCCEEDED" else None
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Step Functions Execution Status Change",
        "source": "aws.states",
        "account": ACCOUNT,
        "time": f"{run.stopped:%Y-%m-%dT%H:%M:%SZ}",
        "region": REGION,
        "resources": [run.arn],
        "detail": {
            "executionArn": run.arn,
            "stateMachineArn": run.workflow.machine_arn,
            "name": run.name,
            "status": run.status,
            "startDate": _milliseconds(run.started),
            "stopDate": _milliseconds(run.stopped),
            "input": run.input,
            "inputDetails": {"included": True},
            "output": output,
            "outputDetails": None if output is None else {"included": True},
            "error": run.error,
            "cause": run.cause,
            "stateMachineVersionArn": run.workflow.version_arn,
            "stateMachineAliasArn": run.workflow.alias_arn,
            "redriveCount": 0,
        },
    }


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
