"""Leading executions over step by step: how long it takes, and whether its alarm would end it at once."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from deployer import rollout
from deployer.change_sets import Change, ChangeSet
from deployer.reviewed import TEMPLATE
from tests.deployer.stubbed import Stubbed

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OUTPUTS = {rollout.ALARM: "stack-PipelineFaultAlarm-1"}


def planned(*values: str, action: str = "Modify", kind: str = rollout.ALIAS) -> ChangeSet:
    """Return a change set with the three parameters, and one change."""
    names = (rollout.TYPE, rollout.PERCENTAGE, rollout.INTERVAL)
    parameters = dict(zip(names, values, strict=True))
    return ChangeSet("stack", "arn", "UPDATE", (Change(action, "Alias", kind),), parameters=parameters)


@pytest.mark.parametrize(
    ("change_set", "expected"),
    [
        (planned("LINEAR", "10", "5"), "LINEAR: 10 % every 5 min, some 45 min in all"),
        (planned("LINEAR", "30", "10"), "LINEAR: 30 % every 10 min, some 30 min in all"),
        (planned("CANARY", "10", "15"), "CANARY: 10 % at once, the others after 15 min"),
        (planned("CANARY", "", ""), "CANARY, in steps of Step Functions' own choice"),
        (planned("ALL_AT_ONCE", "", ""), ""),
        (planned("CANARY", "10", "15", kind="AWS::IAM::Role"), ""),
        (planned("CANARY", "10", "15", action="Add"), ""),
    ],
)
def test_how_executions_are_led_over(change_set: ChangeSet, expected: str) -> None:
    """Nothing is said where it is at once, where no alias changes, and where one is made."""
    found = rollout.steps(change_set)
    assert expected == found.removeprefix("executions are led over by ")


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("ALARM", "is on: it takes the rollout back as soon as it begins"),
        ("OK", ""),
        ("INSUFFICIENT_DATA", ""),
    ],
)
def test_an_alarm_that_is_on_is_told(state: str, expected: str) -> None:
    """With what to do; nothing is said of one that is quiet."""
    stubbed = Stubbed("cloudwatch")
    alarm = {"AlarmName": OUTPUTS[rollout.ALARM], "StateValue": state, "StateUpdatedTimestamp": NOW}
    stubbed.answer(
        "cloudwatch", "describe_alarms", {"MetricAlarms": [alarm]}, AlarmNames=[OUTPUTS[rollout.ALARM]]
    )
    found = rollout.doubts(stubbed.account, OUTPUTS)
    if expected:
        assert expected in found[0]
        assert "ALL_AT_ONCE" in found[0]
    else:
        assert [] == found
    stubbed.assert_all_asked()


def test_an_alarm_that_is_gone_or_not_to_be_seen_is_told() -> None:
    """A missing alarm counts as quiet: nothing would take the rollout back."""
    stubbed = Stubbed("cloudwatch")
    stubbed.answer("cloudwatch", "describe_alarms", {"MetricAlarms": []})
    assert "is gone" in rollout.doubts(stubbed.account, OUTPUTS)[0]
    stubbed.refuse("cloudwatch", "describe_alarms", "AccessDenied")
    assert "DescribeAlarms is not allowed" in rollout.doubts(stubbed.account, OUTPUTS)[0]
    assert [] == rollout.doubts(stubbed.account, {})


def test_the_names_are_the_template_s(root: Path) -> None:
    """The parameters, the output and the alias's type are those of the committed template."""
    template = json.loads((root / TEMPLATE).read_bytes())
    assert {rollout.TYPE, rollout.PERCENTAGE, rollout.INTERVAL} <= template["Parameters"].keys()
    assert rollout.ALARM in template["Outputs"]
    assert rollout.ALIAS in {each["Type"] for each in template["Resources"].values()}
