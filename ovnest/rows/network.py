"""Networks: a Logical_Switch, and the localnet port of a physical segment.

Source: ovn-nb(5), Logical_Switch and Logical_Switch_Port "localnet"; ML2/OVN's layout.
"""

from collections.abc import Iterable

from ovnest.codec import Codec, flag, number, some_number, some_text, text, words
from ovnest.northbound.names import localnet_name, network_of_switch, switch_name
from ovnest.northbound.tables import LogicalSwitch, LogicalSwitchPort
from ovnest.ovsdb import Index, Row, RowUuid
from ovnest.resources.network import Network
from ovnest.rows.home import NOTHING, Facts, Home, Lookup, Reference, Wanted
from ovnest.rows.standard import PROJECT, STANDARD

FDB_AGE_S = "300"
NAME = "neutron:network_name"
TYPE = "neutron:provnet-network-type"
PHYSICAL = "neutron:provnet-physical-network"
SEGMENTATION_ID = "ovnest:segmentation_id"
SEGMENT = "ovnest:segment_id"
MEMBERS = "ports"

KEYS = Codec(
    Network,
    {
        "name": text(NAME, "the network's name", editable=True),
        "mtu": number("neutron:mtu", "the network's MTU, in bytes"),
        "availability_zone_hints": words(
            "neutron:availability_zone_hints",
            "availability_zone_hints, comma-separated",
            separator=",",
            always=True,
        ),
        "network_type": text(TYPE, "provider:network_type: geneve, vlan or flat", absent="geneve"),
        "physical_network": some_text(
            PHYSICAL, "provider:physical_network; absent on a tunnel network", absent=None
        ),
        "segmentation_id": some_number(
            SEGMENTATION_ID, "provider:segmentation_id: VLAN ID, or the number shown for a tunnel network"
        ),
        "segment_id": some_text(
            SEGMENT, "id of the physical segment, which names its localnet port", absent=None
        ),
        "admin_state_up": flag(
            "ovnest:admin_state_up",
            "`false` when the network is disabled; absent when it is enabled",
            written=False,
        ),
        "shared": flag(
            "ovnest:shared", "`true` when all projects may use the network", written=True, editable=True
        ),
        "external": flag("ovnest:external", "`true` for router:external", written=True, editable=True),
        "port_security_enabled": flag(
            "ovnest:port_security_enabled",
            "`false` when new ports get no port security",
            written=False,
            editable=True,
        ),
        "dns_domain": some_text("ovnest:dns_domain", "dns_domain", editable=True),
        **STANDARD,
    },
)


def is_network(row: LogicalSwitch) -> bool:
    """Whether a switch is one of the API's networks: named after its own id."""
    return row.name == switch_name(row.uuid) and NAME in row.external_ids


def read_network(row: LogicalSwitch) -> Network:
    """The facts of a network.

    Raises:
        ValueError: a number or list in it cannot be understood.
    """
    return KEYS.read(row.external_ids, id=row.uuid)


def logical_switch(network: Network) -> LogicalSwitch:
    """The switch of a network."""
    other_config = {"mcast_snoop": "false", "mcast_flood_unregistered": "false", "vlan-passthru": "false"}
    if network.physical_network is not None:
        other_config["fdb_age_threshold"] = FDB_AGE_S
    if network.external:
        other_config["broadcast-arps-to-all-routers"] = "true"
    return LogicalSwitch(
        uuid=RowUuid(network.id),
        name=switch_name(network.id),
        other_config=other_config,
        external_ids=KEYS.write(network),
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


def members(facts: Facts, port_id: RowUuid) -> frozenset[Reference]:
    """The switches that have a port, as references to it."""
    owners = facts.view.owners(LogicalSwitch, MEMBERS, port_id)
    return frozenset(Reference(LogicalSwitch, owner, MEMBERS, port_id) for owner in owners)


def _current(key: str, facts: Facts) -> Wanted:
    switch = facts.view.find(LogicalSwitch, RowUuid(key))
    if switch is None:
        return NOTHING
    network = facts.find(Network, key)
    segment = None
    if network is not None and network.segment_id is not None:
        segment = facts.view.find(LogicalSwitchPort, RowUuid(network.segment_id))
    if segment is None:
        return Wanted(rows=(switch,))
    return Wanted(rows=(switch, segment), references=members(facts, segment.uuid))


def _desired(network: Network, facts: Facts) -> Wanted:
    switch, localnet = logical_switch(network), localnet_port(network)
    if localnet is None:
        return Wanted(rows=(switch,))
    reference = Reference(LogicalSwitch, switch.uuid, MEMBERS, localnet.uuid)
    return Wanted(rows=(switch, localnet), references=frozenset((reference,)))


def _claims(row: LogicalSwitch) -> str | None:
    if NAME in row.external_ids or PROJECT in row.external_ids:
        return f"a network's switch is named neutron-{row.uuid}, after its own _uuid"
    if (network_of_switch(row.name) or "") == row.uuid:
        return f"it lacks {NAME}, which marks a network of the API"
    return None


def _owner(row: Row, facts: Facts) -> str | None:
    if isinstance(row, LogicalSwitch):
        return row.uuid
    if not isinstance(row, LogicalSwitchPort) or row.name != localnet_name(row.uuid):
        return None
    switches = facts.view.rows(LogicalSwitch)
    return next((each.uuid for each in switches if each.external_ids.get(SEGMENT) == row.uuid), None)


def _segment(row: LogicalSwitch) -> Iterable[tuple[str, str, str]]:
    ids = row.external_ids
    kind = ids.get(TYPE, "")
    if not kind:
        return ()
    return ((kind, ids.get(PHYSICAL, ""), ids.get(SEGMENTATION_ID, "")),)


NETWORK_BY_SEGMENT = Lookup(
    Index("network by type, physical network and segment", LogicalSwitch, _segment), Network
)

HOME = Home(
    facts=Network,
    row=LogicalSwitch,
    keys={LogicalSwitch: KEYS, LogicalSwitchPort: Codec(Network, {})},
    is_one=is_network,
    read=lambda row, facts: read_network(row),
    current=_current,
    desired=_desired,
    claims=_claims,
    owner=_owner,
    alone=True,
    lookups=(NETWORK_BY_SEGMENT,),
)
