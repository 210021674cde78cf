"""Compute an intrinsic call.

What the developer guide leaves open follows histories recorded from AWS (LocalStack's snapshot tests,
`intrinsic_functions/*.snapshot.json`, recorded 2023 and 2024): adjacent delimiters give no empty string, a blank
string read as JSON is null, numbers round half up, and Format writes an object as Java writes a map.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import UUID

from states_language.intrinsics.parser import MAXIMUM_CALLS, Argument, Call, Constant
from states_language.intrinsics.signatures import MAXIMUM_RANGE, SIGNATURES, JsonType, Parameter
from states_language.paths import Path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_DIGESTS = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}


class IntrinsicFailure(Exception):  # noqa: N818 - AWS's name: States.IntrinsicFailure
    """A call cannot be computed with these arguments; Step Functions fails with `States.IntrinsicFailure`."""

    def __init__(self, message: str):
        super().__init__(message)
        self.message = message


def evaluate_intrinsic(call: Call, resolve: Callable[[Path], Any], random: Random) -> Any:
    """Compute a call.

    `resolve` gives the value of a path (and lets its own errors through); `random` serves MathRandom and UUID.
    Raises `IntrinsicFailure`.
    """
    if call.count > MAXIMUM_CALLS:
        raise IntrinsicFailure(
            f"A field holds at most {MAXIMUM_CALLS} intrinsic functions, not {call.count}."
        )
    return _evaluate(call, resolve, random)


def _evaluate(call: Call, resolve: Callable[[Path], Any], random: Random) -> Any:
    signature = SIGNATURES.get(call.name)
    if signature is None:
        raise IntrinsicFailure(f"There is no intrinsic function '{call.name}'.")
    if fault := signature.arity_fault(len(call.arguments)):
        raise IntrinsicFailure(f"{fault}.")
    values = [_value(argument, resolve, random) for argument in call.arguments]
    for position, value in enumerate(values):
        if parameter := signature.parameter(position):
            _demand(call.name, parameter, value)
    if call.name == "States.Format":
        return _format(call.arguments[0], values)
    if call.name in _RANDOM_FUNCTIONS:
        return _RANDOM_FUNCTIONS[call.name](random, *values)
    return _FUNCTIONS[call.name](*values)


def _value(argument: Argument, resolve: Callable[[Path], Any], random: Random) -> Any:
    if isinstance(argument, Constant):
        return argument.value
    if isinstance(argument, Path):
        return resolve(argument)
    return _evaluate(argument, resolve, random)


_KINDS: Mapping[JsonType, type | tuple[type, ...]] = {
    JsonType.STRING: str,
    JsonType.NUMBER: (int, float),
    JsonType.BOOLEAN: bool,
    JsonType.ARRAY: list,
    JsonType.OBJECT: dict,
}


def _demand(function: str, parameter: Parameter, value: Any) -> None:
    kind = _KINDS.get(parameter.type)
    if kind and (
        not isinstance(value, kind) or (isinstance(value, bool) and parameter.type != JsonType.BOOLEAN)
    ):
        raise IntrinsicFailure(
            f"{function}: '{parameter.name}' must be a JSON {parameter.type}, not {_shown(value)}."
        )
    if parameter.maximum_length is not None and len(value) > parameter.maximum_length:
        raise IntrinsicFailure(
            f"{function}: '{parameter.name}' has {len(value)} characters; at most {parameter.maximum_length} are allowed."
        )
    if parameter.choices and value not in parameter.choices:
        raise IntrinsicFailure(
            f"{function}: '{parameter.name}' must be one of {', '.join(parameter.choices)}, not {_shown(value)}."
        )


def _shown(value: Any) -> str:
    text = to_json(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def to_json(value: Any) -> str:
    """Write a value as compact JSON, as Step Functions does (evidence: documentation, `States.JsonToString`)."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _format(template: Argument, values: list[Any]) -> str:
    pieces = template.template if isinstance(template, Constant) else values[0].split("{}")
    if len(pieces) != len(values):
        raise IntrinsicFailure(
            f"States.Format: the template has {len(pieces) - 1} places {{}}, but {len(values) - 1} values are given."
        )
    text = [pieces[0]]
    for piece, value in zip(pieces[1:], values[1:], strict=True):
        text += (_java_text(value), piece)
    return "".join(text)


