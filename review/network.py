"""Who can reach what: the rules of security groups as sets of protocol, port and peer; routes to the internet.

A rule opens what no rule opened before: a port of a range, an address of a network. Peers that are addresses count
as exposure; a security group or a prefix list as the peer never does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_network
from itertools import pairwise
from typing import Any

from review.model import Change, Gate, Level, Place, Section, Verb, code
from review.template import Resource, Template, alternatives, text_of

Network = IPv4Network | IPv6Network
EVERY_PORT = (0, 65535)
PEERS = {
    "CidrIp": "addresses",
    "CidrIpv6": "addresses",
    "SourceSecurityGroupId": "group",
    "DestinationSecurityGroupId": "group",
    "SourceSecurityGroupName": "group",
    "SourcePrefixListId": "prefix list",
    "DestinationPrefixListId": "prefix list",
}
"""Keys that name who is at the other end of a rule, and what kind of peer that is."""

PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "all": "-1"}
WORLD = ("0.0.0.0/0", "::/0")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a security group."""

    group: str
    direction: str
    protocol: str
    ports: tuple[int, int]
    kind: str
    peer: str
    place: Place

    @property
    def network(self) -> Network | None:
        """The peer as a network; None where it is a group, or known at deployment only."""
        try:
            return ip_network(self.peer, strict=False)
        except ValueError:
            return None

    def __str__(self) -> str:
        """Write it for a reader: `tcp 443 from 0.0.0.0/0`."""
        protocol = "every protocol" if self.protocol == "-1" else self.protocol
        if self.protocol in ("-1", "icmp", "icmpv6") or self.ports == EVERY_PORT:
            ports = "" if self.protocol in ("-1", "icmp", "icmpv6") else " every port"
        else:
            first, last = self.ports
            ports = f" {first}" if first == last else f" {first}-{last}"
        where = "from" if self.direction == "ingress" else "to"
        return f"{protocol}{ports} {where} {code(self.peer)}"


def compare(before: Template, after: Template) -> Iterator[Change]:
    """Yield what the security groups and routes open and close."""
    old, new = list(_rules(before, is_before=True)), list(_rules(after, is_before=False))
    yield from _opened(old, new, Verb.OPENED)
    yield from _opened(new, old, Verb.CLOSED)
    yield from _routes(before, after)


def _opened(old: list[Rule], new: list[Rule], verb: Verb) -> Iterator[Change]:
    known: dict[tuple[str, str], list[Rule]] = {}
    for rule in old:
        known.setdefault((rule.group, rule.direction), []).append(rule)
    seen: set[str] = set()
    for rule in new:
        rest = _rest(rule, known.get((rule.group, rule.direction), []))
        text = f"{rule.group} {rest}"
        if not rest or text in seen:
            continue
        seen.add(text)
        opens = verb is Verb.OPENED
        is_addresses = rule.kind == "addresses"
        is_world = rule.peer in WORLD
        how = "be reached on" if rule.direction == "ingress" else "connect with"
        yield Change(
            Section.NETWORK,
            verb,
            rule.group,
            f"{code(rule.group)} can {'now' if opens else 'no longer'} {how} {rest}"
            + (" (the whole internet)" if is_world and opens else ""),
            (Level.DANGER if is_addresses and (is_world or rule.direction == "ingress") else Level.WARNING)
            if opens
            else Level.NOTE,
            rule.place,
            frozenset({Gate.EXPOSURE}) if opens and is_addresses else frozenset(),
            facts={
                "group": rule.group,
                "direction": rule.direction,
                "peer": rule.peer,
                "peer_kind": rule.kind,
                "protocol": rule.protocol,
                "ports": list(rule.ports),
            },
        )


def _rest(rule: Rule, known: list[Rule]) -> str:
    """Return what of a rule no other rule covers, for a reader; empty where all is covered."""
    alike = [each for each in known if each.protocol in ("-1", rule.protocol)]
    edges = sorted(
        {rule.ports[0], rule.ports[1] + 1}
        | {
            edge
            for each in alike
            for edge in (each.ports[0], each.ports[1] + 1)
            if rule.ports[0] < edge <= rule.ports[1]
        }
    )
    pieces = []
    for first, after_last in pairwise(edges):
        covering = [
            each
            for each in alike
            if each.protocol == "-1" or (each.ports[0] <= first and after_last - 1 <= each.ports[1])
        ]
        if not _is_covered(rule, covering):
            pieces.append((first, after_last - 1))
    if not pieces:
        return ""
    merged = [pieces[0]]
    for first, last in pieces[1:]:
        if merged[-1][1] + 1 == first:
            merged[-1] = (merged[-1][0], last)
        else:
            merged.append((first, last))
    return ", ".join(
        str(Rule(rule.group, rule.direction, rule.protocol, piece, rule.kind, rule.peer, rule.place))
        for piece in merged
    )


def _is_covered(rule: Rule, covering: list[Rule]) -> bool:
    if any(each.peer == rule.peer for each in covering):
        return True
    network = rule.network
    if rule.kind == "addresses" and network is None:
        return any(each.peer in WORLD for each in covering)
    if network is None:
        return False
    rest: list[Network] = [network]
    for each in covering:
        other = each.network
        if other is not None and other.version == network.version:
            rest = [piece for known in rest for piece in _without(known, other)]
    return not rest


