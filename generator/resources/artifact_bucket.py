"""The bucket of the bootstrap template: what is deployed lies there, under keys that change with the bytes."""

from __future__ import annotations

from troposphere import GetAtt, If, Output, Parameter, Ref, Sub, s3

from generator.resources.part import Part, named, optional

NONCURRENT_DAYS = 90
"""How long what somebody overwrote or deleted can be had back."""
INCOMPLETE_DAYS = 7

TLS = "1.2"
"""The oldest that a request may use."""


def part() -> Part:
    """Return the bootstrap template's only part."""
    bucket = s3.Bucket(
        "ArtifactBucket",
        BucketName=named("BucketName"),
        VersioningConfiguration=s3.VersioningConfiguration(Status="Enabled"),
        BucketEncryption=s3.BucketEncryption(
            ServerSideEncryptionConfiguration=[
                s3.ServerSideEncryptionRule(
                    ServerSideEncryptionByDefault=If(
                        "HasEncryptionKeyArn",
                        s3.ServerSideEncryptionByDefault(
                            SSEAlgorithm="aws:kms", KMSMasterKeyID=Ref("EncryptionKeyArn")
                        ),
                        s3.ServerSideEncryptionByDefault(SSEAlgorithm="AES256"),
                    ),
                    BucketKeyEnabled=True,
                )
            ]
        ),
        PublicAccessBlockConfiguration=s3.PublicAccessBlockConfiguration(
            BlockPublicAcls=True,
            BlockPublicPolicy=True,
            IgnorePublicAcls=True,
            RestrictPublicBuckets=True,
        ),
        OwnershipControls=s3.OwnershipControls(
            Rules=[s3.OwnershipControlsRule(ObjectOwnership="BucketOwnerEnforced")]
        ),
        # Nothing here ends what is current: a rollback needs the definition and the package that it goes back to.
        LifecycleConfiguration=s3.LifecycleConfiguration(
            Rules=[
                s3.LifecycleRule(
                    Id="ForgetWhatIsNoLongerCurrent",
                    Status="Enabled",
                    NoncurrentVersionExpiration=s3.NoncurrentVersionExpiration(
                        NoncurrentDays=NONCURRENT_DAYS
                    ),
                    AbortIncompleteMultipartUpload=s3.AbortIncompleteMultipartUpload(
                        DaysAfterInitiation=INCOMPLETE_DAYS
                    ),
                )
            ]
        ),
        DeletionPolicy="RetainExceptOnCreate",
        UpdateReplacePolicy="Retain",
    )
    return Part(
        resources=(bucket, _policy()),
        parameters=(
            Parameter(
                "BucketName",
                Type="String",
                Default="",
                AllowedPattern=r"^$|^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$",
                Description="Name of the bucket, without dots; empty: CloudFormation chooses one. No two buckets of AWS have the same.",
            ),
            Parameter(
                "EncryptionKeyArn",
                Type="String",
                Default="",
                AllowedPattern=r"^$|^arn:[a-z-]+:kms:[a-z0-9-]+:\d{12}:key/.+$",
                Description="Your KMS key for the artifacts; whoever deploys must be allowed to use it. Empty: a key of S3.",
            ),
        ),
        conditions={**optional("BucketName"), **optional("EncryptionKeyArn")},
        outputs=(
            Output(
                "ArtifactBucketName",
                Value=Ref("ArtifactBucket"),
                Description="Give it to the pipeline's template as ArtifactBucket.",
            ),
        ),
    )


def _policy() -> s3.BucketPolicy:
    """Return what nobody may do, whatever else lets them."""
    both = [GetAtt("ArtifactBucket", "Arn"), Sub("${ArtifactBucket.Arn}/*")]

    def deny(sid: str, condition: dict[str, object]) -> dict[str, object]:
        return {
            "Sid": sid,
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": both,
            "Condition": condition,
        }

    return s3.BucketPolicy(
        "ArtifactBucketPolicy",
        Bucket=Ref("ArtifactBucket"),
        PolicyDocument={
            "Version": "2012-10-17",
            "Statement": [
                deny("TlsOnly", {"Bool": {"aws:SecureTransport": "false"}}),
                deny("NoOldTls", {"NumericLessThan": {"s3:TlsVersion": TLS}}),
                # Services that act for somebody of this account carry that account.
                deny(
                    "ThisAccountOnly",
                    {
                        "StringNotEquals": {"aws:PrincipalAccount": Ref("AWS::AccountId")},
                        "Bool": {"aws:PrincipalIsAWSService": "false"},
                    },
                ),
            ],
        },
        # As long as the bucket stays, so does what guards it.
        DeletionPolicy="RetainExceptOnCreate",
        UpdateReplacePolicy="Retain",
    )
