"""What subnets ask of their network's MTU.

Source: RFC 791, 3.1; RFC 8200, 5; neutron.db.db_base_plugin_v2._validate_change_network_mtu.
"""

from collections.abc import Collection

from ovnest.errors.network import NetworkMTUSubnetConflict

LEAST = {4: 68, 6: 1280}


def require_mtu(network_id: str, mtu: int, ip_versions: Collection[int]) -> None:
    """Whether subnets of these IP versions can be on a network with that MTU.

    Raises:
        NetworkMTUSubnetConflict: one needs more.
    """
    for version in sorted(ip_versions):
        if mtu < LEAST[version]:
            raise NetworkMTUSubnetConflict(net_id=network_id, mtu=LEAST[version])
