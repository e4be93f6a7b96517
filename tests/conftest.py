"""The order of all tests: from those that need nothing running to those that kill servers under load."""

from collections import Counter, defaultdict
from collections.abc import Generator

import pytest

# The last of these marks that a test has decides; one without any is pure.
STAGES = ("pure", "ovsdb", "api", "packets", "fuzz", "faults", "vm")

COUNTS = pytest.StashKey[Counter[str]]()
SECONDS = pytest.StashKey[defaultdict[str, float]]()


def stage_of(item: pytest.Item) -> str:
    """The stage that a test is run in."""
    marked = (stage for stage in STAGES if item.get_closest_marker(stage))
    return max(marked, key=STAGES.index, default="pure")


def pytest_configure(config: pytest.Config) -> None:
    """Begin to count."""
    config.stash[COUNTS] = Counter()
    config.stash[SECONDS] = defaultdict(float)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the stages one after another; within one the order stays, since tests share sandboxes along it."""
    items.sort(key=lambda item: STAGES.index(stage_of(item)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Take the time that a test and its fixtures took."""
    report = yield
    stage = stage_of(item)
    item.config.stash[SECONDS][stage] += call.duration
    item.config.stash[COUNTS][stage] += report.when == "call"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what each stage took: together they have a budget."""
    counts, seconds = config.stash[COUNTS], config.stash[SECONDS]
    parts = [f"{stage} {counts[stage]} in {seconds[stage]:.0f} s" for stage in STAGES if counts[stage]]
    terminalreporter.write_line(f"tests by stage: {', '.join(parts) or 'none'}")
