"""The task sweeper's state machine: it ends what an execution of the pipeline left behind, in ASL's own words.

What a state machine cannot catch itself - its own timeout, a person's StopExecution, `States.Runtime`, a StopTask that
never succeeds - ends here. Each execution of the pipeline that ended badly starts a sweep of its own (an event); a
schedule starts one that looks everywhere, since an event may be lost.

Everything that a sweep looks at is an item: an execution that ended (from the event, or listed), a running task, or
something that could not be listed. `EndExecutions` takes each by itself, and every failure of one ends in
`FailItem`: the others are done all the same, and only then does the sweep fail, so that an alarm sees it. For each:

- An execution that goes on is left alone, and so is a task that is younger than the sweep: RunTask may just have been
  called, and Step Functions may not know its execution yet.
- The verdict is recorded before the task is stopped, since a stopped task loses its tags, and with them its server.
- Nothing is touched that is not an execution of this pipeline, by its ARN: other tasks of the cluster, and task
  definitions of another stack, carry another one or none.

Task definitions come last, at half the rate that pipelines and sweeper share. The newest of each server is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from generator import faults
from generator.phrases import (
    CALL_SECONDS,
    ECS_TRANSIENT,
    EXECUTION_TAG,
    LOST_TASK_SECONDS,
    SERVER_TAG,
    all_of,
    equal,
    execution_hash,
    never,
    not_empty,
    present,
    record_verdict,
    retry,
    text,
    unless,
)

if TYPE_CHECKING:
    from generator.settings import Settings

NAME = "task-sweeper"

Json = dict[str, Any]

SCHEDULE_MINUTES = 30
"""How often everything is looked at."""
TIMEOUT_SECONDS = 1500
"""Of one sweep: less than the schedule's interval, so that two scheduled sweeps never run at once."""
YOUNG_SECONDS = 60
"""How old a task must be to be touched: longer than RunTask with all its retries takes."""
PACE_SECONDS = 2
"""Between two task definitions: RegisterTaskDefinition and DeregisterTaskDefinition share one call a second."""

# An execution of a state machine has at most 25,000 events; these bounds keep a sweep well below (a test counts them).
LISTED_EXECUTIONS = 50
"""The newest that ended, for each status. What is older and still has a task is found by the task."""
TASK_PAGE = 100
TASK_PAGES = 5
"""500 tasks. At one registration a second, and a task's life of minutes, a pipeline cannot have as many."""
TASK_GROUP = 25
"""How many are described at once: a hundred descriptions exceed the 256 KiB of a state's data."""
FAMILY_PAGE = 100
FAMILY_PAGES = 3
REVISIONS = 4
"""Of one family at a time: the newest, which is kept, and three that are not."""

OVER = ("FAILED", "TIMED_OUT", "ABORTED")
"""How an execution ends that may have left something behind."""

EXECUTION = "arn:${Partition}:states:${Region}:${Account}:execution:${PipelineName}:"
"""What the ARN of each execution of the pipeline begins with; the execution's name follows."""


def definition(settings: Settings) -> Json:
    """Return the state machine."""
    return {
        "Comment": "Stops tasks whose execution is over, records the verdicts that those executions did not, and deregisters their task definitions.",
        "StartAt": "CheckEvent",
        "TimeoutSeconds": TIMEOUT_SECONDS,
        "States": {
            **_start(),
            **_executions(),
            **_tasks(),
            **_task_definitions(settings),
            **_ends(),
        },
    }


