"""Logical_Switch rows, and the localnet port of a network on a physical segment.

Source: ovn-nb(5), Logical_Switch and Logical_Switch_Port "localnet"; ML2/OVN's layout.
"""

from collections.abc import Iterable

import msgspec

from ovnest.northbound import external_ids as keys
from ovnest.northbound.names import localnet_name, switch_name
from ovnest.northbound.tables import LogicalSwitch, LogicalSwitchPort
from ovnest.ovsdb import RowUuid
from ovnest.resources.network import Network

FDB_AGE_S = "300"


def logical_switch(network: Network) -> LogicalSwitch:
    """The switch of a network."""
    other_config = {"mcast_snoop": "false", "mcast_flood_unregistered": "false", "vlan-passthru": "false"}
    if network.physical_network is not None:
        other_config["fdb_age_threshold"] = FDB_AGE_S
    if network.external:
        other_config["broadcast-arps-to-all-routers"] = "true"
    ids = {
        keys.NETWORK_NAME: network.name,
        keys.MTU: str(network.mtu),
        keys.REVISION: str(network.revision_number),
        keys.AZ_HINTS: ",".join(network.availability_zone_hints),
        keys.NETWORK_TYPE: network.network_type,
        keys.PROJECT: network.project_id,
        keys.CREATED: network.created_at,
        keys.UPDATED: network.updated_at,
    }
    set_if(
        ids,
        (keys.PHYSICAL_NETWORK, network.physical_network),
        (keys.SEGMENTATION_ID, network.segmentation_id),
        (keys.SEGMENT, network.segment_id),
        (keys.ADMIN_STATE_UP, None if network.admin_state_up else "false"),
        (keys.SHARED, "true" if network.shared else None),
        (keys.EXTERNAL, "true" if network.external else None),
        (keys.PORT_SECURITY, None if network.port_security_enabled else "false"),
        (keys.DNS_DOMAIN, network.dns_domain or None),
        (keys.DESCRIPTION, network.description or None),
        (keys.TAGS, written_tags(network.tags)),
    )
    return LogicalSwitch(
        uuid=RowUuid(network.id),
        name=switch_name(network.id),
        other_config=other_config,
        external_ids=ids,
    )


def localnet_port(network: Network) -> LogicalSwitchPort | None:
    """The port by which a vlan or flat network reaches its physical network; None on a tunnel network."""
    if network.physical_network is None or network.segment_id is None:
        return None
    vlan = network.segmentation_id if network.network_type == "vlan" else None
    return LogicalSwitchPort(
        uuid=RowUuid(network.segment_id),
        name=localnet_name(network.segment_id),
        type="localnet",
        addresses=("unknown",),
        tag_request=vlan,
        tag=vlan,
        up=False,
        enabled=True,
        options={
            "network_name": network.physical_network,
            "mcast_flood_reports": "true",
            "mcast_flood": "false",
            "localnet_learn_fdb": "false",
        },
    )


def set_if(ids: dict[str, str], *items: tuple[str, object]) -> None:
    """Put the keys whose value is not None, as text."""
    for key, value in items:
        if value is not None:
            ids[key] = str(value)


def written_tags(tags: Iterable[str]) -> str | None:
    """Tags as the JSON list they are kept in; None when there are none."""
    listed = list(tags)
    return msgspec.json.encode(listed).decode() if listed else None
