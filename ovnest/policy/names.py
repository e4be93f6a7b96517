"""The names a policy file may have: our rules, Neutron's of what is not served here, and new ones.

oslo.policy takes any name, so that a misspelt rule is one that nothing ever asks for.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import product

import msgspec

from ovnest.policy.rules import DEFAULT_RULES
from ovnest.resources.registry import RESOURCES


def _words(text: str) -> list[str]:
    return text.split()


ACTIONS = ("create", "get", "update", "delete")
OTHER_ACTIONS = ("add", "remove", "activate")

# Neutron's resources that ovnest does not serve, or not yet: their rules are read, and have no effect.
_NOT_SERVED = _words(
    "address_group address_scope agent auto_allocated_topology availability_zone "
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
    "add_addresses add_external_gateways add_extraroutes add_prefixes add_router_interface add_subports "
    "remove_addresses remove_external_gateways remove_extraroutes remove_prefixes "
    "remove_router_interface remove_subports "
    "admin_or_data_plane_int admin_or_ext_parent_owner admin_or_sg_owner admin_owner_or_sg_owner "
    "context_with_global_access ext_parent_owner restrict_wildcard rule_default_sg sg_owner "
    "shared_address_groups shared_address_scopes shared_qos_policy shared_security_group "
    "shared_subnetpools"
)


def _not_served() -> Iterable[str]:
    nouns = [*_NOT_SERVED, *_NOT_SERVED_ATTRIBUTES, *(f"{noun}_tags" for noun in _NOT_SERVED_TAGS)]
    nouns += [f"{of}_{kind}_rule" for of, kind in _NOT_SERVED_QOS]
    yield from (f"{action}_{noun}" for action in ACTIONS for noun in nouns)
    yield from _NOT_SERVED_OTHERS


def _attributes() -> Iterable[str]:
    for resource in RESOURCES:
        shown = (field.encode_name for field in msgspec.structs.fields(resource.body))
        yield from (f"get_{resource.singular}:{name}" for name in shown)
        yield from (f"create_{resource.singular}:{name}" for name in resource.create_coercions)
        yield from (f"update_{resource.singular}:{name}" for name in resource.update_coercions)


# Names that Neutron had before 2025.1, and those that they became.
RENAMED = {
    f"{action}_{resource.plural}_tags": f"{action}_{resource.singular}:tags"
    for action in ACTIONS
    for resource in RESOURCES
}
SERVED = frozenset({*DEFAULT_RULES, *_attributes()})
NOT_SERVED = frozenset(_not_served()) - SERVED


def is_served(name: str) -> bool:
    """Whether a rule of that name decides anything here."""
    return name in SERVED


def is_not_served(name: str) -> bool:
    """Whether it is a rule of Neutron's for a resource or an attribute that is not served here."""
    action_and_resource, _, attribute = name.partition(":")
    return name in NOT_SERVED or (bool(attribute) and action_and_resource in NOT_SERVED)


def can_be_new(name: str) -> bool:
    """Whether a file may make a rule of that name for others to refer to: it is not named as an action."""
    first, separator, _ = name.partition("_")
    return ":" not in name and not (separator and first in (*ACTIONS, *OTHER_ACTIONS))


def nearest(name: str, names: Iterable[str] | None = None) -> str:
    """Did you mean …?, with the nearest of `names` (all that exist if None); empty when none is near."""
    known = sorted(SERVED | NOT_SERVED if names is None else names)
    found = get_close_matches(name, known, n=1, cutoff=0.6)
    return f" Did you mean {found[0]}?" if found else ""