def input_schema() -> Json:
    """Return the JSON Schema of an execution's input: an EventBridge event, of an execution or of a schedule."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Input of the task sweeper",
        "type": "object",
        "properties": {
            "detail": {
                "description": "The event's detail. Without an execution in it, everything is looked at.",
                "type": "object",
                "properties": {
                    "executionArn": {
                        "description": "The execution that ended.",
                        "type": "string",
                        "pattern": "^arn:[^:]+:states:[^:]+:[0-9]+:execution:[^:]+:[^:]+$",
                    }
                },
            }
        },
    }


def _start() -> Json:
    return {
        "CheckEvent": {
            "Type": "Choice",
            "Choices": [{**text("$.detail.executionArn"), "Next": "KeepEvent"}],
            "Default": "KeepSchedule",
        },
        "KeepEvent": {
            "Type": "Pass",
            "Comment": "One execution ended: it is the only item.",
            "Parameters": {
                "Phase": "event",
                "Pages": 0,
                "Failures": {"Count": 0, "Last": ""},
                **_no_groups(),
                "Page": {"Items": [{"ExecutionArn.$": "$.detail.executionArn"}]},
            },
            "Next": "WaitForLostTask",
        },
        "WaitForLostTask": {
            "Type": "Wait",
            "Comment": "A task that was just started takes a moment to be listed.",
            "Seconds": LOST_TASK_SECONDS,
            "Next": "EndExecutions",
        },
        "KeepSchedule": {
            "Type": "Pass",
            "Parameters": {
                "Phase": "executions",
                "Pages": 0,
                "Failures": {"Count": 0, "Last": ""},
                "Statuses": list(OVER),
            },
            "Next": "WaitForYoungTasks",
        },
        "WaitForYoungTasks": {
            "Type": "Wait",
            "Comment": "Only what is older than this sweep is touched; this is how old that is at least.",
            "Seconds": YOUNG_SECONDS,
            "Next": "ListEndedExecutions",
        },
        "ListEndedExecutions": {
            "Type": "Map",
            "ItemsPath": "$.Statuses",
            "ItemSelector": {"Status.$": "$$.Map.Item.Value"},
            "MaxConcurrency": 1,
            "ItemProcessor": _inline("ListExecutions", _listing()),
            "ResultPath": "$.Listed",
            "Next": "KeepEndedExecutions",
        },
        "KeepEndedExecutions": {
            "Type": "Pass",
            "Parameters": {
                "Phase": "executions",
                "Pages": 0,
                "Failures.$": "$.Failures",
                **_no_groups(),
                "Page": {"Items.$": "$.Listed[*].Executions[*]"},
            },
            "Next": "EndExecutions",
        },
    }


def _listing() -> Json:
    return {
        "ListExecutions": {
            "Type": "Task",
            "Resource": "arn:${Partition}:states:::aws-sdk:sfn:listExecutions",
            "Parameters": {
                "StateMachineArn": "${PipelineStateMachineArn}",
                "StatusFilter.$": "$.Status",
                "MaxResults": LISTED_EXECUTIONS,
            },
            "TimeoutSeconds": CALL_SECONDS,
            "Retry": [retry(["States.ALL"], attempts=3)],
            "Catch": _catch("NoteExecutionsUnlisted"),
            "End": True,
        },
        "NoteExecutionsUnlisted": {
            "Type": "Pass",
            "Comment": "What could not be listed is an item that fails.",
            "Parameters": {
                "Executions": [
                    {"Unlisted.$": "States.Format('ListExecutions {}: {}', $.Status, $.Caught.Error)"}
                ]
            },
            "End": True,
        },
    }


def _executions() -> Json:
    return {
        "EndExecutions": {
            "Type": "Map",
            "Comment": "Each item by itself: what fails is counted, and ends no other. What came of the items takes their place.",
            "ItemsPath": "$.Page.Items",
            "ItemSelector": {"Item.$": "$$.Map.Item.Value", "SweepStartTime.$": "$$.Execution.StartTime"},
            "MaxConcurrency": 2,
            "ItemProcessor": _inline("CheckItem", {**_item(), **_execution(), **_verdict(), **_stop()}),
            # Else two pages would lie in the state's data when the next one is described.
            "ResultPath": "$.Page.Items",
            "Next": "CollectFailures",
        },
        **_failures("", "$.Page.Items", "CheckPhase"),
        "CheckPhase": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.Phase", "StringEquals": "event", "Next": "CheckSweep"},
                {"Variable": "$.Phase", "StringEquals": "executions", "Next": "BeginTasks"},
                {"Variable": "$.Pages", "NumericLessThanPath": "$.Counted.Count", "Next": "DescribeTasks"},
            ],
            "Default": "BeginTaskDefinitions",
        },
    }


def _item() -> Json:
    """Find out what an item is, and whether it is this pipeline's."""
    tagged = "$.ExecutionArns[0]"
    created = "$.Item.CreatedAt"
    is_time = all_of(present(created), {"Variable": created, "IsTimestamp": True})
    return {
        "CheckItem": {
            "Type": "Choice",
            "Choices": [
                {**present("$.Item.Unlisted"), "Next": "FailUnlisted"},
                {**all_of(text("$.Item.TaskArn"), present("$.Item.Tags")), "Next": "ReadTags"},
                {**_is_ours("$.Item.ExecutionArn"), "Next": "KeepExecution"},
            ],
            "Default": "LeaveItem",
        },
        "ReadTags": {
            "Type": "Pass",
            "Parameters": {
                "Item.$": "$.Item",
                "SweepStartTime.$": "$.SweepStartTime",
                "ExecutionArns.$": f"$.Item.Tags[?(@.Key == '{EXECUTION_TAG}')].Value",
                "ServerIds.$": f"$.Item.Tags[?(@.Key == '{SERVER_TAG}')].Value",
            },
            "Next": "CheckTags",
        },
        "CheckTags": {
            "Type": "Choice",
            "Choices": [
                {**unless(_is_ours(tagged)), "Next": "LeaveItem"},
                {
                    **all_of(is_time, {"Variable": created, "TimestampLessThanPath": "$.SweepStartTime"}),
                    "Next": "KeepTask",
                },
                {**is_time, "Next": "LeaveItem"},
            ],
            "Default": "NoteNoCreationTime",
        },
        "NoteNoCreationTime": {
            "Type": "Pass",
            "Comment": "Its age cannot be told, and to leave it in silence would be to leave it for ever.",
            "Parameters": {"ExecutionArn.$": tagged, "Caught": {"Error": "TaskWithoutCreationTime"}},
            "Next": "FailItem",
        },
        "KeepTask": {
            "Type": "Pass",
            "Parameters": {
                "ExecutionArn.$": tagged,
                "ServerIds.$": "$.ServerIds",
                "Found": {"TaskArns.$": "States.Array($.Item.TaskArn)"},
                "Unknown": _unknown(),
            },
            "Next": "DescribeExecution",
        },
        "KeepExecution": {
            "Type": "Pass",
            "Parameters": {
                "ExecutionArn.$": "$.Item.ExecutionArn",
                "ServerIds": [],
                "Found": {},
                "Unknown": _unknown(),
            },
            "Next": "DescribeExecution",
        },
    }


