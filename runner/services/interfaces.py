"""A task's network interface, through the emulator's EC2.

Asked with plain requests: boto3's model of EC2 takes half a second and 30 MB to load, for three calls.
"""

from __future__ import annotations

import urllib.parse
import urllib.request
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runner.emulator import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.emulator import Emulator

API_VERSION = "2016-11-15"
CREDENTIAL = f"AWS4-HMAC-SHA256 Credential={ACCOUNT}/20260101/{REGION}/ec2/aws4_request"
"""The emulator reads account and region here, and checks no signature. Evidence: emulator (1.5.33)."""

NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Interface:
    """A network interface."""

    id: str
    address: str
    subnet: str


def create(emulator: Emulator, subnet: str, groups: Sequence[str]) -> Interface:
    """Create an interface in a subnet. Raises `OSError`."""
    given = {f"SecurityGroupId.{number}": group for number, group in enumerate(groups, 1)}
    answer = _ask(emulator, "CreateNetworkInterface", {"SubnetId": subnet, **given})
    return Interface(_text(answer, "networkInterfaceId"), _text(answer, "privateIpAddress"), subnet)


def delete(emulator: Emulator, interface: Interface) -> None:
    """Delete an interface. Raises `OSError`."""
    _ask(emulator, "DeleteNetworkInterface", {"NetworkInterfaceId": interface.id})


def _ask(emulator: Emulator, action: str, parameters: Mapping[str, str]) -> ET.Element:
    body = urllib.parse.urlencode({"Action": action, "Version": API_VERSION, **parameters}).encode()
    request = urllib.request.Request(emulator.url, body, {"Authorization": CREDENTIAL})  # noqa: S310 - an own http address
    with NO_PROXY.open(request, timeout=10) as answer:
        return ET.fromstring(answer.read())  # noqa: S314 - our own emulator's


def _text(answer: ET.Element, name: str) -> str:
    found = next((element.text for element in answer.iter() if element.tag.rpartition("}")[2] == name), None)
    if not found:
        raise OSError(f"the emulator's EC2 answered without {name}")
    return found
