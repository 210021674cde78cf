"""Checks of the tools: what a client must be able to rely on before it shows them to a model."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from typing import Any

from validator.checks.check import FIRST_REVISION, LAST_LEGACY_REVISION, MODERN_REVISION, OURS, Found, check
from validator.schema import dialect_problem, reference_problems, size_problem, validity_problems
from validator.subjects import BothEras, Listing, Reading, Tool

TOOLS_PAGE = f"{MODERN_REVISION} server/tools"
SCHEMA_PAGE = f"{MODERN_REVISION} basic/index#json-schema-usage"
NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")
HINTS = ("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint")
HEADER_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

# Letters of other scripts, and Latin ones and digits, that pass for another letter, by code point
# (a part of Unicode's confusables, UTS 39), after case folding.
_ALIKE = {
    **dict.fromkeys((0x0430, 0x03B1, 0x0251), "a"),
    **dict.fromkeys((0x0441, 0x03F2), "c"),
    **dict.fromkeys((0x0501,), "d"),
    **dict.fromkeys((0x0435, 0x0454), "e"),
    **dict.fromkeys((0x04BB, 0x043D), "h"),
    **dict.fromkeys((0x0456, 0x03B9, 0x0131, 0x04CF, 0x0031, 0x006C, 0x007C), "i"),
    **dict.fromkeys((0x0458, 0x03F3), "j"),
    **dict.fromkeys((0x043A, 0x03BA), "k"),
    **dict.fromkeys((0x043C, 0x03BC), "m"),
    **dict.fromkeys((0x03B7,), "n"),
    **dict.fromkeys((0x043E, 0x03BF, 0x0585, 0x0030), "o"),
    **dict.fromkeys((0x0440, 0x03C1), "p"),
    **dict.fromkeys((0x051B,), "q"),
    **dict.fromkeys((0x0433,), "r"),
    **dict.fromkeys((0x0455,), "s"),
    **dict.fromkeys((0x0442, 0x03C4), "t"),
    **dict.fromkeys((0x03C5, 0x057D), "u"),
    **dict.fromkeys((0x03BD, 0x0475), "v"),
    **dict.fromkeys((0x051D, 0x0461, 0x03C9), "w"),
    **dict.fromkeys((0x0445, 0x03C7), "x"),
    **dict.fromkeys((0x0443, 0x03B3), "y"),
}


@check(
    "tools.list",
    "error",
    Listing,
    expects="tools/list answers with an array of objects",
    since=FIRST_REVISION,
    source=f"{TOOLS_PAGE}#listing-tools",
)
def tool_list(listing: Listing) -> Iterator[Found]:
    """Require that the list of tools is a list of objects."""
    if listing.name == "tools" and listing.stopped == "form":
        yield Found(listing.found)


@check(
    "tools.cursor",
    "error",
    Listing,
    expects="each cursor a string, and a new one",
    since=FIRST_REVISION,
    source=f"{MODERN_REVISION} server/utilities/pagination",
)
def cursor(listing: Listing) -> Iterator[Found]:
    """Following the cursors leads to an end."""
    if listing.stopped in {"repeated_cursor", "cursor_type"}:
        yield Found(listing.found)


@check("tools.count", "policy", Listing, expects="at least one tool", since=FIRST_REVISION, source=OURS)
def count(listing: Listing) -> Iterator[Found]:
    """Require that the registry lists servers for their tools."""
    if listing.name == "tools" and not listing.items and listing.stopped is None:
        yield Found("no tools")


@check(
    "tools.stable",
    "error",
    Reading,
    expects="two readings with the same tools, in the same order",
    since=FIRST_REVISION,
    source=f"{TOOLS_PAGE}#capabilities",
)
def stable(reading: Reading) -> Iterator[Found]:
    """Require that what was judged is what the next reader gets; another order only warns."""
    if reading.second is None or reading.first == reading.second:
        return
    if Counter(reading.first) == Counter(reading.second):
        yield Found("the second reading has another order", severity="warn")
    else:
        only = sum((Counter(reading.second) - Counter(reading.first)).values())
        gone = sum((Counter(reading.first) - Counter(reading.second)).values())
        yield Found(f"the second reading has {only} tools that the first had not, and lacks {gone}")


@check(
    "tools.name_format",
    "warn",
    Tool,
    expects="a name of 1 to 128 characters out of A-Z a-z 0-9 _ . -",
    since=FIRST_REVISION,
    source=f"{TOOLS_PAGE}#tool-names",
)
def name_format(tool: Tool) -> Iterator[Found]:
    """Require that the name can be used everywhere; one that cannot be used at all is an error."""
    name = tool.value.get("name")
    if not isinstance(name, str):
        yield Found(f"the name is {name!r}", severity="error")
    elif not name.strip():
        yield Found("the name is empty", severity="error")
    elif any(unicodedata.category(character) in {"Cc", "Cs"} for character in name):
        yield Found(f"the name {name!r} holds control characters", severity="error")
    elif not NAME.fullmatch(name):
        yield Found(f"the name {name!r}")


@check(
    "tools.names_unique",
    "error",
    Listing,
    expects="each name once",
    since=FIRST_REVISION,
    source=f"{TOOLS_PAGE}#tool-names",
)
def names_unique(listing: Listing) -> Iterator[Found]:
    """Require that a name calls one tool."""
    if listing.name == "tools":
        for name, times in Counter(_names(listing)).items():
            if times > 1:
                yield Found(f"the name {name!r} stands {times} times")


@check(
    "tools.names_confusable",
    "warn",
    Listing,
    expects="names that differ to the eye",
    since=FIRST_REVISION,
    source="Unicode Technical Standard 39, section 4",
)
def names_confusable(listing: Listing) -> Iterator[Found]:
    """Require that a person can tell the names apart."""
    if listing.name != "tools":
        return
    alike: dict[str, list[str]] = {}
    for name in dict.fromkeys(_names(listing)):
        alike.setdefault(skeleton(name), []).append(name)
    for names in alike.values():
        if len(names) > 1:
            yield Found(f"names that look alike: {', '.join(map(repr, names[:4]))}")


def _names(listing: Listing) -> Iterator[str]:
    for tool in listing.items:
        if isinstance(tool, dict) and isinstance(tool.get("name"), str):
            yield tool["name"]


def skeleton(name: str) -> str:
    """Tell what a name looks like: case, width, invisible characters and look-alikes taken out."""
    visible = "".join(
        character
        for character in unicodedata.normalize("NFKC", name)
        if unicodedata.category(character) != "Cf"
    )
    return visible.casefold().translate(_ALIKE)


@check(
    "tools.description",
    "warn",
    Tool,
    expects="a description",
    since=FIRST_REVISION,
    source=f"{TOOLS_PAGE}#tool",
)
def description(tool: Tool) -> Iterator[Found]:
    """Require that a model is told what the tool does."""
    text = tool.value.get("description")
    if text is None or (isinstance(text, str) and not text.strip()):
        yield Found("no description")
    elif not isinstance(text, str):
        yield Found(f"the description is a JSON {type(text).__name__}")


@check(
    "tools.annotations",
    "warn",
    Tool,
    expects="annotations whose hints are booleans and do not contradict each other",
    since="2025-03-26",
    source=f"{TOOLS_PAGE}#tool",
)
def annotations(tool: Tool) -> Iterator[Found]:
    """Require that the hints, which are never trusted, can at least be read."""
    hints = tool.value.get("annotations")
    if hints is None:
        return
    if not isinstance(hints, dict):
        yield Found(f"annotations is a JSON {type(hints).__name__}")
        return
    for name in HINTS:
        if hints.get(name) is not None and not isinstance(hints[name], bool):
            yield Found(f"{name} is {hints[name]!r}")
    if hints.get("readOnlyHint") is True and hints.get("destructiveHint") is True:
        yield Found("readOnlyHint and destructiveHint are both true")


@check(
    "tools.schema_present",
    "error",
    Tool,
    expects="an inputSchema that is an object",
    since=FIRST_REVISION,
    source=f"{TOOLS_PAGE}#tool",
)
def schema_present(tool: Tool) -> Iterator[Found]:
    """Require that the tool says what it takes."""
    schema = tool.value.get("inputSchema")
    if not isinstance(schema, dict):
        found = "no inputSchema" if "inputSchema" not in tool.value else f"inputSchema is {schema!r}"
        yield Found(found, at=f"{tool.at}.inputSchema")


def _schemas(tool: Tool) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return the tool's schemas that are small enough to be looked into, by their names."""
    for name in ("inputSchema", "outputSchema"):
        schema = tool.value.get(name)
        if isinstance(schema, dict) and size_problem(schema, tool.limits) is None:
            yield name, schema


