"""Following what takes a stack back, or away."""

from __future__ import annotations

from typing import Any

import pytest

from deployer import following
from deployer.change_sets import ChangeSetError
from deployer.execute import LONGEST_SECONDS
from deployer.stacks import Stack
from tests.deployer.answers import STACK, STACK_ID, Answers


def test_it_is_followed_for_as_long_as_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour is not enough: Lambda alone keeps its network interfaces for most of one."""
    answers, paces = Answers(), []

    def follower(*given: Any) -> None:
        paces.append(given[-1])
        raise ChangeSetError

    monkeypatch.setattr(following, "Follower", follower)
    answers.events()
    stack = Stack(STACK, STACK_ID, "CREATE_COMPLETE")
    with pytest.raises(ChangeSetError):
        following.carry_out(answers.client, stack, lambda: None, meanwhile="it goes on")
    assert [LONGEST_SECONDS] == [pace.limit for pace in paces]