def _execution() -> Json:
    status = "$.Execution.Status"
    return {
        "DescribeExecution": {
            **_describe_execution("$.ExecutionArn", result_path="$.Execution"),
            "Catch": [
                {
                    "ErrorEquals": ["Sfn.ExecutionDoesNotExistException"],
                    "ResultPath": None,
                    "Next": "NoteExecutionUnknown",
                },
                *_catch("FailItem"),
            ],
            "Next": "CheckExecution",
        },
        "CheckExecution": {
            "Type": "Choice",
            "Choices": [
                {**_one_of(status, "RUNNING", "PENDING_REDRIVE"), "Next": "LeaveItem"},
                {**all_of(*equal(status, "SUCCEEDED")), "Next": "CompleteSucceeded"},
                {
                    # It has recorded that, and stopped its task: otherwise it had failed with a fault of its own.
                    **all_of(
                        *equal(status, "FAILED"),
                        _one_of("$.Execution.Error", *_servers_faults()),
                        {"Not": present("$.Found.TaskArns")},
                    ),
                    "Next": "LeaveItem",
                },
                {**_one_of(status, *OVER), "Next": "CompleteExecution"},
            ],
            "Default": "NoteUnknownStatus",
        },
        "NoteUnknownStatus": {
            "Type": "Pass",
            "Parameters": {"ExecutionArn.$": "$.ExecutionArn", "Caught": {"Error": "UnknownStatus"}},
            "Next": "FailItem",
        },
        "CompleteSucceeded": {
            **_complete("CheckFound"),
            "Comment": "It has recorded its verdict; only a task may be left.",
        },
        "CompleteExecution": {
            **_complete("CheckServer"),
            "Comment": "What the description leaves out is what an unknown execution has.",
        },
        "NoteExecutionUnknown": {
            "Type": "Pass",
            "Comment": "Step Functions forgot it, or the state machine was deleted: all that is known are the task's tags.",
            "Parameters": {
                "ExecutionArn.$": "$.ExecutionArn",
                "ServerIds.$": "$.ServerIds",
                "Found.$": "$.Found",
                "Execution.$": "$.Unknown",
                "Result": _result(
                    "ExecutionUnknown",
                    {"Cause": "Step Functions does not know the execution.", "Replaces": 0},
                ),
            },
            "Next": "CheckTaggedServer",
        },
        "CheckTaggedServer": {
            "Type": "Choice",
            "Choices": [{**_is_known("$.ServerIds[0]"), "Next": "RecordVerdict"}],
            "Default": "CheckFound",
        },
    }


