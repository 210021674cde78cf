"""The validator: a Lambda function in the VPC, whose code may do nothing on AWS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from troposphere import GetAtt, Output, Ref, awslambda, iam

from generator import validation_pipeline
from generator.resources.network import SUBNET_IDS
from generator.resources.part import Part, shared, trust
from generator.resources.safeguards import log_group

if TYPE_CHECKING:
    from generator.artifacts import Package
    from generator.settings import ValidatorSettings

# What Lambda itself must be able to do for a function in a VPC, or it cannot be created (documentation: Lambda
# Developer Guide, "Giving Lambda functions access to resources in an Amazon VPC"). None of it takes a resource
# that is known beforehand: the network interfaces are made by Lambda.
NETWORK_ACTIONS = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
]


def version_id(package: Package) -> str:
    """Return the logical ID of the function's version: another one for each package, so that each is published."""
    return f"ValidatorVersion{package.sha256[:12]}"


@shared
def part(validator: ValidatorSettings, retention_days: int, package: Package) -> Part:
    """Return the validator's share of the template: its logs are kept so many days."""

    def policy(statement: dict[str, Any]) -> dict[str, Any]:
        return {"Version": "2012-10-17", "Statement": [statement]}

    function = awslambda.Function(
        "ValidatorFunction",
        Description="Talks MCP to a server under validation and says what it found",
        Runtime="python3.13",
        Handler="validator.handler.handler",
        Code=awslambda.Code(S3Bucket=Ref("ArtifactBucket"), S3Key=package.key),
        Role=GetAtt("ValidatorRole", "Arn"),
        MemorySize=validator.memory,
        Timeout=validation_pipeline.validator_seconds(validator),
        Environment=awslambda.Environment(
            Variables={"TIME_LIMIT_SECONDS": str(validator.time_limit_seconds)}
        ),
        VpcConfig=awslambda.VPCConfig(
            SubnetIds=SUBNET_IDS, SecurityGroupIds=[GetAtt("ValidatorSecurityGroup", "GroupId")]
        ),
        LoggingConfig=awslambda.LoggingConfig(LogGroup=Ref("ValidatorLogGroup")),
    )
    return Part(
        resources=(
            log_group("ValidatorLogGroup", retention_days),
            iam.Role(
                "ValidatorRole",
                # Lambda names no function in the assumption of a role; the account bounds it.
                AssumeRolePolicyDocument=trust("lambda.amazonaws.com", {}),
                Policies=[
                    iam.Policy(
                        PolicyName="Log",
                        PolicyDocument=policy(
                            {
                                "Effect": "Allow",
                                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                                "Resource": GetAtt("ValidatorLogGroup", "Arn"),
                            }
                        ),
                    ),
                    iam.Policy(
                        PolicyName="JoinNetwork",
                        PolicyDocument=policy(
                            {"Effect": "Allow", "Action": NETWORK_ACTIONS, "Resource": "*"}
                        ),
                    ),
                ],
            ),
            function,
            # Apart from the role, since it names the function, which needs the role.
            iam.PolicyType(
                "ValidatorCodePolicy",
                PolicyName="CodeMayNotUseTheNetworkActions",
                Roles=[Ref("ValidatorRole")],
                PolicyDocument=policy(
                    {
                        "Effect": "Deny",
                        "Action": NETWORK_ACTIONS,
                        "Resource": "*",
                        "Condition": {
                            "ArnEquals": {"lambda:SourceFunctionArn": GetAtt("ValidatorFunction", "Arn")}
                        },
                    }
                ),
            ),
            # Retained: a published version of the state machine goes on calling the version that it was published with.
            awslambda.Version(
                version_id(package),
                FunctionName=Ref("ValidatorFunction"),
                Description=f"Package sha256:{package.sha256}",
                DeletionPolicy="Retain",
                UpdateReplacePolicy="Retain",
            ),
        ),
        outputs=(
            Output("ValidatorFunctionName", Value=Ref("ValidatorFunction"), Description="The validator."),
            Output(
                "ValidatorLogGroupName", Value=Ref("ValidatorLogGroup"), Description="The validator's log."
            ),
        ),
    )
