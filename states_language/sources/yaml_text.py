"""Read YAML from PyYAML's events: bounded in size and depth, and with the place of each value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from states_language.pointer import Pointer
from states_language.sources.errors import DEEPEST, MOST_VALUES, SourceError
from states_language.sources.parsed import Parsed
from states_language.sources.scan import Duplicate, Spot

if TYPE_CHECKING:
    from states_language.pointer import Step


def parse_yaml(text: str, name: str) -> Parsed:
    """Parse YAML, with the tags of CloudFormation (`!Sub`) written as its functions. Raises `SourceError`."""
    try:
        reader = _YamlReader(text, name)
        value = reader.read()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise SourceError(f"This is no YAML: {error.problem or error.context}.", name, *place) from error
    except yaml.YAMLError as error:
        raise SourceError(f"This is no YAML: {str(error).splitlines()[0]}.", name) from error
    except RecursionError as error:
        raise SourceError("The YAML is nested too deeply.", name) from error
    parsed = Parsed(name, text, value, is_yaml=True, yaml_spots=reader.spots)
    parsed.__dict__["duplicates"] = reader.duplicates
    return parsed


@dataclass
class _Anchor:
    value: Any = None
    size: int = 0
    is_open: bool = True


@dataclass
class _Level:
    """A mapping or a list that is being read."""

    value: Any
    steps: tuple[Step, ...]
    anchor: str | None
    spot: int
    size: int = 1
    key: str | None = None
    key_at: int = -1
    merges: list[Any] = field(default_factory=list)
    wrapped: Any = None


class _YamlReader:
    """Builds the value from PyYAML's events, with a limit on size and depth, and the place of each value."""

    def __init__(self, text: str, name: str):
        self.text = text
        self.name = name
        self.loader = yaml.SafeLoader("")
        self.spots: dict[tuple[Step, ...], Spot] = {}
        self.duplicates: list[Duplicate] = []
        self.anchors: dict[str, _Anchor] = {}
        self.levels: list[_Level] = []
        self.total = 0

    def read(self) -> Any:
        parser = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        result: Any = None
        documents = 0
        for event in yaml.parse(self.text, Loader=parser):
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._fault("The file holds several YAML documents; one is read.", event)
            elif isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
                self._open(event)
            elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
                level = self.levels.pop()
                self._close(level)
                result = self._add(level.wrapped or level.value, level.size, None)
            elif isinstance(event, yaml.ScalarEvent):
                result = self._scalar(event)
            elif isinstance(event, yaml.AliasEvent):
                result = self._alias(event)
        return result

    def _fault(self, message: str, event: Any) -> SourceError:
        mark = event.start_mark
        return SourceError(message, self.name, mark.line + 1, mark.column + 1)

    def _open(self, event: Any) -> None:
        if len(self.levels) >= DEEPEST:
            raise self._fault(f"The YAML is nested more than {DEEPEST} levels deep.", event)
        if self.levels and isinstance(self.levels[-1].value, dict) and self.levels[-1].key is None:
            raise self._fault("A key must be a text.", event)
        steps = self._steps()
        self._spot(steps, event)
        value: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        level = _Level(value, steps, event.anchor, event.start_mark.index)
        if event.tag and event.tag.startswith("!"):
            function = _function(event.tag)
            level.wrapped = {function: value}
            level.steps = (*steps, function)
        if event.anchor:
            self.anchors[event.anchor] = _Anchor()
        self.levels.append(level)

    def _close(self, level: _Level) -> None:
        for merged in reversed(level.merges):
            for key, entry in merged.items():
                level.value.setdefault(key, entry)
        if level.anchor:
            self.anchors[level.anchor] = _Anchor(level.value, level.size, is_open=False)

    def _steps(self) -> tuple[Step, ...]:
        if not self.levels:
            return ()
        level = self.levels[-1]
        step: Step = len(level.value) if isinstance(level.value, list) else level.key or ""
        return (*level.steps, step)

    def _spot(self, steps: tuple[Step, ...], event: Any) -> None:
        key_at = self.levels[-1].key_at if self.levels and isinstance(self.levels[-1].value, dict) else -1
        is_block = getattr(event, "style", None) in ("|", ">")
        self.spots[steps] = Spot(key_at, event.start_mark.index, is_block)

    def _scalar(self, event: Any) -> Any:
        level = self.levels[-1] if self.levels else None
        if level is not None and isinstance(level.value, dict) and level.key is None:
            if event.value in level.value and event.value != "<<":
                pointer = Pointer((*level.steps, event.value))
                self.duplicates.append(Duplicate(pointer, event.value, event.start_mark.index))
            level.key, level.key_at = event.value, event.start_mark.index
            return None
        steps = self._steps()
        self._spot(steps, event)
        value = self._value(event)
        if event.tag and event.tag.startswith("!") and event.tag != "!":
            function = _function(event.tag)
            self.spots[(*steps, function)] = self.spots[steps]
            value = {function: value.split(".", 1) if function == "Fn::GetAtt" else value}
        if event.anchor:
            self.anchors[event.anchor] = _Anchor(value, 1, is_open=False)
        return self._add(value, 1, event)

    def _value(self, event: Any) -> Any:
        if event.tag and event.tag.startswith("!"):
            return event.value
        node = yaml.ScalarNode
        tag = event.tag or self.loader.resolve(node, event.value, event.implicit)  # type: ignore[no-untyped-call]
        kind = tag.rpartition(":")[2]
        try:
            if kind == "int":
                return self.loader.construct_yaml_int(node(tag, event.value))
            if kind == "float":
                return self.loader.construct_yaml_float(node(tag, event.value))
            if kind == "bool":
                return self.loader.construct_yaml_bool(node(tag, event.value))
        except (ValueError, KeyError):
            return event.value
        return None if kind == "null" else event.value

    def _alias(self, event: Any) -> Any:
        anchor = self.anchors.get(event.anchor)
        if anchor is None:
            raise self._fault(f"There is no anchor '{event.anchor}'.", event)
        if anchor.is_open:
            raise self._fault(f"The anchor '{event.anchor}' holds itself.", event)
        level = self.levels[-1] if self.levels else None
        if level is not None and isinstance(level.value, dict) and level.key is None:
            raise self._fault("A key must be a text, no alias.", event)
        self._spot(self._steps(), event)
        return self._add(anchor.value, anchor.size, event)

    def _add(self, value: Any, size: int, event: Any) -> Any:
        self.total += 1
        level = self.levels[-1] if self.levels else None
        if size > MOST_VALUES or self.total > MOST_VALUES:
            raise SourceError(
                f"The YAML has more than {MOST_VALUES:,} values, its aliases written out.", self.name
            )
        if level is None:
            return value
        level.size += size
        if level.size > MOST_VALUES:
            message = f"The YAML has more than {MOST_VALUES:,} values, its aliases written out."
            raise self._fault(message, event) if event is not None else SourceError(message, self.name)
        if isinstance(level.value, list):
            level.value.append(value)
        elif level.key == "<<":
            level.merges += [
                entry for entry in (value if isinstance(value, list) else [value]) if isinstance(entry, dict)
            ]
            level.key = None
        else:
            level.value[level.key] = value
            level.key = None
        return value


def _function(tag: str) -> str:
    name = tag.removeprefix("!")
    return name if name in ("Ref", "Condition") else f"Fn::{name}"
