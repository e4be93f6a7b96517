"""An address scope is written and read again, and what a hand has made of its document is not believed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovnest.resources.address_scope import AddressScope
from ovnest.rows.address_scope import KIND
from ovnest.rows.document import is_document, read_document, to_document
from tests.resources.strategies import texts, uuids

SCOPE = AddressScope(id="5c1f2f3e-0000-4000-8000-000000000001", project_id="red", name="a", ip_version=4)


@given(
    st.builds(
        AddressScope,
        id=uuids,
        project_id=texts,
        name=texts,
        ip_version=st.sampled_from((4, 6)),
        shared=st.booleans(),
    )
)
def test_what_is_written_is_read_again(scope: AddressScope) -> None:
    row = to_document(KIND, scope.id, scope)
    assert is_document(KIND, row)
    assert read_document(KIND, row) == scope


def test_the_keys_are_the_attributes() -> None:
    row = to_document(KIND, SCOPE.id, SCOPE)
    assert row.name == f"ovnest:address-scope:{SCOPE.id}"
    assert row.external_ids == {
        "ovnest:kind": "address-scope",
        "project_id": "red",
        "name": "a",
        "ip_version": "4",
    }


@pytest.mark.parametrize("written", ["5", "", "four", "4.5", "null", "[4]", None])
def test_a_scope_of_no_ip_version_is_not_understood(written: str | None) -> None:
    row = to_document(KIND, SCOPE.id, SCOPE)
    del row.external_ids["ip_version"]
    if written is not None:
        row.external_ids["ip_version"] = written
    with pytest.raises(ValueError, match=r"."):
        read_document(KIND, row)
