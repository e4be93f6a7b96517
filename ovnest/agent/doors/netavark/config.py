"""What Podman says to a netavark plugin: a network as it is to be, and a container that comes to it.

Go and Rust write what is not there as null, or not at all.

Source: netavark's "plugin-API.md" and its `types.rs`, API version 1.0.0.
"""

from collections.abc import Callable, Iterable
from ipaddress import ip_address, ip_network
from typing import Any

import msgspec
from msgspec import Struct

from ovnest.agent.attachment.request import Key
from ovnest.agent.doors.cni.config import CONTAINER_ID, INTERFACE
from ovnest.agent.errors import BadRequest

NO_IPAM = "none"
IPAM_DRIVER = "driver"
OPTIONS = frozenset({"network"})


class Subnet(Struct, frozen=True, kw_only=True):
    """`--subnet`, `--gateway`, `--ip-range`."""

    subnet: str
    gateway: str | None = None
    lease_range: Any = None


class PodmanNetwork(Struct, frozen=True, kw_only=True):
    """A network of Podman's. `options` are what `-o` says."""

    name: str
    options: dict[str, str] | None = None
    ipam_options: dict[str, str] | None = None
    subnets: list[Subnet] | None = None
    routes: list[Any] | None = None
    network_dns_servers: list[str] | None = None
    network_interface: str | None = None
    internal: bool = False
    ipv6_enabled: bool = False

    @property
    def wanted(self) -> str:
        """The API's network: its name or id."""
        return (self.options or {}).get("network") or self.name


class Interface(Struct, frozen=True, kw_only=True):
    """A container's interface, and what was asked for with it: `--ip`, `--ip6`, `--mac-address`."""

    interface_name: str
    static_ips: list[str] | None = None
    static_mac: str | None = None


class Call(Struct, frozen=True, kw_only=True):
    """What `setup` and `teardown` are about. `port_mappings` are `--publish`."""

    container_id: str
    network: PodmanNetwork
    network_options: Interface
    container_name: str = ""
    port_mappings: list[Any] | None = None

    @property
    def key(self) -> Key:
        return Key(self.container_id, self.network_options.interface_name)


def understand_network(asked: dict[str, Any]) -> PodmanNetwork:
    """The network, if it can be one of ours, whatever the API says.

    Raises:
        BadRequest: the message says what would be right.
    """
    network = msgspec.convert(asked, PodmanNetwork)
    unknown = sorted((network.options or {}).keys() - OPTIONS)
    if unknown:
        raise BadRequest(f"-o {unknown[0]} is not known: there is -o network=NAME alone")
    driver = (network.ipam_options or {}).get(IPAM_DRIVER) or NO_IPAM
    subnets = network.subnets or []
    refused = {
        f"--ipam-driver {driver}": (driver != NO_IPAM, "addresses are the API's to give: leave it out"),
        "--internal": (network.internal, "how far a network reaches is set in the API"),
        "--interface-name": (network.network_interface, "containers are on the agent's own bridge"),
        "--ip-range": (any(each.lease_range for each in subnets), "the API chooses, or --ip does"),
        "--route": (network.routes, "routes are the subnet's: set its host_routes in the API"),
        "--dns": (network.network_dns_servers, "name servers are the subnet's, or `podman run --dns`"),
    }
    for option, (said, instead) in refused.items():
        if said:
            raise BadRequest(f"{option} is not for networks of ovnest: {instead}")
    _check("subnet", ip_network, (each.subnet for each in subnets))
    return network


def understand_call(asked: dict[str, Any]) -> Call:
    """The container, and its interface.

    Raises:
        BadRequest: a name cannot be one.
    """
    call = msgspec.convert(asked, Call)
    if not CONTAINER_ID.fullmatch(call.container_id):
        raise BadRequest(f"container_id cannot be {call.container_id!r}")
    name = call.network_options.interface_name
    if not INTERFACE.fullmatch(name) or name in (".", ".."):
        raise BadRequest(f"interface_name cannot be {name!r}")
    _check("subnet", ip_network, (each.subnet for each in call.network.subnets or ()))
    _check("static_ips", ip_address, call.network_options.static_ips or ())
    return call


def _check(field: str, kind: Callable[[str], Any], texts: Iterable[str]) -> None:
    for text in texts:
        try:
            kind(text)
        except ValueError as error:
            raise BadRequest(f"{field} cannot be {text!r}: {error}") from error
