"""A port's own DHCP options: the subnet's, and what it says itself."""

import msgspec
import pytest
from hypothesis import given
from msgspec.structs import replace

from ovnest.resources.network import Network
from ovnest.resources.port import DhcpOption, Port
from ovnest.resources.subnet import Subnet
from ovnest.rows.port.dhcp_options import is_dhcp_disabled, port_dhcp_options
from ovnest.rows.subnet import serves_dhcp, subnet_dhcp_options
from tests.in_memory import a_network, a_port, a_subnet, a_v6_subnet
from tests.resources.strategies import placed_ports
from tests.rows.placed import Placed


@given(placed_ports())
def test_a_ports_own_options_differ_from_the_subnets_only_where_it_says_so(
    placed: tuple[Network, tuple[Subnet, ...], Port],
) -> None:
    network, on, port = placed
    for subnet in on:
        row = port_dhcp_options(port, subnet, network, "example.org")
        base = subnet_dhcp_options(subnet, network, "example.org")
        if row is None or not base.options:
            continue
        named = {
            option.opt_value for option in port.extra_dhcp_opts if option.ip_version == subnet.ip_version
        }
        changed = {value for key, value in row.options.items() if base.options.get(key) != value}
        assert changed <= named | {msgspec.json.encode(value).decode() for value in named}


@given(placed_ports())
def test_a_port_has_options_of_its_own_only_where_it_says_something_and_dhcp_serves(placed: Placed) -> None:
    network, on, port = placed
    for subnet in on:
        row = port_dhcp_options(replace(port, extra_dhcp_opts=()), subnet, network, "")
        assert row is None
        if not serves_dhcp(subnet):
            assert port_dhcp_options(port, subnet, network, "") is None


def options(subnet: Subnet, *said: tuple[str, str, int]) -> dict[str, str] | None:
    """What OVN is told for a port that says this."""
    own = tuple(DhcpOption(opt_name=name, opt_value=value, ip_version=ip) for name, value, ip in said)
    row = port_dhcp_options(a_port(1, extra_dhcp_opts=own), subnet, a_network(), "")
    return None if row is None else dict(row.options)


def test_text_is_quoted_as_ovn_reads_it_and_numbers_and_addresses_are_not() -> None:
    said = options(a_subnet(), ("bootfile-name", 'pxe"linux.0', 4), ("mtu", "900", 4), ("66", "192.0.2.5", 4))
    assert said is not None
    assert said["bootfile_name"] == '"pxe\\"linux.0"'
    assert said["mtu"] == "900"
    assert said["tftp_server"] == '"192.0.2.5"'


def test_a_name_and_its_code_are_the_same_option() -> None:
    for name, code in (("mtu", "26"), ("router", "3"), ("lease-time", "51"), ("dns-server", "6")):
        assert options(a_subnet(), (name, "9", 4)) == options(a_subnet(), (code, "9", 4))


def test_each_version_hears_its_own_options_only() -> None:
    said = (("dns-server", "192.0.2.53", 4), ("dns-server", "2001:db8::53", 6))
    four, six = options(a_subnet(), *said), options(a_v6_subnet(), *said)
    assert four is not None
    assert six is not None
    assert (four["dns_server"], six["dns_server"]) == ("192.0.2.53", "2001:db8::53")
    assert options(a_v6_subnet(), ("mtu", "900", 6)) is None, "DHCPv6 has no such option"


def test_an_empty_value_takes_the_subnets_option_away() -> None:
    subnets = options(a_subnet(), ("mtu", "900", 4))
    without = options(a_subnet(), ("router", "", 4), ("mtu", "900", 4))
    assert subnets is not None
    assert without == {name: value for name, value in subnets.items() if name != "router"}


@pytest.mark.parametrize(
    ("value", "disabled"), [("True", True), ("true", True), ("false", False), (None, False)]
)
def test_dhcp_is_off_for_a_port_and_a_version_only_where_it_says_true(
    value: str | None, disabled: bool
) -> None:
    option = DhcpOption(opt_name="dhcp_disabled", opt_value=value, ip_version=4)
    port = a_port(1, extra_dhcp_opts=(option,))
    assert is_dhcp_disabled(port, 4) is disabled
    assert not is_dhcp_disabled(port, 6)
