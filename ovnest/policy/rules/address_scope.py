"""Who may do what with address scopes: Neutron's rules, with its defaults since 2023.2.

Source: neutron.conf.policies.address_scope.
"""

from ovnest.policy.rules.base import ADMIN, ADMIN_OR_MEMBER, PROJECT_READER, KindRules, any_of

RULES = KindRules(
    rules={
        "shared_address_scopes": "field:address_scopes:shared=True",
        "create_address_scope": ADMIN_OR_MEMBER,
        "create_address_scope:shared": ADMIN,
        "get_address_scope": any_of(ADMIN, PROJECT_READER, "rule:shared_address_scopes"),
        "update_address_scope": ADMIN_OR_MEMBER,
        "update_address_scope:shared": ADMIN,
        "delete_address_scope": ADMIN_OR_MEMBER,
    },
    defaults={"shared": False},
)
