"""The documents that a stack runs now, as they were deployed: its template, and the definitions that it names."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deployer.account import error_code, is_denied

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from deployer.account import Account
    from deployer.reviewed import Reviewed
    from deployer.stacks import Stack

DEFINITION_KEY = re.compile(r"asl/([\w-]+)/([0-9a-f]{64})\.asl\.json$")
BUCKET = "ArtifactBucket"
"""The parameter that names the artifact bucket."""
ALIAS = "PipelineArn"
"""The output with the alias that executions are started by."""


@dataclass(frozen=True)
class Documents:
    """What was found, by the names that the same documents have in the project; and what could not be."""

    contents: Mapping[str, bytes]
    notes: tuple[str, ...] = ()
    missing: frozenset[str] = frozenset()
    """Documents that are deployed, and were not to be had: that they are new would be a lie."""


def template_of(client: Any, *, stack: str, change_set: str = "") -> bytes:
    """Return the template of a stack, or of a change set, as it was given."""
    asked = {"StackName": stack, **({"ChangeSetName": change_set} if change_set else {})}
    body = client.get_template(**asked, TemplateStage="Original")["TemplateBody"]
    # botocore parses what is JSON; written anew, it is the same template.
    return (body if isinstance(body, str) else json.dumps(body, indent=2, ensure_ascii=False) + "\n").encode()


def read(account: Account, stack: Stack, reviewed: Reviewed, root: Path) -> Documents:
    """Return the documents that a stack was deployed from. What cannot be read is told in a note."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - the help needs no botocore

    try:
        content = template_of(account.client("cloudformation"), stack=stack.id)
    except ClientError as error:
        if not is_denied(error):
            raise
        return Documents({}, ("the deployed template may not be read: what widens or breaks is not shown",))
    contents, missing = {str(reviewed.template): content}, {}
    for name, key in sorted(_definitions(content)):
        found = _here(root, key, reviewed) or _in_bucket(account, stack.parameters.get(BUCKET, ""), key)
        document = f"asl/{name}.asl.json"
        if found is None:
            missing[document] = (
                f"the deployed definition {name} is not to be had: its states are not compared"
            )
        else:
            contents[document] = found
    return Documents(contents, tuple(missing.values()), frozenset(missing))


def committed(reviewed: Reviewed) -> dict[str, bytes]:
    """Return the documents that are to be deployed, by their names."""
    return {
        str(reviewed.template): reviewed.content,
        **{f"asl/{each.name}.asl.json": each.content for each in reviewed.definitions},
    }


def _definitions(template: bytes) -> Iterator[tuple[str, str]]:
    """Yield name and S3 key of each definition that a template names."""
    for found in re.finditer(r'"(asl/[^"]+)"', template.decode("utf-8", "replace")):
        if named := DEFINITION_KEY.fullmatch(found[1]):
            yield named[1], found[1]


def _here(root: Path, key: str, reviewed: Reviewed) -> bytes | None:
    """Return a definition that this project holds: the committed one, one in `dist/`, or a released one."""
    if key in reviewed.artifacts:
        return reviewed.artifacts[key]
    name = key.split("/")[1]
    for path in (root / "dist" / key, *sorted((root / "asl" / "releases").glob(f"{name}-*.asl.json"))):
        try:
            content = path.read_bytes()
        except OSError:
            continue
        if _is(key, content):
            return content
    return None


def _in_bucket(account: Account, bucket: str, key: str) -> bytes | None:
    from botocore.exceptions import ClientError  # noqa: PLC0415

    if not bucket:
        return None
    try:
        content: bytes = account.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if is_denied(error) or error_code(error) in ("NoSuchKey", "NoSuchBucket", "404"):
            return None
        raise
    return content if _is(key, content) else None


def _is(key: str, content: bytes) -> bool:
    return hashlib.sha256(content).hexdigest() in key
