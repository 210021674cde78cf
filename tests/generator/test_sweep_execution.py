"""Pipeline and sweeper, executed one after the other: whatever happened to an execution, one sweep later nothing is left."""

from __future__ import annotations

import itertools
import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest

from generator import task_sweeper
from runner.faults import PREPARED, REJECTED, always, answers, faults_by_state, hangs, lost, raises
from runner.modelled_aws import Call, Fault
from runner.modelled_aws import Task as RunningTask
from states_language.document import StateMachine, Task
from states_language.interpreter import Execution, ExecutionStopped, Status, TaskFailed, execute
from states_language.interpreter.history import EVENT_LIMIT
from tests.generator.swept_aws import INPUT, PIPELINE, PREFIX, SCHEDULE, SWEEPER, Account, SweptAws, machine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

PAGE = Path(__file__).parent.parent.parent / "docs/sweeps.md"
FAULTS = faults_by_state(PIPELINE)
UNSTOPPABLE = always("StopMCPServerContainer", "refused", raises("Ecs.ServerException"))
UNRECORDABLE = always("RecordVerdict", "refused", raises("DynamoDB.InternalServerError"))


def violations(account: Account, server: str | None = INPUT["serverId"]) -> list[str]:
    """Return what is left behind or open."""
    aws = account.aws
    verdicts = [key for key in aws.table if key[0] == server]
    broken = [f"{task.arn} runs" for task in aws.alive]
    if server is not None and len(verdicts) != len(aws.executions):
        broken.append(f"{len(verdicts)} verdicts for {len(aws.executions)} executions")
    if aws.writes != len(aws.table):
        broken.append("a verdict was written over")
    return broken


@dataclass(frozen=True)
class Way:
    """One way in which an execution may go wrong."""

    name: str
    faults: tuple[Fault, ...] = ()
    verdict: Any = None
    stop_at: str | None = None
    """A state that StopExecution comes in."""
    stop_after: float | None = None
    """Seconds after which StopExecution comes."""
    timeout: int | None = None
    """The machine's own timeout in seconds."""

    def run(self) -> Account:
        """Run the execution, and return the account as it is left."""
        account = Account.of(*self.faults, **({} if self.verdict is None else {"verdict": self.verdict}))

        def observe(event: Any) -> None:
            if event.get("stateEnteredEventDetails", {}).get("name") == self.stop_at:
                raise ExecutionStopped

        account.validate(
            document=PIPELINE if self.timeout is None else _with_timeout(self.timeout),
            observe=observe if self.stop_at else None,
            stop_after=self.stop_after,
        )
        return account


@cache
def _with_timeout(seconds: int) -> StateMachine:
    return machine("validation-pipeline", TimeoutSeconds=seconds)


def faulty() -> Iterator[Way]:
    """Yield each fault of each call, alone, for a good and for a bad server."""
    for fault in FAULTS:
        for verdict in (None, REJECTED):
            yield Way(f"{fault.state} {fault.name}", (fault,), verdict)


def paired() -> Iterator[Way]:
    """Yield each lasting fault with each of another call."""
    lasting = [fault for fault in FAULTS if fault.times > 1]
    for one, other in itertools.combinations(lasting, 2):
        if one.state != other.state:
            yield Way(f"{one.state} {one.name}, {other.state} {other.name}", (one, other))


@cache
def _ways_to_states() -> dict[str, Way]:
    """Return, for each state of the pipeline that can be reached, a way that leads there."""
    found: dict[str, Way] = {}
    prepared = [
        Way("prepared", (*PREPARED.get(fault.state, ()), fault), REJECTED)
        for fault in FAULTS
        if fault.state in PREPARED
    ]
    for way in [Way("good"), Way("bad", (), REJECTED), *faulty(), *prepared]:
        account = Account.of(*way.faults, **({} if way.verdict is None else {"verdict": way.verdict}))
        for state in account.validate().visited:
            found.setdefault(state, way)
    return found


