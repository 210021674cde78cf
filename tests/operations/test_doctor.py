"""What would fail, found beforehand: each finding with what to do, and a part that is refused hides no other."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from deployer.account import Account, Identity
from deployer.reviewed import Reviewed
from operations import doctor, stack_commands
from operations.policies import Place
from tests.operations.scripted import BUCKET, NUMBER, REGION, STACK, Scripted, refused, stack

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from click.testing import Result

SECRET = f"arn:aws:secretsmanager:{REGION}:{NUMBER}:secret:clone-abc"
NO_STACK = refused("ValidationError", "DescribeStacks", "Stack with id x does not exist")


@pytest.fixture(autouse=True)
def _committed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the working tree be committed: while the code is worked on it is not."""
    from pathlib import Path  # noqa: PLC0415

    found = Reviewed(Path("t"), b"{}", {}, (), "c0ffee")
    monkeypatch.setattr("deployer.reviewed.check", lambda *_a, **_k: found)


def told(run: Callable[..., Result], *arguments: str) -> tuple[int, dict[str, Any]]:
    """Return the exit code and what a program reads."""
    result = run(stack_commands.doctor, "--json", *arguments)
    found: dict[str, Any] = json.loads(result.stdout)
    return result.exit_code, found


def findings(part: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return level and line of a part's findings."""
    return [(each["level"], each["what"]) for each in part["findings"]]


def test_an_account_that_is_ready_is_told_so(aws: Scripted, run: Callable[..., Result]) -> None:
    """Every part is fine."""
    code, found = told(run)
    assert (0, True) == (code, found.pop("well"))
    assert {"ok"} == {level for part in found.values() for level, _ in findings(part)}
    assert {f"arn:aws:iam::{NUMBER}:role/people/Operator"} == {
        each["PolicySourceArn"] for each in aws.of("iam:SimulatePrincipalPolicy")
    }


def test_before_the_first_deployment_it_says_what_is_missing(
    aws: Scripted, run: Callable[..., Result]
) -> None:
    """There is neither a stack nor a bucket; the rest is looked at all the same."""
    aws.answer(cloudformation__DescribeStacks=NO_STACK)
    code, found = told(run)
    assert 3 == code
    assert [("fail", f"no artifact bucket is known in {REGION}: there is no stack toolshed-artifacts")] == findings(found["bucket"])  # fmt: skip
    assert "bootstrap" in found["bucket"]["findings"][0]["help"]
    assert [("ok", "the parameters name none")] == findings(found["secrets"])
    assert "stepfunctions:ListStateMachineVersions" not in aws.made


@pytest.mark.parametrize(("seconds", "level"), [(0, "ok"), (-60, "warn"), (400, "fail"), (-400, "fail")])
def test_a_clock_that_is_off_is_found(aws: Scripted, seconds: int, level: str) -> None:
    """By AWS's own time, in the answer's header."""
    account = aws.account()
    _, skew = doctor.identify(account)
    assert abs(skew) < 10
    place = Place(STACK)
    subject = doctor.Subject(account, Identity(NUMBER, "arn:aws:iam::1:user/u"), seconds, None, place)
    (finding,) = doctor.Doctor(subject).clock().findings
    assert level == finding.level


def test_the_clock_is_compared_with_the_answer_s(aws: Scripted) -> None:
    """A date that is an hour ago means that this clock is ahead."""
    aws.behind = timedelta(hours=1)
    _, skew = doctor.identify(aws.account())
    assert 3590 < skew < 3610


def test_a_quota_that_is_too_low_is_told_with_how_to_raise_it(
    aws: Scripted, run: Callable[..., Result]
) -> None:
    """None at all is a failure, few are a warning; one that was never set has AWS's default."""

    def quota(params: dict[str, Any]) -> Any:
        if params["QuotaCode"] == "L-F678F1CE":
            return refused("NoSuchResourceException", "GetServiceQuota")
        return {"Quota": {"Value": {"L-9D07B6EF": 0.0, "L-3032A538": 2.0}.get(params["QuotaCode"], 5000.0)}}

    aws.answer(
        service_quotas__GetServiceQuota=quota,
        service_quotas__GetAWSDefaultServiceQuota={"Quota": {"Value": 5.0}},
    )
    code, found = told(run)
    assert 3 == code
    assert [
        ("warn", "2 Fargate vCPUs at once"),
        ("fail", "0 builds on small Linux machines at once"),
        ("ok", "5 VPCs of the region (AWS's default)"),
        ("ok", "5000 internet gateways of the region"),
        ("ok", "5000 network interfaces of the region"),
        ("ok", "1 of 1000 versions of the state machine"),
    ] == findings(found["quotas"])
    assert "--quota-code L-9D07B6EF --desired-value 4" in found["quotas"]["findings"][1]["help"]


@pytest.mark.parametrize(
    ("free", "level"),
    [((0, 1), "fail"), ((2, 0), "warn"), ((19, 0), "warn"), ((19, 1), "ok")],
)
def test_addresses_are_counted_beforehand(
    aws: Scripted, run: Callable[..., Result], free: tuple[int, int], level: str
) -> None:
    """Over all the subnets, past the first page; in the VPC of the stack, or in the subnets that are named."""
    pages = [{"Subnets": [{"SubnetId": f"s{number}", "AvailableIpAddressCount": count}]} for number, count in enumerate(free)]  # fmt: skip
    aws.answer(ec2__DescribeSubnets=lambda params: pages[1] if "NextToken" in params else {**pages[0], "NextToken": "more"})  # fmt: skip
    _, found = told(run)
    assert [(level, f"{sum(free)} free in 2 subnets")] == findings(found["addresses"])
    assert [{"Name": "vpc-id", "Values": ["vpc-1"]}] == aws.of("ec2:DescribeSubnets")[0]["Filters"]
    told(run, "--parameter", "SubnetIds=subnet-a,subnet-b")
    assert ["subnet-a", "subnet-b"] == aws.of("ec2:DescribeSubnets")[-1]["SubnetIds"]


def test_a_quota_that_is_known_to_nobody_has_the_documented_default(
    aws: Scripted, run: Callable[..., Result]
) -> None:
    """Service Quotas does not know every quota in every partition."""
    unknown = refused("NoSuchResourceException", "GetServiceQuota")
    aws.answer(service_quotas__GetServiceQuota=unknown, service_quotas__GetAWSDefaultServiceQuota=unknown)
    _, found = told(run)
    assert ("ok", "6 Fargate vCPUs at once (AWS's default, as documented)") == findings(found["quotas"])[0]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (refused("404", "HeadBucket"), f"there is no bucket {BUCKET}"),
        (refused("403", "HeadBucket"), f"{BUCKET} is another account's, or not to be seen"),
    ],
)
def test_a_bucket_that_cannot_be_used_is_told(
    aws: Scripted, run: Callable[..., Result], error: Exception, expected: str
) -> None:
    """Missing, or another's."""
    aws.answer(s3__HeadBucket=error)
    code, found = told(run)
    assert (3, [("fail", expected)]) == (code, findings(found["bucket"]))
    assert NUMBER == aws.of("s3:HeadBucket")[0]["ExpectedBucketOwner"]


