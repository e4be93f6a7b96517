"""Who may do what with agent codes: administrators, since a code lets a VM make ports without any role."""

from ovnest.policy.rules.base import ADMIN, KindRules

RULES = KindRules(rules={"create_agent_code": ADMIN, "get_agent_code": ADMIN, "delete_agent_code": ADMIN})
