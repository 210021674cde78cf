"""The dashboard: every metric exists, every widget fits the grammar and its place, every query tells the truth."""

from __future__ import annotations

import json
import math
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from generator import faults as fault_table
from generator.resources import dashboard
from generator.resources.dashboard import MetricError, known_metrics, lines
from review import cost
from review.template import Template
from runner.faults import INPUT as GOOD
from runner.faults import REJECTED, always, committed, lost, model, raises
from states_language.interpreter import Execution, ExecutionStopped, execute
from tests.generator import insights
from tests.generator.rendered import parameters, rendered

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runner.modelled_aws import Fault

Json = dict[str, Any]

ROOT = Path(__file__).parent.parent.parent
MACHINE = committed(ROOT)
REFERENCE = re.compile(r"\$\{([^}]+)\}")
RUNBOOK = "https://example.org/operating.md"

# The grammar, from the CloudWatch API Reference, "Dashboard Body Structure and Syntax" (documentation).
STATISTIC = {"enum": ["SampleCount", "Average", "Sum", "Minimum", "Maximum"]}
PERIOD = {"type": "integer", "minimum": 60, "multipleOf": 60}
AXIS = {
    "type": "object",
    "properties": {
        "label": {"type": "string"},
        "min": {"type": "number"},
        "max": {"type": "number"},
        "showUnits": {"type": "boolean"},
    },
    "additionalProperties": False,
}
RENDERING = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "pattern": "^[a-z][A-Za-z0-9_]*$"},
        "label": {"type": "string"},
        "color": {"type": "string", "pattern": "^#[0-9a-f]{6}$"},
        "period": PERIOD,
        "stat": STATISTIC,
        "visible": {"type": "boolean"},
        "yAxis": {"enum": ["left", "right"]},
        "expression": {"type": "string"},
    },
    "additionalProperties": False,
}
METRIC = {
    "type": "array",
    "minItems": 1,
    "items": {"anyOf": [{"type": "string"}, RENDERING]},
}
PROPERTIES: Json = {
    "text": {
        "properties": {
            "markdown": {"type": "string", "minLength": 1},
            "background": {"enum": ["solid", "transparent"]},
        },
        "required": ["markdown"],
    },
    "alarm": {
        "properties": {
            "alarms": {"type": "array", "minItems": 1, "maxItems": 100, "items": {"type": "string"}},
            "title": {"type": "string"},
            "sortBy": {"enum": ["default", "stateUpdatedTimestamp", "timestamp"]},
            "states": {"type": "array", "items": {"enum": ["ALARM", "INSUFFICIENT_DATA", "OK"]}},
        },
        "required": ["alarms"],
    },
    "log": {
        "properties": {
            "region": {"type": "string"},
            "title": {"type": "string"},
            "query": {"type": "string", "pattern": r"^SOURCE '[^']+' \| "},
            "view": {"enum": ["table", "timeSeries", "bar", "pie"]},
        },
        "required": ["region", "query"],
    },
    "metric": {
        "properties": {
            "metrics": {"type": "array", "minItems": 1, "maxItems": 500, "items": METRIC},
            "region": {"type": "string"},
            "title": {"type": "string"},
            "view": {"enum": ["timeSeries", "singleValue", "bar", "pie", "table"]},
            "stacked": {"type": "boolean"},
            "period": PERIOD,
            "stat": STATISTIC,
            "yAxis": {"type": "object", "properties": {"left": AXIS, "right": AXIS}},
        },
        "required": ["region", "metrics"],
    },
}
GRAMMAR = {
    "type": "object",
    "properties": {
        "start": {"type": "string", "pattern": "^-P(T\\d+[MH]|\\d+[DWM])$"},
        "periodOverride": {"enum": ["auto", "inherit"]},
        "widgets": {
            "type": "array",
            "maxItems": 500,
            "items": {
                "type": "object",
                "properties": {
                    "type": {"enum": list(PROPERTIES)},
                    "x": {"type": "integer", "minimum": 0, "maximum": 23},
                    "y": {"type": "integer", "minimum": 0},
                    "width": {"type": "integer", "minimum": 1, "maximum": 24},
                    "height": {"type": "integer", "minimum": 1, "maximum": 1000},
                    "properties": {"type": "object"},
                },
                "required": ["type", "x", "y", "width", "height", "properties"],
                "additionalProperties": False,
                "allOf": [
                    {
                        "if": {"properties": {"type": {"const": kind}}},
                        "then": {"properties": {"properties": {**schema, "additionalProperties": False}}},
                    }
                    for kind, schema in PROPERTIES.items()
                ],
            },
        },
    },
    "required": ["widgets"],
    "additionalProperties": False,
}