def aborted() -> Iterator[Way]:
    """Yield StopExecution in every state, and at every half second of a run."""
    for state, way in _ways_to_states().items():
        yield Way(f"StopExecution in {state}", way.faults, way.verdict, stop_at=state)
    for halves in range(1, 400):
        yield Way(f"StopExecution after {halves / 2} s", (), REJECTED, stop_after=halves / 2)


def timed_out() -> Iterator[Way]:
    """Yield the machine's own timeout at every second, of a good run and of one in which nothing answers."""
    hanging = tuple(
        always(state, "hangs", hangs) for state in ("ValidateMCPServer", "StopMCPServerContainer")
    )
    for seconds in range(1, 200):
        yield Way(f"timeout after {seconds} s", (), REJECTED, timeout=seconds)
    for seconds in range(130, 400):
        yield Way(f"timeout after {seconds} s, nothing answers", hanging, timeout=seconds)


KINDS = {
    "each fault of each call": faulty,
    "each lasting fault with each of another call": paired,
    "StopExecution in each state, and at each half second": aborted,
    "the machine's own timeout, at each second": timed_out,
}


@dataclass
class Count:
    """What one kind of ways came to."""

    executions: int = 0
    left: int = 0
    """Executions that left a task running or no verdict."""
    sweeps: int = 0


def sweep_after(ways: Iterable[Way]) -> tuple[Count, dict[str, list[str]]]:
    """Run each way and, of each end that differs, both sweeps: that of its event, and that of the schedule alone.

    Returns the count, and what was left by way and kind of sweep.
    """
    count, broken, swept = Count(), {}, set()
    for way in ways:
        account = way.run()
        count.executions += 1
        (described,) = account.aws.executions.values()
        if violations(account):
            count.left += 1
        elif described["Status"] == "SUCCEEDED":
            continue
        world = _world(account)
        if world in swept:
            continue
        swept.add(world)
        for kind, event in (("event", account.ended()), ("schedule", SCHEDULE)):
            after = account.copy()
            sweep = after.sweep(event)
            count.sweeps += 1
            left = violations(after)
            if sweep.status is not Status.SUCCEEDED:
                left.append(f"the sweep ended as {sweep.status} with {sweep.error}: {sweep.cause}")
            if left:
                broken[f"{way.name}: {kind}"] = left
    return count, broken


def _world(account: Account) -> str:
    """Return what a sweep can see, so that each end is swept once."""
    aws = account.aws
    (described,) = aws.executions.values()
    return json.dumps(
        [
            {key: described.get(key) for key in ("Status", "Error", "Cause")},
            [task.started_by for task in aws.alive],
            sorted(map(list, aws.table)),
            aws.writes,
            [arn in aws.deregistered for arn in aws.definitions],
        ]
    )


@pytest.mark.parametrize("kind", [faulty, aborted, timed_out])
def test_one_sweep_later_nothing_is_left(kind: Any) -> None:
    """After each fault, abort and timeout: no task runs, and the execution has exactly one verdict."""
    count, broken = sweep_after(kind())
    assert {} == broken
    assert count.executions > 200
    assert count.left > 0


@pytest.mark.soak
def test_one_sweep_after_two_faults_nothing_is_left() -> None:
    """All kinds, pairs of faults too; the page of the documentation says how many they were.

    UPDATE_DOCS=1 writes the page anew.
    """
    counts = {}
    for name, kind in KINDS.items():
        counts[name], broken = sweep_after(kind())
        assert {} == broken, name
    page = _page(counts)
    if os.environ.get("UPDATE_DOCS"):
        PAGE.write_text(page, encoding="utf-8")
    assert page == PAGE.read_text("utf-8"), "run this test with UPDATE_DOCS=1, and review the page"


