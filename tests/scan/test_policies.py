"""The committed policies, as an IAM linter sees them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from scan.policies import policies

TEMPLATE = Path(__file__).parent.parent.parent / "templates/validation-pipeline.template.json"


def test_every_resource_of_every_policy_is_an_arn() -> None:
    """No expression is left, so that the linter judges what IAM would."""
    found = policies(json.loads(TEMPLATE.read_text("utf-8")))
    assert {"PipelinePolicy", "SweeperPolicy", "BuildRole", "ValidatorCodePolicy"} <= found.keys()
    for documents in found.values():
        for document in documents:
            assert "Fn::" not in json.dumps(document)
            for statement in document["Statement"]:
                resources = statement["Resource"]
                for resource in resources if isinstance(resources, list) else [resources]:
                    assert resource == "*" or re.fullmatch(r"arn:aws:[a-z0-9]+:[a-z0-9-]*:\d*:.+", resource)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ({"Ref": "AWS::Partition"}, "aws"),
        (
            {"Fn::Sub": "arn:${AWS::Partition}:x:${AWS::Region}:${AWS::AccountId}:y/${Role}"},
            "arn:aws:x:us-east-1:123456789012:y/x",
        ),
        (
            {"Fn::Sub": ["${A}/${B.Arn}", {"A": {"Ref": "AWS::Region"}}]},
            "us-east-1/arn:aws:iam::123456789012:role/x",
        ),
        ({"Fn::GetAtt": ["B", "Arn"]}, "arn:aws:iam::123456789012:role/x"),
        ({"Fn::If": ["C", "first", "second"]}, "first"),
        ({"Ref": "MySecretArn"}, "arn:aws:secretsmanager:us-east-1:123456789012:secret:x"),
    ],
)
def test_expressions_become_what_they_stand_for(expression: object, expected: str) -> None:
    """Of the kind that the resource is."""
    resources = {
        "B": {"Type": "AWS::IAM::Role", "Properties": {}},
        "Role": {"Type": "AWS::IAM::Role", "Properties": {}},
        "P": {"Type": "AWS::IAM::Policy", "Properties": {"PolicyDocument": {"Resource": expression}}},
    }
    assert {"P": [{"Resource": expected}]} == policies({"Resources": resources})
