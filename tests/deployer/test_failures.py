"""Failures: the earliest cause first, in AWS's own words, with its line; nothing that is only a consequence."""

from __future__ import annotations

import pytest

from deployer import failures
from deployer.events import STACK as STACK_TYPE
from deployer.events import Finding, StackEvent
from states_language.sources import parse

TEXT = """{
  "Resources": {
    "Table": {
      "Type": "AWS::DynamoDB::Table",
      "Properties": {
        "BilingMode": "x",
        "KeySchema": [
          {"AttributeName": "a"}
        ]
      }
    },
    "Cluster": {
      "Type": "AWS::ECS::Cluster"
    }
  }
}
"""
TEMPLATE = parse(TEXT, "t.json")
KIND = "AWS::ECS::Cluster"


def event(number: int, logical_id: str, status: str, reason: str, kind: str = KIND) -> StackEvent:
    """Return an event."""
    return StackEvent(str(number), logical_id, kind, status, reason)


def test_the_earliest_failed_resource_comes_first() -> None:
    """What was cancelled because of it is left out, and so is the stack's own event, which repeats it."""
    found = failures.causes(
        [
            event(1, "Cluster", "CREATE_FAILED", "the quota is used up"),
            event(2, "Table", "CREATE_FAILED", "Resource creation cancelled"),
            event(3, "stack", "CREATE_FAILED", "The following resource(s) failed: [Cluster]", STACK_TYPE),
            event(4, "Table", "DELETE_FAILED", "it is in use"),
        ],
        (),
        TEMPLATE,
    )
    assert [("Cluster (AWS::ECS::Cluster)", "t.json:12"), ("Table (AWS::ECS::Cluster)", "t.json:3")] == [
        (cause.what, cause.place) for cause in found
    ]
    assert "a quota of the account is used up" in found[0].help


def test_an_update_that_somebody_cancelled() -> None:
    """No resource failed by itself: the reason is the stack's own, which says so."""
    (cause,) = failures.causes(
        [
            event(1, "stack", "UPDATE_ROLLBACK_IN_PROGRESS", "Stack update cancelled", STACK_TYPE),
            event(2, "Cluster", "UPDATE_FAILED", "Resource update cancelled"),
            event(3, "stack", "UPDATE_ROLLBACK_COMPLETE", "", STACK_TYPE),
        ],
        [Finding("PROVISIONING_ERROR", "Cluster", KIND, "Resource update cancelled")],
        TEMPLATE,
    )
    assert ("UPDATE_ROLLBACK_IN_PROGRESS", "Stack update cancelled") == (cause.how, cause.reason)
    assert "no resource failed: somebody has cancelled it" in cause.help


def test_a_reason_is_told_in_full() -> None:
    """Whatever its length, and every line of it."""
    reason = "first\n" + "x" * 5000
    (cause,) = failures.causes([event(1, "Cluster", "CREATE_FAILED", reason)], (), TEMPLATE)
    text = "\n".join(failures.lines([cause]))
    assert "x" * 5000 in text
    assert "    first\n" in text


def test_a_stack_that_fails_by_itself() -> None:
    """An output that cannot be resolved, for one, is of no resource."""
    (cause,) = failures.causes(
        [event(1, "stack", "CREATE_FAILED", "Output X: no such attribute", STACK_TYPE)], (), TEMPLATE
    )
    assert ("stack (AWS::CloudFormation::Stack)", "Output X: no such attribute") == (cause.what, cause.reason)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("/Resources/Table/Properties/BilingMode", 6),
        ("/Resources/Table/Properties/KeySchema/0/AttributeName", 8),
        ("Properties.KeySchema", 7),
        ("/BilingMode", 6),
        ("", 3),
        ("/Resources/Table/Properties/Nowhere/0", 5),
    ],
)
def test_a_finding_of_early_validation_has_its_line(path: str, line: int) -> None:
    """Its path, in whichever form it is told, leads to the line of the property, or of what would hold it."""
    finding = Finding(
        "VALIDATION_ERROR",
        "Table",
        "AWS::DynamoDB::Table",
        "Unsupported property",
        "PROPERTY_VALIDATION",
        path,
    )
    (cause,) = failures.causes((), [finding], TEMPLATE)
    assert (f"t.json:{line}", "early validation: PROPERTY_VALIDATION", path) == (
        cause.place,
        cause.how,
        cause.path,
    )


def test_a_finding_takes_the_place_of_the_resources_event() -> None:
    """It says the same, and where."""
    finding = Finding("VALIDATION_ERROR", "Cluster", KIND, "why", "PROPERTY_VALIDATION", "/Resources/Cluster")
    found = failures.causes(
        [
            event(1, "Cluster", "CREATE_FAILED", "why"),
            event(2, "stack", "CREATE_FAILED", "1 error", STACK_TYPE),
        ],
        [finding],
        TEMPLATE,
    )
    assert ["early validation: PROPERTY_VALIDATION"] == [cause.how for cause in found]


def test_warnings_come_last() -> None:
    """They did not stop anything."""
    warning = Finding("VALIDATION_ERROR", "Table", "T", "careful", "A", is_warning=True)
    error = Finding("VALIDATION_ERROR", "Cluster", "T", "no", "B")
    found = failures.causes((), [warning, error], TEMPLATE)
    assert ["no", "careful"] == [cause.reason for cause in found]


def test_a_hook_that_refuses() -> None:
    """The hook and its reason, from its own event."""
    hook = StackEvent(
        "1",
        "Cluster",
        KIND,
        "CREATE_IN_PROGRESS",
        "",
        hook="Company::Hook",
        hook_status="HOOK_COMPLETE_FAILED",
        hook_reason="must be tagged",
    )
    (cause,) = failures.causes([hook], (), TEMPLATE)
    assert ("refused by the hook Company::Hook", "must be tagged", "t.json:12") == (
        cause.how,
        cause.reason,
        cause.place,
    )
    assert "a rule of your organisation" in cause.help


def test_the_property_that_a_reason_names_has_its_line() -> None:
    """A resource's handler names it as #/Property."""
    (cause,) = failures.causes(
        [
            event(
                1,
                "Table",
                "CREATE_FAILED",
                "Properties validation failed: #/KeySchema/0: required key missing",
            )
        ],
        (),
        TEMPLATE,
    )
    assert "t.json:8" == cause.place


def test_a_resource_that_the_template_lacks_has_no_line() -> None:
    """Deleting what an earlier template had may fail, too."""
    (cause,) = failures.causes([event(1, "Gone", "DELETE_FAILED", "in use")], (), TEMPLATE)
    assert "" == cause.place


@pytest.mark.parametrize(
    ("reason", "help_"),
    [
        (
            'Resource handler returned message: "x" (RequestToken: 1, HandlerErrorCode: AlreadyExists)',
            "has this name already",
        ),
        ("(HandlerErrorCode: AccessDenied)", "prints the least policy"),
        ("User is not authorized to perform: iam:CreateRole", "prints the least policy"),
        ("Rate exceeded (HandlerErrorCode: Throttling)", "too many requests"),
        ("(HandlerErrorCode: NotStabilized)", "not ready in time"),
        (
            "CloudFormation cannot update a stack when a custom-named resource requires replacing.",
            "fixed name",
        ),
        ("something nobody has seen yet", ""),
    ],
)
def test_advice(reason: str, help_: str) -> None:
    """By the handler's code first, else by words; none where nothing is known."""
    found = failures.advice(reason)
    assert help_ in found
    assert bool(help_) == bool(found)
