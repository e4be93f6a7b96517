"""Reading a port from its Logical_Switch_Port row and its document row."""

from collections.abc import Callable

from ovnest.northbound.tables import REQUESTED_CHASSIS, LogicalSwitchPort
from ovnest.resources.port import FixedIp, Port
from ovnest.rows.port import keys
from ovnest.rows.port.keys import PortDetails, addresses_of, network_id_of

SubnetOf = Callable[[str, str], str]
"""Which subnet of a network (its id) an address belongs to."""


def read_port(row: LogicalSwitchPort, details: PortDetails | None, subnet_of: SubnetOf) -> Port:
    """The facts of a port.

    Raises:
        ValueError: a key that must be there is not, a number cannot be understood, or an address belongs to
        no
            subnet.
    """
    ids = row.external_ids
    network_id = network_id_of(row)
    if network_id is None or keys.MAC not in ids:
        raise ValueError(f"the row does not say which network it is on, or lacks {keys.MAC}")
    seen = details or PortDetails(id=row.uuid)
    return keys.KEYS.read(
        ids,
        id=row.uuid,
        network_id=network_id,
        fixed_ips=tuple(FixedIp(subnet_of(network_id, address), address) for address in addresses_of(row)),
        description=seen.description,
        admin_state_up=row.enabled is not False,
        parent_name=row.parent_name,
        tag=(row.tag_request or row.tag) if row.parent_name is not None else None,
        profile=seen.profile,
        host_id=seen.host_id or row.options.get(REQUESTED_CHASSIS, ""),
        port_security_enabled=bool(row.port_security),
        allowed_address_pairs=seen.allowed_address_pairs,
        extra_dhcp_opts=seen.extra_dhcp_opts,
        tags=seen.tags,
        up=row.up is True,
    )
