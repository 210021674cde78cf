"""Assemble the template from the parts that each concern adds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from troposphere import Parameter, Tags, Template

from generator import policy
from generator.resources import (
    alarms,
    build_project,
    cluster,
    functions,
    network,
    records,
    registry,
    roles,
    safeguards,
    state_machines,
    sweeper,
)
from generator.resources.part import Part
from generator.substitutions import substitutions, tokens
from states_language import permissions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from generator.artifacts import Definition, Package
    from generator.settings import Settings
    from generator.substitutions import Substitution
    from states_language.document import StateMachine

DESCRIPTION = "ToolShed: validates MCP servers before they are listed - builds the image, runs that very image, talks MCP to it."

GROUPS = {
    "Artifacts": {"ArtifactBucket": "Bucket with the definitions and the package"},
    "Alarms": {"AlarmTopicArn": "SNS topic"},
    "Network": {
        "VpcId": "Existing VPC",
        "SubnetIds": "Its subnets",
        "VpcCidr": "Addresses of a new VPC",
        "AssignPublicIp": "Public address for tasks",
        "TaskEgressCidr": "Where tasks may connect to",
    },
    "Safeguards (empty: those of the stack alone)": {
        "EncryptionKeyArn": "Your encryption key",
        "PermissionsBoundaryArn": "Boundary of the build's and the tasks' roles",
        "BuildSubnetIds": "Subnets for the builds",
    },
    "Repositories": {
        "CloneBaseUrl": "Clone from",
        "CloneTokenSecretArn": "Secret with the clone token",
        "DockerHubSecretArn": "Secret with the Docker Hub login",
    },
    "Names (empty: CloudFormation chooses)": {
        "StateMachineName": "State machine",
        "BuildProjectName": "Build project",
        "ClusterName": "Cluster",
        "RepositoryName": "Image repository",
        "TaskLogGroupName": "Servers' log group",
        "VerdictTableName": "Table of verdicts",
    },
}
"""The parameters as a person meets them in the console: groups, and a label for each."""


def grants(machines: Sequence[StateMachine], package: Package) -> list[policy.Grant]:
    """Return what a state machine's role may do: for the document, its last release, logging and tracing.

    Raises `PermissionsError` and `UnboundTokenError`.
    """
    needed = [permission for machine in machines for permission in permissions.of_document(machine)]
    return policy.grants([*needed, *permissions.of_features(("logging", "tracing"))], substitutions(package))


@dataclass(frozen=True)
class Machine:
    """One document, and what its role may do."""

    definition: Definition
    statements: Sequence[policy.Grant]


def template(settings: Settings, machines: Mapping[str, Machine], package: Package) -> dict[str, Any]:
    """Return the template, with troposphere's objects in it; the machines are those of both documents, by name.

    Raises `UnboundTokenError`.
    """
    pipeline, task_sweeper = machines["validation-pipeline"], machines["task-sweeper"]
    parts = [
        _artifacts(),
        network.part(settings),
        registry.part(settings),
        build_project.part(settings),
        cluster.part(settings),
        functions.part(settings, package),
        records.part(settings),
        roles.part(pipeline.statements, task_sweeper.statements),
        state_machines.part(settings, pipeline.definition, _values(pipeline.definition, package)),
        sweeper.part(settings, task_sweeper.definition, _values(task_sweeper.definition, package)),
        alarms.part(),
        safeguards.part(),
    ]
    return _assemble(settings, parts)


def _values(definition: Definition, package: Package) -> dict[str, Substitution]:
    used = tokens(definition.text)
    values = {name: value for name, value in substitutions(package).items() if name in used}
    if unknown := used - values.keys():
        message = (
            f"{definition.name} has tokens without a value in substitutions.py: {', '.join(sorted(unknown))}"
        )
        raise policy.UnboundTokenError(message)
    return values


def _artifacts() -> Part:
    return Part(
        parameters=(
            Parameter(
                "ArtifactBucket",
                Type="String",
                AllowedPattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
                Description="The bucket that `aws s3 sync dist` has filled: the definitions and the validator's package.",
            ),
        )
    )


def _assemble(settings: Settings, parts: Sequence[Part]) -> dict[str, Any]:
    result, tags = Template(Description=DESCRIPTION), Tags(dict(settings.tags))
    for part in parts:
        for name, condition in part.conditions.items():
            result.add_condition(name, condition)
        result.add_parameter([*part.parameters])
        result.add_output([*part.outputs])
        for resource in part.resources:
            if "Tags" in resource.props:
                own = resource.properties.get("Tags")
                resource.Tags = own + Tags(dict(settings.tags)) if own else tags
            result.add_resource(resource)
    document: dict[str, Any] = {
        "Description": result.description,
        "Conditions": result.conditions,
        "Parameters": result.parameters,
        "Resources": result.resources,
        "Outputs": result.outputs,
    }
    document["Rules"] = {name: rule for part in parts for name, rule in part.rules.items()}
    document["Metadata"] = {
        "AWS::CloudFormation::Interface": {
            "ParameterGroups": [
                {"Label": {"default": title}, "Parameters": list(labels)} for title, labels in GROUPS.items()
            ],
            "ParameterLabels": {
                name: {"default": label} for labels in GROUPS.values() for name, label in labels.items()
            },
        }
    }
    return document
