"""The policies of a template as IAM would see them: expressions replaced by ARNs of the kind that they stand for."""

from __future__ import annotations

import json
import re
from typing import Any

Json = dict[str, Any]

REGION, ACCOUNT = "us-east-1", "123456789012"
PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::StackName": "stack",
}
ARNS = {
    "AWS::CodeBuild::Project": f"arn:aws:codebuild:{REGION}:{ACCOUNT}:project/x",
    "AWS::DynamoDB::Table": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/x",
    "AWS::ECR::Repository": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/x",
    "AWS::Events::Rule": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/x",
    "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/x",
    "AWS::Lambda::Function": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:x",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:x:*",
    "AWS::SQS::Queue": f"arn:aws:sqs:{REGION}:{ACCOUNT}:x",
    "AWS::StepFunctions::StateMachine": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:x",
}
REF_IS_ARN = {"AWS::StepFunctions::StateMachine"}
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:x"


def policies(template: Json) -> dict[str, list[Json]]:
    """Return the policy documents of the template's roles and policies, by logical ID; every Fn::If takes its first branch.

    Raises `KeyError` where a policy names the ARN of a kind of resource that this table lacks.
    """
    found: dict[str, list[Json]] = {}
    for name, resource in template["Resources"].items():
        properties = resource["Properties"]
        if resource["Type"] == "AWS::IAM::Policy":
            documents = [properties["PolicyDocument"]]
        elif resource["Type"] == "AWS::IAM::Role":
            documents = [each["PolicyDocument"] for each in properties.get("Policies", [])]
        else:
            continue
        if documents:
            found[name] = [_render(document, template["Resources"]) for document in documents]
    return found


def _render(value: Any, resources: Json) -> Any:
    if isinstance(value, list):
        return [_render(each, resources) for each in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((function, argument),) = value.items()
        if function == "Fn::If":
            return _render(argument[1], resources)
        if function == "Ref":
            return _reference(argument, resources)
        if function == "Fn::GetAtt":
            return _attribute(argument[0], argument[1], resources)
        if function == "Fn::Sub":
            return _substituted(argument, resources)
    return {key: _render(each, resources) for key, each in value.items()}


def _substituted(argument: Any, resources: Json) -> str:
    text, given = argument if isinstance(argument, list) else (argument, {})

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name in given:
            return str(_render(given[name], resources))
        if "." in name:
            owner, attribute = name.split(".", 1)
            return _attribute(owner, attribute, resources)
        return _reference(name, resources)

    return re.sub(r"\$\{([^}]+)\}", value, text)


def _reference(name: str, resources: Json) -> str:
    if name in PSEUDO:
        return PSEUDO[name]
    if name in resources:
        kind = resources[name]["Type"]
        return ARNS[kind] if kind in REF_IS_ARN else "x"
    return SECRET if name.endswith("SecretArn") else json.dumps(name)


def _attribute(name: str, attribute: str, resources: Json) -> str:
    return ARNS[resources[name]["Type"]] if attribute == "Arn" else "x"
