"""Where tunnels end, and what they leave of an MTU."""

import asyncio

import pytest

from ovnest.agent.errors import NotSetUp
from ovnest.agent.vm import tunnel


@pytest.mark.parametrize(("address", "left"), [("192.0.2.1", 1442), ("2001:db8::1", 1422)])
def test_geneve_takes_its_bytes_of_an_mtu(address: str, left: int) -> None:
    assert tunnel.Encap(address=address, device="eth0", mtu=1500).tunnel_mtu == left


def test_tunnels_end_where_the_kernel_sends_from_and_an_address_must_be_here() -> None:
    found = tunnel.encap_towards("127.0.0.9")
    assert (found.device, found.address) == ("lo", "127.0.0.1")
    assert tunnel.encap_at("127.0.0.1") == found
    assert tunnel.encap_towards("::1").tunnel_mtu == found.tunnel_mtu - 20
    for address, said in (("192.0.2.99", "no device of this machine has"), ("x", "is no IP address")):
        with pytest.raises(NotSetUp, match=said):
            tunnel.encap_at(address)


async def test_tunnels_from_an_address_that_is_not_here_have_an_mtu_that_nobody_knows() -> None:
    lo = (await asyncio.to_thread(tunnel.encap_at, "127.0.0.1")).tunnel_mtu
    tunnels = tunnel.TunnelMtu()
    asked = ("127.0.0.1", "192.0.2.99", "", "127.0.0.1,127.0.0.1", "x")
    assert [await tunnels.of(each) for each in asked] == [lo, None, None, lo, None]
