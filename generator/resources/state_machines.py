"""The pipeline's state machine, its published version and the alias that executions are started through."""

from __future__ import annotations

from typing import TYPE_CHECKING

from troposphere import AWSObject, GetAtt, Output, Ref, Sub, stepfunctions

from generator.resources.part import Part, name_parameter, named, optional
from generator.resources.safeguards import log_group

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from generator.artifacts import Definition
    from generator.settings import Settings
    from generator.substitutions import Substitution

ALIAS = "live"


def execution_log(title: str, name: str, settings: Settings) -> AWSObject:
    """Return the log group of a state machine's executions."""
    # Under this prefix CloudWatch Logs needs no room in its resource policy for each log group.
    return log_group(title, settings.logs.retention_days, LogGroupName=Sub(f"/aws/vendedlogs/states/{name}"))


def machine(  # noqa: PLR0913 - the logical IDs that it ties together
    title: str,
    definition: Definition,
    tokens: Mapping[str, Substitution],
    *,
    role: str,
    log: str,
    after: Sequence[str],
    **properties: object,
) -> stepfunctions.StateMachine:
    """Return a state machine that runs a document, logs everything and is traced.

    `after` names the policies without which creating it fails: its role must be able to do what it will do.
    """
    return stepfunctions.StateMachine(
        title,
        StateMachineType="STANDARD",
        RoleArn=GetAtt(role, "Arn"),
        DefinitionS3Location=stepfunctions.S3Location(Bucket=Ref("ArtifactBucket"), Key=definition.key),
        DefinitionSubstitutions={name: token.value for name, token in tokens.items()},
        LoggingConfiguration=stepfunctions.LoggingConfiguration(
            Level="ALL",
            IncludeExecutionData=True,
            Destinations=[
                stepfunctions.LogDestination(
                    CloudWatchLogsLogGroup=stepfunctions.CloudWatchLogsLogGroup(
                        LogGroupArn=GetAtt(log, "Arn")
                    )
                )
            ],
        ),
        TracingConfiguration=stepfunctions.TracingConfiguration(Enabled=True),
        DependsOn=[*after],
        **properties,
    )


def part(settings: Settings, definition: Definition, tokens: Mapping[str, Substitution]) -> Part:
    """Return the pipeline's state machine, its published version and its alias."""
    return Part(
        resources=(
            execution_log("PipelineLogGroup", "${AWS::StackName}", settings),
            machine(
                "Pipeline",
                definition,
                tokens,
                role="PipelineRole",
                log="PipelineLogGroup",
                after=("PipelinePolicy", "ValidatorCodePolicy"),
                StateMachineName=named("StateMachineName"),
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
