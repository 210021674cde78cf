"""Intrinsic functions: their syntax, their signatures, and what they give."""

from __future__ import annotations

from random import Random
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from states_language.intrinsics import (
    SIGNATURES,
    Call,
    Constant,
    IntrinsicError,
    IntrinsicFailure,
    JsonType,
    evaluate_intrinsic,
    parse_intrinsic,
)
from states_language.paths import Path, evaluate, parse_path

DATA = {
    "name": "Ada",
    "list": [1, 2, 3, 2],
    "json": {"foo": "bar", "n": [1, None]},
    "text": '{"foo": "bar"}',
    "template": "Hi {}.",
    "long": "x" * 10_001,
    "mixed": [None, None, True, True, 1, 1.0, 0, False, {"a": 1}, {"a": 1}, [], []],
}


def seeded(seed: int = 0) -> Random:
    """Give the source of random values that an execution has."""
    return Random(seed)  # noqa: S311 - reproducible on purpose


def compute(text: str, seed: int = 0) -> Any:
    """Compute a call over the sample."""
    return evaluate_intrinsic(parse_intrinsic(text), lambda path: evaluate(path, DATA), seeded(seed))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Evidence: documentation (page "Intrinsic functions for JSONPath states"), its own examples.
        ("States.Format('Hello, my name is {}.', $.name)", "Hello, my name is Ada."),
        ("States.Format($.template, $.name)", "Hi Ada."),
        ("States.StringToJson($.text)", {"foo": "bar"}),
        ("States.JsonToString($.json)", '{"foo":"bar","n":[1,null]}'),
        ("States.Array($.name, 1)", ["Ada", 1]),
        ("States.Array()", []),
        ("States.ArrayPartition($.list, 3)", [[1, 2, 3], [2]]),
        ("States.ArrayContains($.list, 3)", True),
        ("States.ArrayContains($.list, '3')", False),
        ("States.ArrayRange(1, 9, 2)", [1, 3, 5, 7, 9]),
        ("States.ArrayRange(3, 1, -1)", [3, 2, 1]),
        ("States.ArrayGetItem($.list, 2)", 3),
        ("States.ArrayLength($.list)", 4),
        ("States.ArrayUnique($.list)", [1, 2, 3]),
        ("States.Base64Encode('Data to encode')", "RGF0YSB0byBlbmNvZGU="),
        ("States.Base64Decode('RGF0YSB0byBlbmNvZGU=')", "Data to encode"),
        ("States.Hash('input data', 'SHA-1')", "aaff4a450a104cd177d28d18d74485e8cae074b7"),
        (
            "States.JsonMerge($.json, States.StringToJson('\\{\"foo\": 1\\}'), false)",
            {"foo": 1, "n": [1, None]},
        ),
        ("States.MathAdd(111, -1)", 110),
        ("States.StringSplit('1,2,3,4,5', ',')", ["1", "2", "3", "4", "5"]),
        ("States.StringSplit('This.is+a,test=string', '.+,=')", ["This", "is", "a", "test", "string"]),
        ("States.Format('{}.{}', States.ArrayGetItem(States.StringSplit('a/b', '/'), 1), 'c')", "b.c"),
        ("States.Format('\\'\\{\\}\\\\ {}', 1)", "'{}\\ 1"),
        # Evidence: histories recorded from AWS (intrinsic_functions/*.snapshot.json of LocalStack).
        ("States.StringSplit(', , ,', ',')", [" ", " "]),
        ("States.StringSplit(',,,,', ',')", []),
        ("States.StringToJson('')", None),
        ("States.StringToJson(' ')", None),
        ("States.MathAdd(1.49, 1.5)", 3),
        ("States.MathAdd(-1.49, -1.5)", -2),
        ("States.Format('Formatting argument {}.', null)", "Formatting argument null."),
        ("States.Format('{} {} {}', 1.1, true, $.json)", "1.1 true {foo=bar, n=[1, null]}"),
        # Evidence: unverified; JSON's own equality.
        ("States.ArrayUnique($.mixed)", [None, True, 1, 0, False, {"a": 1}, []]),
        ("States.ArrayContains($.mixed, 0)", True),
        ("States.ArrayContains(States.Array(1), true)", False),
    ],
)
def test_a_call_gives(text: str, expected: Any) -> None:
    """Each function's result, with the evidence for it in the table."""
    actual = compute(text)
    assert expected == actual
    assert type(expected) is type(actual)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("States.Nothing(1)", "There is no intrinsic function 'States.Nothing'."),
        ("States.ArrayLength()", "States.ArrayLength takes 1 argument, not 0."),
        ("States.MathRandom(1)", "States.MathRandom takes 2 to 3 arguments, not 1."),
        ("States.Format()", "States.Format takes at least 1 argument, not 0."),
        ("States.ArrayLength('a')", "States.ArrayLength: 'array' must be a JSON array, not \"a\"."),
        ("States.MathAdd(1, true)", "States.MathAdd: 'second' must be a JSON number, not true."),
        ("States.Format('{}{}', 1)", "States.Format: the template has 2 places {}, but 1 values are given."),
        (
            "States.ArrayPartition($.list, 0)",
            "States.ArrayPartition: the chunk size must be a positive integer.",
        ),
        ("States.ArrayRange(1, 2, 0)", "States.ArrayRange: the increment must not be 0."),
        ("States.ArrayRange(1, 1001, 1)", "States.ArrayRange: 1001 elements are more than 1000."),
        ("States.ArrayGetItem($.list, 4)", "States.ArrayGetItem: there is no index 4 in 4 elements."),
        ("States.ArrayGetItem($.list, -1)", "States.ArrayGetItem: there is no index -1 in 4 elements."),
        ("States.Base64Decode('*')", 'States.Base64Decode: "*" is no Base64 of a UTF-8 text.'),
        (
            "States.Hash($.long, 'MD5')",
            "States.Hash: 'data' has 10001 characters; at most 10000 are allowed.",
        ),
        (
            "States.Hash('a', 'SHA-2')",
            "States.Hash: 'algorithm' must be one of MD5, SHA-1, SHA-256, SHA-384, SHA-512, not \"SHA-2\".",
        ),
        (
            "States.JsonMerge($.json, $.json, true)",
            "States.JsonMerge: only the shallow merge exists; the third argument must be false.",
        ),
        ("States.MathRandom(2, 2)", "States.MathRandom: the end must be greater than the start."),
        ("States.StringToJson('x')", 'States.StringToJson: "x" is no JSON: '),
        (
            f"States.Array({', '.join(['States.UUID()'] * 10)})",
            "A field holds at most 10 intrinsic functions, not 11.",
        ),
    ],
)
def test_a_call_that_cannot_be_computed_says_why(text: str, message: str) -> None:
    """`States.IntrinsicFailure`, with a cause for the person who reads it."""
    with pytest.raises(IntrinsicFailure) as caught:
        compute(text)
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("", 0),
        ("States.UUID", 11),
        ("States.UUID(", 12),
        ("States.UUID() x", 14),
        ("States.Array(1 2)", 15),
        ("States.Array('a)", 13),
        ("States.Array(,)", 13),
        ('States.Array("a")', 13),
        ("States.Array($.a., 1)", 17),
        (r"States.Array('a\n')", 15),
        ("States.Array(States.UUID)", 24),
    ],
)
def test_bad_syntax_is_told_with_its_place(text: str, offset: int) -> None:
    """Escapes other than the four documented are refused, as AWS refuses them at creation (recorded)."""
    with pytest.raises(IntrinsicError) as caught:
        parse_intrinsic(text)
    assert offset == caught.value.offset


