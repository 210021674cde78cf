"""The flow of types through a document, state by state."""

from __future__ import annotations

from typing import Any

import pytest

from states_language.document import StateMachine
from states_language.flow import Facts, analyze
from states_language.pointer import Pointer
from states_language.types import StructureType, Type, Unknown, describe

LAMBDA = "arn:aws:states:::lambda:invoke"
DESCRIBE = "arn:aws:states:::aws-sdk:ecs:describeTasks"


def machine(states: dict[str, Any], **top: Any) -> Facts:
    """Follow a document that starts at its first state."""
    return analyze(StateMachine.of({"StartAt": next(iter(states)), "States": states, **top}))


def words(kind: Type) -> Any:
    """Write a type so that a test can compare it: names to words, `?` where a member may be absent."""
    if isinstance(kind, StructureType) and kind.key is None and not kind.name.startswith("context"):
        return {
            name + ("" if member.presence == "always" else "?"): words(member.type)
            for name, member in kind.members.items()
        }
    return describe(kind, 1)


def into(facts: Facts, *steps: str | int) -> Any:
    """Return, in words, the data that comes into a state."""
    return words(facts.entries[Pointer(("States", *steps))].data)


END: dict[str, Any] = {"Type": "Succeed"}
PASS: dict[str, Any] = {"Type": "Pass", "Result": {"a": 1, "b": "x"}}


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({}, {"a": "number", "b": "string"}),
        ({"InputPath": None, "Parameters": {"c.$": "$"}}, {"c": {}}),
        ({"Parameters": {"c.$": "$.a"}}, {"c": "number"}),
        ({"Parameters": {"c": [{"d.$": "$.b"}]}}, {"c": "list of object"}),
        ({"Result": True, "ResultPath": "$.c"}, {"a": "number", "b": "string", "c": "boolean"}),
        ({"Result": 1, "ResultPath": "$.c.d"}, {"a": "number", "b": "string", "c": {"d": "number"}}),
        ({"Result": 1, "ResultPath": "$.a"}, {"a": "number", "b": "string"}),
        ({"Result": 1, "ResultPath": None}, {"a": "number", "b": "string"}),
        ({"OutputPath": "$.b"}, "string"),
        ({"OutputPath": None}, {}),
        ({"Parameters": {"c.$": "States.Array($.a, $.b)"}}, {"c": "list of number or string"}),
        ({"Parameters": {"c.$": "States.ArrayGetItem(States.Array($.a, $.b), 1)"}}, {"c": "string"}),
        ({"Parameters": {"c.$": "States.StringToJson($.b)"}}, {"c": "anything"}),
        ({"Parameters": {"c.$": "States.JsonMerge($, $, false)"}}, {"c": {"a": "number", "b": "string"}}),
        ({"Parameters": {"c.$": "$$.Execution.Name"}}, {"c": "string"}),
    ],
)
def test_a_pass_shapes_the_data(state: dict[str, Any], expected: Any) -> None:
    """Each field of a Pass does to the type what it does to the data."""
    facts = machine(
        {"First": {**PASS, "Next": "Shape"}, "Shape": {"Type": "Pass", **state, "Next": "Last"}, "Last": END}
    )
    assert expected == into(facts, "Last")


def test_a_task_replaces_the_data_by_its_answer() -> None:
    """Without a ResultPath the answer is the output."""
    facts = machine({"Call": {"Type": "Task", "Resource": DESCRIBE, "Next": "Last"}, "Last": END})
    assert into(facts, "Last") == "ecs DescribeTasksResponse"


def test_a_result_selector_keeps_what_it_names() -> None:
    """The selector reads the answer, the ResultPath puts what it made into the input."""
    call = {
        "Type": "Task",
        "Resource": DESCRIBE,
        "ResultSelector": {"Found.$": "$.Tasks"},
        "ResultPath": "$.c",
    }
    facts = machine({"First": {**PASS, "Next": "Call"}, "Call": {**call, "Next": "Last"}, "Last": END})
    assert {"a": "number", "b": "string", "c": {"Found": "list of ecs Task"}} == into(facts, "Last")


@pytest.mark.parametrize(
    ("catch", "expected"),
    [
        ({}, "error output"),
        ({"ResultPath": "$.error"}, {"a": "number", "b": "string", "error": "error output"}),
        ({"ResultPath": None}, {"a": "number", "b": "string"}),
    ],
)
def test_a_catch_puts_the_error_output_into_the_raw_input(catch: dict[str, Any], expected: Any) -> None:
    """On a Catch edge nothing of the state's own work is there."""
    catcher = {"ErrorEquals": ["States.ALL"], "Next": "Failed", **catch}
    call = {"Type": "Task", "Resource": LAMBDA, "ResultPath": "$.done", "Catch": [catcher], "Next": "Last"}
    facts = machine({"First": {**PASS, "Next": "Call"}, "Call": call, "Last": END, "Failed": END})
    found = facts.entries[Pointer(("States", "Failed"))].data
    assert expected == (describe(found) if isinstance(expected, str) else _named(found))


