"""The state machine, its published version and the alias that executions are started through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from troposphere import GetAtt, Output, Ref, Sub, logs, stepfunctions

from generator.resources.part import Part, name_parameter, named, optional

if TYPE_CHECKING:
    from generator.artifacts import Definition
    from generator.settings import Settings
    from generator.substitutions import Substitution

ALIAS = "live"


def part(settings: Settings, definition: Definition, tokens: dict[str, Substitution]) -> Part:
    """Return the state machine's share of the template."""
    return Part(
        resources=(
            logs.LogGroup(
                "PipelineLogGroup",
                # Under this prefix CloudWatch Logs needs no room in its resource policy for each log group.
                LogGroupName=Sub("/aws/vendedlogs/states/${AWS::StackName}"),
                RetentionInDays=settings.logs.retention_days,
                DeletionPolicy="Delete",
                UpdateReplacePolicy="Delete",
            ),
            stepfunctions.StateMachine(
                "Pipeline",
                StateMachineName=named("StateMachineName"),
                StateMachineType="STANDARD",
                RoleArn=GetAtt("PipelineRole", "Arn"),
                DefinitionS3Location=stepfunctions.S3Location(
                    Bucket=Ref("ArtifactBucket"), Key=definition.key
                ),
                DefinitionSubstitutions={name: token.value for name, token in tokens.items()},
                LoggingConfiguration=stepfunctions.LoggingConfiguration(
                    Level="ALL",
                    IncludeExecutionData=True,
                    Destinations=[
                        stepfunctions.LogDestination(
                            CloudWatchLogsLogGroup=stepfunctions.CloudWatchLogsLogGroup(
                                LogGroupArn=GetAtt("PipelineLogGroup", "Arn")
                            )
                        )
                    ],
                ),
                TracingConfiguration=stepfunctions.TracingConfiguration(Enabled=True),
                # Creating it fails while its role may not yet do what it will do.
                DependsOn=["PipelinePolicy", "ValidatorCodePolicy"],
            ),
            # Retained: executions that run, and a rollback, go on with the version that they know.
            stepfunctions.StateMachineVersion(
                "PipelineVersion",
                StateMachineArn=Ref("Pipeline"),
                StateMachineRevisionId=GetAtt("Pipeline", "StateMachineRevisionId"),
                Description=f"{definition.version} sha256:{definition.sha256}",
                DeletionPolicy="Retain",
                UpdateReplacePolicy="Retain",
            ),
            stepfunctions.StateMachineAlias(
                "PipelineAlias",
                Name=ALIAS,
                Description="Start executions here",
                DeploymentPreference=stepfunctions.DeploymentPreference(
                    StateMachineVersionArn=Ref("PipelineVersion"),
                    Type="ALL_AT_ONCE",
                    Alarms=[Ref("PipelineFaultAlarm")],
                ),
            ),
        ),
        parameters=(
            name_parameter(
                "StateMachineName", settings.names.state_machine, "state machine", r"^[A-Za-z0-9_-]{1,80}$"
            ),
        ),
        conditions=optional("StateMachineName"),
        outputs=(
            Output(
                "PipelineArn",
                Value=Ref("PipelineAlias"),
                Description="Start executions here: the alias of the state machine.",
            ),
            Output("PipelineLogGroupName", Value=Ref("PipelineLogGroup"), Description="The executions' log."),
        ),
    )
