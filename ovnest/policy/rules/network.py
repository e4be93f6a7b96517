"""Who may do what with networks: Neutron's rules, with its defaults since 2023.2.

Source: neutron.conf.policies.network.
"""

from ovnest.policy.rules.base import (
    ADMIN,
    ADMIN_OR_MEMBER,
    ADVANCED_SERVICE,
    PROJECT_READER,
    SERVICE,
    SHARED,
    KindRules,
    any_of,
)

_VISIBLE = any_of(ADMIN, PROJECT_READER, SHARED, "rule:external", ADVANCED_SERVICE)

_RULES = {
    "external": "field:networks:router:external=True",
    "create_network": ADMIN_OR_MEMBER,
    "create_network:shared": ADMIN,
    "create_network:router:external": ADMIN,
    "create_network:mtu": "rule:default",  # checked, but Neutron has no rule for it
    "create_network:port_security_enabled": ADMIN_OR_MEMBER,
    "create_network:provider:network_type": ADMIN,
    "create_network:provider:physical_network": ADMIN,
    "create_network:provider:segmentation_id": ADMIN,
    "create_network:tags": ADMIN_OR_MEMBER,
    "get_network": any_of(_VISIBLE, SERVICE),
    "get_network:provider:network_type": ADMIN,
    "get_network:provider:physical_network": ADMIN,
    "get_network:provider:segmentation_id": ADMIN,
    "get_network:tags": _VISIBLE,
    "update_network": ADMIN_OR_MEMBER,
    "update_network:shared": ADMIN,
    "update_network:router:external": ADMIN,
    "update_network:mtu": "rule:default",
    "update_network:port_security_enabled": ADMIN_OR_MEMBER,
    "update_network:provider:network_type": ADMIN,
    "update_network:provider:physical_network": ADMIN,
    "update_network:provider:segmentation_id": ADMIN,
    "update_network:tags": ADMIN_OR_MEMBER,
    "delete_network": ADMIN_OR_MEMBER,
    "delete_network:tags": ADMIN_OR_MEMBER,
}

RULES = KindRules(
    rules=_RULES,
    defaults={"shared": False, "router:external": False, "mtu": 0, "port_security_enabled": True},
)
