"""Derived names, both ways, and the same on every server."""

from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnest.northbound.names import (
    LEDGER_NAME,
    LEDGER_UUID,
    document_name,
    document_uuid,
    localnet_name,
    network_of_switch,
    port_dhcp_uuid,
    switch_name,
)

OURS = uuid5(NAMESPACE_URL, "urn:ovnest")


@given(st.text())
def test_a_switch_name_leads_back_to_its_network(network_id: str) -> None:
    assert network_of_switch(switch_name(network_id)) == network_id


@pytest.mark.parametrize("name", ["", "neutron", "theirs", "provnet-x", "Neutron-x"])
def test_a_switch_of_others_stands_for_no_network(name: str) -> None:
    assert network_of_switch(name) is None
    assert network_of_switch(localnet_name(name)) is None


@given(st.sampled_from(("port", "agent", "vlan-tags")), st.text())
def test_a_documents_uuid_is_that_of_rfc_9562_for_its_name(kind: str, key: str) -> None:
    made = document_uuid(kind, key)
    assert made == str(uuid5(OURS, document_name(kind, key)))
    assert UUID(made).version == 5


@given(st.uuids().map(str))
def test_a_ports_two_rows_of_options_and_its_documents_are_four(port_id: str) -> None:
    mine = {port_dhcp_uuid(port_id, 4), port_dhcp_uuid(port_id, 6), port_id}
    documents = {document_uuid(kind, port_id) for kind in ("port", "vlan-tags", "agent")}
    assert len(mine | documents | {LEDGER_UUID}) == 7


def test_the_ledgers_row_is_the_same_for_every_server_and_release() -> None:
    assert ("ovnest:ledger", str(uuid5(OURS, "ovnest:ledger"))) == (LEDGER_NAME, LEDGER_UUID)
