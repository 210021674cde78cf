"""The review of each case: two documents, what is said of them in full, and what must be said, written by hand."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from review.classify import ANY_CHANGE, refused, verdict
from review.compare import compare
from review.documents import Side, read
from review.model import Gate, Review, Verb
from review.render import Report, render

HERE = Path(__file__).parent
CASES = sorted(path.name for path in (HERE / "cases").iterdir())
EXPECTATIONS: dict[str, Any] = yaml.safe_load((HERE / "expectations.yaml").read_text("utf-8"))


def sides(name: str) -> tuple[Side, Side]:
    """Return the documents of a case."""
    before, after = (
        {"": read((HERE / "cases" / name / f"{side}.json").read_bytes(), "document.json")}
        for side in ("before", "after")
    )
    return before, after


def review_of(name: str) -> tuple[Review, str]:
    """Return the review of a case, and how a pull request shows it."""
    before, after = sides(name)
    found = compare(before, after)
    return found, render(Report(found, before, after), "markdown")


@pytest.mark.parametrize("name", CASES)
def test_a_case_is_said_as_expected(name: str) -> None:
    """The whole text of a review is what a person has looked at (`make update-cases` writes it anew)."""
    assert (HERE / "cases" / name / "expected.md").read_text("utf-8") == review_of(name)[1]


@pytest.mark.parametrize("name", CASES)
def test_a_case_meets_its_gates_and_no_other(name: str) -> None:
    """What `--fail-on` refuses is exactly what was written by hand, and the text says why."""
    found, text = review_of(name)
    expected = EXPECTATIONS[name]
    assert sorted(expected["gates"]) == sorted(refused(found, [gate.value for gate in Gate]))
    assert expected["says"] in text


@pytest.mark.parametrize("name", CASES)
def test_a_document_differs_in_nothing_from_itself(name: str) -> None:
    """Comparing a document with itself gives no change and no difference."""
    for side in sides(name):
        found = compare(side, side)
        assert ((), ()) == (found.changes, found.differences)


@pytest.mark.parametrize("name", CASES)
def test_the_way_back_mirrors_the_way_there(name: str) -> None:
    """What is wider one way is narrower the other, what is added is removed, what is lost is gained."""
    before, after = sides(name)
    there, back = compare(before, after), compare(after, before)
    assert Counter(
        (change.section, change.verb.mirror, change.subject)
        for change in there.changes
        if change.verb is not Verb.RENAMED
    ) == Counter(
        (change.section, change.verb, change.subject)
        for change in back.changes
        if change.verb is not Verb.RENAMED
    )
    assert verdict(there).counts[ANY_CHANGE] == verdict(back).counts[ANY_CHANGE]


@settings(max_examples=150, deadline=None)
@given(one=st.sampled_from(CASES), other=st.sampled_from(CASES), data=st.data())
def test_any_two_documents_mirror_each_other(one: str, other: str, data: st.DataObject) -> None:
    """Documents that have little to do with each other are compared the same way in both directions."""
    before, after = data.draw(st.sampled_from(sides(one))), data.draw(st.sampled_from(sides(other)))
    if before[""].kind is not after[""].kind:
        return
    there, back = compare(before, after), compare(after, before)
    assert Counter(
        (change.section, change.verb.mirror, change.subject)
        for change in there.changes
        if change.verb is not Verb.RENAMED
    ) == Counter(
        (change.section, change.verb, change.subject)
        for change in back.changes
        if change.verb is not Verb.RENAMED
    )


def test_the_cases_are_many_and_each_has_its_expectation() -> None:
    """No case is left without a judgement by hand, and no judgement without a case."""
    assert sorted(EXPECTATIONS) == CASES
    assert len(CASES) >= 60