def _without(network: Network, other: Network) -> Iterator[Network]:
    if not network.overlaps(other):
        yield network
    elif isinstance(network, IPv4Network) and isinstance(other, IPv4Network):
        if not network.subnet_of(other):
            yield from network.address_exclude(other)
    elif isinstance(network, IPv6Network) and isinstance(other, IPv6Network) and not network.subnet_of(other):
        yield from network.address_exclude(other)


def _rules(template: Template, *, is_before: bool) -> Iterator[Rule]:
    for group in template.of_type("AWS::EC2::SecurityGroup"):
        for key, direction in (("SecurityGroupIngress", "ingress"), ("SecurityGroupEgress", "egress")):
            place = Place(template.file, group.pointer / "Properties" / key, is_before)
            if key in group.properties:
                value = template.resolved(group.properties[key])
                yield from _listed(group.name, direction, value, place)
            elif direction == "egress" and not any(True for _ in _standalone(template, group.name, "egress")):
                place = Place(template.file, group.pointer, is_before)
                for peer in WORLD:  # AWS lets a group without rules of its own connect to everywhere
                    yield Rule(group.name, "egress", "-1", EVERY_PORT, "addresses", peer, place)
    for resource_type, direction in (
        ("AWS::EC2::SecurityGroupIngress", "ingress"),
        ("AWS::EC2::SecurityGroupEgress", "egress"),
    ):
        for rule in template.of_type(resource_type):
            group_name = _group(rule)
            place = Place(template.file, rule.pointer, is_before)
            for _, found in alternatives(template.resolved(rule.properties)):
                yield from _rule(group_name, direction, found, place)


def _standalone(template: Template, group: str, direction: str) -> Iterator[Resource]:
    kind = "AWS::EC2::SecurityGroupIngress" if direction == "ingress" else "AWS::EC2::SecurityGroupEgress"
    return (rule for rule in template.of_type(kind) if _group(rule) == group)


def _group(rule: Resource) -> str:
    text = text_of(rule.properties.get("GroupId", rule.properties.get("GroupName", "?")))
    return (
        text.removeprefix("${").removesuffix("}").removesuffix(".GroupId") if text.startswith("${") else text
    )


def _listed(group: str, direction: str, value: Any, at: Place) -> Iterator[Rule]:
    entries = value if isinstance(value, list) else [value]
    for index, entry in enumerate(entries):
        place = replace(at, pointer=at.pointer / index) if isinstance(value, list) else at
        for _, found in alternatives([entry]):
            for each in found:
                for inner in each if isinstance(each, list) else [each]:
                    yield from _rule(group, direction, inner, place)


def _rule(group: str, direction: str, entry: Any, place: Place) -> Iterator[Rule]:
    if not isinstance(entry, Mapping):
        yield Rule(group, direction, "-1", EVERY_PORT, "addresses", text_of(entry), place)
        return
    protocol = text_of(entry.get("IpProtocol", "-1")).lower()
    protocol = PROTOCOLS.get(protocol, protocol)
    ports = _ports(entry, protocol)
    for key, kind in PEERS.items():
        if key in entry:
            yield Rule(group, direction, protocol, ports, kind, _peer(entry[key]), place)


def _ports(entry: Mapping[str, Any], protocol: str) -> tuple[int, int]:
    if protocol == "-1":
        return EVERY_PORT
    try:
        first, last = (
            int(text_of(entry.get("FromPort", 0))),
            int(text_of(entry.get("ToPort", entry.get("FromPort", 65535)))),
        )
    except ValueError:
        return EVERY_PORT  # known at deployment only
    return EVERY_PORT if first < 0 else (first, last)


def _peer(value: Any) -> str:
    text = text_of(value)
    return (
        text.removeprefix("${").removesuffix("}").removesuffix(".GroupId")
        if text.endswith(".GroupId}")
        else text
    )


def _routes(before: Template, after: Template) -> Iterator[Change]:
    """Yield routes to an internet gateway that were added or removed: what makes a subnet public."""
    old, new = _public_routes(before), _public_routes(after)
    for key in sorted(new.keys() - old.keys()):
        yield Change(
            Section.NETWORK,
            Verb.OPENED,
            key[0],
            f"{code(key[0])} has a route from {code(key[1])} to the internet gateway now",
            Level.DANGER,
            Place(after.file, new[key].pointer),
            frozenset({Gate.EXPOSURE}),
        )
    for key in sorted(old.keys() - new.keys()):
        yield Change(
            Section.NETWORK,
            Verb.CLOSED,
            key[0],
            f"{code(key[0])} has no route from {code(key[1])} to the internet gateway any more",
            Level.NOTE,
            Place(before.file, old[key].pointer, is_before=True),
        )


def _public_routes(template: Template) -> Mapping[tuple[str, str], Resource]:
    return {
        (
            text_of(route.properties.get("RouteTableId", "?")).removeprefix("${").removesuffix("}"),
            destination,
        ): route
        for route in template.of_type("AWS::EC2::Route")
        if "GatewayId" in route.properties
        and (
            destination := text_of(
                route.properties.get(
                    "DestinationCidrBlock", route.properties.get("DestinationIpv6CidrBlock", "")
                )
            )
        )
        in WORLD
    }