def _verdict() -> Json:
    status = "$.Execution.Status"
    cause = "States.Format('{} {}: {}', $.Execution.Status, $.Execution.Error, $.Execution.Cause)"
    return {
        "CheckServer": {
            "Type": "Choice",
            "Choices": [
                {**_is_known("$.ServerIds[0]"), "Next": "ClassifyExecution"},
                {**text("$.Execution.Input"), "Next": "ReadInput"},
            ],
            "Default": "CheckFound",
        },
        "ReadInput": {
            "Type": "Parallel",
            "Comment": "One branch, for its Catch: where no server can be known, no verdict is recorded.",
            "Branches": [
                {
                    "StartAt": "ParseInput",
                    "States": {
                        "ParseInput": {
                            "Type": "Pass",
                            "Parameters": {"Input.$": "States.StringToJson($.Execution.Input)"},
                            "Next": "CheckInput",
                        },
                        "CheckInput": {
                            "Type": "Choice",
                            "Choices": [{**_is_known("$.Input.serverId"), "Next": "KeepServer"}],
                            "Default": "KeepNoServer",
                        },
                        "KeepServer": {
                            "Type": "Pass",
                            "Parameters": {"ServerIds.$": "States.Array($.Input.serverId)"},
                            "End": True,
                        },
                        "KeepNoServer": {"Type": "Pass", "Parameters": {"ServerIds": []}, "End": True},
                    },
                }
            ],
            "ResultPath": "$.Read",
            "Catch": [
                {"ErrorEquals": [name], "ResultPath": None, "Next": "CheckFound"}
                for name in ("States.DataLimitExceeded", "States.ALL")
            ],
            "Next": "CheckReadServer",
        },
        "CheckReadServer": {
            "Type": "Choice",
            "Choices": [{**present("$.Read[0].ServerIds[0]"), "Next": "UseReadServer"}],
            "Default": "CheckFound",
        },
        "UseReadServer": {
            "Type": "Pass",
            "InputPath": "$.Read[0].ServerIds",
            "ResultPath": "$.ServerIds",
            "Next": "ClassifyExecution",
        },
        "ClassifyExecution": {
            "Type": "Choice",
            "Choices": [
                {"Variable": status, "StringEquals": "TIMED_OUT", "Next": "NoteExecutionTimedOut"},
                {"Variable": status, "StringEquals": "ABORTED", "Next": "NoteExecutionAborted"},
            ],
            "Default": "NoteExecutionFailed",
        },
        **{
            f"Note{error}": {
                "Type": "Pass",
                "Parameters": _result(error, {"Cause.$": cause, **replaces}),
                "ResultPath": "$.Result",
                "Next": "RecordVerdict",
            }
            for error, replaces in (
                ("ExecutionTimedOut", {"Replaces.$": "$.Execution.RedriveCount"}),
                ("ExecutionAborted", {"Replaces.$": "$.Execution.RedriveCount"}),
                # A redrive of an execution that ended in a Fail state enters that again, and says nothing new.
                ("ExecutionFailed", {"Replaces": 0}),
            )
        },
        "RecordVerdict": record_verdict(
            server_id="$.ServerIds[0]",
            execution="$.ExecutionArn",
            redrive_count="$.Execution.RedriveCount",
            replaces="$.Result.Replaces",
            started_at="$.Execution.StartDate",
            result="$.Result",
            then="CheckFound",
            catch=_catch("FailItem"),
        ),
    }


def _stop() -> Json:
    return {
        "CheckFound": {
            "Type": "Choice",
            "Choices": [{**present("$.Found.TaskArns"), "Next": "StopTasks"}],
            "Default": "FindTasks",
        },
        "FindTasks": {
            "Type": "Task",
            "Resource": "arn:${Partition}:states:::aws-sdk:ecs:listTasks",
            "Parameters": {
                "Cluster": "${ClusterName}",
                "StartedBy.$": execution_hash("$.ExecutionArn", "$.Execution.RedriveCount"),
            },
            "TimeoutSeconds": CALL_SECONDS,
            "Retry": [retry(["States.ALL"], attempts=3)],
            "ResultPath": "$.Found",
            "Catch": _catch("FailItem"),
            "Next": "CheckFoundTasks",
        },
        "CheckFoundTasks": {
            "Type": "Choice",
            "Choices": [{**present("$.Found.TaskArns"), "Next": "StopTasks"}],
            "Default": "NoteTasksUnknown",
        },
        "NoteTasksUnknown": {
            "Type": "Pass",
            "Parameters": {"ExecutionArn.$": "$.ExecutionArn", "Caught": {"Error": "TasksUnknown"}},
            "Next": "FailItem",
        },
        "StopTasks": {
            "Type": "Map",
            "ItemsPath": "$.Found.TaskArns",
            "ItemSelector": {"TaskArn.$": "$$.Map.Item.Value"},
            "MaxConcurrency": 1,
            "ItemProcessor": _inline("StopTask", _stop_one()),
            "ResultPath": None,
            "Catch": _catch("FailItem"),
            "Next": "EndItem",
        },
        "EndItem": {"Type": "Pass", "Parameters": {"Ended": "done"}, "End": True},
        "LeaveItem": {"Type": "Pass", "Parameters": {"Ended": "left"}, "End": True},
        "FailItem": {
            "Type": "Pass",
            "Comment": "Only the error's name: a page of causes could exceed what a state may hold. The history has them.",
            "Parameters": {
                "Ended": "failed",
                "What.$": "States.Format('{}: {}', $.ExecutionArn, $.Caught.Error)",
            },
            "End": True,
        },
        "FailUnlisted": {
            "Type": "Pass",
            "Parameters": {"Ended": "failed", "What.$": "$.Item.Unlisted"},
            "End": True,
        },
    }


