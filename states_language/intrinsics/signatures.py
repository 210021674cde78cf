"""What each intrinsic function takes and gives, as data.

Source: developer guide, page "Intrinsic functions for JSONPath states", read 2026-11-22. `limit` holds what the
page demands beyond a type; `recorded` says that histories recorded from AWS (LocalStack's snapshot tests,
`intrinsic_functions/*.snapshot.json`) show the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class JsonType(StrEnum):
    """The kinds of JSON value that an argument may have."""

    ANY = "any"
    STRING = "string"
    NUMBER = "number"
    """Rounded to the nearest integer, halves up, where a function counts with it."""
    BOOLEAN = "boolean"
    ARRAY = "array"
    OBJECT = "object"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: its name in the documentation, its kind, and the limits of its value."""

    name: str
    type: JsonType = JsonType.ANY
    maximum_length: int | None = None
    """Of a string, in characters."""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Signature:
    """One function: its parameters, of which the last `optional` may be left out, and what it gives."""

    name: str
    parameters: tuple[Parameter, ...]
    result: JsonType
    optional: int = 0
    rest: Parameter | None = None
    """What any number of further arguments are."""

    @property
    def minimum(self) -> int:
        """The least number of arguments."""
        return len(self.parameters) - self.optional

    @property
    def maximum(self) -> int | None:
        """The greatest number of arguments; None where there is none."""
        return None if self.rest else len(self.parameters)

    def parameter(self, position: int) -> Parameter | None:
        """Return the parameter that takes the argument at a position (from 0)."""
        return self.parameters[position] if position < len(self.parameters) else self.rest

    def arity_fault(self, count: int) -> str | None:
        """Say what is wrong with a call of so many arguments; None when nothing is."""
        if self.minimum <= count and (self.maximum is None or count <= self.maximum):
            return None
        if self.maximum is None:
            wanted = f"at least {self.minimum}"
        elif self.optional:
            wanted = f"{self.minimum} to {self.maximum}"
        else:
            wanted = str(self.minimum)
        return f"{self.name} takes {wanted} argument{'' if wanted.endswith(' 1') or wanted == '1' else 's'}, not {count}"


ALGORITHMS = ("MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512")
MAXIMUM_STRING = 10_000
"""Characters that Base64Encode, Base64Decode and Hash take."""
MAXIMUM_RANGE = 1_000
"""Elements that ArrayRange may give."""

_ARRAY = Parameter("array", JsonType.ARRAY)
_ANY, _STRING, _NUMBER, _OBJECT = JsonType.ANY, JsonType.STRING, JsonType.NUMBER, JsonType.OBJECT

_TABLE = (
    Signature("States.Format", (Parameter("template", _STRING),), _STRING, rest=Parameter("value")),
    Signature("States.StringToJson", (Parameter("string", _STRING),), _ANY),
    Signature("States.JsonToString", (Parameter("json"),), _STRING),
    Signature("States.Array", (), JsonType.ARRAY, rest=Parameter("value")),
    Signature("States.ArrayPartition", (_ARRAY, Parameter("chunk size", _NUMBER)), JsonType.ARRAY),
    Signature("States.ArrayContains", (_ARRAY, Parameter("value")), JsonType.BOOLEAN),
    Signature(
        "States.ArrayRange",
        (Parameter("first", _NUMBER), Parameter("last", _NUMBER), Parameter("increment", _NUMBER)),
        JsonType.ARRAY,
    ),
    Signature("States.ArrayGetItem", (_ARRAY, Parameter("index", _NUMBER)), _ANY),
    Signature("States.ArrayLength", (_ARRAY,), _NUMBER),
    Signature("States.ArrayUnique", (_ARRAY,), JsonType.ARRAY),
    Signature("States.Base64Encode", (Parameter("data", _STRING, MAXIMUM_STRING),), _STRING),
    Signature("States.Base64Decode", (Parameter("data", _STRING, MAXIMUM_STRING),), _STRING),
    Signature(
        "States.Hash",
        (Parameter("data", _STRING, MAXIMUM_STRING), Parameter("algorithm", _STRING, choices=ALGORITHMS)),
        _STRING,
    ),
    Signature(
        "States.JsonMerge",
        (Parameter("first", _OBJECT), Parameter("second", _OBJECT), Parameter("deep", JsonType.BOOLEAN)),
        _OBJECT,
    ),
    Signature(
        "States.MathRandom",
        (Parameter("start", _NUMBER), Parameter("end", _NUMBER), Parameter("seed", _NUMBER)),
        _NUMBER,
        optional=1,
    ),
    Signature("States.MathAdd", (Parameter("first", _NUMBER), Parameter("second", _NUMBER)), _NUMBER),
    Signature(
        "States.StringSplit", (Parameter("string", _STRING), Parameter("delimiters", _STRING)), JsonType.ARRAY
    ),
    Signature("States.UUID", (), _STRING),
)

SIGNATURES: Mapping[str, Signature] = {signature.name: signature for signature in _TABLE}
"""All functions by their names."""