def test_a_call_is_a_tree_that_knows_its_places() -> None:
    """Nested calls, paths and constants, each with its offset in the text."""
    call = parse_intrinsic("States.Format('{}', States.JsonToString($.b), -1.5, null)")
    assert (
        Call(
            "States.Format",
            (
                Constant("{}", template=("", "")),
                Call("States.JsonToString", (parse_path("$.b"),)),
                Constant(-1.5),
                Constant(None),
            ),
        )
        == call
    )
    assert (14, 20, 46, 52) == call.argument_offsets
    assert ("$.b",) == tuple(path.text for path in call.paths)
    assert 2 == call.count


def test_random_values_follow_the_seed() -> None:
    """The same seed of the execution gives the same identifiers and numbers."""
    assert compute("States.UUID()") == compute("States.UUID()")
    assert compute("States.UUID()") != compute("States.UUID()", seed=1)
    assert 4 == UUID(compute("States.UUID()")).version
    assert compute("States.MathRandom(0, 1000, 7)", seed=1) == compute(
        "States.MathRandom(0, 1000, 7)", seed=2
    )


@given(st.integers(-100, 100), st.integers(1, 100), st.integers())
def test_a_random_number_lies_between_start_and_end(start: int, length: int, seed: int) -> None:
    """The start is included, the end is not (documentation)."""
    assert start <= compute(f"States.MathRandom({start}, {start + length})", seed) < start + length


