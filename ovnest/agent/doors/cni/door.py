"""The CNI front door: ADD, DEL, CHECK, GC and STATUS, as the shim hands them over.

Source: CNI specification 1.1.0, sections 4 ("Plugin Execution") and 5 ("Result Types").
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from ovnest.agent.attachment.engine import Engine
from ovnest.agent.attachment.result import Attached
from ovnest.agent.client.api import Api
from ovnest.agent.doors.cni.config import (
    BAD_CONFIG,
    BAD_ENVIRONMENT,
    CONTAINER_UNKNOWN,
    DOOR,
    Call,
    CniError,
    read_config,
    understand,
)
from ovnest.agent.doors.cni.shim import NOT_AVAILABLE, TRY_AGAIN, VERSIONS
from ovnest.agent.errors import (
    AgentError,
    AlreadyAttached,
    ApiRefused,
    BadRequest,
    InterfaceExists,
    LinkFailed,
    NamespaceGone,
    NotAsRecorded,
    NotAttached,
    NotSetUp,
)

IO_FAILURE = 5
LIMITED_CONNECTIVITY = 51

# Our own, from 100 on.
REFUSED = 100
EXISTS = 101
NOT_AS_MADE = 102
FAULT = 199

CODES: dict[type[AgentError], int] = {
    BadRequest: BAD_CONFIG,
    NamespaceGone: CONTAINER_UNKNOWN,
    NotAttached: CONTAINER_UNKNOWN,
    AlreadyAttached: EXISTS,
    InterfaceExists: EXISTS,
    NotAsRecorded: NOT_AS_MADE,
    ApiRefused: REFUSED,
    NotSetUp: TRY_AGAIN,
    LinkFailed: IO_FAILURE,
}
"""By class; what is not here is TRY_AGAIN if it says so of itself, else REFUSED."""

_log = logging.getLogger(__name__)


class Cni:
    """Answers calls of the shim by way of `engine`; `api` is asked for networks."""

    def __init__(self, engine: Engine, api: Api) -> None:
        self._engine = engine
        self._api = api
        self._commands: dict[str, Callable[[Call, list[int]], Awaitable[Any]]] = {
            "ADD": self._add,
            "DEL": self._delete,
            "CHECK": self._check,
            "GC": self._collect,
            "STATUS": self._status,
        }

    async def answer(self, request: dict[str, Any], files: list[int]) -> dict[str, Any]:
        """`{"status": …, "output": …}`: what the executable ends with, and prints."""
        version = VERSIONS[-1]
        try:
            config = read_config(request.get("config") or {})
            version = str(config.get("cniVersion") or version)
            call = understand(request.get("environment") or {}, config)
            command = self._commands.get(call.command)
            if command is None:
                raise CniError(BAD_ENVIRONMENT, f"CNI_COMMAND cannot be {call.command!r}")
            result = await command(call, files)
        except CniError as error:
            return _failed(version, error.code, str(error), error.details)
        except AgentError as error:
            return _failed(version, code_of(error), str(error), type(error).__name__)
        except Exception as error:
            # The end of a request: the runtime gets a sentence, the log all of it.
            _log.exception("event=fault command=%s", request.get("environment"))
            return _failed(version, FAULT, f"the agent has a fault, see its log: {type(error).__name__}")
        return {"status": 0, "output": "" if result is None else msgspec.json.encode(result).decode()}

    async def _add(self, call: Call, files: list[int]) -> Any:
        if not files:
            raise CniError(BAD_ENVIRONMENT, "ADD needs CNI_NETNS")
        return result_of(await self._engine.attach(call.attachment(files[0])), call)

    async def _delete(self, call: Call, _files: list[int]) -> None:
        await self._engine.detach(call.key)

    async def _check(self, call: Call, files: list[int]) -> None:
        if not files:
            raise CniError(BAD_ENVIRONMENT, "CHECK needs CNI_NETNS")
        answer = await self._engine.check(call.attachment(files[0]))
        _compare(answer, call)

    async def _collect(self, call: Call, _files: list[int]) -> None:
        valid = call.config.to_be_left
        if valid is None:
            raise CniError(BAD_CONFIG, "GC needs cni.dev/valid-attachments: an empty list says that none is")
        await self._engine.collect(valid, door=DOOR, scope=call.config.name)

    async def _status(self, call: Call, _files: list[int]) -> None:
        try:
            self._engine.check_working()
        except AgentError as error:
            raise CniError(LIMITED_CONNECTIVITY, str(error)) from error
        try:
            await self._api.network(call.config.wanted)
        except BadRequest:
            raise
        except AgentError as error:
            raise CniError(NOT_AVAILABLE, str(error)) from error


def code_of(error: AgentError) -> int:
    """CNI's code for an error of the agent."""
    for kind, code in CODES.items():
        if isinstance(error, kind):
            return code
    return TRY_AGAIN if error.retry else REFUSED


def result_of(answer: Attached, call: Call) -> dict[str, Any]:
    """The result of ADD: what earlier plugins of the chain have answered, and ours after it."""
    before = call.config.prev_result or {}
    interfaces = list(before.get("interfaces") or [])
    ours = len(interfaces) + 1
    old = call.config.cni_version == "0.4.0"
    inside: dict[str, Any] = {"name": answer.peer, "mac": answer.mac, "sandbox": call.netns}
    outside: dict[str, Any] = {"name": answer.device}
    if call.config.cni_version == "1.1.0":
        inside["mtu"] = outside["mtu"] = answer.mtu
    ips = []
    for address in answer.addresses:
        ip: dict[str, Any] = {"address": address.address, "interface": ours}
        if address.gateway is not None:
            ip["gateway"] = address.gateway
        if old:
            ip["version"] = "6" if ":" in address.address else "4"
        ips.append(ip)
    routes = [{"dst": route.destination, "gw": route.gateway} for route in answer.routes]
    dns: dict[str, Any] = dict(before.get("dns") or {})
    if answer.dns.nameservers:
        dns["nameservers"] = [*(dns.get("nameservers") or []), *answer.dns.nameservers]
    if answer.dns.search:
        dns["search"] = [*(dns.get("search") or []), *answer.dns.search]
    return {
        "cniVersion": call.config.cni_version,
        "interfaces": [*interfaces, outside, inside],
        "ips": [*(before.get("ips") or []), *ips],
        "routes": [*(before.get("routes") or []), *routes],
        "dns": dns,
    }


def _compare(answer: Attached, call: Call) -> None:
    """What the runtime was told must still be so."""
    told = call.config.prev_result
    if told is None:
        raise CniError(BAD_CONFIG, "CHECK needs prevResult")
    addresses = {str(ip.get("address")) for ip in told.get("ips") or []}
    missing = [each.address for each in answer.addresses if each.address not in addresses]
    if missing:
        raise NotAsRecorded(f"the result of ADD does not have {', '.join(missing)}")


def _failed(version: str, code: int, message: str, details: str = "") -> dict[str, Any]:
    error = {"cniVersion": version, "code": code, "msg": message, "details": details}
    return {"status": 1, "output": msgspec.json.encode(error).decode()}
