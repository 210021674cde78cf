"""troposphere's objects as plain data, in one pass.

troposphere encodes what is inside an object once for each object around it; over a template that doubles the work.
The checks are troposphere's own, and so is the result: a test compares them.
"""

from __future__ import annotations

from typing import Any

from troposphere import AWSHelperFn, BaseAWSObject


def plain(value: Any) -> Any:
    """Return what an object stands for in a template; raises `ValueError` and `TypeError` as troposphere does."""
    if isinstance(value, str | int | None):
        return value
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    kind = type(value)
    if isinstance(value, BaseAWSObject) and kind.to_dict is BaseAWSObject.to_dict:
        return _object(value)
    if isinstance(value, AWSHelperFn) and kind.to_dict is AWSHelperFn.to_dict:
        return plain(value.data)
    if hasattr(value, "to_dict"):
        return plain(value.to_dict())
    return plain(value.JSONrepr()) if hasattr(value, "JSONrepr") else value


def _object(value: BaseAWSObject) -> Any:
    if value.do_validation:
        value._validate_props()  # noqa: SLF001 - what its own to_dict does before it encodes
        value.validate()
    if value.properties:
        return plain(value.resource)
    return {key: plain(each) for key, each in value.resource.items() if key != "Properties"}
