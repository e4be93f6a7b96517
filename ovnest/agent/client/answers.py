"""What the Networking API answers, as far as the agent reads it.

Attributes named `ovnest:…` are optional: another server of the same API does not have them.

Source: Neutron API reference, v2.0: Networks, Subnets, Ports.
"""

from typing import Any

from msgspec import Struct, field

ACTIVE = "ACTIVE"
PARENT_KEY = "parent_name"
TAG_KEY = "tag"


class NetworkAnswer(Struct, frozen=True, kw_only=True):
    """A network."""

    id: str
    name: str = ""
    description: str = ""
    mtu: int = 1500
    dns_domain: str = ""


class HostRoute(Struct, frozen=True, kw_only=True):
    """A route that a subnet gives its hosts."""

    destination: str
    nexthop: str


class SubnetAnswer(Struct, frozen=True, kw_only=True):
    """A subnet; `gateway_ip` is None where it has no gateway."""

    id: str
    cidr: str
    network_id: str = ""
    gateway_ip: str | None = None
    host_routes: tuple[HostRoute, ...] = ()
    dns_nameservers: tuple[str, ...] = ()


class FixedIpAnswer(Struct, frozen=True, kw_only=True):
    """An address of a port."""

    subnet_id: str
    ip_address: str


class PortAnswer(Struct, frozen=True, kw_only=True):
    """A port. `profile` has the parent and tag of a container port."""

    id: str
    network_id: str
    mac_address: str
    status: str = ""
    name: str = ""
    description: str = ""
    fixed_ips: tuple[FixedIpAnswer, ...] = ()
    profile: dict[str, Any] = field(default={}, name="binding:profile")
    status_reason: str = field(default="", name="ovnest:status_reason")

    @property
    def active(self) -> bool:
        return self.status == ACTIVE

    @property
    def tag(self) -> int | None:
        tag = self.profile.get(TAG_KEY)
        return tag if isinstance(tag, int) else None

    @property
    def parent(self) -> str:
        """The parent of a container port; empty for others."""
        parent = self.profile.get(PARENT_KEY)
        return parent if isinstance(parent, str) else ""
