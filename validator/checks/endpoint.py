"""Checks of the endpoint: can it be reached, where, and does it answer as HTTP should."""

from collections.abc import Iterator

from validator.checks.check import MODERN_REVISION, OURS, STREAMABLE_HTTP_REVISION, Found, check
from validator.subjects import Contact
from validator.transport import Exchange

STANDARD_PATHS = ("/mcp", "/mcp/")
TRANSPORT_PAGE = f"{MODERN_REVISION} basic/transports/streamable-http"


@check(
    "endpoint.reachable",
    "error",
    Contact,
    expects="something listens at the task's address within the time that a start may take",
    since=STREAMABLE_HTTP_REVISION,
    source=f"{TRANSPORT_PAGE}#security-endpoint",
)
def reachable(contact: Contact) -> Iterator[Found]:
    """Require that a connection comes about."""
    if contact.fault == "unreachable" and contact.exchange.fault:
        yield Found(f"{contact.exchange.fault.found}, until the time for starting was over")


@check(
    "endpoint.answers",
    "error",
    Exchange,
    expects="each request is answered, in HTTP",
    since=STREAMABLE_HTTP_REVISION,
    source=f"{TRANSPORT_PAGE}#sending-messages",
)
def answers(exchange: Exchange) -> Iterator[Found]:
    """Require that what connects also answers, and with HTTP."""
    fault = exchange.fault
    if fault and (fault.kind in {"unreachable", "silent", "closed", "not_http", "truncated"}):
        yield Found(fault.found)


@check(
    "endpoint.redirect",
    "error",
    Exchange,
    expects="no redirect but 307 or 308 within the same address and port",
    since=STREAMABLE_HTTP_REVISION,
    source=OURS,
)
def redirect(exchange: Exchange) -> Iterator[Found]:
    """Require that the server answers itself; it sends nobody elsewhere."""
    if exchange.status is not None and 300 <= exchange.status < 400:
        yield Found(
            f"HTTP {exchange.status} to {exchange.headers.get('location', 'nowhere')!r}, which was not followed"
        )


@check(
    "endpoint.path",
    "error",
    Contact,
    expects="the endpoint is at /mcp",
    since=STREAMABLE_HTTP_REVISION,
    source=f"{OURS}; {TRANSPORT_PAGE}",
)
def path(contact: Contact) -> Iterator[Found]:
    """MCP is where the registry looks for it; at another usual path it is a matter of policy."""
    if contact.old_transport_path is not None or contact.fault is not None:
        return
    if contact.path is None:
        tried = ", ".join(f"{tried} {status or 'no answer'}" for tried, status in contact.statuses)
        yield Found(f"no MCP at any of the usual paths: {tried}")
    elif contact.path not in STANDARD_PATHS:
        yield Found(f"the endpoint is at {contact.path}", severity="policy")


@check(
    "endpoint.transport",
    "policy",
    Contact,
    expects="Streamable HTTP, not the HTTP+SSE transport that it replaced",
    since=STREAMABLE_HTTP_REVISION,
    source=f"{TRANSPORT_PAGE}#http-sse-transport-2024-11-05",
)
def transport(contact: Contact) -> Iterator[Found]:
    """Require that the transport is the current one."""
    if contact.old_transport_path is not None:
        yield Found(f"only HTTP+SSE, at {contact.old_transport_path}")


@check(
    "auth.required",
    "policy",
    Exchange,
    expects="a server that lists its tools without credentials",
    since=STREAMABLE_HTTP_REVISION,
    source=f"{OURS}; {MODERN_REVISION} basic/authorization",
)
def auth_required(exchange: Exchange) -> Iterator[Found]:
    """Require that the server can be judged without credentials."""
    challenge = exchange.headers.get("www-authenticate", "")
    if exchange.status == 401 or (exchange.status == 403 and challenge):
        metadata = "resource_metadata" in challenge.lower()
        yield Found(
            f"HTTP {exchange.status} {'with' if metadata else 'without'} a pointer to RFC 9728 metadata"
        )


@check(
    "endpoint.status",
    "error",
    Exchange,
    expects="a status of success, or an error said in JSON-RPC",
    since=STREAMABLE_HTTP_REVISION,
    source=f"{TRANSPORT_PAGE}#sending-messages",
)
def status(exchange: Exchange) -> Iterator[Found]:
    """Require that the status is one that an MCP request can have."""
    if (
        exchange.status is None
        or exchange.ok
        or exchange.fault
        or exchange.overran
        or 300 <= exchange.status < 400
    ):
        return
    lost_session = exchange.status == 404 and "Mcp-Session-Id" in exchange.request.headers
    is_auth = exchange.status == 401 or (exchange.status == 403 and "www-authenticate" in exchange.headers)
    if not is_auth and not lost_session and (exchange.envelope or {}).get("error") is None:
        yield Found(f"HTTP {exchange.status}")


@check(
    "endpoint.host_guard",
    "warn",
    Contact,
    expects="the server answers to the address that it is called by",
    since=STREAMABLE_HTTP_REVISION,
    source=f"{TRANSPORT_PAGE}#security-endpoint",
)
def host_guard(contact: Contact) -> Iterator[Found]:
    """Require that a guard against DNS rebinding does not shut out whoever calls by address."""
    if contact.guarded:
        yield Found("refused under its own address, answered to Host: localhost")
