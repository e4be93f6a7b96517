"""Refusals of a subnet's allocation pools, as Neutron words them."""

from ovnest.errors import BadRequest, Conflict


class InvalidAllocationPool(BadRequest):
    """A pool's addresses are none, in the wrong order, or of the wrong IP version."""

    template = "The allocation pool {pool} is not valid."


class OutOfBoundsAllocationPool(BadRequest):
    """A pool has addresses that ports of the subnet cannot have."""

    template = "The allocation pool {pool} spans beyond the subnet cidr {subnet_cidr}."


class OverlappingAllocationPools(Conflict):
    """Two pools of a subnet share an address."""

    template = "Found overlapping allocation pools: {pool_1} {pool_2} for subnet {subnet_cidr}."


class GatewayConflictWithAllocationPools(Conflict):
    """The gateway would be given to a port."""

    template = "Gateway ip {ip_address} conflicts with allocation pool {pool}."
