"""Judge a JSON Schema without running it: its size, its dialect, its form, where its references lead.

`jsonschema` judges the form against the dialect's metaschema. Its own `validate` is never used: that
fetches what a `$ref` names. Patterns are left alone, since Python's `re` refuses legal ECMAScript ones.
"""

import time
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import unquote, urldefrag, urljoin

import jsonschema
from jsonschema.validators import extend

from validator.limits import Limits

Problems = Iterator[tuple[str, str]]

DIALECTS: Mapping[str, Any] = {
    "https://json-schema.org/draft/2020-12/schema": jsonschema.Draft202012Validator,
    "https://json-schema.org/draft/2019-09/schema": jsonschema.Draft201909Validator,
    "http://json-schema.org/draft-07/schema": jsonschema.Draft7Validator,
    "http://json-schema.org/draft-06/schema": jsonschema.Draft6Validator,
    "http://json-schema.org/draft-04/schema": jsonschema.Draft4Validator,
}
DEFAULT_DIALECT = "https://json-schema.org/draft/2020-12/schema"

# Where a schema holds schemas (2020-12 and what earlier drafts had): the rest is data.
ONE = frozenset(
    {
        "additionalItems", "additionalProperties", "contains", "contentSchema", "else", "if", "items", "not",
        "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties",
    }
)  # fmt: skip
SEVERAL = frozenset({"allOf", "anyOf", "oneOf", "prefixItems", "items"})
NAMED = frozenset(
    {"$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"}
)
REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")


class Place(NamedTuple):
    """What a reference means: a document's URI, empty for the schema itself, and a fragment of it."""

    document: str
    fragment: str


class TimeOver(Exception):  # noqa: N818 - a bound that was reached
    """The run ended while a schema was judged."""


def size_problem(schema: Any, limits: Limits) -> str | None:
    """Whether a schema nests too deep or holds too many values; told without recursion."""
    pending: list[tuple[Any, int]] = [(schema, 1)]
    count = 0
    while pending:
        value, depth = pending.pop()
        count += 1
        if depth > limits.schema_depth:
            return f"nests deeper than {limits.schema_depth}"
        if count > limits.schema_nodes:
            return f"holds more than {limits.schema_nodes} values"
        if isinstance(value, dict):
            pending.extend((item, depth + 1) for item in value.values())
        elif isinstance(value, list):
            pending.extend((item, depth + 1) for item in value)
    return None


def dialect_problem(schema: dict[str, Any]) -> str | None:
    """Whether the schema names a dialect that cannot be judged."""
    named = schema.get("$schema")
    if named is None or _dialect(schema) is not None:
        return None
    return f"$schema is {named!r}"


def _dialect(schema: dict[str, Any]) -> Any | None:
    named = schema.get("$schema", DEFAULT_DIALECT)
    if not isinstance(named, str):
        return None
    bare = named.rstrip("#")
    return (
        DIALECTS.get(bare)
        or DIALECTS.get(bare.replace("https:", "http:"))
        or DIALECTS.get(bare.replace("http:", "https:"))
    )


def validity_problems(schema: dict[str, Any], deadline: float) -> Problems:
    """Tell what the metaschema of the schema's dialect refuses, at most a few, as (place, problem).

    `deadline` is a moment of `time.monotonic`; raises `TimeOver` past it.
    """
    if "$schema" in schema and not isinstance(schema["$schema"], str):
        yield ".$schema", "no string"
        return
    dialect = _dialect(schema)
    if dialect is None:
        return
    judge = _bounded(dialect, deadline)
    metaschema = _undeclared(dialect.META_SCHEMA)
    resolver = jsonschema.RefResolver(dialect.ID_OF(metaschema), metaschema, store=_DOCUMENTS)
    errors = judge(metaschema, resolver=resolver, format_checker=_NO_FORMATS).iter_errors(schema)
    for position, error in enumerate(errors):
        if position == 3:
            return
        yield (
            "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path),
            error.message,
        )


_NO_FORMATS = jsonschema.FormatChecker(formats=[])


def _undeclared(document: Any) -> Any:
    """Return a metaschema's document without its `$schema`.

    Where a document declares its dialect, the library goes on with that dialect's own validator, and what
    `_bounded` changed would be lost.
    """
    return {key: value for key, value in document.items() if key != "$schema"}


# The library reads its documents' files when it first needs them: here, where the function starts, and not
# while a server is judged.
_DOCUMENTS = {
    uri: _undeclared(document) for uri, document in jsonschema.RefResolver("", {}).store.items() if document
}


