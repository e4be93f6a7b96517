"""The collector is off while a first load goes on, and afterwards as it was."""

import gc
from collections.abc import Iterator

import pytest

from ovnest.ovsdb.collector import collector_off, collector_paused


@pytest.fixture(autouse=True)
def _collector_as_it_was() -> Iterator[None]:
    was_on = gc.isenabled()
    yield
    gc.unfreeze()
    (gc.enable if was_on else gc.disable)()


@pytest.mark.parametrize("was_on", [True, False])
def test_the_collector_is_as_it_was_also_after_an_error(was_on: bool) -> None:
    (gc.enable if was_on else gc.disable)()
    seen: list[bool] = []

    def fail() -> None:
        seen.append(gc.isenabled())
        raise ZeroDivisionError

    for pause in (collector_paused, collector_off):
        with pytest.raises(ZeroDivisionError), pause():
            fail()
        assert gc.isenabled() is was_on
    assert seen == [False, False]


def test_what_was_loaded_is_left_alone_for_ever_and_what_a_failed_load_made_is_not() -> None:
    gc.unfreeze()
    with pytest.raises(ZeroDivisionError), collector_off():
        raise ZeroDivisionError
    assert gc.get_freeze_count() == 0
    with collector_paused():
        pass
    assert gc.get_freeze_count() == 0
    with collector_off():
        pass
    assert gc.get_freeze_count() > 0
