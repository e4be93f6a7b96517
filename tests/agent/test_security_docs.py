"""docs/security.md shows what was tried with packets, as the tests have it."""

from pathlib import Path

from tests.dataplane.agent.attempts import table

PAGE = Path(__file__).parents[2] / "docs" / "security.md"


def test_the_table_of_what_was_tried_is_that_of_the_tests() -> None:
    assert table() in PAGE.read_text(), "`python -m tests.dataplane.agent.attempts` prints what belongs there"
