"""Requests as RFC 7047 words them, and what a reply says of a transaction."""

from typing import Any

import msgspec
import pytest

from ovnest.ovsdb import Comment, Commit, Delete, Insert, Mutate, Select, TimedOut, Update, Wait
from ovnest.ovsdb.errors import ConstraintViolation, NotOwner
from ovnest.ovsdb.messages import (
    Abort,
    Assert,
    Message,
    by_uuid,
    decode_message,
    encode,
    row_exists,
    transaction_error,
)

U = "550e8400-e29b-41d4-a716-446655440000"
WHERE = [["_uuid", "==", ["uuid", U]]]


@pytest.mark.parametrize(
    ("operation", "wire"),
    [
        (Insert(table="T", row={"a": 1}), {"op": "insert", "table": "T", "row": {"a": 1}}),
        (
            Insert(table="T", row={}, uuid=U, uuid_name="r"),
            {"op": "insert", "table": "T", "row": {}, "uuid": U, "uuid-name": "r"},
        ),
        (Select(table="T", where=by_uuid(U)), {"op": "select", "table": "T", "where": WHERE}),
        (
            Update(table="T", where=by_uuid(U), row={"a": ("set", [])}),
            {"op": "update", "table": "T", "where": WHERE, "row": {"a": ["set", []]}},
        ),
        (
            Mutate(table="T", where=(), mutations=[("a", "insert", ("set", [1]))]),
            {"op": "mutate", "table": "T", "where": [], "mutations": [["a", "insert", ["set", [1]]]]},
        ),
        (Delete(table="T", where=by_uuid(U)), {"op": "delete", "table": "T", "where": WHERE}),
        (
            row_exists("T", U),
            {
                "op": "wait",
                "table": "T",
                "where": WHERE,
                "columns": ["_uuid"],
                "until": "==",
                "rows": [{"_uuid": ["uuid", U]}],
                "timeout": 0,
            },
        ),
        (Commit(durable=False), {"op": "commit", "durable": False}),
        (Comment(comment="c"), {"op": "comment", "comment": "c"}),
        (Assert(lock="l"), {"op": "assert", "lock": "l"}),
        (Abort(), {"op": "abort"}),
    ],
    ids=lambda each: type(each).__name__,
)
def test_an_operation_is_worded_as_rfc_7047_words_it(operation: Any, wire: dict[str, Any]) -> None:
    assert msgspec.json.decode(encode(operation)) == wire


def test_a_wait_without_a_timeout_says_none_and_one_of_0_says_so() -> None:
    # RFC 7047, 5.2.6: left out it would wait for ever, so the two must not be mixed up.
    forever = Wait(table="T", where=(), columns=(), until="==", rows=())
    assert b"timeout" not in encode(forever)
    assert b'"timeout":0' in encode(msgspec.structs.replace(forever, timeout=0))


@pytest.mark.parametrize(
    ("result", "error", "kind", "index"),
    [
        ([{}, {"count": 1}], None, None, None),
        ([{"count": 1}, {"error": "timed out"}, None, None], None, TimedOut, 1),
        ([None, {"error": "timed out"}], None, TimedOut, 1),
        # An error at commit time: one more than there were operations.
        ([{}, {"error": "constraint violation", "details": "d"}], None, ConstraintViolation, 1),
        (None, {"error": "not owner"}, NotOwner, None),
        (None, "not owner", NotOwner, None),
        ([], None, None, None),
    ],
)
def test_the_reply_to_a_transaction_says_which_operation_failed(
    result: Any, error: Any, kind: type | None, index: int | None
) -> None:
    found = transaction_error(Message(id=1, result=result, error=error))
    if kind is None:
        assert found is None
    else:
        assert type(found) is kind
        assert found.index == index  # type: ignore[union-attr]  # it is one


def test_replies_notifications_and_requests_are_told_apart_by_what_they_lack() -> None:
    reply = decode_message(b'{"id":1,"result":[],"error":null}')
    notification = decode_message(b'{"method":"update3","params":[],"id":null}')
    request = decode_message(b'{"method":"echo","params":["x"],"id":"echo","of_others":1}')
    assert (reply.id, reply.method) == (1, None)
    assert (notification.id, notification.method) == (None, "update3")
    assert (request.id, request.method) == ("echo", "echo")
    assert bytes(request.params) == b'["x"]'
