"""Where a port is bound, as far as OVN says: its status, VIF type and details.

Nothing of this is stored. A container port is bound where its parent is.

Source: Neutron API reference, "Port binding extended attributes"; ovn-nb(5), Logical_Switch_Port `up`.
"""

from typing import Any

from msgspec import Struct

from ovnest.resources.port import Port
from ovnest.transaction import Tx

ACTIVE = "ACTIVE"
DOWN = "DOWN"
UNBOUND = "unbound"
FAILED = "binding_failed"
OVS = "ovs"
_DETAILS: dict[str, Any] = {
    "port_filter": True,
    "connectivity": "l2",
    "bridge_name": "br-int",
    "bound_drivers": {"0": "ovn"},
}


class Binding(Struct, frozen=True):
    """What is computed of a port's binding."""

    status: str
    vif_type: str
    vif_details: dict[str, Any]


def binding_of(tx: Tx, port: Port) -> Binding:
    """The binding of a port. ACTIVE means: OVN says that it is up, and it is enabled."""
    status = ACTIVE if port.up and port.admin_state_up else DOWN
    vif_type = vif_type_of(tx, port)
    return Binding(status, vif_type, _DETAILS if vif_type == OVS else {})


def vif_type_of(tx: Tx, port: Port) -> str:
    """`ovs` when the port, or a container port's parent, is up or has a host that lives; else why not."""
    if port.up:
        return OVS
    if port.parent_name is not None:
        parent = tx.find(Port, port.parent_name)
        return UNBOUND if parent is None or parent.parent_name is not None else vif_type_of(tx, parent)
    if not port.host_id:
        return UNBOUND
    seen = tx.southbound
    return OVS if seen is None or port.host_id in seen.hosts else FAILED
