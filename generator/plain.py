"""What troposphere's objects stand for, a level at a time, for the one pass that writes the template.

troposphere encodes what is inside an object once for each object around it; over a template that doubles the work.
The checks are troposphere's own, and so is the result: a test compares them.
"""

from __future__ import annotations

from typing import Any

from troposphere import AWSHelperFn, BaseAWSObject, Tags


def plain(value: Any) -> Any:
    """Return what an object stands for, whose parts may be objects; raises as troposphere's own `to_dict` does."""
    kind = type(value)
    if isinstance(value, AWSHelperFn) and kind.to_dict is AWSHelperFn.to_dict:
        return value.data
    if isinstance(value, BaseAWSObject) and kind.to_dict is BaseAWSObject.to_dict:
        return _object(value)
    if isinstance(value, Tags):
        return value.tags
    if hasattr(value, "to_dict"):
        return value.to_dict()
    if hasattr(value, "JSONrepr"):
        return value.JSONrepr()
    message = f"a template has no word for {value!r}"
    raise TypeError(message)


def _object(value: BaseAWSObject) -> dict[str, Any]:
    if value.do_validation:
        value._validate_props()  # noqa: SLF001 - what its own to_dict does before it encodes
        value.validate()
    resource: dict[str, Any] = value.resource
    if value.properties:
        return resource
    return {key: each for key, each in resource.items() if key != "Properties"}
