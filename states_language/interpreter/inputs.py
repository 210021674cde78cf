"""What a call, a branch and an iteration get."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from states_language.interpreter.data import shortened, to_text
from states_language.interpreter.errors import RUNTIME, StateFailure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from states_language.interpreter.data import View


def arguments(view: View, fields: Mapping[str, Any]) -> Any:
    """Return what a call or a branch gets: the filled template, or the effective input."""
    return view.fill(fields[view.parameters], view.parameters) if view.parameters in fields else view.value


def selected_items(fields: Mapping[str, Any], view: View) -> list[Any]:
    """Return the array that a Map state iterates over."""
    items = view.items(fields)
    if not isinstance(items, list):
        if "ItemsPath" in fields:
            # Evidence for the wording: recorded (quoted from AWS in reports).
            raise StateFailure(RUNTIME, f'Reference path "{fields["ItemsPath"]}" must point to array.')
        raise StateFailure(RUNTIME, f"The items of a Map must be an array, not {shortened(items)}.")
    return items


def item_context(context: Mapping[str, Any], index: int, item: Any) -> dict[str, Any]:
    """Return the context object of an iteration: `$$.Map.Item` is its item."""
    return {**context, "Map": {"Item": {"Index": index, "Value": item}}}


def iteration_input(fields: Mapping[str, Any], view: View, index: int, item: Any) -> Any:
    """Return what an iteration gets: the item, or what `ItemSelector` (formerly `Parameters`) makes of it."""
    selector = fields.get("ItemSelector", fields.get("Parameters"))
    if selector is None:
        return item
    return view.within(item_context(view.context, index, item)).fill(selector, "ItemSelector")


def number_field(view: View, fields: Mapping[str, Any], name: str) -> float | None:
    """Return the number, from 0, of a field that may be computed; None where the state has none.

    A text that writes a number counts as one (evidence: emulator).
    """
    value = view.field(fields, name)
    if value is None:
        return None
    try:
        number = -1.0 if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = -1.0
    if number < 0:
        raise StateFailure(RUNTIME, f"{name} must be a number from 0, not {to_text(value)}.")
    return number
