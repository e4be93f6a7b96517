"""Running a server's process: the event loop, the signals that end it, where its log goes."""

import asyncio
import gc
import logging
import resource
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator

import msgspec
import uvloop

# Next to nothing here is in a circle, so the collector finds nothing; by its defaults it looks so often that
# a port's creation takes 5 % longer.
_COLLECTOR = (5_000, 5, 50)
_FILES = 65536

Main = Callable[[asyncio.Event], Awaitable[None]]


def run(main: Main, log_format: str) -> None:
    """Run `main` with the event that SIGTERM and SIGINT set; it is to end soon after."""
    _log_to_stderr(log_format)
    gc.set_threshold(*_COLLECTOR)
    _allow_connections()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_told(main))


async def _until_told(main: Main) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await main(stop)


def _allow_connections() -> None:
    """Use as many open files as the system lets us: each client is one, and most systems begin with 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def leaves(group: BaseExceptionGroup[Exception]) -> Iterator[Exception]:
    """The errors in a group, those in groups inside it among them."""
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from leaves(error)
        else:
            yield error


class _JsonFormatter(logging.Formatter):
    """One JSON object a line, a traceback in a field of its own."""

    def format(self, record: logging.LogRecord) -> str:
        fields = {
            "time": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(fields).decode()


def _log_to_stderr(log_format: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _JsonFormatter()
        if log_format == "json"
        else logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler])
