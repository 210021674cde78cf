"""Checks of the protocol: versions, identity, capabilities, sessions, what 2026-07-28 adds."""

from collections.abc import Iterator
from typing import Any

from validator.checks.check import (
    FIRST_REVISION,
    LAST_LEGACY_REVISION,
    LEGACY_REVISIONS,
    MODERN_REVISION,
    STREAMABLE_HTTP_REVISION,
    Found,
    Severity,
    check,
)
from validator.checks.rpc import UNSUPPORTED_VERSION
from validator.subjects import Greeting, Listing
from validator.transport import Exchange

CACHEABLE_METHODS = frozenset(
    {"server/discover", "tools/list", "prompts/list", "resources/list", "resources/templates/list"}
)


def supported_versions(exchange: Exchange) -> list[str]:
    """Return the versions that a server names when it refuses ours (UnsupportedProtocolVersionError)."""
    error = (exchange.envelope or {}).get("error")
    data = error.get("data") if isinstance(error, dict) else None
    versions = data.get("supported") if isinstance(data, dict) else None
    return [version for version in versions if isinstance(version, str)] if isinstance(versions, list) else []


@check(
    "protocol.version",
    "error",
    Exchange,
    expects="a revision of MCP that is published, in the field where the era has it",
    since=FIRST_REVISION,
    source=f"{MODERN_REVISION} basic/versioning#protocol-version-negotiation",
)
def version(exchange: Exchange) -> Iterator[Found]:
    """Require that the server speaks a revision that there is."""
    if exchange.error_code == UNSUPPORTED_VERSION:
        yield Found(f"refuses {MODERN_REVISION}, supports {supported_versions(exchange)}")
        return
    result = exchange.result
    if result is None:
        return
    if exchange.request.rpc_method == "server/discover":
        versions = result.get("supportedVersions")
        if not isinstance(versions, list) or MODERN_REVISION not in versions:
            yield Found(f"supportedVersions is {versions!r}, without {MODERN_REVISION}")
    elif exchange.request.rpc_method == "initialize":
        negotiated = result.get("protocolVersion")
        if negotiated not in LEGACY_REVISIONS:
            yield Found(f"protocolVersion is {negotiated!r}")


@check(
    "protocol.server_info",
    "error",
    Greeting,
    expects="serverInfo with a name and a version",
    since=FIRST_REVISION,
    source=f"{LAST_LEGACY_REVISION} basic/lifecycle#initialization; {MODERN_REVISION} basic/index#_meta",
)
def server_info(greeting: Greeting) -> Iterator[Found]:
    """Require that the server says who it is; since 2026-07-28 it should, before that it must."""
    info = greeting.server_info
    if info is None:
        yield Found("no serverInfo", severity="warn" if greeting.era == "modern" else None)
    elif not isinstance(info, dict):
        yield Found(f"serverInfo is a JSON {type(info).__name__}")
    else:
        for key in ("name", "version"):
            value: Any = info.get(key)
            if not isinstance(value, str) or (key == "name" and not value.strip()):
                yield Found(f"{key} is {value!r}", at=f"{greeting.at} serverInfo.{key}")


@check(
    "protocol.capabilities",
    "error",
    Greeting,
    Listing,
    expects="capabilities, an object of objects, with tools where there are tools",
    since=FIRST_REVISION,
    source=f"{LAST_LEGACY_REVISION} basic/lifecycle#capability-negotiation; {MODERN_REVISION} server/discover",
)
def capabilities(subject: Greeting | Listing) -> Iterator[Found]:
    """Require that the server says what it offers: clients do not ask for what it did not name."""
    if isinstance(subject, Listing):
        if subject.name == "tools" and subject.items and not subject.declared:
            yield Found(f"{len(subject.items)} tools, and the capability tools is not declared")
        return
    declared = subject.result.get("capabilities")
    if not isinstance(declared, dict):
        yield Found(f"capabilities is {declared!r}")
        return
    for name in ("tools", "resources", "prompts"):
        if name in declared and not isinstance(declared[name], dict):
            yield Found(f"it is {declared[name]!r}", at=f"{subject.at} capabilities.{name}")


@check(
    "protocol.session",
    "error",
    Exchange,
    expects="a session id of visible ASCII that stays valid; none since 2026-07-28",
    since=STREAMABLE_HTTP_REVISION,
    source=f"{LAST_LEGACY_REVISION} basic/transports#session-management",
)
def session(exchange: Exchange) -> Iterator[Found]:
    """Require that a session that is given can be used."""
    given = exchange.headers.get("mcp-session-id")
    if exchange.request.rpc_method == "initialize" and given is not None and not usable_session(given):
        yield Found(f"the session id {given!r}")
    if exchange.status == 404 and "Mcp-Session-Id" in exchange.request.headers:
        yield Found("HTTP 404: the session was over before it was used")
    if exchange.request.era == "modern" and given is not None:
        yield Found("a session id in an answer that should have none", severity="warn")


def usable_session(session_id: str) -> bool:
    """Whether a session id has visible ASCII only (0x21 to 0x7E), and some."""
    return 0 < len(session_id) <= 4096 and all("!" <= character <= "~" for character in session_id)


@check(
    "protocol.modern_fields",
    "error",
    Exchange,
    expects='resultType "complete", and in what may be cached an integer ttlMs and a cacheScope',
    since=MODERN_REVISION,
    source=f"{MODERN_REVISION} changelog; {MODERN_REVISION} basic/index#resulttype",
)
def modern_fields(exchange: Exchange) -> Iterator[Found]:
    """Results carry what 2026-07-28 requires of them."""
    result = exchange.result
    if result is None or exchange.request.era != "modern":
        return
    if result.get("resultType") != "complete":
        yield Found(f"resultType is {result.get('resultType')!r}")
    if exchange.request.rpc_method in CACHEABLE_METHODS:
        # The schema wants them of server/discover too, the changelog names only the lists.
        severity: Severity | None = "warn" if exchange.request.rpc_method == "server/discover" else None
        lifetime = result.get("ttlMs")
        if not isinstance(lifetime, int | float) or isinstance(lifetime, bool) or lifetime < 0:
            yield Found(f"ttlMs is {lifetime!r}", severity=severity)
        if result.get("cacheScope") not in ("public", "private"):
            yield Found(f"cacheScope is {result.get('cacheScope')!r}", severity=severity)
    if exchange.foreign_requests:
        yield Found("the server sent requests of its own on the stream")
