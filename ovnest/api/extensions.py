"""EXTENSIONS: the extensions of the Networking API that are served, all of each and no other.

A client looks here before it uses an attribute. So an alias stands here only if everything that it promises
for networks, subnets and ports is done; `docs/api.md` says what is not.

Source: Neutron API reference, "Extensions"; the aliases, names and dates are neutron-lib's definitions.
"""

from msgspec import Struct


class Extension(Struct, frozen=True, kw_only=True):
    """One extension as it is shown."""

    name: str
    alias: str
    description: str
    updated: str
    links: tuple[str, ...] = ()


def _extension(alias: str, updated: str, name: str, description: str) -> Extension:
    return Extension(alias=alias, updated=updated, name=name, description=description)


_ALL = (
    _extension(
        "allowed-address-pairs",
        "2013-07-23T10:00:00-00:00",
        "Allowed Address Pairs",
        "Further addresses that a port may use.",
    ),
    _extension(
        "binding",
        "2014-02-03T10:00:00-00:00",
        "Port Binding",
        "Where a port is plugged in, and the parent and tag of a container port.",
    ),
    _extension(
        "empty-string-filtering",
        "2018-05-01T10:00:00-00:00",
        "Empty String Filtering Extension",
        "Lists can be filtered by the empty string.",
    ),
    _extension(
        "external-net",
        "2013-01-14T10:00:00-00:00",
        "Neutron external network",
        "The attribute router:external of a network.",
    ),
    _extension(
        "extra_dhcp_opt",
        "2013-03-17T12:00:00-00:00",
        "Neutron Extra DHCP options",
        "DHCP options of one port.",
    ),
    _extension(
        "filter-validation",
        "2018-07-04T10:00:00-00:00",
        "Filter parameters validation",
        "A filter by an unknown attribute is refused.",
    ),
    _extension(
        "ip-substring-filtering",
        "2017-11-28T09:00:00-00:00",
        "IP address substring filtering",
        "Ports can be filtered by a part of an address.",
    ),
    _extension(
        "net-mtu",
        "2015-03-25T10:00:00-00:00",
        "Network MTU",
        "The MTU of a network.",
    ),
    _extension(
        "net-mtu-writable",
        "2017-07-12T00:00:00-00:00",
        "Network MTU (writable)",
        "The MTU of a network can be set.",
    ),
    _extension(
        "pagination",
        "2016-06-12T00:00:00-00:00",
        "Pagination support",
        "Lists come in pages, with links to the next and the previous one.",
    ),
    _extension(
        "port-mac-address-regenerate",
        "2018-05-03T10:00:00-00:00",
        "Neutron Port MAC address regenerate",
        "Setting a port's MAC address to null gives it a new one.",
    ),
    _extension(
        "port-security",
        "2012-07-23T10:00:00-00:00",
        "Port Security",
        "Whether a port may only use its own addresses.",
    ),
    _extension(
        "project-id",
        "2016-09-09T09:09:09-09:09",
        "project_id field enabled",
        "project_id beside the older tenant_id.",
    ),
    _extension(
        "provider",
        "2012-09-07T10:00:00-00:00",
        "Provider Network",
        "How a network is made of a physical one.",
    ),
    _extension(
        "revision-if-match",
        "2016-12-11T00:00:00-00:00",
        "If-Match constraints based on revision_number",
        "A change can be made to depend on the revision number.",
    ),
    _extension(
        "sorting",
        "2016-06-12T00:00:00-00:00",
        "Sorting support",
        "Lists can be sorted by any attribute that is one value.",
    ),
    _extension(
        "standard-attr-description",
        "2016-02-10T10:00:00-00:00",
        "standard-attr-description",
        "A description of each resource.",
    ),
    _extension(
        "standard-attr-revisions",
        "2016-04-11T10:00:00-00:00",
        "Resource revision numbers",
        "A number that each change of a resource raises.",
    ),
    _extension(
        "standard-attr-tag",
        "2017-01-01T00:00:00-00:00",
        "Tag support for resources with standard attribute: network, subnet, port",
        "Words that stick to a resource, and filters by them.",
    ),
    _extension(
        "standard-attr-timestamp",
        "2016-09-12T10:00:00-00:00",
        "Resource timestamps",
        "When a resource was made and when it was changed last.",
    ),
    _extension(
        "subnet-service-types",
        "2016-03-15T18:00:00-00:00",
        "Subnet service types",
        "Which device owners a subnet gives addresses to.",
    ),
)
EXTENSIONS = {extension.alias: extension for extension in _ALL}
