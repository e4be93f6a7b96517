"""Turns: work in the order in which it came, a few at a time, and nobody waits for ever."""

import asyncio

from ovnest.agent.attachment.locks import Turns


class Work:
    """Tasks that take a turn and keep it until they are told to end."""

    def __init__(self, turns: Turns, count: int) -> None:
        self.begun: list[int] = []
        self.news = asyncio.Event()
        self.ends = [asyncio.Event() for _ in range(count)]
        self.tasks = [asyncio.create_task(self._one(turns, number)) for number in range(count)]

    async def _one(self, turns: Turns, number: int) -> None:
        async with turns.taken():
            self.begun.append(number)
            self.news.set()
            await self.ends[number].wait()

    async def until_begun(self, count: int) -> list[int]:
        async with asyncio.timeout(10):
            while len(self.begun) < count:
                self.news.clear()
                await self.news.wait()
        return self.begun

    async def end(self) -> None:
        for event in self.ends:
            event.set()
        await asyncio.gather(*self.tasks)


async def test_so_many_work_at_a_time_and_the_next_comes_when_one_has_ended() -> None:
    work = Work(Turns(2, patience_s=60), 4)
    assert await work.until_begun(2) == [0, 1]
    work.ends[1].set()
    assert await work.until_begun(3) == [0, 1, 2]
    work.ends[0].set()
    assert await work.until_begun(4) == [0, 1, 2, 3]
    await work.end()


async def test_who_has_waited_long_goes_ahead_and_gives_back_no_place_that_he_did_not_have() -> None:
    turns = Turns(1, patience_s=0.05)
    work = Work(turns, 3)
    assert await work.until_begun(3) == [0, 1, 2]
    await work.end()
    async with turns.taken(), asyncio.timeout(10):
        second = asyncio.create_task(_taken(turns))
        done, _ = await asyncio.wait([second], timeout=0.01)
        assert not done, "there is one place, as before"
        await second


async def _taken(turns: Turns) -> None:
    async with turns.taken():
        pass
