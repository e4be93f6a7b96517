"""What a server says of its databases, and whether one can be written to there."""

from typing import Any

import pytest

from ovnest.ovsdb.server_database import COLUMNS, DatabaseInfo, ServerDatabases

NONE: list[Any] = ["set", []]
NB = {
    "name": "OVN_Northbound",
    "model": "clustered",
    "connected": True,
    "leader": False,
    "cid": ["uuid", "c"],
    "sid": ["uuid", "s"],
    "index": 7,
}


def told(*updates: dict[str, Any]) -> DatabaseInfo | None:
    databases = ServerDatabases()
    for update in updates:
        databases.apply({"Database": update})
    return databases.find("OVN_Northbound")


def test_a_row_is_read_whole() -> None:
    other = {"u2": {"initial": {**NB, "name": "OVN_Southbound", "leader": True}}}
    assert told({"u1": {"initial": NB}, **other}) == DatabaseInfo(
        name="OVN_Northbound",
        model="clustered",
        connected=True,
        leader=False,
        cluster="c",
        server="s",
        index=7,
    )
    assert set(NB) == set(COLUMNS)


def test_changes_follow_and_what_they_do_not_name_stays() -> None:
    now = told({"u1": {"initial": NB}}, {"u1": {"modify": {"leader": True}}})
    assert now == info(leader=True)
    away = told({"u1": {"initial": NB}}, {"u1": {"modify": {"cid": NONE, "sid": NONE, "index": NONE}}})
    assert away is not None
    assert (away.cluster, away.server, away.index, away.connected) == (None, None, None, True)


def info(**changes: Any) -> DatabaseInfo:
    found = told({"u1": {"initial": {**NB, **changes}}})
    assert found is not None
    return found


def test_a_database_that_is_deleted_or_was_never_there_is_none() -> None:
    assert told() is None
    assert told({"u1": {"insert": NB}}, {"u1": {"delete": None}}) is None
    assert told({"u1": {"delete": None}}) is None


def test_what_is_left_out_has_ovsdbs_default() -> None:
    # A server leaves out false: a database that it has not loaded has neither `connected` nor `leader`.
    assert told({"u1": {"initial": {"name": "OVN_Northbound"}}}) == DatabaseInfo(name="OVN_Northbound")


@pytest.mark.parametrize(
    ("model", "connected", "leader", "leader_only", "why"),
    [
        ("standalone", True, True, True, None),
        ("standalone", False, False, True, "has not loaded database N"),
        ("clustered", True, True, True, None),
        ("clustered", True, False, True, "does not lead"),
        ("clustered", True, False, False, None),
        ("clustered", False, False, False, "cut off from its cluster"),
        ("clustered", False, True, True, "cut off from its cluster"),
    ],
)
def test_a_database_is_usable_where_it_is_connected_and_if_need_be_leads(
    model: str, connected: bool, leader: bool, leader_only: bool, why: str | None
) -> None:
    said = DatabaseInfo(name="N", model=model, connected=connected, leader=leader).why_unusable(leader_only)
    assert said is None if why is None else why in (said or "")
