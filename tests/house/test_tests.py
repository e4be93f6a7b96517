"""Each source file of the pure rooms and of `ovsdb` has a test file of its name."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
ROOMS = (
    "operations",
    "transaction",
    "rows",
    "policy",
    "resources",
    "northbound",
    "allocation",
    "ovsdb",
    "codec.py",
)
# Those that have none yet. Nothing is put on this list; what has got a test is taken off.
LACKING = frozenset(
    {
        "operations/agent_code.py",
        "operations/agent_network.py",
        "operations/agent_port.py",
        "operations/kind.py",
        "operations/steps/agent_scope.py",
        "operations/steps/binding.py",
        "operations/steps/body.py",
        "operations/steps/choose_mac.py",
        "operations/steps/chosen.py",
        "operations/steps/claim_tag.py",
        "operations/steps/drop_port.py",
        "operations/steps/forget_agent.py",
        "operations/steps/idempotency_key.py",
        "operations/steps/make_port.py",
        "operations/steps/mtu.py",
        "operations/steps/naming.py",
        "operations/steps/ownership.py",
        "operations/steps/profile.py",
        "operations/steps/rights.py",
        "operations/steps/trust_domain.py",
        "operations/steps/visible.py",
        "operations/tag.py",
        "transaction/audit.py",
        "transaction/readings.py",
        "transaction/upgrade.py",
        "policy/catalogue.py",
        "policy/checks.py",
        "policy/language.py",
        "policy/names.py",
        "policy/policy.py",
        "policy/rules/address_group.py",
        "policy/rules/address_scope.py",
        "policy/rules/agent_code.py",
        "policy/rules/base.py",
        "policy/rules/network.py",
        "policy/rules/port.py",
        "policy/rules/subnet.py",
        "policy/target.py",
        "resources/address_group.py",
        "resources/address_scope.py",
        "resources/agent_code.py",
        "resources/network.py",
        "resources/port.py",
        "resources/resource.py",
        "resources/subnet.py",
        "resources/vlan_tags.py",
        "ovsdb/barrier.py",
        "ovsdb/options.py",
        "ovsdb/session.py",
        "ovsdb/status.py",
        "ovsdb/turns.py",
        "ovsdb/writer.py",
    }
)


def modules() -> set[str]:
    """The source files that are to have a test, by their paths below `ovnest`."""
    source = ROOT / "ovnest"
    places = [source / room for room in ROOMS]
    files = [file for place in places for file in (place.rglob("*.py") if place.is_dir() else [place])]
    return {str(file.relative_to(source)) for file in files if file.name != "__init__.py"}


def has_test(module: str) -> bool:
    """Whether `tests/rows/port/test_home.py` is there for `rows/port/home.py`."""
    file = ROOT / "tests" / module
    return file.with_name(f"test_{file.name}").is_file()


def test_every_source_file_has_a_test_file_of_its_name() -> None:
    without = {module for module in modules() if not has_test(module)} - LACKING
    assert not without, f"write tests/…/test_<name>.py for: {', '.join(sorted(without))}"


def test_the_list_of_those_that_have_none_only_shrinks() -> None:
    tested = {module for module in LACKING if has_test(module)}
    assert not tested, f"these have a test now, take them off the list: {', '.join(sorted(tested))}"
    gone = LACKING - modules()
    assert not gone, f"these are no source files any more, take them off the list: {', '.join(sorted(gone))}"