def _stop_one() -> Json:
    return {
        "StopTask": {
            "Type": "Task",
            "Resource": "arn:${Partition}:states:::aws-sdk:ecs:stopTask",
            "Parameters": {
                "Cluster": "${ClusterName}",
                "Task.$": "$.TaskArn",
                "Reason": "The execution that started it is over.",
            },
            "TimeoutSeconds": CALL_SECONDS,
            "Retry": [retry(["States.ALL"], attempts=4)],
            "ResultPath": None,
            "Catch": _catch("CheckTaskGone"),
            "Next": "TaskStopped",
        },
        "CheckTaskGone": {
            "Type": "Choice",
            "Choices": [
                {
                    "Variable": "$.Caught.Cause",
                    "StringMatches": "*referenced task was not found*",
                    "Next": "TaskStopped",
                }
            ],
            "Default": "TaskNotStopped",
        },
        "TaskStopped": {"Type": "Pass", "Parameters": {"Ended": "done"}, "End": True},
        "TaskNotStopped": {
            "Type": "Fail",
            "Error": "TaskNotStopped",
            "Cause": "StopTask did not succeed; the next sweep tries again.",
        },
    }


def _tasks() -> Json:
    """Look at every task of the cluster: all are listed before one is stopped, since pages may shift then."""
    return {
        "BeginTasks": {
            "Type": "Pass",
            "Parameters": {"Phase": "tasks", "Pages": 0, "Failures.$": "$.Failures", "TaskArns": []},
            "Next": "ListTasks",
        },
        "ListTasks": _list_tasks({}),
        "ListMoreTasks": _list_tasks({"NextToken.$": "$.Tasks.NextToken"}),
        "CheckTasks": {
            "Type": "Choice",
            "Choices": [{**present("$.Tasks.TaskArns"), "Next": "AddTasks"}],
            "Default": "NoteTasksMissing",
        },
        "AddTasks": {
            "Type": "Pass",
            "Comment": "Two lists become one: a list of both, and then what is in either.",
            "Parameters": {"Both.$": "States.Array($.TaskArns, $.Tasks.TaskArns)"},
            "ResultPath": "$.Added",
            "Next": "KeepTasks",
        },
        "KeepTasks": {
            "Type": "Pass",
            "Parameters": {
                "Phase": "tasks",
                "Pages.$": "States.MathAdd($.Pages, 1)",
                "Failures.$": "$.Failures",
                "TaskArns.$": "$.Added.Both[*][*]",
                "Tasks.$": "$.Tasks",
            },
            "Next": "CheckMoreTasks",
        },
        "CheckMoreTasks": {
            "Type": "Choice",
            "Choices": [
                {
                    **all_of(
                        present("$.Tasks.NextToken"),
                        {"Variable": "$.Pages", "NumericLessThan": TASK_PAGES},
                    ),
                    "Next": "ListMoreTasks",
                },
                {**present("$.Tasks.NextToken"), "Next": "NoteTooManyTasks"},
            ],
            "Default": "CheckListedTasks",
        },
        "NoteTasksMissing": _unlisted("ListTasks: an answer without tasks", "CheckListedTasks"),
        "NoteTasksUnlisted": _unlisted("States.Format('ListTasks: {}', $.Caught.Error)", "CheckListedTasks"),
        "NoteTooManyTasks": _unlisted(
            f"More than {TASK_PAGE * TASK_PAGES} tasks run, and not all were looked at", "CheckListedTasks"
        ),
        "CheckListedTasks": {
            "Type": "Choice",
            "Choices": [{**present("$.TaskArns[0]"), "Next": "GroupTasks"}],
            "Default": "BeginTaskDefinitions",
        },
        "GroupTasks": {
            "Type": "Pass",
            "Parameters": {
                "Phase": "tasks",
                "Pages": 0,
                "Failures.$": "$.Failures",
                "Groups.$": f"States.ArrayPartition($.TaskArns, {TASK_GROUP})",
            },
            "Next": "CountGroups",
        },
        "CountGroups": {
            "Type": "Pass",
            "Parameters": {"Count.$": "States.ArrayLength($.Groups)"},
            "ResultPath": "$.Counted",
            "Next": "DescribeTasks",
        },
        "DescribeTasks": {
            "Type": "Task",
            "Resource": "arn:${Partition}:states:::aws-sdk:ecs:describeTasks",
            "Parameters": {
                "Cluster": "${ClusterName}",
                "Tasks.$": "States.ArrayGetItem($.Groups, $.Pages)",
                "Include": ["TAGS"],
            },
            "TimeoutSeconds": CALL_SECONDS,
            "Retry": [retry(["States.ALL"], attempts=3)],
            "ResultPath": "$.Described",
            "Catch": _catch("NoteTasksUndescribed"),
            "Next": "CheckDescribed",
        },
        "CheckDescribed": {
            "Type": "Choice",
            "Choices": [{**present("$.Described.Tasks"), "Next": "KeepTaskGroup"}],
            "Default": "NoteDescriptionsMissing",
        },
        "KeepTaskGroup": {
            "Type": "Pass",
            "Parameters": {**_next_group(), "Page": {"Items.$": "$.Described.Tasks"}},
            "Next": "EndExecutions",
        },
        "NoteDescriptionsMissing": _unlisted("DescribeTasks: an answer without tasks", "SkipTaskGroup"),
        "NoteTasksUndescribed": _unlisted(
            "States.Format('DescribeTasks: {}', $.Caught.Error)", "SkipTaskGroup"
        ),
        "SkipTaskGroup": {
            "Type": "Pass",
            "Comment": "This group fails; the next one is looked at all the same.",
            "Parameters": _next_group(),
            "Next": "CheckPhase",
        },
    }


