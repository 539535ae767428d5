"""PyPI's procrastinate over psycopg; its locks are lanes."""

import asyncio
import logging
import os

import procrastinate

from driver import payload, serve

CONNECTIONS_MAX = 24
SLOTS_BEST = 20

# Its remarks would be mixed with the bench's progress.
logging.disable(logging.ERROR)

# A handler reaches the account of its process through here.
account = None
app = procrastinate.App(
    connector=procrastinate.PsycopgConnector(
        conninfo=os.environ["DATABASE_URL"], min_size=1, max_size=CONNECTIONS_MAX
    )
)


@app.task(name="bench_job")
async def bench_job(n, pad):
    del pad
    await account.handle(n)


class Procrastinate:
    version = procrastinate.__version__
    no_lanes = None

    def __init__(self):
        self.opened = False

    async def open(self):
        if not self.opened:
            await app.open_async()
            self.opened = True

    async def prepare(self):
        await self.open()
        await app.schema_manager.apply_schema_async()

    async def enqueue(self, jobs):
        await self.open()
        if jobs[0].lane is None:
            await bench_job.batch_defer_async(*(payload(job.n, job.bytes) for job in jobs))
            return
        # A lock belongs to a call, so jobs of one lane go in one call.
        lanes = {}
        for job in jobs:
            lanes.setdefault(job.lane, []).append(payload(job.n, job.bytes))
        for lane, payloads in lanes.items():
            await bench_job.configure(lock=f"lane-{lane}").batch_defer_async(*payloads)

    async def work(self, request, seen):
        global account
        account = seen
        await self.open()
        slots = request["slots"] or SLOTS_BEST
        workers = [
            asyncio.create_task(
                app.run_worker_async(
                    concurrency=slots,
                    install_signal_handlers=False,
                    delete_jobs="always",
                    shutdown_graceful_timeout=60,
                )
            )
            for _ in range(request["workers"])
        ]

        async def stop():
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

        return stop

    async def left(self):
        await self.open()
        query = "SELECT count(*) AS jobs FROM (SELECT FROM procrastinate_jobs WHERE status IN ('todo', 'doing') LIMIT 1) AS one"
        return (await app.connector.execute_query_one_async(query))["jobs"]

    async def close(self):
        if self.opened:
            await app.close_async()


asyncio.run(serve(Procrastinate()))
