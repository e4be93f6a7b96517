"""What there is, for people and for the API: each attachment, and what is left over beside them."""

from collections.abc import Iterable, Set

from msgspec import Struct

from ovnest.agent.attachment.engine import Engine
from ovnest.agent.attachment.findings import Findings
from ovnest.agent.attachment.journal import Recorded
from ovnest.agent.attachment.states import State
from ovnest.agent.errors import AgentError


class Line(Struct, frozen=True, kw_only=True):
    """One attachment as `ovnest agent status` shows it. `since` is Unix time; `plugged` and `reason` are what
    the API is told."""

    container: str
    interface: str
    door: str
    network: str
    port: str
    device: str
    addresses: tuple[str, ...]
    tag: int | None
    state: str
    since: int
    name: str
    plugged: bool
    reason: str


class Status(Struct, frozen=True, kw_only=True):
    """All of it. `orphans` are ports of ours in the API that the journal does not know, `strays` devices of
    ours that it does not know, `unreadable` entries that this release does not understand."""

    subject: str
    agent: str
    api: str
    attachments: tuple[Line, ...]
    orphans: tuple[str, ...] = ()
    strays: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def lines(engine: Engine, findings: Findings) -> list[Line]:
    """Each attachment, and whether it is really plugged."""
    devices = engine.devices()
    return [_line(engine, findings, recorded, devices) for recorded in engine.entries()]


async def status(
    engine: Engine, findings: Findings, *, subject: str, api: str, problems: Iterable[str]
) -> Status:
    """All of it; `api` says where the API is, `problems` what else is wrong."""
    found = lines(engine, findings)
    return Status(
        subject=subject,
        agent=engine.agent_id,
        api=api,
        attachments=tuple(found),
        orphans=tuple(port.id for port in findings.orphans),
        strays=tuple(await engine.strays()),
        unreadable=tuple(engine.unreadable()),
        problems=(*filter(None, problems), *_problems(engine)),
    )


def _problems(engine: Engine) -> list[str]:
    try:
        engine.check_working()
    except AgentError as error:
        return [str(error)]
    return []


def _line(engine: Engine, findings: Findings, recorded: Recorded, devices: Set[str]) -> Line:
    entry, answer = recorded.entry, recorded.entry.answer
    reason = _reason(engine, findings, recorded, devices)
    return Line(
        container=entry.container,
        interface=entry.interface,
        door=entry.door,
        network=entry.network,
        port=entry.port,
        device=recorded.device,
        addresses=tuple(each.address for each in answer.addresses) if answer is not None else (),
        tag=recorded.real_tag,
        state=str(entry.state),
        since=entry.since,
        name=entry.name,
        plugged=entry.state is State.PLUGGED and recorded.device in devices,
        reason=reason,
    )


def _reason(engine: Engine, findings: Findings, recorded: Recorded, devices: Set[str]) -> str:
    """What is not as it should be with that attachment; empty if nothing."""
    entry = recorded.entry
    match entry.state:
        case State.ADDING:
            return "it is being attached"
        case State.RESERVED:
            return "it waits for its container"
        case State.DELETING:
            return engine.pending(recorded) or "it is being removed"
    if recorded.device not in devices:
        if not engine.is_of_this_boot(recorded):
            return "the machine was restarted since"
        return "its device is gone, with its container"
    if recorded.device in findings.missing:
        return "the API does not show its port"
    return ""
