"""Store: the Northbound as requests see it, for reading and for writing.

A write is an operation of `operations`, run inside the client's group commit; a read is a function of the
replica, run after the read barrier, so that it sees every write acknowledged before it.
"""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeVar

from ovnest.api.kept import KeptTexts
from ovnest.api.remotes import tls_of
from ovnest.api.slices import Slices
from ovnest.caller import Caller
from ovnest.config import Settings
from ovnest.errors.store import NorthboundBusy, NorthboundUnreachable, RequestTooLarge, WriteInDoubt
from ovnest.northbound.ledger import LEDGER, layout_of
from ovnest.ovsdb import (
    Busy,
    Client,
    InDoubt,
    Options,
    TooLarge,
    Transaction,
    Unreachable,
)
from ovnest.policy import Policy
from ovnest.rows import HOMES, Homes
from ovnest.rows.address_book import AddressBook
from ovnest.southbound.watcher import ChassisWatcher
from ovnest.transaction import Context, Issuer, Readings, Tx

T = TypeVar("T")

NORTHBOUND = "OVN_Northbound"
_SYSTEM = random.SystemRandom()


class Store:
    """The database behind the API: `async with Store(settings, policy) as store`.

    With `writes` False it only reads, and leaves not even the ledger in the database.
    """

    def __init__(
        self, settings: Settings, policy: Policy, *, writes: bool = True, homes: Homes = HOMES
    ) -> None:
        self.homes = homes
        self.settings = settings
        self.policy = policy
        self._chassis: ChassisWatcher | None = None
        self._issuer: Issuer | None = None
        self.slices = Slices()
        self.addresses = AddressBook(homes)
        self._readings = Readings()
        # One generator a process, seeded by the system: servers must not give the same ids.
        self._random = random.Random(_SYSTEM.getrandbits(256))  # noqa: S311  # no secret is made from it
        self.client = Client(
            settings.northbound,
            NORTHBOUND,
            tables=homes.row_types,
            indexes=homes.indexes,
            trackers=self.addresses.trackers,
            ledger=LEDGER if writes else None,
            options=Options(durable=settings.durable),
            tls=tls_of(settings),
        )
        self.texts = KeptTexts(self.client.replica)

    async def ready(self, timeout_s: float) -> None:
        """Return once the Northbound has been read.

        Raises:
            Unreachable: it has not been, after that time.
            UnknownLayout: a newer release has arranged it in a way that this one does not know.
            SchemaMismatch: it lacks a table or column that cannot be done without.
        """
        await self.client.ready(timeout_s)
        layout_of(self.client.replica)

    def watch_chassis(self, chassis: ChassisWatcher) -> None:
        """Judge bindings by the chassis that there are, from now on."""
        self._chassis = chassis

    def sign_by(self, issuer: Issuer) -> None:
        """Have what is given once to who makes a thing signed by `issuer`, from now on."""
        self._issuer = issuer

    async def read(self, caller: Caller, look: Callable[[Tx], T]) -> T:
        """What `look` finds in the database as it is now.

        Raises:
            NorthboundUnreachable: there is no database to ask, or it has no quorum.
            UnknownLayout: a newer release has written it.
        """
        return look(await self.reading(caller))

    async def reading(self, caller: Caller) -> Tx:
        """The database as it is now, to be looked at until the next await.

        Raises:
            NorthboundUnreachable: there is no database to ask, or it has no quorum.
            UnknownLayout: a newer release has written it.
        """
        try:
            await self.client.barrier()
        except Unreachable as error:
            raise NorthboundUnreachable(reason=error) from error
        layout_of(self.client.replica)
        return Tx(self.client.replica, self.context(caller))

    async def write(
        self, caller: Caller, operation: Callable[[Tx], T], *, items: int = 1, what: str = ""
    ) -> T:
        """Run an operation and make what it staged permanent, all of it or nothing.

        Raises:
            Refusal: the operation refused.
            NorthboundUnreachable, NorthboundBusy: nothing was sent; asking again is safe.
            WriteInDoubt: it was sent, and whether it was done cannot be found out now.
            RequestTooLarge: it is more than one transaction may be.
            UnknownLayout: a newer release has written the database.
        """

        def run(transaction: Transaction) -> T:
            layout_of(transaction)
            return operation(Tx(transaction, self.context(caller)))

        comment = f"{caller.request_id} {what}"
        try:
            return await self.client.execute(run, caller=caller.project_id, comment=comment, size_hint=items)
        except Unreachable as error:
            raise NorthboundUnreachable(reason=error) from error
        except Busy as error:
            raise NorthboundBusy(reason=error) from error
        except InDoubt as error:
            raise WriteInDoubt(reason=error) from error
        except TooLarge as error:
            raise RequestTooLarge(reason=error) from error

    def context(self, caller: Caller) -> Context:
        """What an operation of this caller may know beside the database."""
        seconds = int(time.time())
        return Context(
            caller=caller,
            rights=self.policy.rights(caller),
            settings=self.settings,
            homes=self.homes,
            addresses=self.addresses,
            random=self._random,
            now=_text(seconds),
            seconds=seconds,
            southbound=self._chassis.seen if self._chassis is not None else None,
            readings=self._readings,
            issuer=self._issuer,
        )

    async def __aenter__(self) -> "Store":
        await self.client.__aenter__()
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.client.__aexit__(None, None, None)


@lru_cache(maxsize=2)
def _text(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
