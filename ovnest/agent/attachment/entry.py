"""An entry of the journal: what `external_ids` of a Port row say of an attachment, both ways.

A key is `ovnest:` and the field's name; text stands as it is, anything else as JSON.
"""

from msgspec import Struct

from ovnest.agent.attachment.request import Key
from ovnest.agent.attachment.result import Attached
from ovnest.agent.attachment.states import State
from ovnest.codec import plain

PREFIX = "ovnest:"
MARK = f"{PREFIX}agent"
STATE = f"{PREFIX}state"
CONTAINER = f"{PREFIX}container"
INTERFACE = f"{PREFIX}interface"

# IEEE 802.1Q reserves it and OVN gives it to nobody: a port that has no tag of its own yet must be neither
# a trunk (no tag at all) nor the VM's own (0).
QUARANTINE_TAG = 4095


class Entry(Struct, frozen=True, kw_only=True):
    """What is recorded of one attachment.

    `agent` is the mark of the agent that made it, `request` the idempotency key under which its port was
    asked for, `asked_at` when that was last done (0: never), `boot` the machine's boot, and `netns` the
    container's namespace as "device:inode". `port_gone`: the API has said that the port is no more.
    """

    agent: str
    state: State
    container: str
    interface: str
    door: str
    scope: str
    network: str
    request: str
    boot: str
    netns: str
    since: int
    asked_at: int = 0
    name: str = ""
    labels: dict[str, str] = {}
    port: str = ""
    mac: str = ""
    port_gone: bool = False
    answer: Attached | None = None

    @property
    def key(self) -> Key:
        return Key(self.container, self.interface)


ENTRY = plain(Entry, prefix=PREFIX)
REQUIRED = (MARK, STATE, CONTAINER, INTERFACE, f"{PREFIX}request", f"{PREFIX}since")


def to_ids(entry: Entry) -> dict[str, str]:
    """The keys that stand for `entry`; fields that are empty have none."""
    return ENTRY.write(entry)


def from_ids(ids: dict[str, str]) -> Entry | None:
    """The entry that these keys stand for; None if they are not one, or not one that we understand."""
    if any(key not in ids for key in REQUIRED):
        return None
    try:
        return ENTRY.read(ids)
    except ValueError:
        return None
