"""The names of APIs as Step Functions spells them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from states_language import naming
from states_language.naming import Style


@pytest.mark.parametrize(
    ("member", "expected"),
    [
        ("DBInstances", "DbInstances"),
        ("ACL", "Acl"),
        ("BOOL", "Bool"),
        ("KMSKeyId", "KmsKeyId"),
        ("SSEKMSKeyId", "SsekmsKeyId"),
        ("ETag", "ETag"),
        ("taskArn", "TaskArn"),
        ("Equals", "EqualsValue"),
        ("Static", "StaticValue"),
    ],
)
def test_sdk_members_follow_the_java_sdk(member: str, expected: str) -> None:
    """An `aws-sdk` member lowers its leading capitals together, then raises the first letter."""
    assert (expected,) == naming.member_names(Style.SDK, "any", "Shape", member)


@pytest.mark.parametrize(
    ("member", "expected"), [("BOOL", "BOOL"), ("taskArn", "TaskArn"), ("NULL", "NULL"), ("DBName", "DBName")]
)
def test_optimized_members_only_raise_the_first_letter(member: str, expected: str) -> None:
    """An optimized integration keeps the API's own capitals."""
    assert (expected,) == naming.member_names(Style.OPTIMIZED, "dynamodb", "AttributeValue", member)


@pytest.mark.parametrize(
    ("service", "shape", "member", "expected"),
    [
        ("dynamodb", "AttributeValue", "NULL", ("Nul",)),
        ("ec2", "RunInstancesRequest", "DryRun", ()),
        ("ec2", "Image", "Public", ("PublicLaunchPermissions",)),
        ("s3", "CopyObjectRequest", "Bucket", ("Bucket", "DestinationBucket")),
    ],
)
def test_overrides_win_over_the_rule(
    service: str, shape: str, member: str, expected: tuple[str, ...]
) -> None:
    """Where the Java SDK departs from its rule, the table says so."""
    assert expected == naming.member_names(Style.SDK, service, shape, member)


@pytest.mark.parametrize(
    ("service_id", "expected"),
    [
        ("SFN", "sfn"),
        ("Secrets Manager", "secretsmanager"),
        ("EventBridge", "eventbridge"),
        ("Database Migration Service", "databasemigration"),
        ("CloudWatch Logs", "cloudwatchlogs"),
    ],
)
def test_services_come_from_the_service_id(service_id: str, expected: str) -> None:
    """A Resource names a service by its `serviceId`, lower-cased and without spaces."""
    assert expected == naming.service_name(service_id)


@pytest.mark.parametrize(
    ("service_id", "shape", "expected"),
    [
        ("ECS", "ClientException", "Ecs.ClientException"),
        ("DynamoDB", "ResourceNotFoundException", "DynamoDb.ResourceNotFoundException"),
        ("RDS", "DBInstanceNotFoundFault", "Rds.DbInstanceNotFoundException"),
        ("S3", "NoSuchKey", "S3.NoSuchKeyException"),
    ],
)
def test_sdk_errors_follow_the_java_sdk(service_id: str, shape: str, expected: str) -> None:
    """An `aws-sdk` error is the SDK's exception class behind the SDK's name of the service."""
    assert expected == f"{naming.sdk_error_prefix(service_id)}.{naming.sdk_exception_name(shape)}"


@given(st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,30}", fullmatch=True))
def test_uncapitalize_changes_only_the_leading_capitals(name: str) -> None:
    """Spelling a name twice is spelling it once, and only case changes."""
    once = naming.uncapitalize(name)
    assert (name.lower(), once) == (once.lower(), naming.uncapitalize(once))
