"""Every `${Token}` of the documents, and what CloudFormation puts there when it deploys them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from troposphere import GetAtt, Ref

from generator.resources.functions import version_id
from generator.resources.network import SUBNET_LIST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from generator.artifacts import Package

TOKEN = re.compile(r"\$\{([A-Za-z][A-Za-z0-9]*)\}")


@dataclass(frozen=True)
class Substitution:
    """What a token stands for."""

    value: Any
    """For the state machine's `DefinitionSubstitutions`."""
    in_policy: str = ""
    """For the role's policy, as Fn::Sub writes it; empty where no permission may hold the token."""


@cache
def substitutions(package: Package) -> dict[str, Substitution]:
    """Return the tokens of all documents; each of them asks for its policy, and for its state machine."""
    return {
        "Account": Substitution(Ref("AWS::AccountId"), "${AWS::AccountId}"),
        "AssignPublicIp": Substitution(Ref("AssignPublicIp")),
        "BuildProjectName": Substitution(Ref("BuildProject"), "${BuildProject}"),
        "ClusterName": Substitution(Ref("Cluster"), "${Cluster}"),
        "PipelineName": Substitution(GetAtt("Pipeline", "Name"), "${Pipeline.Name}"),
        "PipelineStateMachineArn": Substitution(Ref("Pipeline"), "${Pipeline}"),
        "Partition": Substitution(Ref("AWS::Partition"), "${AWS::Partition}"),
        "Region": Substitution(Ref("AWS::Region"), "${AWS::Region}"),
        "TaskExecutionRoleArn": Substitution(GetAtt("TaskExecutionRole", "Arn"), "${TaskExecutionRole.Arn}"),
        "TaskLogGroupName": Substitution(Ref("TaskLogGroup"), "${TaskLogGroup}"),
        "TaskRoleArn": Substitution(GetAtt("TaskRole", "Arn"), "${TaskRole.Arn}"),
        "TaskSecurityGroupId": Substitution(GetAtt("TaskSecurityGroup", "GroupId")),
        "TaskSubnetIds": Substitution(SUBNET_LIST),
        # Published versions of the state machine go on calling the function's version that they were published
        # with, under the role's newest policy: it therefore names every version of this one function.
        "ValidatorFunctionVersionArn": Substitution(Ref(version_id(package)), "${ValidatorFunction.Arn}:*"),
        "VerdictTableName": Substitution(Ref("VerdictTable"), "${VerdictTable}"),
    }


def tokens(text: str) -> set[str]:
    """Return the names of the tokens in a document."""
    return set(TOKEN.findall(text))
