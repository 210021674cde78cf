"""The state machines' roles; their policies are derived from the documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from troposphere import AWSObject, If, Ref, Sub, iam

from generator import policy
from generator.resources.part import Part, trust

if TYPE_CHECKING:
    from collections.abc import Sequence

    from generator.policy import Grant


def part(pipeline: Sequence[Grant], sweeper: Sequence[Grant]) -> Part:
    """Return the state machines' roles."""
    return Part(
        resources=(
            *_role("Pipeline", If("HasStateMachineName", Ref("StateMachineName"), "*"), pipeline),
            *_role("Sweeper", "*", sweeper),
        )
    )


def _role(title: str, machine: Any, grants: Sequence[Grant]) -> tuple[AWSObject, AWSObject]:
    arn = Sub(
        "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:stateMachine:${Name}", Name=machine
    )
    return (
        iam.Role(
            f"{title}Role",
            AssumeRolePolicyDocument=trust("states.amazonaws.com", {"ArnLike": {"aws:SourceArn": arn}}),
        ),
        # Apart from the role, so that the state machine can wait for it.
        iam.PolicyType(
            f"{title}Policy",
            PolicyName=f"StatesOfThe{title}",
            Roles=[Ref(f"{title}Role")],
            PolicyDocument=policy.document(grants),
            Metadata={"NeededBy": policy.needed_by(grants)},
        ),
    )
