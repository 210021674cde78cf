"""The table of verdicts: one item for each execution, found by server."""

from __future__ import annotations

from troposphere import If, Output, Ref, dynamodb

from generator.resources.part import Part, name_parameter, named, optional, shared


@shared
def part(name: str) -> Part:
    """Return the verdicts' share of the template: the table, with its name's default."""
    table = dynamodb.Table(
        "VerdictTable",
        TableName=named("VerdictTableName"),
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            dynamodb.AttributeDefinition(AttributeName=attribute, AttributeType="S")
            for attribute in ("serverId", "executionArn", "recordedAt")
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
                name,
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
