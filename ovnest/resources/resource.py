"""Resource: how one kind of thing looks at the API, said once."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import Struct

from ovnest.errors import NotFound
from ovnest.resources.fields import Coercions, to_struct

NONE: Coercions = {}
NOT_IN_POST: Final = "Attribute '{name}' not allowed in POST"
READ_ONLY: Final = "Cannot update read-only attribute {name}"


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
    def has_revisions(self) -> bool:
        """Whether it has a revision number (extension standard-attr-revisions)."""
        return "revision_number" in self.facts.__struct_fields__

    def wanted(self, body: Mapping[str, Any]) -> Any:
        """What a client wants to be made, as a `create`; refused as `to_struct` says."""
        assert self.create is not None  # noqa: S101  else there is no such route
        return to_struct(body, self.create, self.create_coercions, shown=self.body, not_here=NOT_IN_POST)

    def changes(self, body: Mapping[str, Any]) -> Any:
        """What a client wants to be changed, as an `update`; refused as `to_struct` says."""
        assert self.update is not None  # noqa: S101  else there is no such route
        return to_struct(body, self.update, self.update_coercions, shown=self.body, not_here=READ_ONLY)

    @property
    def words(self) -> str:
        """What people call it: `address group`."""
        return self.singular.replace("_", " ")
