"""Strangers' text at a terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from review.printable import log_line, printable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("a\tb\r\n", "a   b"),
        ("\u202eabc\u200b\x00\x9b31m", "·abc··" + "·31m"),
        ("\x1b", "·"),
        ("ünïcödé 日本", "ünïcödé 日本"),
    ],
)
def test_a_line_of_a_log_keeps_its_words(text: str, expected: str) -> None:
    """Colours, titles and links are dropped, what else would steer a terminal becomes dots."""
    assert expected == log_line(text)


@given(st.text())
def test_nothing_steers_a_terminal(text: str) -> None:
    """Whatever the text, no control or format character is left."""
    for shown in (printable(text), log_line(text)):
        assert not {unicodedata.category(letter) for letter in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
