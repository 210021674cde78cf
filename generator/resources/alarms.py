"""Alarms: a rejected server is no fault of ours, so the failures of executions are not what is counted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from troposphere import If, NoValue, Output, Parameter, Ref, Sub, cloudwatch, logs

from generator.resources.part import Part, optional, shared

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

NAMESPACE = "ToolShed/${AWS::StackName}"
FAULT_METRIC = "PipelineFaults"
FAILED = '$.type = "FailStateEntered" && $.details.name = "PipelineFailed"'
DIED = '$.type = "ExecutionFailed" && $.details.error = "States.*"'
"""An error that no state can catch ended the execution: `States.Runtime`, a payload that is too large."""
RUNBOOK = "docs/operating.md"

STATES_METRICS = ("ExecutionsTimedOut", "ExecutionsAborted", "ExecutionThrottled")
"""The metrics of Step Functions that are alarms here."""


@dataclass(frozen=True, eq=False)
class Meaning:
    """What a person who is woken by an alarm reads."""

    alarm: str
    means: str
    look: str
    do: str


@cache
def meanings() -> dict[str, Meaning]:
    """Return what each alarm means, by its logical ID."""
    rows = yaml.load((Path(__file__).parent / "alarms.yaml").read_text("utf-8"), Loader=LOADER)  # noqa: S506  # LOADER is a safe loader
    return {meaning.alarm: meaning for meaning in (Meaning(**row) for row in rows)}


@shared
def part() -> Part:
    """Return the alarms' share of the template."""
    machine = [cloudwatch.MetricDimension(Name="StateMachineArn", Value=Ref("Pipeline"))]
    return Part(
        resources=(
            log_metric(
                "PipelineFaultFilter",
                FAULT_METRIC,
                f"{{ ({FAILED}) || ({DIED}) }}",
            ),
            alarm("PipelineFaultAlarm", Namespace=Sub(NAMESPACE), MetricName=FAULT_METRIC),
            *(
                alarm(f"{metric}Alarm", Namespace="AWS/States", MetricName=metric, Dimensions=machine)
                for metric in STATES_METRICS
            ),
        ),
        parameters=(
            Parameter(
                "AlarmTopicArn",
                Type="String",
                Default="",
                AllowedPattern=r"^$|^arn:[a-z-]+:sns:.+$",
                Description="An SNS topic that alarms are sent to; empty: they are only shown.",
            ),
        ),
        conditions=optional("AlarmTopicArn"),
        outputs=(
            Output(
                "PipelineFaultAlarmName",
                Value=Ref("PipelineFaultAlarm"),
                Description="In alarm when the pipeline itself is at fault.",
            ),
        ),
    )


def log_metric(title: str, metric: str, pattern: str) -> logs.MetricFilter:
    """Return what counts the events of executions that a pattern describes, as a metric of this stack."""
    return logs.MetricFilter(
        title,
        LogGroupName=Ref("PipelineLogGroup"),
        FilterPattern=pattern,
        MetricTransformations=[
            logs.MetricTransformation(
                MetricNamespace=Sub(NAMESPACE),
                MetricName=metric,
                MetricValue="1",
                DefaultValue=0,
                Unit="Count",
            )
        ],
    )


def alarm(title: str, **metric: object) -> cloudwatch.Alarm:
    """Return an alarm on one event of a metric within five minutes; its description leads to the runbook."""
    topic = If("HasAlarmTopicArn", [Ref("AlarmTopicArn")], NoValue)
    return cloudwatch.Alarm(
        title,
        AlarmDescription=f"{meanings()[title].means} What to do: {RUNBOOK}#{title.lower()}",
        Statistic="Sum",
        Period=300,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
        AlarmActions=topic,
        OKActions=topic,
        **metric,
    )
