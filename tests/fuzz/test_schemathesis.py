"""schemathesis reads the OpenAPI document and sends what it allows and what it forbids."""

import asyncio
import json
import os
import random
import sys
from pathlib import Path

import pytest

from tests.fuzz.conftest import Target
from tests.http import Http
from tests.kinds import LEAST, WHOLE, path_of
from tests.ovsdb.servers import PATIENCE

pytestmark = [pytest.mark.fuzz]

# What the document cannot say is refused (an address that is none), and what it does not allow is taken where
# Neutron takes it ("True" for true, null for an empty list): these two checks would be about that.
NOT_CHECKED = "positive_data_acceptance,negative_data_rejection"
EACH = 30


async def populate(http: Http) -> dict[str, list[str]]:
    """Things to be changed and deleted: ids by kind."""
    networks = await http.json(201, "POST", "/v2.0/networks", {"networks": [{}] * EACH})
    ids = [network["id"] for network in networks["networks"]]
    subnet = {"ip_version": 4, "cidr": "10.0.0.0/24"}
    subnets = await http.json(
        201, "POST", "/v2.0/subnets", {"subnets": [{**subnet, "network_id": i} for i in ids]}
    )
    ports = await http.json(201, "POST", "/v2.0/ports", {"ports": [{"network_id": i} for i in ids * 2]})
    found = {
        "network": ids,
        "subnet": [subnet["id"] for subnet in subnets["subnets"]],
        "port": [port["id"] for port in ports["ports"]],
    }
    for resource in WHOLE:
        if resource.singular not in found:
            body = {resource.plural: [{"name": "n", **LEAST.get(resource.singular, {})}] * EACH}
            made = await http.json(201, "POST", path_of(resource.singular), body)
            found[resource.singular] = [each["id"] for each in made[resource.plural]]
    return found


async def attack(target: Target, directory: Path, phases: str, examples: int) -> None:
    """Run schemathesis, and fail with what it says if it finds anything."""
    seed = os.environ.get("OVNEST_TEST_SEED") or str(random.SystemRandom().randrange(10**6))
    print(f"OVNEST_TEST_SEED={seed}")
    hooks = {
        "SCHEMATHESIS_HOOKS": str(Path(__file__).with_name("hooks.py")),
        "FUZZ_IDS": json.dumps(await populate(target.http)),
    }
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")),
        f"--config-file={Path(__file__).with_name('schemathesis.toml')}",
        "run",
        f"{target.url}/openapi.json",
        f"--phases={phases}",
        f"--max-examples={examples}",
        f"--seed={seed}",
        "--checks=all",
        f"--exclude-checks={NOT_CHECKED}",
        "--continue-on-failure",
        "--request-timeout=20",
        "--warnings=off",
        "--no-color",
        cwd=directory,
        env={**os.environ, **hooks, "PYTHONASYNCIODEBUG": "0"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, said.decode()[-8000:]


def report(target: Target, least: int) -> None:
    """How many requests there were, of at least so many, and how they ended."""
    answered = target.answered()
    kinds = {hundred: sum(line["status"] // 100 == hundred for line in answered) for hundred in (2, 3, 4, 5)}
    print(f"{len(answered)} requests: " + ", ".join(f"{count} {kind}xx" for kind, count in kinds.items()))
    assert len(answered) >= least
    assert kinds[2] > len(answered) // 10, "hardly anything got inside"
    assert kinds[4] > len(answered) // 10, "hardly anything was hostile"


@pytest.mark.timeout(110 * PATIENCE)
async def test_schemathesis_finds_nothing_in_some_hundreds_of_requests(
    target: Target, tmp_path: Path
) -> None:
    await attack(target, tmp_path, "fuzzing,stateful", 20)
    report(target, 500)


@pytest.mark.timeout(110 * PATIENCE)
async def test_schemathesis_finds_nothing_by_each_constraint_of_the_document(
    target: Target, tmp_path: Path
) -> None:
    await attack(target, tmp_path, "coverage", 1)
    report(target, 2000)


@pytest.mark.long
@pytest.mark.timeout(900 * PATIENCE)
async def test_schemathesis_finds_nothing_in_thousands_of_requests(target: Target, tmp_path: Path) -> None:
    await attack(target, tmp_path, "fuzzing,stateful", 170)
    report(target, 5000)
