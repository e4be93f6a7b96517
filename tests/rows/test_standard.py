"""The attributes that every kind has stand under the same keys on each kind's row."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnest.codec import Codec
from ovnest.resources.network import Network
from ovnest.rows.network import KEYS as NETWORK_KEYS
from ovnest.rows.port.keys import KEYS as PORT_KEYS
from ovnest.rows.standard import STANDARD
from ovnest.rows.subnet import KEYS as SUBNET_KEYS
from tests.resources.strategies import networks


@pytest.mark.parametrize("codec", [NETWORK_KEYS, SUBNET_KEYS], ids=lambda codec: codec.struct.__name__)
def test_a_kind_whose_row_is_the_resource_has_them_all(codec: Codec[Any]) -> None:
    assert {name: codec.fields[name] for name in STANDARD} == dict(STANDARD)


def test_a_port_has_those_that_ml2_ovn_gives_no_key_of_its_own() -> None:
    shared = {name for name in STANDARD if PORT_KEYS.fields.get(name) is STANDARD[name]}
    assert shared == {"created_at", "updated_at", "revision_number"}


@given(networks(), st.sampled_from(sorted(STANDARD)))
def test_each_is_read_from_its_own_key_alone(network: Network, name: str) -> None:
    written = NETWORK_KEYS.write(network)
    key = STANDARD[name]
    without = NETWORK_KEYS.values({each: value for each, value in written.items() if each != key.name})
    whole = NETWORK_KEYS.values(written)
    assert whole[name] == getattr(network, name)
    assert without == {**whole, name: key.absent}


def test_a_person_may_change_what_means_nothing_to_us_and_not_what_we_count_or_decide_by() -> None:
    assert {name for name, key in STANDARD.items() if key.editable} == {"description", "tags"}