FUNCTIONS = {
    "CEIL": math.ceil,
    "FILL": lambda value, _otherwise: value,
    "IF": lambda test, yes, no: yes if test else no,
}
"""What the expressions may call beside SERVICE_QUOTA (documentation: CloudWatch User Guide, "Using metric math")."""

VALUES = {
    "StateMachineArn": ("AWS::StepFunctions::StateMachine", "Ref"),
    "ResourceArn": ("AWS::StepFunctions::StateMachine", "Ref"),
    "ProjectName": ("AWS::CodeBuild::Project", "Ref"),
    "FunctionName": ("AWS::Lambda::Function", "Ref"),
    "TableName": ("AWS::DynamoDB::Table", "Ref"),
    "QueueName": ("AWS::SQS::Queue", "QueueName"),
}
"""Each dimension of a resource: the type of the resource, and what of it is the dimension's value."""


def resolved(value: Any) -> Any:
    """Return what an expression becomes, every reference as `<it>`."""
    if isinstance(value, list):
        return [resolved(each) for each in value]
    if not isinstance(value, dict):
        return value
    ((function, argument),) = value.items()
    if function == "Fn::Join":
        return argument[0].join(resolved(argument[1]))
    assert function == "Fn::Sub", f"{function} is not expected in a dashboard"
    text, given_values = argument if isinstance(argument, list) else (argument, {})
    return REFERENCE.sub(
        lambda match: given_values.get(match[1], f"<{match[1]}>"),
        text,
    )


def shown(template: Json, **values: str) -> Json:
    """Return the dashboard's body as CloudFormation would send it, every reference as `<it>`."""
    stack = rendered(template, parameters(template, **values))
    body: Json = json.loads(resolved(stack["Resources"]["Dashboard"]["Properties"]["DashboardBody"]))
    return body


@pytest.fixture(scope="module")
def body(template: Json) -> Json:
    """Return the committed dashboard's body."""
    return shown(template)


def titled(body: Json, title: str) -> Json:
    """Return the properties of the widget with a title that begins so."""
    (found,) = (
        each["properties"]
        for each in body["widgets"]
        if each["properties"].get("title", "").startswith(title)
    )
    return dict(found)


def metrics(body: Json) -> Iterator[tuple[str, str, dict[str, str], Json, Json]]:
    """Yield every metric: namespace, name, dimensions, its own options, and its widget's properties."""
    for widget in body["widgets"]:
        for row in widget["properties"].get("metrics", []):
            options = row[-1] if isinstance(row[-1], dict) else {}
            if "expression" in options:
                continue
            namespace, name, *flat = [each for each in row if isinstance(each, str)]
            yield (
                namespace,
                name,
                dict(zip(flat[::2], flat[1::2], strict=True)),
                options,
                widget["properties"],
            )


@pytest.mark.parametrize("url", ["", RUNBOOK])
def test_it_fits_the_documented_grammar(template: Json, url: str) -> None:
    """Whatever the conditions, every widget has what its type needs, and nothing that it does not know."""
    jsonschema.Draft202012Validator(GRAMMAR).validate(shown(template, RunbookUrl=url))


@pytest.mark.parametrize(
    "edit",
    [
        lambda widget: widget.update(x=24),
        lambda widget: widget["properties"].update(colour="red"),
        lambda widget: widget["properties"].pop("region"),
        lambda widget: widget["properties"].update(period=90),
        lambda widget: widget["properties"]["metrics"][0].append({"id": "Upper"}),
    ],
)
def test_the_grammar_would_notice(body: Json, edit: Any) -> None:
    """The test above fails for a widget that CloudWatch refuses."""
    broken = json.loads(json.dumps(body))
    edit(next(each for each in broken["widgets"] if each["type"] == "metric"))
    assert not jsonschema.Draft202012Validator(GRAMMAR).is_valid(broken)


