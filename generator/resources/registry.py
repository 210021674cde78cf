"""The image repository."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from troposphere import GetAtt, If, Output, Ref, ecr

from generator.resources.part import Part, name_parameter, named, optional

if TYPE_CHECKING:
    from generator.settings import Settings


def part(settings: Settings) -> Part:
    """Return the image repository's share of the template."""
    lifecycle = {
        "rules": [
            {
                "rulePriority": 1,
                "description": f"Keep the newest {settings.images.keep} images",
                "selection": {
                    "tagStatus": "any",
                    "countType": "imageCountMoreThan",
                    "countNumber": settings.images.keep,
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
                settings.names.repository,
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
