"""Two templates of 500 resources, each of which has changed: what a review of them takes is measured."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path) -> list[str]:
    """Write both templates into a folder, and return their paths."""
    paths = {
        folder / "before.json": large(128, "10.0.0.0/8", "s3:PutObject"),
        folder / "after.json": large(256, "0.0.0.0/0", "s3:Put*"),
    }
    for path, template in paths.items():
        path.write_text(json.dumps(template), encoding="utf-8")
    return [str(path) for path in paths]


def large(capacity: int, peer: str, action: str) -> dict[str, Any]:
    """Return a template of 500 resources of four kinds."""
    trust = {
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ]
    }
    found: dict[str, Any] = {}
    for index in range(125):
        statement = {
            "Effect": "Allow",
            "Action": ["s3:Get*", action],
            "Resource": f"arn:aws:s3:::bucket{index}/*",
        }
        found[f"Role{index}"] = {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "AssumeRolePolicyDocument": trust,
                "Policies": [{"PolicyName": "p", "PolicyDocument": {"Statement": [statement]}}],
            },
        }
        found[f"Function{index}"] = {
            "Type": "AWS::Lambda::Function",
            "Properties": {"Role": {"Fn::GetAtt": [f"Role{index}", "Arn"]}, "MemorySize": capacity},
        }
        found[f"Table{index}"] = {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {"TableName": f"t{index}-{capacity}"},
        }
        rules = [
            {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "CidrIp": peer}
            for port in range(8000, 8010)
        ]
        found[f"Group{index}"] = {
            "Type": "AWS::EC2::SecurityGroup",
            "Properties": {"GroupDescription": "g", "SecurityGroupIngress": rules},
        }
    return {"Resources": found}
