"""The differences of two JSON values, property by property.

Lists are paired by what identifies their entries, not by index; JSON inside of strings is opened. Every difference
of the two values is in the result: the rest of the review explains some of them, and hides none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from states_language.pointer import ROOT, Pointer

IDENTITIES = (
    "Sid",
    "Id",
    "Key",
    "LogicalId",
    "PolicyName",
    "Name",
    "AttributeName",
    "IndexName",
    "ContainerPort",
    "ExportName",
    "Variable",
    "DestinationCidrBlock",
    "name",
    "id",
)
"""Keys whose value names an entry of a list, where every entry has one and no two have the same."""

MOST_PAIRED = 200
"""Entries of a list that are compared each with each; longer ones are paired by equality and place."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """One difference: where, on both sides (None: it is not there), and the values."""

    before_at: Pointer | None
    after_at: Pointer | None
    before: Any
    after: Any
    is_order: bool = False
    """Whether only the order of a list differs."""


@dataclass(frozen=True, slots=True)
class _Pair:
    before_at: Pointer
    after_at: Pointer
    before: Any
    after: Any


Normal = Callable[[Any], Any]


def compare(before: Any, after: Any, normal: Normal = lambda value: value) -> Iterator[Leaf]:
    """Yield the differences, in the order of the document from before; what was added follows what stayed.

    `normal` brings values that mean the same into one form; it is used to pair, and never to hide.
    """
    yield from _compare(_Pair(ROOT, ROOT, before, after), normal)


def _compare(pair: _Pair, normal: Normal) -> Iterator[Leaf]:
    before, after = pair.before, pair.after
    if _same(before, after):
        return
    if _is_function(before, after) and _same(normal(before), normal(after)):
        yield Leaf(pair.before_at, pair.after_at, before, after)
    elif isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _mappings(pair, normal)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _lists(pair, normal)
    elif opened := _opened(before, after):
        inner = list(_compare(replace(pair, before=opened[0], after=opened[1]), normal))
        yield from inner or [Leaf(pair.before_at, pair.after_at, before, after)]
    else:
        yield Leaf(pair.before_at, pair.after_at, before, after)


def _is_function(before: Any, after: Any) -> bool:
    """Tell whether two values may be one value in two forms: `{"Fn::Sub": …}` and `{"Fn::Join": …}`."""
    keys = [next(iter(value)) for value in (before, after) if isinstance(value, Mapping) and len(value) == 1]
    return any(key == "Ref" or str(key).startswith("Fn::") for key in keys)


def _same(before: Any, after: Any) -> bool:
    """Tell whether two values are one JSON value: `true` is not `1`."""
    if before is after:
        return True
    if isinstance(before, bool) or isinstance(after, bool):
        return isinstance(before, bool) and isinstance(after, bool) and before == after
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return before.keys() == after.keys() and all(_same(before[key], after[key]) for key in before)
    if isinstance(before, list) and isinstance(after, list):
        return len(before) == len(after) and all(map(_same, before, after))
    return bool(before == after)


same = _same


def _opened(before: Any, after: Any) -> tuple[Any, Any] | None:
    if not (isinstance(before, str) and isinstance(after, str)):
        return None
    if not (before.lstrip().startswith(("{", "[")) and after.lstrip().startswith(("{", "["))):
        return None
    try:
        return json.loads(before), json.loads(after)
    except (ValueError, RecursionError):
        return None


def _mappings(pair: _Pair, normal: Normal) -> Iterator[Leaf]:
    for key, value in pair.before.items():
        if key in pair.after:
            yield from _compare(
                _Pair(pair.before_at / key, pair.after_at / key, value, pair.after[key]), normal
            )
        else:
            yield Leaf(pair.before_at / key, None, value, None)
    for key, value in pair.after.items():
        if key not in pair.before:
            yield Leaf(None, pair.after_at / key, None, value)


def _lists(pair: _Pair, normal: Normal) -> Iterator[Leaf]:
    key = pair.before_at.steps[-1] if pair.before_at.steps else ""
    pairs = (
        [(index, index) for index in range(min(len(pair.before), len(pair.after)))]
        if str(key).startswith("Fn::")  # a function's arguments are told apart by their places
        else _paired(pair.before, pair.after, normal)
    )
    left = {one for one, _ in pairs}
    right = {other for _, other in pairs}
    for one, other in pairs:
        yield from _compare(
            _Pair(pair.before_at / one, pair.after_at / other, pair.before[one], pair.after[other]), normal
        )
    for index, value in enumerate(pair.before):
        if index not in left:
            yield Leaf(pair.before_at / index, None, value, None)
    for index, value in enumerate(pair.after):
        if index not in right:
            yield Leaf(None, pair.after_at / index, None, value)
    order = [other for _, other in pairs]
    if order != sorted(order):
        yield Leaf(pair.before_at, pair.after_at, pair.before, pair.after, is_order=True)


def _paired(before: list[Any], after: list[Any], normal: Normal) -> list[tuple[int, int]]:
    """Return which entries belong together, in the order of `before`."""
    key = _identity(before, after)
    if key is not None:
        places = {_written(entry[key]): index for index, entry in enumerate(after)}
        return [
            (index, places[_written(entry[key])])
            for index, entry in enumerate(before)
            if _written(entry[key]) in places
        ]
    pairs = _equal(before, after, normal)
    one = [index for index in range(len(before)) if index not in {left for left, _ in pairs}]
    other = [index for index in range(len(after)) if index not in {right for _, right in pairs}]
    return sorted(pairs + _similar(before, after, one, other))


def _identity(before: list[Any], after: list[Any]) -> str | None:
    entries = [*before, *after]
    if not entries or not all(isinstance(entry, Mapping) for entry in entries):
        return None
    for key in IDENTITIES:
        if all(key in entry for entry in entries) and all(
            len({_written(entry[key]) for entry in side}) == len(side) for side in (before, after)
        ):
            return key
    return None


def _written(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _equal(before: list[Any], after: list[Any], normal: Normal) -> list[tuple[int, int]]:
    waiting: dict[str, list[int]] = {}
    for index, entry in enumerate(after):
        waiting.setdefault(_written(normal(entry)), []).append(index)
    pairs = []
    for index, entry in enumerate(before):
        if found := waiting.get(_written(normal(entry))):
            pairs.append((index, found.pop(0)))
    return pairs


def _similar(before: list[Any], after: list[Any], one: list[int], other: list[int]) -> list[tuple[int, int]]:
    """Pair what is left by how much it has in common, the most alike first; what has nothing in common stays apart."""
    if len(one) * len(other) > MOST_PAIRED**2:
        return list(zip(one, other, strict=False))
    leaves_before = {index: _leaves(before[index]) for index in one}
    leaves_after = {index: _leaves(after[index]) for index in other}
    ranked = sorted(
        (-share, abs(left - right), left, right)
        for left in one
        for right in other
        if (share := _share(leaves_before[left], leaves_after[right])) > 0
    )
    pairs: list[tuple[int, int]] = []
    for _, _, left, right in ranked:
        if all(left != known and right != taken for known, taken in pairs):
            pairs.append((left, right))
    return pairs


def _share(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other) if one and other else 0


def _leaves(value: Any, prefix: str = "") -> frozenset[str]:
    if isinstance(value, Mapping):
        return frozenset().union(*(_leaves(entry, f"{prefix}/{key}") for key, entry in value.items()))
    if isinstance(value, list):
        return frozenset().union(*(_leaves(entry, f"{prefix}/*") for entry in value))
    return frozenset({f"{prefix}={value!r}"}) if prefix else frozenset()
