"""The dashboard: what ended how, whose fault it was, what takes long, what runs, what is held back, what it costs.

What CloudWatch counts is drawn from its metrics, each of which stands in `metrics.yaml`. What no metric tells (the
time in each state, which execution left a task, which call failed how) is asked of the log of executions, which has
every event.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from troposphere import Equals, If, Join, Output, Parameter, Ref, Sub, cloudwatch

from generator.resources.alarms import FAULT_METRIC, LOADER, NAMESPACE, RUNBOOK, log_metric, meanings
from generator.resources.part import Part, optional, shared

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from generator.settings import TaskSettings

Json = dict[str, Any]

COLUMNS = 24
"""Of the grid that widgets are placed on (documentation: CloudWatch API Reference, "Dashboard Body Structure")."""
WIDTH, HEIGHT = 8, 6
"""Of a usual widget: three in a row."""

PIPELINE = {"StateMachineArn": "${Pipeline}"}
SWEEPER = {"StateMachineArn": "${Sweeper}"}
TRANSITIONS = ("Choice", "Fail", "Map", "Parallel", "Pass", "Succeed", "Task", "Wait")
"""The types of states; entering one is what Step Functions asks money for."""


@dataclass(frozen=True, eq=False)
class Choice:
    """A text that a condition of the template decides."""

    condition: str
    then: str
    otherwise: str


@dataclass(frozen=True, eq=False)
class Widget:
    """One widget; where it stands follows from its row."""

    type: str
    properties: Json
    width: int = WIDTH
    height: int = HEIGHT


class MetricError(Exception):
    """The dashboard names a metric that `metrics.yaml` does not know."""


@cache
def known_metrics() -> list[Json]:
    """Return the table of metrics."""
    rows: list[Json] = _table("metrics.yaml")
    return rows


def _table(name: str) -> Any:
    return yaml.load((Path(__file__).parent / name).read_text("utf-8"), Loader=LOADER)  # noqa: S506  # LOADER is a safe loader


@shared
def part(task: TaskSettings, compute_type: str, validator_memory: int) -> Part:
    """Return the dashboard's share of the template, with what decides the costs; a validator's memory is in MiB."""
    patterns = " || ".join(f'$.type = "{each}StateEntered"' for each in TRANSITIONS)
    return Part(
        resources=(
            log_metric(
                "ServerFaultFilter",
                "ServerFaults",
                '{ $.type = "FailStateEntered" && $.details.name = "ValidationFailed" }',
            ),
            log_metric(
                "RefusedInputFilter",
                "RefusedInputs",
                '{ $.type = "ExecutionFailed" && $.details.error = "InvalidInput" }',
            ),
            log_metric("TransitionFilter", "Transitions", f"{{ {patterns} }}"),
            cloudwatch.Dashboard(
                "Dashboard", DashboardBody=Join("\n", lines(body(task, compute_type, validator_memory)))
            ),
        ),
        parameters=(
            Parameter(
                "RunbookUrl",
                Type="String",
                Default="",
                AllowedPattern=r'^$|^https://[^\s"\\]+$',
                Description=f"Where {RUNBOOK} can be read, for the dashboard's links; empty: it names the file.",
            ),
        ),
        conditions={
            **optional("RunbookUrl"),
            "TasksHavePublicAddress": Equals(Ref("AssignPublicIp"), "ENABLED"),
        },
        outputs=(
            Output(
                "DashboardName",
                Value=Ref("Dashboard"),
                Description="What CloudWatch shows of the pipeline, with its alarms.",
            ),
        ),
    )


def body(task: TaskSettings, compute_type: str, validator_memory: int) -> Json:
    """Return the dashboard's body, its values as Fn::Sub writes them; a validator's memory is in MiB."""
    costs = [_cost(task, compute_type, validator_memory, of) for of in ("hour", "validation")]
    rows: list[list[Widget]] = [
        [_text()],
        [_alarms()],
        [_outcomes(), _faults(), _log("How executions ended otherwise than well", "${PipelineLogGroup}", ENDS)],
        [_durations(), _log("Time in each state", "${PipelineLogGroup}", TIMES, 2 * WIDTH)],
        [_running(), _log("Tasks that their execution has not stopped", "${PipelineLogGroup}", TASKS, 2 * WIDTH)],
        [_throttles(), _log("Calls that failed", "${PipelineLogGroup}", CALLS, 2 * WIDTH)],
        [_sweeps(), _remains(), _log("Sweeps that failed", "${SweeperLogGroup}", SWEEPS)],
        costs,
    ]  # fmt: skip
    widgets = []
    top = 0
    for row in rows:
        left = 0
        for widget in row:
            place = {"x": left, "y": top, "width": widget.width, "height": widget.height}
            widgets.append({"type": widget.type, **place, "properties": widget.properties})
            left += widget.width
        top += max(widget.height for widget in row)
    # Without `inherit` a long time range would make of each hour's cost that of several.
    return {"start": "-PT24H", "periodOverride": "inherit", "widgets": widgets}


def lines(value: Any, *, depth: int = 5) -> list[Any]:
    """Return the lines of a JSON text as CloudFormation expressions; what is deeper than `depth` is on one line.

    One metric, one alarm, one property is one line, so that a review shows which changed.
    """
    found: list[Any] = []

    def line(before: str, text: Any, after: str) -> Any:
        return _expression(f"{before}{_written(text)}{after}")

    def write(value: Any, depth: int, indent: str, name: str, after: str) -> None:
        if depth and value and isinstance(value, dict | list):
            opening, closing = "{}" if isinstance(value, dict) else "[]"
            found.append(f"{indent}{name}{opening}")
            left = len(value)
            for key in value if isinstance(value, dict) else range(left):
                left -= 1
                inner = f"{_written(key)}: " if isinstance(value, dict) else ""
                write(value[key], depth - 1, f"{indent} ", inner, "," if left else "")
            found.append(f"{indent}{closing}{after}")
        elif isinstance(value, Choice):
            both = (line(f"{indent}{name}", each, after) for each in (value.then, value.otherwise))
            found.append(If(value.condition, *both))
        else:
            found.append(line(f"{indent}{name}", value, after))

    write(value, depth, "", "", "")
    return found


PUBLIC_ADDRESS = "${PublicAddressPrice}"

_written = json.JSONEncoder(ensure_ascii=False).encode
"""A value on one line. Made once: `json.dumps` with an option makes an encoder for each call."""


def _expression(text: str) -> Any:
    if PUBLIC_ADDRESS in text:
        price = _number(_prices()["public_ipv4_hour"] / 3600)
        return Sub(text, PublicAddressPrice=If("TasksHavePublicAddress", price, "0"))
    return Sub(text) if "${" in text else text


def _text() -> Widget:
    about = (
        "# ToolShed: validation of MCP servers (${AWS::StackName})\n"
        "A rejected server is no failure of the pipeline: only **pipeline** faults raise an alarm."
    )
    linked = [f"[{name}](${{RunbookUrl}}#{name.lower()})" for name in meanings()]
    return Widget(
        "text",
        {
            "markdown": Choice(
                "HasRunbookUrl",
                f"{about}\n\n[Runbook](${{RunbookUrl}}) for each alarm: {' · '.join(linked)}",
                f"{about}\n\nThe runbook for each alarm and each error: `{RUNBOOK}`",
            )
        },
        COLUMNS,
        3,
    )


def _alarms() -> Widget:
    return Widget(
        "alarm", {"title": "Alarms", "alarms": [f"${{{name}.Arn}}" for name in meanings()]}, COLUMNS, 3
    )


def _metric(namespace: str, name: str, dimensions: Mapping[str, str], **options: Any) -> list[Any]:
    """Return a metric as a widget names it. Raises `MetricError` where no such metric is known."""
    if not any(
        row["namespace"] == namespace
        and row["dimensions"] == list(dimensions)
        and options.get("stat", "Sum") in row["metrics"].get(name, ())
        for row in known_metrics()
    ):
        message = f"{namespace} {name} by {', '.join(dimensions) or 'nothing'} ({options.get('stat', 'Sum')}) is not in metrics.yaml"
        raise MetricError(message)
    flat = [text for dimension in dimensions.items() for text in dimension]
    return [namespace, name, *flat, *([options] if options else [])]


def _ours(name: str, **options: Any) -> list[Any]:
    return _metric(NAMESPACE, name, {}, **options)


def _expressed(identifier: str, label: str, expression: str, **options: Any) -> list[Any]:
    return [{"expression": expression, "id": identifier, "label": label, **options}]


def _graph(title: str, metrics: Sequence[list[Any]], width: int = WIDTH, **properties: Any) -> Widget:
    usual = {
        "title": title,
        "region": "${AWS::Region}",
        "view": "timeSeries",
        "stacked": False,
        "period": 300,
        "stat": "Sum",
    }
    return Widget("metric", {**usual, **properties, "metrics": list(metrics)}, width)


def _log(title: str, group: str, query: str, width: int = WIDTH) -> Widget:
    return Widget(
        "log",
        {
            "title": title,
            "region": "${AWS::Region}",
            "view": "table",
            "query": f"SOURCE '{group}' | {query}",
        },
        width,
    )


ENDS = """filter type in ["ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted"]
| stats count(*) as executions by type, details.error
| sort executions desc"""

# Leaving counts up and entering counts down, so that the sum over a state is the time in it, however often it was
# entered. What is left open (it goes on, or began before the time that is shown) does not count.
TIMES = """filter type in ["TaskStateEntered", "TaskStateExited", "WaitStateEntered", "WaitStateExited"]
| fields 2 * strcontains(type, "Exited") - 1 as edge
| fields edge * toMillis(@timestamp) as moment
| stats sum(moment) / 1000 as seconds, sum(edge) as open by execution_arn, details.name
| filter open = 0
| stats count(*) as executions, avg(seconds) as average, max(seconds) as longest by details.name
| sort average desc"""

TASKS = """filter type = "TaskSucceeded" and details.resource in ["runTask", "stopTask"]
| fields 2 * strcontains(details.resource, "run") - 1 as edge
| stats sum(edge) as tasks, min(@timestamp) as since by execution_arn
| filter tasks > 0
| sort since asc"""

CALLS = """filter type in ["TaskFailed", "TaskTimedOut", "TaskStartFailed", "TaskSubmitFailed"]
| stats count(*) as calls by details.resourceType, details.resource, details.error
| sort calls desc"""

SWEEPS = """filter type = "ExecutionFailed"
| fields @timestamp, details.cause
| sort @timestamp desc
| limit 10"""


def _outcomes() -> Widget:
    ends = ("Started", "Succeeded", "Failed", "TimedOut", "Aborted")
    return _graph(
        "Executions by outcome",
        [_metric("AWS/States", f"Executions{end}", PIPELINE, label=end) for end in ends],
    )


def _faults() -> Widget:
    return _graph(
        "Whose fault",
        [
            _metric("AWS/States", "ExecutionsSucceeded", PIPELINE, label="nobody's: verified"),
            _ours("ServerFaults", label="the server's"),
            _ours(FAULT_METRIC, label="the pipeline's"),
            _ours("RefusedInputs", label="whoever started it: input refused"),
        ],
        stacked=True,
    )


def _durations() -> Widget:
    build = {"ProjectName": "${BuildProject}"}
    function = {"FunctionName": "${ValidatorFunction}"}
    seen = {"visible": False}
    return _graph(
        "Durations in seconds, on average",
        [
            _metric("AWS/States", "ExecutionTime", PIPELINE, id="execution_ms", stat="Average", **seen),
            _metric("AWS/Lambda", "Duration", function, id="function_ms", stat="Average", **seen),
            _expressed("execution", "execution", "execution_ms / 1000"),
            _metric("AWS/CodeBuild", "Duration", build, label="build", stat="Average"),
            _metric("AWS/CodeBuild", "QueuedDuration", build, label="build, queued", stat="Average"),
            _expressed("function", "validator", "function_ms / 1000"),
        ],
    )


def _running() -> Widget:
    dimensions = {
        "Service": "Fargate",
        "Type": "Resource",
        "Resource": "vCPU",
        "Class": "Standard/OnDemand",
    }
    return _graph(
        "vCPU of Fargate in the whole account, and its quota",
        [
            _metric("AWS/Usage", "ResourceCount", dimensions, id="used", label="in use", stat="Maximum"),
            _expressed("quota", "quota", "SERVICE_QUOTA(used)"),
        ],
    )


def _throttles() -> Widget:
    return _graph(
        "Throttles",
        [
            _metric("AWS/States", "ExecutionThrottled", PIPELINE, label="executions"),
            _metric(
                "AWS/States",
                "ThrottledEvents",
                {"ServiceMetric": "StateTransition"},
                label="transitions, whole account",
            ),
            _metric(
                "AWS/Lambda", "Throttles", {"FunctionName": "${ValidatorFunction}"}, label="the validator"
            ),
            _metric(
                "AWS/DynamoDB", "WriteThrottleEvents", {"TableName": "${VerdictTable}"}, label="the verdicts"
            ),
        ],
    )


def _sweeps() -> Widget:
    ends = ("Succeeded", "Failed", "TimedOut", "Aborted")
    return _graph(
        "Sweeps by outcome",
        [_metric("AWS/States", f"Executions{end}", SWEEPER, label=end) for end in ends],
    )


def _remains() -> Widget:
    return _graph(
        "What piles up",
        [
            _metric(
                "AWS/SQS",
                "ApproximateNumberOfMessagesVisible",
                {"QueueName": "${UndeliveredEvents.QueueName}"},
                label="sweeps that could not be started",
                stat="Maximum",
            ),
            _metric(
                "AWS/States",
                "VersionCount",
                {"ResourceArn": "${Pipeline}"},
                label="published versions, of 1,000 (right)",
                stat="Maximum",
                yAxis="right",
            ),
        ],
    )


@cache
def _prices() -> Json:
    prices: Json = _table("prices.yaml")
    return prices


def _number(value: float) -> str:
    """Write a number without an exponent, and with fewer digits than an account has."""
    return f"{value:.11f}".rstrip("0").rstrip(".")


def _cost(task: TaskSettings, compute_type: str, validator_memory: int, of: str) -> Widget:
    """Return the estimate of an hour, part by part, or of one validation.

    A task's time is taken to be the time of the executions that is no build's: it is not measured, and is a little
    less. Builds are billed by the minute that is begun.
    """
    prices = _prices()
    second = (
        task.cpu / 1024 * prices["fargate_vcpu_hour"] + task.memory / 1024 * prices["fargate_gib_hour"]
    ) / 3600
    minute = prices["codebuild_minute"][compute_type]
    gib_second = validator_memory / 1024 * prices["lambda_gib_second"]
    hidden = {"visible": False}
    build = {"ProjectName": "${BuildProject}"}
    function = {"FunctionName": "${ValidatorFunction}"}
    parts = {
        "build": ("builds", f"FILL(builds, 0) * CEIL(FILL(build_seconds, 0) / 60) * {_number(minute)}"),
        "task": ("tasks", f"task_seconds * {_number(second)}"),
        "address": ("public addresses", f"task_seconds * {PUBLIC_ADDRESS}"),
        "validator": (
            "validator",
            f"FILL(calls, 0) * (FILL(call_ms, 0) / 1000 * {_number(gib_second)} + {_number(prices['lambda_request'])})",
        ),
        "steps": ("state transitions", f"FILL(transitions, 0) * {_number(prices['transition'])}"),
    }
    is_hourly = of == "hour"
    metrics = [
        _metric("AWS/CodeBuild", "Builds", build, id="builds", stat="Sum", **hidden),
        _metric("AWS/CodeBuild", "Duration", build, id="build_seconds", stat="Average", **hidden),
        _metric("AWS/States", "ExecutionTime", PIPELINE, id="execution_ms", stat="Sum", **hidden),
        _metric("AWS/Lambda", "Invocations", function, id="calls", stat="Sum", **hidden),
        _metric("AWS/Lambda", "Duration", function, id="call_ms", stat="Average", **hidden),
        _ours("Transitions", id="transitions", stat="Sum", **hidden),
        _expressed(
            "rest",
            "seconds outside builds",
            "FILL(execution_ms, 0) / 1000 - FILL(builds, 0) * FILL(build_seconds, 0)",
            **hidden,
        ),
        _expressed("task_seconds", "seconds of tasks", "IF(rest > 0, rest, 0)", **hidden),
        *(
            _expressed(name, label, expression, **({} if is_hourly else hidden))
            for name, (label, expression) in parts.items()
        ),
    ]
    told = f"prices of Northern Virginia, {prices['date']}"
    if is_hourly:
        return _graph(
            f"Estimated cost of each hour in US dollars ({told})",
            metrics,
            2 * WIDTH,
            stacked=True,
            period=3600,
        )
    metrics += [
        _metric("AWS/States", "ExecutionsStarted", PIPELINE, id="started", stat="Sum", **hidden),
        _expressed("one", "one validation", f"({' + '.join(parts)}) / IF(started > 0, started, 1)"),
    ]
    return _graph("Estimated cost of one validation in US dollars", metrics, period=3600)
