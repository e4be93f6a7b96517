"""Refusals of changes that depend on a revision number."""

from ovnest.errors import PreconditionFailed


class RevisionNumberConstraintFailed(PreconditionFailed):
    """The resource has been changed since the client looked."""

    template = "Constrained to {expected}, but current revision is {current}."