def _list_tasks(page: Json) -> Json:
    return {
        "Type": "Task",
        "Resource": "arn:${Partition}:states:::aws-sdk:ecs:listTasks",
        "Parameters": {"Cluster": "${ClusterName}", "MaxResults": TASK_PAGE, **page},
        "TimeoutSeconds": CALL_SECONDS,
        "Retry": [retry(["States.ALL"], attempts=3)],
        "ResultPath": "$.Tasks",
        "Catch": _catch("NoteTasksUnlisted"),
        "Next": "CheckTasks",
    }


def _no_groups() -> Json:
    return {"Groups": [], "Counted": {"Count": 0}}


def _next_group() -> Json:
    return {
        "Phase": "tasks",
        "Pages.$": "States.MathAdd($.Pages, 1)",
        "Failures.$": "$.Failures",
        "Groups.$": "$.Groups",
        "Counted.$": "$.Counted",
    }


def _unlisted(what: str, then: str) -> Json:
    """Count what could not be listed as a failure; `what` is text, or an intrinsic function that gives it."""
    key = "Last.$" if what.startswith("States.") else "Last"
    return {
        "Type": "Pass",
        "Parameters": {"Count.$": "States.MathAdd($.Failures.Count, 1)", key: what},
        "ResultPath": "$.Failures",
        "Next": then,
    }


def _task_definitions(settings: Settings) -> Json:
    """Deregister what executions that are over have registered, but for the newest of each server."""
    return {
        "BeginTaskDefinitions": {
            "Type": "Pass",
            "Parameters": {"Pages": 0, "Failures.$": "$.Failures"},
            "Next": "ListFamilies",
        },
        "ListFamilies": _list_families(settings, {}),
        "ListMoreFamilies": _list_families(settings, {"NextToken.$": "$.Families.NextToken"}),
        "CheckFamilies": {
            "Type": "Choice",
            "Choices": [{**present("$.Families.Families"), "Next": "CountFamilyPage"}],
            "Default": "NoteFamiliesMissing",
        },
        "CountFamilyPage": {
            "Type": "Pass",
            "Parameters": {
                "Pages.$": "States.MathAdd($.Pages, 1)",
                "Failures.$": "$.Failures",
                "Families.$": "$.Families",
            },
            "Next": "SweepFamilies",
        },
        "SweepFamilies": {
            "Type": "Map",
            "Comment": "One at a time: the rate is shared with every validation.",
            "ItemsPath": "$.Families.Families",
            "ItemSelector": {"Family.$": "$$.Map.Item.Value"},
            "MaxConcurrency": 1,
            "ItemProcessor": _inline("ListRevisions", _family()),
            "ResultPath": "$.Ended",
            "Next": "CollectFamilyFailures",
        },
        **_failures("Family", "$.Ended", "CheckMoreFamilies"),
        "CheckMoreFamilies": {
            "Type": "Choice",
            "Choices": [
                {
                    **all_of(
                        present("$.Families.NextToken"),
                        {"Variable": "$.Pages", "NumericLessThan": FAMILY_PAGES},
                    ),
                    "Next": "ListMoreFamilies",
                }
            ],
            "Default": "CheckSweep",
        },
        "NoteFamiliesUnlisted": _unlisted(
            "States.Format('ListTaskDefinitionFamilies: {}', $.Caught.Error)", "CheckSweep"
        ),
        "NoteFamiliesMissing": _unlisted(
            "ListTaskDefinitionFamilies: an answer without families", "CheckSweep"
        ),
    }


def _list_families(settings: Settings, page: Json) -> Json:
    return {
        "Type": "Task",
        "Resource": "arn:${Partition}:states:::aws-sdk:ecs:listTaskDefinitionFamilies",
        "Parameters": {
            "FamilyPrefix": f"{settings.names.task_definition_family}-",
            "Status": "ACTIVE",
            "MaxResults": FAMILY_PAGE,
            **page,
        },
        "TimeoutSeconds": CALL_SECONDS,
        "Retry": [retry(["States.ALL"], attempts=3)],
        "ResultPath": "$.Families",
        "Catch": _catch("NoteFamiliesUnlisted"),
        "Next": "CheckFamilies",
    }


