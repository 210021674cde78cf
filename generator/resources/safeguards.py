"""What a deployment may put above the stack's own safeguards: its own key, and a boundary for strangers' code."""

from __future__ import annotations

from typing import Any

from troposphere import If, NoValue, Parameter, Ref, logs

from generator.resources.part import Part, optional, shared

KEY = If("HasEncryptionKeyArn", Ref("EncryptionKeyArn"), NoValue)
BOUNDARY = If("HasPermissionsBoundaryArn", Ref("PermissionsBoundaryArn"), NoValue)


@shared
def encryption() -> Part:
    """Return the parameter of the key that stores are encrypted with."""
    return Part(
        parameters=(
            Parameter(
                "EncryptionKeyArn",
                Type="String",
                Default="",
                AllowedPattern=r"^$|^arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key/.+$",
                Description="Your KMS key for the logs, the verdicts and the images; its policy must let CloudWatch Logs, DynamoDB and ECR use it for this account. Empty: keys of AWS. An image repository keeps the key that it was made with.",
            ),
        ),
        conditions=optional("EncryptionKeyArn"),
    )


@shared
def boundary() -> Part:
    """Return the parameter of the boundary of roles near strangers' code."""
    return Part(
        parameters=(
            Parameter(
                "PermissionsBoundaryArn",
                Type="String",
                Default="",
                AllowedPattern=r"^$|^arn:[a-z-]+:iam::(\d{12}|aws):policy/.+$",
                Description="A managed policy that bounds the roles of the build and of the tasks, which run strangers' code; empty: their own policies alone bound them.",
            ),
        ),
        conditions=optional("PermissionsBoundaryArn"),
    )


def log_group(title: str, retention_days: int, **properties: Any) -> logs.LogGroup:
    """Return a log group that forgets, goes with the stack, and uses the deployment's key where there is one."""
    return logs.LogGroup(
        title,
        RetentionInDays=retention_days,
        KmsKeyId=KEY,
        DeletionPolicy="Delete",
        UpdateReplacePolicy="Delete",
        **properties,
    )
