"""Tokens: each is of one request, and names who makes it."""

from __future__ import annotations

import pytest

from deployer import tokens
from tests.deployer.stubbed import Stubbed


@pytest.mark.parametrize(
    ("arn", "who"),
    [
        ("arn:aws:iam::123456789012:user/team/alice.b", "alice-b"),
        ("arn:aws-us-gov:sts::123456789012:assumed-role/Deploy/release@ci", "release-ci"),
        ("arn:aws:iam::123456789012:root", "root"),
        (f"arn:aws:iam::123456789012:user/{'long' * 16}", ("long" * 16)[: tokens.LONGEST_NAME]),
    ],
)
def test_a_token_names_who_makes_the_request(arn: str, who: str) -> None:
    """In the characters that a token may have; no two are the same."""
    stubbed = Stubbed("sts")
    for _ in range(2):
        stubbed.answer("sts", "get_caller_identity", {"Account": "123456789012", "Arn": arn, "UserId": "u"})
    made = {tokens.new(stubbed.account) for _ in range(2)}
    assert 2 == len(made)
    assert {who} == {tokens.beginner(each) for each in made}
    assert all(len(each) <= 128 for each in made)


def test_a_token_that_is_not_ours_is_told_as_it_is() -> None:
    """The console's, or the AWS command line's."""
    assert "Console-ExecuteChangeSet-1" == tokens.beginner("Console-ExecuteChangeSet-1")
