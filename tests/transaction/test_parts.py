"""Parts of a whole that are kinds of their own, and dependents of dependents: kinds that only tests have.

A group is a document with its rules in it. A badge's row shows how many rules its group has, a wall's how
many the groups of its badges have: each is derived from facts alone, a wall's over two steps.
"""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace as other
from typing import Any

import pytest
from msgspec import Struct
from msgspec.structs import replace

from ovnest.api.store import Store
from ovnest.codec import decode_json, plain
from ovnest.config import Settings
from ovnest.errors.store import NotUnderstood
from ovnest.northbound.names import document_uuid
from ovnest.northbound.tables import Document
from ovnest.operations import CATALOGUE
from ovnest.ovsdb import Index
from ovnest.policy import Policy
from ovnest.rows.document import KIND, document_home, is_document, to_document
from ovnest.rows.home import Dependents, DocumentKind, Facts, Home, Lookup, PartHome, Wanted
from ovnest.rows.homes import Homes
from ovnest.transaction import Tx
from ovnest.transaction.check import find_all
from tests.front_door import ADMIN
from tests.northbound_server import Northbound

pytestmark = pytest.mark.ovsdb
READY_TIMEOUT_S = 10.0


class Rule(Struct, frozen=True, kw_only=True):
    """A part: it stands in its group."""

    id: str
    group_id: str
    port: int
    revision_number: int = 0
    created_at: str = ""
    updated_at: str = ""


class Group(Struct, frozen=True, kw_only=True):
    """A whole."""

    id: str
    name: str = ""
    rules: tuple[Rule, ...] = ()
    revision_number: int = 0
    created_at: str = ""
    updated_at: str = ""


class Badge(Struct, frozen=True, kw_only=True):
    """What depends on a group."""

    id: str
    group_id: str


class Wall(Struct, frozen=True, kw_only=True):
    """What depends on badges."""

    id: str
    badge_ids: tuple[str, ...]


def document(name: str, facts: type[Any]) -> DocumentKind:
    return DocumentKind(name=name, of="a test", subject=name, codec=plain(facts, without=("id",)))


GROUP, BADGE, WALL = document("group", Group), document("badge", Badge), document("wall", Wall)


class Part(Struct):
    """As much of a rule as an index needs."""

    id: str


def parts(row: Document) -> list[str]:
    if not is_document(GROUP, row):
        return []
    try:
        return [part.id for part in decode_json(row.external_ids.get("rules", "[]"), list[Part])]
    except ValueError:
        return []


def badges_of(row: Document) -> list[str]:
    return [row.external_ids["group_id"]] if is_document(BADGE, row) else []


def walls_of(row: Document) -> list[str]:
    return json.loads(row.external_ids["badge_ids"]) if is_document(WALL, row) else []


GROUP_BY_RULE = Lookup(Index("groups by their rules", Document, parts), Group)
BADGES_OF = Lookup(Index("badges of a group", Document, badges_of), Badge)
WALLS_OF = Lookup(Index("walls of a badge", Document, walls_of), Wall)


