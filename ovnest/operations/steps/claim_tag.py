"""The tag of a container port: given, or the next free one of its parent."""

from collections.abc import Iterator, Mapping, Set

from ovnest.allocation.tags import TAGS, next_tag, tags_in_hold_down
from ovnest.errors.container_port import NoTagLeft, TagInUse
from ovnest.resources.port import Port
from ovnest.resources.vlan_tags import VlanTags
from ovnest.rows.port.lookups import CHILDREN_OF, NAMES_BY_TAG
from ovnest.transaction import Tx


def claim_tag(tx: Tx, port_id: str, parent_id: str, wanted: int | None) -> int:
    """The tag that the port gets under its parent: the wanted one, or the next free one.

    A tag that was freed within the last minutes is not given by itself, since the VM may still have it
    plugged; asked for by number it is.

    Raises:
        TagInUse: another port under that parent has the wanted tag.
        NoTagLeft: none was wanted, and all are taken or in hold-down.

    Source: ovn-nb(5), Logical_Switch_Port, "Containers".
    """
    if wanted is not None:
        holders = [name for name in tx.all(NAMES_BY_TAG, (parent_id, wanted)) if name != port_id]
        if holders:
            raise TagInUse(tag=wanted, parent=parent_id, holder=holders[0])
        return wanted
    memory = tx.find(VlanTags, parent_id) or VlanTags(id=parent_id)
    held = tags_in_hold_down(memory.freed, tx.seconds)
    tag = next_tag(_Taken(tx, parent_id, held), after=memory.last)
    if tag is None:
        raise NoTagLeft(parent=parent_id, count=len(TAGS))
    freed = {freed: int(when) for freed, when in held.items()}
    tx.put(VlanTags(id=parent_id, last=tag, freed=freed))
    return tag


def free_tag(tx: Tx, port: Port) -> None:
    """Put the tag of a container port in hold-down: it comes back last, when the VM can have unplugged it.

    Nothing to do for a port that is none, or whose parent is gone: its tags went with it.
    """
    if port.parent_name is None or port.tag is None or tx.find(Port, port.parent_name) is None:
        return
    memory = tx.find(VlanTags, port.parent_name) or VlanTags(id=port.parent_name)
    freed = {freed: int(when) for freed, when in tags_in_hold_down(memory.freed, tx.seconds).items()}
    tx.put(VlanTags(id=memory.id, last=memory.last, freed=freed | {port.tag: tx.seconds}))


def forget_tags(tx: Tx, parent_id: str) -> None:
    """The parent is gone, and with it what was remembered of its tags."""
    memory = tx.find(VlanTags, parent_id)
    if memory is not None:
        tx.drop(memory)


class _Taken(Set[int]):
    """The tags of a parent that cannot be given; each is looked up when asked for."""

    def __init__(self, tx: Tx, parent_id: str, held: Mapping[int, float]) -> None:
        self._tx = tx
        self._parent_id = parent_id
        self._held = held

    def __contains__(self, tag: object) -> bool:
        return tag in self._held or self._tx.any(NAMES_BY_TAG, (self._parent_id, tag))

    def __iter__(self) -> Iterator[int]:
        return (tag for tag in TAGS if tag in self)

    def __len__(self) -> int:
        return self._tx.count(CHILDREN_OF, self._parent_id) + len(self._held)
