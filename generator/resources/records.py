"""The table of verdicts: one item for each execution, found by server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from troposphere import If, Output, Ref, dynamodb

from generator.resources.part import Part, name_parameter, named, optional

if TYPE_CHECKING:
    from generator.settings import Settings


def part(settings: Settings) -> Part:
    """Return the verdicts' share of the template."""
    table = dynamodb.Table(
        "VerdictTable",
        TableName=named("VerdictTableName"),
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            dynamodb.AttributeDefinition(AttributeName=name, AttributeType="S")
            for name in ("serverId", "executionArn", "recordedAt")
        ],
        KeySchema=[
            dynamodb.KeySchema(AttributeName="serverId", KeyType="HASH"),
            dynamodb.KeySchema(AttributeName="executionArn", KeyType="RANGE"),
        ],
        GlobalSecondaryIndexes=[
            dynamodb.GlobalSecondaryIndex(
                IndexName="ByTime",
                KeySchema=[
                    dynamodb.KeySchema(AttributeName="serverId", KeyType="HASH"),
                    dynamodb.KeySchema(AttributeName="recordedAt", KeyType="RANGE"),
                ],
                Projection=dynamodb.Projection(ProjectionType="ALL"),
            )
        ],
        PointInTimeRecoverySpecification=dynamodb.PointInTimeRecoverySpecification(
            PointInTimeRecoveryEnabled=True
        ),
        SSESpecification=If(
            "HasEncryptionKeyArn",
            dynamodb.SSESpecification(SSEEnabled=True, SSEType="KMS", KMSMasterKeyId=Ref("EncryptionKeyArn")),
            dynamodb.SSESpecification(SSEEnabled=True),
        ),
        DeletionPolicy="RetainExceptOnCreate",
        UpdateReplacePolicy="Retain",
    )
    return Part(
        resources=(table,),
        parameters=(
            name_parameter(
                "VerdictTableName",
                settings.names.verdict_table,
                "table of verdicts",
                r"^[A-Za-z0-9_.-]{3,255}$",
            ),
        ),
        conditions=optional("VerdictTableName"),
        outputs=(
            Output(
                "VerdictTableNameInUse",
                Value=Ref("VerdictTable"),
                Description="The verdicts, by server and execution.",
            ),
        ),
    )
