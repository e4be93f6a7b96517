"""Enrolling by the command, on a machine that stops at the worst moment."""

import asyncio
import os
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from ovnest.agent.client.credential import load
from ovnest.sandbox.until import until
from tests.agent_site import Site, running_site

pytestmark = [pytest.mark.api, pytest.mark.asyncio(loop_scope="module")]

TIMEOUT_S = 60


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with running_site(tmp_path_factory.mktemp("enrolment")) as running:
        yield running


async def enrolling(state: Path, code: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ovnest", "agent", "enroll", "--state", str(state), "--code-file", str(code)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def said(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    output, _ = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
    return process.returncode, output.decode()


async def new_vm(servers: Site) -> str:
    network = (await servers.api.create("network"))["id"]
    return await servers.vm(network)


async def test_an_agent_that_ends_before_it_has_kept_its_credential_enrols_again_with_the_same_code(
    servers: Site, tmp_path: Path
) -> None:
    vm = await new_vm(servers)
    code = tmp_path / "code"
    code.write_text(await servers.code(vm))
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    # Whoever writes into a pipe that nobody reads waits: so it stops right before it keeps what it got.
    pipe = state / ".credential.json"
    os.mkfifo(pipe)

    process = await enrolling(state, code)

    async def enrolled() -> bool:
        shown: str = (await servers.state(vm))["state"]
        return shown == "enrolled"

    await until("the code is used up", enrolled)
    assert process.returncode is None
    process.kill()
    await process.wait()
    pipe.unlink()
    assert load(state) is None
    begun = state / "enrolment.json"
    assert stat.S_IMODE(begun.stat().st_mode) == 0o600
    assert code.read_text() not in begun.read_text()

    status, output = await said(await enrolling(state, code))
    assert status == 0, output
    kept = load(state)
    assert kept is not None
    assert (kept.subject, kept.generation) == (vm, 1)
    await servers.side.holding(kept.credential).must(200, "GET", "/v2.0/ports")
    assert sorted(each.name for each in state.iterdir()) == ["credential.json"]


async def test_another_machine_cannot_use_the_code_of_an_enrolment_that_was_interrupted(
    servers: Site, tmp_path: Path
) -> None:
    vm = await new_vm(servers)
    code = tmp_path / "code"
    code.write_text(await servers.code(vm))
    assert (await said(await enrolling(tmp_path / "one", code)))[0] == 0
    status, output = await said(await enrolling(tmp_path / "other", code))
    assert status != 0
    assert "has been used" in output
    # Nor can the first one again: it has forgotten the nonce when it had the credential.
    assert (await said(await enrolling(tmp_path / "one", code)))[0] != 0
    assert load(tmp_path / "one") is not None, "what it has stays"
