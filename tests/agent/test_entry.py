"""Entries of the journal, there and back; what the agent says to neighbours and reads of events."""

from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnest.agent.announcement import announcement
from ovnest.agent.description import LENGTH_MAX, agent_of, described, request_of
from ovnest.agent.entry import Entry, from_ids, to_ids
from ovnest.agent.events import Parser
from ovnest.agent.states import State
from ovnest.agent.wanted import Address, Attached, Dns, Route

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


@given(st.dictionaries(TEXT, TEXT, max_size=6))
def test_a_description_tells_whose_port_it_is_whatever_the_labels(labels: dict[str, str]) -> None:
    text = described("a1", "r1", labels)
    assert (agent_of(text), request_of(text)) == ("a1", "r1")
    assert len(text) <= LENGTH_MAX


def test_a_description_of_somebody_else_tells_nothing() -> None:
    assert (agent_of("the agent of my uncle"), request_of("")) == ("", "")


@given(st.data())
def test_events_are_the_same_however_the_bytes_are_cut(data: st.DataObject) -> None:
    stream = b': hello\nid: a-1\n\nevent: port.update\nid: a-2\ndata: {"port":\ndata: 1}\n\nevent: reset\n\n'
    parser, found = Parser(), []
    rest = stream
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        part, rest = rest[:size], rest[size:]
        found += parser.feed(part)
    assert [(event.kind, event.data) for event in found] == [
        ("port.update", b'{"port":\n1}'),
        ("reset", b""),
    ]
    assert parser.last_id == "a-2"


@pytest.mark.parametrize(
    ("address", "to", "kind"),
    [("192.0.2.7", "ff:ff:ff:ff:ff:ff", "0806"), ("2001:db8::7", "33:33:00:00:00:01", "86dd")],
)
def test_an_announcement_is_from_the_address_to_everybody(address: str, to: str, kind: str) -> None:
    frame = announcement("fa:16:3e:00:00:07", address)
    assert frame[:6].hex(":") == to
    assert frame[6:12].hex(":") == "fa:16:3e:00:00:07"
    assert frame[12:14].hex() == kind
    assert frame.count(ip_address(address).packed) == 2  # sender and target


@given(st.ip_addresses(v=6))
def test_a_neighbour_advertisement_has_the_checksum_that_makes_the_whole_add_up(address: Any) -> None:
    frame = announcement("fa:16:3e:00:00:07", str(address))
    message = frame[14 + 40 :]
    pseudo = frame[14 + 8 : 14 + 40] + len(message).to_bytes(4, "big") + (58).to_bytes(4, "big")
    words = pseudo + message
    total = sum(int.from_bytes(words[at : at + 2], "big") for at in range(0, len(words), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    assert total == 0xFFFF
