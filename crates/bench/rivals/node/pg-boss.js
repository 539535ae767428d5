// npm's pg-boss with its LISTEN/NOTIFY turned on and batches of 500 for throughput.

import { PgBoss } from 'pg-boss';

import { payload, serve } from './driver.js';

const CONNECTIONS_MAX = 24;
const BATCH_BEST = 500;
const QUEUE = 'bench';
// The least that it accepts.
const POLL_SECONDS = 0.5;

let boss;
const started = async () => {
  if (boss) return boss;
  boss = new PgBoss({
    connectionString: process.env.DATABASE_URL,
    max: CONNECTIONS_MAX,
    useListenNotify: true,
  });
  boss.on('error', (error) => process.stderr.write(`pg-boss: ${error.message}\n`));
  await boss.start();
  return boss;
};

await serve({
  version: '12.35.0',
  noLanes: 'its groups limit how many run at once, but keep no order',
  prepare: async () => (await started()).createQueue(QUEUE, { notify: true }),
  enqueue: async (jobs) => {
    const at = await started();
    if (jobs.length === 1) return at.send(QUEUE, payload(jobs[0].n, jobs[0].bytes));
    return at.insert(QUEUE, jobs.map(({ n, bytes }) => ({ data: payload(n, bytes) })));
  },
  work: async (work, seen) => {
    const at = await started();
    // A worker fetches its next batch when the last one is done, so its slots are its batch.
    const batchSize = work.batch || work.slots || BATCH_BEST;
    const localConcurrency = work.workers * (work.batch === 1 ? work.slots || 1 : 2);
    const options = { batchSize, localConcurrency, pollingIntervalSeconds: POLL_SECONDS };
    await at.work(QUEUE, options, (jobs) => Promise.all(jobs.map(({ data }) => seen.handle(data.n))));
    return () => at.offWork(QUEUE, { wait: true });
  },
  left: async () => {
    const text = "SELECT count(*)::int AS jobs FROM (SELECT FROM pgboss.job WHERE name = 'bench' AND state < 'completed' LIMIT 1) AS one";
    const { rows } = await (await started()).getDb().executeSql(text, []);
    return rows[0].jobs;
  },
  close: async () => boss?.stop({ graceful: false }),
});