# A run has one deadline, so each run makes each dialect's validator once.
@lru_cache(maxsize=2 * len(DIALECTS))
def _bounded(dialect: Any, deadline: float) -> Any:
    """Return the dialect's validator, with a deadline, and with what the library does slowly or not at all."""

    def typed(validator: Any, types: Any, instance: Any, schema: Any) -> Iterator[Any]:
        if time.monotonic() > deadline:
            raise TimeOver
        yield from dialect.VALIDATORS["type"](validator, types, instance, schema) or ()

    def unique(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[Any]:  # noqa: ARG001
        if wanted and isinstance(instance, list) and len({repr(item) for item in instance}) != len(instance):
            yield jsonschema.ValidationError("has non-unique elements")

    def recursive(validator: Any, _: Any, instance: Any, __: Any) -> Iterator[Any]:
        # jsonschema 4.17.3 leaves $recursiveRef out (it yields nothing), and with it all that is nested in a
        # schema of 2019-09. In a metaschema it always means the whole metaschema.
        yield from validator.descend(instance, _undeclared(dialect.META_SCHEMA))

    return extend(dialect, {"type": typed, "uniqueItems": unique, "$recursiveRef": recursive})


def reference_problems(schema: dict[str, Any]) -> Problems:
    """Return references that lead out of the schema, or nowhere, or round in a circle, as (place, problem)."""
    targets: dict[str, Any] = {}
    references: list[tuple[str, str, str]] = []
    for place, base, node in _subschemas(schema):
        if place == "" or _identifier(node):
            targets.setdefault(base, node)
        for keyword in ("$anchor", "$dynamicAnchor"):
            if isinstance(node.get(keyword), str):
                targets.setdefault(f"{base}#{node[keyword]}", node)
        references.extend(
            (f"{place}.{keyword}", base, node[keyword])
            for keyword in REFERENCES
            if isinstance(node.get(keyword), str)
        )
    known: dict[Place, str | None] = {}
    for place, base, reference in references:
        problem = _reference_problem(base, reference, targets, known)
        if problem is not None:
            yield place, f"{reference!r} {problem}"


def _identifier(node: dict[str, Any]) -> str | None:
    """Return the URI that a subschema gives itself: `$id`, or `id` in draft 4."""
    own = node.get("$id")
    if own is None and isinstance(node.get("id"), str) and "draft-04" in str(node.get("$schema", "")):
        own = node["id"]
    return own if isinstance(own, str) and own and not own.startswith("#") else None


def _subschemas(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every subschema with its place and its base URI; what is only data is passed over."""
    pending: list[tuple[str, str, Any]] = [("", "", schema)]
    while pending:
        place, base, node = pending.pop()
        if not isinstance(node, dict):
            continue
        own = _identifier(node)
        if own is not None:
            base = _joined(base, own)
        yield place, base, node
        for keyword, value in node.items():
            if keyword in NAMED and isinstance(value, dict):
                pending.extend((f"{place}.{keyword}.{name}", base, item) for name, item in value.items())
            elif keyword in SEVERAL and isinstance(value, list):
                pending.extend(
                    (f"{place}.{keyword}[{position}]", base, item) for position, item in enumerate(value)
                )
            elif keyword in ONE:
                pending.append((f"{place}.{keyword}", base, value))


def _joined(base: str, reference: str) -> str:
    try:
        return urldefrag(urljoin(base, reference))[0]
    except ValueError:
        return reference


def _reference_problem(
    base: str, reference: str, targets: dict[str, Any], known: dict[Place, str | None]
) -> str | None:
    """Tell why a reference leads nowhere; None if it leads to a place within the schema.

    A reference to a reference is followed. What was found is kept in `known` for each place on the way, so
    that long chains are followed once.
    """
    way: dict[Place, None] = {}
    problem: str | None = None
    step: tuple[str, str] | None = (base, reference)
    while step is not None:
        here = _absolute(*step)
        if here is None:
            problem = "is no URI reference"
            break
        if here in way:
            problem = "leads round in a circle"
            break
        if here in known:
            problem = known[here]
            break
        way[here] = None
        step, problem = _follow(here, targets)
    known.update(dict.fromkeys(way, problem))
    return problem


def _absolute(base: str, reference: str) -> Place | None:
    """Resolve a reference against its base; without a base, a fragment stays in the schema itself."""
    try:
        whole = urljoin(base, reference) if base or not reference.startswith("#") else reference
        return Place(*urldefrag(whole))
    except ValueError:
        return None


def _follow(here: Place, targets: dict[str, Any]) -> tuple[tuple[str, str] | None, str | None]:
    """Look at a place: the reference that stands there, if one does, and what is wrong with the place."""
    if here.document.rstrip("#") in DIALECTS:
        return None, None
    if here.document not in targets:
        return None, "leads out of the schema, and is not fetched"
    node = _at_fragment(targets, here.document, unquote(here.fragment))
    if node is _NOWHERE:
        return None, "leads nowhere"
    further = node.get("$ref") if isinstance(node, dict) else None
    return ((here.document, further), None) if isinstance(further, str) else (None, None)


_NOWHERE = object()


def _at_fragment(targets: dict[str, Any], document: str, fragment: str) -> Any:
    """Tell what a fragment points at: a JSON Pointer, or an anchor."""
    if fragment and not fragment.startswith("/"):
        return targets.get(f"{document}#{fragment}", _NOWHERE)
    node = targets[document]
    for token in fragment.split("/")[1:]:
        step = token.replace("~1", "/").replace("~0", "~")
        if isinstance(node, dict) and step in node:
            node = node[step]
        elif (
            isinstance(node, list)
            and step.isascii()
            and step.isdecimal()
            and len(step) < 7
            and int(step) < len(node)
        ):
            node = node[int(step)]
        else:
            return _NOWHERE
    return node
