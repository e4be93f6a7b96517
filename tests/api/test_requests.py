"""Reading a request's head is tested over the wire, in test_protocol.py; here is what needs none."""

from uuid import RFC_4122, UUID

from ovnest.api.requests import new_request_id


def test_request_ids_are_random_uuids() -> None:
    ids = {new_request_id() for _ in range(1000)}
    assert len(ids) == 1000
    for each in ids:
        name, _, uuid = each.partition("-")
        assert name == "req"
        assert str(UUID(uuid)) == uuid
        assert (UUID(uuid).version, UUID(uuid).variant) == (4, RFC_4122)
    assert {each[23] for each in ids} == set("89ab")
