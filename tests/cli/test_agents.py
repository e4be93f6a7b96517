"""ovnest agent-keys, agent-code and port why, as a user types them, against a server that runs."""

import asyncio
import json
import os
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.agent_site import Site, running_site

pytestmark = [pytest.mark.api, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with running_site(tmp_path_factory.mktemp("agents")) as running:
        yield running


async def said(*words: str, api: str = "") -> tuple[int, str, str]:
    """The status, the output and the errors of `ovnest …`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
    if api:
        environment["OS_ENDPOINT"] = api
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ovnest", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
    output, errors = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()


async def test_a_key_ring_is_made_once_and_rotated(tmp_path: Path) -> None:
    ring = tmp_path / "keys.json"
    status, output, _ = await said("agent-keys", "create", str(ring))
    assert (status, stat.S_IMODE(ring.stat().st_mode)) == (0, 0o600)
    first = json.loads(ring.read_text())["keys"]
    assert first[0]["secret"] not in output
    status, output, errors = await said("agent-keys", "create", str(ring))
    assert (status, output) == (1, "")
    assert "would lock out every agent" in errors
    assert json.loads(ring.read_text())["keys"] == first
    assert (await said("agent-keys", "rotate", "--announce", str(ring)))[0] == 0
    announced = json.loads(ring.read_text())["keys"]
    assert announced[0] == first[0]
    assert (await said("agent-keys", "rotate", str(ring)))[0] == 0
    rotated = json.loads(ring.read_text())["keys"]
    assert [key["id"] for key in rotated] == [announced[1]["id"], first[0]["id"]]
    ring.chmod(0o644)
    status, _, errors = await said("agent-keys", "rotate", str(ring))
    assert (status, "chmod 600" in errors) == (1, True)


async def test_a_code_is_given_listed_and_revoked(site: Site) -> None:
    network = await site.api.create("network", name="code-net")
    vm = (await site.api.create("port", network_id=network["id"], name="code-vm"))["id"]
    url = site.api.url
    status, code, _ = await said(
        "agent-code", "create", "--parent", "code-vm", "--network", "code-net", "-f", "value", api=url
    )
    assert status == 0
    await site.side.enrolled(code.strip())
    status, listed, _ = await said("agent-code", "list", "--api", site.other_api.url)
    assert status == 0
    (line,) = [line for line in listed.splitlines() if vm in line]
    assert line.split()[1:4] == ["nested", "enrolled", "1"]
    status, output, _ = await said("agent-code", "list", "--json", api=url)
    assert "ovnest1." not in output
    assert vm in {each["subject"] for each in json.loads(output)}
    status, output, _ = await said("agent-code", "revoke", "code-vm", api=url)
    assert (status, "can do nothing any more" in output) == (0, True)
    assert vm not in (await said("agent-code", "list", api=url))[1]


async def test_what_cannot_be_is_said_in_one_line(site: Site) -> None:
    status, output, errors = await said("agent-code", "create", "--parent", "nobody", api=site.api.url)
    assert (status, output, errors) == (1, "", "ovnest agent-code: There is no port nobody.\n")
    for name in ("twins", "twins"):
        await site.api.create("network", name=name)
    status, _, errors = await said(
        "agent-code", "create", "--chassis", "x", "--network", "twins", api=site.api.url
    )
    assert (status, "Say which by its id" in errors) == (1, True)
    status, _, errors = await said("agent-code", "list", "--api", "http://127.0.0.1:1")
    assert (status, "cannot be asked" in errors) == (1, True)
    status, _, errors = await said("agent-code", "list", "--api", "ftp://x")
    assert (status, "is not where an API can be" in errors) == (1, True)
    assert (await said("agent-code", "create"))[0] == 2


async def test_why_a_port_does_not_work_is_said_with_what_would_help(site: Site) -> None:
    network = await site.api.create("network", name="why-net")
    vm = (await site.api.create("port", network_id=network["id"], name="why-vm"))["id"]
    await site.api.create(
        "port", network_id=network["id"], name="why-web", **{"binding:profile": {"parent_name": vm}}
    )
    status, output, _ = await said("port", "why", "why-web", api=site.api.url)
    assert status == 1
    assert f"external_ids:iface-id={vm}" in output
    status, output, _ = await said("port", "why", "why-vm", "--json", api=site.api.url)
    assert (status, json.loads(output)["reason"]) == (1, "unbound")
    for each in ("why-vm", "why-web"):
        port = (await site.api.list("port", name=each))[0]["id"]
        process = await asyncio.create_subprocess_exec(
            *("ovn-nbctl", "--no-leader-only", f"--db={site.northbound}"),
            *("set", "Logical_Switch_Port", port, "up=true"),
        )
        assert await process.wait() == 0
    status, output, _ = await said("port", "why", "why-web", api=site.api.url)
    assert (status, "Nothing is known to be wrong" in output) == (0, True)
