"""Apply a path to a value as Jayway does, and set the value that a reference path names.

The rules, each with the place in Jayway that makes it (`com.jayway.jsonpath.internal.path`, 2.x):
a definite path that leads nowhere is an error (`EvaluationContextImpl.getValue`); an indefinite path gives a
list, empty when nothing matches; a step after an indefinite one skips what it does not fit
(`PropertyPathToken`, `ArrayPathToken`), so an index after a filter indexes the elements and not the list;
before the first indefinite step a missing field is an error still (`PathToken.handleObjectProperty`).
That a filter never matches a scalar element is AWS's own (developer guide, "Paths").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from states_language.paths.syntax import (
    And,
    Comparison,
    CurrentPath,
    Descent,
    Exists,
    Filter,
    Function,
    Index,
    Indexes,
    Literal,
    Name,
    Names,
    Not,
    Path,
    Slice,
    Step,
    Test,
    Wildcard,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


class PathNotFound(LookupError):  # noqa: N818 - the name that Jayway and the error's text have
    """A path leads nowhere in a value: the path, and the first part of it that is missing."""

    def __init__(self, path: Path, message: str):
        super().__init__(message)
        self.path = path
        self.message = message


def evaluate(path: Path, value: Any) -> Any:
    """Apply the path to the value of its root.

    Gives the value that a definite path names, a list for any other path.
    Raises `PathNotFound` where a definite part of the path is missing.
    """
    keys = path.keys
    if keys is None:
        return _evaluate_steps(path, value)
    here = value
    for depth, key in enumerate(keys):
        if isinstance(key, str):
            if not isinstance(here, dict) or key not in here:
                raise PathNotFound(path, _missing(path, depth, here))
        elif not isinstance(here, list) or not -len(here) <= key < len(here):
            raise PathNotFound(path, _missing(path, depth, here))
        here = here[key]
    return here


def set_reference_path(document: Any, path: Path, value: Any) -> Any:
    """Return the document with `value` at the place that a reference path names; the document is not changed.

    Missing objects on the way are made. Raises `PathNotFound` where a scalar or an array's end is in the way,
    and `ValueError` for a path that is no reference path.
    """
    if path.keys is None:
        raise ValueError(f"{path.text} is no reference path.")
    return _replace(document, path, 0, value)


def _replace(here: Any, path: Path, depth: int, value: Any) -> Any:
    keys = path.keys or ()
    if depth == len(keys):
        return value
    key = keys[depth]
    if isinstance(key, str):
        if not isinstance(here, dict):
            raise PathNotFound(path, _missing(path, depth, here))
        inner = here.get(key, {}) if depth + 1 < len(keys) else None
        return {**here, key: _replace(inner, path, depth + 1, value)}
    if not isinstance(here, list) or not -len(here) <= key < len(here):
        raise PathNotFound(path, _missing(path, depth, here))
    copy = list(here)
    copy[key] = _replace(copy[key], path, depth + 1, value)
    return copy


def _missing(path: Path, depth: int, here: Any) -> str:
    step = path.steps[depth]
    place = path.prefix(depth)
    if isinstance(step, Name | Names):
        if isinstance(here, dict):
            return f"{place} has no field {step}"
        return f"{place} is {_kind(here)}, no object with a field {step}"
    if isinstance(here, list):
        return f"{place} has {len(here)} elements, none at {step}"
    return f"{place} is {_kind(here)}, no array for {step}"


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "an array"}
    return names.get(type(value), "an object")


def _evaluate_steps(path: Path, value: Any) -> Any:
    values = [value]
    definite = True
    for depth, step in enumerate(path.steps):
        if definite and isinstance(step, Name | Names | Index | Indexes | Slice | Filter):
            _demand(path, depth, values[0])
        values = [found for here in values for found in _apply(step, here)]
        definite = definite and isinstance(step, Name | Names | Index | Function)
    return values[0] if definite else values


def _demand(path: Path, depth: int, here: Any) -> None:
    """Raise `PathNotFound` where a step that only definite ones precede does not fit the kind of the value."""
    step = path.steps[depth]
    if isinstance(step, Name):
        fits = isinstance(here, dict) and step.name in here
    elif isinstance(step, Names):
        fits = isinstance(here, dict)
    elif isinstance(step, Filter):
        fits = isinstance(here, dict | list)
    elif isinstance(step, Index):
        fits = isinstance(here, list) and -len(here) <= step.index < len(here)
    else:
        fits = isinstance(here, list)
    if not fits:
        raise PathNotFound(path, _missing(path, depth, here))


def _apply(step: Step, here: Any) -> Iterator[Any]:
    """Yield what one step finds in a value; a step that does not fit finds nothing."""
    match step:
        case Name(name):
            if isinstance(here, dict) and name in here:
                yield here[name]
        case Index(index):
            yield from _elements(here, (index,))
        case Indexes(indexes):
            yield from _elements(here, indexes)
        case Wildcard():
            yield from _children(here)
        case Slice(start, stop):
            if isinstance(here, list):
                yield from here[start:stop]
        case Filter(test):
            candidates = here if isinstance(here, list) else [here]
            yield from (item for item in candidates if _passes(test, item))
        case Names(names):
            yield from _fields(names, here)
        case Descent(inner):
            yield from _descend(inner, here)
        case Function(name):
            yield FUNCTIONS[name](here)


def _elements(here: Any, indexes: tuple[int, ...]) -> Iterator[Any]:
    if isinstance(here, list):
        yield from (here[index] for index in indexes if -len(here) <= index < len(here))


def _fields(names: tuple[str, ...], here: Any) -> Iterator[Any]:
    if isinstance(here, dict):
        yield {name: here[name] for name in names if name in here}


def _children(here: Any) -> Iterator[Any]:
    if isinstance(here, dict):
        yield from here.values()
    elif isinstance(here, list):
        yield from here


def _descend(step: Step, here: Any) -> Iterator[Any]:
    if isinstance(step, Filter):
        # Each object is tested once, where it stands: an array would offer its elements a second time.
        if isinstance(here, dict) and _passes(step.test, here):
            yield here
    elif not isinstance(step, Names) or (isinstance(here, dict) and all(name in here for name in step.names)):
        yield from _apply(step, here)
    for child in _children(here):
        yield from _descend(step, child)


# Filters

_UNDEFINED = object()


def _passes(test: Test, item: Any) -> bool:
    if not isinstance(item, dict | list):
        return False
    return _holds(test, item)


def _holds(test: Test, item: Any) -> bool:
    match test:
        case Comparison(left, operator, right):
            return _COMPARISONS[operator](_operand(left, item), _operand(right, item))
        case Exists(path):
            return _operand(path, item) is not _UNDEFINED
        case Not(inner):
            return not _holds(inner, item)
        case And(tests):
            return all(_holds(inner, item) for inner in tests)
        case _:
            return any(_holds(inner, item) for inner in test.tests)


def _operand(operand: Literal | CurrentPath, item: Any) -> Any:
    if isinstance(operand, Literal):
        return operand.value
    values = [item]
    for step in operand.steps:
        values = [found for here in values for found in _apply(step, here)]
    if all(isinstance(step, Name | Index | Function) for step in operand.steps):
        return values[0] if values else _UNDEFINED
    return values


def _equal(left: Any, right: Any) -> bool:
    """Compare as Jayway's value nodes do: a number equals the string that writes it."""
    if left is _UNDEFINED or right is _UNDEFINED:
        return False
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if _is_number(left) and isinstance(right, str):
        return bool(_number(right) == left)
    if isinstance(left, str) and _is_number(right):
        return left == str(right)
    return bool(left == right)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def holds(left: Any, right: Any) -> bool:
        both = (_is_number(left) and _is_number(right)) or (isinstance(left, str) and isinstance(right, str))
        return both and compare(left, right)

    return holds


_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": _equal,
    "!=": lambda left, right: not _equal(left, right),
    "<": _ordered(lambda left, right: left < right),
    "<=": _ordered(lambda left, right: left <= right),
    ">": _ordered(lambda left, right: left > right),
    ">=": _ordered(lambda left, right: left >= right),
}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


# Functions


def _length(here: Any) -> int | None:
    return len(here) if isinstance(here, list | dict | str) else None


FUNCTIONS: Mapping[str, Callable[[Any], Any]] = {"length": _length}
