"""The artifact bucket's stack: what it can be made or changed from."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from deployer import bootstrap
from deployer.console import Refused
from tests.deployer.stubbed import Stubbed

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("UPDATE_ROLLBACK_FAILED", "rollback --stack --stack-name bucket`"),
        ("UPDATE_FAILED", "rollback --stack --stack-name bucket`"),
        ("ROLLBACK_COMPLETE", "destroy --stack-name bucket`"),
        ("UPDATE_IN_PROGRESS", "wait for its end"),
    ],
)
def test_a_stack_that_cannot_be_changed(root: Path, status: str, said: str) -> None:
    """What holds the artifacts of every deployment is taken back where it can be, and deleted only where it must be."""
    stubbed = Stubbed("cloudformation")
    stack = {"StackName": "bucket", "StackStatus": status, "CreationTime": datetime(2026, 1, 1, tzinfo=UTC)}
    stubbed.answer("cloudformation", "describe_stacks", {"Stacks": [stack]}, StackName="bucket")
    with pytest.raises(Refused) as caught:
        bootstrap.wanted(stubbed.account, "bucket", root, {}, allow_uncommitted=True)
    assert said in str(caught.value)
    stubbed.assert_all_asked()
