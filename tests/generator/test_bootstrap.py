"""The bootstrap template: one bucket that keeps what is deployed, and lets nobody else near it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from generator import settings as settings_file
from generator.documents import BOOTSTRAP, TEMPLATE
from tests.generator.rendered import parameters, references, rendered

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

Json = dict[str, Any]

ACCOUNT = "123456789012"
KEY = "arn:aws:kms:eu-central-1:123456789012:key/1"
ARN = "arn:aws:s3:::bucket"


@pytest.fixture(scope="module")
def template(root: Path) -> Json:
    """Return the committed template."""
    parsed: Json = json.loads((root / BOOTSTRAP).read_text("utf-8"))
    return parsed


@pytest.fixture(scope="module")
def bucket(template: Json) -> Json:
    """Return the bucket's properties."""
    properties: Json = template["Resources"]["ArtifactBucket"]["Properties"]
    return properties


def test_a_bucket_and_its_policy_are_all_that_is_made_and_both_stay(template: Json) -> None:
    """What guards the bucket goes no sooner than the bucket; neither stays where creating it failed."""
    kinds = {name: each["Type"] for name, each in template["Resources"].items()}
    assert {
        "ArtifactBucket": "AWS::S3::Bucket",
        "ArtifactBucketPolicy": "AWS::S3::BucketPolicy",
    } == kinds
    for each in template["Resources"].values():
        assert ("RetainExceptOnCreate", "Retain") == (each["DeletionPolicy"], each["UpdateReplacePolicy"])


def test_the_bucket_is_private_and_owned_by_the_account(bucket: Json) -> None:
    """No access list counts, no policy can make it public."""
    assert {"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} == {
        key for key, value in bucket["PublicAccessBlockConfiguration"].items() if value is True
    }
    assert {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]} == bucket["OwnershipControls"]


