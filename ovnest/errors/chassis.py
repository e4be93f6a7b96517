"""Refusals of VMs that are to be chassis: whom they would be trusted with, and their certificates."""

from ovnest.errors import BadRequest, Conflict, Refusal, Unavailable


class ForeignChassis(Conflict):
    """409: there are chassis that no agent has enrolled; a VM that is a chassis could claim their ports."""

    template = (
        "The Southbound has chassis that no agent enrolled ({names}). A chassis may claim every port, so "
        "a VM is enrolled as one only where all chassis are such VMs: give them an OVN of their own. If one "
        "of these is no more, take it away (ovn-sbctl chassis-del NAME); if all are to trust each other, "
        "start the server with --one-trust-domain."
    )


class NoSouthbound(Conflict):
    """409: whether there are other chassis cannot be known."""

    template = (
        "This server was started without --southbound, so it cannot see whether there are hypervisors, whose "
        "ports a VM that is a chassis could claim. Say where the Southbound is, or --one-trust-domain."
    )


class SouthboundUnreachable(Unavailable):
    """503: the Southbound cannot be asked now; nothing was done."""

    neutron_type = "ServiceUnavailable"
    template = (
        "The Southbound database cannot be reached, so it is not known whether there are other chassis. "
        "Nothing was changed; try again."
    )


class NoChassisCa(Refusal):
    """501: this server signs no certificates."""

    status = 501
    template = "This server signs no certificates of chassis: it was started without --chassis-ca-cert."


class CertificateRequestRefused(BadRequest):
    """400: the request for a certificate is none that is signed."""

    template = "The certificate request {reason}."


class CertificateNotSigned(Unavailable):
    """503: the program that signs did not."""

    template = "The certificate could not be signed: {reason}."