def test_a_bucket_elsewhere_is_told(aws: Scripted, run: Callable[..., Result]) -> None:
    """Lambda takes no code from another region."""
    aws.answer(s3__HeadBucket={"BucketRegion": "us-west-2"})
    code, found = told(run)
    assert (3, [("fail", f"{BUCKET} is in us-west-2")]) == (code, findings(found["bucket"]))


def test_a_bucket_without_its_safeguards_is_told(aws: Scripted, run: Callable[..., Result]) -> None:
    """Each on its own; what may not be looked at is no safeguard that is missing."""
    aws.answer(
        s3__GetBucketVersioning={},
        s3__GetBucketEncryption=refused("AccessDenied", "GetBucketEncryption"),
        s3__GetPublicAccessBlock=refused("NoSuchPublicAccessBlockConfiguration", "GetPublicAccessBlock"),
    )
    code, found = told(run)
    assert 0 == code
    assert ["ok", "warn", "unknown", "warn"] == [level for level, _ in findings(found["bucket"])]


@pytest.mark.parametrize(
    ("answer", "level", "part"),
    [
        ({"Name": "clone"}, "ok", "clone is there"),
        ({"Name": "clone", "DeletedDate": datetime(2026, 1, 1, tzinfo=UTC)}, "fail", "about to be deleted"),
        (refused("ResourceNotFoundException", "DescribeSecret"), "fail", "there is no secret"),
        (refused("AccessDeniedException", "DescribeSecret"), "unknown", "not allowed to look"),
    ],
)
def test_the_secrets_that_parameters_name_are_looked_at(
    aws: Scripted, run: Callable[..., Result], answer: Any, level: str, part: str
) -> None:
    """Whether they are there; their values are not read."""
    aws.answer(secretsmanager__DescribeSecret=answer)
    _, found = told(run, "--parameter", f"CloneTokenSecretArn={SECRET}")
    ((found_level, what),) = findings(found["secrets"])
    assert (level, True) == (found_level, part in what)
    assert "secretsmanager:GetSecretValue" not in aws.made


