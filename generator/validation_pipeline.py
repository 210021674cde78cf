"""The validation pipeline's state machine, in ASL's own words, in the order in which it runs.

Three habits keep an execution from dying where nothing could catch it (`States.Runtime`), and a task from
outliving it:

- A result is kept raw under a name of its own (`ResultPath`); a Choice proves with `IsPresent` that a field
  is there before any path reads it.
- The input is copied field by field before anything else, so that nothing in it can pose as a result.
- After RunTask every path leads through `StopMCPServerContainer`, or through a Choice that saw no task.

Where an end was not `verified`, a `Note…` state puts down which fault of `faults.yaml` it was, under `$.Result`;
the last states only read that.
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
    catch_all,
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
    from generator.settings import Settings, ValidatorSettings

NAME = "validation-pipeline"

Json = dict[str, Any]

EXECUTION_HASH = execution_hash("$$.Execution.Id", "$$.Execution.RedriveCount")

LAMBDA_TRANSIENT = [
    "Lambda.TooManyRequestsException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
]

TEMPORARY = "/tmp"  # noqa: S108  # a folder of the container, and the only one that it can write to
DESCRIBE_SECONDS = 3
"""What one look at a starting task may take: a look that failed counts, and the next one follows."""


def build_seconds(settings: Settings) -> int:
    """Return the build state's timeout: CodeBuild ends a build by itself, a minute before the state gives up.

    A `.sync` state that times out does not stop its build; CodeBuild's own timeouts do.
    """
    return (settings.build.timeout_minutes + settings.build.queued_timeout_minutes + 1) * 60


def validator_seconds(validator: ValidatorSettings) -> int:
    """Return the Lambda function's timeout: its own limit, and time to say so."""
    return validator.time_limit_seconds + 5


def loop_bounds(settings: Settings) -> dict[str, int]:
    """Return how often each loop can run, by a state in it."""
    return {"WaitForTaskStartup": settings.startup.attempts}


def definition(settings: Settings) -> Json:
    """Return the state machine."""
    return {
        "Comment": "Builds an MCP server's image, runs that very image, validates the server, and leaves nothing running.",
        "StartAt": "CheckInput",
        "TimeoutSeconds": settings.pipeline.timeout_seconds,
        "States": {
            **_input(),
            **_image(settings),
            **_task(settings),
            **_startup(settings),
            **_validation(settings),
            **_clean_up(),
            **_ends(),
        },
    }


