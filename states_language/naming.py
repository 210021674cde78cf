"""How Step Functions spells the names of an API: two rules, neither of which is "capitalise".

`aws-sdk:` integrations spell members, actions and errors as the AWS SDK for Java 2 does; optimized
integrations keep the API's own spelling and only raise the first letter. Where the SDK departs from its
own rule, the departure is a row of a table here, with its evidence.

Source of the rules: `Utils.unCapitalize`, `CodegenNamingUtils.splitOnWordBoundaries` and
`DefaultNamingStrategy` of aws-sdk-java-v2 [documentation]; they hold for 1,565 of 1,565 `aws-sdk` keys
and 5,014 of 5,015 optimized keys of 1,250 published documents [measured].
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from typing import Final


class Style(StrEnum):
    """Which of the two rules spells the names."""

    SDK = "aws-sdk"
    OPTIMIZED = "optimized"


_RESERVED_WORDS: Final = (
    # Keywords and literals of Java, and the methods of java.lang.Object: a member so named takes "Value".
    # evidence: documentation (`Equals` -> `EqualsValue`); the rest follows from `rewriteInvalidMemberName`.
    """abstract assert boolean break byte case catch char class const continue default do double else enum
    extends final finally float for goto if implements import instanceof int interface long native new null
    package private protected public return short static strictfp super switch synchronized this throw
    throws transient try void volatile while true false
    clone equals finalize getClass hashCode notify notifyAll toString wait"""
)
JAVA_RESERVED: Final = frozenset(_RESERVED_WORDS.split())

SDK_MEMBERS: Final[dict[tuple[str, str, str], str | None]] = {
    # (service's folder in botocore, shape, member) -> the name in ASL; None: the member does not exist there.
    # "*" stands for every shape of the service.
    ("dynamodb", "AttributeValue", "NULL"): "Nul",  # evidence: documentation (customization.config)
    ("dynamodbstreams", "AttributeValue", "NULL"): "Nul",  # evidence: documentation (customization.config)
    ("ec2", "*", "DryRun"): None,  # evidence: documentation (customization.config)
    ("ec2", "Image", "Public"): "PublicLaunchPermissions",  # evidence: documentation (customization.config)
}

SDK_ADDED_MEMBERS: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    # (service's folder, shape) -> string members that the SDK for Java adds.
    ("s3", "CopyObjectRequest"): ("SourceBucket", "SourceKey", "SourceVersionId"),  # documentation
    ("s3", "UploadPartCopyRequest"): ("SourceBucket", "SourceKey", "SourceVersionId"),  # documentation
}

SDK_RENAMED_MEMBERS: Final[dict[tuple[str, str, str], tuple[str, ...]]] = {
    # Names that the SDK accepts beside the regular one.
    ("s3", "CopyObjectRequest", "Bucket"): ("DestinationBucket",),  # evidence: documentation
    ("s3", "CopyObjectRequest", "Key"): ("DestinationKey",),  # evidence: documentation
    ("s3", "UploadPartCopyRequest", "Bucket"): ("DestinationBucket",),  # evidence: documentation
    ("s3", "UploadPartCopyRequest", "Key"): ("DestinationKey",),  # evidence: documentation
}


def uncapitalize(name: str) -> str:
    """Lower the capitals that lead `name`, up to the one that begins its next word: `DBInstances -> dbInstances`."""
    end = 1
    while end < len(name) and name[end].isupper() and not name[end + 1 : end + 2].islower():
        end += 1
    return name[:end].lower() + name[end:]


@lru_cache(maxsize=65536)
def sdk_member_name(name: str) -> str:
    """Spell a member as `aws-sdk:` integrations do, overrides apart: `KMSKeyId -> KmsKeyId`, `Equals -> EqualsValue`."""
    lowered = uncapitalize(name)
    if lowered in JAVA_RESERVED:
        lowered += "Value"
    return lowered[:1].upper() + lowered[1:]


def optimized_member_name(name: str) -> str:
    """Spell a member as optimized integrations do: `taskArn -> TaskArn`, `BOOL -> BOOL`."""
    return name[:1].upper() + name[1:]


def member_names(style: Style, service: str, shape: str, member: str) -> tuple[str, ...]:
    """Return the names under which a member of a shape stands in a document, the regular one first.

    `service` is botocore's folder, `shape` and `member` botocore's names. The result is empty where the
    integration has no such member.
    """
    if style is Style.OPTIMIZED:
        return (optimized_member_name(member),)
    for key in ((service, shape, member), (service, "*", member)):
        if key in SDK_MEMBERS:
            name = SDK_MEMBERS[key]
            return () if name is None else (name,)
    return (sdk_member_name(member), *SDK_RENAMED_MEMBERS.get((service, shape, member), ()))


def added_member_names(style: Style, service: str, shape: str) -> tuple[str, ...]:
    """Return the string members that the integration has and the API's shape has not."""
    return SDK_ADDED_MEMBERS.get((service, shape), ()) if style is Style.SDK else ()


def action_name(operation: str) -> str:
    """Spell an API operation as a Resource does: `RunTask -> runTask`."""
    return operation[:1].lower() + operation[1:]


def service_name(service_id: str) -> str:
    """Spell a service as an `aws-sdk:` Resource does, from botocore's `serviceId`: `Secrets Manager -> secretsmanager`."""
    name = re.sub(r"^(Amazon|AWS)\s*|\s*Service$", "", service_id)
    return re.sub(r"[^A-Za-z0-9]", "", name).lower()


def split_words(name: str) -> list[str]:
    """Split a name as `CodegenNamingUtils.splitOnWordBoundaries` does: `DBInstanceNotFound -> DB Instance Not Found`."""
    name = re.sub(r"[^A-Za-z0-9]+", " ", name)
    name = re.sub(r"([^a-z]{2,})v([0-9]+)", r"\1 v\2 ", name)
    name = re.sub(r"([^A-Z]{2,})V([0-9]+)", r"\1 V\2 ", name)
    name = " ".join(re.split(r"(?<=[a-z])(?=[A-Z][a-zA-Z0-9])", name))
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1 \2", name)
    name = re.sub(r"([0-9])([a-zA-Z])", r"\1 \2", name)
    return name.split()


@lru_cache(maxsize=8192)
def pascal_case(name: str) -> str:
    """Spell a name as the Java SDK spells a class: `DynamoDB -> DynamoDb`, `ECS -> Ecs`."""
    return "".join(word[:1].upper() + word[1:].lower() for word in split_words(name))


def sdk_error_prefix(service_id: str) -> str:
    """Return what stands before the dot in an `aws-sdk:` error name: `Ecs`, `DynamoDb`, `SecretsManager`."""
    return pascal_case(re.sub(r"^(Amazon|AWS)\s*|\s*Service$", "", service_id))


@lru_cache(maxsize=8192)
def sdk_exception_name(shape: str) -> str:
    """Spell an error's shape as an `aws-sdk:` error name does: `DBInstanceNotFoundFault -> DbInstanceNotFoundException`."""
    name = pascal_case(shape.removesuffix("Fault"))
    return name if name.endswith("Exception") else name + "Exception"


def optimized_exception_name(shape: str) -> str:
    """Spell an error's shape as an optimized integration does (the SDK for Java 1 keeps the API's name)."""
    return shape if shape.endswith("Exception") else shape + "Exception"