def test_no_widget_covers_another(body: Json) -> None:
    """Each stands inside the grid, on cells of its own, and no row is left empty."""
    cells: dict[tuple[int, int], int] = {}
    for number, widget in enumerate(body["widgets"]):
        assert widget["x"] + widget["width"] <= 24
        for x in range(widget["x"], widget["x"] + widget["width"]):
            for y in range(widget["y"], widget["y"] + widget["height"]):
                assert (x, y) not in cells, f"widgets {number} and {cells[x, y]} share a cell"
                cells[x, y] = number
    assert {y for _, y in cells} == set(range(max(y for _, y in cells) + 1))


def test_everything_is_of_the_stacks_own_region_and_account(body: Json) -> None:
    """A copy in another region shows that region."""
    for widget in body["widgets"]:
        if widget["type"] in ("metric", "log"):
            assert "<AWS::Region>" == widget["properties"]["region"]
    assert not {"region", "accountId"} & {key for *_, options, _ in metrics(body) for key in options}
    assert [] == re.findall(r"arn:|(?<![\d.])\d{12}(?!\d)", json.dumps(body))


def test_every_metric_is_one_that_exists(body: Json, template: Json) -> None:
    """Its namespace, name, dimensions and statistic stand in the table, with evidence; so do those of the alarms."""
    found = {
        (namespace.replace("<AWS::StackName>", "${AWS::StackName}"), tuple(dimensions), name, options.get("stat", properties["stat"]))
        for namespace, name, dimensions, options, properties in metrics(body)
    }  # fmt: skip
    for each in template["Resources"].values():
        if each["Type"] == "AWS::CloudWatch::Alarm":
            alarm = each["Properties"]
            namespace = alarm["Namespace"]
            found.add(
                (
                    namespace["Fn::Sub"] if isinstance(namespace, dict) else namespace,
                    tuple(dimension["Name"] for dimension in alarm.get("Dimensions", [])),
                    alarm["MetricName"],
                    alarm["Statistic"],
                )
            )
    known = {
        (row["namespace"], tuple(row["dimensions"]), name, statistic)
        for row in known_metrics()
        for name, statistics in row["metrics"].items()
        for statistic in statistics
    }
    assert known == found
    assert all(row["evidence"].startswith(("documentation", "this template")) for row in known_metrics())


def test_a_metric_that_nobody_knows_is_refused() -> None:
    """By its name, its dimensions or its statistic, when the dashboard is made."""
    for name, dimensions, statistic in (
        ("ExecutionsSuceeded", {"StateMachineArn": "x"}, "Sum"),
        ("ExecutionsStarted", {"StateMachineName": "x"}, "Sum"),
        ("ExecutionsStarted", {"StateMachineArn": "x"}, "Average"),
    ):
        with pytest.raises(MetricError, match=rf"^AWS/States {name} by .* is not in metrics\.yaml$"):
            dashboard._metric("AWS/States", name, dimensions, stat=statistic)


def test_every_dimension_leads_to_a_resource_of_its_kind(body: Json, template: Json) -> None:
    """A metric of a function is asked for by a function's name."""
    for *_, dimensions, _options, _properties in metrics(body):
        for name, value in dimensions.items():
            if name not in VALUES:
                assert value in ("Fargate", "Resource", "vCPU", "Standard/OnDemand", "StateTransition")
                continue
            kind, attribute = VALUES[name]
            match = re.fullmatch(r"<(\w+)(?:\.(\w+))?>", value)
            assert match
            assert (kind, attribute) == (template["Resources"][match[1]]["Type"], match[2] or "Ref")


