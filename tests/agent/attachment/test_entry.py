"""Entries of the journal, there and back."""

from hypothesis import given
from hypothesis import strategies as st

from ovnest.agent.attachment.entry import Entry, from_ids, to_ids
from ovnest.agent.attachment.result import Attached, Dns
from ovnest.agent.attachment.states import State
from ovnest.agent.vm.addresses import Address, Route

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
NAME = TEXT.filter(bool)

attached = st.builds(
    Attached,
    port_id=TEXT,
    network_id=TEXT,
    tag=st.none() | st.integers(1, 4094),
    mac=TEXT,
    device=TEXT,
    peer=TEXT,
    mtu=st.integers(68, 65535),
    addresses=st.lists(st.builds(Address, address=TEXT, gateway=st.none() | TEXT), max_size=3).map(tuple),
    routes=st.lists(st.builds(Route, destination=TEXT, gateway=TEXT), max_size=3).map(tuple),
    dns=st.builds(Dns, nameservers=st.lists(TEXT, max_size=2).map(tuple)),
)
entries = st.builds(
    Entry,
    agent=NAME,
    state=st.sampled_from([state for state in State if state is not State.ABSENT]),
    container=NAME,
    interface=NAME,
    door=TEXT,
    scope=TEXT,
    network=TEXT,
    request=NAME,
    boot=TEXT,
    netns=TEXT,
    since=st.integers(0, 2**40),
    asked_at=st.integers(0, 2**40),
    name=TEXT,
    labels=st.dictionaries(TEXT, TEXT, max_size=3),
    port=TEXT,
    mac=TEXT,
    port_gone=st.booleans(),
    answer=st.none() | attached,
)


@given(entries)
def test_an_entry_is_read_as_it_was_written(entry: Entry) -> None:
    ids = to_ids(entry)
    assert from_ids({**ids, "iface-id": "foreign"}) == entry
    assert all(key.startswith("ovnest:") for key in ids)


@given(entries, st.data())
def test_an_entry_that_is_not_understood_is_none(entry: Entry, data: st.DataObject) -> None:
    ids = to_ids(entry)
    spoilt = data.draw(st.sampled_from(["ovnest:state", "ovnest:since", "ovnest:answer"]))
    assert from_ids({**ids, spoilt: "{"}) is None
    assert from_ids({key: value for key, value in ids.items() if key != "ovnest:agent"}) is None
