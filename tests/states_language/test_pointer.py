"""A place in a JSON document: written as RFC 6901 does, and found again by what is written."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from states_language.pointer import ROOT, Pointer, Step

DOCUMENTS = st.recursive(
    st.none() | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
STEPS = st.lists(st.text() | st.integers(min_value=0), max_size=5).map(lambda steps: Pointer(tuple(steps)))


def places(value: Any, pointer: Pointer = ROOT) -> list[tuple[Pointer, Any]]:
    """Return every place of a document with what stands there."""
    inner: list[tuple[Step, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    if isinstance(value, list):
        inner = list(enumerate(value))
    return [
        (pointer, value),
        *(found for step, entry in inner for found in places(entry, pointer / step)),
    ]


def evaluated(document: Any, text: str) -> Any:
    """Evaluate a JSON pointer as section 4 of RFC 6901 says."""
    for token in text.split("/")[1:]:
        step = token.replace("~1", "/").replace("~0", "~")
        document = document[int(step)] if isinstance(document, list) else document[step]
    return document


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        ((), ""),
        (("foo",), "/foo"),
        (("foo", 0), "/foo/0"),
        (("",), "/"),
        (("a/b",), "/a~1b"),
        (("m~n",), "/m~0n"),
        (("~1",), "/~01"),
        ((" ", "Value.$"), "/ /Value.$"),
    ],
)
def test_is_written_as_the_rfc_writes_it(steps: tuple[Step, ...], text: str) -> None:
    """The examples of RFC 6901, and the escapes that could be taken for each other."""
    assert text == str(Pointer(steps))


@given(DOCUMENTS)
def test_what_is_written_leads_to_the_place(document: Any) -> None:
    """Whatever the keys are, evaluating the written pointer finds the very value."""
    for pointer, value in places(document):
        assert value is evaluated(document, str(pointer))


@given(STEPS, st.text())
def test_a_step_down_and_up_again_is_the_same_place(pointer: Pointer, step: str) -> None:
    """The parent of a place below is the place."""
    assert pointer == (pointer / step).parent


@given(STEPS, STEPS)
def test_a_place_lies_within_what_leads_to_it(outer: Pointer, inner: Pointer) -> None:
    """A place is within another exactly when its steps begin with the other's."""
    below = Pointer((*outer.steps, *inner.steps))
    assert below.within(outer)
    assert outer.within(below) == (inner == ROOT)


def test_a_sibling_with_the_same_beginning_is_not_within() -> None:
    """Steps are compared whole: `/States/Run` does not hold `/States/RunAgain`."""
    assert not (ROOT / "States" / "RunAgain").within(ROOT / "States" / "Run")


def test_the_root_is_its_own_parent() -> None:
    """Going up ends at the root."""
    assert ROOT.parent == ROOT
