"""Telling the API what is plugged and which tags are free again: what only the agent can know."""

import asyncio
import logging
from typing import Any

from msgspec import Struct

from ovnest.agent.attachment.engine import Engine
from ovnest.agent.attachment.reconcile import Reconciler
from ovnest.agent.attachment.states import State
from ovnest.agent.attachment.status import Line, lines
from ovnest.agent.client.api import Api
from ovnest.agent.client.credential import Holder
from ovnest.agent.errors import AgentError, ApiRefused
from ovnest.agent.waiting import heard

TARGET = "/agent/v1/report"
GATHER_S = 0.2
AGAIN_S = 5.0
DUE_S = 60.0

_log = logging.getLogger(__name__)


class Answer(Struct, frozen=True, kw_only=True):
    """What the server says to a report."""

    conflict_at: int | None = None
    report_after_s: float = DUE_S


class Reporter:
    """Reports to the API, whole at first and what has changed after that, while `run` runs."""

    def __init__(self, engine: Engine, api: Api, reconciler: Reconciler, holder: Holder) -> None:
        self._engine = engine
        self._api = api
        self._reconciler = reconciler
        self._holder = holder
        self._wake = asyncio.Event()
        self._told: dict[str, tuple[bool, str]] | None = None
        """What the API was told last; None: nothing, so the next report is whole."""
        engine.on_change(self._wake.set)
        engine.on_switch_change(self._wake.set)  # where a device that goes with its container shows

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        due_at = loop.time()
        while True:
            self._wake.clear()
            now = self._now()
            if self._is_news(now) or loop.time() >= due_at:
                credential = self._holder.credential
                try:
                    due_at = loop.time() + await self._report(now)
                except AgentError as error:
                    if isinstance(error, ApiRefused) and credential is self._holder.credential:
                        self._holder.refused(error)  # and not since it was renewed meanwhile
                    _log.info("event=not_reported reason=%s", error)
                    self._told = None
                    await asyncio.sleep(AGAIN_S)
                    continue
            if await heard(self._wake, max(due_at - loop.time(), 0.0)):
                await asyncio.sleep(GATHER_S)  # several changes make one report

    def _now(self) -> dict[str, tuple[bool, str]]:
        """What the API should know of each port."""
        found = lines(self._engine, self._reconciler.findings)
        return {line.port: (line.plugged, line.reason) for line in found if _is_told(line)}

    def _is_news(self, now: dict[str, tuple[bool, str]]) -> bool:
        told = self._told
        return told is None or bool(self._engine.gone_tags()) or bool(now.items() - told.items())

    async def _report(self, now: dict[str, tuple[bool, str]]) -> float:
        """Report; after how many seconds the next one is due in any case."""
        gone = self._engine.gone_tags()
        whole = self._told is None
        changed = now.items() - (self._told or {}).items()
        ports = {key: {"plugged": plugged, "reason": why} for key, (plugged, why) in changed}
        body: dict[str, Any] = {"ports": ports, "gone": gone, "whole": whole}
        answer = await self._api.post(TARGET, body, Answer)
        self._told = now
        self._engine.tags_reported(gone)
        self._holder.told(answer.conflict_at)
        return answer.report_after_s / 2


def _is_told(line: Line) -> bool:
    return bool(line.port) and line.state in (State.PLUGGED, State.RESERVED)
