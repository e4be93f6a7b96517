"""Descriptions: whose a port is, whatever else is said there."""

from hypothesis import given
from hypothesis import strategies as st

from ovnest.agent.client.description import LENGTH_MAX, agent_of, described, request_of

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


@given(st.dictionaries(TEXT, TEXT, max_size=6))
def test_a_description_tells_whose_port_it_is_whatever_the_labels(labels: dict[str, str]) -> None:
    text = described("a1", "r1", labels)
    assert (agent_of(text), request_of(text)) == ("a1", "r1")
    assert len(text) <= LENGTH_MAX


def test_a_description_of_somebody_else_tells_nothing() -> None:
    assert (agent_of("the agent of my uncle"), request_of("")) == ("", "")
