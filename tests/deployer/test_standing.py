"""How a stack stands: what can be deployed to is, and everything else is explained before anything is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from deployer import planning, standing
from deployer.account import Access
from deployer.change_sets import NameTakenError, Request
from deployer.console import Refused
from deployer.context import Context, Options
from deployer.reviewed import Reviewed
from deployer.stacks import Pace, Stack
from tests.deployer.answers import ARN, BEGIN, STACK, Answers, event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def answers() -> Iterator[Answers]:
    """Answers that must all be asked for."""
    found = Answers()
    yield found
    found.assert_all_asked()


@pytest.fixture
def context(answers: Answers, tmp_path: Path) -> Context:
    """Return a run that nobody watches, and that asks those answers."""
    return of(answers, tmp_path)


def of(answers: Answers, root: Path, **options: Any) -> Context:
    """Return a run with options."""
    found = Context(Access(region="us-east-1"), Options(STACK, is_yes=True, **options), root, Pace(0, 0, 5))
    found.__dict__["client"] = answers.client
    return found


def never(*_arguments: object) -> Any:
    """Fail: nothing is to be followed."""
    raise AssertionError


@pytest.mark.parametrize(
    "status",
    [
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
        "IMPORT_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
    ],
)
def test_a_stack_that_can_be_updated(answers: Answers, context: Context, status: str) -> None:
    """UPDATE_ROLLBACK_COMPLETE is among them."""
    answers.stack(status)
    found = standing.ready(context, never)
    assert found is not None
    assert status == found.status


@pytest.mark.parametrize("status", [None, "DELETE_COMPLETE"])
def test_there_is_no_stack(answers: Answers, context: Context, status: str | None) -> None:
    """A deleted one is none."""
    answers.stack(status)
    assert standing.ready(context, never) is None


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("UPDATE_ROLLBACK_FAILED", "python build.py rollback --stack --skip Table"),
        ("DELETE_FAILED", "python build.py destroy --retain Table"),
        ("ROLLBACK_FAILED", "python build.py destroy"),
        ("UPDATE_FAILED", "python build.py rollback --stack"),
        ("CREATE_FAILED", "python build.py rollback --stack"),
    ],
)
def test_a_stack_that_is_stuck(answers: Answers, context: Context, status: str, said: str) -> None:
    """It is explained, with the resources that are in the way now; what failed once and was mended is not named."""
    answers.stack(status)
    answers.events(
        event(4, "Role", "UPDATE_COMPLETE"),
        event(3, "Table", "UPDATE_FAILED", "in use"),
        event(2, "Role", "UPDATE_FAILED", "denied"),
        event(1, STACK, "UPDATE_IN_PROGRESS"),
    )
    with pytest.raises(Refused) as caught:
        standing.ready(context, never)
    assert 1 == caught.value.code
    assert said in str(caught.value)
    assert "Role" not in str(caught.value)


def test_a_failed_creation_is_not_deleted_by_itself(answers: Answers, context: Context) -> None:
    """Not even where every question is answered with yes."""
    answers.stack("ROLLBACK_COMPLETE")
    with pytest.raises(Refused, match="--recreate deletes it and creates it anew"):
        standing.ready(context, never)


def test_somebody_elses_operation(answers: Answers, context: Context) -> None:
    """Since when, and by whom: the first event of what goes on tells."""
    answers.stack("UPDATE_ROLLBACK_IN_PROGRESS")
    answers.events(
        event(3, STACK, "UPDATE_ROLLBACK_IN_PROGRESS"),
        event(2, STACK, "UPDATE_IN_PROGRESS", ClientRequestToken="toolshed-alice-0123456789abcdef"),
        event(1, STACK, "CREATE_COMPLETE"),
    )
    with pytest.raises(Refused, match=r"something else changes the stack, since \d\d:\d\d:\d\d, by alice"):
        standing.ready(context, never)


REVIEWED = Reviewed.__new__(Reviewed)


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        ({"DeploymentConfig": {"Mode": "EXPRESS"}}, 3, "without rollback (mode EXPRESS)"),
        ({"DeploymentConfig": {"Mode": "STANDARD", "DisableRollback": True}}, 3, "without rollback"),
        ({"OnStackFailure": "DO_NOTHING"}, 3, "without rollback"),
        (
            {"ExecutionStatus": "OBSOLETE"},
            1,
            "cannot be executed: it is CREATE_COMPLETE, its execution OBSOLETE",
        ),
    ],
)
def test_a_planned_change_set_that_must_not_be_executed(
    answers: Answers, tmp_path: Path, more: dict[str, Any], code: int, said: str
) -> None:
    """EXPRESS mode and a rollback that is switched off are refused, whoever planned it so."""
    run = of(answers, tmp_path, execute="theirs")
    answers.described(**{"ExecutionStatus": "AVAILABLE", **more})
    stack = Stack(STACK, "id", "CREATE_COMPLETE")
    with pytest.raises(Refused) as caught:
        planning.planned_before(run, stack, REVIEWED)
    assert code == caught.value.code
    assert said in str(caught.value)


def test_a_planned_change_set_that_is_not_there(answers: Answers, tmp_path: Path) -> None:
    """It is said."""
    run = of(answers, tmp_path, execute="theirs")
    answers.refuse("describe_change_set", "ChangeSetNotFound", "gone", 404)
    with pytest.raises(Refused, match="stack has no change set theirs"):
        planning.planned_before(run, Stack(STACK, "id", "CREATE_COMPLETE"), REVIEWED)


@pytest.mark.parametrize(
    ("status", "execution"), [("CREATE_COMPLETE", "AVAILABLE"), ("CREATE_IN_PROGRESS", "UNAVAILABLE")]
)
def test_a_change_set_of_somebody_else_is_left_alone(
    answers: Answers, context: Context, status: str, execution: str
) -> None:
    """Of the name that is wanted, and not of our making: it is not deleted, nor while they still make it."""
    answers.described(status, Description="by hand", ExecutionStatus=execution, CreationTime=BEGIN)
    request = Request(STACK, "theirs", "url")
    with pytest.raises(Refused, match="which somebody else made"):
        planning.Made(context)._make_room(request, Stack(STACK, "id", "CREATE_COMPLETE"))


def test_a_change_set_that_was_executed_makes_room(answers: Answers, context: Context) -> None:
    """Whoever made it: it is of no use any more."""
    answers.described(Description="by hand", ExecutionStatus="EXECUTE_COMPLETE", CreationTime=BEGIN)
    answers.answer("delete_change_set", {}, ChangeSetName=ARN)
    request = Request(STACK, "theirs", "url")
    planning.Made(context)._make_room(request, Stack(STACK, "id", "CREATE_COMPLETE"))


def test_a_change_set_that_somebody_makes_at_the_same_moment_is_left_alone(
    answers: Answers, context: Context, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two who deploy the same documents at once: the second one takes back nothing, for it has made nothing."""
    answers.refuse("create_change_set", "AlreadyExistsException", "ChangeSet theirs already exists")
    made = planning.Made(context)
    with pytest.raises(NameTakenError):
        made._create(Request(STACK, "theirs", "url"), None)
    made.take_back()
    assert "creating the change set theirs\n" == capsys.readouterr().err
