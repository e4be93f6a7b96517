"""Who may: Neutron's policy rules in oslo.policy's language, checked and compiled.

The rules have Neutron's names and, but for `binding:profile`, Neutron's defaults since 2023.2, so that
an operator's policy file for Neutron works here. oslo.policy reads the rules; it does not decide by
them: one of its decisions costs 60 to 120 microseconds, and it lets a missing file, a misspelt name and
a broken rule pass. A rule is compiled, decided once for a caller as far as the caller decides it, and
asked about a target in less than a microsecond.

    file = PolicyFile("/etc/ovnest/policy.yaml", catalogue)
    rights = file.policy.rights(caller)
    target = Target(project_id=project, parent_project_id=network.project_id)
    for rule in rules_for_create("port", attributes, rights.defaults["port"]):
        rights.require(rule, target)

Reading the file is the only I/O here; who asks it to look again is somebody else.
"""

from ovnest.errors.policy import BadPolicy, PolicyNotAuthorized
from ovnest.policy.catalogue import Catalogue, catalogue_of
from ovnest.policy.file import PolicyFile, load
from ovnest.policy.policy import Policy
from ovnest.policy.requested import rules_for_create, rules_for_update
from ovnest.policy.rights import Rights
from ovnest.policy.target import Target

__all__ = [
    "BadPolicy",
    "Catalogue",
    "Policy",
    "PolicyFile",
    "PolicyNotAuthorized",
    "Rights",
    "Target",
    "catalogue_of",
    "load",
    "rules_for_create",
    "rules_for_update",
]
