"""The network: a VPC over two zones, or an existing one; nothing can come in, but the validator's requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from troposphere import (
    AWSObject,
    Cidr,
    Equals,
    GetAtt,
    GetAZs,
    If,
    Join,
    Or,
    Output,
    Parameter,
    Ref,
    Select,
    Split,
    Sub,
    Tags,
    ec2,
    iam,
)

from generator.resources.part import Part, shared, trust
from generator.resources.safeguards import log_group

if TYPE_CHECKING:
    from generator.settings import NetworkSettings

ZONES = ("A", "B")
CREATED = "CreatesNetwork"

VPC_ID = If(CREATED, Ref("Network"), Ref("VpcId"))
SUBNET_IDS = If(CREATED, [Ref(f"Subnet{zone}") for zone in ZONES], Split(",", Ref("SubnetIds")))
SUBNET_LIST = If(CREATED, Join(",", [Ref(f"Subnet{zone}") for zone in ZONES]), Ref("SubnetIds"))


@shared
def part(network: NetworkSettings, retention_days: int, port: int) -> Part:
    """Return the network's share of the template: flow logs are kept so many days, servers listen at the port."""
    return Part(
        resources=(*_created_network(), *_flow_logs(retention_days), *_security_groups(port)),
        parameters=_parameters(network),
        conditions={CREATED: Or(Equals(Ref("VpcId"), ""), Equals(Ref("SubnetIds"), ""))},
        rules={**together("VpcId", "SubnetIds"), **together("SubnetIds", "VpcId")},
        outputs=(Output("VpcIdInUse", Value=VPC_ID, Description="The VPC that the tasks run in."),),
    )


