"""The workflows that review a pull request: least permissions, and no code of a fork beside a token that writes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

FOLDER = Path(__file__).parent.parent.parent / ".github/workflows"
WORKFLOWS = {path.name: yaml.safe_load(path.read_text("utf-8")) for path in FOLDER.glob("review*.yml")}
ON = True
"""How YAML 1.1 reads the key `on`."""
STEPS = [
    (name, job, step)
    for name, workflow in sorted(WORKFLOWS.items())
    for job in workflow["jobs"].values()
    for step in job["steps"]
]


@pytest.mark.parametrize(("name", "job", "step"), STEPS)
def test_an_action_is_pinned_to_a_commit(name: str, job: Any, step: Any) -> None:
    """A tag can be moved; a commit cannot."""
    del name, job
    assert "uses" not in step or re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"])


@pytest.mark.parametrize(("name", "job", "step"), STEPS)
def test_no_script_is_made_of_what_a_stranger_wrote(name: str, job: Any, step: Any) -> None:
    """Values of the event reach a script as variables, never as its text."""
    del name, job
    assert "${{" not in step.get("run", "")


def test_what_runs_the_pull_requests_code_may_only_read() -> None:
    """The job that executes a fork's code has no token that writes, and keeps none in its checkout."""
    workflow = WORKFLOWS["review.yml"]
    assert {"contents": "read"} == workflow["permissions"]
    assert "pull_request_target" not in workflow[ON]
    (job,) = workflow["jobs"].values()
    assert "permissions" not in job
    checkout = next(step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout"))
    assert False is checkout["with"]["persist-credentials"]


def test_what_may_write_runs_nothing_of_the_pull_request() -> None:
    """The job that comments checks nothing out, and may write comments only."""
    workflow = WORKFLOWS["review-comment.yml"]
    assert {} == (workflow["permissions"] or {})
    (job,) = workflow["jobs"].values()
    assert {"actions": "read", "pull-requests": "write"} == job["permissions"]
    assert not any(step.get("uses", "").startswith("actions/checkout") for step in job["steps"])


def test_the_documents_stay_visible_in_a_pull_request() -> None:
    """Nothing marks the documents as generated: a host would fold away what people approve."""
    attributes = (FOLDER.parent.parent / ".gitattributes").read_text("utf-8")
    assert not re.search(r"linguist-generated|-diff|binary", attributes)
