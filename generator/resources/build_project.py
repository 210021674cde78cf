"""The CodeBuild project: it clones a stranger's repository, builds its Dockerfile, and pushes the image."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from troposphere import (
    AWSObject,
    GetAtt,
    If,
    Join,
    NoValue,
    Output,
    Parameter,
    Ref,
    Split,
    Sub,
    codebuild,
    ec2,
    iam,
)

from generator.resources.network import VPC_ID, together
from generator.resources.part import Part, name_parameter, named, optional, shared, trust
from generator.resources.safeguards import BOUNDARY, log_group

if TYPE_CHECKING:
    from generator.settings import BuildSettings

ARN_PATTERN = r"^$|^arn:[a-z-]+:secretsmanager:.+$"


def buildspec() -> str:
    """Return the build's commands, as they are written in buildspec.yaml."""
    return (Path(__file__).parent / "buildspec.yaml").read_text("utf-8")


@shared
def part(build: BuildSettings, name: str, retention_days: int) -> Part:
    """Return the build's share of the template: the project's name's default, and how long its logs are kept."""
    return Part(
        resources=(
            log_group("BuildLogGroup", retention_days),
            _role(),
            _project(build),
            *_network(),
        ),
        parameters=(
            name_parameter(
                "BuildProjectName",
                name,
                "build project",
                r"^[A-Za-z0-9][A-Za-z0-9_-]{1,149}$",
            ),
            Parameter(
                "CloneBaseUrl",
                Type="String",
                Default=build.clone_base_url,
                AllowedPattern=r"^https://[A-Za-z0-9.-]+(:\d+)?(/[A-Za-z0-9._~/-]*[A-Za-z0-9._~-])?$",
                Description="Where repositories are cloned from; owner/name is put behind it.",
            ),
            Parameter(
                "CloneTokenSecretArn",
                Type="String",
                Default="",
                AllowedPattern=ARN_PATTERN,
                Description="A secret whose text is a token for cloning; empty: only public repositories.",
            ),
            Parameter(
                "DockerHubSecretArn",
                Type="String",
                Default="",
                AllowedPattern=ARN_PATTERN,
                Description="A secret with the keys username and password for Docker Hub; empty: base images are pulled without login.",
            ),
            Parameter(
                "BuildSubnetIds",
                Type="String",
                Default="",
                AllowedPattern="^$|^subnet-[0-9a-f]+(,subnet-[0-9a-f]+)*$",
                Description="Subnets of VpcId for the builds, parted by commas; they need a way out, such as NAT. Empty: builds run in a network of CodeBuild's.",
            ),
        ),
        conditions={
            **optional("BuildProjectName"),
            **optional("CloneTokenSecretArn"),
            **optional("DockerHubSecretArn"),
            **optional("BuildSubnetIds"),
        },
        rules=together("BuildSubnetIds", "VpcId"),
        outputs=(
            Output(
                "BuildProjectNameInUse",
                Value=Ref("BuildProject"),
                Description="The project that builds the images.",
            ),
            Output("BuildLogGroupName", Value=Ref("BuildLogGroup"), Description="The builds' logs."),
        ),
    )


def _role() -> iam.Role:
    def allow(actions: list[str], resource: Any) -> dict[str, Any]:
        return {"Effect": "Allow", "Action": actions, "Resource": resource}

    def secret(parameter: str) -> If:
        return If(f"Has{parameter}", allow(["secretsmanager:GetSecretValue"], Ref(parameter)), NoValue)

    project = Sub(
        "arn:${AWS::Partition}:codebuild:${AWS::Region}:${AWS::AccountId}:project/${Project}",
        Project=If("HasBuildProjectName", Ref("BuildProjectName"), "*"),
    )
    statements = [
        allow(["logs:CreateLogStream", "logs:PutLogEvents"], GetAtt("BuildLogGroup", "Arn")),
        # ecr:GetAuthorizationToken takes no resource.
        allow(["ecr:GetAuthorizationToken"], "*"),
        allow(
            [
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchGetImage",
                "ecr:CompleteLayerUpload",
                "ecr:DescribeImages",
                "ecr:InitiateLayerUpload",
                "ecr:PutImage",
                "ecr:UploadLayerPart",
            ],
            GetAtt("ImageRepository", "Arn"),
        ),
        secret("CloneTokenSecretArn"),
        secret("DockerHubSecretArn"),
    ]
    return iam.Role(
        "BuildRole",
        AssumeRolePolicyDocument=trust("codebuild.amazonaws.com", {"ArnLike": {"aws:SourceArn": project}}),
        PermissionsBoundary=BOUNDARY,
        Policies=[
            iam.Policy(PolicyName="Build", PolicyDocument={"Version": "2012-10-17", "Statement": statements})
        ],
    )


