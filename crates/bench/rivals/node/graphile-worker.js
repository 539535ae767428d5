// npm's graphile-worker, set up for throughput as its documentation on performance says: a local queue
// and batched completions; without them where one job's latency or one claim is measured.

import { Logger, makeWorkerUtils, run } from 'graphile-worker';
import pg from 'pg';

import { payload, serve } from './driver.js';

const CONNECTIONS_MAX = 24;
const SLOTS_BEST = 100;
const TASK = 'bench_job';
const quiet = new Logger(() => () => {});

const connectionString = process.env.DATABASE_URL;
const pool = new pg.Pool({ connectionString, max: CONNECTIONS_MAX });
// A connection that breaks while nobody uses it; whoever takes the next one hears of it.
pool.on('error', () => {});
let utils;
const utilities = async () => (utils ??= await makeWorkerUtils({ pgPool: pool, logger: quiet }));

const preset = ({ slots, batch }) => {
  const concurrentJobs = slots || SLOTS_BEST;
  if (batch === 1) return { worker: { concurrentJobs, logger: quiet } };
  return {
    worker: {
      concurrentJobs,
      logger: quiet,
      pollInterval: 1_000,
      localQueue: { size: batch || 500 },
      completeJobBatchDelay: 5,
      failJobBatchDelay: 5,
    },
  };
};

await serve({
  version: '0.18.0',
  noLanes: null,
  prepare: async () => {
    await (await utilities()).migrate();
    await pool.query('INSERT INTO graphile_worker._private_tasks (identifier) VALUES ($1) ON CONFLICT DO NOTHING', [TASK]);
  },
  enqueue: async (jobs) => {
    const specs = jobs.map(({ n, lane, bytes }) => ({
      identifier: TASK,
      payload: payload(n, bytes),
      ...(lane === null ? {} : { queueName: `lane-${lane}` }),
    }));
    const at = await utilities();
    if (specs.length > 1) return at.addJobs(specs);
    const [{ payload: one, queueName }] = specs;
    return at.addJob(TASK, one, { queueName });
  },
  work: async (work, seen) => {
    const taskList = { [TASK]: ({ n }) => seen.handle(n) };
    const runners = [];
    for (let number = 0; number < work.workers; number += 1) {
      runners.push(await run({ pgPool: pool, taskList, noHandleSignals: true, preset: preset(work) }));
    }
    return async () => {
      for (const runner of runners) await runner.stop();
    };
  },
  left: async () => {
    const { rows } = await pool.query('SELECT count(*)::int AS jobs FROM (SELECT FROM graphile_worker._private_jobs LIMIT 1) AS one');
    return rows[0].jobs;
  },
  close: async () => pool.end(),
});
