"""The order of all tests: from those that need nothing running to those that kill servers under load."""

from collections import Counter, defaultdict

import pytest

# The last of these marks that a test has decides; one without any is pure.
STAGES = ("pure", "ovsdb", "api", "packets", "fuzz", "faults", "vm")
STAGE = "stage"


def stage_of(item: pytest.Item) -> str:
    """The stage that a test is run in."""
    marked = (stage for stage in STAGES if item.get_closest_marker(stage))
    return max(marked, key=STAGES.index, default="pure")


class Times:
    """What each stage took: together they have a budget.

    With several processes, the one that leads hears of all tests' reports, which therefore carry the stage.
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._seconds: defaultdict[str, float] = defaultdict(float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        stage = dict(report.user_properties)[STAGE]
        self._seconds[str(stage)] += report.duration
        self._counts[str(stage)] += report.when == "call"

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        parts = [
            f"{stage} {self._counts[stage]} in {self._seconds[stage]:.0f} s"
            for stage in STAGES
            if self._counts[stage]
        ]
        terminalreporter.write_line(f"tests by stage: {', '.join(parts) or 'none'}")


def pytest_configure(config: pytest.Config) -> None:
    """Begin to count."""
    config.pluginmanager.register(Times())


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the stages one after another; within one the order stays, since tests share sandboxes along it."""
    items.sort(key=lambda item: STAGES.index(stage_of(item)))
    for item in items:
        item.user_properties.append((STAGE, stage_of(item)))
