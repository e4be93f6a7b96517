"""Refusals of networks, as Neutron words them."""

from ovnest.errors import Conflict, NotFound


class NetworkNotFound(NotFound):
    """No such network for this caller."""

    template = "Network {net_id} could not be found."


class NetworkInUse(Conflict):
    """The network still has ports."""

    template = (
        "Unable to complete operation on network {net_id}. "
        "There are one or more ports still in use on the network."
    )


class InvalidSharedSetting(Conflict):
    """Other projects' ports keep a network shared."""

    template = "Unable to reconfigure sharing settings for network {network}. Multiple tenants are using it."


class MtuTooSmall(Conflict):
    """IPv6 needs more."""

    neutron_type = "NetworkMTUSubnetConflict"
    template = "Unable to set MTU of network {net_id}: it has IPv6 subnets, which need at least {least}."


class VlanIdInUse(Conflict):
    """A VLAN of a physical network belongs to one network."""

    template = (
        "Unable to create the network. "
        "The VLAN {vlan_id} on physical network {physical_network} is in use by network {network_id}."
    )


class FlatNetworkInUse(Conflict):
    """A physical network carries one flat network."""

    template = (
        "Unable to create the flat network. "
        "Physical network {physical_network} is in use by network {network_id}."
    )
