"""The endpoint that a local run serves: Step Functions answers as AWS does, and the emulator's answers pass through."""

from __future__ import annotations

import pytest

from tests.runner.served import VERDICTS, Served

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def arns(served: Served) -> dict[str, str]:
    """Start an execution on each repository, all at once."""
    return {repository: served.start(repository) for repository in VERDICTS}


@pytest.mark.parametrize("repository", VERDICTS)
def test_an_execution_ends_with_its_verdict(served: Served, arns: dict[str, str], repository: str) -> None:
    """Started through the alias, it ends by the error that its server, or our fault, leads to, and is recorded."""
    described = served.ended(arns[repository])
    assert VERDICTS[repository] == described.get("error")
    item = served.client("dynamodb").get_item(
        TableName=served.outputs["VerdictTableNameInUse"],
        Key={"serverId": {"S": repository}, "executionArn": {"S": arns[repository]}},
    )["Item"]
    assert (VERDICTS[repository] or "") == item["error"]["S"]
