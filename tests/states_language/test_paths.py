"""JSONPath: what is accepted, what it means, and where Jayway's rules differ from a plain reading."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from states_language.paths import (
    Descent,
    Index,
    Name,
    PathError,
    PathNotFound,
    Root,
    evaluate,
    parse_path,
    path_extent,
    set_reference_path,
)

DOCUMENT = {
    "name": "n",
    "null": None,
    "list": [10, 11, 12, 13],
    "tasks": [
        {"id": "a", "size": 1, "tags": ["x"], "extra": None},
        {"id": "b", "size": 5},
        {"id": "c", "size": 7, "tags": ["y", "z"]},
    ],
    "nested": {"id": "d", "inner": {"id": "e"}},
    "a b": {"it's": 1},
}


def follow(text: str, value: Any = None) -> Any:
    """Apply a path to the sample."""
    return evaluate(parse_path(text), DOCUMENT if value is None else value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$", DOCUMENT),
        ("$.name", "n"),
        ("$['name']", "n"),
        ('$["name"]', "n"),
        ("$['a b']['it\\'s']", 1),
        ("$.null", None),
        ("$.list[0]", 10),
        ("$.list[-1]", 13),
        ("$.tasks[2].tags[1]", "z"),
        ("$.tasks.[0].id", "a"),
        (" $.name ", "n"),
        ("$.list.length()", 4),
        ("$.nested.length()", 2),
        ("$['name', 'null', 'absent']", {"name": "n", "null": None}),
    ],
)
def test_a_definite_path_gives_the_value(text: str, expected: Any) -> None:
    """One place, one value."""
    assert parse_path(text).is_definite
    assert expected == follow(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$.list[*]", [10, 11, 12, 13]),
        ("$.list[1:3]", [11, 12]),
        ("$.list[:2]", [10, 11]),
        ("$.list[-1:]", [13]),
        ("$.list[0, 2, 9]", [10, 12]),
        ("$.tasks[*].id", ["a", "b", "c"]),
        ("$.tasks.*.id", ["a", "b", "c"]),
        ("$..id", ["d", "e", "a", "b", "c"]),
        ("$.tasks[?(@.id == 'b')]", [{"id": "b", "size": 5}]),
        ("$.tasks[?(@.size >= 5)].id", ["b", "c"]),
        ("$.tasks[?(@.size>=5&&!(@.id=='b'))].id", ["c"]),
        ("$.tasks[?(@.id=='b'||@['size']==7)].id", ["b", "c"]),
        ("$.tasks[?(@.size > 1 && @.size < 7)].id", ["b"]),
        ("$.tasks[?(@.id == 'a' || @.size == 7)].id", ["a", "c"]),
        ("$.tasks[?(!(@.tags))].id", ["b"]),
        ("$.tasks[?(@.extra)].id", ["a"]),
        ("$.tasks[?('b' == @.id)].size", [5]),
        ("$.tasks[?(@.tags[0] == 'y')].id", ["c"]),
        ("$..[?(@.id == 'e')]", [{"id": "e"}]),
        ("$.nested[?(@.id == 'd')].inner.id", ["e"]),
        (
            "$.tasks[*]['id', 'size']",
            [{"id": "a", "size": 1}, {"id": "b", "size": 5}, {"id": "c", "size": 7}],
        ),
    ],
)
def test_an_indefinite_path_gives_a_list(text: str, expected: list[Any]) -> None:
    """Whatever it finds, an indefinite path gives a list."""
    assert not parse_path(text).is_definite
    if text == "$..id":
        assert sorted(expected) == sorted(follow(text))
    else:
        assert expected == follow(text)


@pytest.mark.parametrize(
    "text",
    [
        "$.tasks[?(@.id == 'none')]",
        "$.tasks[?(@.id == 'none')].id",
        "$.tasks[?(@.id == 'a')][0]",
        "$.tasks[*].missing",
        "$.tasks[*].missing.deeper",
        "$.list[7:9]",
        "$..missing",
        "$.name[*]",
        "$.list[?(@ == 10)]",
        "$.list[?(@ > 10)]",
    ],
)
def test_nothing_found_is_an_empty_list(text: str) -> None:
    """A filter without a match, an index after a filter and a filter of scalars all give the empty list."""
    assert [] == follow(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("$.missing", "$ has no field .missing"),
        ("$.nested.missing", "$.nested has no field .missing"),
        ("$.name.deeper", "$.name is a string, no object with a field .deeper"),
        ("$.null.deeper", "$.null is null, no object with a field .deeper"),
        ("$.list[4]", "$.list has 4 elements, none at [4]"),
        ("$.list[-5]", "$.list has 4 elements, none at [-5]"),
        ("$.nested[0]", "$.nested is an object, no array for [0]"),
        ("$.missing[*]", "$ has no field .missing"),
        ("$.missing[?(@.a)]", "$ has no field .missing"),
        ("$.name[?(@.a)]", "$.name is a string, no array for [?(@.a)]"),
        ("$.name[0:1]", "$.name is a string, no array for [0:1]"),
    ],
)
def test_a_missing_definite_place_is_an_error_that_says_how_far_it_came(text: str, message: str) -> None:
    """What stands before the first indefinite step must exist."""
    with pytest.raises(PathNotFound) as caught:
        follow(text)
    assert message == caught.value.message


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("", 0),
        ("name", 0),
        ("$.", 2),
        ("$.a.", 4),
        ("$.a b", 4),
        ("$.a[", 4),
        ("$.a[0", 5),
        ("$.a['b", 4),
        ("$.a[?(@.b == )]", 13),
        ("$.a[?(@.b == $.c)]", 13),
        ("$.a[?(@.b =~ /x/)]", 10),
        ("$.a[?(@.b in ['x'])]", 10),
        ("$.a[?(1)]", 6),
        ("$.a[0:4:2]", 7),
        ("$.a.sum()", 3),
        ("$['a', 'b'].c", 1),
        ("$.a.length().b", 12),
        ("$$name", 2),
        ("$.a]", 3),
    ],
)
def test_bad_syntax_is_told_with_its_place(text: str, offset: int) -> None:
    """The offset is the character at which the reader stopped, or the construct that is at fault."""
    with pytest.raises(PathError) as caught:
        parse_path(text)
    assert offset == caught.value.offset


def test_the_three_roots() -> None:
    """The input, the context object, and variables, whose names end where a step begins."""
    roots = {
        text: (parse_path(text).root, parse_path(text).variable)
        for text in ("$.a", "$$.a", "$build.Id", "$x[0]")
    }
    assert {
        "$.a": (Root.INPUT, None),
        "$$.a": (Root.CONTEXT, None),
        "$build.Id": (Root.VARIABLE, "build"),
        "$x[0]": (Root.VARIABLE, "x"),
    } == roots


def test_reference_paths_have_names_and_indexes_only() -> None:
    """What `ResultPath` may be."""
    verdicts = {
        text: parse_path(text).is_reference_path
        for text in ("$", "$.a['b c'][0]", "$.a[*]", "$.a.length()", "$..a")
    }
    assert {
        "$": True,
        "$.a['b c'][0]": True,
        "$.a[*]": False,
        "$.a.length()": False,
        "$..a": False,
    } == verdicts


def test_steps_know_where_they_are_written() -> None:
    """A finding can point at the step that is at fault."""
    steps = parse_path("$.a[0]..b").steps
    assert (Name("a"), Index(0), Descent(Name("b"))) == steps
    assert [1, 3, 6] == [step.offset for step in steps]


def test_the_extent_of_a_path_among_arguments() -> None:
    """Commas and parentheses inside brackets, quotes and calls belong to the path."""
    text = "f($.a[?(@.b == ',)')].c.length(), 1)"
    assert "$.a[?(@.b == ',)')].c.length()" == text[2 : path_extent(text, 2)]


def test_setting_a_place_makes_missing_objects_and_leaves_the_document_alone() -> None:
    """`ResultPath` adds what is missing and replaces what is there."""
    document = {"a": {"b": 1}, "list": [{"c": 1}]}
    assert {"a": {"b": 1, "x": {"y": 2}}, "list": [{"c": 1}]} == set_reference_path(
        document, parse_path("$.a.x.y"), 2
    )
    assert {"a": {"b": 1}, "list": [{"c": 9}]} == set_reference_path(document, parse_path("$.list[0].c"), 9)
    assert 3 == set_reference_path(document, parse_path("$"), 3)
    assert {"a": {"b": 1}, "list": [{"c": 1}]} == document


@pytest.mark.parametrize("text", ["$.a.b.c", "$.list[1]", "$.a[0]"])
def test_a_place_behind_a_scalar_or_past_an_array_cannot_be_set(text: str) -> None:
    """Nothing is overwritten to make room."""
    with pytest.raises(PathNotFound):
        set_reference_path({"a": {"b": 1}, "list": [0]}, parse_path(text), 2)


def test_a_path_that_is_no_reference_path_cannot_be_set() -> None:
    """A wildcard names no single place."""
    with pytest.raises(ValueError, match="no reference path"):
        set_reference_path({}, parse_path("$.a[*]"), 1)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab", max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=1), inner, max_size=3)
    ),
    max_leaves=12,
)
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)


@given(st.lists(names | st.integers(-3, 3), max_size=4), st.sampled_from(["$", "$$", "$name"]))
def test_writing_and_reading_a_path_agree(keys: list[str | int], root: str) -> None:
    """Any field name survives, however strange its characters."""
    text = root + "".join(
        f"[{key}]" if isinstance(key, int) else "['" + key.replace("\\", "\\\\").replace("'", "\\'") + "']"
        for key in keys
    )
    path = parse_path(text)
    assert tuple(keys) == path.keys
    assert path == parse_path(str(path))


@given(json_values, st.lists(st.sampled_from("abc"), min_size=1, max_size=3), json_values)
def test_what_was_set_is_found(document: Any, keys: list[str], value: Any) -> None:
    """After setting a place, its path gives the value; where it cannot be set, something is in the way."""
    path = parse_path("$." + ".".join(keys))
    try:
        changed = set_reference_path(document, path, value)
    except PathNotFound:
        return
    assert value == evaluate(path, changed)


PATHS = [
    "$..a",
    "$.*",
    "$[*].a",
    "$..[?(@.a)]",
    "$.a[0:2].b",
    "$..*",
    "$[0,1]",
    "$.a.length()",
]


@given(json_values, st.sampled_from(PATHS))
def test_evaluation_only_ever_fails_as_not_found(document: Any, text: str) -> None:
    """Indefinite paths give lists, and no value makes the evaluation crash."""
    path = parse_path(text)
    try:
        result = evaluate(path, document)
    except PathNotFound:
        return
    assert path.is_definite or isinstance(result, list)