def _page(counts: Mapping[str, Count]) -> str:
    rows = [
        f"| {name} | {count.executions:,} | {count.left:,} | {count.sweeps:,} | 0 |"
        for name, count in counts.items()
    ]
    return "\n".join(
        [
            "# What sweeps were tried on",
            "",
            "<!-- Made by tests/generator/test_sweep_execution.py with UPDATE_DOCS=1. -->",
            "",
            "Both documents as they are committed, executed one after the other against a model of AWS: the pipeline until it",
            "ends badly, then one sweep, started by the execution's event or, as if that had been lost, by the schedule alone.",
            "Executions that end alike are swept once. Left is what has a running task, or a server and not exactly one verdict.",
            "",
            "| What happened to an execution | executions | left something | sweeps | left after a sweep |",
            "| --- | ---: | ---: | ---: | ---: |",
            *rows,
            "",
        ]
    )


# ---------------------------------------------------------------- what a sweep does


def leftover(**fields: Any) -> Account:
    """Return an account in which an execution has left a task and no verdict."""
    account = Account.of(UNSTOPPABLE, UNRECORDABLE, **fields)
    account.validate()
    assert violations(account)
    return account


def recorded(account: Account, name: str = "one") -> dict[str, Any]:
    """Return the verdict of an execution, its values without their DynamoDB types."""
    item = account.aws.table[INPUT["serverId"], PREFIX + name]
    return {key: next(iter(value.values())) for key, value in item.items()}


@pytest.mark.parametrize("event", ["ended", "schedule"])
def test_the_verdict_is_recorded_before_the_task_is_stopped(event: str) -> None:
    """A stopped task loses its tags, and with them its server."""
    account = leftover()
    account.sweep(account.ended() if event == "ended" else SCHEDULE)
    assert ["recorded", "stopped"] == [what for what, _ in account.aws.order]


def test_a_task_runs_on_until_its_verdict_is_recorded() -> None:
    """Where the verdict cannot be written, the sweep fails, and the next one finds all that it needs."""
    account = leftover()
    failed = account.sweep(SCHEDULE, UNRECORDABLE)
    assert ("SweepFailed", 1) == (failed.error, len(account.aws.alive))
    account.sweep(SCHEDULE)
    assert [] == violations(account)


@pytest.mark.parametrize(
    ("how", "error"),
    [
        ({"stop_after": 150.0}, "ExecutionAborted"),
        ({"document": machine("validation-pipeline", TimeoutSeconds=150)}, "ExecutionTimedOut"),
        ({"given_input": {"serverId": INPUT["serverId"]}}, "ExecutionFailed"),
    ],
)
def test_the_record_says_how_the_execution_ended(how: dict[str, Any], error: str) -> None:
    """Whose fault it was, how it ended and what it said itself; no server is rejected for it."""
    account = Account.of(always("ValidateMCPServer", "hangs", hangs))
    execution = account.validate(**how)
    account.sweep(account.ended())
    row = recorded(account)
    assert (error, "inconclusive", False, "pipeline", "2026-01-01T00:00:00.000Z") == tuple(
        row[key] for key in ("error", "outcome", "verified", "fault", "startedAt")
    )
    assert row["cause"].startswith(f"{execution.status} {execution.error or ''}")


def test_a_verdict_that_is_recorded_stays() -> None:
    """A task that could not be stopped is stopped; the verdict is the pipeline's."""
    account = Account.of(UNSTOPPABLE, verdict=REJECTED)
    account.validate()
    before = dict(account.aws.table)
    account.sweep(account.ended())
    assert (before, []) == (account.aws.table, account.aws.alive)


def test_a_redriven_execution_is_recorded_anew() -> None:
    """An aborted redrive replaces the verdict of the run before it, as its own verdict would have."""
    account = Account.of(verdict=REJECTED)
    account.validate()
    account.aws.faults = (UNSTOPPABLE,)
    account.validate(redrive_count=1, stop_after=128.0)
    account.sweep(account.ended())
    assert ([], "1", "ExecutionAborted") == (
        account.aws.alive,
        recorded(account)["redriveCount"],
        recorded(account)["error"],
    )