def _family() -> Json:
    arns = "$.Revisions.TaskDefinitionArns"
    return {
        "ListRevisions": {
            "Type": "Task",
            "Resource": "arn:${Partition}:states:::aws-sdk:ecs:listTaskDefinitions",
            "Parameters": {
                "FamilyPrefix.$": "$.Family",
                "Status": "ACTIVE",
                "Sort": "DESC",
                "MaxResults": REVISIONS,
            },
            "TimeoutSeconds": CALL_SECONDS,
            "Retry": [retry(["States.ALL"], attempts=3)],
            "ResultPath": "$.Revisions",
            "Catch": _catch("FailListing"),
            "Next": "CheckRevisions",
        },
        "CheckRevisions": {
            "Type": "Choice",
            "Choices": [{**present(f"{arns}[1]"), "Next": "KeepOlderRevisions"}],
            "Default": "EndFamily",
        },
        "KeepOlderRevisions": {
            "Type": "Pass",
            "Comment": "The first is the newest, and stays.",
            "Parameters": {"Arns.$": f"{arns}[1:]"},
            "ResultPath": "$.Older",
            "Next": "SweepRevisions",
        },
        "SweepRevisions": {
            "Type": "Map",
            "ItemsPath": "$.Older.Arns",
            "ItemSelector": {"Revision.$": "$$.Map.Item.Value"},
            "MaxConcurrency": 1,
            "ItemProcessor": _inline("DescribeRevision", _revision()),
            "ResultPath": "$.Swept",
            "Next": "CollectRevisions",
        },
        "CollectRevisions": {
            "Type": "Pass",
            "Parameters": {"What.$": "$.Swept[?(@.Ended == 'failed')].What"},
            "ResultPath": "$.Failed",
            "Next": "CheckSweptRevisions",
        },
        "CheckSweptRevisions": {
            "Type": "Choice",
            "Choices": [{**present("$.Failed.What[0]"), "Next": "FailFamily"}],
            "Default": "EndFamily",
        },
        "EndFamily": {"Type": "Pass", "Parameters": {"Ended": "done"}, "End": True},
        "FailFamily": {
            "Type": "Pass",
            "Parameters": {"Ended": "failed", "What.$": "$.Failed.What[0]"},
            "End": True,
        },
        "FailListing": {
            "Type": "Pass",
            "Parameters": {"Ended": "failed", "What.$": "States.Format('{}: {}', $.Family, $.Caught.Error)"},
            "End": True,
        },
    }


def _revision() -> Json:
    return {
        "DescribeRevision": {
            "Type": "Task",
            "Resource": "arn:${Partition}:states:::aws-sdk:ecs:describeTaskDefinition",
            "Parameters": {"TaskDefinition.$": "$.Revision", "Include": ["TAGS"]},
            "TimeoutSeconds": CALL_SECONDS,
            "Retry": [retry(["States.ALL"], attempts=3)],
            "ResultPath": "$.Described",
            "Catch": _catch("FailRevision"),
            "Next": "CheckRevisionTags",
        },
        "CheckRevisionTags": {
            "Type": "Choice",
            "Choices": [{**present("$.Described.Tags"), "Next": "ReadRevisionTags"}],
            "Default": "LeaveRevision",
        },
        "ReadRevisionTags": {
            "Type": "Pass",
            "Parameters": {
                "Revision.$": "$.Revision",
                "ExecutionArns.$": f"$.Described.Tags[?(@.Key == '{EXECUTION_TAG}')].Value",
            },
            "Next": "CheckRevision",
        },
        "CheckRevision": {
            "Type": "Choice",
            "Choices": [{**_is_ours("$.ExecutionArns[0]"), "Next": "DescribeRegistrant"}],
            "Default": "LeaveRevision",
        },
        "DescribeRegistrant": {
            **_describe_execution("$.ExecutionArns[0]", result_path="$.Execution"),
            "Catch": [
                {
                    "ErrorEquals": ["Sfn.ExecutionDoesNotExistException"],
                    "ResultPath": None,
                    "Next": "DeregisterRevision",
                },
                *_catch("FailRevision"),
            ],
            "Next": "CheckRegistrant",
        },
        "CheckRegistrant": {
            "Type": "Choice",
            "Choices": [{**_one_of("$.Execution.Status", "SUCCEEDED", *OVER), "Next": "DeregisterRevision"}],
            "Default": "LeaveRevision",
        },
        "DeregisterRevision": {
            "Type": "Task",
            "Resource": "arn:${Partition}:states:::aws-sdk:ecs:deregisterTaskDefinition",
            "Parameters": {"TaskDefinition.$": "$.Revision"},
            "TimeoutSeconds": CALL_SECONDS,
            "Retry": [retry(ECS_TRANSIENT, attempts=2)],
            "ResultPath": None,
            "Catch": _catch("FailRevision"),
            "Next": "WaitForQuota",
        },
        "WaitForQuota": {
            "Type": "Wait",
            "Comment": "Half of the rate that registrations share; the other half stays theirs.",
            "Seconds": PACE_SECONDS,
            "Next": "EndRevision",
        },
        "EndRevision": {"Type": "Pass", "Parameters": {"Ended": "done"}, "End": True},
        "LeaveRevision": {"Type": "Pass", "Parameters": {"Ended": "left"}, "End": True},
        "FailRevision": {
            "Type": "Pass",
            "Parameters": {
                "Ended": "failed",
                "What.$": "States.Format('{}: {}', $.Revision, $.Caught.Error)",
            },
            "End": True,
        },
    }


