"""The driver's side of the line protocol, for systems written for Python.

Its words are those of ../../src/queue/driver/words.rs: one JSON request a line on stdin, one JSON
answer on stdout, times of CLOCK_MONOTONIC in nanoseconds.
"""

import asyncio
import json
import sys
import time
import traceback
from dataclasses import dataclass

LOAD_BATCH = 2_000
STARTS_MAX = 200_000
LINE_BYTES_MAX = 1 << 20

_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_LETTERS = "".join(_ALPHABET[(at * at * 31 + at * 7) % 64] for at in range(5_093))


def now_ns():
    return time.monotonic_ns()


def payload(n, bytes_):
    """A payload of so many bytes as JSON, or of the smallest size that holds the number."""
    pad = max(bytes_ - len(f'{{"n":{n},"pad":""}}'), 0)
    begin = n % 997
    return {"n": n, "pad": _LETTERS[begin : begin + pad]}


@dataclass
class Job:
    n: int
    lane: int | None
    bytes: int


class Seen:
    """What the handlers have done so far."""

    def __init__(self):
        self.done = 0
        self.starts = []
        self.think_ms = 0
        self.record_from = sys.maxsize
        self._wanted = None

    async def handle(self, n):
        if n >= self.record_from and len(self.starts) < STARTS_MAX:
            self.starts.append((n, now_ns()))
        if self.think_ms:
            await asyncio.sleep(self.think_ms / 1e3)
        self.done += 1
        if self._wanted and self.done == self._wanted[0]:
            self._wanted[1].set_result(now_ns())

    async def wait(self, done, within_ms):
        """When so many were done; the time now, if they are already or are not in time."""
        if self.done >= done:
            return now_ns()
        reached = asyncio.get_running_loop().create_future()
        self._wanted = (done, reached)
        try:
            return await asyncio.wait_for(reached, within_ms / 1e3)
        except TimeoutError:
            return now_ns()
        finally:
            self._wanted = None


class Driver:
    def __init__(self, system):
        self.system = system
        self.seen = Seen()
        self.stops = []
        self.feeds = []

    async def prepare(self, _):
        await self.system.prepare()

    async def load(self, request):
        first, last, lanes = request["first"], request["first"] + request["jobs"], request["lanes"]
        for begin in range(first, last, LOAD_BATCH):
            numbers = range(begin, min(begin + LOAD_BATCH, last))
            lane = (lambda n: n % lanes) if lanes else (lambda n: None)
            await self.system.enqueue([Job(n, lane(n), request["bytes"]) for n in numbers])

    async def work(self, request):
        at_ns = now_ns()
        self.seen.think_ms = request["think_ms"]
        self.seen.record_from = request["record_from"]
        self.stops.append(await self.system.work(request, self.seen))
        return {"at_ns": at_ns}

    async def feed(self, request):
        feeding = self._paced(request) if request["rate"] > 0 else self._flat_out(request)
        self.feeds.append(asyncio.create_task(feeding))

    async def fed(self, _):
        feeds, self.feeds = self.feeds, []
        jobs, commits = 0, []
        for feed in feeds:
            more, recorded = await feed
            jobs += more
            commits += recorded
        return {"jobs": jobs, "commits": commits}

    async def wait(self, request):
        at_ns = await self.seen.wait(request["done"], request["within_ms"])
        return {"jobs": self.seen.done, "at_ns": at_ns}

    async def count(self, _):
        return {"jobs": self.seen.done}

    async def starts(self, _):
        starts, self.seen.starts = self.seen.starts, []
        return {"starts": starts}

    async def left(self, _):
        at_ns = now_ns()
        return {"jobs": await self.system.left(), "at_ns": at_ns}

    async def stop(self, _):
        stops, self.stops = self.stops, []
        for stop in stops:
            await stop()

    async def answer(self, request):
        if self.system.no_lanes and request.get("lanes"):
            return {"unsupported": self.system.no_lanes}
        said = await getattr(self, request["do"])(request)
        return {"at_ns": now_ns(), **(said or {})}

    def _jobs(self, feed, next_):
        lanes, first = feed["lanes"], feed["lane_first"]
        lane = (lambda n: first + n % lanes) if lanes else (lambda n: None)
        numbers = range(next_, next_ + feed["batch"])
        return [Job(feed["first"] + n, lane(n), feed["bytes"]) for n in numbers]

    async def _paced(self, feed):
        every, begun = feed["batch"] / feed["rate"], time.monotonic()
        next_, tick, commits = 0, 0, []
        while time.monotonic() - begun < feed["seconds"]:
            await asyncio.sleep(max(begun + tick * every - time.monotonic(), 0))
            before = now_ns()
            await self.system.enqueue(self._jobs(feed, next_))
            if feed["record"]:
                commits.append((feed["first"] + next_, before, now_ns()))
            next_ += feed["batch"]
            tick += 1
        return next_, commits

    async def _flat_out(self, feed):
        base, begun, numbers = self.seen.done, time.monotonic(), 0

        async def writer():
            nonlocal numbers
            while time.monotonic() - begun < feed["seconds"]:
                if numbers - (self.seen.done - base) >= feed["backlog"]:
                    await asyncio.sleep(0.001)
                    continue
                next_ = numbers
                numbers += feed["batch"]
                await self.system.enqueue(self._jobs(feed, next_))

        await asyncio.gather(*(writer() for _ in range(feed["writers"])))
        return numbers, []


async def serve(system):
    """Serves until stdin ends.

    A system has `version`, `no_lanes` (a reason or None), and the coroutines `prepare()`,
    `enqueue(jobs)`, `work(request, seen)` that returns a coroutine function which ends the workers,
    `left()` and `close()`.
    """
    driver, loop = Driver(system), asyncio.get_running_loop()
    lines = asyncio.StreamReader(limit=LINE_BYTES_MAX)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        try:
            said = await driver.answer(json.loads(line))
        except Exception:  # Whatever it is, the bench is told.
            said = {"error": traceback.format_exc(limit=-3)}
        print(json.dumps({"version": system.version, **said}), flush=True)
    await system.close()
