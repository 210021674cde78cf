"""Publishing: nothing is overwritten, what is there is compared, and whose bucket it is was asked."""

from __future__ import annotations

import base64
import hashlib
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from deployer import artifacts
from deployer.console import EXIT_ERROR, EXIT_REFUSED, Refused
from deployer.reviewed import Reviewed
from tests.deployer.stubbed import ACCOUNT, REGION, Stubbed, identity

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BUCKET = {"Bucket": "bucket", "ExpectedBucketOwner": ACCOUNT}
ZIP = b"zip" * 700
KEY = f"validator/{hashlib.sha256(ZIP).hexdigest()}.zip"
REVIEWED = Reviewed(Path("t.json"), b"{}", {KEY: ZIP}, (), "c")


@pytest.fixture
def stubbed() -> Iterator[Stubbed]:
    """Give an account with S3, whose answers must all be asked for."""
    found = Stubbed("s3", "sts")
    yield found
    found.assert_all_asked()


def checksum(content: bytes) -> str:
    """Return what S3 calls the SHA-256."""
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def answer_bucket(stubbed: Stubbed, region: str = REGION) -> None:
    """Answer that the bucket is there, and where."""
    identity(stubbed)
    stubbed.answer("s3", "head_bucket", {"BucketRegion": region}, **BUCKET)


def answer_head(stubbed: Stubbed, key: str, content: bytes, **more: Any) -> None:
    """Answer that an object is there; with its SHA-256 unless something else is said."""
    told = more or {"ChecksumSHA256": checksum(content)}
    found = {"ContentLength": len(content), "LastModified": NOW, **told}
    stubbed.answer("s3", "head_object", found, **BUCKET, Key=key, ChecksumMode="ENABLED")


def answer_missing(stubbed: Stubbed) -> None:
    """Answer that an object is not there: a HEAD has no body, and so no better code."""
    stubbed.refuse("s3", "head_object", "404", "Not Found", 404)


def answer_put(stubbed: Stubbed, key: str, content: bytes, kind: str) -> None:
    """Answer that an object was put there, on the condition that there was none."""
    stubbed.answer(
        "s3",
        "put_object",
        {},
        **BUCKET,
        Key=key,
        Body=content,
        ChecksumSHA256=checksum(content),
        IfNoneMatch="*",
        ContentType=kind,
    )


def publish(stubbed: Stubbed, reviewed: Reviewed = REVIEWED) -> tuple[artifacts.Published, list[str]]:
    """Publish; return the outcome and the lines that were told."""
    lines: list[str] = []
    return artifacts.publish(stubbed.account, "bucket", reviewed, lines.append), lines


def refusal(stubbed: Stubbed, code: int = EXIT_REFUSED) -> str:
    """Return why publishing is refused."""
    with pytest.raises(Refused) as caught:
        publish(stubbed)
    assert code == caught.value.code
    return str(caught.value)


def test_each_artifact_is_put_there_and_looked_for(stubbed: Stubbed) -> None:
    """With its checksum, on the condition that nothing is there; the template last, since it names the others."""
    answer_bucket(stubbed)
    for key, content, kind in (
        (KEY, ZIP, "application/zip"),
        (REVIEWED.template_key, b"{}", "application/json"),
    ):
        answer_missing(stubbed)
        answer_put(stubbed, key, content, kind)
        answer_head(stubbed, key, content)
    found, lines = publish(stubbed)
    assert ((KEY, REVIEWED.template_key), ()) == (found.uploaded, found.present)
    assert [f"uploaded  {KEY}  2 KiB", f"uploaded  {REVIEWED.template_key}  2 bytes"] == lines
    assert found.template_url.endswith(f".amazonaws.com/bucket/{REVIEWED.template_key}")


def test_what_is_there_is_left_alone(stubbed: Stubbed) -> None:
    """The same bytes are no news."""
    answer_bucket(stubbed)
    answer_head(stubbed, KEY, ZIP)
    answer_head(stubbed, REVIEWED.template_key, b"{}")
    found, lines = publish(stubbed)
    assert ((), (KEY, REVIEWED.template_key)) == (found.uploaded, found.present)
    assert f"present   {KEY}  2 KiB" == lines[0]


@pytest.mark.parametrize("told", [{"ChecksumCRC64NVME": "a"}, {"ChecksumSHA256": "abc-3"}], ids=["none", "of parts"])  # fmt: skip
@pytest.mark.parametrize("held", [ZIP, ZIP[::-1]], ids=["same", "other"])
def test_an_object_without_a_sha256_is_read(stubbed: Stubbed, told: dict[str, str], held: bytes) -> None:
    """`aws s3 sync` leaves another checksum, and a multipart upload one of its parts: neither settles the question."""
    answer_bucket(stubbed)
    answer_head(stubbed, KEY, held, **told)
    body = StreamingBody(io.BytesIO(held), len(held))
    stubbed.answer("s3", "get_object", {"Body": body}, **BUCKET, Key=KEY)
    if held != ZIP:
        assert "holds other bytes than its name says" in refusal(stubbed)
        return
    answer_head(stubbed, REVIEWED.template_key, b"{}")
    assert (KEY, REVIEWED.template_key) == publish(stubbed)[0].present


