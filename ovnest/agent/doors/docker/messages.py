"""What Docker asks, as far as it is read, and what it is answered. Go writes an empty map or list as null.

Source: libnetwork's "Remote Drivers" and "IPAM Driver", and its Go types for both.
"""

from typing import Any

from msgspec import Struct, field

GENERIC_OPTIONS = "com.docker.network.generic"  # what `docker network create -o` has said
INTERNAL = "com.docker.network.internal"
ADDRESS_TYPE = "RequestAddressType"
GATEWAY = "com.docker.network.gateway"
ENDPOINT_MAC = "com.docker.network.endpoint.macaddress"


class PoolRequest(Struct, frozen=True, kw_only=True):
    """IpamDriver.RequestPool: `options` are `--ipam-opt`, `pool` is `--subnet`, `part` is `--ip-range`."""

    pool: str = field(default="", name="Pool")
    part: str = field(default="", name="SubPool")
    options: dict[str, str] | None = field(default=None, name="Options")
    v6: bool = field(default=False, name="V6")


class PoolRelease(Struct, frozen=True, kw_only=True):
    """IpamDriver.ReleasePool."""

    pool_id: str = field(default="", name="PoolID")


class AddressRequest(Struct, frozen=True, kw_only=True):
    """IpamDriver.RequestAddress and ReleaseAddress. Without an address, any will do."""

    pool_id: str = field(default="", name="PoolID")
    address: str = field(default="", name="Address")
    options: dict[str, str] | None = field(default=None, name="Options")


class Pool(Struct, frozen=True, kw_only=True):
    """A pool as Docker's network driver is told of it."""

    address_space: str = field(default="", name="AddressSpace")
    pool: str = field(default="", name="Pool")
    gateway: str = field(default="", name="Gateway")


class NetworkRequest(Struct, frozen=True, kw_only=True):
    """NetworkDriver.CreateNetwork, and DeleteNetwork, which says the id alone."""

    network_id: str = field(name="NetworkID")
    options: dict[str, Any] | None = field(default=None, name="Options")
    v4: list[Pool] | None = field(default=None, name="IPv4Data")
    v6: list[Pool] | None = field(default=None, name="IPv6Data")


class Interface(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An endpoint's addresses, with their prefix length; what Docker has said is not said to it again."""

    address: str = field(default="", name="Address")
    address_v6: str = field(default="", name="AddressIPv6")
    mac: str = field(default="", name="MacAddress")


class EndpointRequest(Struct, frozen=True, kw_only=True):
    """What names an endpoint; `interface` at its creation, `sandbox` (a path) when it is joined."""

    endpoint_id: str = field(name="EndpointID")
    interface: Interface | None = field(default=None, name="Interface")
    sandbox: str = field(default="", name="SandboxKey")


class InterfaceName(Struct, frozen=True, kw_only=True):
    """Our device, which Docker moves into the container, and what it calls it there, before a number."""

    source: str = field(name="SrcName")
    prefix: str = field(default="eth", name="DstPrefix")


class StaticRoute(Struct, frozen=True, kw_only=True):
    """A route by a next hop."""

    destination: str = field(name="Destination")
    next_hop: str = field(name="NextHop")
    kind: int = field(default=0, name="RouteType")


class Joined(Struct, frozen=True, kw_only=True):
    """The answer to NetworkDriver.Join."""

    name: InterfaceName = field(name="InterfaceName")
    gateway: str = field(default="", name="Gateway")
    gateway_v6: str = field(default="", name="GatewayIPv6")
    routes: tuple[StaticRoute, ...] = field(default=(), name="StaticRoutes")
    # Docker otherwise gives a container without a gateway a second NIC on a bridge of its own, round OVN.
    disable_gateway_service: bool = field(default=True, name="DisableGatewayService")
