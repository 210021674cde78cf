"""What the checks look at: the parts of a conversation, as they were recorded."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from validator.limits import Limits
from validator.transport import EraName, Exchange

ListName = Literal["tools", "resources", "prompts"]
StopReason = Literal["repeated_cursor", "cursor_type", "pages", "items", "values", "form", "exchange"]


@dataclass(frozen=True)
class Contact:
    """How the endpoint was found, or why it was not.

    `exchange` is the one that decided; `statuses` are those of each path that was tried.
    """

    exchange: Exchange
    path: str | None
    host_header: str
    guarded: bool = False
    statuses: tuple[tuple[str, int | None], ...] = ()
    old_transport_path: str | None = None

    @property
    def at(self) -> str:
        """Where in the conversation this was."""
        return self.exchange.at

    @property
    def fault(self) -> str | None:
        """What kept the deciding exchange from an answer."""
        return self.exchange.fault.kind if self.exchange.fault else None


@dataclass(frozen=True)
class Greeting:
    """A server's answer to `server/discover` or `initialize`: who it is and what it offers."""

    era: EraName
    exchange: Exchange
    result: dict[str, Any]

    @property
    def at(self) -> str:
        """Where in the conversation this was."""
        return self.exchange.at

    @property
    def server_info(self) -> Any:
        """The server's name and version: in `_meta` since 2026-07-28, a field of its own before."""
        meta = self.result.get("_meta")
        own = meta.get("io.modelcontextprotocol/serverInfo") if isinstance(meta, dict) else None
        return self.result.get("serverInfo") if own is None else own

    @property
    def capabilities(self) -> dict[str, Any]:
        """What the server offers; empty where it did not say so in form."""
        capabilities = self.result.get("capabilities")
        return capabilities if isinstance(capabilities, dict) else {}


@dataclass(frozen=True)
class Listing:
    """A list that was read page by page, and why the reading ended before its end, if it did."""

    name: ListName
    era: EraName
    declared: bool
    items: tuple[Any, ...] = ()
    pages: int = 0
    stopped: StopReason | None = None
    found: str = ""
    unknown: bool = False
    """Whether the server said that it knows no such method."""

    @property
    def at(self) -> str:
        """Where in the conversation this was."""
        return f"{self.name}/list ({self.era})"


@dataclass(frozen=True)
class Reading:
    """Two readings of the same list of tools, as digests of its tools in order."""

    era: EraName
    first: tuple[str, ...]
    second: tuple[str, ...] | None

    @property
    def at(self) -> str:
        """Where in the conversation this was."""
        return f"tools/list ({self.era})"


@dataclass(frozen=True)
class Tool:
    """One tool as a server declared it."""

    era: EraName
    position: int
    value: dict[str, Any]
    limits: Limits
    deadline: float

    @property
    def at(self) -> str:
        """Where in the conversation this was."""
        return f"tools/list ({self.era}) tools[{self.position}]"


@dataclass(frozen=True)
class Text:
    """One text that a model or a person will read, and where it stands."""

    at: str
    value: str
    limits: Limits
    is_name: bool = False


@dataclass(frozen=True)
class BothEras:
    """The tools of a server that speaks both ways, as digests by name."""

    modern: dict[str, str]
    legacy: dict[str, str]
    at: str = "tools/list"


def digest(value: Any) -> str:
    """Return the SHA-256 of a JSON value in canonical form: sorted keys, no space, ASCII."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def tool_digest(tool: Any) -> str:
    """Return the digest of what a tool is; its `_meta` may differ from reading to reading and does not count."""
    if isinstance(tool, dict):
        tool = {key: value for key, value in tool.items() if key != "_meta"}
    return digest(tool)


def list_digest(digests: tuple[str, ...]) -> str:
    """Return the digest of a list of tools, whatever its order: SHA-256 over the sorted digests, a line each."""
    return hashlib.sha256("\n".join(sorted(digests)).encode("ascii")).hexdigest()


def texts(value: Any, at: str, limits: Limits) -> Iterator[Text]:
    """Every text within a value, keys included, in the order in which they stand.

    Icons are left out: their sources may be images in `data:` form, which nobody reads.
    """
    if isinstance(value, str):
        yield Text(at, value, limits)
    elif isinstance(value, list):
        for position, item in enumerate(value):
            yield from texts(item, f"{at}[{position}]", limits)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key in {"icons", "_meta"}:
                continue
            if not key.isidentifier():
                yield Text(f"{at} (a key)", key, limits, is_name=True)
            yield from texts(
                item, f"{at}.{key}" if key.isidentifier() and len(key) <= 60 else f"{at}[…]", limits
            )
