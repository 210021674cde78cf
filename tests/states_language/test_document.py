"""Reading an ASL document: tolerant of what is wrong inside, and exact about what is there."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from states_language.document import (
    Choice,
    DocumentError,
    Fail,
    Map,
    Parallel,
    Pass,
    State,
    StateMachine,
    Succeed,
    Task,
    TransitionKind,
    UnknownState,
    Wait,
)

WORDS = st.sampled_from(
    [
        "States", "StartAt", "Type", "Next", "End", "Catch", "Retry", "ErrorEquals", "ResultPath", "Choices",
        "Default", "Branches", "ItemProcessor", "Iterator", "ProcessorConfig", "Mode", "QueryLanguage", "JSONata",
        "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds", "Parameters", "Resource", "Task",
        "Parallel", "Map", "Choice", "Fail", "A", "B",
    ]
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=25,
)
STATES = st.builds(
    lambda kind, fields: {**fields, "Type": kind},
    st.sampled_from(["Task", "Pass", "Choice", "Wait", "Parallel", "Map", "Succeed", "Fail", "Other"]),
    st.dictionaries(WORDS, JSON, max_size=6),
)


def machine(**states: dict[str, Any]) -> StateMachine:
    """Read a state machine of these states, the first one first."""
    return StateMachine.of({"StartAt": next(iter(states), None), "States": states})


def state(**fields: Any) -> State:
    """Read one state."""
    return machine(A=fields).states["A"]


@pytest.mark.parametrize("document", [None, [], "text", 1, {}, {"States": []}, {"States": None}])
def test_refuses_only_what_is_no_state_machine(document: Any) -> None:
    """Without an object of states there is nothing to read."""
    with pytest.raises(DocumentError, match="A state machine"):
        StateMachine.of(document)


@given(st.dictionaries(st.sampled_from("ABC"), STATES | JSON, max_size=3), JSON)
def test_reads_whatever_stands_inside(states: dict[str, Any], start: Any) -> None:
    """No value of a field, however wrong, keeps the rest of the document from being read."""
    for found in StateMachine.of({"StartAt": start, "States": states}).walk():
        assert all(isinstance(each.target, str) for each in found.transitions())
        assert all(isinstance(each.longest_wait(), int | float) for each in found.retriers)
        assert isinstance(found.is_terminal, bool)
        assert isinstance(found.catchers, tuple)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Task", Task), ("Pass", Pass), ("Choice", Choice), ("Wait", Wait), ("Parallel", Parallel), ("Map", Map),
        ("Succeed", Succeed), ("Fail", Fail), ("Loop", UnknownState), (None, UnknownState), (["Task"], UnknownState),
    ],
)  # fmt: skip
def test_each_type_has_its_class(name: Any, kind: type[State]) -> None:
    """A state is what its `Type` says, and unknown where that says nothing of ASL's."""
    assert type(state(Type=name)) is kind


def test_transitions_come_in_the_order_of_the_document() -> None:
    """Rules, then the default; the next state, then the catchers; each with the place that says so."""
    read = machine(
        Choose={"Type": "Choice", "Choices": [{"Next": "B"}, {"Next": "C"}], "Default": "D"},
        Call={
            "Type": "Task",
            "Next": "B",
            "Catch": [{"ErrorEquals": ["X"], "Next": "C"}, {"ErrorEquals": ["States.ALL"], "Next": "D"}],
        },
    )
    assert [(each.kind, each.target, str(each.pointer)) for each in read.states["Choose"].transitions()] == [
        (TransitionKind.CHOICE, "B", "/States/Choose/Choices/0/Next"),
        (TransitionKind.CHOICE, "C", "/States/Choose/Choices/1/Next"),
        (TransitionKind.DEFAULT, "D", "/States/Choose/Default"),
    ]
    assert [(each.kind, each.target, str(each.pointer)) for each in read.states["Call"].transitions()] == [
        (TransitionKind.NEXT, "B", "/States/Call/Next"),
        (TransitionKind.CATCH, "C", "/States/Call/Catch/0/Next"),
        (TransitionKind.CATCH, "D", "/States/Call/Catch/1/Next"),
    ]


@pytest.mark.parametrize(
    ("entry", "path"),
    [({}, "$"), ({"ResultPath": "$.Error"}, "$.Error"), ({"ResultPath": None}, None)],
    ids=["default", "written", "discarded"],
)
def test_a_catcher_says_where_the_error_goes(entry: dict[str, Any], path: str | None) -> None:
    """The whole input is the default, and null throws the error away: they are not the same."""
    assert [path] == [each.result_path for each in state(Type="Task", Catch=[entry]).catchers]


