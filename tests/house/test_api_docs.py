"""docs/api.md names what is served and what differs."""

import inspect
import re
from pathlib import Path

import pytest
from msgspec.structs import fields

from ovnest.errors import Refusal, container_port
from ovnest.resources.resource import Resource
from tests.kinds import RESOURCES

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text()


def section(title: str) -> str:
    """The part of the page under one heading."""
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.plural)
def test_every_attribute_that_is_shown_is_listed_and_no_other(resource: Resource) -> None:
    listed = (
        section(resource.plural.replace("_", " ").capitalize())
        .partition("Attributes:")[2]
        .partition(".\n")[0]
    )
    shown = {field.encode_name for field in fields(resource.body)}
    assert set(re.findall(r"`([^`]+)`", listed)) == shown


def test_every_refusal_of_container_ports_is_listed() -> None:
    refusals = [
        kind
        for _, kind in inspect.getmembers(container_port, inspect.isclass)
        if issubclass(kind, Refusal) and kind.__module__ == container_port.__name__
    ]
    listed = section("Container ports")
    for kind in refusals:
        name = kind.neutron_type or kind.__name__
        assert f"{kind.status} {name}" in listed, name