def _ends() -> Json:
    return {
        "CheckSweep": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.Failures.Count", "NumericGreaterThan": 0, "Next": "TellFailures"}],
            "Default": "SweepSucceeded",
        },
        "TellFailures": {
            "Type": "Pass",
            "Parameters": {
                "Cause.$": "States.Format('{} items could not be handled, and the next sweep tries again; the last: {}', $.Failures.Count, $.Failures.Last)"
            },
            "Next": "SweepFailed",
        },
        "SweepFailed": {"Type": "Fail", "Error": "SweepFailed", "CausePath": "$.Cause"},
        "SweepSucceeded": {"Type": "Succeed"},
    }


def _inline(start_at: str, states: Json) -> Json:
    return {"ProcessorConfig": {"Mode": "INLINE"}, "StartAt": start_at, "States": states}


def _catch(then: str) -> list[Json]:
    """Catch all that can be caught: `States.ALL` leaves out an answer that is too large."""
    return [
        {"ErrorEquals": [name], "ResultPath": "$.Caught", "Next": then}
        for name in ("States.DataLimitExceeded", "States.ALL")
    ]


def _describe_execution(arn: str, *, result_path: str) -> Json:
    """Describe an execution by its name, so that the role may describe this pipeline's executions and no others."""
    return {
        "Type": "Task",
        "Resource": "arn:${Partition}:states:::aws-sdk:sfn:describeExecution",
        "Parameters": {
            "ExecutionArn.$": f"States.Format('{EXECUTION}{{}}', States.ArrayGetItem(States.StringSplit({arn}, ':'), 7))"
        },
        "TimeoutSeconds": CALL_SECONDS,
        "Retry": [
            {"ErrorEquals": ["Sfn.ExecutionDoesNotExistException"], "MaxAttempts": 0},
            retry(["States.ALL"], attempts=3),
        ],
        "ResultPath": result_path,
    }


def _is_ours(path: str) -> Json:
    """Hold where there is the ARN of an execution of the pipeline, so that its eighth part is there to be read."""
    return all_of(
        text(path),
        {"Variable": path, "StringMatches": f"{EXECUTION}*"},
        never(path, EXECUTION, f"{EXECUTION}*:*"),
    )


def _one_of(path: str, *values: str) -> Json:
    return all_of(present(path), {"Or": [{"Variable": path, "StringEquals": value} for value in values]})


def _servers_faults() -> list[str]:
    """Return the errors of executions that ended as they should: a server was judged, and not verified."""
    return [error for error, fault in faults.table().items() if fault.fault == "server"]


def _is_known(server: str) -> Json:
    return all_of(text(server), not_empty(server))


def _unknown() -> Json:
    """Return what is taken for the fields that DescribeExecution leaves out."""
    return {"Error": "", "Cause": "", "Input": "", "RedriveCount": 0, "StartDate": ""}


def _complete(then: str) -> Json:
    return {
        "Type": "Pass",
        "Parameters": {
            "ExecutionArn.$": "$.ExecutionArn",
            "ServerIds.$": "$.ServerIds",
            "Found.$": "$.Found",
            "Execution.$": "States.JsonMerge($.Unknown, $.Execution, false)",
        },
        "Next": then,
    }


def _failures(of: str, ended: str, then: str) -> Json:
    """Count the items of a Map that failed, and keep the first of them; `ended` is where its result is."""
    return {
        f"Collect{of}Failures": {
            "Type": "Pass",
            "Parameters": {"Items.$": f"{ended}[?(@.Ended == 'failed')].What"},
            "ResultPath": "$.Failed",
            "Next": f"Check{of}Failures",
        },
        f"Check{of}Failures": {
            "Type": "Choice",
            "Choices": [{**present("$.Failed.Items[0]"), "Next": f"Count{of}Failures"}],
            "Default": then,
        },
        f"Count{of}Failures": {
            "Type": "Pass",
            "Parameters": {
                "Count.$": "States.MathAdd($.Failures.Count, States.ArrayLength($.Failed.Items))",
                "Last.$": "$.Failed.Items[0]",
            },
            "ResultPath": "$.Failures",
            "Next": then,
        },
    }


def _result(error: str, cause: Json) -> Json:
    fault = faults.table(NAME)[error]
    return {
        "Outcome": fault.outcome,
        "Verified": False,
        "Fault": fault.fault,
        "Error": error,
        **cause,
        "Verdict": {},
    }
