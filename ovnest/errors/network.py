"""Refusals of networks, as Neutron words them."""

from ovnest.errors import Conflict, NotFound


class NetworkNotFound(NotFound):
    """No such network for this caller."""

    template = "Network {net_id} could not be found."


class NetworkInUse(Conflict):
    """The network still has ports."""

    template = (
        "Unable to complete operation on network {net_id}. There are one or more ports still in use on the "
        "network, id for these ports is: {ports}."
    )


class InvalidSharedSetting(Conflict):
    """Other projects' ports keep a network shared."""

    template = "Unable to reconfigure sharing settings for network {network}. Multiple tenants are using it."


class NetworkMTUSubnetConflict(Conflict):
    """A subnet of that IP version needs more (RFC 791; RFC 8200, 5)."""

    template = "MTU of {net_id} is not valid, subnet requires a minimum of {mtu}"


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


class TunnelIdInUse(Conflict):
    """A tunnel network's number is shown to people, who take it for its own."""

    template = "Unable to create the network. The tunnel ID {tunnel_id} is in use by network {network_id}."
