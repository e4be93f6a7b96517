"""Who may do what with address groups: Neutron's rules, with its defaults since 2023.2.

Source: neutron.conf.policies.address_group.
"""

from ovnest.policy.rules.base import ADMIN, ADMIN_OR_MEMBER, PROJECT_READER, KindRules, any_of

RULES = KindRules(
    rules={
        "shared_address_groups": "field:address_groups:shared=True",
        "create_address_group": ADMIN_OR_MEMBER,
        "get_address_group": any_of(ADMIN, PROJECT_READER, "rule:shared_address_groups"),
        "update_address_group": ADMIN_OR_MEMBER,
        "delete_address_group": ADMIN_OR_MEMBER,
        "add_addresses": ADMIN_OR_MEMBER,
        "remove_addresses": ADMIN_OR_MEMBER,
    }
)
