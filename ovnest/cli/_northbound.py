"""What the verbs share that work on the Northbound themselves, without a server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ovnest.api.store import Store
from ovnest.caller import Caller
from ovnest.config import Settings
from ovnest.operations import CATALOGUE
from ovnest.ovsdb import Unreachable
from ovnest.policy import Policy

SETTINGS = ("northbound", "private_key", "certificate", "ca_cert", "durable", "dns_domain")
CONNECT_TIMEOUT_S = 5.0
LOAD_TIMEOUT_S = 120.0
DONE, NOT_DONE, COULD_NOT = 0, 1, 2


def operator(verb: str) -> Caller:
    """Who calls: whoever can reach the Northbound may do everything there."""
    return Caller(project_id="", roles=frozenset({"admin"}), request_id=f"ovnest-{verb}")


@asynccontextmanager
async def northbound(settings: Settings, *, writes: bool) -> AsyncIterator[Store]:
    """The Northbound, once it has been read; that may take long, but not where no database is.

    Raises:
        Unreachable: there is none.
    """
    async with Store(settings, Policy(CATALOGUE), writes=writes) as store:
        try:
            await store.client.ready(CONNECT_TIMEOUT_S)
        except Unreachable:
            if not store.client.status.loading:
                raise
            await store.client.ready(LOAD_TIMEOUT_S)
        yield store
