"""Text of strangers, made fit to be shown."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validator.shown import names_of, shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("größer 漢字 😀", "größer 漢字 😀"),
        ("a\u202eb", "a\\u{202E RIGHT-TO-LEFT OVERRIDE}b"),
        ("\x1b[2J", "\\u{001B ESCAPE}[2J"),
        ("a\nb", "a\\u{000A LINE FEED}b"),
        ("<b>&", "\\u{3C}b\\u{3E}\\u{26}"),
        ("a\\b", "a\\\\b"),
        ("\ud800", "\\u{D800}"),
        ("\u200b\ue000", "\\u{200B ZERO WIDTH SPACE}\\u{E000}"),
        ("", ""),
    ],
)
def test_hidden_things_are_named(text: str, expected: str) -> None:
    """What cannot be seen, or means something to a page, stands as its code and name."""
    assert expected == shown(text, 300)


@settings(deadline=None)
@given(st.text(), st.integers(1, 60))
def test_the_result_is_short_and_hides_nothing(text: str, limit: int) -> None:
    """Any text becomes at most so many characters, all of which can be seen and stored."""
    result = shown(text, limit)
    assert len(result) <= limit
    assert not any(
        unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} for character in result
    )
    assert not set("<>&") & set(result)
    result.encode("utf-8")


@settings(deadline=None)
@given(st.text(max_size=10), st.text(max_size=10))
def test_different_texts_are_shown_differently(one: str, other: str) -> None:
    """Nothing is lost by the escapes: what is shown whole tells the text."""
    assert (one == other) == (shown(one, 1000) == shown(other, 1000))


def test_names_are_told_once_and_not_all() -> None:
    """A few names are enough."""
    assert "U+200B ZERO WIDTH SPACE" == names_of("\u200b\u200b")
    assert names_of("\u200b\u200c\u200d\u200e\u200f").endswith(" and others")
