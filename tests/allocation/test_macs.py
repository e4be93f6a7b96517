from random import Random

import netaddr  # type: ignore[import-untyped]  # it has no types
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnest.allocation.macs import canonical_mac, mac_from_id, mac_text, random_mac


def seeded(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - a test wants the same numbers each time


PIECES = st.sampled_from(
    ("0", "1", "fa", "FA", "16", "3e", "0001", "fa163e", "00001", "fa163e000001", "g", " ")
)


@given(st.lists(PIECES, min_size=1, max_size=7), st.sampled_from((":", "-", ".", "")))
def test_a_notation_is_read_as_neutron_reads_it(pieces: list[str], separator: str) -> None:
    text = separator.join(pieces)
    nobodys = (netaddr.EUI("00:00:00:00:00:00"), netaddr.EUI("FF:FF:FF:FF:FF:FF"))
    if netaddr.valid_mac(text) and netaddr.EUI(text) not in nobodys:
        assert canonical_mac(text) == str(netaddr.EUI(text, dialect=netaddr.mac_unix_expanded))
    else:
        with pytest.raises(ValueError, match="is not a valid MAC address"):
            canonical_mac(text)


@pytest.mark.parametrize(
    "text",
    ["fa:16:3e:0:0:1", "FA-16-3E-00-00-01", "fa16.3e00.0001", "fa163e000001", "fa163e-000001", "fa16:3e00:1"],
)
def test_every_notation_becomes_pairs_with_colons(text: str) -> None:
    assert canonical_mac(text) == "fa:16:3e:00:00:01"


@pytest.mark.parametrize(
    "text", ["", "fa:16:3e:00:00:01\n", "٠0:16:3e:00:00:01", "00:00:00:00:00:00", "ff-ff-ff-ff-ff-ff"]
)
def test_what_nobody_can_have_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a valid MAC address"):
        canonical_mac(text)


@given(st.randoms(use_true_random=False))
def test_a_random_mac_is_free_and_under_its_base(random: Random) -> None:
    asked: set[str] = set()

    def taken(mac: str) -> bool:
        asked.add(mac)
        return len(asked) < 20  # the first nineteen that are tried

    mac = random_mac(random, taken)
    assert mac is not None
    assert mac.startswith("fa:16:3e:")
    assert canonical_mac(mac) == mac
    assert (random_mac(random, lambda mac: False, base="0a:00:00:5b:00:00") or "").startswith("0a:00:00:5b:")


def test_the_last_free_mac_under_four_octets_is_found_then_none() -> None:
    tried: set[str] = set()

    def all_but_one(mac: str) -> bool:
        tried.add(mac)
        return mac != "fa:16:3e:11:22:33"

    assert random_mac(seeded(1), all_but_one, base="fa:16:3e:11:00:00") == "fa:16:3e:11:22:33"
    assert random_mac(seeded(1), lambda mac: True, base="fa:16:3e:11:00:00") is None


def test_different_chances_give_different_macs() -> None:
    macs = {random_mac(seeded(seed), lambda mac: False) for seed in range(100)}
    assert len(macs) == 100


@given(st.uuids())
def test_the_mac_of_an_id_is_always_the_same_and_a_ports_kind(id: object) -> None:
    mac = mac_from_id(str(id))
    assert mac == mac_from_id(str(id))
    assert mac.startswith("fa:16:3e:")
    assert mac_from_id(str(id), base="0a:00:00:5b:00:00").startswith("0a:00:00:5b:")


def test_ids_have_different_macs() -> None:
    assert len({mac_from_id(f"network {n}") for n in range(500)}) == 500


def test_the_highest_number_is_the_highest_mac() -> None:
    assert mac_text((1 << 48) - 1) == "ff:ff:ff:ff:ff:ff"
