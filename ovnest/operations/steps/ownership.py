"""Whose a new resource is."""

from ovnest.errors.fields import HTTPBadRequest
from ovnest.transaction import Tx


def owner_of_new(tx: Tx, wanted: str | None) -> str:
    """The project a new resource belongs to: the caller's, or the one an administrator named.

    Raises:
        HTTPBadRequest: somebody else named another project than their own.
    """
    if wanted is None or wanted == tx.caller.project_id:
        return tx.caller.project_id
    if not tx.rights.is_admin:
        raise HTTPBadRequest(
            reason="Specifying 'project_id' or 'tenant_id' other than the authenticated project in request "
            "requires admin privileges"
        )
    return wanted