@pytest.mark.parametrize("event", ["ended", "schedule"])
def test_a_redrive_that_only_fails_again_leaves_the_verdict(event: str) -> None:
    """Where an execution ended in a Fail state, a redrive enters nothing but that: the verdict is the pipeline's."""
    account = Account.of(verdict=REJECTED)
    account.validate()
    before = dict(account.aws.table)
    account.aws.executions[f"{PREFIX}one"]["RedriveCount"] = 1
    assert Status.SUCCEEDED is account.sweep(account.ended() if event == "ended" else SCHEDULE).status
    assert before == account.aws.table


def test_a_redrive_that_dies_is_recorded_once() -> None:
    """Where nothing was recorded before, it is now, with the redrive's count."""
    account = leftover()
    account.aws.executions[f"{PREFIX}one"]["RedriveCount"] = 1
    account.sweep(SCHEDULE)
    assert ("1", "ExecutionFailed") == (recorded(account)["redriveCount"], recorded(account)["error"])


def test_a_server_that_was_judged_costs_a_sweep_little() -> None:
    """Most executions that fail have done all that a sweep would do; its transitions are paid for."""
    account = Account.of(verdict=REJECTED)
    account.validate()
    for event in (account.ended(), SCHEDULE):
        sweep = account.sweep(event)
        assert Status.SUCCEEDED is sweep.status
        assert {"RecordVerdict", "FindTasks"}.isdisjoint(sweep.visited)


def test_a_task_of_a_server_that_was_judged_is_stopped_all_the_same() -> None:
    """Whoever started it, its tags say that its execution is over."""
    account = leftover()
    account.aws.executions[f"{PREFIX}one"]["Error"] = "Rejected"
    assert Status.SUCCEEDED is account.sweep(SCHEDULE).status
    assert [] == violations(account)


@pytest.mark.parametrize("status", ["RUNNING", "PENDING_REDRIVE"])
def test_an_execution_that_goes_on_is_left_alone(status: str) -> None:
    """Whatever an event says, Step Functions is asked."""
    account = leftover()
    account.aws.executions[f"{PREFIX}one"]["Status"] = status
    for event in (account.ended(), SCHEDULE):
        assert (Status.SUCCEEDED, 1, {}) == (
            account.sweep(event).status,
            len(account.aws.alive),
            account.aws.table,
        )


def test_a_task_of_an_execution_that_succeeded_is_stopped() -> None:
    """Nothing is recorded for it: it has its verdict."""
    account = leftover()
    account.aws.executions[f"{PREFIX}one"]["Status"] = "SUCCEEDED"
    account.sweep(SCHEDULE)
    assert ([], 0) == (account.aws.alive, account.aws.writes)


def test_a_status_that_is_unknown_is_told() -> None:
    """What Step Functions may say one day is neither over nor going on."""
    account = leftover()
    account.aws.executions[f"{PREFIX}one"]["Status"] = "DREAMING"
    sweep = account.sweep(SCHEDULE)
    assert ("SweepFailed", 1) == (sweep.error, len(account.aws.alive))
    assert "UnknownStatus" in (sweep.cause or "")


def test_a_task_whose_execution_nobody_knows_is_stopped() -> None:
    """The server is known from its tags, and its verdict is recorded."""
    account = leftover()
    account.aws.executions.clear()
    account.sweep(SCHEDULE)
    assert ([], "ExecutionUnknown", "0") == (
        account.aws.alive,
        recorded(account)["error"],
        recorded(account)["redriveCount"],
    )


def test_where_no_server_can_be_known_none_is_recorded() -> None:
    """Its task is stopped all the same."""
    account = leftover()
    account.aws.executions.clear()
    for tags in account.aws.task_tags.values():
        tags[:] = [tag for tag in tags if tag["Key"] != "toolshed:server-id"]
    assert Status.SUCCEEDED is account.sweep(SCHEDULE).status
    assert ([], {}) == (account.aws.alive, account.aws.table)


