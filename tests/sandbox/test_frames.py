"""Frames are read as they stand on the wire."""

from struct import pack

from ovnest.sandbox.dhcp import routes
from ovnest.sandbox.frames import Frame, PcapReader, parse

TARGET, SOURCE = bytes.fromhex("0a0000000102"), bytes.fromhex("0a0000000142")
IPV4 = bytes.fromhex("45000014000000004001000000000000")[:12] + bytes([192, 0, 2, 42, 192, 0, 2, 12])
TAGGED = TARGET + SOURCE + bytes.fromhex("8100 602a 0800") + IPV4
UNTAGGED = TARGET + SOURCE + bytes.fromhex("0800") + IPV4


def test_a_tag_is_read_without_its_priority_bits() -> None:
    assert parse(TAGGED).tag == 42
    assert parse(UNTAGGED).tag is None


def test_what_follows_the_tag_is_read_as_if_there_were_none() -> None:
    tagged, untagged = parse(TAGGED), parse(UNTAGGED)
    assert (tagged.source_mac, tagged.target_mac) == ("0a:00:00:00:01:42", "0a:00:00:00:01:02")
    assert (tagged.source, tagged.target) == ("192.0.2.42", "192.0.2.12")
    assert tagged.payload == untagged.payload == IPV4


def test_the_outermost_of_two_tags_counts() -> None:
    assert parse(TARGET + SOURCE + bytes.fromhex("88a8 0007 8100 002a 0800") + IPV4).tag == 7


def test_a_frame_inside_geneve_is_found_behind_its_options() -> None:
    geneve = bytes.fromhex("02 00 6558 000002 00") + bytes(8) + TAGGED
    udp = pack("!HHHH", 50000, 6081, 8 + len(geneve), 0) + geneve
    outer = parse(TARGET + SOURCE + bytes.fromhex("0800") + IPV4[:9] + b"\x11" + IPV4[10:] + udp)
    assert outer.udp_port == 6081
    assert outer.inside_geneve() == parse(TAGGED)
    assert parse(UNTAGGED).udp_port is None


def test_frames_come_whole_however_the_stream_is_cut() -> None:
    header = pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    records = [pack("=IIII", 0, 0, len(each), len(each)) + each for each in (TAGGED, UNTAGGED, TAGGED)]
    stream = header + b"".join(records)
    expected = [parse(TAGGED), parse(UNTAGGED), parse(TAGGED)]
    for size in range(1, len(stream) + 1):
        reader = PcapReader()
        seen: list[Frame] = []
        for at in range(0, len(stream), size):
            seen.extend(reader.feed(stream[at : at + size]))
        assert seen == expected, f"cut every {size} bytes"


def test_classless_routes_replace_the_router() -> None:
    offered = {
        "routers": "192.0.2.9",
        "classless_routes": "24 198 51 100 192 0 2 2 0 192 0 2 1 32 169 254 169 254 0 0 0 0",
    }
    assert routes(offered) == [
        ("198.51.100.0/24", "via 192.0.2.2"),
        ("default", "via 192.0.2.1"),
        ("169.254.169.254/32", "scope link"),
    ]
    assert routes({"routers": "192.0.2.9"}) == [("default", "via 192.0.2.9")]
