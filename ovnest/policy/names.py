"""Neutron's names of rules, beyond those of networks, subnets and ports: what a policy file may speak of.

They are Neutron's words, and no list of kinds here: a kind that comes finds its names among them and leaves
them. The catalogue takes out what is served; rules of the other names are read, and have no effect.

Source: neutron.conf.policies.
"""

from collections.abc import Iterable
from itertools import product


def _words(text: str) -> list[str]:
    return text.split()


ACTIONS = ("create", "get", "update", "delete")
OTHER_ACTIONS = ("add", "remove", "activate")

_NOUNS = _words(
    "address_group address_scope agent auto_allocated_topology availability_zone "
    "default_security_group_rule dhcp-agents dhcp-network dhcp-networks flavor flavor_service_profile "
    "floatingip floatingip_pool floatingip_port_forwarding l3-agents l3-router l3-routers local_ip "
    "local_ip_port_association log loggable_resource metering_label metering_label_rule ndp_proxy "
    "network_ip_availability network_segment_range policy port_binding quota rbac_policy router "
    "router_conntrack_helper rule_type security_group security_group_rule "
    "security_groups_default_statefulness segment service_profile service_provider subnetpool subports "
    "trunk external_gateways"
)
_QOS = product(
    ("policy", "alias"),
    ("bandwidth_limit", "dscp_marking", "minimum_bandwidth", "minimum_packet_rate", "packet_rate_limit"),
)
_ATTRIBUTES = _words(
    "network:segments network:is_default network:vlan_transparent network:qinq subnet:segment_id "
    "port:hints port:trusted port:resource_request port:data_plane_status"
)
_TAGS = _words(
    "floatingips network_segment_ranges policies routers security_groups segments subnetpools trunks"
)
_OTHERS = _words(
    "add_addresses add_external_gateways add_extraroutes add_prefixes add_router_interface add_subports "
    "remove_addresses remove_external_gateways remove_extraroutes remove_prefixes "
    "remove_router_interface remove_subports "
    "admin_or_data_plane_int admin_or_ext_parent_owner admin_or_sg_owner admin_owner_or_sg_owner "
    "context_with_global_access ext_parent_owner restrict_wildcard rule_default_sg sg_owner "
    "shared_address_groups shared_address_scopes shared_qos_policy shared_security_group "
    "shared_subnetpools"
)


def _names() -> Iterable[str]:
    nouns = [*_NOUNS, *_ATTRIBUTES, *(f"{noun}_tags" for noun in _TAGS)]
    nouns += [f"{of}_{kind}_rule" for of, kind in _QOS]
    yield from (f"{action}_{noun}" for action in ACTIONS for noun in nouns)
    yield from _OTHERS


NEUTRONS = frozenset(_names())