def _java_text(value: Any) -> str:
    """Write a value as Java's `String.valueOf` does: `{Id=1, Name=a}`, `[1, a]`, `null`. Evidence: recorded."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case dict():
            return f"{{{', '.join(f'{key}={_java_text(item)}' for key, item in value.items())}}}"
        case list():
            return f"[{', '.join(map(_java_text, value))}]"
        case _:
            return str(value)


def json_equal(left: Any, right: Any) -> bool:
    """Compare two JSON values; unlike Python, a boolean equals no number."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(json_equal, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(json_equal(left[key], right[key]) for key in left)
    return bool(left == right)


def _round(number: float) -> int:
    """Round halves up as Java's `Math.round` does. Evidence: recorded (`test_math_add`: -1.49 and -1.5 give -2)."""
    if isinstance(number, int):
        return number
    if not math.isfinite(number):
        raise IntrinsicFailure(f"{number} is no integer.")
    return math.floor(number + 0.5)


def _string_to_json(text: str) -> Any:
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        raise IntrinsicFailure(f"States.StringToJson: {_shown(text)} is no JSON: {error}.") from error


def _partition(array: list[Any], size: float) -> list[list[Any]]:
    size = _round(size)
    if size <= 0:
        raise IntrinsicFailure("States.ArrayPartition: the chunk size must be a positive integer.")
    return [array[start : start + size] for start in range(0, len(array), size)]


def _range(first: float, last: float, increment: float) -> list[int]:
    start, stop, step = _round(first), _round(last), _round(increment)
    if step == 0:
        raise IntrinsicFailure("States.ArrayRange: the increment must not be 0.")
    numbers = range(start, stop + (1 if step > 0 else -1), step)
    if len(numbers) > MAXIMUM_RANGE:
        raise IntrinsicFailure(f"States.ArrayRange: {len(numbers)} elements are more than {MAXIMUM_RANGE}.")
    return list(numbers)


def _get_item(array: list[Any], index: float) -> Any:
    position = _round(index)
    if not 0 <= position < len(array):
        raise IntrinsicFailure(f"States.ArrayGetItem: there is no index {position} in {len(array)} elements.")
    return array[position]


def _unique(array: list[Any]) -> list[Any]:
    kept: list[Any] = []
    for item in array:
        if not any(json_equal(item, other) for other in kept):
            kept.append(item)
    return kept


def _decode(data: str) -> str:
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise IntrinsicFailure(
            f"States.Base64Decode: {_shown(data)} is no Base64 of a UTF-8 text."
        ) from error


def _hash(data: str, algorithm: str) -> str:
    return hashlib.new(_DIGESTS[algorithm], data.encode(), usedforsecurity=False).hexdigest()


def _merge(first: dict[str, Any], second: dict[str, Any], deep: bool) -> dict[str, Any]:
    if deep:
        raise IntrinsicFailure(
            "States.JsonMerge: only the shallow merge exists; the third argument must be false."
        )
    return {**first, **second}


def _split(text: str, delimiters: str) -> list[str]:
    """Split at each of the characters; nothing lies between two adjacent ones. Evidence: recorded."""
    parts: list[str] = []
    start = 0
    for position, character in enumerate(text):
        if character in delimiters:
            parts.append(text[start:position])
            start = position + 1
    parts.append(text[start:])
    return [part for part in parts if part]


def _random(random: Random, start: float, end: float, seed: float | None = None) -> int:
    first, last = _round(start), _round(end)
    if first >= last:
        raise IntrinsicFailure("States.MathRandom: the end must be greater than the start.")
    # A seed makes the number the same each time (documentation); that it is AWS's number is not claimed.
    source = random if seed is None else Random(_round(seed))  # noqa: S311
    return source.randrange(first, last)


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "States.StringToJson": _string_to_json,
    "States.JsonToString": to_json,
    "States.Array": lambda *values: list(values),
    "States.ArrayPartition": _partition,
    "States.ArrayContains": lambda array, value: any(json_equal(item, value) for item in array),
    "States.ArrayRange": _range,
    "States.ArrayGetItem": _get_item,
    "States.ArrayLength": len,
    "States.ArrayUnique": _unique,
    "States.Base64Encode": lambda data: base64.b64encode(data.encode()).decode(),
    "States.Base64Decode": _decode,
    "States.Hash": _hash,
    "States.JsonMerge": _merge,
    "States.MathAdd": lambda first, second: _round(first) + _round(second),
    "States.StringSplit": _split,
}

_RANDOM_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "States.MathRandom": _random,
    "States.UUID": lambda random: str(UUID(int=random.getrandbits(128), version=4)),
}
