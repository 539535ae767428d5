// The driver's side of the line protocol, for systems written for Node. Its words are those of
// ../../src/queue/driver/words.rs: one JSON request a line on stdin, one JSON answer on stdout, times
// of CLOCK_MONOTONIC in nanoseconds.

import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

const LOAD_BATCH = 2_000;
const STARTS_MAX = 200_000;

export const nowNs = () => Number(process.hrtime.bigint());

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const LETTERS = Array.from({ length: 5_093 }, (_, at) => ALPHABET[(at * at * 31 + at * 7) % 64]).join('');

/** A payload of `bytes` bytes as JSON text, or of the smallest size that holds the number. */
export const payload = (n, bytes) => {
  const pad = Math.max(bytes - `{"n":${n},"pad":""}`.length, 0);
  const begin = n % 997;
  return { n, pad: LETTERS.slice(begin, begin + pad) };
};

/** What the handlers have done so far. */
class Seen {
  done = 0;
  starts = [];
  thinkMs = 0;
  recordFrom = Infinity;
  #wanted = null;

  async handle(n) {
    if (n >= this.recordFrom && this.starts.length < STARTS_MAX) this.starts.push([n, nowNs()]);
    if (this.thinkMs > 0) await sleep(this.thinkMs);
    this.done += 1;
    if (this.#wanted && this.done === this.#wanted.done) this.#wanted.reached(nowNs());
  }

  /** When so many were done; the time now, if they are already or are not in time. */
  async wait(done, withinMs) {
    if (this.done >= done) return nowNs();
    const giveUp = new AbortController();
    const reached = new Promise((resolve) => {
      this.#wanted = { done, reached: resolve };
    });
    const late = sleep(withinMs, null, { signal: giveUp.signal }).catch(() => null);
    const atNs = await Promise.race([reached, late]);
    giveUp.abort();
    this.#wanted = null;
    return atNs ?? nowNs();
  }
}

/**
 * Serves until stdin ends. A system has `version`, `noLanes` (a reason or null), `prepare()`,
 * `enqueue(jobs)` with jobs `{ n, lane, bytes }`, `work(work, seen)` that resolves to a function that
 * ends the workers, `left()` and `close()`.
 */
export const serve = async (system) => {
  const seen = new Seen();
  const stops = [];
  const feeds = [];
  const jobsOf = (feed, next) =>
    Array.from({ length: feed.batch }, (_, at) => ({
      n: feed.first + next + at,
      lane: feed.lanes > 0 ? feed.lane_first + ((next + at) % feed.lanes) : null,
      bytes: feed.bytes,
    }));

  const paced = async (feed) => {
    const commits = [];
    const everyMs = (feed.batch / feed.rate) * 1e3;
    const begun = performance.now();
    let next = 0;
    for (let tick = 0; performance.now() - begun < feed.seconds * 1e3; tick += 1) {
      const early = begun + tick * everyMs - performance.now();
      if (early > 0) await sleep(early);
      const before = nowNs();
      await system.enqueue(jobsOf(feed, next));
      if (feed.record) commits.push([feed.first + next, before, nowNs()]);
      next += feed.batch;
    }
    return { jobs: next, commits };
  };

  const flatOut = async (feed) => {
    const [base, begun] = [seen.done, performance.now()];
    let numbers = 0;
    const writer = async () => {
      while (performance.now() - begun < feed.seconds * 1e3) {
        if (numbers - (seen.done - base) >= feed.backlog) {
          await sleep(1);
          continue;
        }
        const next = numbers;
        numbers += feed.batch;
        await system.enqueue(jobsOf(feed, next));
      }
    };
    await Promise.all(Array.from({ length: feed.writers }, writer));
    return { jobs: numbers, commits: [] };
  };

  const words = {
    prepare: () => system.prepare(),
    load: async ({ first, jobs, lanes, bytes }) => {
      for (let begin = first; begin < first + jobs; begin += LOAD_BATCH) {
        const count = Math.min(LOAD_BATCH, first + jobs - begin);
        const job = (_, at) => ({ n: begin + at, lane: lanes > 0 ? (begin + at) % lanes : null, bytes });
        await system.enqueue(Array.from({ length: count }, job));
      }
    },
    work: async (work) => {
      const at_ns = nowNs();
      seen.thinkMs = work.think_ms;
      seen.recordFrom = work.record_from;
      stops.push(await system.work(work, seen));
      return { at_ns };
    },
    feed: (feed) => {
      const feeding = feed.rate > 0 ? paced(feed) : flatOut(feed);
      // An error is answered by `fed`, so until then nobody handles it.
      feeding.catch(() => {});
      feeds.push(feeding);
    },
    fed: async () => {
      const fed = await Promise.all(feeds.splice(0));
      return {
        jobs: fed.reduce((sum, one) => sum + one.jobs, 0),
        commits: fed.flatMap((one) => one.commits),
      };
    },
    wait: async ({ done, within_ms }) => {
      const at_ns = await seen.wait(done, within_ms);
      return { jobs: seen.done, at_ns };
    },
    count: () => ({ jobs: seen.done }),
    starts: () => ({ starts: seen.starts.splice(0) }),
    left: async () => {
      const at_ns = nowNs();
      return { jobs: await system.left(), at_ns };
    },
    stop: async () => {
      for (const stop of stops.splice(0)) await stop();
    },
  };

  const answer = async (request) => {
    if (system.noLanes && request.lanes > 0) return { unsupported: system.noLanes };
    const said = (await words[request.do](request)) ?? {};
    return { at_ns: nowNs(), ...said };
  };

  for await (const line of createInterface({ input: process.stdin })) {
    const said = await answer(JSON.parse(line)).catch((error) => ({ error: String(error?.stack ?? error) }));
    process.stdout.write(`${JSON.stringify({ version: system.version, ...said })}\n`);
  }
  await system.close();
  process.exit(0);
};