def test_our_own_metrics_are_those_that_the_filters_make(body: Json, template: Json) -> None:
    """In the namespace of the stack, from the log of executions; none is made for nothing."""
    made = {}
    for each in template["Resources"].values():
        if each["Type"] == "AWS::Logs::MetricFilter":
            (transformation,) = each["Properties"]["MetricTransformations"]
            assert {"Ref": "PipelineLogGroup"} == each["Properties"]["LogGroupName"]
            assert {"Fn::Sub": "ToolShed/${AWS::StackName}"} == transformation["MetricNamespace"]
            made[transformation["MetricName"]] = each["Properties"]["FilterPattern"]
    used = {name for namespace, name, *_ in metrics(body) if namespace.startswith("ToolShed/")}
    assert used == made.keys()


def expressions(body: Json) -> Iterator[tuple[Json, dict[str, Json]]]:
    """Yield every expression with all that has an ID beside it."""
    for widget in body["widgets"]:
        rows = widget["properties"].get("metrics", [])
        options = [row[-1] for row in rows if isinstance(row[-1], dict)]
        beside = {each["id"]: each for each in options if "id" in each}
        assert len(beside) == sum("id" in each for each in options), "an ID is there twice"
        for each in options:
            if "expression" in each:
                yield each, beside


def names(expression: str) -> set[str]:
    """Return the identifiers of an expression."""
    return set(re.findall(r"[A-Za-z_]\w*", expression))


def test_every_expression_is_of_what_stands_beside_it(body: Json) -> None:
    """Of IDs of its own widget and documented functions; and what is hidden serves one."""
    used: dict[int, set[str]] = {}
    for each, beside in expressions(body):
        assert names(each["expression"]) <= {*beside, *FUNCTIONS, "SERVICE_QUOTA"}
        used.setdefault(id(beside), set()).update(names(each["expression"]))
    for widget in body["widgets"]:
        options = [row[-1] for row in widget["properties"].get("metrics", []) if isinstance(row[-1], dict)]
        served = set().union(*(names(each["expression"]) for each in options if "expression" in each))
        assert {each["id"] for each in options if each.get("visible") is False} <= served


def test_no_line_is_without_a_label(body: Json) -> None:
    """What is drawn says what it is."""
    for widget in body["widgets"]:
        for row in widget["properties"].get("metrics", []):
            options = row[-1] if isinstance(row[-1], dict) else {}
            assert options.get("visible") is False or options.get("label")


def test_every_alarm_is_shown(body: Json, template: Json) -> None:
    """The sweeper's too, and each once."""
    alarms = [
        name for name, each in template["Resources"].items() if each["Type"] == "AWS::CloudWatch::Alarm"
    ]
    (widget,) = (each["properties"] for each in body["widgets"] if each["type"] == "alarm")
    assert sorted(f"<{name}.Arn>" for name in alarms) == sorted(widget["alarms"])


def test_every_alarm_leads_to_the_runbook(template: Json) -> None:
    """By a link to its section where the runbook has an address, and by the file's name where it has none."""
    for url in ("", RUNBOOK):
        (text,) = (
            each["properties"]["markdown"]
            for each in shown(template, RunbookUrl=url)["widgets"]
            if each["type"] == "text"
        )
        links = re.findall(r"\]\(<RunbookUrl>#(\w+)\)", text)
        alarms = [
            name.lower()
            for name, each in template["Resources"].items()
            if each["Type"] == "AWS::CloudWatch::Alarm"
        ]
        assert (sorted(alarms) if url else []) == sorted(links)
        assert ("docs/operating.md" in text) == (not url)


@pytest.mark.parametrize("url", ['https://a"b', "https://a b", "http://a", "https://a\\b"])
def test_an_address_that_would_break_the_body_is_refused(template: Json, url: str) -> None:
    """The body is JSON: what is put into it must not end its text."""
    assert not re.fullmatch(template["Parameters"]["RunbookUrl"]["AllowedPattern"], url)
    assert re.fullmatch(template["Parameters"]["RunbookUrl"]["AllowedPattern"], RUNBOOK)


def run(*faults: Fault, given_input: Any = GOOD, **fields: Any) -> Execution:
    """Execute the committed document against a model."""
    aws = model(*faults, **fields)
    return execute(MACHINE, given_input, call_task=aws, clock=aws.clock)


