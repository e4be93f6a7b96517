"""Findings of the check: which are put right, and what they say."""

import msgspec
import pytest

from ovnest.northbound.tables import DhcpOptions, LogicalSwitchPort
from ovnest.ovsdb import RowUuid
from ovnest.resources.port import FixedIp
from ovnest.rows.finding import DIFFERS, DUPLICATE_TAG, LEFT, REPAIRED, finding

ROW = LogicalSwitchPort(uuid=RowUuid("u"), name="web")


@pytest.mark.parametrize("kind", [*REPAIRED, *LEFT])
def test_a_finding_is_repaired_or_left_and_never_both(kind: str) -> None:
    assert finding(kind, ROW).repairable is (kind in REPAIRED)
    assert (kind in REPAIRED) != (kind in LEFT)


def test_a_finding_names_its_row_and_says_its_values_as_plain_objects() -> None:
    found = finding(DIFFERS, ROW, column="addresses", there=(FixedIp("s", "192.0.2.1"),), wanted=None)
    assert (found.table, found.row, found.name) == ("Logical_Switch_Port", "u", "web")
    assert found.there == ({"subnet_id": "s", "ip_address": "192.0.2.1"},)
    assert b'"there":[{"subnet_id":"s","ip_address":"192.0.2.1"}]' in msgspec.json.encode(found)


def test_a_row_without_a_name_is_called_nothing_unless_it_is_given_one() -> None:
    nameless = DhcpOptions(uuid=RowUuid("u"))
    assert finding(DUPLICATE_TAG, nameless).name == ""
    assert (
        finding(DUPLICATE_TAG, nameless, name="blue").name
        == finding(DIFFERS, ROW, name="blue").name
        == "blue"
    )
