"""The artifact bucket: what is deployed is put there once, under keys that change with the bytes, and never overwritten.

An object that is there already is compared by its checksum, and read where AWS keeps none. So publishing again is
harmless, two people may publish at once, and a key never means two things.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deployer.account import error_code, is_denied
from deployer.console import EXIT_ERROR, Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from deployer.account import Account
    from deployer.reviewed import Reviewed

MISSING = frozenset({"404", "NoSuchKey", "NoSuchBucket", "NotFound"})
EXISTS = frozenset({"PreconditionFailed", "412"})
CONFLICT = frozenset({"ConditionalRequestConflict", "409"})
"""Two uploads of the same key at once; S3 asks to look again. Evidence: documentation (conditional writes)."""
CHUNK = 1 << 20
CONTENT_TYPES = {".json": "application/json", ".zip": "application/zip"}


@dataclass(frozen=True)
class Published:
    """Where the template is now, and what had to be done for it."""

    template_url: str
    """As CloudFormation takes it."""
    uploaded: tuple[str, ...]
    """Keys, in order."""
    present: tuple[str, ...]
    """Keys under which the same bytes were already."""


def publish(
    account: Account,
    bucket: str,
    reviewed: Reviewed,
    tell: Callable[[str], None] = lambda _line: None,
    *,
    owner: str | None = None,
) -> Published:
    """Put what was reviewed into the bucket, which must be the account's own unless another `owner` is named.

    `tell` hears a line for each artifact. Raises `Refused` where the bucket is not fit, or a key holds other bytes;
    and what botocore raises.
    """
    client = account.client("s3")
    shelf = _Shelf(client, bucket, owner or account.identity().account)
    _check_bucket(shelf, account.region)
    uploaded: list[str] = []
    present: list[str] = []
    # The template last: where it is, all that it names is.
    for key, content in {**reviewed.artifacts, reviewed.template_key: reviewed.content}.items():
        is_new = shelf.put(key, content)
        (uploaded if is_new else present).append(key)
        tell(f"{'uploaded' if is_new else 'present '}  {key}  {size(len(content))}")
    return Published(
        template_url(client.meta.endpoint_url, bucket, reviewed.template_key), tuple(uploaded), tuple(present)
    )


def template_url(endpoint: str, bucket: str, key: str) -> str:
    """Return an object's address in the form that CloudFormation takes in every partition, and that an emulator has.

    The bucket is in the path, as in what `aws cloudformation deploy` passes: the name may then hold dots.
    """
    return f"{endpoint.rstrip('/')}/{bucket}/{key}"


def size(count: int) -> str:
    """Return a number of bytes for people."""
    return f"{count} bytes" if count < 1024 else f"{count / 1024:.0f} KiB"


def _check_bucket(shelf: _Shelf, region: str) -> None:
    """Raise `Refused` where the bucket is missing, in another region, or not to be used."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - the help needs no botocore

    try:
        found = shelf.client.head_bucket(**shelf.names)
    except ClientError as error:
        code = error_code(error)
        if code in MISSING:
            raise Refused(
                f"there is no bucket {shelf.bucket}\n"
                "`python build.py bootstrap` makes one; --bucket names another",
                EXIT_ERROR,
            ) from error
        if is_denied(error):
            raise Refused(
                f"the bucket {shelf.bucket} is not account {shelf.owner}'s, or you may not use it\n"
                "bucket names are the world's: `python build.py bootstrap` makes one of this account's, "
                "--bucket names another, and --bucket-owner the account that it is to be of"
            ) from error
        if code in {"301", "PermanentRedirect"}:
            raise _elsewhere(shelf.bucket, "another region", region) from error
        raise
    there = found.get("BucketRegion") or region
    if there != region:
        raise _elsewhere(shelf.bucket, there, region)


def _elsewhere(bucket: str, there: str, region: str) -> Refused:
    return Refused(
        f"the bucket {bucket} is in {there}, and the stack is to be in {region}\n"
        f"Lambda takes its code only from the function's own region: `python build.py bootstrap --region {region}` "
        "makes a bucket there"
    )


@dataclass(frozen=True)
class _Shelf:
    """A bucket, and whose it must be: every call names the owner, so that no stranger's bucket is ever written to."""

    client: Any
    bucket: str
    owner: str

    @property
    def names(self) -> dict[str, str]:
        return {"Bucket": self.bucket, "ExpectedBucketOwner": self.owner}

    def put(self, key: str, content: bytes) -> bool:
        """Put an object there unless the same bytes are; tells whether it was uploaded. Raises `Refused`."""
        from botocore.exceptions import ClientError  # noqa: PLC0415

        try:
            if self._holds(key, content):
                return False
        except ClientError as error:
            # Who may not list the bucket is told the same of what is not there.
            if not is_denied(error):
                raise
        is_new = self._upload(key, content)
        if not self._holds(key, content):
            raise Refused(
                f"s3://{self.bucket}/{key} was uploaded, and is not there\n"
                "does a rule of the bucket remove it? run this command again"
            )
        return is_new

    def _upload(self, key: str, content: bytes) -> bool:
        from botocore.exceptions import ClientError  # noqa: PLC0415

        try:
            self.client.put_object(
                **self.names,
                Key=key,
                Body=content,
                ChecksumSHA256=_checksum(content),
                # Nothing is ever overwritten, not even by two who publish at once.
                IfNoneMatch="*",
                ContentType=CONTENT_TYPES["." + key.rpartition(".")[2]],
            )
        except ClientError as error:
            if error_code(error) not in EXISTS | CONFLICT:
                raise
            return False
        return True

    def _holds(self, key: str, content: bytes) -> bool:
        """Tell whether an object is there with these bytes. Raises `Refused` where it has others."""
        from botocore.exceptions import ClientError  # noqa: PLC0415

        try:
            found = self.client.head_object(**self.names, Key=key, ChecksumMode="ENABLED")
        except ClientError as error:
            if error_code(error) in MISSING:
                return False
            raise
        checksum = found.get("ChecksumSHA256", "")
        if found["ContentLength"] != len(content):
            is_same = False
        elif checksum and "-" not in checksum:
            is_same = checksum == _checksum(content)
        else:
            is_same = self._digest(key) == hashlib.sha256(content).digest()
        if not is_same:
            raise Refused(
                f"s3://{self.bucket}/{key} holds other bytes than its name says\n"
                f"here: {size(len(content))}; there: {size(found['ContentLength'])}, of {found['LastModified']:%Y-%m-%d %H:%M} UTC\n"
                "it was not written by this tool: find out who did, and delete it "
                f"(aws s3api delete-object --bucket {self.bucket} --key {key}); then publish again"
            )
        return True

    def _digest(self, key: str) -> bytes:
        found = hashlib.sha256()
        for chunk in self.client.get_object(**self.names, Key=key)["Body"].iter_chunks(CHUNK):
            found.update(chunk)
        return found.digest()


def _checksum(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode("ascii")
