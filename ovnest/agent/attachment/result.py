"""What a container gets, and how that follows from what the API answers: pure.

Source: CNI specification 1.1.0, "Section 5: Result Types", whose content a result must carry.
"""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from ovnest.agent.attachment.request import Attachment
from ovnest.agent.client.answers import PortAnswer
from ovnest.agent.client.api import Network
from ovnest.agent.vm.addresses import Address, Route
from ovnest.agent.vm.link import Setup

PEER_PREFIX = "ovp"  # of a container's end that its runtime will rename
EVERYTHING = {4: "0.0.0.0/0", 6: "::/0"}


class Dns(Struct, frozen=True, kw_only=True):
    """Name servers and search domains that the network's subnets give."""

    nameservers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()


class Attached(Struct, frozen=True, kw_only=True):
    """What a container got. `device` is our end of its link, on the bridge; `peer` its own end."""

    port_id: str
    network_id: str
    tag: int | None
    mac: str
    device: str
    peer: str
    mtu: int
    addresses: tuple[Address, ...] = ()
    routes: tuple[Route, ...] = ()
    dns: Dns = Dns()


def attached(
    port: PortAnswer, network: Network, attachment: Attachment, *, device: str, uplink_mtu: int | None
) -> Attached:
    """What a container gets of `port`; all its subnets are known."""
    subnets = [(fixed, network.subnets[fixed.subnet_id]) for fixed in port.fixed_ips]
    addresses = tuple(
        Address(address=f"{fixed.ip_address}/{subnet.cidr.partition('/')[2]}", gateway=subnet.gateway_ip)
        for fixed, subnet in subnets
    )
    used = {subnet.id: subnet for _, subnet in subnets}.values()
    routes = (Route(destination=r.destination, gateway=r.nexthop) for s in used for r in s.host_routes)
    servers = (server for subnet in used for server in subnet.dns_nameservers)
    domain = network.answer.dns_domain.rstrip(".")
    mtu = network.answer.mtu
    answer = Attached(
        port_id=port.id,
        network_id=port.network_id,
        tag=port.tag,
        mac=port.mac_address,
        device=device,
        peer=attachment.key.interface,
        mtu=mtu if uplink_mtu is None else min(mtu, uplink_mtu),
        addresses=addresses,
        routes=(*_default_routes(addresses), *routes),
        dns=Dns(nameservers=tuple(dict.fromkeys(servers)), search=(domain,) if domain else ()),
    )
    return with_peer(answer, attachment)


def with_peer(answer: Attached, attachment: Attachment) -> Attached:
    """The answer with the container's end named as it is to be made."""
    if attachment.netns_fd is not None:
        return replace(answer, peer=attachment.key.interface)
    return replace(answer, peer=PEER_PREFIX + answer.device[len(PEER_PREFIX) :])


def setup(answer: Attached, *, userspace: bool) -> Setup:
    """What the container's end is given."""
    return Setup(
        device=answer.peer,
        mac=answer.mac,
        mtu=answer.mtu,
        addresses=answer.addresses,
        routes=answer.routes,
        tx_checksum_offload=not userspace,
    )


def _default_routes(addresses: Iterable[Address]) -> tuple[Route, ...]:
    """One for each family, by the first gateway."""
    routes: dict[str, Route] = {}
    for address in addresses:
        if address.gateway is not None:
            everything = EVERYTHING[6 if ":" in address.gateway else 4]
            routes.setdefault(everything, Route(destination=everything, gateway=address.gateway))
    return tuple(routes.values())
