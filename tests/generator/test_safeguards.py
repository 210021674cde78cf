"""What a deployment may put above the stack's own safeguards, and what the stack has without being asked."""

from __future__ import annotations

from typing import Any

import pytest

from tests.generator.rendered import parameters, rendered

KEY = "arn:aws:kms:eu-central-1:123456789012:key/1"
BOUNDARY = "arn:aws:iam::123456789012:policy/bound"
IN_A_VPC = {"VpcId": "vpc-1", "SubnetIds": "subnet-1,subnet-2", "BuildSubnetIds": "subnet-3"}


def stack(template: dict[str, Any], **given: str) -> dict[str, Any]:
    """Return the resources that CloudFormation would make with these parameters."""
    resources: dict[str, Any] = rendered(template, parameters(template, **given))["Resources"]
    return resources


@pytest.mark.parametrize("key", ["", KEY])
def test_a_key_of_ones_own_encrypts_all_that_is_kept(template: dict[str, Any], key: str) -> None:
    """Every log group, the verdicts and the images; without one, AWS's keys do."""
    resources = stack(template, EncryptionKeyArn=key)
    expected = {"Ref": "EncryptionKeyArn"} if key else None
    groups = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::Logs::LogGroup"]
    assert [expected] * len(groups) == [each.get("KmsKeyId") for each in groups]
    assert len(groups) == 6
    assert expected == resources["VerdictTable"]["Properties"]["SSESpecification"].get("KMSMasterKeyId")
    assert expected == resources["ImageRepository"]["Properties"]["EncryptionConfiguration"].get("KmsKey")


@pytest.mark.parametrize("boundary", ["", BOUNDARY])
def test_a_boundary_bounds_the_roles_near_strangers_code(template: dict[str, Any], boundary: str) -> None:
    """The build's and both of the task's; the others stay as they are."""
    resources = stack(template, PermissionsBoundaryArn=boundary)
    bounded = {
        name
        for name, each in resources.items()
        if each["Type"] == "AWS::IAM::Role" and "PermissionsBoundary" in each["Properties"]
    }
    assert bounded == ({"BuildRole", "TaskExecutionRole", "TaskRole"} if boundary else set())


def test_a_network_that_the_stack_makes_logs_its_traffic(template: dict[str, Any]) -> None:
    """All of it; an existing network is its owner's."""
    made, existing = stack(template), stack(template, VpcId="vpc-1", SubnetIds="subnet-1")
    assert "ALL" == made["FlowLog"]["Properties"]["TrafficType"]
    assert {"Ref": "Network"} == made["FlowLog"]["Properties"]["ResourceId"]
    assert set() == {"FlowLog", "FlowLogRole", "FlowLogGroup"} & existing.keys()


def test_builds_run_in_given_subnets_behind_a_group_that_nothing_enters(template: dict[str, Any]) -> None:
    """The rights on network interfaces exist only then."""
    inside, outside = stack(template, **IN_A_VPC), stack(template)
    network = inside["BuildProject"]["Properties"]["VpcConfig"]
    assert [{"Fn::GetAtt": ["BuildSecurityGroup", "GroupId"]}] == network["SecurityGroupIds"]
    assert "SecurityGroupIngress" not in inside["BuildSecurityGroup"]["Properties"]
    assert "BuildNetworkPolicy" in inside
    assert "VpcConfig" not in outside["BuildProject"]["Properties"]
    assert set() == {"BuildNetworkPolicy", "BuildSecurityGroup"} & outside.keys()
