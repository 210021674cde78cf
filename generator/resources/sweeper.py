"""The task sweeper: its state machine, the rules that start it, and what tells when it could not do its work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from troposphere import GetAtt, Output, Ref, Sub, cloudwatch, events, iam, sqs

from generator import task_sweeper
from generator.resources.alarms import alarm
from generator.resources.part import Part, shared, trust
from generator.resources.state_machines import execution_log, machine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from generator.artifacts import Definition
    from generator.settings import Settings
    from generator.substitutions import Substitution

RULES = ("SweepOnExecutionEnd", "SweepOnSchedule")
RETENTION_SECONDS = 14 * 24 * 3600
"""Of an event that could not be delivered: what SQS keeps at most (documentation: SQS quotas)."""

ALARMS = {
    "SweepsFailedAlarm": "ExecutionsFailed",
    "SweepsTimedOutAlarm": "ExecutionsTimedOut",
    "SweepsAbortedAlarm": "ExecutionsAborted",
}
"""The alarms on the sweeper's own executions, and their metrics."""


def part(settings: Settings, definition: Definition, tokens: Mapping[str, Substitution]) -> Part:
    """Return the sweeper's state machine."""
    return Part(
        resources=(
            execution_log("SweeperLogGroup", "${AWS::StackName}-sweeper", settings),
            machine(
                "Sweeper",
                definition,
                tokens,
                role="SweeperRole",
                log="SweeperLogGroup",
                after=("SweeperPolicy",),
            ),
        )
    )


@shared
def surroundings() -> Part:
    """Return what starts the sweeper, and what tells when it could not do its work."""
    dimensions = [cloudwatch.MetricDimension(Name="StateMachineArn", Value=Ref("Sweeper"))]
    return Part(
        resources=(
            *_rules(),
            *_undelivered(),
            *(
                alarm(title, Namespace="AWS/States", MetricName=metric, Dimensions=dimensions)
                for title, metric in ALARMS.items()
            ),
            alarm(
                "SweepsNotStartedAlarm",
                Namespace="AWS/SQS",
                MetricName="ApproximateNumberOfMessagesVisible",
                Dimensions=[
                    cloudwatch.MetricDimension(
                        Name="QueueName", Value=GetAtt("UndeliveredEvents", "QueueName")
                    )
                ],
            ),
        ),
        outputs=(
            Output(
                "SweeperArn",
                Value=Ref("Sweeper"),
                Description="Start it with the input {} to look at everything now.",
            ),
            Output("SweeperLogGroupName", Value=Ref("SweeperLogGroup"), Description="The sweeps' log."),
            Output(
                "UndeliveredEventsUrl",
                Value=Ref("UndeliveredEvents"),
                Description="The queue of events that could not start a sweep.",
            ),
        ),
    )


def _rules() -> tuple[Any, ...]:
    target = events.Target(
        Id="Sweeper",
        Arn=Ref("Sweeper"),
        RoleArn=GetAtt("SweepStarterRole", "Arn"),
        DeadLetterConfig=events.DeadLetterConfig(Arn=GetAtt("UndeliveredEvents", "Arn")),
        # An older event than this is the schedule's work.
        RetryPolicy=events.RetryPolicy(MaximumEventAgeInSeconds=3600, MaximumRetryAttempts=10),
    )
    ended, schedule = RULES
    return (
        iam.Role(
            "SweepStarterRole",
            Description="Starts the task sweeper, and nothing else",
            AssumeRolePolicyDocument=trust(
                "events.amazonaws.com",
                {
                    "ArnLike": {
                        "aws:SourceArn": Sub(
                            "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/*"
                        )
                    }
                },
            ),
            Policies=[
                iam.Policy(
                    PolicyName="StartSweeps",
                    PolicyDocument={
                        "Version": "2012-10-17",
                        "Statement": [
                            {
                                "Effect": "Allow",
                                "Action": ["states:StartExecution"],
                                "Resource": Ref("Sweeper"),
                            }
                        ],
                    },
                )
            ],
        ),
        events.Rule(
            ended,
            Description="An execution of the pipeline ended otherwise than well: end what it left behind",
            EventPattern={
                "source": ["aws.states"],
                "detail-type": ["Step Functions Execution Status Change"],
                "detail": {
                    # Executions start through the alias; whether their events name it, no documentation says.
                    "stateMachineArn": [Ref("Pipeline"), {"prefix": Sub("${Pipeline}:")}],
                    "status": list(task_sweeper.OVER),
                },
            },
            Targets=[target],
        ),
        events.Rule(
            schedule,
            Description="Events are delivered on a best-effort basis: look at everything now and then",
            ScheduleExpression=f"rate({task_sweeper.SCHEDULE_MINUTES} minutes)",
            Targets=[target],
        ),
    )


def _undelivered() -> tuple[Any, ...]:
    queue = GetAtt("UndeliveredEvents", "Arn")
    return (
        sqs.Queue(
            "UndeliveredEvents",
            SqsManagedSseEnabled=True,
            MessageRetentionPeriod=RETENTION_SECONDS,
            DeletionPolicy="Delete",
            UpdateReplacePolicy="Delete",
        ),
        sqs.QueuePolicy(
            "UndeliveredEventsPolicy",
            Queues=[Ref("UndeliveredEvents")],
            PolicyDocument={
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": "events.amazonaws.com"},
                        "Action": "sqs:SendMessage",
                        "Resource": queue,
                        "Condition": {
                            "ArnEquals": {"aws:SourceArn": [GetAtt(rule, "Arn") for rule in RULES]}
                        },
                    },
                    {
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "sqs:*",
                        "Resource": queue,
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    },
                ],
            },
        ),
    )