def _project(build: BuildSettings) -> codebuild.Project:
    def variable(name: str, value: Any, kind: Any = "PLAINTEXT") -> codebuild.EnvironmentVariable:
        return codebuild.EnvironmentVariable(Name=name, Type=kind, Value=value)

    def secret(name: str, parameter: str, key: str = "") -> codebuild.EnvironmentVariable:
        """Return a variable that is empty where no secret is given, as the buildspec expects."""
        given = f"Has{parameter}"
        value = Sub(f"${{{parameter}}}:{key}") if key else Ref(parameter)
        # troposphere's validation of Type takes no Fn::If; cfn-lint checks both of its branches.
        return variable(name, If(given, value, ""), If(given, "SECRETS_MANAGER", "PLAINTEXT")).no_validation()

    return codebuild.Project(
        "BuildProject",
        Name=named("BuildProjectName"),
        Description="Builds an MCP server's image from its repository and pushes it",
        ServiceRole=GetAtt("BuildRole", "Arn"),
        # One line of the buildspec is one line here, so that a review shows which line changed.
        Source=codebuild.Source(Type="NO_SOURCE", BuildSpec=Join("\n", buildspec().splitlines())),
        Artifacts=codebuild.Artifacts(Type="NO_ARTIFACTS"),
        Environment=codebuild.Environment(
            Type="LINUX_CONTAINER",
            ComputeType=build.compute_type,
            Image=build.image,
            # Docker needs it; what it is given is therefore bounded by the role, and by no secret in the build.
            PrivilegedMode=True,
            EnvironmentVariables=[
                variable("REPOSITORY_URI", GetAtt("ImageRepository", "RepositoryUri")),
                variable("CLONE_BASE_URL", Ref("CloneBaseUrl")),
                variable("DOCKER_BUILD_SECONDS", str((build.timeout_minutes - 2) * 60)),
                secret("CLONE_TOKEN", "CloneTokenSecretArn"),
                secret("DOCKER_HUB_USERNAME", "DockerHubSecretArn", "username"),
                secret("DOCKER_HUB_PASSWORD", "DockerHubSecretArn", "password"),
            ],
        ),
        VpcConfig=If(
            "HasBuildSubnetIds",
            codebuild.VpcConfig(
                VpcId=VPC_ID,
                Subnets=Split(",", Ref("BuildSubnetIds")),
                SecurityGroupIds=[GetAtt("BuildSecurityGroup", "GroupId")],
            ),
            NoValue,
        ),
        TimeoutInMinutes=build.timeout_minutes,
        QueuedTimeoutInMinutes=build.queued_timeout_minutes,
        LogsConfig=codebuild.LogsConfig(
            CloudWatchLogs=codebuild.CloudWatchLogs(Status="ENABLED", GroupName=Ref("BuildLogGroup"))
        ),
    )


# What CodeBuild needs to put a build into a VPC (documentation: CodeBuild User Guide, "Allow CodeBuild access to AWS
# services required to create a VPC network interface"). The interfaces are made by CodeBuild: their ARNs are unknown.
NETWORK_ACTIONS = [
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeDhcpOptions",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcs",
]
WEB_PORTS = {"http": 80, "https": 443}
"""Where a Dockerfile gets its packages: Debian's still come by plain HTTP, and are signed."""


def _network() -> tuple[AWSObject, ...]:
    interface = Sub("arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:network-interface/*")
    subnet = Sub("arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:subnet/*")
    return (
        ec2.SecurityGroup(
            "BuildSecurityGroup",
            Condition="HasBuildSubnetIds",
            VpcId=VPC_ID,
            GroupDescription="Builds of Dockerfiles of strangers; nothing comes in",
            SecurityGroupEgress=[
                ec2.SecurityGroupRule(
                    IpProtocol="tcp",
                    FromPort=port,
                    ToPort=port,
                    CidrIp="0.0.0.0/0",
                    Description=f"Repositories and packages by {name}",
                )
                for name, port in WEB_PORTS.items()
            ],
        ),
        iam.PolicyType(
            "BuildNetworkPolicy",
            Condition="HasBuildSubnetIds",
            PolicyName="JoinNetwork",
            Roles=[Ref("BuildRole")],
            PolicyDocument={
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Allow", "Action": NETWORK_ACTIONS, "Resource": "*"},
                    {
                        "Effect": "Allow",
                        "Action": ["ec2:CreateNetworkInterfacePermission"],
                        "Resource": interface,
                        "Condition": {
                            "StringEquals": {"ec2:AuthorizedService": "codebuild.amazonaws.com"},
                            "ArnLike": {"ec2:Subnet": subnet},
                        },
                    },
                ],
            },
        ),
    )
