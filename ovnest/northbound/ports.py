"""Reading ports from Logical_Switch_Port rows and their document rows."""

from collections.abc import Callable

from ovnest.northbound import external_ids as keys
from ovnest.northbound.documents import PortDetails
from ovnest.northbound.indexes import addresses_of, network_id_of
from ovnest.northbound.tables import LogicalSwitchPort
from ovnest.resources.port import FixedIp, Port

SubnetOf = Callable[[str, str], str]
"""Which subnet of a network (its id) an address belongs to."""


def is_port(row: LogicalSwitchPort) -> bool:
    """Whether the row is a port of the API: named after its own id, on one of our networks."""
    return row.name == row.uuid and network_id_of(row) is not None


def read_port(row: LogicalSwitchPort, details: PortDetails | None, subnet_of: SubnetOf) -> Port:
    """The facts of a port.

    Raises:
        ValueError: a number in it cannot be understood, or an address belongs to no subnet.
    """
    ids = row.external_ids
    network_id = network_id_of(row)
    if network_id is None:
        raise ValueError("the row does not say which network it is on")
    seen = details or PortDetails(id=row.uuid)
    return Port(
        id=row.uuid,
        project_id=ids.get(keys.PORT_PROJECT, ""),
        network_id=network_id,
        mac_address=ids[keys.MAC],
        fixed_ips=tuple(FixedIp(subnet_of(network_id, address), address) for address in addresses_of(row)),
        name=ids[keys.PORT_NAME],
        description=seen.description,
        admin_state_up=row.enabled is not False,
        device_id=ids.get(keys.DEVICE_ID, ""),
        device_owner=ids.get(keys.DEVICE_OWNER, ""),
        parent_name=row.parent_name,
        tag=(row.tag_request or row.tag) if row.parent_name is not None else None,
        profile=seen.profile,
        vnic_type=ids.get(keys.VNIC_TYPE, "normal"),
        host_id=seen.host_id or row.options.get(keys.REQUESTED_CHASSIS, ""),
        port_security_enabled=bool(row.port_security),
        allowed_address_pairs=seen.allowed_address_pairs,
        extra_dhcp_opts=seen.extra_dhcp_opts,
        tags=seen.tags,
        once=ids.get(keys.ONCE, ""),
        created_at=ids.get(keys.CREATED, ""),
        updated_at=ids.get(keys.UPDATED, ""),
        revision_number=int(ids.get(keys.REVISION, "0")),
        up=row.up is True,
    )
