"""Where a server is: an address literal and a port, and nothing that would need a look-up."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

LOOPBACK_NAME = "localhost"

# The instance metadata service over IPv6; its IPv4 address and that of tasks are link-local.
# documentation: EC2 user guide, "Instance metadata access considerations".
_METADATA_IPV6 = ipaddress.ip_network("fd00:ec2::/32")


class EndpointError(ValueError):
    """The endpoint is not one that may be asked; the message says why."""


@dataclass(frozen=True)
class Endpoint:
    """An address literal, a port, and the path, if one was given."""

    address: str
    port: int
    path: str | None = None

    @property
    def host(self) -> str:
        """The value of the `Host` header that names this endpoint."""
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


def parse_endpoint(url: object, *, allow_localhost: bool = False) -> Endpoint:
    """Return the endpoint that a URL names; raises `EndpointError`.

    Only `http` and an address literal: no name is looked up. `localhost` stands for 127.0.0.1 where it is
    allowed (the command line, not the Lambda). Link-local addresses, where the metadata services of
    instances and tasks listen, are refused, and so are all that no server can have.
    """
    if not isinstance(url, str) or not url:
        raise EndpointError("no endpoint was given")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise EndpointError(f"the endpoint is no URL: {error}") from None
    if parts.scheme != "http":
        raise EndpointError("the endpoint must begin with http://")
    if parts.username is not None or parts.query or parts.fragment:
        raise EndpointError("the endpoint may hold an address, a port and a path only")
    if port == 0 or not parts.hostname:
        raise EndpointError("the endpoint names no host and port")
    if not (parts.path.isascii() and parts.path.isprintable()) or " " in parts.path:
        raise EndpointError("the endpoint's path holds characters that a request line cannot carry")
    path = parts.path if parts.path.strip("/") else None
    return Endpoint(_address(parts.hostname, allow_localhost=allow_localhost), port or 80, path)


def _address(host: str, *, allow_localhost: bool) -> str:
    if host == LOOPBACK_NAME and allow_localhost:
        return "127.0.0.1"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise EndpointError("the endpoint's host must be an address literal: no name is looked up") from None
    mapped = getattr(address, "ipv4_mapped", None) or address
    metadata = address.version == 6 and address in _METADATA_IPV6
    if (
        "%" in host
        or metadata
        or mapped.is_link_local
        or mapped.is_multicast
        or mapped.is_unspecified
        or mapped.is_reserved
    ):
        raise EndpointError(f"no server is asked at {host}")
    return str(address)
