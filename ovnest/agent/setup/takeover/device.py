"""What the kernel keeps for a device beside its addresses: settings in /proc/sys.

Source: Documentation/networking/ip-sysctl.rst.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

SYS = Path("/proc/sys/net")
# What the kernel keeps for each device, and an operator may have set.
SETTINGS = {
    "ipv4/conf": (
        *("accept_local", "accept_redirects", "accept_source_route", "arp_accept", "arp_announce"),
        *("arp_filter", "arp_ignore", "arp_notify", "bc_forwarding", "forwarding", "igmpv2_unsolicited"),
        *("log_martians", "promote_secondaries", "proxy_arp", "proxy_arp_pvlan", "route_localnet"),
        *("rp_filter", "secure_redirects", "send_redirects", "shared_media", "src_valid_mark"),
    ),
    "ipv4/neigh": ("base_reachable_time_ms", "gc_stale_time", "mcast_solicit", "retrans_time_ms"),
    # The first: what forwarding would change in what follows is set after it.
    "ipv6/conf": (
        *("forwarding", "accept_ra", "accept_ra_defrtr", "accept_ra_pinfo", "accept_ra_min_hop_limit"),
        *("accept_ra_mtu", "accept_ra_rt_info_max_plen", "accept_ra_rtr_pref", "accept_redirects"),
        *("accept_dad", "addr_gen_mode", "autoconf", "dad_transmits", "disable_ipv6", "hop_limit"),
        *("max_addresses", "optimistic_dad", "proxy_ndp", "router_solicitation_delay"),
        *("router_solicitations", "temp_prefered_lft", "temp_valid_lft", "use_tempaddr"),
    ),
    "ipv6/neigh": ("base_reachable_time_ms", "gc_stale_time", "mcast_solicit", "retrans_time_ms"),
}
NO_IPV6 = "ipv6/conf/{device}/disable_ipv6"
NO_DUPLICATE_LOOKED_FOR = "ipv6/conf/{device}/accept_dad"


def read_settings(name: str) -> Iterator[tuple[str, str]]:
    """Those that the kernel has, and what they are."""
    for directory, names in SETTINGS.items():
        for setting in names:
            path = SYS / directory / name / setting
            if path.exists():
                yield f"{directory}/{{device}}/{setting}", path.read_text().strip()


def write_settings(name: str, settings: Iterable[tuple[str, str]]) -> None:
    """Set those that are not so already."""
    for key, value in settings:
        path = SYS / key.format(device=name)
        if not path.exists():
            continue  # a kernel without IPv6 has none of its settings
        if path.read_text().strip() != value:
            path.write_text(value)


@contextmanager
def no_duplicates_looked_for(name: str) -> Iterator[None]:
    """Addresses that this machine has had all along are used at once, without a second of doubt."""
    path = SYS / NO_DUPLICATE_LOOKED_FOR.format(device=name)
    if not path.exists():
        yield
        return
    before = path.read_text().strip()
    path.write_text("0")
    try:
        yield
    finally:
        path.write_text(before)
