"""The verdict: always valid under its published schema, always small, never with raw text of a server."""

import copy
import json
import string
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import validator
from tests.validator.scripted_server import Honest, ScriptedServer
from validator.checks import TABLE
from validator.endpoint import parse_endpoint
from validator.handler import handler, judge
from validator.judgement import Judgement
from validator.limits import Limits
from validator.subjects import Text
from validator.verdict import LARGEST_BYTES, write_verdict

SCHEMA = json.loads((Path(validator.__file__).parent / "verdict.schema.json").read_text(encoding="utf-8"))
VALID = jsonschema.Draft202012Validator(SCHEMA)


def verdict_on(honest: Honest) -> dict[str, Any]:
    """Judge an honest server."""
    with ScriptedServer(honest) as server:
        return judge(parse_endpoint(server.url), Limits(), {"imageDigest": "sha256:aa", "taskArn": "arn:x"})


def test_the_schema_is_one() -> None:
    """The published schema is valid in its own dialect."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    "honest",
    [Honest(), Honest(tools=()), Honest(tools=({},)), Honest(path="/nowhere")],
    ids=["good", "none", "bad", "lost"],
)
def test_verdicts_are_valid(honest: Honest) -> None:
    """Each outcome's verdict has the form that is published."""
    VALID.validate(verdict_on(honest))


def test_an_inconclusive_verdict_is_valid() -> None:
    """The verdict without a server has the form too."""
    VALID.validate(handler({}, None))


def test_a_false_pass_is_not_valid() -> None:
    """The schema itself refuses a verdict that says verified and names a failure, or the other way round."""
    good = verdict_on(Honest())
    for wrong in ({"failed": "rpc.json"}, {"verified": False}, {"outcome": "rejected"}, {"toolCount": 0}):
        assert not VALID.is_valid({**copy.deepcopy(good), **wrong})


def test_every_check_is_in_the_verdict_in_order() -> None:
    """A reader finds each check, also those that had nothing to judge."""
    assert list(TABLE) == [check["id"] for check in verdict_on(Honest())["checks"]]


def test_a_server_that_shouts_is_shown_escaped() -> None:
    """No text of a server reaches the verdict as markup or with hidden characters."""
    shout = "<script>alert('\u202e')</script>\x1b[2J&\u200b"
    tool = {"name": shout, "description": shout, "inputSchema": {"type": shout, "$schema": shout}}
    verdict = verdict_on(Honest(tools=(tool, tool), session="x", capabilities={"tools": shout}))
    VALID.validate(verdict)
    for raw in ("<", ">", "&", "\u202e", "\x1b", "\u200b"):
        assert raw not in json.dumps(
            {**verdict, "checks": [{**check, "source": ""} for check in verdict["checks"]]},
            ensure_ascii=False,
        )


@settings(deadline=None)
@given(st.lists(st.text(max_size=400), max_size=40), st.sampled_from(sorted(TABLE)))
def test_no_findings_make_a_verdict_too_large_or_invalid(found: list[str], check_id: str) -> None:
    """Whatever is found, the verdict is valid and smaller than what the state machine takes."""
    judgement = Judgement()
    for what in found:
        judgement.add(check_id, what, what)
        for other in TABLE:
            judgement.add(other, what, what)
    verdict = write_verdict(None, judgement)
    assert len(json.dumps(verdict)) <= LARGEST_BYTES
    if found:
        VALID.validate(verdict)


def test_a_verdict_full_of_another_script_stays_small() -> None:
    """Characters that JSON writes as six bytes each do not make it too large."""
    judgement = Judgement()
    for check_id in TABLE:
        for _ in range(30):
            judgement.add(check_id, "\U0001f600" * 400, "漢" * 400)
    assert len(json.dumps(write_verdict(None, judgement))) <= LARGEST_BYTES


def test_a_softer_finding_does_not_hide_a_worse_one() -> None:
    """A check that warned many times, and then found an error, is in error."""
    judgement = Judgement()
    for _ in range(100):
        judgement.accepts(Text("x", "a" + "\u200b", Limits()))
    judgement.add("limits.text", "y", "too long")
    verdict = write_verdict(None, judgement)
    checks = {check["id"]: check for check in verdict["checks"]}
    assert ("rejected", "limits.text") == (verdict["outcome"], verdict["failed"])
    assert checks["text.hidden_unicode"]["detail"].endswith("(and 99 more)")


def test_check_ids_are_of_one_form() -> None:
    """An id is a family and a name, as file names and readers want it."""
    allowed = set(string.ascii_lowercase + "._")
    assert [] == [check_id for check_id in TABLE if set(check_id) - allowed or check_id.count(".") != 1]
