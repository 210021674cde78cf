"""What the review knows of resource types: which properties replace a resource, which lists have no order.

The index is made from the resource schemas that cfn-lint bundles, and committed, so that a review needs no cfn-lint
and says the same tomorrow: `python -m review.resource_index` makes it anew (documentation: the registry's schemas).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

INDEX = Path(__file__).parent / "data" / "resource_types.jsonl"
REGION = "us-east-1"
DEEPEST = 8
"""Levels of a schema that are looked at for lists without an order; some types hold themselves."""

PropertyPath = tuple[str, ...]
"""The keys that lead to a property; `*` stands for any entry of a list."""


@dataclass(frozen=True, slots=True)
class ResourceType:
    """What the schema of a type says of updates."""

    create_only: frozenset[PropertyPath]
    """An update of one of these replaces the resource."""
    conditional: frozenset[PropertyPath]
    """An update of one of these may replace it."""
    unordered: frozenset[PropertyPath]
    """Lists whose order means nothing."""
    name: frozenset[PropertyPath]
    """What identifies it where a template gives it: two resources cannot have the same."""


def resource_type(name: str) -> ResourceType | None:
    """Return what is known of a type; None where it is not in the index (a custom resource, a module, a newer type)."""
    line = _lines().get(name)
    if line is None:
        return None
    entry = json.loads(line)
    return ResourceType(
        *(_paths(entry.get(key, ())) for key in ("create", "conditional", "unordered", "name"))
    )


def source() -> str:
    """Return where the index is from: `cfn-lint 1.58.0, us-east-1`."""
    return str(json.loads(_lines()[""])["source"])


def _paths(texts: list[str]) -> frozenset[PropertyPath]:
    return frozenset(tuple(text.split("/")) for text in texts)


@cache
def _lines() -> Mapping[str, str]:
    """Return the index's lines by the name of their type, unread: a review needs few of them."""
    lines = INDEX.read_text("utf-8").splitlines()
    return {line[10 : line.index('"', 10)]: line for line in lines}


def _made() -> Iterator[str]:
    """Yield the lines of the index, from the schemas that are installed."""
    from importlib.metadata import version  # noqa: PLC0415 - only what makes the index needs these

    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER  # noqa: PLC0415

    yield json.dumps({"type": "", "source": f"cfn-lint {version('cfn-lint')}, {REGION}"})
    for name in sorted(PROVIDER_SCHEMA_MANAGER.get_resource_types(REGION)):
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, name).schema
        entry: dict[str, Any] = {"type": name}
        for key, source_key in (
            ("create", "createOnlyProperties"),
            ("conditional", "conditionalCreateOnlyProperties"),
        ):
            if found := [
                path.removeprefix("/properties/").replace("/items/", "/*/")
                for path in schema.get(source_key) or ()
            ]:
                entry[key] = sorted(found)
        read_only = set(schema.get("readOnlyProperties") or ())
        given = [path for path in schema.get("primaryIdentifier") or () if path not in read_only]
        if given and len(given) == len(schema["primaryIdentifier"]):
            entry["name"] = sorted(path.removeprefix("/properties/") for path in given)
        if lists := sorted({"/".join(path) for path in _unordered(schema, schema, (), frozenset())}):
            entry["unordered"] = lists
        yield json.dumps(entry, separators=(", ", ": "))


def _unordered(
    schema: Mapping[str, Any], node: Mapping[str, Any], path: PropertyPath, open_references: frozenset[str]
) -> Iterator[PropertyPath]:
    if len(path) > DEEPEST:
        return
    reference = node.get("$ref")
    if isinstance(reference, str):
        if reference not in open_references:
            target: Any = schema
            for step in reference.removeprefix("#/").split("/"):
                target = target[step]
            yield from _unordered(schema, target, path, open_references | {reference})
        return
    if node.get("type") == "array":
        if node.get("insertionOrder") is False:
            yield path
        if isinstance(node.get("items"), dict):
            yield from _unordered(schema, node["items"], (*path, "*"), open_references)
    for key, value in node.get("properties", {}).items():
        if isinstance(value, dict):
            yield from _unordered(schema, value, (*path, key), open_references)


if __name__ == "__main__":
    INDEX.write_text("\n".join(_made()) + "\n", "utf-8")
