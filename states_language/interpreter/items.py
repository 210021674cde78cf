"""What a Map state iterates over, and what each iteration gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from states_language.interpreter.data import View, to_text
from states_language.interpreter.errors import RUNTIME, StateFailure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from states_language.document import Map


def selected_items(state: Map, view: View) -> list[Any]:
    """Return the array that `ItemsPath` names."""
    items = view.path(state.fields.get("ItemsPath", "$"), "ItemsPath")
    if not isinstance(items, list):
        raise StateFailure(RUNTIME, f"ItemsPath must give an array, not {to_text(items)[:200]}.")
    return items


def item_context(context: Mapping[str, Any], index: int, item: Any) -> dict[str, Any]:
    """Return the context object of an iteration: `$$.Map.Item` is its item."""
    return {**context, "Map": {"Item": {"Index": index, "Value": item}}}


def iteration_input(fields: Mapping[str, Any], view: View, index: int, item: Any) -> Any:
    """Return what an iteration gets: the item, or what `ItemSelector` (formerly `Parameters`) makes of it."""
    selector = fields.get("ItemSelector", fields.get("Parameters"))
    if selector is None:
        return item
    context = item_context(view.context, index, item)
    return View(view.value, context, view.variables, view.random).fill(selector)


def number_field(view: View, fields: Mapping[str, Any], name: str) -> float | None:
    """Return the number, from 0, of a field or of its `…Path`; None where the state has neither.

    A text that writes a number counts as one (evidence: emulator).
    """
    if f"{name}Path" in fields:
        value = view.path(fields[f"{name}Path"], f"{name}Path")
    elif name in fields:
        value = fields[name]
    else:
        return None
    try:
        number = -1.0 if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = -1.0
    if number < 0:
        raise StateFailure(RUNTIME, f"{name} must be a number from 0, not {to_text(value)}.")
    return number