def query(body: Json, title: str, group: str = "PipelineLogGroup") -> str:
    """Return a widget's query; what it reads must be the log that is expected."""
    text: str = titled(body, title)["query"]
    source, _, rest = text.partition(" | ")
    assert f"SOURCE '<{group}>'" == source
    return rest


def answered(body: Json, title: str, *executions: Execution) -> list[insights.Row]:
    """Answer a widget's query over executions."""
    rows = [
        row for number, each in enumerate(executions) for row in insights.log(each, f"execution:{number}")
    ]
    return insights.run(query(body, title), rows)


def seconds(execution: Execution) -> dict[str, float]:
    """Return the seconds in each state that calls or waits, from the history."""
    spent: dict[str, float] = {}
    entered: dict[str, int] = {}
    for row in insights.log(execution, ""):
        name = str(row.get("details.name"))
        if row["type"] in ("TaskStateEntered", "WaitStateEntered"):
            entered[name] = row["@timestamp"]
        elif row["type"] in ("TaskStateExited", "WaitStateExited"):
            spent[name] = spent.get(name, 0) + (row["@timestamp"] - entered[name]) / 1000
    return spent


def test_the_time_in_each_state_is_told(body: Json) -> None:
    """All of a loop's turns together, on average over the executions that passed it."""
    slow, fast = run(seconds_to_run=31), run(seconds_to_run=0)
    table = {row["details.name"]: row for row in answered(body, "Time in each state", slow, fast)}
    both = seconds(slow), seconds(fast)
    assert {*both[0], *both[1]} == table.keys()
    for name, row in table.items():
        times = [each[name] for each in both if name in each]
        assert len(times) == row["executions"]
        assert max(times) == pytest.approx(row["longest"])
        assert sum(times) / len(times) == pytest.approx(row["average"])
    assert 120 == table["BuildMCPServerImage"]["average"]
    assert table["WaitForTaskStartup"]["longest"] > 30


def test_a_state_that_nobody_left_does_not_count(body: Json) -> None:
    """An execution that goes on, or was stopped, has an end without a beginning's counterpart."""
    aws = model()

    def stop(event: Any) -> None:
        if event.get("stateEnteredEventDetails", {}).get("name") == "ValidateMCPServer":
            reason = "for a test"
            raise ExecutionStopped(reason)

    stopped = execute(MACHINE, GOOD, call_task=aws, clock=aws.clock, observe=stop)
    table = {row["details.name"] for row in answered(body, "Time in each state", stopped)}
    assert "DescribeTask" in table
    assert "ValidateMCPServer" not in table


def test_a_task_that_is_left_is_told_and_one_that_was_stopped_is_not(body: Json) -> None:
    """By the execution that started it."""
    good, left, unbuilt = run(), run(always("StopMCPServerContainer", "denied", raises("Ecs.AccessDeniedException"))), run(always("BuildMCPServerImage", "denied", raises("States.TaskFailed")))  # fmt: skip
    assert [("execution:1", 1)] == [
        (row["execution_arn"], row["tasks"]) for row in answered(body, "Tasks that", good, left, unbuilt)
    ]


def test_calls_that_failed_are_counted_by_api_and_error(body: Json) -> None:
    """Retries too: a throttled API is on top, long before an execution fails of it."""
    throttled = run(always("DescribeTask", "throttled", raises("Ecs.EcsException")))
    top, *_ = answered(body, "Calls that failed", run(), throttled)
    assert ("aws-sdk:ecs", "describeTasks", "Ecs.EcsException") == tuple(
        top[f"details.{key}"] for key in ("resourceType", "resource", "error")
    )
    assert top["calls"] > 1
    assert [] == answered(body, "Calls that failed", run())


def test_executions_that_ended_otherwise_than_well_are_counted_by_error(body: Json) -> None:
    """The error is the one of the runbook; a verified server is not among them."""
    rejected = run(verdict={**REJECTED, "schema": "toolshed.verdict/1"})
    failed = run(always("RunMCPServerContainer", "lost", lost))
    rows = answered(body, "How executions ended", run(), rejected, rejected, failed)
    assert [("Rejected", 2), ("RunFailed", 1)] == [(row["details.error"], row["executions"]) for row in rows]
    assert {"Rejected", "RunFailed"} <= fault_table.table().keys()


