"""Following an execution: each event once, whatever the pages, and through what passes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from deployer.account import Account
from deployer.console import Refused
from deployer.stacks import Pace
from operations import follow
from operations.history import History
from tests.operations.scripted import REGION, Scripted, event, execution_arn, refused

if TYPE_CHECKING:
    from collections.abc import Callable

PACE = Pace(first=0, last=0, limit=10)
ARN = execution_arn("e")


def events(count: int) -> list[dict[str, Any]]:
    """Return the events of an execution that ended."""
    last = event(count, "ExecutionSucceeded")
    return [event(1, "ExecutionStarted"), *(event(number, "PassStateEntered", name="A", input="{}") for number in range(2, count)), last]  # fmt: skip


def growing(found: list[dict[str, Any]], step: int, size: int) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return what answers GetExecutionHistory with more events each time, in pages of a size."""
    known = 0

    def answer(params: dict[str, Any]) -> dict[str, Any]:
        nonlocal known
        start = int(params.get("nextToken", "0"))
        known = min(len(found), known + step)
        more = start + size < known
        return {
            "events": found[start : min(known, start + size)],
            **({"nextToken": str(start + size)} if more else {}),
        }

    return answer


@pytest.mark.parametrize(("step", "size"), [(1, 100), (3, 4), (7, 2), (40, 5), (1, 1)])
def test_each_event_comes_once_and_in_order(aws: Scripted, step: int, size: int) -> None:
    """However many are new at a look, and however small the pages."""
    found = events(23)
    aws.answer(stepfunctions__GetExecutionHistory=growing(found, step, size))
    history = History(aws.account(), ARN)
    assert list(range(1, 24)) == [each["id"] for each in follow.events(history, PACE)]
    assert history.is_over


def test_a_look_asks_for_the_last_page_only(aws: Scripted) -> None:
    """Pages that were read are not asked for again."""
    aws.answer(stepfunctions__GetExecutionHistory=growing(events(50), 50, 20))
    history = History(aws.account(), ARN)
    assert (50, 0) == (len(history.look()), len(history.look()))
    assert [None, "20", "40", "40"] == [
        each.get("nextToken") for each in aws.of("stepfunctions:GetExecutionHistory")
    ]


def test_a_token_that_is_too_old_is_let_go(aws: Scripted) -> None:
    """The history is read anew, and what is known is skipped."""
    answer = growing(events(50), 30, 20)
    is_old = False

    def answered(params: dict[str, Any]) -> Any:
        if is_old and params.get("nextToken") == "20":
            return refused("InvalidToken", "GetExecutionHistory")
        return answer(params)

    aws.answer(stepfunctions__GetExecutionHistory=answered)
    history = History(aws.account(), ARN)
    first = history.look()
    is_old = True
    aws.answer(stepfunctions__GetExecutionHistory=lambda params: answered(params) if "nextToken" in params else {"events": events(50)})  # fmt: skip
    assert list(range(1, 51)) == [each["id"] for each in [*first, *history.look()]]


@pytest.mark.parametrize("code", ["ThrottlingException", "ServiceUnavailable"])
def test_what_passes_ends_no_watch(aws: Scripted, code: str) -> None:
    """It is told once, and the events go on."""
    troubles = iter([refused(code, "GetExecutionHistory")] * 3)
    answer = growing(events(5), 5, 10)
    aws.answer(stepfunctions__GetExecutionHistory=lambda params: next(troubles, None) or answer(params))
    heard: list[str] = []
    account = Account(aws.account().access, heard.append)
    assert 5 == len(list(follow.events(History(account, ARN), PACE)))
    assert [f"{code}: still following; the execution goes on"] == heard
    assert REGION == account.region


def test_a_page_that_was_refused_loses_no_event(aws: Scripted) -> None:
    """The pages before it were read already."""
    troubles, answer = iter([refused("ThrottlingException", "GetExecutionHistory")]), growing(events(9), 9, 4)
    aws.answer(
        stepfunctions__GetExecutionHistory=lambda params: (
            (next(troubles, None) if params.get("nextToken") == "4" else None) or answer(params)
        )
    )
    history = History(aws.account(), ARN)
    assert list(range(1, 10)) == [each["id"] for each in follow.events(history, PACE)]


def test_what_does_not_pass_is_raised(aws: Scripted) -> None:
    """Expired credentials stay so until a person does something."""
    aws.answer(stepfunctions__GetExecutionHistory=refused("ExpiredTokenException", "GetExecutionHistory"))
    with pytest.raises(Exception, match="ExpiredTokenException"):
        list(follow.events(History(aws.account(), ARN), PACE))


def test_patience_ends(aws: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    """What never passes is raised in the end."""
    monkeypatch.setattr(follow, "PATIENCE_SECONDS", 0.01)
    aws.answer(stepfunctions__GetExecutionHistory=refused("ThrottlingException", "GetExecutionHistory"))
    with pytest.raises(Exception, match="ThrottlingException"):
        list(follow.events(History(aws.account(), ARN), Pace(first=0.005, last=0.005, limit=10)))


def test_an_execution_that_was_just_started_is_waited_for(aws: Scripted) -> None:
    """Its start is not known everywhere at once; one that is followed later must be there."""
    answer = growing(events(5), 5, 10)

    def history() -> History:
        troubles = iter([refused("ExecutionDoesNotExist", "GetExecutionHistory")] * 2)
        aws.answer(stepfunctions__GetExecutionHistory=lambda params: next(troubles, None) or answer(params))
        return History(aws.account(), ARN)

    assert 5 == len(list(follow.events(history(), PACE, is_new=True)))
    with pytest.raises(Refused, match="there is no execution"):
        list(follow.events(history(), PACE))


def test_an_execution_that_is_not_there_is_told(aws: Scripted) -> None:
    """With where to look."""
    aws.answer(stepfunctions__GetExecutionHistory=refused("ExecutionDoesNotExist", "GetExecutionHistory"))
    with pytest.raises(
        Refused, match=r"there is no execution e in eu-central-1\n`python build.py executions`"
    ):
        History(aws.account(), ARN).look()
