"""What the Networking API answers, as far as plugging a VM or a container in needs it.

Source: Neutron API reference, v2.0: Networks, Subnets, Ports.
"""

from collections.abc import Sequence

from msgspec import Struct

from ovnest.sandbox.node import Nic


class NetworkAnswer(Struct, frozen=True, kw_only=True):
    """A network."""

    id: str
    mtu: int


class SubnetAnswer(Struct, frozen=True, kw_only=True):
    """A subnet; `gateway_ip` is None where it has no gateway."""

    id: str
    cidr: str
    gateway_ip: str | None


class FixedIpAnswer(Struct, frozen=True, kw_only=True):
    """An address of a port."""

    subnet_id: str
    ip_address: str


class PortAnswer(Struct, frozen=True, kw_only=True):
    """A port."""

    id: str
    mac_address: str
    fixed_ips: tuple[FixedIpAnswer, ...]


def nic_of(port: PortAnswer, network: NetworkAnswer, subnets: Sequence[SubnetAnswer]) -> Nic:
    """The NIC that belongs to a port: what the guest would be told by DHCP, or is given by hand."""
    known = {subnet.id: subnet for subnet in subnets}
    used = {fixed.subnet_id: known[fixed.subnet_id] for fixed in port.fixed_ips}
    return Nic(
        mac=port.mac_address,
        addresses=tuple(
            f"{fixed.ip_address}/{known[fixed.subnet_id].cidr.partition('/')[2]}" for fixed in port.fixed_ips
        ),
        gateways=tuple(subnet.gateway_ip for subnet in used.values() if subnet.gateway_ip is not None),
        mtu=network.mtu,
    )