def test_actions_that_are_not_allowed_are_named(aws: Scripted, run: Callable[..., Result]) -> None:
    """Page by page; the conditions' keys are given to the simulation, and no `*` stands in a resource's name."""

    def simulate(params: dict[str, Any]) -> dict[str, Any]:
        names = params["ActionNames"]
        is_first = "Marker" not in params
        page = names[: len(names) // 2] if is_first else names[len(names) // 2 :]
        more = {"IsTruncated": True, "Marker": "more"} if is_first else {"IsTruncated": False}
        decided = {"states:StartExecution": "implicitDeny", "iam:PassRole": "explicitDeny"}
        return {"EvaluationResults": [{"EvalActionName": name, "EvalDecision": decided.get(name, "allowed")} for name in page], **more}  # fmt: skip

    aws.answer(iam__SimulatePrincipalPolicy=simulate)
    code, found = told(run)
    assert 0 == code
    details = [each.get("details", []) for each in found["permissions"]["findings"]]
    assert [["iam:PassRole"], ["states:StartExecution"]] == details
    asked = aws.of("iam:SimulatePrincipalPolicy")
    assert all(arn == "*" or "*" not in arn for each in asked for arn in each["ResourceArns"])
    keys = {entry["ContextKeyName"] for each in asked for entry in each["ContextEntries"]}
    assert {"iam:PassedToService", "iam:AWSServiceName", "ecs:cluster"} == keys


def test_who_may_not_simulate_is_told_so(aws: Scripted, run: Callable[..., Result]) -> None:
    """The other parts are there."""
    aws.answer(iam__SimulatePrincipalPolicy=refused("AccessDenied", "SimulatePrincipalPolicy", "not you"))
    code, found = told(run)
    assert (0, ["unknown"]) == (code, [level for level, _ in findings(found["permissions"])])
    assert ("ok", "agrees with AWS's") in findings(found["clock"]) or found["clock"]["findings"]


@pytest.mark.usefixtures("aws")
def test_uncommitted_documents_are_told(run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    """What is here cannot be deployed, and why."""
    from deployer.console import Refused  # noqa: PLC0415

    def check(*_: object) -> Reviewed:
        raise Refused("what is here does not belong together\nasl/x: has other bytes")

    monkeypatch.setattr("deployer.reviewed.check", check)
    code, found = told(run)
    assert (3, ["asl/x: has other bytes"]) == (code, found["documents"]["findings"][0]["details"])


def test_no_credentials_are_told_at_once(aws: Scripted, run: Callable[..., Result]) -> None:
    """There is nothing to examine."""
    aws.answer(sts__GetCallerIdentity=refused("ExpiredToken", "GetCallerIdentity", "over"))
    result = run(stack_commands.doctor)
    assert (1, True) == (result.exit_code, "the credentials have expired" in result.stderr)


def test_the_root_user_is_warned(aws: Scripted, run: Callable[..., Result]) -> None:
    """It may do everything, and IAM does not simulate it."""
    aws.answer(
        sts__GetCallerIdentity={"UserId": "u", "Account": NUMBER, "Arn": f"arn:aws:iam::{NUMBER}:root"}
    )
    code, found = told(run)
    assert (0, "warn", "warn") == (
        code,
        findings(found["credentials"])[0][0],
        findings(found["permissions"])[0][0],
    )


def test_the_stack_s_own_parameters_are_used(aws: Scripted, run: Callable[..., Result]) -> None:
    """Where the stack is there, its bucket and its secrets are looked at."""
    given = [{"ParameterKey": "ArtifactBucket", "ParameterValue": "mine"}, {"ParameterKey": "DockerHubSecretArn", "ParameterValue": SECRET}]  # fmt: skip
    aws.answer(
        cloudformation__DescribeStacks=stack(Parameters=given), secretsmanager__DescribeSecret={"Name": "n"}
    )
    told(run)
    assert ["mine"] == [each["Bucket"] for each in aws.of("s3:HeadBucket")]
    assert [SECRET] == [each["SecretId"] for each in aws.of("secretsmanager:DescribeSecret")]
    assert isinstance(aws.account(), Account)
