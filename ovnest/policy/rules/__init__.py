"""The default rules: one file for each resource, and one for what they are made of.

A new resource is a new file here with its RULES and DEFAULTS, and a line in both tables below.
"""

from collections.abc import Mapping
from typing import Any

from ovnest.policy.rules import agent_code, base, network, port, subnet

DEFAULT_RULES: Mapping[str, str] = base.RULES | network.RULES | subnet.RULES | port.RULES | agent_code.RULES

ATTRIBUTE_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "network": network.DEFAULTS,
    "subnet": subnet.DEFAULTS,
    "port": port.DEFAULTS,
}