@check(
    "tools.schema_valid",
    "error",
    Tool,
    expects='schemas that are valid in their dialect; inputSchema\'s root has type "object"',
    since=FIRST_REVISION,
    source=f"{SCHEMA_PAGE}; {TOOLS_PAGE}#tool",
)
def schema_valid(tool: Tool) -> Iterator[Found]:
    """Require that the schemas are schemas."""
    output = tool.value.get("outputSchema")
    if output is not None and not isinstance(output, dict):
        yield Found(f"outputSchema is a JSON {type(output).__name__}", at=f"{tool.at}.outputSchema")
    for name, schema in _schemas(tool):
        if name == "inputSchema" and schema.get("type") != "object":
            yield Found(f"the root's type is {schema.get('type')!r}", at=f"{tool.at}.{name}.type")
        for place, problem in validity_problems(schema, tool.deadline):
            yield Found(problem, at=f"{tool.at}.{name}{place}")


@check(
    "tools.schema_ref",
    "error",
    Tool,
    expects="each $ref leads to a place within its schema",
    since=MODERN_REVISION,
    source=f"{MODERN_REVISION} basic/index#ref-resolution",
)
def schema_ref(tool: Tool) -> Iterator[Found]:
    """Nothing has to be fetched to understand a schema, and nothing in it leads nowhere."""
    for name, schema in _schemas(tool):
        for place, problem in reference_problems(schema):
            yield Found(problem, at=f"{tool.at}.{name}{place}")