@pytest.mark.parametrize(
    ("held", "told"), [(ZIP[::-1], {"ChecksumSHA256": checksum(ZIP[::-1])}), (ZIP + b"x", {"ETag": "e"})]
)
def test_other_bytes_are_never_overwritten(stubbed: Stubbed, held: bytes, told: dict[str, str]) -> None:
    """Who wrote them must be found out; a different size is enough to know."""
    answer_bucket(stubbed)
    answer_head(stubbed, KEY, held, **told)
    text = refusal(stubbed)
    assert f"s3://bucket/{KEY} holds other bytes than its name says" in text
    assert "2026-01-01 00:00 UTC" in text
    assert f"aws s3api delete-object --bucket bucket --key {KEY}" in text


@pytest.mark.parametrize("code", ["PreconditionFailed", "ConditionalRequestConflict"])
def test_two_may_publish_at_once(stubbed: Stubbed, code: str) -> None:
    """The other was faster, with the same bytes: that is as good."""
    answer_bucket(stubbed)
    answer_missing(stubbed)
    stubbed.refuse("s3", "put_object", code, status=412)
    answer_head(stubbed, KEY, ZIP)
    answer_head(stubbed, REVIEWED.template_key, b"{}")
    assert (KEY, REVIEWED.template_key) == publish(stubbed)[0].present


def test_what_does_not_stay_is_told(stubbed: Stubbed) -> None:
    """What was uploaded is looked for."""
    answer_bucket(stubbed)
    answer_missing(stubbed)
    answer_put(stubbed, KEY, ZIP, "application/zip")
    answer_missing(stubbed)
    assert "was uploaded, and is not there" in refusal(stubbed)


def test_who_may_not_list_may_publish(stubbed: Stubbed) -> None:
    """S3 then says of what is missing that it is forbidden."""
    answer_bucket(stubbed)
    stubbed.refuse("s3", "head_object", "403", "Forbidden", 403)
    answer_put(stubbed, KEY, ZIP, "application/zip")
    answer_head(stubbed, KEY, ZIP)
    answer_head(stubbed, REVIEWED.template_key, b"{}")
    assert (KEY,) == publish(stubbed)[0].uploaded


def test_a_denied_upload_is_amazons_answer(stubbed: Stubbed) -> None:
    """It is told by the command, with AWS's own words."""
    answer_bucket(stubbed)
    answer_missing(stubbed)
    stubbed.refuse("s3", "put_object", "AccessDenied", status=403)
    with pytest.raises(ClientError, match="PutObject"):
        publish(stubbed)


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("404", 404, "there is no bucket bucket"),
        ("403", 403, f"the bucket bucket is not account {ACCOUNT}'s, or you may not use it"),
        ("301", 301, "the bucket bucket is in another region, and the stack is to be in us-east-1"),
    ],
)
def test_a_bucket_that_is_not_fit_is_told(stubbed: Stubbed, code: str, status: int, expected: str) -> None:
    """A HEAD's answer is a status alone; each message says what to do."""
    identity(stubbed)
    stubbed.refuse("s3", "head_bucket", code, status=status)
    # One that is not there is an error; what is there and not fit is refused.
    text = refusal(stubbed, EXIT_ERROR if code == "404" else EXIT_REFUSED)
    assert expected in text
    assert "python build.py bootstrap" in text


def test_a_bucket_in_another_region_is_refused(stubbed: Stubbed) -> None:
    """Lambda takes its code from its own region only."""
    answer_bucket(stubbed, "eu-central-1")
    assert "the bucket bucket is in eu-central-1, and the stack is to be in us-east-1" in refusal(stubbed)


def test_a_bucket_of_another_account_may_be_named() -> None:
    """Where one account keeps the artifacts of all, its number is said, and every call checks it."""
    stubbed = Stubbed("s3")
    other = {"Bucket": "bucket", "ExpectedBucketOwner": "999999999999"}
    stubbed.answer("s3", "head_bucket", {"BucketRegion": REGION}, **other)
    head = {"ContentLength": 2, "LastModified": NOW, "ChecksumSHA256": checksum(b"{}")}
    reviewed = Reviewed(Path("t.json"), b"{}", {}, (), "c")
    stubbed.answer("s3", "head_object", head, **other, Key=reviewed.template_key, ChecksumMode="ENABLED")
    found = artifacts.publish(stubbed.account, "bucket", reviewed, owner="999999999999")
    assert (reviewed.template_key,) == found.present


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        ("us-east-1", "https://s3.amazonaws.com/my.bucket/templates/a.json"),
        ("eu-central-1", "https://s3.eu-central-1.amazonaws.com/my.bucket/templates/a.json"),
        ("cn-north-1", "https://s3.cn-north-1.amazonaws.com.cn/my.bucket/templates/a.json"),
        ("us-gov-west-1", "https://s3.us-gov-west-1.amazonaws.com/my.bucket/templates/a.json"),
    ],
)
def test_the_templates_address_is_of_its_partition(region: str, expected: str) -> None:
    """CloudFormation takes the address with the bucket in its path, dots in its name and all."""
    client = Stubbed("s3", region=region).account.client("s3")
    assert expected == artifacts.template_url(client.meta.endpoint_url, "my.bucket", "templates/a.json")
