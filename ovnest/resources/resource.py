"""Resource: how one kind of thing looks at the API, said once."""

from collections.abc import Callable

from msgspec import Struct

from ovnest.errors import NotFound
from ovnest.resources.fields import Coercions

NONE: Coercions = {}


class Parent(Struct, frozen=True, kw_only=True):
    """What a resource belongs to: the attribute that names it.

    Policy looks at the parent's owner, and at whom the parent is shared with.
    """

    resource: "Resource"
    attribute: str


class Resource(Struct, frozen=True, kw_only=True):
    """One kind of thing that the API serves.

    `singular` and `plural` are the keys of bodies, `path` that of the URL if it is another
    (`security-groups`). `facts` is what is kept, `body` what is shown; `key` is the attribute shown by which
    it is asked for. `create` and `update` are the Structs of requests, None where there is no such verb, and
    their coercions say which attributes a client may name. `not_found` is the refusal for a key. `is_nested`:
    its URLs stand under its parent's.
    """

    singular: str
    plural: str
    facts: type[Struct]
    body: type[Struct]
    not_found: Callable[[str], NotFound]
    path: str = ""
    key: str = "id"
    create: type[Struct] | None = None
    create_coercions: Coercions = NONE
    update: type[Struct] | None = None
    update_coercions: Coercions = NONE
    parent: Parent | None = None
    is_nested: bool = False

    @property
    def collection(self) -> str:
        """The last part of its collection's path."""
        return self.path or self.plural

    @property
    def has_tags(self) -> bool:
        """Whether it has resource tags (extension standard-attr-tag)."""
        return "tags" in self.facts.__struct_fields__

    @property
    def read_only(self) -> frozenset[str]:
        """The attributes that are shown and cannot be changed."""
        return frozenset(self.body.__struct_encode_fields__) - self.update_coercions.keys()

    @property
    def words(self) -> str:
        """What people call it: `address group`."""
        return self.singular.replace("_", " ")
