"""The image repository."""

from __future__ import annotations

import json

from troposphere import GetAtt, If, Output, Ref, ecr

from generator.resources.part import Part, name_parameter, named, optional, shared


@shared
def part(name: str, keep: int) -> Part:
    """Return the image repository's share of the template: its name's default, and how many images it keeps."""
    lifecycle = {
        "rules": [
            {
                "rulePriority": 1,
                "description": f"Keep the newest {keep} images",
                "selection": {
                    "tagStatus": "any",
                    "countType": "imageCountMoreThan",
                    "countNumber": keep,
                },
                "action": {"type": "expire"},
            }
        ]
    }
    repository = ecr.Repository(
        "ImageRepository",
        RepositoryName=named("RepositoryName"),
        ImageTagMutability="IMMUTABLE",
        ImageScanningConfiguration=ecr.ImageScanningConfiguration(ScanOnPush=True),
        EncryptionConfiguration=If(
            "HasEncryptionKeyArn",
            ecr.EncryptionConfiguration(EncryptionType="KMS", KmsKey=Ref("EncryptionKeyArn")),
            ecr.EncryptionConfiguration(EncryptionType="AES256"),
        ),
        LifecyclePolicy=ecr.LifecyclePolicy(LifecyclePolicyText=json.dumps(lifecycle, separators=(",", ":"))),
        DeletionPolicy="RetainExceptOnCreate",
        UpdateReplacePolicy="Retain",
    )
    return Part(
        resources=(repository,),
        parameters=(
            name_parameter(
                "RepositoryName",
                name,
                "image repository",
                r"^[a-z0-9]+([._/-][a-z0-9]+)*$",
            ),
        ),
        conditions=optional("RepositoryName"),
        outputs=(
            Output(
                "ImageRepositoryUri",
                Value=GetAtt("ImageRepository", "RepositoryUri"),
                Description="Where the built images are.",
            ),
        ),
    )