class Derived:
    """Homes whose rows have a derived key beside their facts; counts what is derived, in its order."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def home(self, kind: DocumentKind, base: Home[Any], depends: dict[type, Any], lookup: Lookup[Any]) -> Any:
        def desired(facts: Any, asked: Facts) -> Wanted:
            self.ids.append(facts.id)
            row = to_document(kind, facts.id, facts)
            shown = {"count": str(count_of(facts, asked))}
            return Wanted(rows=(replace(row, external_ids={**row.external_ids, **shown}),))

        because = {cause: Dependents("a test", of) for cause, of in depends.items()}
        return other(base, desired=desired, depends=because, lookups=(lookup,))


def count_of(facts: Any, asked: Facts) -> int:
    """How many rules there are behind a badge, or behind all badges of a wall."""
    if isinstance(facts, Wall):
        badges = (asked.find(Badge, badge_id) for badge_id in facts.badge_ids)
        return sum(count_of(badge, asked) for badge in badges if badge is not None)
    group = asked.find(Group, facts.group_id)
    return 0 if group is None else len(group.rules)


def badges(asked: Facts, was: Group | None, now: Group | None) -> Iterator[Badge]:
    group = now or was
    assert group is not None
    yield from asked.all(BADGES_OF, group.id)


def walls(asked: Facts, was: Badge | None, now: Badge | None) -> Iterator[Wall]:
    badge = now or was
    assert badge is not None
    yield from asked.all(WALLS_OF, badge.id)


def back(asked: Facts, was: Wall | None, now: Wall | None) -> Iterator[Badge]:
    """The badges of a wall, which depends on them: a loop."""
    wall = now or was
    assert wall is not None
    yield from (badge for key in wall.badge_ids if (badge := asked.find(Badge, key)) is not None)


RULE = PartHome(facts=Rule, whole=Group, field="rules", owner="group_id", by=GROUP_BY_RULE)


@pytest.fixture
def derived() -> Derived:
    return Derived()


@pytest.fixture
def loop() -> bool:
    """Whether a badge depends on its walls as well."""
    return False


@pytest.fixture
def homes(derived: Derived, loop: bool) -> Homes:
    of_badges: dict[type, Any] = {Group: badges, Wall: back} if loop else {Group: badges}
    return Homes(
        (
            document_home(Group, GROUP),
            RULE,
            derived.home(BADGE, document_home(Badge, BADGE), of_badges, BADGES_OF),
            derived.home(WALL, document_home(Wall, WALL), {Badge: walls}, WALLS_OF),
        )
    )


@pytest.fixture
async def store(server: Northbound, homes: Homes) -> AsyncIterator[Store]:
    """A Northbound with two groups; in the end the check finds every row as derived."""

    def fill(tx: Tx) -> None:
        tx.put(Group(id="g", name="web"))
        tx.put(Group(id="other"))

    settings = Settings(northbound=server.remote, durable=False)
    try:
        async with Store(settings, Policy(CATALOGUE), homes=homes) as store:
            await store.ready(READY_TIMEOUT_S)
            await store.write(ADMIN, fill)
            yield store
            assert await store.read(ADMIN, find_all) == []
    finally:
        server.clear()


async def put(store: Store, *many: Any) -> list[Any]:
    """Stage these in one operation."""
    return await store.write(ADMIN, lambda tx: [tx.put(each) for each in many])


async def found(store: Store, kind: type[Any], key: str) -> Any:
    return await store.read(ADMIN, lambda tx: tx.find(kind, key))


async def rules(store: Store, key: str = "g") -> list[tuple[str, int]]:
    """The rules of a group in their order, with their ports."""
    group = await found(store, Group, key)
    return [(rule.id, rule.port) for rule in group.rules]


async def count(store: Store, kind: DocumentKind, key: str) -> str:
    """What stands in a row as derived."""
    await store.client.barrier()
    row = store.client.replica.find(Document, document_uuid(kind.name, key))
    assert row is not None
    assert row.external_ids[KIND] == kind.name
    return row.external_ids["count"]


def rule(key: str, port: int = 80, group_id: str = "g") -> Rule:
    return Rule(id=key, group_id=group_id, port=port)


async def test_a_part_is_made_in_its_whole_and_found_by_its_id(store: Store) -> None:
    (made,) = await put(store, rule("a", 80))
    assert (made.revision_number, made.created_at) == (1, made.updated_at)
    assert made.created_at
    assert await found(store, Rule, "a") == made
    assert (await found(store, Group, "g")).rules == (made,)
    assert await found(store, Rule, "b") is None
    assert await rules(store, "other") == []


async def test_all_parts_of_all_wholes_are_listed(store: Store) -> None:
    await put(store, rule("a"), rule("b"), rule("c", group_id="other"))
    listed = await store.read(ADMIN, lambda tx: sorted(each.id for each in tx.all(Rule)))
    assert listed == ["a", "b", "c"]


async def test_a_changed_part_keeps_its_place_and_raises_its_whole(store: Store) -> None:
    await put(store, rule("a", 1), rule("b", 2), rule("c", 3))
    before = await found(store, Group, "g")
    untouched = await found(store, Group, "other")
    (changed,) = await put(store, replace(before.rules[1], port=22))
    after = await found(store, Group, "g")
    assert await rules(store) == [("a", 1), ("b", 22), ("c", 3)]
    assert after.rules[1] == changed
    assert changed.revision_number == before.rules[1].revision_number + 1
    assert after.revision_number == before.revision_number + 1
    assert (after.name, after.rules[0], after.rules[2]) == ("web", before.rules[0], before.rules[2])
    assert await found(store, Group, "other") == untouched


async def test_a_part_put_as_it_is_writes_nothing(store: Store) -> None:
    await put(store, rule("a"))
    group, seq = await found(store, Group, "g"), store.client.status.seq
    assert await put(store, group.rules[0]) == [group.rules[0]]
    assert await found(store, Group, "g") == group
    assert store.client.status.seq == seq


async def test_a_dropped_part_leaves_the_others_and_raises_its_whole(store: Store) -> None:
    await put(store, rule("a", 1), rule("b", 2), rule("c", 3))
    before = await found(store, Group, "g")
    await store.write(ADMIN, lambda tx: tx.drop(tx.get(Rule, "b")))
    assert await rules(store) == [("a", 1), ("c", 3)]
    assert await found(store, Rule, "b") is None
    assert (await found(store, Group, "g")).revision_number == before.revision_number + 1
    seq = store.client.status.seq
    await store.write(ADMIN, lambda tx: tx.drop(before.rules[1]))
    assert store.client.status.seq == seq, "it is gone already"


async def test_within_one_operation_a_part_is_what_was_last_staged(store: Store) -> None:
    def change(tx: Tx) -> None:
        tx.put(rule("a", 1))
        tx.put(rule("b", 2))
        assert [tx.get(Rule, key).port for key in ("a", "b")] == [1, 2]
        tx.put(replace(tx.get(Rule, "a"), port=11))
        assert [tx.get(Rule, key).port for key in ("a", "b")] == [11, 2]
        tx.drop(tx.get(Rule, "a"))
        assert tx.find(Rule, "a") is None
        assert [each.id for each in tx.all(Rule)] == ["b"]

    await store.write(ADMIN, change)
    assert await rules(store) == [("b", 2)]


async def test_a_whole_that_is_put_or_dropped_takes_its_parts_along(store: Store) -> None:
    await put(store, rule("a", 1), rule("b", 2))

    def without_a(tx: Tx) -> None:
        assert tx.find(Rule, "a") is not None
        group = tx.get(Group, "g")
        tx.put(replace(group, rules=group.rules[1:]))
        assert tx.find(Rule, "a") is None
        assert tx.find(Rule, "b") is not None
        tx.drop(tx.get(Group, "g"))
        assert tx.find(Rule, "b") is None

    await store.write(ADMIN, without_a)
    assert await found(store, Group, "g") is None
    assert await found(store, Rule, "b") is None


async def test_a_part_of_a_whole_that_is_not_there_is_refused_and_its_drop_is_nothing(store: Store) -> None:
    with pytest.raises(NotUnderstood, match="group nowhere"):
        await put(store, rule("a", group_id="nowhere"))
    await store.write(ADMIN, lambda tx: tx.drop(rule("a", group_id="nowhere")))


async def test_a_part_does_not_move_to_another_whole(store: Store) -> None:
    (made,) = await put(store, rule("a"))
    with pytest.raises(TypeError, match="a Rule stays in its Group"):
        await put(store, replace(made, group_id="other"))
    assert await rules(store, "other") == []


async def test_a_part_changes_what_depends_on_its_whole_and_what_depends_on_that(
    store: Store, derived: Derived
) -> None:
    await put(store, Badge(id="b1", group_id="g"), Badge(id="b2", group_id="other"))
    await put(store, Wall(id="w", badge_ids=("b1", "b2")), Wall(id="far", badge_ids=("b2",)))
    derived.ids.clear()
    await put(store, rule("a"))
    assert await count(store, BADGE, "b1") == "1"
    assert await count(store, WALL, "w") == "1", "over two steps"
    assert "far" not in derived.ids, "no more is derived than must be"
    await put(store, rule("b", group_id="other"))
    assert [await count(store, WALL, key) for key in ("w", "far")] == ["2", "1"]
    await store.write(ADMIN, lambda tx: tx.drop(tx.get(Rule, "a")))
    assert [await count(store, BADGE, key) for key in ("b1", "b2")] == ["0", "1"]
    assert await count(store, WALL, "w") == "1"
    await store.write(ADMIN, lambda tx: tx.drop(tx.get(Group, "other")))
    assert [await count(store, WALL, key) for key in ("w", "far")] == ["0", "0"]


@pytest.mark.parametrize("loop", [True])
async def test_a_loop_among_dependents_ends_with_each_derived_once(store: Store, derived: Derived) -> None:
    await put(store, Badge(id="b1", group_id="g"), Badge(id="b2", group_id="other"))
    await put(store, Wall(id="w", badge_ids=("b1", "b2")))
    derived.ids.clear()
    await put(store, replace(await found(store, Group, "g"), rules=(rule("a"), rule("b"))))
    assert derived.ids == ["b1", "w", "b2"]
    assert await count(store, WALL, "w") == "2"


def test_nothing_may_depend_on_a_part() -> None:
    depends: dict[type, Dependents] = {Rule: Dependents("a test", badges)}
    with pytest.raises(TypeError, match="Badge depends on a part, Rule, not its whole"):
        Homes((document_home(Group, GROUP), RULE, document_home(Badge, BADGE, depends=depends)))


def test_a_parts_lookup_has_its_index_without_being_named_again() -> None:
    assert GROUP_BY_RULE.index in Homes((document_home(Group, GROUP), RULE)).indexes