@pytest.mark.parametrize(
    "given", ["", "no JSON", "[]", "5", '{"serverId": 5}', '{"serverId": ""}', "null", '{"serverId": null}']
)
def test_an_input_that_names_no_server_ends_no_sweep(given: str) -> None:
    """What cannot be read is no verdict, and the task is stopped."""
    account = leftover()
    account.aws.executions[f"{PREFIX}one"]["Input"] = given
    assert Status.SUCCEEDED is account.sweep(account.ended()).status
    assert ([], {}) == (account.aws.alive, account.aws.table)


def test_an_input_that_is_left_out_ends_no_sweep() -> None:
    """DescribeExecution may be told to leave out the data; the task's tags know the server."""
    account = leftover()
    del account.aws.executions[f"{PREFIX}one"]["Input"]
    account.aws.executions[f"{PREFIX}one"]["Status"] = "ABORTED"
    account.sweep(SCHEDULE)
    assert [] == account.aws.alive


# ---------------------------------------------------------------- what it leaves alone


def stranger(aws: SweptAws, tags: Any, *, arn: str = "arn:of:a:stranger") -> RunningTask:
    """Run a task that this pipeline did not start."""
    task = RunningTask(arn, "definition", "image@sha256:0", "somebody", arn, 0)
    aws.tasks.append(task)
    aws.task_tags[arn] = tags
    aws.created[arn] = "2025-12-31T00:00:00.000Z"
    return task


@pytest.mark.parametrize(
    "arn",
    [
        None,
        "",
        "nonsense",
        PREFIX,
        f"{PREFIX}one:more",
        "arn:aws:states:eu-central-1:123456789012:execution:another:one",
        "arn:aws:states:eu-central-1:123456789012:execution:pipeline-two:one",
        "arn:aws:states:eu-central-1:999999999999:execution:pipeline:one",
        "arn:aws:states:eu-central-1:123456789012:express:pipeline:one:1",
    ],
)
def test_a_task_that_is_not_this_pipelines_is_left_alone(arn: str | None) -> None:
    """Neither its tags nor an event lead a sweep to what this pipeline did not start."""
    account = leftover()
    task = stranger(account.aws, [] if arn is None else [{"Key": "toolshed:execution-arn", "Value": arn}])
    assert Status.SUCCEEDED is account.sweep(SCHEDULE).status
    assert [task] == account.aws.alive
    account.sweep({"detail": {"executionArn": arn}})
    assert [task] == account.aws.alive
    assert 1 == account.aws.writes


def test_a_young_task_is_left_alone() -> None:
    """A task that began while the sweep did is not touched, though its execution seems unknown; the next sweep knows."""
    account = leftover()
    account.aws.executions.clear()
    (arn,) = account.aws.created
    account.aws.created[arn] = "2030-01-01T00:00:00.000Z"
    account.sweep(SCHEDULE)
    assert 1 == len(account.aws.alive)
    account.aws.created[arn] = "2026-01-01T00:00:00.000Z"
    account.sweep(SCHEDULE)
    assert [] == account.aws.alive


def test_a_task_is_young_for_as_long_as_run_task_may_be_retried() -> None:
    """So long Step Functions may still be about to hear of a task that it has started."""
    run = PIPELINE.states["RunMCPServerContainer"]
    (retrier,) = run.retriers
    longest = (retrier.max_attempts + 1) * run.fields["TimeoutSeconds"] + retrier.longest_wait()
    assert longest < task_sweeper.YOUNG_SECONDS


def test_a_task_whose_age_cannot_be_told_is_told() -> None:
    """It is not stopped, but the sweep fails."""
    account = leftover()
    account.aws.executions.clear()
    account.aws.created = dict.fromkeys(account.aws.created, "yesterday")
    sweep = account.sweep(SCHEDULE)
    assert ("SweepFailed", 1) == (sweep.error, len(account.aws.alive))
    assert "TaskWithoutCreationTime" in (sweep.cause or "")


# ---------------------------------------------------------------- pages, bounds and its own faults


