"""Bodies in chunks: however they are cut, on the wire and in reading, the same body comes out."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnest.api.chunked import ChunkedBody
from ovnest.errors.fields import HTTPBadRequest
from ovnest.errors.http import HTTPRequestEntityTooLarge

pieces = st.lists(st.binary(min_size=1, max_size=20), max_size=6)
nearly_chunked = st.lists(st.sampled_from([b"0", b"1", b"3", b"\r\n", b"\r", b"\n", b"a", b";", b"A:"])).map(
    b"".join
)
cuts = st.lists(st.integers(0, 300), max_size=8)


def read(wire: bytes, cut_at: list[int], limit: int = 1000) -> tuple[bytes | None, bytes]:
    """The body of `wire`, which arrives cut at these places, and what was left over."""
    decoder, buffer, body = ChunkedBody(limit), bytearray(), None
    bounds = sorted({0, len(wire), *(cut for cut in cut_at if cut < len(wire))})
    for start, stop in pairwise(bounds):
        buffer += wire[start:stop]
        if body is None:
            body = decoder.feed(buffer)
    return body, bytes(buffer)


@given(
    pieces, st.sampled_from([b"", b";a=b"]), st.sampled_from([b"", b"A: b\r\n"]), st.binary(max_size=30), cuts
)
def test_the_body_comes_out_whole_and_what_follows_stays(
    chunks: list[bytes], extension: bytes, trailer: bytes, following: bytes, cut_at: list[int]
) -> None:
    wire = b"".join(b"%x%b\r\n%b\r\n" % (len(chunk), extension, chunk) for chunk in chunks)
    wire += b"0\r\n" + trailer + b"\r\n"
    assert read(wire + following, cut_at) == (b"".join(chunks), following)


@given(nearly_chunked, cuts)
def test_where_the_bytes_are_cut_changes_nothing(wire: bytes, cut_at: list[int]) -> None:
    def outcome(cut_at: list[int]) -> object:
        try:
            return read(wire, cut_at)
        except (HTTPBadRequest, HTTPRequestEntityTooLarge) as refusal:
            return type(refusal)

    assert outcome(cut_at) == outcome([])


@given(pieces.filter(bool))
def test_a_body_over_the_limit_is_refused_by_its_first_chunk_over_it(chunks: list[bytes]) -> None:
    size = sum(map(len, chunks))
    wire = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    with pytest.raises(HTTPRequestEntityTooLarge):
        read(wire, [], limit=size - 1)
    assert read(wire + b"0\r\n\r\n", [], limit=size)[0] == b"".join(chunks)
