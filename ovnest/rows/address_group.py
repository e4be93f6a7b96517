"""Address groups: two Address_Sets, one for each IP version, whose addresses are the group's.

The facts stand on the first (`_ip4`), whose `_uuid` is the group's id; the second's is made from that. Both
are always there, so that a match can name them before there is an address. The column `addresses` is the only
home of the addresses: what another writer adds is in the group. An address in another notation, or in the set
of the other IP version, counts as well, and the next change or a repair puts it where and as it should be.

Source: ovn-nb(5), Address_Set; ML2/OVN's layout.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from ovnest.codec import Codec, derived, some_text
from ovnest.northbound.names import named_uuid
from ovnest.northbound.tables import AddressSet
from ovnest.ovsdb import Row, RowUuid
from ovnest.resources.address_group import AddressGroup, cidr_of, in_order, is_ipv6
from ovnest.rows.home import Facts, Home, Wanted
from ovnest.rows.standard import PROJECT, REVISION, standard_of

GROUP = "neutron:address_group_id"
_NAME = re.compile(r"ag_([0-9a-f]{8}(?:_[0-9a-f]{4}){3}_[0-9a-f]{12})_ip[46]")
_REMEMBERED = 256

KEYS = Codec(
    AddressGroup,
    {
        "name": some_text("ovnest:name", "the group's name", editable=True),
        **standard_of(AddressGroup),
    },
    others=(derived(GROUP, "the group's id"),),
)


def address_set_name(group_id: str, ip_version: int) -> str:
    """The name of an address group's Address_Set, as ACLs have it: a word without hyphens."""
    return f"ag_{group_id.replace('-', '_')}_ip{ip_version}"


def group_of_address_set(name: str) -> str | None:
    """The address group an Address_Set name stands for; None when it is none of a group."""
    found = _NAME.fullmatch(name)
    return None if found is None else found[1].replace("_", "-")


def second_address_set(group_id: str) -> RowUuid:
    """The `_uuid` of an address group's Address_Set of IPv6; that of IPv4 has the group's id."""
    return named_uuid(f"address-group:{group_id}:6")


def is_address_group(row: AddressSet) -> bool:
    """Whether a row is the first set of a group of the API: named after its own id."""
    return row.name == address_set_name(row.uuid, 4) and GROUP in row.external_ids


def read_address_group(first: AddressSet, second: AddressSet | None) -> AddressGroup:
    """The facts of a group; without its second set it has no other addresses than those of the first.

    Raises:
        ValueError: an address is none, or a number cannot be understood.
    """
    addresses = _shown(first.addresses, () if second is None else second.addresses)
    return KEYS.read(first.external_ids, id=first.uuid, addresses=addresses)


def address_sets(group: AddressGroup) -> tuple[AddressSet, AddressSet]:
    """The two sets of a group."""
    marks = {GROUP: group.id}
    first = AddressSet(
        uuid=RowUuid(group.id),
        name=address_set_name(group.id, 4),
        addresses=tuple(cidr for cidr in group.addresses if not is_ipv6(cidr)),
        external_ids=KEYS.write(group) | marks,
    )
    second = AddressSet(
        uuid=second_address_set(group.id),
        name=address_set_name(group.id, 6),
        addresses=tuple(cidr for cidr in group.addresses if is_ipv6(cidr)),
        external_ids={**marks, REVISION: first.external_ids[REVISION]},
    )
    return first, second


# A column keeps its tuple until it changes, so this spares reading thousands again for each look.
@lru_cache(maxsize=_REMEMBERED)
def _shown(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return in_order(map(cidr_of, (*first, *second)))


def _read(row: AddressSet, facts: Facts) -> AddressGroup:
    return read_address_group(row, facts.view.find(AddressSet, second_address_set(row.uuid)))


def _current(key: str, facts: Facts) -> Wanted:
    found = (facts.view.find(AddressSet, uuid) for uuid in (RowUuid(key), second_address_set(key)))
    return Wanted(rows=tuple(row for row in found if row is not None))


def _groups_named(row: AddressSet) -> Iterator[str]:
    """The groups whose set a row says that it is: by its name, and by its key."""
    for group_id in (group_of_address_set(row.name), row.external_ids.get(GROUP)):
        if group_id is not None:
            yield group_id


def _group_of_second(row: AddressSet) -> str | None:
    """The group whose second set a row is; None for other rows."""
    return next((each for each in _groups_named(row) if second_address_set(each) == row.uuid), None)


def _claims(row: AddressSet) -> str | None:
    if _group_of_second(row) is not None:
        return None
    if any(_groups_named(row)) or PROJECT in row.external_ids:
        return (
            f"an address group's set is named ag_<id>_ip4, after its own _uuid, and has {GROUP}; "
            "the other one's _uuid is made from that"
        )
    return None


def _leftover(row: Row, facts: Facts) -> str | None:
    group_id = _group_of_second(row) if isinstance(row, AddressSet) else None
    # A first set that cannot be understood is there all the same, and its addresses are to be kept.
    if group_id is None or facts.view.find(AddressSet, RowUuid(group_id)) is not None:
        return None
    return f"the address group {group_id} is gone"


def _owner(row: Row, facts: Facts) -> str | None:
    if not isinstance(row, AddressSet):
        return None
    if is_address_group(row):
        return row.uuid
    sets = facts.view.rows(AddressSet)
    return next((each.uuid for each in sets if second_address_set(each.uuid) == row.uuid), None)


HOME = Home(
    facts=AddressGroup,
    row=AddressSet,
    keys={AddressSet: KEYS},
    is_one=is_address_group,
    read=_read,
    current=_current,
    desired=lambda group, facts: Wanted(rows=address_sets(group)),
    claims=_claims,
    owner=_owner,
    leftover=_leftover,
)
