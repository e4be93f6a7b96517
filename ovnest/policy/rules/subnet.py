"""Who may do what with subnets: Neutron's rules, with its defaults since 2023.2.

Source: neutron.conf.policies.subnet.
"""

from ovnest.policy.rules.base import (
    ADMIN,
    NETWORK_MEMBER,
    NETWORK_READER,
    PROJECT_MEMBER,
    PROJECT_READER,
    SERVICE,
    SHARED,
    KindRules,
    any_of,
)

_OURS = any_of(PROJECT_MEMBER, ADMIN, NETWORK_MEMBER)
_VISIBLE = any_of(PROJECT_READER, SHARED, "rule:external_network", ADMIN, NETWORK_READER)

_RULES = {
    "external_network": "field:subnets:router:external=True",
    "create_subnet": any_of(ADMIN, NETWORK_MEMBER),
    "create_subnet:service_types": ADMIN,
    "create_subnet:tags": _OURS,
    "get_subnet": any_of(_VISIBLE, SERVICE),
    "get_subnet:tags": _VISIBLE,
    "update_subnet": _OURS,
    "update_subnet:service_types": ADMIN,
    "update_subnet:tags": _OURS,
    "delete_subnet": _OURS,
    "delete_subnet:tags": _OURS,
}

RULES = KindRules(
    rules=_RULES,
    defaults={"service_types": []},
)