def test_a_retrier_has_the_defaults_of_the_language() -> None:
    """One second, three attempts, doubling, without jitter, without a limit."""
    (retrier,) = state(Type="Task", Retry=[{"ErrorEquals": ["States.ALL"]}]).retriers
    assert (
        retrier.errors,
        retrier.interval_seconds,
        retrier.max_attempts,
        retrier.backoff_rate,
        retrier.max_delay_seconds,
        retrier.full_jitter,
    ) == (("States.ALL",), 1, 3, 2.0, None, False)
    assert retrier.longest_wait() == 1 + 2 + 4


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"MaxAttempts": 0}, 0),
        ({"IntervalSeconds": 5, "MaxAttempts": 2, "BackoffRate": 1}, 10),
        ({"IntervalSeconds": 5, "MaxAttempts": 4, "BackoffRate": 2, "MaxDelaySeconds": 12}, 5 + 10 + 12 + 12),
        ({"IntervalSeconds": 1, "MaxAttempts": 5000, "BackoffRate": 2, "MaxDelaySeconds": 10}, 49_975),
        ({"IntervalSeconds": 8, "MaxAttempts": 2, "BackoffRate": 2, "MaxDelaySeconds": 3}, 6),
        ({"IntervalSeconds": float("nan"), "MaxAttempts": float("inf")}, 1 + 2 + 4),
        ({"IntervalSeconds": 1, "MaxAttempts": 99_999_999, "BackoffRate": 1}, 99_999_999),
        ({"IntervalSeconds": 1, "MaxAttempts": 5000, "BackoffRate": 1.5}, float("inf")),
    ],
)
def test_the_waits_of_a_retrier_add_up(fields: dict[str, Any], seconds: float) -> None:
    """Each wait grows by the rate up to the limit, for as many attempts as the language takes."""
    (retrier,) = state(Type="Task", Retry=[fields]).retriers
    assert seconds == retrier.longest_wait()


@given(
    st.integers(1, 20), st.integers(0, 12), st.sampled_from([1, 1.5, 2, 3]), st.none() | st.integers(1, 100)
)
def test_the_sum_of_the_waits_is_that_of_counting_them(
    interval: int, attempts: int, rate: float, limit: int | None
) -> None:
    """However the waits are added up, the sum is the one that a loop over the attempts gives."""
    fields = {"IntervalSeconds": interval, "MaxAttempts": attempts, "BackoffRate": rate}
    (retrier,) = state(
        Type="Task", Retry=[fields if limit is None else {**fields, "MaxDelaySeconds": limit}]
    ).retriers
    counted = [min(interval * rate**attempt, limit or float("inf")) for attempt in range(attempts)]
    assert pytest.approx(sum(counted)) == retrier.longest_wait()


def test_inner_states_are_walked_in_the_order_of_the_document() -> None:
    """A Parallel's branches and a Map's processor are read where they stand, the older Iterator too."""
    inner = {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": True}}}
    read = machine(
        Both={"Type": "Parallel", "Branches": [inner, inner, {"no": "states"}], "Next": "Each"},
        Each={"Type": "Map", "ItemProcessor": {**inner, "ProcessorConfig": {"Mode": "DISTRIBUTED"}}},
        Old={"Type": "Map", "Iterator": inner},
    )
    assert [str(each.pointer) for each in read.walk()] == [
        "/States/Both",
        "/States/Both/Branches/0/States/I",
        "/States/Both/Branches/1/States/I",
        "/States/Each",
        "/States/Each/ItemProcessor/States/I",
        "/States/Old",
        "/States/Old/Iterator/States/I",
    ]
    assert [each.is_distributed for each in read.walk() if isinstance(each, Map)] == [True, False]


def test_the_query_language_is_inherited_and_overridden() -> None:
    """The document's language holds for its states and inner scopes, until one says otherwise."""
    inner = {"StartAt": "I", "States": {"I": {"Type": "Task", "Arguments": {"A": 1}}}}
    read = StateMachine.of(
        {
            "QueryLanguage": "JSONata",
            "StartAt": "P",
            "States": {
                "P": {"Type": "Parallel", "Branches": [inner]},
                "T": {"Type": "Task", "QueryLanguage": "JSONPath", "Parameters": {"B": 2}},
            },
        }
    )
    tasks = [each for each in read.walk() if isinstance(each, Task)]
    assert [(each.query_language, each.parameters) for each in tasks] == [
        ("JSONata", {"A": 1}),
        ("JSONPath", {"B": 2}),
    ]


@pytest.mark.parametrize(
    ("fields", "ends"),
    [
        ({"Type": "Succeed"}, True),
        ({"Type": "Fail"}, True),
        ({"Type": "Pass", "End": True}, True),
        ({"Type": "Pass", "End": "true"}, False),
        ({"Type": "Pass", "Next": "A"}, False),
    ],
)
def test_an_execution_ends_only_where_it_is_said(fields: dict[str, Any], *, ends: bool) -> None:
    """Succeed and Fail end, and so does a state with `End: true`."""
    assert ends == state(**fields).is_terminal


def test_the_committed_definition_is_read_whole(definition: dict[str, Any]) -> None:
    """Every state of the pipeline has a known type, and every edge leads to one of its states."""
    read = StateMachine.of(definition)
    assert list(definition["States"]) == [each.name for each in read.walk()]
    assert [each.name for each in read.walk() if isinstance(each, UnknownState)] == []
    assert {edge.target for each in read.walk() for edge in each.transitions()} <= set(read.states)