def crowd(count: int) -> Account:
    """Return an account in which many executions have left their tasks."""
    account = leftover()
    (task,), (arn,) = account.aws.tasks, account.aws.executions
    for index in range(count - 1):
        name = f"{index:04}"
        execution = account.aws.executions[arn] | {"ExecutionArn": PREFIX + name, "Name": name}
        account.aws.executions[PREFIX + name] = execution
        copied = RunningTask(f"{task.arn}-{name}", task.definition, task.image, f"hash-{name}", name, 0)
        account.aws.tasks.append(copied)
        account.aws.created[copied.arn] = account.aws.created[task.arn]
        account.aws.task_tags[copied.arn] = [
            {"Key": "toolshed:execution-arn", "Value": PREFIX + name},
            {"Key": "toolshed:server-id", "Value": INPUT["serverId"]},
        ]
    return account


def test_many_tasks_are_swept_in_pages() -> None:
    """Those of executions that are too old to be listed, too."""
    account = crowd(130)
    assert Status.SUCCEEDED is account.sweep(SCHEDULE).status
    assert [] == violations(account)


def test_one_page_of_tasks_is_held_at_a_time() -> None:
    """While a page is described, nothing of the one before is left in the state's data."""
    account, held = crowd(80), []

    def observe(event: Any) -> None:
        entered = event.get("stateEnteredEventDetails", {})
        if entered.get("name") == "DescribeTasks":
            held.append(entered["input"])

    execute(SWEEPER, SCHEDULE, call_task=account.aws, clock=account.aws.clock, observe=observe)
    assert 4 == len(held)
    assert not any('"CreatedAt"' in each for each in held)


@pytest.mark.slow
def test_a_sweep_of_everything_fits_into_an_execution() -> None:
    """As many tasks, executions and families as a sweep looks at stay below the events that an execution may have."""
    tasks = task_sweeper.TASK_PAGE * task_sweeper.TASK_PAGES
    account = crowd(tasks)
    _families(account, task_sweeper.FAMILY_PAGE * task_sweeper.FAMILY_PAGES, revisions=1)
    for described in list(account.aws.executions.values())[task_sweeper.LISTED_EXECUTIONS :]:
        described["Status"] = "RUNNING"
    sweep = account.sweep(SCHEDULE)
    assert Status.SUCCEEDED is sweep.status, sweep.cause
    assert len(sweep.history) < EVENT_LIMIT * 0.9


def test_more_tasks_than_a_sweep_looks_at_are_told() -> None:
    """The sweep does what it can, and fails so that an alarm sees it."""
    account = Account.of()
    for index in range(task_sweeper.TASK_PAGE * task_sweeper.TASK_PAGES + 1):
        stranger(account.aws, [], arn=f"arn:{index}")
    sweep = account.sweep(SCHEDULE)
    assert "SweepFailed" == sweep.error
    assert "More than 500 tasks" in (sweep.cause or "")


def test_one_bad_item_ends_no_sweep() -> None:
    """Of many, one whose task cannot be stopped: all others are swept, and the sweep names the one."""
    account = crowd(40)
    bad = account.aws.tasks[7].arn

    def refuse(_aws: Any, call: Call, parameters: Mapping[str, Any]) -> Any:
        if parameters["Task"] == bad:
            raise TaskFailed("Ecs.ServerException", "injected")
        return call(parameters)

    sweep = account.sweep(SCHEDULE, always("StopTask", "one bad task", refuse))
    assert [bad] == [task.arn for task in account.aws.alive]
    assert ("SweepFailed", 40) == (sweep.error, account.aws.writes)
    assert "TaskNotStopped" in (sweep.cause or "")


def test_a_task_that_is_gone_meanwhile_is_no_failure() -> None:
    """StopTask knows a stopped task for an hour or so; then it is not found."""
    account = leftover()

    assert Status.SUCCEEDED is account.sweep(SCHEDULE, *GONE).status


