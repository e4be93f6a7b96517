"""Server-sent events, from bytes."""

from hypothesis import given
from hypothesis import strategies as st

from ovnest.agent.client.events import Parser


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
