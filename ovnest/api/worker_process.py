"""What a worker's process runs: `python -m ovnest.api.worker_process CHANNEL`, started by `Workers`."""

import asyncio
import socket
import sys

import msgspec

from ovnest.api.running import leaves, run
from ovnest.api.worker import serve
from ovnest.api.workers import READY, Order
from ovnest.config import BadSetting
from ovnest.errors.policy import BadPolicy
from ovnest.errors.store import UnknownLayout
from ovnest.operations import CATALOGUE
from ovnest.ovsdb import SchemaMismatch
from ovnest.policy import Policy


def main(number: int) -> None:
    """Read the order from the channel and serve until told to end, or until the channel is closed."""
    channel = socket.socket(fileno=number)
    with channel.makefile("rb", buffering=0) as stream:
        order = msgspec.json.decode(stream.readline(), type=Order)
    sockets = [socket.socket(fileno=number) for number in order.sockets]
    agent_sockets = [socket.socket(fileno=number) for number in order.agent_sockets]

    async def work(stop: asyncio.Event) -> None:
        reader, writer = await asyncio.open_connection(sock=channel)

        async def end_with_the_channel() -> None:
            await reader.read()
            stop.set()

        async with asyncio.TaskGroup() as tasks:
            watch = tasks.create_task(end_with_the_channel())
            policy = (
                None if order.policy is None else Policy(CATALOGUE, order.policy, order.settings.policy_file)
            )

            def say_ready() -> None:
                writer.write(READY)

            await serve(order.settings, sockets, stop, say_ready, agent_sockets, policy)
            watch.cancel()
        writer.close()

    run(work, order.settings.log_format)


if __name__ == "__main__":
    try:
        main(int(sys.argv[1]))
    except* (BadPolicy, BadSetting, UnknownLayout, SchemaMismatch) as group:
        sys.exit(f"ovnest serve: {'; '.join(map(str, leaves(group)))}")
