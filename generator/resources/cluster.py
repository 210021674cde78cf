"""Where the servers under validation run: the cluster, the tasks' roles and their logs."""

from __future__ import annotations

from troposphere import GetAtt, Output, Ref, Sub, ecs, iam

from generator.resources.part import Part, name_parameter, named, optional, shared, trust
from generator.resources.safeguards import BOUNDARY, log_group


@shared
def part(name: str, log_group_name: str, retention_days: int) -> Part:
    """Return the cluster's share of the template: both names' defaults, and how long the servers' logs are kept."""
    tasks = trust(
        "ecs-tasks.amazonaws.com",
        {"ArnLike": {"aws:SourceArn": Sub("arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:*")}},
    )
    pull_and_log = [
        # ecr:GetAuthorizationToken takes no resource.
        {"Effect": "Allow", "Action": ["ecr:GetAuthorizationToken"], "Resource": "*"},
        {
            "Effect": "Allow",
            "Action": ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            "Resource": GetAtt("ImageRepository", "Arn"),
        },
        {
            "Effect": "Allow",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
            "Resource": GetAtt("TaskLogGroup", "Arn"),
        },
    ]
    return Part(
        resources=(
            ecs.Cluster("Cluster", ClusterName=named("ClusterName")),
            log_group(
                "TaskLogGroup",
                retention_days,
                LogGroupName=named("TaskLogGroupName"),
            ),
            iam.Role(
                "TaskExecutionRole",
                Description="Pulls the image and writes the log of a server under validation",
                AssumeRolePolicyDocument=tasks,
                PermissionsBoundary=BOUNDARY,
                Policies=[
                    iam.Policy(
                        PolicyName="PullAndLog",
                        PolicyDocument={"Version": "2012-10-17", "Statement": pull_and_log},
                    )
                ],
            ),
            iam.Role(
                "TaskRole",
                Description="What the server under validation may do on AWS: nothing",
                AssumeRolePolicyDocument=tasks,
                PermissionsBoundary=BOUNDARY,
            ),
        ),
        parameters=(
            name_parameter("ClusterName", name, "cluster", r"^[A-Za-z][A-Za-z0-9_-]{0,254}$"),
            name_parameter(
                "TaskLogGroupName",
                log_group_name,
                "servers' log group",
                r"^[A-Za-z0-9_/.#-]{1,512}$",
            ),
        ),
        conditions={**optional("ClusterName"), **optional("TaskLogGroupName")},
        outputs=(
            Output(
                "ClusterNameInUse", Value=Ref("Cluster"), Description="The cluster that the tasks run in."
            ),
            Output("TaskLogGroupNameInUse", Value=Ref("TaskLogGroup"), Description="The servers' logs."),
        ),
    )
