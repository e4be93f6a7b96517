"""The chassis' certificate is renewed when a third of its life is left, by the daemon.

A new key comes with each. ovn-controller takes both for its next connection; the present one stays.
"""

import asyncio
import logging
import time
from datetime import UTC, datetime
from pathlib import Path

from ovnest.agent.client.api import Api
from ovnest.agent.errors import AgentError, ApiRefused, ApiUnreachable
from ovnest.agent.setup.chassis import switch
from ovnest.agent.setup.chassis.certificate import Certificates, Held
from ovnest.agent.setup.chassis.signing import certify
from ovnest.agent.vm.database import carry_out
from ovnest.ovsdb import OvsdbError

AGAIN_FIRST_S = 5.0
AGAIN_LONGEST_S = 3600.0
LOOK_S = 3600.0
"""So often is looked whether it is time: the machine may have slept, or have joined meanwhile."""

_log = logging.getLogger(__name__)


class Renewal:
    """Renews what is in the directory `state`, for the Open vSwitch at `ovs`, as long as `run` runs."""

    def __init__(self, state: Path, ovs: str) -> None:
        self._certificates = Certificates(state)
        self._ovs = ovs
        self._failure = ""

    def problem(self) -> str:
        """What is wrong with the certificate; empty if nothing."""
        held = self._certificates.find()
        if held is None or time.time() < held.renew_at:
            return ""
        ends = datetime.fromtimestamp(held.not_after, UTC).strftime("%Y-%m-%d")
        why = self._failure or "it is due to be renewed"
        if not held.by_server:
            why = "the operator's CA has signed it: `ovnest agent join` prints the request for the next"
        return f"the certificate of the chassis {held.name} ends on {ends}: {why}"

    async def run(self, api: Api) -> None:
        """Look now, and then at intervals; after a failure soon, and then more and more seldom."""
        pause_s = AGAIN_FIRST_S
        while True:
            try:
                await self._look(api)
            except (AgentError, OvsdbError, OSError) as error:
                self._failure = str(error)
                level = logging.INFO if isinstance(error, ApiUnreachable) else logging.ERROR
                _log.log(level, "event=certificate_not_renewed reason=%s", error)
                await asyncio.sleep(LOOK_S if isinstance(error, ApiRefused) else pause_s)
                pause_s = min(pause_s * 2, AGAIN_LONGEST_S)
            else:
                self._failure = ""
                pause_s = AGAIN_FIRST_S
                await asyncio.sleep(LOOK_S)

    async def _look(self, api: Api) -> None:
        held = await asyncio.to_thread(self._certificates.find)
        if held is None:
            return
        if held.by_server and time.time() >= held.renew_at:
            held = await self._renew(api, held)
        # Also if we ended between the two, or somebody has put an older database back.
        files = self._certificates.files(held.number)
        await carry_out(self._ovs, lambda tx: switch.use_files(tx, files))
        await asyncio.to_thread(self._certificates.prune)

    async def _renew(self, api: Api, held: Held) -> Held:
        number, request = await asyncio.to_thread(self._certificates.ask, held.name)
        answer = await certify(api, request)
        renewed = await asyncio.to_thread(
            self._certificates.accept,
            number,
            held.name,
            answer.certificate,
            answer.ca,
            by_server=True,
        )
        await asyncio.to_thread(self._certificates.use, renewed)
        _log.info("event=certificate_renewed number=%d not_after=%d", number, renewed.not_after)
        return renewed