def test_the_cause_of_a_sweep_that_failed_is_told(body: Json) -> None:
    """The newest first, from the sweeper's own log."""
    events = [
        {"type": "ExecutionFailed", "details.cause": cause, "@timestamp": moment}
        for cause, moment in (("old", 1), ("new", 2))
    ]
    found = insights.run(query(body, "Sweeps that failed", "SweeperLogGroup"), [*events, {"type": "Other"}])
    assert ["new", "old"] == [row["details.cause"] for row in found]


def matches(pattern: str, row: Mapping[str, Any]) -> bool:
    """Decide a filter pattern of CloudWatch Logs for JSON: alternatives of equalities, as ours are written."""
    return any(
        all(equals(test, row) for test in alternative.strip(" ()").split("&&"))
        for alternative in pattern.strip("{} ").split("||")
    )


def equals(text: str, row: Mapping[str, Any]) -> bool:
    """Decide an equality, in which `*` stands for anything."""
    test = re.fullmatch(r'\$\.([\w.]+) = "([\w.*]+)"', text.strip())
    assert test, f"cannot be read: {text}"
    return fnmatchcase(str(row.get(test[1])), test[2])


def counted(template: Json, execution: Execution) -> dict[str, int]:
    """Return what the metric filters count of an execution."""
    rows = insights.log(execution, "")
    found = {}
    for each in template["Resources"].values():
        if each["Type"] == "AWS::Logs::MetricFilter":
            properties = each["Properties"]
            (transformation,) = properties["MetricTransformations"]
            found[transformation["MetricName"]] = sum(
                matches(properties["FilterPattern"], row) for row in rows
            )
    return found


@pytest.mark.parametrize(
    ("execution", "whose"),
    [
        (run, None),
        (lambda: run(verdict={**REJECTED, "schema": "toolshed.verdict/1"}), "ServerFaults"),
        (lambda: run(always("RegisterValidationTaskDef", "denied", raises("Ecs.X"))), "PipelineFaults"),
        (lambda: run(always("DescribeTask", "died", raises("States.DataLimitExceeded"))), "PipelineFaults"),
        (lambda: run(given_input={}), "RefusedInputs"),
    ],
    ids=["verified", "rejected", "ours", "died", "refused"],
)
def test_each_end_counts_once_and_as_whose_it_was(template: Json, execution: Any, whose: str | None) -> None:
    """Every transition is counted: each state that was entered is one."""
    ended = execution()
    found = counted(template, ended)
    entered = sum(event["type"].endswith("StateEntered") for event in ended.history)
    assert entered == found.pop("Transitions")
    assert entered > 1
    assert {name: int(name == whose) for name in found} == found


def evaluated(properties: Json, given_values: Mapping[str, float]) -> dict[str, float]:
    """Return what a widget's expressions come to, in the order in which they stand."""
    values = dict(given_values)
    for row in properties["metrics"]:
        if "expression" in row[-1]:
            scope = {"__builtins__": {}, **FUNCTIONS, **values}
            values[row[-1]["id"]] = eval(row[-1]["expression"], scope)  # noqa: S307 - our own expressions
    return values


HOUR = {"builds": 10, "build_seconds": 180, "calls": 10, "transitions": 600, "started": 10}


