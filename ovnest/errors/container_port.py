"""Refusals of container ports: parents and tags."""

from ovnest.errors import BadRequest, Conflict


class InvalidProfile(BadRequest):
    """A known key of binding:profile has a value it cannot have."""

    neutron_type = "InvalidInput"
    template = "Invalid input for operation: Invalid binding:profile. {reason}"


class TagInUse(Conflict):
    """One tag of a parent is one container port."""

    template = (
        "Tag {tag} on parent port {parent} belongs to port {holder}. "
        "Choose another, or leave the tag out to be given a free one."
    )


class NoTagLeft(Conflict):
    """Every tag of the parent is taken or in hold-down."""

    template = (
        "Parent port {parent} has no free tag: all {count} are taken by container ports or were freed "
        "within the last minutes. Delete a container port, or ask for a freed tag by its number."
    )


class ParentIsContainerPort(BadRequest):
    """OVN binds no child of a child."""

    template = (
        "Port {parent} is itself a container port, of parent {grandparent}, so OVN could never bind a "
        "child of it. Name the VM's own port as parent_name."
    )


class ParentIsItself(BadRequest):
    """OVN never binds a port that is its own parent."""

    template = "Port {port_id} cannot be its own parent. Name the VM's port as parent_name."


class ParentIsNoVif(BadRequest):
    """OVN binds container ports only under a VM's interface."""

    template = (
        "Port {parent} is a {kind} port to OVN and no VM's interface, so OVN could never bind a container "
        "port under it. Name the VM's port as parent_name."
    )


class ParentHasContainerPorts(Conflict):
    """The parent of container ports can be neither deleted nor made a container port."""

    template = "Port {port_id} is the parent of {count} container port(s): {children}. {advice}"
