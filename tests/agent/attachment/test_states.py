"""The table of states and the plans: complete, and as docs/agent.md shows them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ovnest.agent.attachment import plan, states
from ovnest.agent.attachment.plan import Seen, Step, plan_attach, plan_detach, plan_reserve
from ovnest.agent.attachment.states import ARROWS, Event, NoSuchArrow, State, after
from tests.agent.tables import TABLES

PAGE = (Path(__file__).parents[3] / "docs" / "agent.md").read_text()


@pytest.mark.parametrize("table", TABLES)
def test_the_documentation_has_the_tables_of_the_code(table: Callable[[], str]) -> None:
    assert table() in PAGE, "python -m tests.agent.tables prints what docs/agent.md must have"


def test_every_state_event_and_step_is_explained_and_used() -> None:
    assert set(states.MEANINGS) == set(State)
    assert set(states.EXPLANATIONS) == set(Event) == {arrow.event for arrow in ARROWS}
    assert set(plan.MEANINGS) == set(Step)
    assert {*plan.ATTACH, *plan.RESERVE, *plan.ADOPT, *plan.DETACH} == set(Step)


def test_an_event_leads_to_one_state() -> None:
    assert len({(arrow.before, arrow.event) for arrow in ARROWS}) == len(ARROWS)


@pytest.mark.parametrize("state", [state for state in State if state is not State.ABSENT])
def test_whatever_exists_can_be_detached_and_survives_a_restart(state: State) -> None:
    assert after(state, Event.DETACH) is State.DELETING
    assert after(state, Event.RESTARTED) in (state, State.DELETING)


@pytest.mark.parametrize("state", list(State))
def test_from_every_state_nothing_and_an_attachment_can_be_reached(state: State) -> None:
    reached = {state}
    while more := {arrow.after for arrow in ARROWS if arrow.before in reached} - reached:
        reached |= more
    assert {State.ABSENT, State.PLUGGED} <= reached


def test_what_is_absent_cannot_be_verified() -> None:
    with pytest.raises(NoSuchArrow, match="verified cannot happen to an attachment that is absent"):
        after(State.ABSENT, Event.VERIFIED)


def test_nothing_is_done_before_it_is_recorded_and_the_record_goes_last() -> None:
    assert plan_attach(Seen(state=State.ABSENT))[0] is Step.RECORD_INTENT
    assert plan_attach(Seen(state=State.ABSENT))[-1] is Step.RECORD_PLUGGED
    assert plan_reserve(Seen(state=State.ABSENT))[0] is Step.RECORD_INTENT
    for state in set(State) - {State.ABSENT}:
        steps = plan_detach(Seen(state=state))
        assert steps[-1] is Step.FORGET
        assert state is State.DELETING or steps[0] is Step.RECORD_DELETING


def test_a_device_is_made_only_when_its_port_has_its_tag() -> None:
    steps = plan_attach(Seen(state=State.ABSENT))
    assert steps.index(Step.CLEAR_TAG) < steps.index(Step.RECORD_PORT) < steps.index(Step.MAKE_LINK)


def test_a_port_that_the_api_said_is_gone_is_not_deleted_again() -> None:
    assert Step.DELETE_PORT not in plan_detach(Seen(state=State.PLUGGED, port_gone=True))


def test_what_stands_needs_no_steps() -> None:
    assert plan_attach(Seen(state=State.PLUGGED)) == ()
    assert plan_reserve(Seen(state=State.RESERVED)) == ()
    assert plan_detach(Seen(state=State.ABSENT)) == ()
