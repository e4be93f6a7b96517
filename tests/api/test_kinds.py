"""What a kind can be, shown by one that is not served: nested in networks, with an action, no updates."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import jsonschema_rs
import pytest
from msgspec import Struct
from msgspec.structs import replace

from ovnest.api.app import App
from ovnest.api.events import Events
from ovnest.api.openapi import document
from ovnest.api.store import Store
from ovnest.codec import plain
from ovnest.config import Settings
from ovnest.errors import NotFound
from ovnest.identity import from_settings
from ovnest.operations import CATALOGUE, KINDS, Kind
from ovnest.operations.kind import Action, Narrow
from ovnest.operations.steps.rights import require_create, require_delete, require_update
from ovnest.operations.steps.visible import visible, visible_network
from ovnest.policy import Policy, catalogue_of
from ovnest.policy.rules.base import ADMIN, ADMIN_OR_MEMBER, NETWORK_READER, PROJECT_READER, KindRules, any_of
from ovnest.resources.fields import Coercions, listed, optional, text, uuid
from ovnest.resources.network import NETWORK
from ovnest.resources.resource import Parent, Resource
from ovnest.rows import HOMES
from ovnest.rows.document import document_home
from ovnest.rows.home import DocumentKind
from ovnest.rows.port.lookups import PORT_BY_ADDRESS
from ovnest.transaction import Tx
from ovnest.transaction.check import find_all, repair
from tests.api.wire import Wire, serving
from tests.front_door import ADMIN as ADMINISTRATOR
from tests.front_door import FrontDoor
from tests.northbound_server import Northbound, running

pytestmark = pytest.mark.api


class Note(Struct, frozen=True, kw_only=True):
    id: str
    project_id: str = ""
    network_id: str = ""
    words: tuple[str, ...] = ()


class CreateNote(Struct, frozen=True, kw_only=True):
    network_id: str
    project_id: str | None = None
    words: tuple[str, ...] = ()


class AddWords(Struct, frozen=True, kw_only=True):
    words: tuple[str, ...] = ()


class NoteBody(Struct, frozen=True, kw_only=True):
    id: str
    project_id: str
    tenant_id: str
    network_id: str
    words: tuple[str, ...]
    count: int


class NoteNotFound(NotFound):
    template = "Note {note_id} could not be found."


WORDS: Coercions = {"words": listed(text)}
NOTE = Resource(
    singular="note",
    plural="notes",
    path="short-notes",
    facts=Note,
    body=NoteBody,
    not_found=lambda key: NoteNotFound(note_id=key),
    create=CreateNote,
    create_coercions={**WORDS, "network_id": uuid, "project_id": optional(text)},
    parent=Parent(resource=NETWORK, attribute="network_id"),
    is_nested=True,
)
HOME = document_home(
    Note, DocumentKind(name="note", of="a note", subject="A note", codec=plain(Note, without=("id",)))
)


def create_note(tx: Tx, want: CreateNote) -> Note:
    network = visible_network(tx, want.network_id)
    project_id = require_create(tx, NOTE, want, network)
    return tx.put(Note(id=tx.new_id(), project_id=project_id, network_id=network.id, words=want.words))


def add_words(tx: Tx, key: str, want: AddWords) -> Note:
    note: Note = visible(tx, NOTE, key)
    require_update(tx, NOTE, want, note)
    return tx.put(replace(note, words=(*note.words, *want.words)))


def delete_note(tx: Tx, key: str, query: Mapping[str, str]) -> None:
    note = visible(tx, NOTE, key)
    require_delete(tx, NOTE, note)
    tx.drop(note)


KIND = Kind(
    resource=NOTE,
    rules=KindRules(
        rules={
            "create_note": ADMIN_OR_MEMBER,
            "get_note": any_of(ADMIN, PROJECT_READER, NETWORK_READER),
            "get_note:words": any_of(ADMIN, PROJECT_READER),
            "update_note": ADMIN_OR_MEMBER,
            "delete_note": ADMIN_OR_MEMBER,
        }
    ),
    create=create_note,
    delete=delete_note,
    computed=lambda tx, note: {"count": len(note.words)},
    actions=(
        Action(name="add_words", summary="Add words.", request=AddWords, coercions=WORDS, do=add_words),
        Action(
            name="append", summary="Add words.", request=AddWords, coercions=WORDS, do=add_words, is_bare=True
        ),
    ),
)
ALL = (*KINDS, KIND)


@pytest.fixture(scope="module")
def northbound() -> Any:
    with running() as server:
        yield server


class Served:
    def __init__(self, wire: Wire, door: FrontDoor) -> None:
        self.wire = wire
        self.door = door

    async def ask(
        self, method: str, path: str, body: Any = None, project: str = "default", roles: str = "admin"
    ) -> tuple[int, Any]:
        content = b"" if body is None else json.dumps(body).encode()
        lines = [
            f"{method} {path} HTTP/1.1",
            "Host: localhost",
            "Content-Type: application/json",
            f"Content-Length: {len(content)}",
            f"X-Project-Id: {project}",
            "X-User-Id: somebody",
            f"X-Roles: {roles}",
        ]
        answer = await self.wire.ask("\r\n".join(lines).encode() + b"\r\n\r\n" + content)
        return answer.status, json.loads(answer.body) if answer.body else None


@pytest.fixture
async def served(northbound: Northbound) -> AsyncIterator[Served]:
    settings = Settings(northbound=northbound.remote, durable=False, trust_headers=True)
    policy = Policy(catalogue_of((kind.resource, kind.rules) for kind in ALL))
    try:
        async with Store(settings, policy, homes=HOMES.plus(HOME)) as store:
            await store.ready(10)
            app = App(store, from_settings(settings), Events(store.client), ALL)
            async with serving(app) as wire:
                yield Served(wire, FrontDoor(store, ADMINISTRATOR))
    finally:
        northbound.clear()


async def test_a_nested_kind_stands_under_its_own_parent_alone(served: Served) -> None:
    network, other = [await served.door.create("network", name=name) for name in "ab"]
    path = f"/v2.0/networks/{network['id']}/short-notes"
    status, made = await served.ask("POST", path, {"note": {"words": ["one"]}})
    assert (status, made["note"]["network_id"], made["note"]["count"]) == (201, network["id"], 1)
    note = made["note"]["id"]
    assert await served.ask("GET", f"{path}/{note}") == (200, made)
    assert await served.ask("GET", path) == (200, {"notes": [made["note"]]})
    assert await served.ask("GET", f"{path}?count=2") == (200, {"notes": []})

    elsewhere = f"/v2.0/networks/{other['id']}/short-notes"
    assert await served.ask("GET", elsewhere) == (200, {"notes": []})
    for method in ("GET", "DELETE"):
        status, refused = await served.ask(method, f"{elsewhere}/{note}")
        assert (status, refused["NeutronError"]["type"]) == (404, "NoteNotFound")
    status, refused = await served.ask("GET", f"/v2.0/networks/{note}/short-notes")
    assert (status, refused["NeutronError"]["type"]) == (404, "NetworkNotFound")
    assert (await served.ask("GET", "/v2.0/short-notes"))[0] == 404


async def test_an_action_changes_and_shows_and_what_is_no_verb_is_405(served: Served) -> None:
    network = await served.door.create("network", name="a")
    path = f"/v2.0/networks/{network['id']}/short-notes"
    _, made = await served.ask("POST", path, {"note": {}})
    one = f"{path}/{made['note']['id']}"
    status, changed = await served.ask("PUT", f"{one}/add_words", {"note": {"words": ["x", "y"]}})
    assert (status, changed["note"]["words"], changed["note"]["count"]) == (200, ["x", "y"], 2)
    assert (await served.ask("PUT", f"{one}/add_words", {"note": {"nosuch": 1}}))[0] == 400
    assert (await served.ask("PUT", one, {"note": {}}))[0] == 405
    assert (await served.ask("GET", f"{one}/tags"))[0] == 404, "its facts have none"
    assert (await served.ask("DELETE", one))[0] == 204


async def test_the_body_of_an_action_can_be_bare_and_its_path_is_under_its_own_parent(served: Served) -> None:
    network, other = [await served.door.create("network", name=name) for name in "ab"]
    path = f"/v2.0/networks/{network['id']}/short-notes"
    _, made = await served.ask("POST", path, {"note": {}})
    note = made["note"]["id"]
    status, changed = await served.ask("PUT", f"{path}/{note}/append", {"words": ["x"]})
    assert (status, changed["note"]["words"]) == (200, ["x"])
    wrong: list[Any] = [None, [], {"note": {"words": ["x"]}}, {"words": "x"}]
    for body in wrong:
        assert (await served.ask("PUT", f"{path}/{note}/append", body))[0] == 400, body
    elsewhere = f"/v2.0/networks/{other['id']}/short-notes/{note}"
    for action, asked in (("append", {"words": ["y"]}), ("add_words", {"note": {"words": ["y"]}})):
        assert (await served.ask("PUT", f"{elsewhere}/{action}", asked))[0] == 404
    assert (await served.ask("GET", f"{path}/{note}"))[1] == changed


async def test_rights_know_the_parents_owner_and_hide_attributes(served: Served) -> None:
    theirs = FrontDoor(served.door.store).of("green")
    network = await theirs.create("network", name="theirs")
    path = f"/v2.0/networks/{network['id']}/short-notes"
    _, made = await served.ask("POST", path, {"note": {"words": ["secret"]}})
    one = f"{path}/{made['note']['id']}"
    # Who owns the network sees the note, but not its words; a stranger sees not even the network.
    status, shown = await served.ask("GET", one, project="green", roles="member,reader")
    assert status == 200
    assert "words" not in shown["note"]
    assert (await served.ask("GET", one, project="blue", roles="member,reader"))[0] == 404
    assert (await served.ask("DELETE", one, project="green", roles="member,reader"))[0] == 403


async def test_a_document_of_a_kind_that_is_not_known_is_named_and_left_alone(
    served: Served, northbound: Northbound
) -> None:
    network = await served.door.create("network", name="a")
    await served.ask("POST", f"/v2.0/networks/{network['id']}/short-notes", {"note": {}})
    assert await served.door.store.read(ADMINISTRATOR, find_all) == []
    async with Store(Settings(northbound=northbound.remote, durable=False), Policy(CATALOGUE)) as other:
        await other.ready(10)
        (found,) = await other.read(ADMINISTRATOR, find_all)
        assert (found.kind, found.table) == ("not-understood", "Copp")
        assert not await other.write(ADMINISTRATOR, lambda tx: repair(tx, found))


def test_the_document_describes_it() -> None:
    paths = document(ALL)["paths"]
    root = "/v2.0/networks/{network_id}/short-notes"
    assert set(paths[root]) == {"parameters", "get", "post"}
    assert set(paths[f"{root}/{{id}}"]) == {"parameters", "get", "delete"}
    for name, body in (("add_words", {"note": {"words": ["x"]}}), ("append", {"words": ["x"]})):
        assert set(paths[f"{root}/{{id}}/{name}"]) == {"parameters", "put"}
        schema = paths[f"{root}/{{id}}/{name}"]["put"]["requestBody"]["content"]["application/json"]["schema"]
        whole = {**schema, "components": document(ALL)["components"]}
        jsonschema_rs.Draft202012Validator(whole).validate(body)
    assert f"{root}/{{id}}/tags" not in paths
    assert "create_note" in paths["/v2.0/networks"]["post"]["responses"]["201"]["links"]


def test_a_lookup_serves_the_filters_that_give_it_whole_keys() -> None:
    narrow = Narrow(lookup=PORT_BY_ADDRESS, by=("network_id", "fixed_ips"), part="ip_address")
    assert narrow.keys({"network_id": ["n"], "fixed_ips": ["ip_address=192.0.2.1"]}) == [("n", "192.0.2.1")]
    assert narrow.keys({"network_id": ["n", "m"], "fixed_ips": ["ip_address=1", "ip_address=2"]}) == [
        ("n", "1"),
        ("n", "2"),
        ("m", "1"),
        ("m", "2"),
    ]
    for filters in (
        {"network_id": ["n"]},
        {"fixed_ips": ["ip_address=192.0.2.1"]},
        {"network_id": ["n"], "fixed_ips": ["subnet_id=s"]},
        {"network_id": [""], "fixed_ips": ["ip_address=192.0.2.1"]},
    ):
        assert narrow.keys(filters) is None
