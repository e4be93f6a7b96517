"""The addresses of servers, as `ovn-nbctl --db` takes them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnest.ovsdb import Remote, Tls, check_tls, parse_remotes

names = st.text("abcdefghij.-0123456789", min_size=1, max_size=20)
remotes = st.one_of(
    st.builds(Remote, st.just("unix"), st.text("abc/._-:", min_size=1, max_size=40)),
    st.builds(Remote, st.sampled_from(("tcp", "ssl")), names, st.integers(1, 65535)),
    st.builds(Remote, st.sampled_from(("tcp", "ssl")), st.ip_addresses(v=6).map(str), st.integers(1, 65535)),
)


@given(st.lists(remotes, min_size=1, max_size=3))
def test_a_list_that_is_written_is_read_again(wanted: list[Remote]) -> None:
    assert parse_remotes(",".join(map(str, wanted))) == tuple(wanted)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("tcp:192.0.2.1", (Remote("tcp", "192.0.2.1", 6640),)),
        ("ssl:[2001:db8::1]", (Remote("ssl", "2001:db8::1", 6640),)),
        ("tcp:2001:db8::1", (Remote("tcp", "2001:db8::1", 6640),)),
        (
            " unix:/run/a.sock , tcp:example.org:6641 ,",
            (Remote("unix", "/run/a.sock"), Remote("tcp", "example.org", 6641)),
        ),
    ],
)
def test_a_port_left_out_is_ovsdbs_own_and_blanks_mean_nothing(text: str, wanted: tuple[Remote, ...]) -> None:
    assert parse_remotes(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "unix:",
        "tcp:",
        "tcp::6640",
        "tcp:h:0",
        "tcp:h:65536",
        "tcp:h:x",
        "punix:/a",
        "example.org",
        "tcp:[]:1",
    ],
)
def test_what_is_no_address_is_refused_with_what_would_be_one(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not unix:PATH, tcp:HOST:PORT or ssl:HOST:PORT"):
        parse_remotes(text)


@pytest.mark.parametrize("text", ["", " , "])
def test_a_list_of_nothing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="No server is named"):
        parse_remotes(text)


def test_a_sockets_path_may_be_as_long_as_the_kernel_takes_it_counted_in_bytes() -> None:
    assert parse_remotes("unix:/" + "a" * 106)
    for longer in ("a" * 107, "é" * 54):
        with pytest.raises(ValueError, match="107 bytes at most"):
            parse_remotes("unix:/" + longer)


def test_tls_needs_keys_and_nothing_else_does() -> None:
    plain, secure = parse_remotes("tcp:h:1"), parse_remotes("tcp:h:1,ssl:h:2")
    check_tls(plain, None)
    check_tls(secure, Tls(Path("key"), Path("certificate"), Path("ca")))
    with pytest.raises(ValueError, match=r"^ssl:h:2: needs a private key"):
        check_tls(secure, None)
