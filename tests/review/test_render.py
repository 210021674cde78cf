"""How a review is shown: within the limits of those who show it, and with nothing dangerous left out."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from review.compare import compare
from review.documents import read
from review.render import FORMATS, Report, render
from review.render.markdown import LIMIT, MARKER
from review.render.values import shown_pair

CASES = Path(__file__).parent / "cases"


def report(before: Any, after: Any) -> Report:
    """Compare two values as files of one name."""
    sides = [{"": read(json.dumps(value, indent=2).encode(), "document.json")} for value in (before, after)]
    return Report(compare(*sides), sides[0], sides[1])


def of_case(name: str) -> Report:
    """Return the report of a case."""
    before, after = (
        json.loads((CASES / name / f"{side}.json").read_text("utf-8")) for side in ("before", "after")
    )
    return report(before, after)


def stack(count: int, **properties: Any) -> dict[str, Any]:
    """Return a template of many tables."""
    return {
        "Resources": {
            f"Table{index}": {
                "Type": "AWS::DynamoDB::Table",
                "Properties": {"TableName": f"t{index}", **properties},
            }
            for index in range(count)
        }
    }


@pytest.mark.parametrize("count", [10, 400, 2000])
def test_a_comment_fits_and_names_each_danger(count: int) -> None:
    """A comment stays under its limit, and no table that is lost goes without a mention."""
    text = render(report(stack(count), {"Resources": {"Kept": {"Type": "AWS::SNS::Topic"}}}), "markdown")
    assert len(text) < LIMIT
    assert {f"Table{index}" for index in range(count)} == set(
        re.findall(r"Table\d+", text.partition("<details>")[0])
    )


def test_a_cut_comment_points_to_the_whole() -> None:
    """What does not fit is cut, and the reader is told where it is."""
    before, after = stack(900, BillingMode="PROVISIONED"), stack(900, BillingMode="PAY_PER_REQUEST")
    text = render(report(before, after), "markdown")
    assert len(text) < LIMIT
    assert "has all of it" in text


@settings(max_examples=60)
@given(name=st.text(min_size=1, max_size=12))
def test_a_documents_text_breaks_no_format(name: str) -> None:
    """Names with marks, tags and line breaks stay text in every format that is read by a machine."""
    before = {"StartAt": "a", "States": {"a": {"Type": "Pass", "Next": "b"}, "b": {"Type": "Succeed"}}}
    after = {"StartAt": "a", "States": {"a": {"Type": "Pass", "Next": name}, name: {"Type": "Succeed"}}}
    found = report(before, after)
    json.loads(render(found, "json"))
    json.loads(render(found, "sarif"))
    assert all(line.startswith("::") for line in render(found, "github").splitlines())
    outside = re.sub(r"`[^`]*`|```.*?```", "", render(found, "markdown"), flags=re.DOTALL)
    assert not re.search(r"<(?!/?details|/?summary|br>|!-- review)", outside)


def test_a_comment_can_be_found_again() -> None:
    """The next push updates the comment by its mark."""
    assert render(of_case("identical"), "markdown").startswith(MARKER)


def test_annotations_stand_at_the_line_of_the_document() -> None:
    """A danger is drawn where the document causes it, and a step has ten errors at the most."""
    found = of_case("port-opened-to-the-world")
    (error,) = [line for line in render(found, "github").splitlines() if line.startswith("::error")]
    line = int(re.findall(r"line=(\d+)", error)[0])
    text = (CASES / "port-opened-to-the-world/after.json").read_text("utf-8").splitlines()
    assert "0.0.0.0/0" in "".join(text[line - 1 : line + 6])
    many = render(report(stack(50), {"Resources": {"Kept": {"Type": "AWS::SNS::Topic"}}}), "github")
    assert 10 == many.count("::error")


def test_sarif_has_a_place_and_a_lasting_identity_for_each_result() -> None:
    """Results carry what code hosts need to show them once, at a line."""
    (run,) = json.loads(render(of_case("deny-removed"), "sarif"))["runs"]
    for result in run["results"]:
        region = result["locations"][0]["physicalLocation"]["region"]
        assert region["startLine"] >= 1
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["partialFingerprints"]["review/v1"]


def test_the_terminal_shows_the_most_dangerous_first() -> None:
    """The verdict, then what must be looked at first."""
    lines = render(of_case("table-renamed-loses-data"), "terminal").splitlines()
    assert "1 replacement with data loss" in lines[0]
    assert "Look at these first" in lines[2]


@pytest.mark.parametrize("form", [form for form in FORMATS if form != "html"])
def test_the_same_documents_give_the_same_text(form: str) -> None:
    """A review depends on nothing but the documents."""
    assert render(of_case("clean-up-skipped"), form) == render(of_case("clean-up-skipped"), form)


def test_two_long_texts_are_shown_where_they_part() -> None:
    """A build specification that differs in its middle is not shown as two equal beginnings."""
    before, after = shown_pair("a" * 300 + "old" + "b" * 300, "a" * 300 + "new" + "b" * 300)
    assert "old" in before
    assert "new" in after
    assert (80, 80) == (len(before), len(after))


def test_the_keys_for_programs_are_of_one_style() -> None:
    """Written as AWS writes them: no key has an underscore. What a change's facts are named by is data."""

    def keys(value: Any) -> set[str]:
        if isinstance(value, dict):
            inner = (keys(held) for name, held in value.items() if name != "facts")
            return set(value).union(*inner)
        return set().union(*map(keys, value)) if isinstance(value, list) else set()

    found = keys(json.loads(render(report({"Resources": {}}, {"Resources": {"A": {"Type": "T"}}}), "json")))
    assert {"isBefore", "beforeAt", "afterAt"} <= found
    assert [] == [name for name in found if "_" in name]
