"""Alarms: a rejected server is no fault of ours, so the failures of executions are not what is counted."""

from __future__ import annotations

from troposphere import If, NoValue, Output, Parameter, Ref, Sub, cloudwatch, logs

from generator.resources.part import Part, optional

NAMESPACE = Sub("ToolShed/${AWS::StackName}")
FAULT_METRIC = "PipelineFaults"

STATES_METRICS = {
    "ExecutionsTimedOut": "An execution ran out of its time; the sweeper stops its task.",
    "ExecutionsAborted": "An execution was stopped from outside; the sweeper stops its task.",
    "ExecutionThrottled": "Executions are held back by a quota of Step Functions.",
}
"""The metrics of Step Functions that are alarms here, and what each means."""


def part() -> Part:
    """Return the alarms' share of the template."""
    machine = [cloudwatch.MetricDimension(Name="StateMachineArn", Value=Ref("Pipeline"))]
    return Part(
        resources=(
            logs.MetricFilter(
                "PipelineFaultFilter",
                LogGroupName=Ref("PipelineLogGroup"),
                FilterPattern='{ $.type = "FailStateEntered" && $.details.name = "PipelineFailed" }',
                MetricTransformations=[
                    logs.MetricTransformation(
                        MetricNamespace=NAMESPACE,
                        MetricName=FAULT_METRIC,
                        MetricValue="1",
                        DefaultValue=0,
                        Unit="Count",
                    )
                ],
            ),
            alarm(
                "PipelineFaultAlarm",
                "A validation ended by a fault of the pipeline: docs/faults.md says what to do.",
                Namespace=NAMESPACE,
                MetricName=FAULT_METRIC,
            ),
            *(
                alarm(
                    f"{metric}Alarm", meaning, Namespace="AWS/States", MetricName=metric, Dimensions=machine
                )
                for metric, meaning in STATES_METRICS.items()
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


def alarm(title: str, meaning: str, **metric: object) -> cloudwatch.Alarm:
    """Return an alarm on one event of a metric within five minutes; `meaning` is what a person reads."""
    topic = If("HasAlarmTopicArn", [Ref("AlarmTopicArn")], NoValue)
    return cloudwatch.Alarm(
        title,
        AlarmDescription=meaning,
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
