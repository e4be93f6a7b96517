"""Refusals of ports, as Neutron words them."""

from ovnest.errors import BadRequest, Conflict, NotFound


class PortNotFound(NotFound):
    """No such port for this caller."""

    template = "Port {port_id} could not be found."


class MacAddressInUse(Conflict):
    """The MAC address belongs to another port of the network."""

    template = "Unable to complete operation for network {net_id}. The mac address {mac} is in use."


class MacAddressGenerationFailure(Conflict):
    """No free MAC address was found under the base address."""

    template = "Unable to generate unique mac on network {net_id}."


class IpAddressAlreadyAllocated(Conflict):
    """The address belongs to another port of the network."""

    template = "IP address {ip} already allocated in subnet {subnet_id}"


class IpAddressGenerationFailure(Conflict):
    """The pools of the network's subnets are used up."""

    template = "No more IP addresses available on network {net_id}."


class InvalidIpForNetwork(BadRequest):
    """The address is in none of the network's subnets."""

    template = "IP address {ip_address} is not a valid IP for any of the subnets on the specified network."


class InvalidIpForSubnet(BadRequest):
    """The address is not one that a port of the subnet can have."""

    template = "IP address {ip_address} is not a valid IP for the specified subnet."


class TooManyFixedIps(BadRequest):
    """More addresses than a port may have."""

    neutron_type = "InvalidInput"
    template = "Invalid input for operation: Exceeded maximum amount of fixed ips per port: {most}."


class AddressPairAndPortSecurityRequired(Conflict):
    """Allowed address pairs are exceptions from port security; without it they mean nothing."""

    template = "Port Security must be enabled in order to have allowed address pairs on a port."


class SecurityGroupNotFound(NotFound):
    """No such security group."""

    template = "Security group {id} does not exist."


class UnsupportedDeviceOwner(BadRequest):
    """A kind of port that only the server makes."""

    template = (
        "Invalid input for operation: ports with device_owner {device_owner} are made together with what "
        "they belong to; leave the device_owner out."
    )


class PortBound(Conflict):
    """The MAC address of a port that is in use cannot change."""

    template = (
        "Unable to complete operation on port {port_id}, port is already bound, port type: {vif_type}, "
        "old_mac {old_mac}, new_mac {new_mac}."
    )


class UnsupportedPortDeviceOwner(Conflict):
    """The network itself owns the port."""

    template = "Operation {op} is not supported for device_owner {device_owner} on port {port_id}."


class IPAllocationRequiresSubnets(BadRequest):
    """An address is wanted on a network that has none."""

    neutron_type = "InvalidInput"
    template = "Invalid input for operation: IP allocation requires subnets for network."


class IpAddressGenerationFailureNoMatchingSubnet(Conflict):
    """The network's subnets are for other kinds of ports."""

    template = (
        "No valid service subnet for the given device owner, network {network_id}, "
        "service type {service_type}."
    )


class AllocationOnAutoAddressSubnet(BadRequest):
    """Hosts of that subnet choose their address by themselves, from their MAC address."""

    template = (
        "IPv6 address {ip} cannot be directly assigned to a port on subnet {subnet_id} as the subnet is "
        "configured for automatic addresses"
    )


class AllowedAddressPairsMissingIP(BadRequest):
    """A pair without its address."""

    template = "AllowedAddressPair must contain ip_address"


class DuplicateAddressPairInRequest(BadRequest):
    """A pair that is there twice."""

    template = "Request contains duplicate address pair: mac_address {mac_address} ip_address {ip_address}."


class AllowedAddressPairExhausted(BadRequest):
    """More pairs than a port may have."""

    template = "The number of allowed address pair exceeds the maximum {quota}."
