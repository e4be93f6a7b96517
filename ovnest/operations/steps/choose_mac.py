"""The MAC address of a port: the wanted one, or a random one that nobody has on the network."""

from ovnest.allocation.macs import random_mac
from ovnest.errors.port import MacAddressGenerationFailure, MacAddressInUse
from ovnest.resources.network import Network
from ovnest.rows.port.lookups import NAMES_BY_MAC
from ovnest.transaction import Tx


def choose_mac(tx: Tx, network: Network, wanted: str | None, port_id: str) -> str:
    """The MAC address that the port gets; None wanted means a random one.

    Raises:
        MacAddressInUse: the wanted one is another port's of this network.
        MacAddressGenerationFailure: no free one was found.
    """
    if wanted is not None:
        if any(name != port_id for name in tx.all(NAMES_BY_MAC, (network.id, wanted))):
            raise MacAddressInUse(net_id=network.id, mac=wanted)
        return wanted
    mac = random_mac(
        tx.random, lambda mac: tx.any(NAMES_BY_MAC, (network.id, mac)), base=tx.settings.base_mac
    )
    if mac is None:
        raise MacAddressGenerationFailure(net_id=network.id)
    return mac
