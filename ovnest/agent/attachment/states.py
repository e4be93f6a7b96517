"""The states of an attachment, and what leads from one to another: one table for all front doors.

The state stands in the journal; ABSENT is that there is no entry. docs/agent.md shows this table.
"""

from enum import StrEnum

from msgspec import Struct


class State(StrEnum):
    """Where an attachment stands, as the journal has it."""

    ABSENT = "absent"
    ADDING = "adding"
    RESERVED = "reserved"
    PLUGGED = "plugged"
    DELETING = "deleting"


MEANINGS = {
    State.ABSENT: "nothing of it exists",
    State.ADDING: "meant to be; what of it exists already is not known before it was looked at",
    State.RESERVED: "has a port in the API and no device yet",
    State.PLUGGED: "was verified: port, tag, device and addresses are there",
    State.DELETING: "meant to be gone; what of it still exists goes as soon as that is possible",
}


class Event(StrEnum):
    """What happens to an attachment."""

    ATTACH = "attach"
    RESERVE = "reserve"
    ADOPT = "adopt"
    RESERVED = "reserved"
    VERIFIED = "verified"
    FAILED = "failed"
    RESTARTED = "agent restarted"
    DETACH = "detach"
    EXPIRED = "expired"
    PORT_DELETED = "port deleted"
    TAG_GIVEN = "tag given away"
    REMOVED = "removed"


EXPLANATIONS = {
    Event.ATTACH: "a front door wants it (ADD, Join, `plug`)",
    Event.RESERVE: "a front door wants its addresses first (RequestAddress)",
    Event.ADOPT: "the attachment that a reservation was made for comes (CreateEndpoint)",
    Event.RESERVED: "the reservation's port is made",
    Event.VERIFIED: "all steps of the plan are done",
    Event.FAILED: "a step could not be done, and the caller was told",
    Event.RESTARTED: "the agent, or the machine, started anew; the caller has got no answer",
    Event.DETACH: "a front door wants it gone (DEL, GC's list, `unplug`)",
    Event.EXPIRED: "nobody adopted the reservation in time",
    Event.PORT_DELETED: "the API said that just this port, or its parent, was deleted",
    Event.TAG_GIVEN: "the API gave its tag to another port",
    Event.REMOVED: "all steps of the plan are done",
}


class Arrow(Struct, frozen=True):
    """`event` leads from `before` to `after`."""

    before: State
    event: Event
    after: State


ARROWS = (
    Arrow(State.ABSENT, Event.ATTACH, State.ADDING),
    Arrow(State.ABSENT, Event.RESERVE, State.ADDING),
    Arrow(State.ABSENT, Event.DETACH, State.ABSENT),
    Arrow(State.ADDING, Event.RESERVED, State.RESERVED),
    Arrow(State.ADDING, Event.VERIFIED, State.PLUGGED),
    Arrow(State.ADDING, Event.FAILED, State.DELETING),
    Arrow(State.ADDING, Event.RESTARTED, State.DELETING),
    Arrow(State.ADDING, Event.DETACH, State.DELETING),
    Arrow(State.ADDING, Event.PORT_DELETED, State.DELETING),
    Arrow(State.ADDING, Event.TAG_GIVEN, State.DELETING),
    Arrow(State.RESERVED, Event.ADOPT, State.ADDING),
    Arrow(State.RESERVED, Event.DETACH, State.DELETING),
    Arrow(State.RESERVED, Event.EXPIRED, State.DELETING),
    Arrow(State.RESERVED, Event.RESTARTED, State.RESERVED),
    Arrow(State.RESERVED, Event.PORT_DELETED, State.DELETING),
    Arrow(State.RESERVED, Event.TAG_GIVEN, State.DELETING),
    Arrow(State.PLUGGED, Event.ATTACH, State.PLUGGED),
    Arrow(State.PLUGGED, Event.RESTARTED, State.PLUGGED),
    Arrow(State.PLUGGED, Event.DETACH, State.DELETING),
    Arrow(State.PLUGGED, Event.PORT_DELETED, State.DELETING),
    Arrow(State.PLUGGED, Event.TAG_GIVEN, State.DELETING),
    Arrow(State.DELETING, Event.DETACH, State.DELETING),
    Arrow(State.DELETING, Event.RESTARTED, State.DELETING),
    Arrow(State.DELETING, Event.PORT_DELETED, State.DELETING),
    Arrow(State.DELETING, Event.TAG_GIVEN, State.DELETING),
    Arrow(State.DELETING, Event.REMOVED, State.ABSENT),
)

_AFTER = {(arrow.before, arrow.event): arrow.after for arrow in ARROWS}


class NoSuchArrow(Exception):
    """An event came in a state in which it cannot."""


def after(before: State, event: Event) -> State:
    """The state that `event` leads to.

    Raises:
        NoSuchArrow: the table has none; that is a fault of ours.
    """
    try:
        return _AFTER[before, event]
    except KeyError:
        raise NoSuchArrow(f"{event} cannot happen to an attachment that is {before}") from None