def _named(kind: Type) -> Any:
    assert isinstance(kind, StructureType)
    return {name: describe(member.type) for name, member in kind.members.items()}


def test_paths_that_meet_promise_what_both_bring() -> None:
    """After a Choice, a field that one branch set is there on some paths."""
    choice = {
        "Type": "Choice",
        "Choices": [{"Variable": "$.a", "NumericEquals": 1, "Next": "Set"}],
        "Default": "Last",
    }
    put = {"Type": "Pass", "Result": 1, "ResultPath": "$.c", "Next": "Last"}
    facts = machine({"First": {**PASS, "Next": "Choose"}, "Choose": choice, "Set": put, "Last": END})
    assert {"a": "number", "b": "string", "c?": "number"} == into(facts, "Last")


def test_a_loop_comes_to_a_fixed_point() -> None:
    """A field that a loop adds to is found on later turns, and data that grows becomes unknown."""
    grow = {"Type": "Pass", "Parameters": {"before.$": "$"}, "ResultPath": "$.grown", "Next": "More"}
    choice = {
        "Type": "Choice",
        "Choices": [{"Variable": "$.a", "NumericEquals": 1, "Next": "Grow"}],
        "Default": "Last",
    }
    facts = machine({"First": {**PASS, "Next": "Grow"}, "Grow": grow, "More": choice, "Last": END})
    assert ["a", "b", "grown"] == list(into(facts, "Last"))


def test_a_parallel_gives_the_list_of_its_branches_outputs() -> None:
    """Each branch has its own place in the list."""
    branches = [
        {"StartAt": "One", "States": {"One": {"Type": "Pass", "Result": 1, "End": True}}},
        {"StartAt": "Two", "States": {"Two": {"Type": "Pass", "Result": "x", "End": True}}},
    ]
    take = {"Type": "Pass", "Parameters": {"one.$": "$[0]", "two.$": "$[1]"}, "Next": "Last"}
    both = {"Type": "Parallel", "Branches": branches, "Next": "Take"}
    facts = machine({"Both": both, "Take": take, "Last": END})
    assert {"one": "number", "two": "string"} == into(facts, "Last")


def test_a_map_runs_its_processor_on_each_item() -> None:
    """The item, the item's place in the context, and the list of the outputs have their types."""
    inner = {"Type": "Pass", "Parameters": {"id.$": "$.item.TaskArn", "place.$": "$.index"}, "End": True}
    each = {
        "Type": "Map",
        "ItemsPath": "$.Tasks",
        "ItemSelector": {"item.$": "$$.Map.Item.Value", "index.$": "$$.Map.Item.Index"},
        "ItemProcessor": {"StartAt": "One", "States": {"One": inner}},
        "Next": "Last",
    }
    facts = machine(
        {"Call": {"Type": "Task", "Resource": DESCRIBE, "Next": "Each"}, "Each": each, "Last": END}
    )
    assert {"item": "ecs Task", "index": "number"} == into(facts, "Each", "ItemProcessor", "States", "One")
    assert into(facts, "Last") == "list of object"


def test_a_batch_holds_items_and_its_input() -> None:
    """With an ItemBatcher an iteration receives a list of items."""
    each = {
        "Type": "Map",
        "ItemReader": {"Resource": "arn:aws:states:::s3:listObjectsV2", "Parameters": {"Bucket": "b"}},
        "ItemBatcher": {"MaxItemsPerBatch": 10, "BatchInput": {"kind": "x"}},
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED"},
            "StartAt": "One",
            "States": {"One": END},
        },
        "End": True,
    }
    facts = machine({"Each": each})
    found = facts.entries[Pointer(("States", "Each", "ItemProcessor", "States", "One"))].data
    assert {"Items": "list of S3 object of an ItemReader", "BatchInput": "object"} == _named(found)


@pytest.mark.parametrize(
    ("test", "edge", "expected"),
    [
        ({"Variable": "$.c", "IsPresent": True}, "Yes", {"c": "anything"}),
        ({"Not": {"Variable": "$.c", "IsPresent": True}}, "No", {"c": "anything"}),
        ({"Variable": "$.c", "IsString": True}, "Yes", {"c": "string"}),
        ({"Variable": "$.c", "NumericLessThan": 1}, "Yes", {"c": "number"}),
        ({"Variable": "$.c", "NumericLessThan": 1}, "No", {"c": "anything"}),
        ({"And": [{"Variable": "$.c", "IsPresent": True}, {"Variable": "$.d", "IsNull": True}]}, "Yes", {"c": "anything", "d": "null"}),
        ({"Or": [{"Variable": "$.c", "IsString": True}, {"Variable": "$.c", "IsNumeric": True}]}, "Yes", {"c": "number or string"}),
        ({"Or": [{"Variable": "$.c", "IsPresent": False}, {"Variable": "$.d", "IsPresent": False}]}, "No", {"c": "anything", "d": "anything"}),
        ({"Variable": "$.c[0].d", "IsPresent": True}, "Yes", {"c": "anything"}),
    ],
)  # fmt: skip
def test_a_choice_tells_what_its_test_says(test: dict[str, Any], edge: str, expected: Any) -> None:
    """Each edge of a Choice carries what its test proved of an input of which nothing was known."""
    choice = {"Type": "Choice", "Choices": [{**test, "Next": "Yes"}], "Default": "No"}
    facts = machine({"Choose": choice, "Yes": END, "No": END})
    assert expected == into(facts, edge)


