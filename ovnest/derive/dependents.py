"""The one table of dependents: when this changes, the rows of those are derived again.

Each entry is given the facts before and after (None: it is new, or gone) and yields the resources whose
rows depend on what changed; no more, since each costs a look and perhaps a write.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, Protocol

from ovnest.northbound.indexes import PORT_BY_ADDRESS, PORTS_OF_NETWORK
from ovnest.ovsdb import Index
from ovnest.resources.fields import ip_or_network
from ovnest.resources.network import Network
from ovnest.resources.port import Port
from ovnest.resources.subnet import Subnet


class Facts(Protocol):
    """What of a transaction is looked at here."""

    def ports(self, index: Index[Any], key: Hashable) -> Iterator[Port]:
        """The ports that an index lists under a key."""

    def contested(self, port_id: str) -> Iterator[Port]:
        """The port of that id, if another has one of its addresses as an allowed pair."""

    def subnets_of(self, network_id: str) -> list[Subnet]:
        """The subnets of a network."""


def _of_network(facts: Facts, before: Network | None, after: Network | None) -> Iterator[Subnet | Port]:
    """DHCP hands out the network's MTU."""
    if before is None or after is None or before.mtu == after.mtu:
        return
    yield from facts.subnets_of(after.id)
    for port in list(facts.ports(PORTS_OF_NETWORK, after.id)):
        if port.extra_dhcp_opts or port.device_owner.endswith(":distributed"):
            yield port


def _of_subnet(facts: Facts, before: Subnet | None, after: Subnet | None) -> Iterator[Port]:
    """Whether a port refers to the subnet's DHCP options; what its own options are made from."""
    if before is None or after is None:
        return
    served_otherwise = before.enable_dhcp != after.enable_dhcp
    options_changed = _dhcp_facts(before) != _dhcp_facts(after)
    if not (served_otherwise or options_changed):
        return
    for port in list(facts.ports(PORTS_OF_NETWORK, after.network_id)):
        on_subnet = any(fixed.subnet_id == after.id for fixed in port.fixed_ips)
        if on_subnet and (served_otherwise or port.extra_dhcp_opts):
            yield port


def _of_port(facts: Facts, before: Port | None, after: Port | None) -> Iterator[Port]:
    """A port whose address is another's allowed address is virtual, unless it is a parent itself."""
    network_id = (after or before).network_id  # type: ignore[union-attr]  # one of the two is there
    changed = _allowed(before) ^ _allowed(after)
    for address in sorted(changed):
        for port in list(facts.ports(PORT_BY_ADDRESS, (network_id, address))):
            if port.id != (after or before).id:  # type: ignore[union-attr]
                yield port
    left = before.parent_name if before else None
    joined = after.parent_name if after else None
    if left != joined:
        for parent_id in (left, joined):
            if parent_id is not None:
                yield from facts.contested(parent_id)


_NONE: frozenset[str] = frozenset()


def _dhcp_facts(subnet: Subnet) -> tuple[Any, ...]:
    return subnet.gateway_ip, subnet.dns_nameservers, subnet.host_routes


def _allowed(port: Port | None) -> frozenset[str]:
    if port is None or not port.allowed_address_pairs:
        return _NONE
    return frozenset(ip_or_network(pair.ip_address) for pair in port.allowed_address_pairs)


DEPENDENTS: dict[type, Callable[[Any, Any, Any], Iterable[Any]]] = {
    Network: _of_network,
    Subnet: _of_subnet,
    Port: _of_port,
}
