"""Reading networks from Logical_Switch rows."""

import msgspec

from ovnest.northbound import external_ids as keys
from ovnest.northbound.names import switch_name
from ovnest.northbound.tables import LogicalSwitch
from ovnest.resources.network import Network


def is_network(row: LogicalSwitch) -> bool:
    """Whether a switch is one of the API's networks: named after its own id."""
    return row.name == switch_name(row.uuid) and keys.NETWORK_NAME in row.external_ids


def read_network(row: LogicalSwitch) -> Network:
    """The facts of a network.

    Raises:
        ValueError: a number or list in it cannot be understood.
    """
    ids = row.external_ids
    segmentation_id = ids.get(keys.SEGMENTATION_ID)
    return Network(
        id=row.uuid,
        project_id=ids.get(keys.PROJECT, ""),
        name=ids[keys.NETWORK_NAME],
        description=ids.get(keys.DESCRIPTION, ""),
        admin_state_up=ids.get(keys.ADMIN_STATE_UP) != "false",
        shared=ids.get(keys.SHARED) == "true",
        external=ids.get(keys.EXTERNAL) == "true",
        mtu=int(ids.get(keys.MTU, "0")),
        port_security_enabled=ids.get(keys.PORT_SECURITY) != "false",
        dns_domain=ids.get(keys.DNS_DOMAIN, ""),
        network_type=ids.get(keys.NETWORK_TYPE, "geneve"),
        physical_network=ids.get(keys.PHYSICAL_NETWORK),
        segmentation_id=None if segmentation_id is None else int(segmentation_id),
        segment_id=ids.get(keys.SEGMENT),
        availability_zone_hints=tuple(filter(None, ids.get(keys.AZ_HINTS, "").split(","))),
        tags=read_tags(ids.get(keys.TAGS)),
        created_at=ids.get(keys.CREATED, ""),
        updated_at=ids.get(keys.UPDATED, ""),
        revision_number=int(ids.get(keys.REVISION, "0")),
    )


def read_tags(written: str | None) -> tuple[str, ...]:
    """Tags from the JSON list they stand in."""
    return () if written is None else msgspec.json.decode(written, type=tuple[str, ...])
