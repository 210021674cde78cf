"""The state machine's role; its policy is derived from the document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from troposphere import If, Ref, Sub, iam

from generator import policy
from generator.resources.part import Part, trust

if TYPE_CHECKING:
    from collections.abc import Sequence

    from generator.policy import Grant


def part(grants: Sequence[Grant]) -> Part:
    """Return the state machine role's share of the template."""
    machine = Sub(
        "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:stateMachine:${Name}",
        Name=If("HasStateMachineName", Ref("StateMachineName"), "*"),
    )
    return Part(
        resources=(
            iam.Role(
                "PipelineRole",
                AssumeRolePolicyDocument=trust(
                    "states.amazonaws.com", {"ArnLike": {"aws:SourceArn": machine}}
                ),
            ),
            iam.PolicyType(
                "PipelinePolicy",
                PolicyName="StatesOfThePipeline",
                Roles=[Ref("PipelineRole")],
                PolicyDocument=policy.document(grants),
                Metadata={"NeededBy": policy.needed_by(grants)},
            ),
        )
    )
