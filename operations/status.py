"""How a deployed pipeline stands: its stack, its drift, its definitions, alarms, tasks and sweeps."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from deployer.console import EXIT_ERROR, Refused
from operations import deployed, drift, tasks
from operations.findings import Examination, Finding, Level, Part, fail, ok, warn
from operations.progress import seconds
from operations.times import shown, utc

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from deployer.account import Account
    from deployer.stacks import Pace
    from operations.deployed import Deployed

SETTLED = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})
BEHIND = frozenset({"UPDATE_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"})
SWEEP_EVERY = timedelta(minutes=30)
"""The schedule in the template; a test compares."""
SWEEPS = 20
MOST_DETAILS = 12


@dataclass
class Standing:
    """Looks at a stack's parts. Each look may be in a thread of its own."""

    account: Account
    stack: Deployed
    pace: Pace
    detects: bool = False
    """Whether CloudFormation is asked to look for drift now."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _resources: list[Mapping[str, Any]] | None = None

    def examinations(self) -> Sequence[Examination]:
        """Return the parts, in the order in which they are shown."""
        looks = {
            "stack": self.status,
            "drift": self.drift,
            "definition": self.definition,
            "sweeper": self.sweeper,
            "alarms": self.alarms,
            "tasks": self.tasks,
            "sweeps": self.sweeps,
        }
        return [Examination(name, look) for name, look in looks.items()]

    def resources(self) -> list[Mapping[str, Any]]:
        """Return the stack's resources; asked once."""
        with self._lock:
            if self._resources is None:
                pages = self.account.client("cloudformation").get_paginator("list_stack_resources")
                self._resources = [
                    each
                    for page in pages.paginate(StackName=self.stack.name)
                    for each in page["StackResourceSummaries"]
                ]
            return self._resources

    def _physical(self) -> dict[str, str]:
        return {each["LogicalResourceId"]: each.get("PhysicalResourceId", "") for each in self.resources()}

    def status(self) -> Part:
        """Look at the stack itself."""
        stack = self.stack.stack
        status = stack["StackStatus"]
        at = stack.get("LastUpdatedTime") or stack["CreationTime"]
        age = seconds((datetime.now(UTC) - at).total_seconds())
        told = f"{self.stack.name} is {status}, changed {age} ago ({shown(at)})"
        if status in SETTLED:
            finding = ok(told)
        elif status in BEHIND:
            finding = warn(told, "the last deployment was rolled back: `python build.py events` says why")
        elif status.endswith("_IN_PROGRESS"):
            finding = warn(told, "`python build.py events` follows it")
        else:
            reason = stack.get("StackStatusReason", "")
            finding = fail(f"{told}: {reason}" if reason else told, "`python build.py events` says why")
        return Part("stack", (finding,), {"name": self.stack.name, "status": status, "changedAt": utc(at)})

    def drift(self) -> Part:
        """Look at what CloudFormation knows of drift; where it is asked to, it looks first."""
        if self.detects:
            status, at = self._detected(), datetime.now(UTC)
        else:
            known = self.stack.stack.get("DriftInformation", {})
            status, at = known.get("StackDriftStatus", "NOT_CHECKED"), known.get("LastCheckTimestamp")
        facts = {"status": status, "checkedAt": utc(at)}
        if status == "IN_SYNC":
            return Part("drift", (ok(f"none, by CloudFormation at {shown(at)}"),), facts)
        if status == "NOT_CHECKED":
            return Part(
                "drift",
                (warn("CloudFormation has not looked", "--drift lets it look now; it takes minutes"),),
                facts,
            )
        if status != "DRIFTED":
            return Part("drift", (warn(f"CloudFormation says {status}"),), facts)
        details = self._drifted()
        finding = fail(
            f"{len(details)} resources differ from the template, by CloudFormation at {shown(at)}",
            "deploy again to overwrite them, or change the template to what is wanted",
            *details[:MOST_DETAILS],
        )
        return Part("drift", (finding,), facts)

    def _detected(self) -> str:
        client = self.account.client("cloudformation")
        identifier = client.detect_stack_drift(StackName=self.stack.name)["StackDriftDetectionId"]
        for _ in self.pace.looks():
            found = client.describe_stack_drift_detection_status(StackDriftDetectionId=identifier)
            if found["DetectionStatus"] == "DETECTION_FAILED":
                raise Refused(
                    f"CloudFormation could not look: {found.get('DetectionStatusReason', '')}", EXIT_ERROR
                )
            if found["DetectionStatus"] == "DETECTION_COMPLETE":
                return str(found["StackDriftStatus"])
        raise Refused("CloudFormation was still looking when the time was over\nask again later", EXIT_ERROR)

    def _drifted(self) -> list[str]:
        # This call has no paginator in botocore's models.
        client = self.account.client("cloudformation")
        details: list[str] = []
        given: dict[str, str] = {}
        while True:
            page = client.describe_stack_resource_drifts(
                StackName=self.stack.name, StackResourceDriftStatusFilters=["MODIFIED", "DELETED"], **given
            )
            for each in page["StackResourceDrifts"]:
                paths = [change["PropertyPath"] for change in each.get("PropertyDifferences", ())]
                what = ", ".join(paths) or each["StackResourceDriftStatus"].lower()
                details.append(f"{each['LogicalResourceId']} ({each['ResourceType']}): {what}")
            if not page.get("NextToken"):
                return details
            given = {"NextToken": page["NextToken"]}

    def definition(self) -> Part:
        """Look at what executions run: the alias, its versions, and the state machine behind them."""
        client = self.account.client("stepfunctions")
        alias = client.describe_state_machine_alias(stateMachineAliasArn=self.stack.alias_arn)
        routes = alias["routingConfiguration"]
        machine = client.describe_state_machine(stateMachineArn=self.stack.machine_arn)
        versions = [
            client.describe_state_machine(stateMachineArn=each["stateMachineVersionArn"]) for each in routes
        ]
        known = drift.substitutions(drift.PIPELINE, self.stack, self._physical())
        numbers = [each["stateMachineVersionArn"].rpartition(":")[2] for each in routes]
        told = [self._version(*each, known) for each in zip(numbers, versions, strict=True)]
        findings = [self._alias(routes), *told]
        published = deployed.versions(self.account, self.stack.machine_arn)
        definition = json.loads(machine["definition"])
        if definition not in [json.loads(each["definition"]) for each in versions]:
            findings.append(self._behind(definition, published, known))
        findings += _counted(len(published))
        return Part("definition", tuple(findings), {"versions": numbers})

    def _behind(self, definition: Any, published: Sequence[str], known: Mapping[str, str]) -> Finding:
        """Return why the alias does not run what the state machine holds: it leads to an older version, or that was edited."""
        if published:
            client = self.account.client("stepfunctions")
            latest = client.describe_state_machine(stateMachineArn=published[0])
            if json.loads(latest["definition"]) == definition:
                return warn(
                    f"the alias leads to an older version than the latest, {published[0].rpartition(':')[2]}: rolled back, or a deployment is left half done",
                    "the next deployment leads it on again",
                )
        return fail(
            "the state machine was changed since its version was published; the alias does not run that",
            "deploy again to overwrite it",
            *(drift.differences(drift.PIPELINE, definition, known) or [])[:MOST_DETAILS],
        )

    def _alias(self, routes: Sequence[Mapping[str, Any]]) -> Finding:
        told = [
            f"version {each['stateMachineVersionArn'].rpartition(':')[2]} ({each['weight']} %)"
            for each in routes
        ]
        name = self.stack.alias_arn.rpartition(":")[2]
        if len(routes) == 1:
            return ok(f"the alias {name} runs {told[0].partition(' (')[0]}")
        return warn(
            f"the alias {name} is moving: {', '.join(told)}", "the deployment goes on, or was left half done"
        )

    def _version(self, number: str, described: Mapping[str, Any], known: Mapping[str, str]) -> Finding:
        lock = drift.PIPELINE.lock
        found = drift.differences(drift.PIPELINE, json.loads(described["definition"]), known)
        if found is None:
            return ok(f"version {number} is the committed document {lock['version']}")
        is_committed = lock["sha256"] in described.get("description", "")
        if is_committed:
            return fail(
                f"version {number} says that it is the committed document {lock['version']}, and is not",
                "deploy again; find out who published it",
                *found[:MOST_DETAILS],
            )
        return warn(
            f"version {number} is another document than the committed {lock['version']}: {described.get('description') or 'it does not say which'}",
            "`python build.py deploy` brings the committed one",
            *found[:MOST_DETAILS],
        )

    def sweeper(self) -> Part:
        """Look at the sweeper's definition; it has no versions."""
        arn = self.stack.output("SweeperArn")
        described = self.account.client("stepfunctions").describe_state_machine(stateMachineArn=arn)
        known = drift.substitutions(drift.SWEEPER, self.stack, self._physical())
        found = drift.differences(drift.SWEEPER, json.loads(described["definition"]), known)
        version = drift.SWEEPER.lock["version"]
        if found is None:
            return Part("sweeper", (ok(f"is the committed document {version}"),))
        advice = "`python build.py deploy` brings the committed one"
        finding = warn(f"is another document than the committed {version}", advice, *found[:MOST_DETAILS])
        return Part("sweeper", (finding,))

    def alarms(self) -> Part:
        """Look at the stack's alarms."""
        alarms = [each for each in self.resources() if each["ResourceType"] == "AWS::CloudWatch::Alarm"]
        names = {each["PhysicalResourceId"]: each["LogicalResourceId"] for each in alarms}
        found = [each for group in _groups(sorted(names)) for each in self._described_alarms(group)]
        raised = [each for each in found if each["StateValue"] == "ALARM"]
        findings = [
            fail(
                f"{names.get(each['AlarmName'], each['AlarmName'])} since {shown(each['StateUpdatedTimestamp'])}: "
                f"{each.get('AlarmDescription', '')}",
                "docs/operating.md says what to do",
            )
            for each in raised
        ]
        if missing := names.keys() - {each["AlarmName"] for each in found}:
            gone = ", ".join(sorted(names[name] for name in missing))
            findings.append(fail(f"deleted by hand: {gone}", "deploy again"))
        if not findings:
            findings = [ok(f"none of {len(found)} is raised")]
        facts = {
            "alarms": [
                {"name": names.get(each["AlarmName"]), "state": each["StateValue"], "since": utc(each["StateUpdatedTimestamp"])}
                for each in found
            ]
        }  # fmt: skip
        return Part("alarms", tuple(findings), facts)

    def _described_alarms(self, names: Sequence[str]) -> list[Mapping[str, Any]]:
        pages = self.account.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNames=names)
        return [each for page in pages for each in page["MetricAlarms"]]

    def tasks(self) -> Part:
        """Look at the tasks that run, and whose they are."""
        found = tasks.running(self.account, self.stack.output("ClusterNameInUse"))
        lost = [each for each in found if each.is_lost]
        told = [each.line for each in found]
        findings = []
        if lost:
            findings.append(
                fail(
                    f"{len(lost)} of {len(found)} tasks run on though their execution is over",
                    "the sweeper stops them within half an hour; where it does not, stop them in the ECS console",
                    *(each.line for each in lost[:MOST_DETAILS]),
                )
            )
        elif found:
            findings.append(ok(f"{len(found)} with an execution that runs", *told[:MOST_DETAILS]))
        else:
            findings.append(ok("none runs"))
        return Part("tasks", tuple(findings), {"tasks": [each.as_json() for each in found]})

    def sweeps(self) -> Part:
        """Look at the sweeper's last runs."""
        client = self.account.client("stepfunctions")
        runs = client.list_executions(stateMachineArn=self.stack.output("SweeperArn"), maxResults=SWEEPS)[
            "executions"
        ]
        over = [each for each in runs if each["status"] != "RUNNING"]
        facts = {"last": [{"status": each["status"], "startedAt": utc(each["startDate"])} for each in runs]}
        now = datetime.now(UTC)
        latest = max((each["startDate"] for each in runs), default=self.stack.stack["CreationTime"])
        if now - latest > 2 * SWEEP_EVERY + timedelta(minutes=5):
            finding = fail(
                f"the sweeper has not run since {shown(latest)}",
                "is its rule SweepOnSchedule enabled? what lies in the queue UndeliveredEvents?",
            )
        elif over and over[0]["status"] != "SUCCEEDED":
            finding = fail(
                f"the last sweep ended as {over[0]['status']} at {shown(over[0]['startDate'])}",
                f"`python build.py execution {over[0]['executionArn']}` says why; docs/sweeper.md what it does",
            )
        elif not runs:
            finding = ok("none yet; the stack is younger than its schedule")
        else:
            failed = sum(each["status"] != "SUCCEEDED" for each in over)
            told = f"the last of {len(runs)} began {shown(latest)}"
            finding = warn(f"{told}; {failed} of them failed", "the last one did not") if failed else ok(told)
        return Part("sweeps", (finding,), facts)


def _counted(count: int) -> list[Finding]:
    if count < deployed.MANY_VERSIONS:
        return []
    told = f"{count} versions of the {deployed.MOST_VERSIONS} that a state machine may have"
    return [fail(told, "delete old versions")]


def _groups(names: Sequence[str], size: int = 100) -> list[Sequence[str]]:
    """Return names in groups as large as DescribeAlarms takes. Evidence: documentation."""
    return [names[start : start + size] for start in range(0, len(names), size)]


NEEDS_A_PERSON = frozenset({Level.FAIL, Level.UNKNOWN})
