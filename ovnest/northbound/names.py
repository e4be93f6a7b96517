"""Every derived name in the Northbound, both ways.

Source: ML2/OVN's naming, which its agents look rows up by.
"""

from hashlib import sha1
from uuid import NAMESPACE_URL, uuid5

from ovnest.ovsdb import RowUuid

_NETWORK = "neutron-"
_SEGMENT = "provnet-"
_LEDGER = "ovnest:ledger"
# The ids of rows that we name ourselves come from this namespace, so that all servers find the same id.
_NAMESPACE = uuid5(NAMESPACE_URL, "urn:ovnest")
_NAMESPACE_BYTES = _NAMESPACE.bytes

LEDGER_NAME = _LEDGER
LEDGER_UUID = RowUuid(str(uuid5(_NAMESPACE, _LEDGER)))


def switch_name(network_id: str) -> str:
    """The name of a network's Logical_Switch."""
    return _NETWORK + network_id


def network_of_switch(name: str) -> str | None:
    """The network a Logical_Switch name stands for; None when it is not one of ours."""
    return name.removeprefix(_NETWORK) if name.startswith(_NETWORK) else None


def localnet_name(segment_id: str) -> str:
    """The name of the localnet port of a physical segment."""
    return _SEGMENT + segment_id


def document_name(kind: str, key: str) -> str:
    """The name of a document row, which the schema keeps unique."""
    return f"ovnest:{kind}:{key}"


def document_uuid(kind: str, key: str) -> RowUuid:
    """The `_uuid` of a document row: made from its name, so two servers cannot make two."""
    return _named_uuid(document_name(kind, key))


def port_dhcp_uuid(port_id: str, ip_version: int) -> RowUuid:
    """The `_uuid` of a port's own DHCP_Options row."""
    return _named_uuid(f"port-dhcp:{port_id}:{ip_version}")


def _named_uuid(name: str) -> RowUuid:
    """As `uuid5` of our namespace (RFC 9562, 5.5), in a third of its time: each port asks for one or two."""
    digits = sha1(_NAMESPACE_BYTES + name.encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(digits[16], 16) & 3]
    return RowUuid(f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}")
