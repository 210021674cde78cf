"""Assemble the template from the parts that each concern adds."""

from __future__ import annotations

from copy import copy, deepcopy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from troposphere import AWSObject, Parameter, Tags, Template

from generator import policy
from generator.resources import (
    alarms,
    artifact_bucket,
    build_project,
    cluster,
    dashboard,
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

    from generator.artifacts import Definition, Package, Release
    from generator.settings import Settings
    from generator.substitutions import Substitution
    from states_language.document import StateMachine

DESCRIPTION = "ToolShed: validates MCP servers before they are listed - builds the image, runs that very image, talks MCP to it."

GROUPS = {
    "Artifacts": {"ArtifactBucket": "Bucket with the definitions and the package"},
    "Alarms": {"AlarmTopicArn": "SNS topic", "RunbookUrl": "Address of the runbook"},
    "Rollout of a new version": {
        "DeploymentType": "At once, or in steps",
        "DeploymentIntervalMinutes": "Minutes between steps",
        "DeploymentPercentage": "Percent of each step",
    },
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

BOOTSTRAP_DESCRIPTION = (
    "ToolShed: the bucket for what is deployed - the definitions, the validator's package and the templates."
)
RETAINED_DESCRIPTION = "ToolShed: what outlives the pipeline's stack, to be imported into a new one before the rest is deployed over it."
RETAINED_GROUPS = {
    "What is taken back": {"RepositoryName": "Image repository", "VerdictTableName": "Table of verdicts"},
    "Safeguards": {"EncryptionKeyArn": "The key that they were made with"},
}
BOOTSTRAP_GROUPS = {
    "Artifacts (empty: the stack's own)": {
        "BucketName": "Name of the bucket",
        "EncryptionKeyArn": "Your encryption key",
    }
}


def grants(machines: Sequence[StateMachine], package: Package) -> list[policy.Grant]:
    """Return what a state machine's role may do: for the document, the releases in reach, logging and tracing.

    Raises `PermissionsError` and `UnboundTokenError`.
    """
    needed = [permission for machine in machines for permission in permissions.of_document(machine)]
    return policy.grants([*needed, *permissions.of_features(("logging", "tracing"))], substitutions(package))


@dataclass(frozen=True, eq=False)
class Machine:
    """One document, and what its role may do."""

    definition: Definition
    statements: Sequence[policy.Grant]
    served: Sequence[Release] = ()
    """The older documents that the role serves too."""


def template(settings: Settings, machines: Mapping[str, Machine], package: Package) -> dict[str, Any]:
    """Return the template, with troposphere's objects in it; the machines are those of both documents, by name.

    Raises `UnboundTokenError`.
    """
    names, pipeline, task_sweeper = settings.names, machines["validation-pipeline"], machines["task-sweeper"]
    parts = [
        _artifacts(),
        network.part(settings.network, settings.logs.retention_days, settings.task.port),
        registry.part(names.repository, settings.images.keep),
        build_project.part(settings.build, names.build_project, settings.logs.retention_days),
        cluster.part(names.cluster, names.task_log_group, settings.logs.task_retention_days),
        functions.part(settings.validator, settings.logs.retention_days, package),
        records.part(names.verdict_table),
        roles.part(pipeline.statements, task_sweeper.statements),
        state_machines.part(
            settings, pipeline.definition, _values(pipeline.definition, package), pipeline.served
        ),
        sweeper.part(settings, task_sweeper.definition, _values(task_sweeper.definition, package)),
        sweeper.surroundings(),
        alarms.part(),
        dashboard.part(settings.task, settings.build.compute_type, settings.validator.memory),
        safeguards.encryption(),
        safeguards.boundary(),
    ]
    return _assemble(settings, parts, DESCRIPTION, GROUPS)


def bootstrap(settings: Settings) -> dict[str, Any]:
    """Return the template of what must be there before the pipeline's can be deployed."""
    return _assemble(settings, [artifact_bucket.part()], BOOTSTRAP_DESCRIPTION, BOOTSTRAP_GROUPS)


def retained(settings: Settings) -> dict[str, Any]:
    """Return the template that takes what outlived a stack into a new one.

    What a change set imports must be all that its template adds: this holds the table and the repository as the
    pipeline's template has them, and nothing else. Both have names by then, given or chosen, so both are asked for.
    """
    names = settings.names
    parts = [
        registry.part(names.repository, settings.images.keep),
        records.part(names.verdict_table),
        safeguards.encryption(),
    ]
    # A copy of its own: the names are asked for, and in the pipeline's template they are not.
    own = [replace(deepcopy(part), outputs=()) for part in parts]
    document = _assemble(settings, own, RETAINED_DESCRIPTION, RETAINED_GROUPS)
    for resource in document["Resources"].values():
        (identifier,) = {"RepositoryName", "TableName"} & resource.properties.keys()
        condition, name, _ = resource.properties[identifier].data["Fn::If"]
        setattr(resource, identifier, name)
        del document["Conditions"][condition]
        parameter = document["Parameters"][name.data["Ref"]]
        del parameter.properties["Default"]
        parameter.AllowedPattern = parameter.AllowedPattern.removeprefix("^$|")
        parameter.Description = "Name of what is taken back; give it to the pipeline's template too."
    return document


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


def _tagged(resource: AWSObject, tags: Tags) -> AWSObject:
    """Return a resource with tags behind its own: another one, since parts are shared."""
    tagged = copy(resource)
    tagged.properties = dict(resource.properties)
    tagged.resource = {**resource.resource, "Properties": tagged.properties}
    own = resource.properties.get("Tags")
    # troposphere's sum of two is the second, changed.
    tagged.Tags = own + copy(tags) if own else tags
    return tagged


def _assemble(
    settings: Settings, parts: Sequence[Part], description: str, groups: Mapping[str, Mapping[str, str]]
) -> dict[str, Any]:
    result, tags = Template(Description=description), Tags(dict(settings.tags))
    for part in parts:
        for name, condition in part.conditions.items():
            result.add_condition(name, condition)
        result.add_parameter([*part.parameters])
        result.add_output([*part.outputs])
        for resource in part.resources:
            result.add_resource(_tagged(resource, tags) if "Tags" in resource.props else resource)
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
                {"Label": {"default": title}, "Parameters": list(labels)} for title, labels in groups.items()
            ],
            "ParameterLabels": {
                name: {"default": label} for labels in groups.values() for name, label in labels.items()
            },
        }
    }
    return {section: content for section, content in document.items() if content}
