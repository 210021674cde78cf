"""What a new stack would make and is there already: told before anything is begun."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from deployer import leftovers
from deployer.console import EXIT_ERROR, Refused
from deployer.reviewed import TEMPLATE
from deployer.stacks import Stack
from tests.deployer.stubbed import Stubbed

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def template(root: Path) -> dict[str, Any]:
    """Return the committed template."""
    found: dict[str, Any] = json.loads((root / TEMPLATE).read_bytes())
    return found


def account(repository: str = "", table: str = "") -> Stubbed:
    """Return an account with a repository and a table, or with what it answers instead."""
    found = Stubbed("ecr", "dynamodb", "cloudformation")
    if repository:
        found.refuse("ecr", "describe_repositories", repository)
    else:
        found.answer("ecr", "describe_repositories", {"repositories": [{}]}, repositoryNames=["images"])
    if table:
        found.refuse("dynamodb", "describe_table", table)
    else:
        found.answer("dynamodb", "describe_table", {"Table": {}}, TableName="verdicts")
    return found


NAMES = {"RepositoryName": "images", "VerdictTableName": "verdicts"}
GONE = {"repository": "RepositoryNotFoundException", "table": "ResourceNotFoundException"}


def test_the_names_are_the_parameters_or_their_defaults(template: dict[str, Any]) -> None:
    """What CloudFormation chooses a name for collides with nothing; what goes with the stack was not left."""
    assert {"ImageRepository": ("RepositoryName", "toolshed-mcp-servers-v2")} == (
        leftovers.named_by_parameters(template, {})
    )
    assert {
        "ImageRepository": ("RepositoryName", "images"),
        "VerdictTable": ("VerdictTableName", "verdicts"),
    } == leftovers.named_by_parameters(template, NAMES)
    assert {} == leftovers.named_by_parameters(template, {"RepositoryName": ""})


@pytest.mark.parametrize(
    ("missing", "adopted"),
    [
        ({}, "ImageRepository=images VerdictTable=verdicts"),
        ({"table": GONE["table"]}, "ImageRepository=images"),
        ({"repository": GONE["repository"]}, "VerdictTable=verdicts"),
    ],
    ids=["both", "the repository", "the table"],
)
def test_what_is_there_is_refused_with_what_takes_it_in(
    template: dict[str, Any], missing: dict[str, str], adopted: str
) -> None:
    """The whole command, with just what is there."""
    stubbed = account(**missing)
    with pytest.raises(Refused) as caught:
        leftovers.check(stubbed.account, None, template, NAMES, pytest.fail)
    assert EXIT_ERROR == caught.value.code
    assert f"python build.py adopt {adopted}" in str(caught.value).splitlines()
    stubbed.assert_all_asked()


def test_what_is_not_there_is_made(template: dict[str, Any]) -> None:
    """Nothing is said."""
    stubbed = account(**GONE)
    leftovers.check(stubbed.account, None, template, NAMES, pytest.fail)
    stubbed.assert_all_asked()


def test_who_may_not_look_is_told_and_goes_on(template: dict[str, Any]) -> None:
    """CloudFormation finds out."""
    told: list[str] = []
    leftovers.check(
        account("AccessDeniedException", GONE["table"]).account, None, template, NAMES, told.append
    )
    assert ["whether images is there already is not known: DescribeRepositories is not allowed"] == told


def test_a_stack_that_was_begun_without_it(template: dict[str, Any]) -> None:
    """What it has is no collision; what it lacks it can no longer take in."""
    stubbed = Stubbed("ecr", "cloudformation")
    has = {
        "LogicalResourceId": "VerdictTable",
        "ResourceType": "AWS::DynamoDB::Table",
        "ResourceStatus": "IMPORT_COMPLETE",
        "LastUpdatedTimestamp": NOW,
    }
    stubbed.answer(
        "cloudformation", "list_stack_resources", {"StackResourceSummaries": [has]}, StackName="id"
    )
    stubbed.answer("ecr", "describe_repositories", {"repositories": [{}]}, repositoryNames=["images"])
    with pytest.raises(Refused) as caught:
        leftovers.check(
            stubbed.account, Stack("stack", "id", "IMPORT_COMPLETE"), template, NAMES, pytest.fail
        )
    assert "ImageRepository: images (parameter RepositoryName)" in str(caught.value)
    assert "destroy stack first, or choose other names: --parameter RepositoryName=…" in str(caught.value)
    assert "VerdictTable" not in str(caught.value)
