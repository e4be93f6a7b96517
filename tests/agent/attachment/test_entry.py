"""Entries of the journal, there and back."""

import json

import pytest
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


WRITTEN = {
    "ovnest:agent": "a1",
    "ovnest:state": "plugged",
    "ovnest:container": "c1",
    "ovnest:interface": "eth0",
    "ovnest:door": "cni",
    "ovnest:network": "private",
    "ovnest:request": "r1",
    "ovnest:boot": "b1",
    "ovnest:netns": "4:4026532",
    "ovnest:since": "1700000000",
    "ovnest:asked_at": "1699999999",
    "ovnest:labels": '{"pod":"web","namespace":"default"}',
    "ovnest:port": "p1",
    "ovnest:mac": "0a:00:00:00:00:07",
    "ovnest:answer": '{"port_id":"p1","network_id":"n1","tag":42,"mac":"0a:00:00:00:00:07","device":"ovn0",'
    '"peer":"eth0","mtu":1442,"addresses":[{"address":"192.0.2.7/24","gateway":"192.0.2.1"}],'
    '"routes":[{"destination":"0.0.0.0/0","gateway":"192.0.2.1"}],'
    '"dns":{"nameservers":["192.0.2.53"],"search":[]}}',
}


def test_the_journal_of_the_first_release_is_read() -> None:
    entry = from_ids(WRITTEN)
    assert entry == Entry(
        agent="a1",
        state=State.PLUGGED,
        container="c1",
        interface="eth0",
        door="cni",
        scope="",
        network="private",
        request="r1",
        boot="b1",
        netns="4:4026532",
        since=1700000000,
        asked_at=1699999999,
        labels={"pod": "web", "namespace": "default"},
        port="p1",
        mac="0a:00:00:00:00:07",
        answer=Attached(
            port_id="p1",
            network_id="n1",
            tag=42,
            mac="0a:00:00:00:00:07",
            device="ovn0",
            peer="eth0",
            mtu=1442,
            addresses=(Address(address="192.0.2.7/24", gateway="192.0.2.1"),),
            routes=(Route(destination="0.0.0.0/0", gateway="192.0.2.1"),),
            dns=Dns(nameservers=("192.0.2.53",)),
        ),
    )
    again = to_ids(entry)
    assert again.keys() == WRITTEN.keys()
    as_json = ("ovnest:labels", "ovnest:answer")
    for key, text in WRITTEN.items():
        assert again[key] == text or (key in as_json and json.loads(again[key]) == json.loads(text))


@pytest.mark.parametrize("key", ["agent", "state", "container", "interface", "request", "since"])
def test_an_entry_that_lacks_what_it_must_have_is_none(key: str) -> None:
    assert from_ids({name: text for name, text in WRITTEN.items() if name != f"ovnest:{key}"}) is None
