"""Refusals of the database behind the API: away, busy, in doubt, too large."""

from ovnest.errors import Conflict, Unavailable


class NorthboundUnreachable(Unavailable):
    """The Northbound cannot be asked; nothing was done."""

    neutron_type = "ServiceUnavailable"
    template = "The Northbound database cannot be reached: {reason}. Nothing was changed; try again."


class NorthboundBusy(Unavailable):
    """More is waiting than may wait; nothing was done."""

    neutron_type = "ServiceUnavailable"
    template = "Too many writes are waiting for the Northbound database: {reason}. Try again."


class WriteInDoubt(Unavailable):
    """The write was sent, and its answer was lost."""

    neutron_type = "ServiceUnavailable"
    template = (
        "The Northbound database went away before it answered: {reason}. "
        "The change may have been made; look before you ask again."
    )


class RequestTooLarge(Conflict):
    """More than one transaction may be."""

    neutron_type = "RequestTooLarge"
    template = "This is more than one transaction may change: {reason}. Split it into smaller requests."


class UnknownLayout(Unavailable):
    """A newer release has changed how rows are laid out."""

    neutron_type = "ServiceUnavailable"
    template = (
        "The Northbound database has layout {layout}, and this release knows {known}. "
        "Serve it with the release that wrote it."
    )


class NotUnderstood(Conflict):
    """A row that something depends on is gone, or a manual edit has made it unreadable."""

    template = (
        "The {kind} {key} that this depends on is missing from the Northbound database or cannot be "
        "understood. `ovnest check` says what is wrong with it."
    )
