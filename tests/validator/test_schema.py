"""Judging schemas without running them: size, dialect, form, references."""

import time
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validator.limits import Limits
from validator.schema import (
    DIALECTS,
    TimeOver,
    dialect_problem,
    reference_problems,
    size_problem,
    validity_problems,
)

FAR = float("inf")


def references(schema: dict[str, Any]) -> list[str]:
    """Return the places of references that lead nowhere."""
    return [place for place, _ in reference_problems(schema)]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"$ref": "#"}, [".$ref"]),
        ({"properties": {"a": {"$ref": "#"}}}, []),
        ({"properties": {"a": {"$ref": "#/properties/a"}}}, [".properties.a.$ref"]),
        ({"properties": {"a": {"$ref": "#/$defs/b"}}, "$defs": {"b": {}}}, []),
        ({"properties": {"a": {"$ref": "#/$defs/b"}}}, [".properties.a.$ref"]),
        ({"properties": {"a/b": {}, "c": {"$ref": "#/properties/a~1b"}}}, []),
        ({"properties": {"a b": {}, "c": {"$ref": "#/properties/a%20b"}}}, []),
        ({"allOf": [{"$ref": "#/allOf/1"}, {}]}, []),
        ({"allOf": [{"$ref": "#/allOf/01"}, {}]}, []),
        ({"allOf": [{"$ref": "#/allOf/-1"}, {}]}, [".allOf[0].$ref"]),
        ({"$defs": {"a": {"$anchor": "x"}}, "not": {"$ref": "#x"}}, []),
        ({"$defs": {"a": {"$dynamicAnchor": "x"}}, "not": {"$dynamicRef": "#x"}}, []),
        ({"$id": "http://x/a", "$defs": {"b": {"$id": "b"}}, "not": {"$ref": "b"}}, []),
        (
            {
                "$id": "http://x/a",
                "$defs": {"b": {"$id": "b", "$defs": {"c": {}}}},
                "not": {"$ref": "b#/$defs/c"},
            },
            [],
        ),
        ({"$id": "http://x/a", "not": {"$ref": "http://x/a"}, "type": "object"}, []),
        ({"not": {"$ref": "http://x/"}}, [".not.$ref"]),
        ({"not": {"$ref": "http://[x"}}, [".not.$ref"]),
        ({"enum": [{"$ref": "http://x/"}], "default": {"$ref": "#/no"}, "examples": [{"$ref": "#/no"}]}, []),
        (
            {"dependentSchemas": {"a": {"$ref": "#/no"}}, "items": [{"$ref": "#/no"}]},
            [".items[0].$ref", ".dependentSchemas.a.$ref"],
        ),
        ({"definitions": {"a": {"$ref": "#/no"}}}, [".definitions.a.$ref"]),
        ({"x-mine": {"$ref": "#/no"}}, []),
        ({"$ref": 7}, []),
    ],
)
def test_references(schema: dict[str, Any], expected: list[str]) -> None:
    """A reference is in order if it leads to a place within the schema, and not round in a circle."""
    assert sorted(expected) == sorted(references(schema))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_metaschemas_are_in_order(dialect: str) -> None:
    """The metaschemas, which use everything there is, have no problem in their own dialects."""
    metaschema = DIALECTS[dialect].META_SCHEMA
    assert [] == list(validity_problems(metaschema, FAR))
    assert None is dialect_problem(metaschema)


def test_a_dialect_without_hash_or_with_https_is_known() -> None:
    """The spellings of a dialect that occur are taken for it."""
    for spelling in ("http://json-schema.org/draft-07/schema", "https://json-schema.org/draft-07/schema#"):
        assert None is dialect_problem({"$schema": spelling})
    assert "$schema is 'http://x/'" == dialect_problem({"$schema": "http://x/"})


def test_patterns_of_ecmascript_are_legal() -> None:
    """A pattern that Python's re does not know is no reason to refuse."""
    assert [] == list(validity_problems({"pattern": "^\\p{L}(?<a>x)\\k<a>$", "type": "string"}, FAR))


schemas = st.recursive(
    st.booleans() | st.fixed_dictionaries({}, optional={"type": st.sampled_from(["object", "string", "int", 7, ["string", "string"], ["null", "array"]]), "minLength": st.integers(-2, 2), "required": st.lists(st.sampled_from("ab"), max_size=3), "enum": st.lists(st.integers(0, 2), max_size=3)}),
    lambda inner: st.fixed_dictionaries({}, optional={"properties": st.dictionaries(st.sampled_from("ab"), inner, max_size=2), "items": inner | st.lists(inner, max_size=2), "allOf": st.lists(inner, max_size=2), "not": inner, "$defs": inner}),
    max_leaves=8,
).filter(lambda schema: isinstance(schema, dict))  # fmt: skip


@settings(deadline=None)
@given(schemas, st.sampled_from(sorted(DIALECTS)))
def test_the_bounded_judge_agrees_with_the_library(schema: Any, dialect: str) -> None:
    """Our bounds and shortcuts change nothing of what jsonschema finds valid."""
    schema = {"$schema": dialect, **schema}
    valid = DIALECTS[dialect](
        DIALECTS[dialect].META_SCHEMA, format_checker=jsonschema.FormatChecker(formats=[])
    ).is_valid(schema)
    assert valid == (not list(validity_problems(schema, FAR)))


def test_judging_stops_at_the_deadline() -> None:
    """A schema does not take more time than the run has."""
    with pytest.raises(TimeOver):
        list(validity_problems({"type": "object", "properties": {"a": {}}}, time.monotonic() - 1))


@pytest.mark.parametrize(
    "schema",
    [
        {"enum": [{"n": number} for number in range(2_400)]},
        {"required": [f"p{number}" for number in range(4_900)]},
        {"properties": {f"p{number}": {"type": ["string", "null"]} for number in range(1_200)}},
        {"allOf": [{"$ref": f"#/allOf/{number + 1}"} for number in range(1_600)] + [{}]},
        {
            "$defs": {f"d{number}": {"$ref": f"#/$defs/d{number + 1}"} for number in range(1_600)}
            | {"d1600": {}}
        },
    ],
    ids=["objects", "required", "properties", "long chain", "long chain of definitions"],
)
def test_the_largest_schemas_take_little_time(schema: dict[str, Any]) -> None:
    """Within the bound on its size, no schema is dear."""
    assert None is size_problem(schema, Limits())
    began = time.process_time()
    assert [] == list(validity_problems(schema, FAR))
    list(reference_problems(schema))
    assert time.process_time() - began < 2.5


@settings(deadline=None)
@given(st.integers(1, 40))
def test_depth_is_counted(depth: int) -> None:
    """A schema of depth 32 is in bounds, one of 33 is not."""
    schema: Any = True
    for _ in range(depth - 1):
        schema = {"not": schema}
    assert (depth > 32) == (size_problem(schema, Limits()) is not None)
