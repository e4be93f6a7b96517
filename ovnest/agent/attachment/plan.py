"""What is to be done, as a list of named steps: pure, from what the journal says.

Each step may be done twice. `OVNEST_CRASH_AFTER=<step>` ends the process right after that step, so that
each of them can be tested for what it leaves behind.
"""

from enum import StrEnum

from msgspec import Struct

from ovnest.agent.attachment.states import State


class Step(StrEnum):
    """The steps of all plans, named as `OVNEST_CRASH_AFTER` names them."""

    RECORD_INTENT = "record-intent"
    RECORD_ADOPTED = "record-adopted"
    CREATE_PORT = "create-port"
    CLEAR_TAG = "clear-tag"
    RECORD_PORT = "record-port"
    RECORD_RESERVED = "record-reserved"
    MAKE_LINK = "make-link"
    CONFIGURE_LINK = "configure-link"
    AWAIT_PLUG = "await-plug"
    AWAIT_ACTIVE = "await-active"
    ANNOUNCE = "announce"
    RECORD_PLUGGED = "record-plugged"
    RECORD_DELETING = "record-deleting"
    REMOVE_LINK = "remove-link"
    DELETE_PORT = "delete-port"
    FORGET = "forget"


MEANINGS = {
    Step.RECORD_INTENT: "write into the journal that it is meant to be, and how to find its port again",
    Step.RECORD_ADOPTED: "give the reservation's entry the key of the attachment",
    Step.CREATE_PORT: "have the API make the port, or give the one that an earlier try made",
    Step.CLEAR_TAG: "take away any other attachment of ours that still has the port's tag",
    Step.RECORD_PORT: "write the port, its MAC, addresses and tag into the journal, which tags the device",
    Step.RECORD_RESERVED: "write that the reservation stands",
    Step.MAKE_LINK: "make the veth pair, one end in the container",
    Step.CONFIGURE_LINK: "give the container's end its addresses, routes and settings, and both ends up",
    Step.AWAIT_PLUG: "wait until Open vSwitch has the device on the bridge",
    Step.AWAIT_ACTIVE: "wait until the API says that the port is active",
    Step.ANNOUNCE: "send gratuitous ARP and unsolicited NA, since neighbours may have another MAC for it",
    Step.RECORD_PLUGGED: "write that it is plugged",
    Step.RECORD_DELETING: "write into the journal that it is meant to be gone",
    Step.REMOVE_LINK: "take the veth pair away",
    Step.DELETE_PORT: "have the API delete the port",
    Step.FORGET: "take the entry out of the journal, and the port off the bridge",
}

_MAKE_PORT = (Step.CREATE_PORT, Step.CLEAR_TAG, Step.RECORD_PORT)
_PLUG = (
    Step.MAKE_LINK,
    Step.CONFIGURE_LINK,
    Step.AWAIT_PLUG,
    Step.AWAIT_ACTIVE,
    Step.ANNOUNCE,
    Step.RECORD_PLUGGED,
)

ATTACH = (Step.RECORD_INTENT, *_MAKE_PORT, *_PLUG)
RESERVE = (Step.RECORD_INTENT, *_MAKE_PORT, Step.RECORD_RESERVED)
ADOPT = (Step.RECORD_ADOPTED, *_PLUG)
DETACH = (Step.RECORD_DELETING, Step.REMOVE_LINK, Step.DELETE_PORT, Step.FORGET)


class Seen(Struct, frozen=True, kw_only=True):
    """What the journal says of an attachment. `port_gone`: the API has said that its port is no more."""

    state: State
    port_gone: bool = False


def plan_attach(seen: Seen) -> tuple[Step, ...]:
    """The steps to a plugged attachment, from nothing or from a reservation; none if it is plugged."""
    match seen.state:
        case State.ABSENT:
            return ATTACH
        case State.RESERVED:
            return ADOPT
        case State.PLUGGED:
            return ()
        case _:
            raise ValueError(f"what is {seen.state} is removed before it is attached again")


def plan_reserve(seen: Seen) -> tuple[Step, ...]:
    """The steps to a reservation; none if it stands."""
    match seen.state:
        case State.ABSENT:
            return RESERVE
        case State.RESERVED:
            return ()
        case _:
            raise ValueError(f"what is {seen.state} cannot be reserved")


def plan_detach(seen: Seen) -> tuple[Step, ...]:
    """The steps to nothing, from wherever it stands."""
    done: set[Step] = set()
    if seen.state is State.ABSENT:
        return ()
    if seen.state is State.DELETING:
        done.add(Step.RECORD_DELETING)
    if seen.port_gone:
        done.add(Step.DELETE_PORT)
    return tuple(step for step in DETACH if step not in done)