def gone(aws: Any, _call: Call, _parameters: Mapping[str, Any]) -> Any:
    """Let StopTask no longer know the task."""
    aws.tasks.clear()
    raise TaskFailed("Ecs.InvalidParameterException", "The referenced task was not found.")


GONE = (always("StopTask", "gone", gone),)
SWEEPER_TASKS = [state for state in SWEEPER.walk() if isinstance(state, Task)]
SERVICES = {"sfn": ("stepfunctions", "Sfn"), "ecs": ("ecs", "Ecs"), "dynamodb": ("dynamodb", "DynamoDB")}


def own_faults(task: Task) -> Iterator[Fault]:
    """Yield what a call of the sweeper may do: every error of its API's model, an answer that is lost or says nothing."""
    service, action = task.resource.split(":")[-2:]
    name, prefix = SERVICES[service]
    model = botocore.session.get_session().get_service_model(name)
    shapes = model.operation_model(action[0].upper() + action[1:]).error_shapes
    # The model raises this one itself, where an item is there; without one, DynamoDB does not.
    modelled = {shape.name.removesuffix("Exception") for shape in shapes} - {"ConditionalCheckFailed"}
    # Step Functions says so only of an execution that it does not know; there is a test for that.
    modelled -= {"ExecutionDoesNotExist"}
    for error in [
        *(f"{prefix}.{shape}Exception" for shape in sorted(modelled)),
        *(f"{prefix}.SdkClientException", f"{prefix}.ThrottlingException", f"{prefix}.{prefix}Exception"),
        *("States.TaskFailed", "States.DataLimitExceeded"),
    ]:
        for times in (10**9, 1):
            yield Fault(task.name, f"{error} {times}", raises(error), times)
    for times in (10**9, 1):
        yield Fault(task.name, f"hangs {times}", hangs, times)
        yield Fault(task.name, f"answer lost {times}", lost, times)
        if task.name not in ("StopTask", "RecordVerdict", "DeregisterRevision"):
            yield Fault(task.name, f"answers nothing {times}", answers({}), times)


@pytest.mark.parametrize("task", SWEEPER_TASKS, ids=lambda task: task.name)
@pytest.mark.parametrize("kind", ["event", "schedule"])
def test_no_fault_of_a_sweep_does_harm(task: Task, kind: str) -> None:
    """A sweep in which something fails ends in SweepFailed or well, touches nothing else, and the next one does the rest."""
    broken = {}
    for fault in own_faults(task):
        account = leftover()
        other = stranger(account.aws, [])
        _families(account, 2, revisions=3)
        sweep = account.sweep(account.ended() if kind == "event" else SCHEDULE, fault)
        found = []
        if sweep.status is not Status.SUCCEEDED and sweep.error != "SweepFailed":
            found.append(f"ended as {sweep.status} with {sweep.error}: {sweep.cause}")
        next_sweep = account.sweep(SCHEDULE)
        if next_sweep.status is not Status.SUCCEEDED:
            found.append(f"the next sweep ended with {next_sweep.error}: {next_sweep.cause}")
        if other.stopped:
            found.append("another's task was stopped")
        other.stopped = {}
        found += violations(account)
        if found:
            broken[fault.name] = found
    assert {} == broken


@pytest.mark.parametrize("task", SWEEPER_TASKS, ids=lambda task: task.name)
def test_each_catch_of_the_sweeper_is_needed(task: Task) -> None:
    """Without it, some fault ends the sweep otherwise."""
    document = json.loads(json.dumps(SWEEPER.fields))
    _drop_catch(document, task.name)
    weakened = StateMachine.of(document)
    differ = False
    for fault in [*own_faults(task), *GONE]:
        account = forgotten()
        as_it_is, without = account.copy(), account.copy()
        differ |= (
            as_it_is.sweep(SCHEDULE, fault).error != without.sweep(SCHEDULE, fault, document=weakened).error
        )
    assert differ


