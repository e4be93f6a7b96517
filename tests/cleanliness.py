"""Whether a Northbound is as `ovnest check` wants it: what every test of a server ends with."""

from collections.abc import Collection
from typing import Any

from ovnest.api.store import Store
from ovnest.config import Settings
from ovnest.operations import CATALOGUE
from ovnest.policy import Policy
from ovnest.rows.finding import Finding
from ovnest.transaction.check import find_all
from tests.front_door import ADMIN

READ_TIMEOUT_S = 20.0


async def findings_in(northbound: str, **settings: Any) -> list[Finding]:
    """What the check finds in the database at this address; `settings` are the server's."""
    async with Store(Settings(northbound=northbound, **settings), Policy(CATALOGUE), writes=False) as store:
        await store.client.ready(READ_TIMEOUT_S)
        return await store.read(ADMIN, find_all)


async def assert_clean(northbound: str, *, but: Collection[str] = (), **settings: Any) -> None:
    """Fail with everything that the check finds; kinds in `but` must be found, and may."""
    found = await findings_in(northbound, **settings)
    others = [finding for finding in found if finding.kind not in but]
    assert not others, "\n".join(map(str, others))
    missing = set(but) - {finding.kind for finding in found}
    assert not missing, f"the check does not find {', '.join(sorted(missing))}"
