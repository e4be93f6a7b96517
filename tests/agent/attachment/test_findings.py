"""The API and the journal, compared."""

from ovnest.agent.attachment.entry import Entry
from ovnest.agent.attachment.findings import Findings, compare
from ovnest.agent.attachment.journal import Recorded
from ovnest.agent.attachment.states import State
from ovnest.agent.client.answers import PortAnswer
from ovnest.ovsdb import RowUuid


def recorded(name: str, state: State = State.PLUGGED, *, port: str = "") -> Recorded:
    """An entry whose idempotency key is the container's name."""
    entry = Entry(
        agent="a1",
        state=state,
        container=name,
        interface="eth0",
        door="cni",
        scope="",
        network="blue",
        request=name,
        boot="",
        netns="",
        since=0,
        port=port,
    )
    return Recorded(row=RowUuid(name), device=f"ovn-{name}", tag=None, entry=entry)


def shown(port_id: str, request: str) -> PortAnswer:
    return PortAnswer(id=port_id, network_id="", mac_address="", description=f"agent=a1 request={request}")


def test_what_is_recorded_and_shown_is_no_finding() -> None:
    entries = [recorded("web", port="p1"), recorded("db", State.ADDING)]
    ports = [shown("p1", "web"), shown("p2", "db")]  # the second one's id is not written down yet
    assert compare(entries, ports, lambda _port: True) == Findings()


def test_a_plugged_attachment_whose_port_is_not_shown_is_missing() -> None:
    entries = [recorded("web", port="p1"), recorded("db", State.DELETING, port="p2"), recorded("new")]
    assert compare(entries, [], lambda _port: True) == Findings(missing=frozenset({"ovn-web"}))


def test_a_port_of_ours_that_is_not_recorded_is_an_orphan() -> None:
    ports = [shown("p1", "old"), shown("theirs", "x")]
    found = compare([recorded("web")], ports, lambda port: port.id != "theirs")
    assert found == Findings(orphans=(ports[0],))
