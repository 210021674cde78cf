"""The pipeline's state machine, its published version and the alias that executions are started through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from troposphere import (
    And,
    AWSObject,
    Equals,
    GetAtt,
    If,
    Not,
    NoValue,
    Output,
    Parameter,
    Ref,
    Sub,
    stepfunctions,
)

from generator.resources.part import Part, name_parameter, named, optional
from generator.resources.safeguards import log_group

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from generator.artifacts import Definition, Release
    from generator.settings import Settings
    from generator.substitutions import Substitution

ALIAS = "live"

ALL_AT_ONCE = "ALL_AT_ONCE"
STEPS = {
    "DeploymentIntervalMinutes": (
        r"[1-9]\d{0,2}|1\d{3}|20\d\d|2100",
        "Minutes between two steps of CANARY or LINEAR, from 1 to 2100",
    ),
    "DeploymentPercentage": (
        r"[1-9]\d?",
        "Percent of the new executions that a step of CANARY or LINEAR gives to the new version, from 1 to 99",
    ),
}
"""What a gradual deployment takes (documentation: AWS::StepFunctions::StateMachineAlias): its form, and what it is."""


def description(document: Definition | Release) -> str:
    """Return how a published version says which document it holds."""
    return f"{document.version} sha256:{document.sha256}"


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


def part(
    settings: Settings, definition: Definition, tokens: Mapping[str, Substitution], served: Sequence[Release]
) -> Part:
    """Return the pipeline's state machine, its published version and its alias.

    `served` are the older documents that the role's policy still serves.
    """
    documents: list[Definition | Release] = [definition, *served]
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
                Description=description(definition),
                DeletionPolicy="Retain",
                UpdateReplacePolicy="Retain",
            ),
            stepfunctions.StateMachineAlias(
                "PipelineAlias",
                Name=ALIAS,
                Description="Start executions here",
                DeploymentPreference=stepfunctions.DeploymentPreference(
                    StateMachineVersionArn=Ref("PipelineVersion"),
                    Type=Ref("DeploymentType"),
                    Interval=If("StepsHaveInterval", Ref("DeploymentIntervalMinutes"), NoValue),
                    Percentage=If("StepsHavePercentage", Ref("DeploymentPercentage"), NoValue),
                    Alarms=[Ref("PipelineFaultAlarm")],
                ),
            ),
        ),
        parameters=(
            name_parameter(
                "StateMachineName", settings.names.state_machine, "state machine", r"^[A-Za-z0-9_-]{1,80}$"
            ),
            *_deployment_parameters(),
        ),
        conditions={
            **optional("StateMachineName"),
            "StepsHaveInterval": _with_steps("DeploymentIntervalMinutes"),
            "StepsHavePercentage": _with_steps("DeploymentPercentage"),
        },
        rules=_deployment_rules(),
        outputs=(
            Output(
                "PipelineArn",
                Value=Ref("PipelineAlias"),
                Description="Start executions here: the alias of the state machine.",
            ),
            Output("PipelineLogGroupName", Value=Ref("PipelineLogGroup"), Description="The executions' log."),
            Output(
                "PipelineVersionsServed",
                Value=", ".join(description(each) for each in documents),
                Description="The documents whose calls the role's policy allows, as their versions' descriptions say; the alias may lead to any of them.",
            ),
        ),
    )


def _deployment_parameters() -> tuple[Parameter, ...]:
    return (
        Parameter(
            "DeploymentType",
            Type="String",
            Default=ALL_AT_ONCE,
            AllowedValues=[ALL_AT_ONCE, "CANARY", "LINEAR"],
            Description="How the alias goes over to a new version: at once, in two steps, or in equal ones. It goes back when PipelineFaultAlarm rises meanwhile. All steps together may take 36 hours.",
        ),
        *(
            Parameter(
                name,
                Type="String",
                Default="",
                AllowedPattern=f"^({form})?$",
                Description=f"{meaning}; empty with {ALL_AT_ONCE}.",
            )
            for name, (form, meaning) in STEPS.items()
        ),
    )


def _with_steps(parameter: str) -> And:
    return And(Not(Equals(Ref("DeploymentType"), ALL_AT_ONCE)), Not(Equals(Ref(parameter), "")))


def _deployment_rules() -> dict[str, Any]:
    """Return what refuses a type without its steps, and steps that would be passed over, before anything changes."""
    at_once = {"Fn::Equals": [{"Ref": "DeploymentType"}, ALL_AT_ONCE]}
    unset = {name: {"Fn::Equals": [{"Ref": name}, ""]} for name in STEPS}
    return {
        "GradualDeploymentNeedsSteps": {
            "RuleCondition": {"Fn::Not": [at_once]},
            "Assertions": [
                {
                    "Assert": {"Fn::Not": [is_unset]},
                    "AssertDescription": f"With CANARY or LINEAR, give {name} too.",
                }
                for name, is_unset in unset.items()
            ],
        },
        "AllAtOnceHasNoSteps": {
            "RuleCondition": at_once,
            "Assertions": [
                {
                    "Assert": is_unset,
                    "AssertDescription": f"{ALL_AT_ONCE} has no steps: give DeploymentType CANARY or LINEAR, or leave {name} empty.",
                }
                for name, is_unset in unset.items()
            ],
        },
    }
