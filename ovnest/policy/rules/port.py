"""Who may do what with ports: Neutron's rules, with its defaults since 2023.2.

One differs: `binding:profile`, which names a container port's parent and tag, may be set by
administrators, as before 2023.2, and by services, as since; Neutron has only services left.

Source: neutron.conf.policies.port.
"""

from ovnest.policy.rules.base import (
    ADMIN,
    ADMIN_OR_MEMBER,
    ADMIN_OR_SERVICE,
    ADVANCED_SERVICE,
    NETWORK_MANAGER,
    NETWORK_MEMBER,
    NETWORK_READER,
    PROJECT_MEMBER,
    PROJECT_READER,
    SERVICE,
    SHARED,
    KindRules,
    any_of,
)

_MEMBER_OR_SERVICE = any_of(ADMIN_OR_MEMBER, SERVICE)
_NETWORKS = any_of(ADMIN_OR_SERVICE, NETWORK_MEMBER)
_NETWORKS_OR_SHARED = any_of(_NETWORKS, SHARED)

_RULES = {
    "network_device": "field:port:device_owner=~^network:",
    "create_port": _NETWORKS_OR_SHARED,
    "create_port:device_id": _MEMBER_OR_SERVICE,
    "create_port:device_owner": any_of("not rule:network_device", _NETWORKS),
    "create_port:mac_address": _NETWORKS,
    "create_port:fixed_ips": _NETWORKS_OR_SHARED,
    "create_port:fixed_ips:ip_address": _NETWORKS,
    "create_port:fixed_ips:subnet_id": _NETWORKS_OR_SHARED,
    "create_port:port_security_enabled": _NETWORKS,
    "create_port:binding:host_id": ADMIN_OR_SERVICE,
    "create_port:binding:profile": ADMIN_OR_SERVICE,
    "create_port:binding:vnic_type": _MEMBER_OR_SERVICE,
    "create_port:allowed_address_pairs": _NETWORKS,
    "create_port:allowed_address_pairs:mac_address": _NETWORKS,
    "create_port:allowed_address_pairs:ip_address": _NETWORKS,
    "create_port:tags": any_of(ADMIN_OR_MEMBER, ADVANCED_SERVICE),
    "get_port": any_of(ADMIN_OR_SERVICE, NETWORK_READER, PROJECT_READER),
    "get_port:binding:vif_type": ADMIN_OR_SERVICE,
    "get_port:binding:vif_details": ADMIN_OR_SERVICE,
    "get_port:binding:host_id": ADMIN_OR_SERVICE,
    "get_port:binding:profile": ADMIN_OR_SERVICE,
    "get_port:tags": any_of(ADVANCED_SERVICE, ADMIN, NETWORK_READER, PROJECT_READER),
    "update_port": any_of(ADMIN_OR_SERVICE, PROJECT_MEMBER),
    "update_port:device_id": _MEMBER_OR_SERVICE,
    "update_port:device_owner": any_of("not rule:network_device", _NETWORKS),
    "update_port:mac_address": any_of(ADMIN_OR_SERVICE, NETWORK_MANAGER),
    "update_port:fixed_ips": _NETWORKS,
    "update_port:fixed_ips:ip_address": _NETWORKS,
    "update_port:fixed_ips:subnet_id": _NETWORKS_OR_SHARED,
    "update_port:port_security_enabled": _NETWORKS,
    "update_port:binding:host_id": ADMIN_OR_SERVICE,
    "update_port:binding:profile": ADMIN_OR_SERVICE,
    "update_port:binding:vnic_type": _MEMBER_OR_SERVICE,
    "update_port:allowed_address_pairs": _NETWORKS,
    "update_port:allowed_address_pairs:mac_address": _NETWORKS,
    "update_port:allowed_address_pairs:ip_address": _NETWORKS,
    "update_port:tags": any_of(ADMIN_OR_MEMBER, ADVANCED_SERVICE),
    "delete_port": any_of(ADMIN_OR_SERVICE, NETWORK_MEMBER, PROJECT_MEMBER),
    "delete_port:tags": any_of(ADVANCED_SERVICE, PROJECT_MEMBER, ADMIN, NETWORK_MEMBER),
}

RULES = KindRules(
    rules=_RULES,
    defaults={"device_id": "", "device_owner": "", "binding:vnic_type": "normal"},
)