def forgotten() -> Account:
    """Return an account in which two of three tasks have executions that nobody knows, in pages of one entry."""
    account = crowd(3)
    for name in ("0000", "0001"):
        account.aws.executions.pop(f"{PREFIX}{name}")
    account.aws.page_size = 1
    _families(account, 2, revisions=2)
    return account


def _drop_catch(node: Any, name: str) -> None:
    if isinstance(node, dict):
        if isinstance(state := node.get(name), dict) and state.get("Type") == "Task":
            state.pop("Catch")
        for value in node.values():
            _drop_catch(value, name)
    elif isinstance(node, list):
        for value in node:
            _drop_catch(value, name)


def test_two_sweeps_of_one_execution_record_once() -> None:
    """An event may come twice, and the schedule may meet it."""
    account = leftover()
    for event in (account.ended(), account.ended(), SCHEDULE):
        assert Status.SUCCEEDED is account.sweep(event).status
    assert [] == violations(account)


def test_scheduled_sweeps_do_not_overlap() -> None:
    """A sweep has ended, if need be by its own timeout, before the schedule starts the next."""
    assert task_sweeper.SCHEDULE_MINUTES * 60 > SWEEPER.fields["TimeoutSeconds"]


# ---------------------------------------------------------------- task definitions


def _families(account: Account, count: int, *, revisions: int) -> None:
    for index in range(count):
        for _ in range(revisions):
            family = f"ToolShedValidation-{index:064}"
            account.aws.registerTaskDefinition(
                {"Family": family, "Tags": [{"Key": "toolshed:execution-arn", "Value": f"{PREFIX}one"}]}
            )


def test_the_newest_task_definition_of_each_server_is_kept() -> None:
    """Older ones of executions that are over go, in at most as many sweeps as they are."""
    account = leftover()
    _families(account, 3, revisions=6)
    families = {each["Family"] for each in account.aws.definitions.values()}
    newest = {account.aws.revisions(family)[0] for family in families if account.aws.revisions(family)}
    account.sweep(SCHEDULE)
    account.sweep(SCHEDULE)
    assert newest == set(account.aws.definitions) - account.aws.deregistered


@pytest.mark.parametrize(
    ("arn", "status"),
    [
        (f"{PREFIX}one", "RUNNING"),
        (f"{PREFIX}one", "PENDING_REDRIVE"),
        ("arn:aws:states:eu-central-1:123456789012:execution:another:one", "FAILED"),
    ],
)
def test_a_task_definition_that_may_be_used_is_kept(arn: str, status: str) -> None:
    """Of an execution that goes on, and of another stack's."""
    account = leftover()
    account.aws.executions[f"{PREFIX}one"]["Status"] = status
    account.aws.definitions.clear()
    for _ in range(3):
        account.aws.registerTaskDefinition(
            {"Family": "ToolShedValidation-0", "Tags": [{"Key": "toolshed:execution-arn", "Value": arn}]}
        )
    before = set(account.aws.deregistered)
    account.sweep(SCHEDULE)
    assert before == account.aws.deregistered


def test_task_definitions_go_at_half_of_the_shared_rate() -> None:
    """RegisterTaskDefinition and DeregisterTaskDefinition share one call a second; a validation must not wait for a sweep."""
    account = leftover()
    _families(account, 10, revisions=4)
    times = []

    def timed(aws: Any, call: Call, parameters: Mapping[str, Any]) -> Any:
        times.append(aws.seconds)
        return call(parameters)

    account.sweep(SCHEDULE, always("DeregisterRevision", "timed", timed))
    assert 30 == len(times)
    assert all(later - earlier > 1.99 for earlier, later in itertools.pairwise(times))


def test_the_sweep_of_an_event_looks_at_nothing_else() -> None:
    """A thousand failing validations start a thousand sweeps, which must not list everything each."""
    account = leftover()
    execution: Execution = account.sweep(account.ended())
    assert {"ListTasks", "ListFamilies", "ListExecutions"}.isdisjoint(execution.visited)
