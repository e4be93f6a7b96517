"""The extensions of the Networking API that are served: those of the kinds, and those of all together.

A client looks here before it uses an attribute. So an alias stands here only if everything that it promises
is done; `docs/api.md` says what is not.

Source: Neutron API reference, "Extensions"; the aliases, names and dates are neutron-lib's definitions.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from ovnest.operations.kind import Extension, Kind

GENERAL = (
    Extension(
        alias="empty-string-filtering",
        name="Empty String Filtering Extension",
        updated="2018-05-01T10:00:00-00:00",
        description="Lists can be filtered by the empty string.",
    ),
    Extension(
        alias="filter-validation",
        name="Filter parameters validation",
        updated="2018-07-04T10:00:00-00:00",
        description="A filter by an unknown attribute is refused.",
    ),
    Extension(
        alias="pagination",
        name="Pagination support",
        updated="2016-06-12T00:00:00-00:00",
        description="Lists come in pages, with links to the next and the previous one.",
    ),
    Extension(
        alias="project-id",
        name="project_id field enabled",
        updated="2016-09-09T09:09:09-09:09",
        description="project_id beside the older tenant_id.",
    ),
    Extension(
        alias="revision-if-match",
        name="If-Match constraints based on revision_number",
        updated="2016-12-11T00:00:00-00:00",
        description="A change can be made to depend on the revision number.",
    ),
    Extension(
        alias="sorting",
        name="Sorting support",
        updated="2016-06-12T00:00:00-00:00",
        description="Lists can be sorted by any attribute that is one value.",
    ),
    Extension(
        alias="standard-attr-description",
        name="standard-attr-description",
        updated="2016-02-10T10:00:00-00:00",
        description="A description of each resource.",
    ),
    Extension(
        alias="standard-attr-revisions",
        name="Resource revision numbers",
        updated="2016-04-11T10:00:00-00:00",
        description="A number that each change of a resource raises.",
    ),
    Extension(
        alias="standard-attr-tag",
        name="Tag support for resources with standard attribute: {tagged}",
        updated="2017-01-01T00:00:00-00:00",
        description="Words that stick to a resource, and filters by them.",
    ),
    Extension(
        alias="standard-attr-timestamp",
        name="Resource timestamps",
        updated="2016-09-12T10:00:00-00:00",
        description="When a resource was made and when it was changed last.",
    ),
)


class ExtensionBody(Struct, frozen=True, kw_only=True):
    """One extension as it is shown."""

    name: str
    alias: str
    description: str
    updated: str
    links: tuple[str, ...] = ()


def extensions(kinds: Iterable[Kind]) -> Mapping[str, ExtensionBody]:
    """The extensions that these kinds and the API as a whole serve, by alias, in alphabetical order."""
    kinds = tuple(kinds)
    tagged = ", ".join(kind.resource.singular for kind in kinds if kind.resource.has_tags)
    served = [*GENERAL, *(extension for kind in kinds for extension in kind.aliases)]
    return {
        each.alias: ExtensionBody(
            name=each.name.format(tagged=tagged),
            alias=each.alias,
            description=each.description,
            updated=each.updated,
        )
        for each in sorted(served, key=lambda each: each.alias)
    }