def test_a_test_guards_an_index_into_an_answer() -> None:
    """After `IsPresent` on an item's member, item and member are sure."""
    choice = {
        "Type": "Choice",
        "Choices": [{"Variable": "$.Tasks[0].LastStatus", "IsPresent": True, "Next": "Take"}],
        "Default": "Last",
    }
    take = {"Type": "Pass", "Parameters": {"status.$": "$.Tasks[0].LastStatus"}, "Next": "Last"}
    call = {"Type": "Task", "Resource": DESCRIBE, "Next": "Choose"}
    facts = machine({"Call": call, "Choose": choice, "Take": take, "Last": END})
    reads = [read for read in facts.reads if read.state.name == "Take"]
    assert [()] == [read.resolution.gaps for read in reads]


def test_variables_reach_later_states_and_inner_scopes() -> None:
    """What Assign sets is read later, inside branches too; a distributed Map starts without."""
    inner = {"Type": "Pass", "Parameters": {"x.$": "$name"}, "End": True}
    branch = {"StartAt": "One", "States": {"One": inner}}
    apart = {
        "Type": "Map",
        "ItemProcessor": {
            "ProcessorConfig": {"Mode": "DISTRIBUTED"},
            "StartAt": "Two",
            "States": {"Two": {**inner}},
        },
        "End": True,
    }
    facts = machine(
        {
            "Set": {"Type": "Pass", "Assign": {"name.$": "$$.State.Name"}, "Next": "Both"},
            "Both": {"Type": "Parallel", "Branches": [branch], "Next": "Apart"},
            "Apart": apart,
        }
    )
    found = {read.state.name: read.resolution for read in facts.reads if read.path.variable == "name"}
    assert "string" == describe(found["One"].type)
    assert found["Two"].failure is not None


def test_jsonata_reads_states_and_variables() -> None:
    """Plain paths into `$states` and variables are followed; everything else is unknown."""
    call = {
        "Type": "Task",
        "Resource": DESCRIBE,
        "Assign": {"tasks": "{% $states.result.Tasks %}", "count": "{% $count($states.result.Tasks) %}"},
        "Output": {"arns": "{% $states.result.Tasks.TaskArn %}", "kind": "{% 'x' %}"},
        "Next": "Last",
    }
    facts = machine({"Call": call, "Last": END}, QueryLanguage="JSONata")
    here = facts.entries[Pointer(("States", "Last"))]
    assert {"arns": "anything", "kind": "string"} == words(here.data)
    assert {"tasks": "list of ecs Task", "count": "anything"} == words(here.variables)


def test_jsonata_reads_paths_inside_expressions() -> None:
    """Paths into `$states` inside a larger expression are noted, but for the names that it binds itself."""
    output = "{% ($x := $states.result; $x.none & $states.result.Tasks.TaskArn & '$states.input') %}"
    call = {"Type": "Task", "Resource": DESCRIBE, "Output": output, "End": True}
    facts = machine({"Call": call}, QueryLanguage="JSONata")
    assert ["$states.result.Tasks.TaskArn"] == [read.path.text for read in facts.reads]


def test_a_processor_alone_knows_that_it_is_one() -> None:
    """A Map's processor that is checked alone may read the item and the variables of the states around it."""
    state = {"Type": "Pass", "Parameters": {"a.$": "$$.Map.Item.Value", "b.$": "$name"}, "End": True}
    facts = machine({"One": state}, ProcessorConfig={"Mode": "INLINE"})
    assert [None, None] == [read.resolution.failure for read in facts.reads]


def test_unknown_data_tells_where_knowledge_ended() -> None:
    """What a function answers is unknown, and says so."""
    facts = machine(
        {
            "Call": {
                "Type": "Task",
                "Resource": "arn:aws:lambda:eu-west-1:123456789012:function:f",
                "Next": "Last",
            },
            "Last": END,
        }
    )
    found = facts.entries[Pointer(("States", "Last"))].data
    assert isinstance(found, Unknown)
    assert found.reason == "a Lambda function's answer"
