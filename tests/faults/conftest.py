"""Chance that can be had again, and a Northbound for each test."""

import os
import random
from collections.abc import AsyncIterator

import pytest

from tests.ovsdb.servers import Server as Northbound
from tests.ovsdb.servers import standalone


@pytest.fixture
def chance() -> random.Random:
    """Chance that can be had again: OVNEST_TEST_SEED."""
    seed = os.environ.get("OVNEST_TEST_SEED") or str(random.SystemRandom().randrange(10**6))
    print(f"OVNEST_TEST_SEED={seed}")
    return random.Random(seed)  # noqa: S311 - not for secrets


@pytest.fixture
async def northbound() -> AsyncIterator[Northbound]:
    async with standalone() as running:
        yield running
