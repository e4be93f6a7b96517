"""Gratuitous ARP and unsolicited advertisements again, some seconds later: the first ones may be lost.

By themselves neighbours that remember another MAC find out only after ten seconds of silence. The frames are
sent from our own namespace, on the bridge's trunk, as the bridge would send the container's: nothing of the
container is held for them, neither its namespace nor its device, so that both may go at any time.
"""

import asyncio
import heapq
import logging
import socket
from itertools import count

from ovnest.agent.attachment.journal import Journal, Recorded
from ovnest.agent.attachment.result import Attached
from ovnest.agent.attachment.states import State
from ovnest.agent.vm.gratuitous_arp import gratuitous_frame, tagged
from ovnest.agent.waiting import heard
from ovnest.ovsdb import RowUuid

AFTER_S = (1.0, 3.0)
IDLE_S = 3600.0

_log = logging.getLogger(__name__)


class Reannouncing:
    """Re-announces what has been announced, while `run` runs and as long as it is so."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        # No longer than twice the attachments of the last seconds.
        self._due: list[tuple[float, int, RowUuid, Attached]] = []
        self._number = count()  # so that the heap never compares rows
        self._new = asyncio.Event()

    def begin(self, recorded: Recorded) -> None:
        """That attachment was just announced. One without a tag, on a chassis, is not re-announced."""
        answer = recorded.entry.answer
        if answer is None or answer.tag is None:
            return
        now = asyncio.get_running_loop().time()
        for after_s in AFTER_S:
            heapq.heappush(self._due, (now + after_s, next(self._number), recorded.row, answer))
        self._new.set()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            self._new.clear()
            while self._due and self._due[0][0] <= loop.time():
                _, _, row, answer = heapq.heappop(self._due)
                self._reannounce(row, answer)
            await heard(self._new, self._due[0][0] - loop.time() if self._due else IDLE_S)

    def _reannounce(self, row: RowUuid, answer: Attached) -> None:
        now = self._journal.find(row)
        if now is None or now.entry.state is not State.PLUGGED or now.entry.answer != answer:
            return  # it is gone, or has another tag: what was announced is no longer so
        assert answer.tag is not None  # noqa: S101  or it would not have been begun
        addresses = (each.address.partition("/")[0] for each in answer.addresses)
        frames = [tagged(gratuitous_frame(answer.mac, address), answer.tag) for address in addresses]
        for trunk in self._journal.trunks():
            try:
                _send(trunk, frames)
            except OSError as error:
                _log.info("event=not_reannounced device=%s trunk=%s reason=%s", now.device, trunk, error)


def _send(device: str, frames: list[bytes]) -> None:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind((device, 0))
        for frame in frames:
            sock.send(frame)
