"""No fault of any call, and no pair of faults, leaves a task without a name or loses a verdict."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from generator import faults as fault_table
from runner import faults
from states_language.document import StateMachine, Task
from states_language.interpreter import execute

ROOT = Path(__file__).parent.parent.parent
MACHINE = faults.committed(ROOT)
OWNERS = faults.errors(ROOT)
TASKS = [state for state in MACHINE.states.values() if isinstance(state, Task)]


@pytest.fixture(scope="module")
def survey() -> list[faults.Combination]:
    """Every fault alone, with a good server and a bad one."""
    return faults.survey(ROOT)


def test_no_fault_leaves_a_task_or_loses_a_verdict(survey: list[faults.Combination]) -> None:
    """Each fault of each call, alone: the invariants hold, and the error is in the table."""
    assert [] == faults.broken(survey)


def test_every_call_has_its_faults(survey: list[faults.Combination]) -> None:
    """No call is left out, and each has errors, a call that hangs, and an answer that is lost."""
    by_state = Counter(each.faults[0].state for each in survey)
    assert {task.name for task in TASKS} == set(by_state)
    for task in TASKS:
        names = {each.faults[0].name for each in survey if each.faults[0].state == task.name}
        assert {"hangs always", "answer lost always", "answer lost once"} <= names
        assert sum(".SdkClientException" in name for name in names) == 2
    assert len(survey) > 400


def test_whose_fault_an_error_is_comes_from_the_one_table() -> None:
    """What the survey reads is what the generator's documents are made from."""
    assert {error: fault.fault for error, fault in fault_table.table().items()} == OWNERS


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_each_catch_is_needed(task: Task) -> None:
    """Without the Catch of any one call, some fault of it breaks an invariant: the faults reach what they should."""
    fields = {**MACHINE.fields, "States": {**MACHINE.fields["States"]}}
    fields["States"][task.name] = {key: value for key, value in task.fields.items() if key != "Catch"}
    weakened = StateMachine.of(fields)
    broken = []
    for fault in faults.faults_of(task):
        aws = faults.model(fault, *faults.PREPARED.get(task.name, ()), verdict=faults.REJECTED)
        execution = execute(weakened, faults.INPUT, call_task=aws, clock=aws.clock)
        broken += faults.check(weakened, OWNERS, aws, execution)
    assert broken


def test_the_table_names_every_fault_once(survey: list[faults.Combination]) -> None:
    """Printed, each fault of each call is a line of its own, under the headings."""
    lines = faults.table(survey).splitlines()
    assert len(survey) // 2 + 1 == len(lines)
    assert not any("BROKEN" in line for line in lines)


def test_the_page_is_current(survey: list[faults.Combination]) -> None:
    """The rows of the committed page are those of the committed document."""
    committed = (ROOT / faults.PAGE).read_text("utf-8").splitlines()
    found = faults.page(survey).splitlines()
    assert [line for line in found if line.startswith("| `")] == [
        line for line in committed if line.startswith("| `")
    ]


@pytest.mark.soak
def test_no_pair_of_faults_leaves_a_task_or_loses_a_verdict() -> None:
    """Each lasting fault together with each of another call; the committed page holds their count."""
    found = faults.survey(ROOT, pairs=True)
    assert [] == faults.broken(found)
    assert faults.count(found) in (ROOT / faults.PAGE).read_text("utf-8")
