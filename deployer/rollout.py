"""Leading executions over to a new version step by step: how long that takes, and what would end it at once."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from deployer.account import is_denied

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deployer.account import Account
    from deployer.change_sets import ChangeSet

ALIAS = "AWS::StepFunctions::StateMachineAlias"
TYPE, PERCENTAGE, INTERVAL = "DeploymentType", "DeploymentPercentage", "DeploymentIntervalMinutes"
"""The parameters by which an alias is led over."""
ALARM = "PipelineFaultAlarmName"
"""The output with the alarm that takes a rollout back."""

REMEDY = "first find out why (docs/operating.md#pipelinefaultalarm)"


def steps(change_set: ChangeSet) -> str:
    """Return how executions are led over, in words; empty where that is at once, or no alias is led elsewhere."""
    values = change_set.parameters
    kind, percentage, interval = (values.get(name, "") for name in (TYPE, PERCENTAGE, INTERVAL))
    is_led = any(change.type == ALIAS and change.action == "Modify" for change in change_set.changes)
    if kind not in ("CANARY", "LINEAR") or not is_led:
        return ""
    if not percentage or not interval:
        return f"executions are led over by {kind}, in steps of Step Functions' own choice"
    share, minutes = int(percentage), int(interval)
    if kind == "CANARY":
        return f"executions are led over by CANARY: {share} % at once, the others after {minutes} min"
    total = (math.ceil(100 / share) - 1) * minutes
    return f"executions are led over by LINEAR: {share} % every {minutes} min, some {total} min in all"


def doubts(account: Account, outputs: Mapping[str, str]) -> list[str]:
    """Return what speaks against beginning such a rollout now: its alarm, which ends it, is on, gone or not to be seen."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - the help needs no botocore

    name = outputs.get(ALARM, "")
    if not name:
        return []
    try:
        found = account.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    except ClientError as error:
        if not is_denied(error):
            raise
        return [f"whether the alarm {name} is on is not known ({error.operation_name} is not allowed)"]
    if not found:
        return [f"the alarm {name} is gone: nothing takes a rollout back that goes wrong"]
    if found[0]["StateValue"] != "ALARM":
        return []
    at_once = f"--parameter {TYPE}=ALL_AT_ONCE --parameter {PERCENTAGE}= --parameter {INTERVAL}="
    return [
        f"the alarm {name} is on: it takes the rollout back as soon as it begins\n{REMEDY}, or deploy with {at_once}"
    ]