def test_nothing_that_is_current_ever_ends(bucket: Json) -> None:
    """A rollback needs old artifacts: only what was overwritten, deleted or never finished is forgotten."""
    assert {"Status": "Enabled"} == bucket["VersioningConfiguration"]
    (rule,) = bucket["LifecycleConfiguration"]["Rules"]
    assert {"NoncurrentDays": 90} == rule.pop("NoncurrentVersionExpiration")
    assert {"DaysAfterInitiation": 7} == rule.pop("AbortIncompleteMultipartUpload")
    assert {"Id": "ForgetWhatIsNoLongerCurrent", "Status": "Enabled"} == rule


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("", {"SSEAlgorithm": "AES256"}),
        (KEY, {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": {"Ref": "EncryptionKeyArn"}}),
    ],
)
def test_what_is_stored_is_encrypted(template: Json, key: str, expected: Json) -> None:
    """By S3's key, or by one that is given."""
    stack = rendered(template, parameters(template, EncryptionKeyArn=key))["Resources"]
    (rule,) = stack["ArtifactBucket"]["Properties"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert expected == rule["ServerSideEncryptionByDefault"]


OPERATORS: dict[str, Callable[[str | None, str], bool]] = {
    "Bool": lambda given, wanted: given == wanted,
    "NumericLessThan": lambda given, wanted: given is not None and float(given) < float(wanted),
    "StringNotEquals": lambda given, wanted: given != wanted,
}
"""A negated operator holds where its key is missing, the others do not (documentation: IAM User Guide)."""


def denied(statement: Json, request: Mapping[str, str]) -> bool:
    """Decide whether a statement denies a request, as IAM does: all of its conditions must hold."""
    return all(
        OPERATORS[operator](request.get(key), ACCOUNT if value == {"Ref": "AWS::AccountId"} else value)
        for operator, keys in statement["Condition"].items()
        for key, value in keys.items()
    )


OURS = {
    "aws:SecureTransport": "true",
    "s3:TlsVersion": "1.3",
    "aws:PrincipalAccount": ACCOUNT,
    "aws:PrincipalIsAWSService": "false",
}
SERVICE = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.2", "aws:PrincipalIsAWSService": "true"}


@pytest.mark.parametrize(
    ("request_", "by"),
    [
        (OURS, set()),
        (SERVICE, set()),
        ({**OURS, "aws:SecureTransport": "false"}, {"TlsOnly"}),
        ({**OURS, "s3:TlsVersion": "1.1"}, {"NoOldTls"}),
        ({**OURS, "aws:PrincipalAccount": "210987654321"}, {"ThisAccountOnly"}),
        (
            {key: value for key, value in OURS.items() if key != "aws:PrincipalAccount"},
            {"ThisAccountOnly"},
        ),
    ],
    ids=["ours", "a service", "without TLS", "old TLS", "another account", "nobody"],
)
def test_who_is_denied(template: Json, request_: Mapping[str, str], by: set[str]) -> None:
    """Another account, nobody in particular, and whoever does not encrypt the way."""
    policy = template["Resources"]["ArtifactBucketPolicy"]["Properties"]["PolicyDocument"]
    assert by == {statement["Sid"] for statement in policy["Statement"] if denied(statement, request_)}


def test_each_denial_is_for_everybody_and_for_the_whole_bucket(template: Json) -> None:
    """Nothing is allowed here: what an identity may do, its own policy says."""
    policy = template["Resources"]["ArtifactBucketPolicy"]["Properties"]
    assert {"Ref": "ArtifactBucket"} == policy["Bucket"]
    for statement in policy["PolicyDocument"]["Statement"]:
        assert ("Deny", "*", "s3:*") == (statement["Effect"], statement["Principal"], statement["Action"])
        assert [
            {"Fn::GetAtt": ["ArtifactBucket", "Arn"]},
            {"Fn::Sub": "${ArtifactBucket.Arn}/*"},
        ] == statement["Resource"]


@pytest.mark.parametrize("name", ["", "artifacts-of-toolshed"])
def test_a_name_may_be_given(template: Json, name: str) -> None:
    """Without one CloudFormation chooses; dots, which break TLS, are refused."""
    stack = rendered(template, parameters(template, BucketName=name))["Resources"]
    expected = {"Ref": "BucketName"} if name else None
    assert expected == stack["ArtifactBucket"]["Properties"].get("BucketName")
    pattern = template["Parameters"]["BucketName"]["AllowedPattern"]
    assert re.fullmatch(pattern, name)
    assert not re.fullmatch(pattern, "with.dots")


def test_its_output_is_what_the_pipeline_asks_for(template: Json, root: Path) -> None:
    """A name that CloudFormation, or a person, can give the bucket is one that the pipeline's parameter takes."""
    output = template["Outputs"]["ArtifactBucketName"]
    assert {"Ref": "ArtifactBucket"} == output["Value"]
    pipeline = json.loads((root / TEMPLATE).read_text("utf-8"))["Parameters"]["ArtifactBucket"]
    assert "ArtifactBucket" in output["Description"]
    for name in ("toolshed-artifactbucket-1x2y3z", "artifacts"):
        assert re.fullmatch(pipeline["AllowedPattern"], name)


def test_it_depends_on_nothing_but_itself(template: Json, root: Path) -> None:
    """The same bytes deploy anywhere, with CAPABILITY_IAM or without; the cost tags are there."""
    known = {*template["Resources"], *template["Parameters"], "AWS::AccountId", "AWS::NoValue"}
    assert {*references([template["Resources"], template["Outputs"]])} <= known
    assert "arn:aws" not in json.dumps(template["Resources"])
    wanted = settings_file.load(root / "settings.yaml").tags
    assert [{"Key": key, "Value": value} for key, value in wanted.items()] == template["Resources"][
        "ArtifactBucket"
    ]["Properties"]["Tags"]


def test_every_parameter_is_met_in_words(template: Json) -> None:
    """Under a heading, with a label and a sentence."""
    interface = template["Metadata"]["AWS::CloudFormation::Interface"]
    grouped = [name for group in interface["ParameterGroups"] for name in group["Parameters"]]
    assert sorted(grouped) == sorted(template["Parameters"])
    assert interface["ParameterLabels"].keys() == template["Parameters"].keys()
    assert all(each["Description"].endswith(".") for each in template["Parameters"].values())
