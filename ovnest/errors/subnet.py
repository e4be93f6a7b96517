"""Refusals of subnets, as Neutron words them."""

from ovnest.errors import BadRequest, Conflict, NotFound


class SubnetNotFound(NotFound):
    """No such subnet for this caller."""

    template = "Subnet {subnet_id} could not be found."


class SubnetInUse(Conflict):
    """Ports still have addresses of the subnet."""

    template = (
        "Unable to complete operation on subnet {subnet_id}: One or more ports have an IP allocation from "
        "this subnet. One of them is {port_id}."
    )


class SubnetOverlaps(BadRequest):
    """The subnet's addresses are another's of the same network."""

    neutron_type = "InvalidInput"
    template = (
        "Invalid input for operation: Requested subnet with cidr: {cidr} for network: {network_id} "
        "overlaps with another subnet ({other_cidr}, {other_id})."
    )


class GatewayIpInUse(Conflict):
    """The gateway's address belongs to a port already."""

    template = "Current gateway ip {ip_address} already in use by port {port_id}. Unable to update."


class SubnetPoolNotFound(NotFound):
    """No such subnet pool."""

    template = "Subnet pool {subnetpool_id} could not be found."


class BadSubnetRequest(BadRequest):
    """Attributes of a new subnet that do not go together."""

    neutron_type = "BadRequest"
    template = "Bad subnets request: {msg}."


class DNSNameServersExhausted(BadRequest):
    """More name servers than a subnet may have."""

    template = (
        "Unable to complete operation for {subnet_id}. "
        "The number of DNS nameservers exceeds the limit {quota}."
    )


class HostRoutesExhausted(BadRequest):
    """More host routes than a subnet may have."""

    template = (
        "Unable to complete operation for {subnet_id}. The number of host routes exceeds the limit {quota}."
    )