@pytest.mark.parametrize("address", ["ENABLED", "DISABLED"])
def test_the_estimate_is_what_the_review_says(template: Json, address: str) -> None:
    """Of ten validations whose builds, tasks and functions took what the review's usual execution takes."""
    assumed = cost.prices()["assumed"]
    document = json.loads((ROOT / "asl/validation-pipeline.asl.json").read_text("utf-8"))
    held = Template("template", {**template, "Parameters": {**template["Parameters"], "AssignPublicIp": {"Type": "String", "Default": address}}})  # fmt: skip
    tokens = template["Resources"]["Pipeline"]["Properties"]["DefinitionSubstitutions"]
    bill = cost.bill(document, held, {**tokens, "AssignPublicIp": address})
    steps = round(next(item for item in bill.items if item.what == "transitions").usual / 0.000025)
    values = {
        **HOUR,
        "build_seconds": 60 * assumed["build_minutes"],
        "execution_ms": 10 * 60_000 * (assumed["build_minutes"] + assumed["task_minutes"]),
        "call_ms": 1000
        * min(
            assumed["function_seconds"], template["Resources"]["ValidatorFunction"]["Properties"]["Timeout"]
        ),
        "transitions": 10 * steps,
    }
    found = evaluated(
        titled(shown(template, AssignPublicIp=address), "Estimated cost of one validation"), values
    )
    assert bill.usual == pytest.approx(found["one"], rel=1e-4)


def test_an_hour_in_which_nothing_happened_costs_nothing(body: Json) -> None:
    """And no division fails; builds that overlap two hours make no cost below zero."""
    nothing = dict.fromkeys([*HOUR, "execution_ms", "call_ms"], 0)
    assert 0 == evaluated(titled(body, "Estimated cost of one validation"), nothing)["one"]
    hour = evaluated(
        titled(body, "Estimated cost of each hour"), {**nothing, "builds": 3, "build_seconds": 60}
    )
    assert 0 == hour["task"] == hour["address"]
    assert hour["build"] == pytest.approx(0.015)


def test_a_build_is_paid_by_the_minute_that_is_begun(body: Json) -> None:
    """61 seconds are two minutes."""
    values = {**dict.fromkeys([*HOUR, "execution_ms", "call_ms"], 0), "builds": 1, "build_seconds": 61}
    assert evaluated(titled(body, "Estimated cost of each hour"), values)["build"] == pytest.approx(0.01)


def test_the_prices_are_those_of_the_review() -> None:
    """Two tables, since neither package reads the other's; one truth."""
    ours = yaml.safe_load((ROOT / "generator/resources/prices.yaml").read_text("utf-8"))
    theirs = cost.prices()
    assert theirs["date"] == ours["date"]
    assert theirs["codebuild_minute"] == ours["codebuild_minute"]
    assert (
        theirs["fargate"]["vcpu_hour"]["X86_64"],
        theirs["fargate"]["gib_hour"]["X86_64"],
        theirs["lambda"]["gib_second"]["x86_64"],
        theirs["lambda"]["request"],
        theirs["step_functions"]["transition"],
        theirs["public_ipv4_hour"],
    ) == (
        ours["fargate_vcpu_hour"],
        ours["fargate_gib_hour"],
        ours["lambda_gib_second"],
        ours["lambda_request"],
        ours["transition"],
        ours["public_ipv4_hour"],
    )


def test_the_estimate_says_that_it_is_one(body: Json) -> None:
    """With whose prices, and of when."""
    assert (
        f"(prices of Northern Virginia, {cost.prices()['date']})"
        in titled(body, "Estimated cost of each hour")["title"]
    )


def test_no_number_has_an_exponent(body: Json) -> None:
    """Metric math documents none."""
    for each, _ in expressions(body):
        assert not re.search(r"\d[eE][-+]?\d", each["expression"])


def test_a_review_shows_one_metric_a_line(template: Json) -> None:
    """A changed metric or alarm is a changed line of the template, not a changed text of ten thousand characters."""
    stack = rendered(template, parameters(template))["Resources"]
    separator, written = stack["Dashboard"]["Properties"]["DashboardBody"]["Fn::Join"]
    assert "\n" == separator
    for text in map(resolved, written):
        assert "\n" not in text
        assert len(re.findall(r"AWS/\w+\"|\.Arn>", text)) <= 1


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@given(JSON_VALUES, st.integers(0, 6))
def test_the_lines_of_any_value_are_its_json(value: Any, depth: int) -> None:
    """However deep it is parted."""
    written = "\n".join(resolved(line) for line in lines(value, depth=depth))
    if "${" not in written:
        assert value == json.loads(written)
