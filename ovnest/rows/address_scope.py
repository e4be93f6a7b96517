"""Address scopes: a document row each, since OVN has no table for them."""

from ovnest.codec import plain
from ovnest.resources.address_scope import AddressScope
from ovnest.rows.document import document_home
from ovnest.rows.home import DocumentKind

KIND = DocumentKind(
    name="address-scope",
    of="the address scope",
    subject="Addresses of one IP version that do not overlap, for subnet pools to be in",
    codec=plain(AddressScope, without=("id",)),
)

HOME = document_home(AddressScope, KIND)
