"""PyPI's pgqueuer over asyncpg."""

import asyncio
import importlib.metadata
import json
import logging
import os
from datetime import timedelta

import asyncpg
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgPoolDriver
from pgqueuer.queries import Queries

from driver import payload, serve

CONNECTIONS_MAX = 24
BATCH_BEST = 100


class Pgqueuer:
    version = importlib.metadata.version("pgqueuer")
    no_lanes = "it has a limit for each kind of job, but no lanes"

    def __init__(self):
        self.pool = None

    async def open(self):
        if self.pool is None:
            url = os.environ["DATABASE_URL"]
            self.pool = await asyncpg.create_pool(url, min_size=1, max_size=CONNECTIONS_MAX)
            self.queries = Queries(AsyncpgPoolDriver(self.pool))

    async def prepare(self):
        await self.open()
        await self.queries.install()

    async def enqueue(self, jobs):
        await self.open()
        payloads = [json.dumps(payload(job.n, job.bytes)).encode() for job in jobs]
        await self.queries.enqueue(["bench_job"] * len(jobs), payloads, [0] * len(jobs))

    async def work(self, request, seen):
        await self.open()
        workers = []
        for _ in range(request["workers"]):
            worker = PgQueuer.from_asyncpg_pool(self.pool)

            @worker.entrypoint("bench_job")
            async def bench_job(job):
                await seen.handle(json.loads(job.payload)["n"])

            batch = request["batch"] or BATCH_BEST
            slots = request["slots"]
            running = worker.run(
                dequeue_timeout=timedelta(seconds=1),
                batch_size=batch,
                max_concurrent_tasks=max(slots, 2 * batch) if slots else None,
            )
            workers.append((worker, asyncio.create_task(running)))

        async def stop():
            for worker, _ in workers:
                worker.shutdown.set()
            await asyncio.gather(*(running for _, running in workers), return_exceptions=True)

        return stop

    async def left(self):
        await self.open()
        return await self.pool.fetchval("SELECT count(*) FROM (SELECT FROM pgqueuer LIMIT 1) AS one")

    async def close(self):
        if self.pool is not None:
            self.pool.terminate()


logging.disable(logging.ERROR)
asyncio.run(serve(Pgqueuer()))