@given(st.text(max_size=30))
def test_base64_comes_back(text: str) -> None:
    """Decoding undoes encoding."""
    encode, decode = parse_intrinsic("States.Base64Encode($)"), parse_intrinsic("States.Base64Decode($)")
    encoded = evaluate_intrinsic(encode, lambda _: text, seeded())
    assert text == evaluate_intrinsic(decode, lambda _: encoded, seeded())


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)
    )
)
def test_json_comes_back(value: Any) -> None:
    """Reading undoes writing."""
    write, read = parse_intrinsic("States.JsonToString($)"), parse_intrinsic("States.StringToJson($)")
    text = evaluate_intrinsic(write, lambda _: value, seeded())
    assert value == evaluate_intrinsic(read, lambda _: text, seeded())


@given(st.text("ab,;", max_size=12), st.text(",;", max_size=2))
def test_splitting_loses_only_delimiters(text: str, delimiters: str) -> None:
    """The parts joined are the text without the delimiters, and no part is empty."""
    split = parse_intrinsic("States.StringSplit($.text, $.delimiters)")
    values = {"text": text, "delimiters": delimiters}
    parts = evaluate_intrinsic(split, lambda path: evaluate(path, values), seeded())
    assert "".join(character for character in text if character not in delimiters) == "".join(parts)
    assert all(parts)


ARGUMENTS = {
    JsonType.ANY: st.none() | st.integers() | st.text(max_size=3),
    JsonType.STRING: st.text(max_size=5),
    JsonType.NUMBER: st.integers(-5, 5) | st.floats(-5, 5),
    JsonType.BOOLEAN: st.booleans(),
    JsonType.ARRAY: st.lists(st.integers(), max_size=3),
    JsonType.OBJECT: st.dictionaries(st.text(max_size=1), st.integers(), max_size=2),
}
KINDS = {
    JsonType.STRING: str,
    JsonType.NUMBER: int,
    JsonType.BOOLEAN: bool,
    JsonType.ARRAY: list,
    JsonType.OBJECT: dict,
    JsonType.ANY: object,
}


@given(st.sampled_from(sorted(SIGNATURES)), st.data())
def test_arguments_of_the_signature_give_its_result(name: str, data: st.DataObject) -> None:
    """With arguments of the right kinds a call gives its kind of result, or fails as an intrinsic does."""
    signature = SIGNATURES[name]
    values = [data.draw(ARGUMENTS[parameter.type]) for parameter in signature.parameters]
    paths = tuple(parse_path(f"$[{position}]") for position in range(len(values)))
    call = Call(name, paths)

    def resolve(path: Path) -> Any:
        return evaluate(path, values)

    try:
        result = evaluate_intrinsic(call, resolve, seeded())
    except IntrinsicFailure:
        return
    assert isinstance(result, KINDS[signature.result])