@check(
    "tools.schema_dialect",
    "warn",
    Tool,
    expects="a dialect that clients know: 2020-12, or drafts 4, 6, 7 and 2019-09",
    since=LAST_LEGACY_REVISION,
    source=f"{MODERN_REVISION} basic/index#schema-dialect",
)
def schema_dialect(tool: Tool) -> Iterator[Found]:
    """Require that the schema's dialect is one that can be judged."""
    for name, schema in _schemas(tool):
        problem = dialect_problem(schema)
        if problem is not None:
            yield Found(problem, at=f"{tool.at}.{name}.$schema")


@check(
    "tools.header_parameters",
    "warn",
    Tool,
    expects="each x-mcp-header a unique header token on a string, integer or boolean property",
    since=MODERN_REVISION,
    source=f"{TOOLS_PAGE}#x-mcp-header",
)
def header_parameters(tool: Tool) -> Iterator[Found]:
    """Clients over HTTP do not drop the tool for its parameters' headers."""
    schema = tool.value.get("inputSchema")
    seen: set[str] = set()
    for path, value, kind in _header_marks(schema if isinstance(schema, dict) else {}, ""):
        place = f"{tool.at}.inputSchema{path}"
        if not isinstance(value, str) or not HEADER_TOKEN.fullmatch(value):
            yield Found(f"x-mcp-header is {value!r}", at=place)
        elif value.lower() in seen:
            yield Found(f"x-mcp-header {value!r} stands twice", at=place)
        elif kind not in {"string", "integer", "boolean"}:
            yield Found(f"x-mcp-header on a property of type {kind!r}", at=place)
        else:
            seen.add(value.lower())


def _header_marks(schema: dict[str, Any], path: str, depth: int = 0) -> Iterator[tuple[str, Any, Any]]:
    properties = schema.get("properties")
    if not isinstance(properties, dict) or depth > 32:
        return
    for name, value in properties.items():
        if isinstance(value, dict):
            if "x-mcp-header" in value:
                kind = value.get("type")
                yield (
                    f"{path}.properties.{name}",
                    value["x-mcp-header"],
                    kind if isinstance(kind, str) else None,
                )
            yield from _header_marks(value, f"{path}.properties.{name}", depth + 1)


@check(
    "tools.eras_differ",
    "warn",
    BothEras,
    expects="the same tools in both eras",
    since=MODERN_REVISION,
    source=f"{MODERN_REVISION} basic/versioning#compatibility-matrix",
)
def eras_differ(both: BothEras) -> Iterator[Found]:
    """Whoever asks the new way and the old way gets the same tools."""
    names = set(both.modern) ^ set(both.legacy)
    changed = [name for name in both.modern if name in both.legacy and both.modern[name] != both.legacy[name]]
    if names:
        yield Found(f"{len(names)} tools in one era only, such as {min(names)!r}")
    elif changed:
        yield Found(f"{len(changed)} tools differ, such as {changed[0]!r}")


@check(
    "resources.list",
    "warn",
    Listing,
    expects="a server that declares resources lists them",
    since=FIRST_REVISION,
    source=f"{MODERN_REVISION} server/resources#listing-resources",
)
def resources(listing: Listing) -> Iterator[Found]:
    """Require that what is declared can be listed."""
    yield from _list_of(listing, "resources", "uri")


@check(
    "prompts.list",
    "warn",
    Listing,
    expects="a server that declares prompts lists them",
    since=FIRST_REVISION,
    source=f"{MODERN_REVISION} server/prompts#listing-prompts",
)
def prompts(listing: Listing) -> Iterator[Found]:
    """Require that what is declared can be listed."""
    yield from _list_of(listing, "prompts", "name")


def _list_of(listing: Listing, name: str, key: str) -> Iterator[Found]:
    if listing.name != name:
        return
    if listing.stopped in {"form", "exchange"}:
        yield Found(listing.found)
    for position, item in enumerate(listing.items):
        if not isinstance(item, dict) or not isinstance(item.get(key), str):
            yield Found(f"no {key}", at=f"{listing.at} {name}[{position}]")