def input_schema() -> Json:
    """Return the JSON Schema of an execution's input."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Input of the validation pipeline",
        "type": "object",
        "required": ["repositoryName", "originalRepositoryName", "serverId"],
        "properties": {
            "repositoryName": {
                "description": "The repository's name, sanitised or not; it goes into the image's tag.",
                "type": "string",
                "pattern": "^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$",
            },
            "originalRepositoryName": {
                "description": "What is cloned: owner/name.",
                "type": "string",
                "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}/[.]?[A-Za-z0-9_-][A-Za-z0-9._-]{0,98}$",
            },
            "serverId": {
                "description": "The registry's name of the server; it must fit into a tag.",
                "type": "string",
                "pattern": "^[A-Za-z0-9 _.:/=+@-]{1,256}$",
            },
            "imageUri": {
                "description": "An image by digest. Where it is given, nothing is built, and this image is judged.",
                "type": "string",
                "pattern": "^[^@]+@sha256:[0-9a-f]{64}$",
            },
        },
    }


def _input() -> Json:
    return {
        "CheckInput": {
            "Type": "Choice",
            "Comment": "Presence, type and what wildcards can tell; the build's first command checks the patterns.",
            "Choices": [
                {**unless(text("$.serverId"), not_empty("$.serverId")), "Next": "RefuseServerId"},
                {
                    **unless(text("$.repositoryName"), not_empty("$.repositoryName")),
                    "Next": "RefuseRepositoryName",
                },
                {
                    **unless(
                        text("$.originalRepositoryName"),
                        {"Variable": "$.originalRepositoryName", "StringMatches": "*/*"},
                        never("$.originalRepositoryName", "/*", "*/", "*/*/*", "* *"),
                    ),
                    "Next": "RefuseOriginalRepositoryName",
                },
                {"Not": {"Variable": "$.imageUri", "IsPresent": True}, "Next": "KeepRequest"},
                {**all_of(text("$.imageUri"), _by_digest("$.imageUri")), "Next": "UseGivenImage"},
            ],
            "Default": "RefuseImageUri",
        },
        "KeepRequest": {
            "Type": "Pass",
            "Comment": "Drops whatever else the input holds.",
            "Parameters": _request(),
            "Next": "BuildMCPServerImage",
        },
        "UseGivenImage": {
            "Type": "Pass",
            "Comment": "An image given by digest is judged without a build.",
            "Parameters": {**_request(), "ImageDetails": _image_details("$.imageUri")},
            "Next": "RegisterValidationTaskDef",
        },
    }


def _image(settings: Settings) -> Json:
    exported = "$.Build.Build.ExportedEnvironmentVariables"
    return {
        "BuildMCPServerImage": {
            "Type": "Task",
            "Resource": "arn:${Partition}:states:::codebuild:startBuild.sync",
            "Parameters": {
                "ProjectName": "${BuildProjectName}",
                "EnvironmentVariablesOverride": [
                    {"Name": "REPOSITORY_NAME", "Type": "PLAINTEXT", "Value.$": "$.repositoryName"},
                    {
                        "Name": "ORIGINAL_REPOSITORY_NAME",
                        "Type": "PLAINTEXT",
                        "Value.$": "$.originalRepositoryName",
                    },
                    {"Name": "SERVER_ID", "Type": "PLAINTEXT", "Value.$": "$.serverId"},
                    {"Name": "EXECUTION_ID", "Type": "PLAINTEXT", "Value.$": "$$.Execution.Id"},
                ],
            },
            "TimeoutSeconds": build_seconds(settings),
            "Retry": [
                {
                    # Only what StartBuild itself raises: a build that ran is not run again.
                    "ErrorEquals": [
                        "CodeBuild.AccountLimitExceededException",
                        "CodeBuild.AWSCodeBuildException",
                        "CodeBuild.SdkClientException",
                    ],
                    "IntervalSeconds": 5,
                    "MaxAttempts": 4,
                    "BackoffRate": 2,
                    "JitterStrategy": "FULL",
                }
            ],
            "ResultPath": "$.Build",
            "Catch": catch_all("NoteBuildFailed"),
            "Next": "CheckBuildExports",
        },
        "NoteBuildFailed": _note("BuildFailed", "States.JsonToString($.Caught)", "RecordVerdict"),
        "CheckBuildExports": {
            "Type": "Choice",
            "Choices": [{"Variable": exported, "IsPresent": True, "Next": "ParseImageUri"}],
            "Default": "NoteNoImageExported",
        },
        "ParseImageUri": {
            "Type": "Pass",
            "Comment": "A filter yields a list, and an empty one where the build exported no such variable.",
            "Parameters": {
                "ImageUris.$": f"{exported}[?(@.Name == 'IMAGE_URI')].Value",
                "BuildFailures.$": f"{exported}[?(@.Name == 'BUILD_FAILURE')].Value",
            },
            "ResultPath": "$.Exports",
            "Next": "CheckImageUri",
        },
        "CheckImageUri": {
            "Type": "Choice",
            "Choices": [
                {
                    **all_of(text("$.Exports.ImageUris[0]"), _by_digest("$.Exports.ImageUris[0]")),
                    "Next": "UseBuiltImage",
                },
                {
                    **all_of(text("$.Exports.BuildFailures[0]"), not_empty("$.Exports.BuildFailures[0]")),
                    "Next": "NoteImageNotBuilt",
                },
            ],
            "Default": "NoteNoImageExported",
        },
        "NoteImageNotBuilt": _note("ImageNotBuilt", "$.Exports.BuildFailures[0]", "RecordVerdict"),
        "NoteNoImageExported": _note(
            "NoImageExported",
            "States.Format('The build exported no image by digest: {}', States.JsonToString($.Build))",
            "RecordVerdict",
        ),
        "UseBuiltImage": {
            "Type": "Pass",
            "Parameters": {**_request(), "ImageDetails": _image_details("$.Exports.ImageUris[0]")},
            "Next": "RegisterValidationTaskDef",
        },
    }


def _task(settings: Settings) -> Json:
    task = settings.task
    return {
        "RegisterValidationTaskDef": {
            "Type": "Task",
            "Comment": "RunTask cannot override an image: each validation runs a task definition of its own, by digest.",
            "Resource": "arn:${Partition}:states:::aws-sdk:ecs:registerTaskDefinition",
            "Parameters": {
                # One family a server: one for all fails under concurrency, and hides whose revision is whose.
                "Family.$": f"States.Format('{settings.names.task_definition_family}-{{}}', States.Hash($.serverId, 'SHA-256'))",
                "RequiresCompatibilities": ["FARGATE"],
                "NetworkMode": "awsvpc",
                "Cpu": str(task.cpu),
                "Memory": str(task.memory),
                "RuntimePlatform": {"CpuArchitecture": "X86_64", "OperatingSystemFamily": "LINUX"},
                "ExecutionRoleArn": "${TaskExecutionRoleArn}",
                "TaskRoleArn": "${TaskRoleArn}",
                "ContainerDefinitions": [
                    {
                        "Name": "mcp-server",
                        "Image.$": "$.ImageDetails.ImageUri",
                        "Essential": True,
                        "PortMappings": [{"ContainerPort": task.port, "Protocol": "tcp"}],
                        "Environment": [
                            {"Name": "HOME", "Value": TEMPORARY},
                            {"Name": "PORT", "Value": str(task.port)},
                        ],
                        "ReadonlyRootFilesystem": True,
                        "LinuxParameters": {
                            "Capabilities": {"Drop": ["ALL"]},
                            "InitProcessEnabled": True,
                            "Tmpfs": [
                                {
                                    "ContainerPath": TEMPORARY,
                                    "Size": task.temporary_storage,
                                    "MountOptions": ["nosuid", "nodev"],
                                }
                            ],
                        },
                        "LogConfiguration": {
                            "LogDriver": "awslogs",
                            "Options": {
                                "awslogs-group": "${TaskLogGroupName}",
                                "awslogs-region": "${Region}",
                                "awslogs-stream-prefix": "mcp-server",
                            },
                        },
                    }
                ],
                "Tags": _tags(settings),
            },
            "TimeoutSeconds": CALL_SECONDS,
            # ClientException: two executions for one server registered at the same moment.
            "Retry": [retry([*ECS_TRANSIENT, "Ecs.ClientException"], attempts=3)],
            "ResultPath": "$.Registered",
            "Catch": catch_all("NoteRegistrationFailed"),
            "Next": "CheckRegistration",
        },
        "CheckRegistration": {
            "Type": "Choice",
            "Choices": [
                {
                    "Variable": "$.Registered.TaskDefinition.TaskDefinitionArn",
                    "IsPresent": True,
                    "Next": "RunMCPServerContainer",
                }
            ],
            "Default": "NoteRegistrationUnanswered",
        },
        "NoteRegistrationFailed": _note(
            "RegistrationFailed", "States.JsonToString($.Caught)", "RecordVerdict"
        ),
        "NoteRegistrationUnanswered": _note(
            "RegistrationFailed",
            "States.Format('RegisterTaskDefinition named no task definition: {}', States.JsonToString($.Registered))",
            "RecordVerdict",
        ),
        "RunMCPServerContainer": {
            "Type": "Task",
            "Resource": "arn:${Partition}:states:::aws-sdk:ecs:runTask",
            "Parameters": {
                "Cluster": "${ClusterName}",
                "TaskDefinition.$": "$.Registered.TaskDefinition.TaskDefinitionArn",
                "LaunchType": "FARGATE",
                "Count": 1,
                "ClientToken.$": EXECUTION_HASH,
                "StartedBy.$": EXECUTION_HASH,
                "NetworkConfiguration": {
                    "AwsvpcConfiguration": {
                        "Subnets.$": "States.StringSplit('${TaskSubnetIds}', ',')",
                        "SecurityGroups": ["${TaskSecurityGroupId}"],
                        "AssignPublicIp": "${AssignPublicIp}",
                    }
                },
                "Tags": _tags(settings),
            },
            "TimeoutSeconds": CALL_SECONDS,
            # The client token makes a retry safe, even of a call whose answer was lost.
            "Retry": [retry([*ECS_TRANSIENT, "States.Timeout"], attempts=3)],
            "ResultPath": "$.Run",
            "Catch": catch_all("NoteRunFailed"),
            "Next": "CheckTaskStarted",
        },
        "CheckTaskStarted": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.Run.Tasks[0].TaskArn", "IsPresent": True, "Next": "KeepTask"}],
            "Default": "NoteTaskNotStarted",
        },
        "NoteTaskNotStarted": _note("TaskNotStarted", "States.JsonToString($.Run)", "WaitForLostTask"),
        "NoteRunFailed": _note("RunFailed", "States.JsonToString($.Caught)", "WaitForLostTask"),
        "WaitForLostTask": {
            "Type": "Wait",
            "Comment": "A call whose answer was lost may have started a task all the same; it takes a moment to be listed.",
            "Seconds": LOST_TASK_SECONDS,
            "Next": "FindLostTask",
        },
        "FindLostTask": {
            "Type": "Task",
            "Resource": "arn:${Partition}:states:::aws-sdk:ecs:listTasks",
            "Parameters": {"Cluster": "${ClusterName}", "StartedBy.$": EXECUTION_HASH},
            "TimeoutSeconds": CALL_SECONDS,
            "Retry": [retry(["States.ALL"], attempts=3)],
            "ResultPath": "$.Found",
            "Catch": catch_all("NoteTaskMayBeRunning"),
            "Next": "CheckLostTask",
        },
        "CheckLostTask": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.Found.TaskArns[0]", "IsPresent": True, "Next": "KeepLostTask"},
                {"Variable": "$.Found.TaskArns", "IsPresent": True, "Next": "DeregisterValidationTaskDef"},
            ],
            "Default": "NoteTaskMayBeRunning",
        },
        "NoteTaskMayBeRunning": _note(
            "TaskMayBeRunning",
            f"States.Format('A task started by {{}} may be running. {{}}', {EXECUTION_HASH}, $.Result.Cause)",
            "DeregisterValidationTaskDef",
        ),
        "KeepLostTask": {
            "Type": "Pass",
            "Parameters": {"TaskArn.$": "$.Found.TaskArns[0]"},
            "ResultPath": "$.Task",
            "Next": "StopMCPServerContainer",
        },
        "KeepTask": {
            "Type": "Pass",
            "Comment": "From here on the task is known, and every path stops it.",
            "Parameters": {
                **_request(),
                "ImageDetails.$": "$.ImageDetails",
                "Registered.$": "$.Registered",
                "Task": {"TaskArn.$": "$.Run.Tasks[0].TaskArn"},
                "Startup": {"Attempts": 0},
                "Described": {},
            },
            "Next": "WaitForTaskStartup",
        },
    }


def _startup(settings: Settings) -> Json:
    task, container = "$.Described.Tasks[0]", "$.Described.Tasks[0].Containers[0]"
    attempts, seconds = settings.startup.attempts, settings.startup.interval_seconds
    return {
        "WaitForTaskStartup": {"Type": "Wait", "Seconds": seconds, "Next": "DescribeTask"},
        "DescribeTask": {
            "Type": "Task",
            "Comment": "A look that fails is a look; the next one follows.",
            "Resource": "arn:${Partition}:states:::aws-sdk:ecs:describeTasks",
            "Parameters": {"Cluster": "${ClusterName}", "Tasks.$": "States.Array($.Task.TaskArn)"},
            "TimeoutSeconds": DESCRIBE_SECONDS,
            "ResultPath": "$.Described",
            "Catch": catch_all("CountStartupAttempt"),
            "Next": "CheckTaskStartup",
        },
        "CheckTaskStartup": {
            "Type": "Choice",
            "Choices": [
                {
                    **all_of(
                        *equal(f"{task}.LastStatus", "STOPPED"),
                        present(f"{task}.StopCode"),
                        present(f"{task}.StoppedReason"),
                        present(container),
                    ),
                    "Next": "ClassifyStoppedTask",
                },
                {
                    **all_of(
                        *equal(f"{task}.LastStatus", "RUNNING"),
                        present(f"{container}.ImageDigest"),
                        present(f"{container}.NetworkInterfaces[0].PrivateIpv4Address"),
                    ),
                    "Next": "CheckImageDigest",
                },
            ],
            "Default": "CountStartupAttempt",
        },
        "CountStartupAttempt": {
            "Type": "Pass",
            "Parameters": {"Attempts.$": "States.MathAdd($.Startup.Attempts, 1)"},
            "ResultPath": "$.Startup",
            "Next": "CheckStartupAttempts",
        },
        "CheckStartupAttempts": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.Startup.Attempts", "NumericLessThan": attempts, "Next": "WaitForTaskStartup"}
            ],
            "Default": "NoteTaskNotRunning",
        },
        "NoteTaskNotRunning": _note(
            "TaskNotRunning",
            f"States.Format('Not seen running, with digest and address, in {attempts} looks, {seconds} s apart. Last seen: {{}}', States.JsonToString($.Described))",
            "StopMCPServerContainer",
        ),
        "ClassifyStoppedTask": {
            "Type": "Choice",
            "Choices": [
                {
                    "Variable": f"{task}.StopCode",
                    "StringEquals": "EssentialContainerExited",
                    "Next": "NoteContainerExited",
                },
                {
                    "Variable": f"{task}.StoppedReason",
                    "StringMatches": "*CannotStartContainerError*",
                    "Next": "NoteContainerNotStarted",
                },
                {
                    "Variable": f"{task}.StoppedReason",
                    "StringMatches": "*CannotCreateContainerError*",
                    "Next": "NoteContainerNotStarted",
                },
            ],
            "Default": "NoteTaskStopped",
        },
        "NoteContainerExited": _note(
            "ContainerExited",
            f"States.Format('{{}}: {{}}', {task}.StoppedReason, States.JsonToString({container}))",
            "StopMCPServerContainer",
        ),
        "NoteContainerNotStarted": _note(
            "ContainerNotStarted", f"{task}.StoppedReason", "StopMCPServerContainer"
        ),
        "NoteTaskStopped": _note(
            "TaskStopped",
            f"States.Format('{{}}: {{}}', {task}.StopCode, {task}.StoppedReason)",
            "StopMCPServerContainer",
        ),
        "CheckImageDigest": {
            "Type": "Choice",
            "Comment": "The proof: what runs is what was built.",
            "Choices": [
                {
                    "Variable": f"{container}.ImageDigest",
                    "StringEqualsPath": "$.ImageDetails.ImageDigest",
                    "Next": "ValidateMCPServer",
                }
            ],
            "Default": "NoteWrongImage",
        },
        "NoteWrongImage": _note(
            "WrongImage",
            f"States.Format('{{}} was to be judged, but the container runs {{}}', $.ImageDetails.ImageUri, {container}.ImageDigest)",
            "StopMCPServerContainer",
        ),
    }


def _validation(settings: Settings) -> Json:
    verdict, task = "$.Validation.Payload", "$.DescribedAfter.Tasks[0]"
    said = f"States.Format('{{}}: {{}}', {verdict}.failed, {verdict}.message)"
    return {
        "ValidateMCPServer": {
            "Type": "Task",
            "Resource": "arn:${Partition}:states:::lambda:invoke",
            "Parameters": {
                "FunctionName": "${ValidatorFunctionVersionArn}",
                "Payload": {
                    "serverId.$": "$.serverId",
                    "endpoint.$": f"States.Format('http://{{}}:{settings.task.port}', $.Described.Tasks[0].Containers[0].NetworkInterfaces[0].PrivateIpv4Address)",
                    "taskArn.$": "$.Task.TaskArn",
                    "imageUri.$": "$.ImageDetails.ImageUri",
                    "imageDigest.$": "$.ImageDetails.ImageDigest",
                    "executionArn.$": "$$.Execution.Id",
                },
            },
            "TimeoutSeconds": validator_seconds(settings.validator) + 10,
            "Retry": [
                {
                    # A function in a VPC that was idle gets its network interfaces back: two minutes.
                    "ErrorEquals": ["Lambda.ResourceNotReadyException"],
                    "IntervalSeconds": 5,
                    "MaxAttempts": 8,
                    "BackoffRate": 1.5,
                    "MaxDelaySeconds": 20,
                },
                retry(LAMBDA_TRANSIENT, attempts=3),
            ],
            "ResultPath": "$.Validation",
            "Catch": catch_all("NoteValidatorFailed"),
            "Next": "CheckVerdict",
        },
        "NoteValidatorFailed": _note(
            "ValidatorFailed", "States.JsonToString($.Caught)", "StopMCPServerContainer"
        ),
        "CheckVerdict": {
            "Type": "Choice",
            "Choices": [
                {
                    **all_of(
                        *equal(f"{verdict}.outcome", "verified"),
                        present(f"{verdict}.verified"),
                        {"Variable": f"{verdict}.verified", "BooleanEquals": True},
                    ),
                    "Next": "KeepVerdict",
                },
                {
                    **all_of(
                        text(f"{verdict}.outcome"),
                        text(f"{verdict}.failed"),
                        text(f"{verdict}.message"),
                        not_empty(f"{verdict}.failed"),
                    ),
                    "Next": "ClassifyVerdict",
                },
            ],
            "Default": "NoteVerdictMalformed",
        },
        "KeepVerdict": {
            "Type": "Pass",
            "Parameters": {
                "Outcome": "verified",
                "Verified": True,
                "Fault": "none",
                "Error": "",
                "Cause": "",
                "Verdict.$": verdict,
            },
            "ResultPath": "$.Result",
            "Next": "StopMCPServerContainer",
        },
        "ClassifyVerdict": {
            "Type": "Choice",
            "Choices": [
                {"Variable": f"{verdict}.outcome", "StringEquals": "rejected", "Next": "NoteRejected"},
                {
                    "Variable": f"{verdict}.outcome",
                    "StringEquals": "needs_policy",
                    "Next": "NotePolicyNeeded",
                },
                {
                    "Variable": f"{verdict}.outcome",
                    "StringEquals": "inconclusive",
                    "Next": "NoteInconclusive",
                },
            ],
            "Default": "NoteVerdictMalformed",
        },
        "NoteVerdictMalformed": _note(
            "VerdictMalformed",
            "States.Format('The validator answered, but with no verdict; {} holds its answer', $$.Execution.Id)",
            "StopMCPServerContainer",
        ),
        "NoteInconclusive": _note("Inconclusive", said, "StopMCPServerContainer", verdict=verdict),
        "NotePolicyNeeded": _note(
            "PolicyNeeded", said, "StopMCPServerContainer", verdict=verdict, outcome="needs_policy"
        ),
        "NoteRejected": _note("Rejected", said, "DescribeRejectedTask", verdict=verdict),
        "DescribeRejectedTask": {
            "Type": "Task",
            "Comment": "A task that somebody else stopped meanwhile is no proof against the server.",
            "Resource": "arn:${Partition}:states:::aws-sdk:ecs:describeTasks",
            "Parameters": {"Cluster": "${ClusterName}", "Tasks.$": "States.Array($.Task.TaskArn)"},
            "TimeoutSeconds": CALL_SECONDS,
            "Retry": [retry(ECS_TRANSIENT, attempts=2)],
            "ResultPath": "$.DescribedAfter",
            "Catch": catch_all("StopMCPServerContainer"),
            "Next": "CheckRejectedTask",
        },
        "CheckRejectedTask": {
            "Type": "Choice",
            "Choices": [
                {
                    **all_of(
                        present(f"{task}.StopCode"),
                        present(f"{task}.StoppedReason"),
                        {"Not": {"Variable": f"{task}.StopCode", "StringEquals": "EssentialContainerExited"}},
                    ),
                    "Next": "NoteTaskStoppedEarly",
                }
            ],
            "Default": "StopMCPServerContainer",
        },
        "NoteTaskStoppedEarly": _note(
            "TaskStopped",
            f"States.Format('{{}}: {{}} While it ended, the validator found {{}}', {task}.StopCode, {task}.StoppedReason, $.Result.Cause)",
            "StopMCPServerContainer",
        ),
    }


def _clean_up() -> Json:
    return {
        "StopMCPServerContainer": {
            "Type": "Task",
            "Resource": "arn:${Partition}:states:::aws-sdk:ecs:stopTask",
            "Parameters": {
                "Cluster": "${ClusterName}",
                "Task.$": "$.Task.TaskArn",
                "Reason": "The validation is over.",
            },
            "TimeoutSeconds": CALL_SECONDS,
            "Retry": [retry(["States.ALL"], attempts=4)],
            "ResultPath": None,
            "Catch": catch_all("NoteTaskNotStopped"),
            "Next": "DeregisterValidationTaskDef",
        },
        "NoteTaskNotStopped": _amend(
            "TaskNotStopped",
            "States.Format('{}: {}', $.Task.TaskArn, States.JsonToString($.Caught))",
            "DeregisterValidationTaskDef",
        ),
        "DeregisterValidationTaskDef": {
            "Type": "Task",
            "Comment": "Best effort: a revision that is left costs nothing, and the quota is shared.",
            "Resource": "arn:${Partition}:states:::aws-sdk:ecs:deregisterTaskDefinition",
            "Parameters": {"TaskDefinition.$": "$.Registered.TaskDefinition.TaskDefinitionArn"},
            "TimeoutSeconds": CALL_SECONDS,
            "Retry": [retry(ECS_TRANSIENT, attempts=2)],
            "ResultPath": None,
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "RecordVerdict"}],
            "Next": "RecordVerdict",
        },
        "RecordVerdict": record_verdict(
            server_id="$.serverId",
            execution="$$.Execution.Id",
            redrive_count="$$.Execution.RedriveCount",
            started_at="$$.Execution.StartTime",
            result="$.Result",
            then="CheckValidationResult",
            catch=catch_all("NoteVerdictNotRecorded"),
        ),
        "NoteVerdictNotRecorded": _amend(
            "VerdictNotRecorded",
            "States.Format('Ended as {} {} ({}), but it could not be recorded: {}', $.Result.Outcome, $.Result.Error, $.Result.Cause, States.JsonToString($.Caught))",
            "CheckValidationResult",
        ),
    }


def _ends() -> Json:
    told: Json = {"Type": "Fail", "ErrorPath": "$.Error", "CausePath": "$.Cause"}
    return {
        "CheckValidationResult": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.Result.Fault", "StringEquals": "none", "Next": "ValidationSucceeded"},
                {"Variable": "$.Result.Fault", "StringEquals": "server", "Next": "ValidationFailed"},
            ],
            "Default": "PipelineFailed",
            "OutputPath": "$.Result",
        },
        "ValidationSucceeded": {"Type": "Succeed", "Comment": "The output holds the verdict."},
        "ValidationFailed": {
            **told,
            "Comment": "The server's fault; the error and its cause say which and why.",
        },
        "PipelineFailed": {**told, "Comment": "Our fault; the alarm counts the executions that end here."},
        "RefuseServerId": _refuse(
            "serverId must be text that is not empty, at most 256 characters that a tag takes."
        ),
        "RefuseRepositoryName": _refuse("repositoryName must be text that is not empty."),
        "RefuseOriginalRepositoryName": _refuse(
            "originalRepositoryName must be text of the form owner/name."
        ),
        "RefuseImageUri": _refuse(
            "imageUri, where it is given, must name an image by digest: repository@sha256:…"
        ),
    }


def _request() -> Json:
    """Copy the fields of the input that the pipeline uses, and nothing else."""
    return {
        "serverId.$": "$.serverId",
        "repositoryName.$": "$.repositoryName",
        "originalRepositoryName.$": "$.originalRepositoryName",
    }


def _image_details(path: str) -> Json:
    """Part an image URI that `_by_digest` has accepted."""
    return {"ImageUri.$": path, "ImageDigest.$": f"States.ArrayGetItem(States.StringSplit({path}, '@'), 1)"}


def _tags(settings: Settings) -> list[Json]:
    """Tags that lead from a task back to its execution and its server."""
    return [
        {"Key": EXECUTION_TAG, "Value.$": "$$.Execution.Id"},
        {"Key": SERVER_TAG, "Value.$": "$.serverId"},
        *({"Key": key, "Value": value} for key, value in settings.tags.items()),
    ]


def _note(
    error: str, cause: str, then: str, *, verdict: str | None = None, outcome: str | None = None
) -> Json:
    """Put down which fault of the table ended the validation, and go on with the clean-up."""
    fault = faults.table()[error]
    return {
        "Type": "Pass",
        "Parameters": {
            "Outcome": outcome or fault.outcome,
            "Verified": False,
            "Fault": fault.fault,
            "Error": error,
            "Cause.$": cause,
            **({"Verdict": {}} if verdict is None else {"Verdict.$": verdict}),
        },
        "ResultPath": "$.Result",
        "Next": then,
    }


def _amend(error: str, cause: str, then: str) -> Json:
    """Put down a fault of the clean-up; the outcome and the verdict stay as they were."""
    return {
        "Type": "Pass",
        "Parameters": {
            "Outcome.$": "$.Result.Outcome",
            "Verified.$": "$.Result.Verified",
            "Fault": faults.table()[error].fault,
            "Error": error,
            "Cause.$": cause,
            "Verdict.$": "$.Result.Verdict",
        },
        "ResultPath": "$.Result",
        "Next": then,
    }


def _refuse(cause: str) -> Json:
    return {"Type": "Fail", "Error": "InvalidInput", "Cause": cause}


def _by_digest(path: str) -> Json:
    """Accept `repository@sha256:…` with one `@`, so that splitting there cannot fail."""
    return all_of({"Variable": path, "StringMatches": "*@sha256:*"}, never(path, "@*", "*@*@*"))
