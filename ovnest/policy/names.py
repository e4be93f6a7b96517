"""Neutron's names for what is not served here, or not yet: rules of these names are read, and have no effect.

Source: neutron.conf.policies.
"""

from collections.abc import Iterable
from itertools import product


def _words(text: str) -> list[str]:
    return text.split()


ACTIONS = ("create", "get", "update", "delete")
OTHER_ACTIONS = ("add", "remove", "activate")

_NOT_SERVED = _words(
    "address_scope agent auto_allocated_topology availability_zone "
    "default_security_group_rule dhcp-agents dhcp-network dhcp-networks flavor flavor_service_profile "
    "floatingip floatingip_pool floatingip_port_forwarding l3-agents l3-router l3-routers local_ip "
    "local_ip_port_association log loggable_resource metering_label metering_label_rule ndp_proxy "
    "network_ip_availability network_segment_range policy port_binding quota rbac_policy router "
    "router_conntrack_helper rule_type security_group security_group_rule "
    "security_groups_default_statefulness segment service_profile service_provider subnetpool subports "
    "trunk external_gateways"
)
_NOT_SERVED_QOS = product(
    ("policy", "alias"),
    ("bandwidth_limit", "dscp_marking", "minimum_bandwidth", "minimum_packet_rate", "packet_rate_limit"),
)
_NOT_SERVED_ATTRIBUTES = _words(
    "network:segments network:is_default network:vlan_transparent network:qinq subnet:segment_id "
    "port:hints port:trusted port:resource_request port:data_plane_status"
)
_NOT_SERVED_TAGS = _words(
    "floatingips network_segment_ranges policies routers security_groups segments subnetpools trunks"
)
_NOT_SERVED_OTHERS = _words(
    "add_external_gateways add_extraroutes add_prefixes add_router_interface add_subports "
    "remove_external_gateways remove_extraroutes remove_prefixes "
    "remove_router_interface remove_subports "
    "admin_or_data_plane_int admin_or_ext_parent_owner admin_or_sg_owner admin_owner_or_sg_owner "
    "context_with_global_access ext_parent_owner restrict_wildcard rule_default_sg sg_owner "
    "shared_address_scopes shared_qos_policy shared_security_group "
    "shared_subnetpools"
)


def _not_served() -> Iterable[str]:
    nouns = [*_NOT_SERVED, *_NOT_SERVED_ATTRIBUTES, *(f"{noun}_tags" for noun in _NOT_SERVED_TAGS)]
    nouns += [f"{of}_{kind}_rule" for of, kind in _NOT_SERVED_QOS]
    yield from (f"{action}_{noun}" for action in ACTIONS for noun in nouns)
    yield from _NOT_SERVED_OTHERS


NOT_SERVED = frozenset(_not_served())