def together(given: str, needed: str) -> dict[str, Any]:
    """Return a rule that refuses one parameter without the other, before anything is created."""

    def is_given(parameter: str) -> dict[str, Any]:
        return {"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, ""]}]}

    return {
        f"{given}Needs{needed}": {
            "RuleCondition": is_given(given),
            "Assertions": [
                {"Assert": is_given(needed), "AssertDescription": f"With {given}, give {needed} too."}
            ],
        }
    }


def _parameters(network: NetworkSettings) -> tuple[Parameter, ...]:
    return (
        Parameter(
            "VpcId",
            Type="String",
            Default="",
            AllowedPattern="^$|^vpc-[0-9a-f]+$",
            Description="An existing VPC; empty: the stack makes one.",
        ),
        Parameter(
            "SubnetIds",
            Type="String",
            Default="",
            AllowedPattern="^$|^subnet-[0-9a-f]+(,subnet-[0-9a-f]+)*$",
            Description="Subnets of the existing VPC, parted by commas; only with VpcId.",
        ),
        Parameter(
            "VpcCidr",
            Type="String",
            Default=network.vpc_cidr,
            AllowedPattern=r"^(\d{1,3}\.){3}\d{1,3}/(1[6-9]|2[0-3])$",
            Description="Addresses of the VPC that the stack makes, from /16 to /23.",
        ),
        Parameter(
            "AssignPublicIp",
            Type="String",
            Default=network.assign_public_ip,
            AllowedValues=["ENABLED", "DISABLED"],
            Description="Whether a task gets a public address. Without NAT or endpoints it needs one to pull its image; it lets nobody in.",
        ),
        Parameter(
            "TaskEgressCidr",
            Type="String",
            Default=network.egress_cidr,
            AllowedPattern=r"^(\d{1,3}\.){3}\d{1,3}/\d{1,2}$",
            Description="Where a task may connect to, on port 443 only.",
        ),
    )


def _created_network() -> tuple[ec2.BaseAWSObject, ...]:
    name = Tags(Name=Sub("${AWS::StackName}"))
    subnets = [
        ec2.Subnet(
            f"Subnet{zone}",
            Condition=CREATED,
            VpcId=Ref("Network"),
            AvailabilityZone=Select(index, GetAZs()),
            CidrBlock=Select(index, Cidr(Ref("VpcCidr"), len(ZONES), 8)),
            MapPublicIpOnLaunch=False,
            Tags=name,
        )
        for index, zone in enumerate(ZONES)
    ]
    routed = [
        ec2.SubnetRouteTableAssociation(
            f"Subnet{zone}Routes",
            Condition=CREATED,
            SubnetId=Ref(f"Subnet{zone}"),
            RouteTableId=Ref("RouteTable"),
        )
        for zone in ZONES
    ]
    return (
        ec2.VPC(
            "Network",
            Condition=CREATED,
            CidrBlock=Ref("VpcCidr"),
            EnableDnsHostnames=True,
            EnableDnsSupport=True,
            Tags=name,
        ),
        ec2.InternetGateway("InternetGateway", Condition=CREATED, Tags=name),
        ec2.VPCGatewayAttachment(
            "InternetGatewayAttachment",
            Condition=CREATED,
            VpcId=Ref("Network"),
            InternetGatewayId=Ref("InternetGateway"),
        ),
        ec2.RouteTable("RouteTable", Condition=CREATED, VpcId=Ref("Network"), Tags=name),
        ec2.Route(
            "InternetRoute",
            Condition=CREATED,
            DependsOn="InternetGatewayAttachment",
            RouteTableId=Ref("RouteTable"),
            DestinationCidrBlock="0.0.0.0/0",
            GatewayId=Ref("InternetGateway"),
        ),
        # The layers of images come from S3: this way they cost no traffic through the internet gateway.
        ec2.VPCEndpoint(
            "S3Endpoint",
            Condition=CREATED,
            VpcId=Ref("Network"),
            VpcEndpointType="Gateway",
            ServiceName=Sub("com.amazonaws.${AWS::Region}.s3"),
            RouteTableIds=[Ref("RouteTable")],
        ),
        *subnets,
        *routed,
    )


def _flow_logs(retention_days: int) -> tuple[AWSObject, ...]:
    """Return who talked to whom in the network that the stack makes: all of it, kept as long as the other logs."""
    group = GetAtt("FlowLogGroup", "Arn")
    flow_log = Sub("arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:vpc-flow-log/*")
    return (
        log_group("FlowLogGroup", retention_days, Condition=CREATED),
        iam.Role(
            "FlowLogRole",
            Condition=CREATED,
            Description="Writes the network's flow log",
            AssumeRolePolicyDocument=trust(
                "vpc-flow-logs.amazonaws.com", {"ArnLike": {"aws:SourceArn": flow_log}}
            ),
            Policies=[
                iam.Policy(
                    PolicyName="WriteFlowLog",
                    PolicyDocument={
                        "Version": "2012-10-17",
                        "Statement": [
                            {
                                "Effect": "Allow",
                                "Action": [
                                    "logs:CreateLogStream",
                                    "logs:DescribeLogStreams",
                                    "logs:PutLogEvents",
                                ],
                                "Resource": group,
                            }
                        ],
                    },
                )
            ],
        ),
        ec2.FlowLog(
            "FlowLog",
            Condition=CREATED,
            ResourceId=Ref("Network"),
            ResourceType="VPC",
            TrafficType="ALL",
            LogDestinationType="cloud-watch-logs",
            LogGroupName=Ref("FlowLogGroup"),
            DeliverLogsPermissionArn=GetAtt("FlowLogRole", "Arn"),
        ),
    )


def _security_groups(port: int) -> tuple[ec2.BaseAWSObject, ...]:
    return (
        ec2.SecurityGroup(
            "TaskSecurityGroup",
            VpcId=VPC_ID,
            GroupDescription="MCP servers under validation",
            SecurityGroupEgress=[
                ec2.SecurityGroupRule(
                    IpProtocol="tcp",
                    FromPort=443,
                    ToPort=443,
                    CidrIp=Ref("TaskEgressCidr"),
                    Description="To pull the image; nothing else leaves",
                )
            ],
        ),
        # The egress rule stands inside: a group without one may connect to anything.
        ec2.SecurityGroup(
            "ValidatorSecurityGroup",
            VpcId=VPC_ID,
            GroupDescription="The validator of MCP servers",
            SecurityGroupEgress=[
                ec2.SecurityGroupRule(
                    IpProtocol="tcp",
                    FromPort=port,
                    ToPort=port,
                    DestinationSecurityGroupId=GetAtt("TaskSecurityGroup", "GroupId"),
                    Description="To the servers under validation; nothing else leaves",
                )
            ],
        ),
        # Apart from its group, since the two groups name each other.
        ec2.SecurityGroupIngress(
            "TaskIngressFromValidator",
            GroupId=GetAtt("TaskSecurityGroup", "GroupId"),
            IpProtocol="tcp",
            FromPort=port,
            ToPort=port,
            SourceSecurityGroupId=GetAtt("ValidatorSecurityGroup", "GroupId"),
            Description="The validator's requests; nothing else comes in",
        ),
    )
