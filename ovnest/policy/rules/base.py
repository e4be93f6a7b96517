"""The rules that others are made of, named as Neutron names them; and what a kind says of its own.

Source: neutron.conf.policies.base, neutron_lib.policy.rules.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

ADMIN = "rule:admin_only"
SERVICE = "rule:service_api"
ADVANCED_SERVICE = "rule:context_is_advsvc"
SHARED = "rule:shared"
OWNER = "project_id:%(project_id)s"
NETWORK_OWNER = "rule:network_owner"

PROJECT_MEMBER = f"(role:member and {OWNER})"
PROJECT_READER = f"(role:reader and {OWNER})"
NETWORK_MANAGER = f"(role:manager and {NETWORK_OWNER})"
NETWORK_MEMBER = f"(role:member and {NETWORK_OWNER})"
NETWORK_READER = f"(role:reader and {NETWORK_OWNER})"


def any_of(*checks: str) -> str:
    """The check that is true if one of them is."""
    return " or ".join(checks)


ADMIN_OR_SERVICE = any_of(ADMIN, SERVICE)
ADMIN_OR_MEMBER = any_of(ADMIN, PROJECT_MEMBER)

RULES = {
    "context_is_admin": "role:admin",
    "admin_only": "rule:context_is_admin",
    "service_api": "role:service",
    "context_is_advsvc": "role:advsvc",
    "regular_user": "",
    "owner": OWNER,
    "admin_or_owner": "rule:context_is_admin or rule:owner",
    "network_owner": "project_id:%(network:project_id)s",
    "admin_or_network_owner": "rule:context_is_admin or project_id:%(network:project_id)s",
    "admin_owner_or_network_owner": "rule:owner or rule:admin_or_network_owner",
    "shared": "field:networks:shared=True",
    "default": "rule:admin_or_owner",
}


class KindRules(Struct, frozen=True, kw_only=True):
    """The default rules of one kind.

    `defaults` are values with which an attribute counts as not asked for on create (Neutron's attribute
    maps).
    """

    rules: Mapping[str, str]
    defaults: Mapping[str, Any] = {}
