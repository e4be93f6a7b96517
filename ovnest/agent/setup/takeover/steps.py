"""What taking a NIC over, confirming it and giving it back is made of: lists of named steps, pure.

Each step may be done twice. `OVNEST_CRASH_AFTER=<step>` ends the process right after that step.
"""

from enum import StrEnum


class Step(StrEnum):
    """The steps of all three plans, named as `OVNEST_CRASH_AFTER` names them."""

    RECORD = "record"
    START_TIMER = "start-timer"
    GUARD_RESTART = "guard-restart"
    MAKE_BRIDGE = "make-bridge"
    COPY = "copy"
    PLUG_NIC = "plug-nic"
    CLEAR_NIC = "clear-nic"
    MOVE_DHCP = "move-dhcp"
    ANNOUNCE = "announce"
    AWAIT_CONFIRMATION = "await-confirmation"
    WRITE_FILES = "write-files"
    CONFIRM = "confirm"
    END_TIMER = "end-timer"
    RECORD_LEAVING = "record-leaving"
    RESTORE_FILES = "restore-files"
    RESTORE_NIC = "restore-nic"
    REMOVE_BRIDGE = "remove-bridge"
    RELEASE_NIC = "release-nic"
    RESTORE_DHCP = "restore-dhcp"
    ANNOUNCE_NIC = "announce-nic"
    FORGET = "forget-taken"


MEANINGS = {
    Step.RECORD: "write down what the NIC has, and which files will change",
    Step.START_TIMER: "start what takes all of it back if no confirmation comes, whatever becomes of us",
    Step.GUARD_RESTART: "with systemd: have a restart of the machine take it back, too",
    Step.MAKE_BRIDGE: "make the bridge, with the NIC's MAC and MTU, and no port",
    Step.COPY: "give the bridge the NIC's settings, addresses, routes and neighbours, second to the NIC's",
    Step.PLUG_NIC: "make the NIC the bridge's port: from here on the bridge gets its packets",
    Step.CLEAR_NIC: "take the routes, the addresses and IPv6 off the NIC",
    Step.MOVE_DHCP: "let networkd, or dhclient, look after the bridge instead",
    Step.ANNOUNCE: "send gratuitous ARP, unsolicited NA and a router solicitation",
    Step.AWAIT_CONFIRMATION: "write down that it is whole and waits to be confirmed",
    Step.WRITE_FILES: "write what makes the machine start like this the next time",
    Step.CONFIRM: "make it final, by one rename",
    Step.END_TIMER: "end the timer, and let the machine be restarted",
    Step.RECORD_LEAVING: "write down that the NIC is to have back what the bridge has now",
    Step.RESTORE_FILES: "put the files back as they were",
    Step.RESTORE_NIC: "give the NIC its IPv6, addresses, routes and neighbours, second to the bridge's",
    Step.REMOVE_BRIDGE: "take the bridge away: from here on the NIC gets its packets",
    Step.RELEASE_NIC: "give the NIC its offloads and settings back",
    Step.RESTORE_DHCP: "let networkd, or dhclient, look after the NIC again",
    Step.ANNOUNCE_NIC: "send gratuitous ARP, unsolicited NA and a router solicitation",
    Step.FORGET: "take the record, the timer and the guard away",
}

TAKE_OVER = (
    Step.RECORD,
    Step.START_TIMER,
    Step.GUARD_RESTART,
    Step.MAKE_BRIDGE,
    Step.COPY,
    Step.PLUG_NIC,
    Step.CLEAR_NIC,
    Step.MOVE_DHCP,
    Step.ANNOUNCE,
    Step.AWAIT_CONFIRMATION,
)
CONFIRM = (Step.WRITE_FILES, Step.CONFIRM, Step.END_TIMER)
GIVE_BACK = (
    Step.RESTORE_FILES,
    Step.RESTORE_NIC,
    Step.REMOVE_BRIDGE,
    Step.RELEASE_NIC,
    Step.RESTORE_DHCP,
    Step.ANNOUNCE_NIC,
    Step.FORGET,
)
LEAVE = (Step.RECORD_LEAVING, Step.START_TIMER, Step.GUARD_RESTART)  # and then GIVE_BACK

# After a restart the NIC has nothing of what was moved, and Open vSwitch does not forward yet.
AFTER_RESTART = (Step.RESTORE_FILES, Step.REMOVE_BRIDGE, Step.FORGET)


def plan_give_back(*, restarted: bool) -> tuple[Step, ...]:
    """The steps back; `restarted`: the machine has been started anew since."""
    return AFTER_RESTART if restarted else GIVE_BACK
