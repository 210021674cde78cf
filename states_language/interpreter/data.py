"""What a state does with its data: paths and intrinsics resolved, payload templates filled, sizes kept."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from states_language.interpreter.errors import (
    DATA_LIMIT_EXCEEDED,
    INTRINSIC_FAILURE,
    RESULT_PATH_MATCH_FAILURE,
    RUNTIME,
    StateFailure,
)
from states_language.intrinsics import (
    IntrinsicError,
    IntrinsicFailure,
    evaluate_intrinsic,
    parse_intrinsic,
)
from states_language.paths import PathError, PathNotFound, Root, evaluate, parse_path, set_reference_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from random import Random

    from states_language.paths import Path

PAYLOAD_LIMIT = 256 * 1024
"""Bytes of UTF-8 that a state's input, output or result may have. Evidence: documentation (quotas)."""

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def to_text(value: Any) -> str:
    """Write a value as compact JSON. Raises `TypeError` or `ValueError` for what is no JSON."""
    return _encode(value)


def check_size(text: str, name: str) -> None:
    """Fail with `States.DataLimitExceeded` where a payload is too large; `name` is the state or integration."""
    if len(text) * 4 > PAYLOAD_LIMIT and len(text.encode()) > PAYLOAD_LIMIT:
        raise StateFailure(
            DATA_LIMIT_EXCEEDED,
            # Evidence for the wording: recorded (LocalStack, error_handling/test_states_errors.snapshot.json).
            f"The state/task '{name}' returned a result with a size exceeding "
            "the maximum number of bytes service limit.",
        )


@dataclass(frozen=True, slots=True)
class View:
    """What paths can see: `$`, `$$` and the variables."""

    value: Any
    context: Any
    variables: Mapping[str, Any]
    random: Random

    def seeing(self, value: Any) -> View:
        """Return the view in which `$` is another value."""
        return View(value, self.context, self.variables, self.random)

    def path(self, text: str, field: str) -> Any:
        """Return what a path leads to; `field` is named in the failure."""
        try:
            path = parse_path(text)
        except PathError as error:
            raise StateFailure(RUNTIME, f"Invalid path '{text}' : {error.message}") from error
        return self._follow(path, field)

    def expression(self, text: str, field: str) -> Any:
        """Return the value of a path or an intrinsic call, as a field that ends in `.$` holds it."""
        if text.startswith("$"):
            return self.path(text, field)
        try:
            call = parse_intrinsic(text)
        except IntrinsicError as error:
            raise StateFailure(
                RUNTIME,
                f"The value '{text}' of the field '{field}' is no path and no intrinsic: {error.message}",
            ) from error
        try:
            return evaluate_intrinsic(call, lambda path: self._follow(path, field), self.random)
        except IntrinsicFailure as failure:
            raise StateFailure(INTRINSIC_FAILURE, failure.message) from failure

    def fill(self, template: Any) -> Any:
        """Fill a payload template: every field whose name ends in `.$` by what its path or intrinsic gives."""
        if isinstance(template, dict):
            filled = {}
            for key, item in template.items():
                if key.endswith(".$") and isinstance(item, str):
                    filled[key[:-2]] = self.expression(item, key)
                else:
                    filled[key] = self.fill(item)
            return filled
        if isinstance(template, list):
            return [self.fill(item) for item in template]
        return template

    def _follow(self, path: Path, field: str) -> Any:
        if path.root is Root.INPUT:
            root = self.value
        elif path.root is Root.CONTEXT:
            root = self.context
        elif path.variable is not None and path.variable in self.variables:
            root = self.variables[path.variable]
        else:
            raise StateFailure(
                RUNTIME, f"The variable '${path.variable}' of the field '{field}' has no value."
            )
        try:
            return evaluate(path, root)
        except PathNotFound as missing:
            # Evidence for error name and wording: recorded (AWS workshops, "could not be found in the input"), for
            # Parameters too, where the specification says States.ParameterPathFailure.
            where = (
                "input"
                if path.root is Root.INPUT
                else "context object"
                if path.root is Root.CONTEXT
                else "variable"
            )
            raise StateFailure(
                RUNTIME,
                f"The JSONPath '{path.text}' specified for the field '{field}' could not be found in the {where} "
                f"'{_shortened(to_text(root))}'",
            ) from missing


def _shortened(text: str) -> str:
    return text if len(text) <= 1_000 else f"{text[:1_000]}…"


def select(view: View, fields: Mapping[str, Any], name: str) -> Any:
    """Apply `InputPath` or `OutputPath`: the whole by default, an empty object where the document says null."""
    text = fields.get(name, "$")
    if text == "$":
        return view.value
    if text is None:
        return {}
    return view.path(text, name)


def place_result(raw_input: Any, result: Any, path: str | None) -> Any:
    """Apply `ResultPath`: put the result into the state's raw input, in its stead, or nowhere."""
    if path == "$":
        return result
    if path is None:
        return raw_input
    try:
        return set_reference_path(raw_input, parse_path(path), result)
    except PathError as error:
        raise StateFailure(RUNTIME, f"Invalid path '{path}' : {error.message}") from error
    except (PathNotFound, ValueError) as error:
        raise StateFailure(
            RESULT_PATH_MATCH_FAILURE,
            f'Unable to apply step "{path}" to input {_shortened(to_text(raw_input))}: {error}',
        ) from error
