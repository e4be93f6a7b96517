"""A kind is its stem's own files and a line in two lists: nothing else of the server names it.

Counted is what code says: identifiers, what is imported, names in its strings; comments, docstrings and
sentences are for people. A kind's names are its stem, its plural, its path, and each class and constant that
its own files alone define.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from ovnest.operations import KINDS, Kind

SERVER = Path(__file__).parents[2] / "ovnest"
ROOMS = (
    "errors",
    "resources",
    "policy",
    "rows",
    "operations",
    "transaction",
    "northbound",
    "api",
    "identity",
    "allocation",
)
HOMES_OF_STEMS = ("errors", "resources", "policy/rules", "rows", "operations")
LISTS = {"rows/__init__.py", "operations/__init__.py"}
# Neutron's words for all that has rules there, of which the catalogue takes out what is served here: a kind
# that comes finds its name there and leaves it, as one that is not served yet would.
NEUTRONS_WORDS = {"policy/names.py"}

# Kinds that others have to do with by what they are: a port is on a network and in its subnets, an agent's
# API is made of agent codes, ports and networks. Each place that goes is taken out here; none comes in.
RELATED: dict[str, set[str]] = {
    "network": {
        "allocation/pools.py",
        "api/agent_app.py",
        "api/agent_services.py",
        "api/viewers.py",
        "operations/agent_code.py",
        "operations/agent_network.py",
        "operations/agent_port.py",
        "operations/port.py",
        "operations/steps/agent_scope.py",
        "operations/steps/choose_addresses.py",
        "operations/steps/choose_mac.py",
        "operations/steps/drop_port.py",
        "operations/steps/make_port.py",
        "operations/steps/mtu.py",
        "operations/steps/visible.py",
        "operations/subnet.py",
        "policy/rules/base.py",
        "policy/rules/port.py",
        "resources/agent_code.py",
        "resources/fields.py",
        "resources/port.py",
        "resources/subnet.py",
        "rows/port/columns.py",
        "rows/port/dhcp_options.py",
        "rows/port/home.py",
        "rows/subnet.py",
    },
    "subnet": {
        "api/agent_services.py",
        "northbound/cidrs.py",
        "operations/agent_network.py",
        "operations/agent_port.py",
        "transaction/check.py",
        "operations/network.py",
        "operations/port.py",
        "operations/steps/choose_addresses.py",
        "operations/steps/visible.py",
        "resources/network.py",
        "rows/port/columns.py",
        "rows/port/dhcp_options.py",
        "rows/port/home.py",
        "rows/port/lookups.py",
    },
    "port": {
        "api/agent_app.py",
        "api/agent_services.py",
        "api/agents.py",
        "api/app.py",
        "api/events.py",
        "api/listener.py",
        "api/protocol.py",
        "api/viewers.py",
        "northbound/tables.py",
        "operations/agent_code.py",
        "operations/agent_port.py",
        "operations/network.py",
        "operations/steps/agent_scope.py",
        "operations/steps/binding.py",
        "operations/steps/choose_addresses.py",
        "operations/steps/choose_mac.py",
        "operations/steps/claim_tag.py",
        "operations/steps/drop_port.py",
        "operations/steps/idempotency_key.py",
        "operations/steps/make_port.py",
        "operations/steps/plugged.py",
        "operations/steps/profile.py",
        "operations/steps/visible.py",
        "operations/subnet.py",
        "resources/agent_code.py",
        "rows/network.py",
    },
    "agent_code": {
        "api/agent_app.py",
        "api/agents.py",
        "api/events.py",
        "identity/agent_token.py",
        "operations/agent_network.py",
        "operations/agent_port.py",
        "operations/steps/agent_scope.py",
        "operations/steps/forget_agent.py",
        "operations/steps/plugged.py",
        "operations/steps/trust_domain.py",
    },
}


def test_the_places_where_kinds_are_named_are_found() -> None:
    found = places("address_scope")
    assert found >= LISTS
    assert own_files("port") > {SERVER / "rows/port/keys.py", SERVER / "operations/port.py"}
    assert "ADDRESS_SCOPE" in names_of(kind_of("address_scope"))
    assert "KIND" not in names_of(kind_of("address_scope"))


@pytest.mark.parametrize("stem", [kind.resource.singular for kind in KINDS])
def test_a_kind_is_named_in_its_own_files_and_in_two_lists(stem: str) -> None:
    assert own_files(stem), f"{stem} is nobody's stem"
    found = places(stem) - NEUTRONS_WORDS
    assert found - RELATED.get(stem, set()) == LISTS, f"{stem} is named elsewhere"
    assert RELATED.get(stem, set()) <= found, f"{stem} is no longer named there: take it out of RELATED"


def kind_of(stem: str) -> Kind:
    return next(kind for kind in KINDS if kind.resource.singular == stem)


def places(stem: str) -> set[str]:
    """The files that name a kind, but its own."""
    names = names_of(kind_of(stem))
    others = set(files()) - own_files(stem)
    return {str(path.relative_to(SERVER)) for path in others if names & words(path)}


def names_of(kind: Kind) -> set[str]:
    """What a kind is called in code."""
    resource = kind.resource
    own = own_files(resource.singular)
    defined = {name for path in own for name in definitions(path)}
    for path in set(files()) - own:
        defined -= definitions(path)
    called = {resource.singular, resource.plural, resource.collection}
    return defined | called | {name.replace("_", "-") for name in called}


def own_files(stem: str) -> set[Path]:
    """A stem's own files: one in each room, or a folder of that name."""
    places = [SERVER / room / stem for room in HOMES_OF_STEMS]
    return {
        path for path in files() if any(path.with_suffix("") == one or one in path.parents for one in places)
    }


def files() -> list[Path]:
    return [path for room in ROOMS for path in sorted((SERVER / room).rglob("*.py"))]


@cache
def definitions(path: Path) -> set[str]:
    """The public classes and constants of a file."""
    found = set()
    for node in tree(path).body:
        match node:
            case ast.ClassDef(name=name):
                found.add(name)
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                found.add(name)
    return {name for name in found if not name.startswith("_")}


@cache
def words(path: Path) -> set[str]:
    """Every name that the code of a file says."""
    return {word for node in ast.walk(tree(path)) for word in _said(node)}


def _said(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (part for each in names for part in each.name.split("."))
        case ast.ImportFrom(module=str(module), names=names):
            yield from (*module.split("."), *(each.name for each in names))
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
            yield name
        case ast.keyword(arg=str(name)) | ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Constant(value=str(text)):
            found = re.findall(r"[\w-]+", text)
            is_prose = " " in text  # there a port may be any port, an address_scope is no English word
            yield from (word for word in found if not is_prose or "_" in word or "-" in word)


@cache
def tree(path: Path) -> ast.Module:
    """A file's code without its docstrings."""
    parsed = ast.parse(path.read_text())
    for node in ast.walk(parsed):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value = ast.Constant(value=None)
    return parsed
