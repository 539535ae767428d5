//! The loop that reads requests and answers them.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::task::JoinHandle;

use super::feed::{self, Fed};
use super::{Answer, Job, Request, Seen, Stop, System, Work, now_ns};

/// Jobs of one call while loading.
const LOAD_BATCH: u64 = 2_000;

/// Serves until stdin ends.
pub(crate) async fn serve<S: System>(url: String) -> anyhow::Result<()> {
    let system = Arc::new(S::open(url).await?);
    let mut driver =
        Driver { system, seen: Arc::new(Seen::default()), stops: Vec::new(), feeds: Vec::new() };
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    let mut stdout = tokio::io::stdout();
    while let Some(line) = lines.next_line().await? {
        let request = serde_json::from_str(&line).context("a request that is none")?;
        let mut answer = match unsupported::<S>(&request) {
            Some(why) => Answer { unsupported: Some(why.to_owned()), ..Answer::default() },
            None => driver.answer(request).await.unwrap_or_else(|error| {
                let error = Some(format!("{error:#}"));
                Answer { error, ..Answer::default() }
            }),
        };
        answer.version = Some(S::VERSION.to_owned());
        let mut line = serde_json::to_vec(&answer)?;
        line.push(b'\n');
        stdout.write_all(&line).await?;
        stdout.flush().await?;
    }
    Ok(())
}

/// Why the system cannot do what is asked.
fn unsupported<S: System>(request: &Request) -> Option<&'static str> {
    match request {
        Request::Load { lanes: 1.., .. } => S::NO_LANES,
        Request::Feed(feed) if feed.lanes > 0 => S::NO_LANES,
        Request::Prepare
        | Request::Load { .. }
        | Request::Work(_)
        | Request::Feed(_)
        | Request::Fed
        | Request::Wait { .. }
        | Request::Count
        | Request::Starts
        | Request::Left
        | Request::Stop => None,
    }
}

struct Driver<S> {
    system: Arc<S>,
    seen: Arc<Seen>,
    stops: Vec<Stop>,
    feeds: Vec<JoinHandle<anyhow::Result<Fed>>>,
}

impl<S: System> Driver<S> {
    async fn answer(&mut self, request: Request) -> anyhow::Result<Answer> {
        let mut answer = Answer::default();
        match request {
            Request::Prepare => self.system.prepare().await?,
            Request::Load { first, jobs, lanes, bytes } => {
                self.load(first, jobs, lanes, bytes).await?;
            }
            Request::Work(work) => {
                answer.at_ns = now_ns();
                self.work(work).await?;
                return Ok(answer);
            }
            Request::Feed(feed) => {
                let (system, seen) = (Arc::clone(&self.system), Arc::clone(&self.seen));
                self.feeds.push(tokio::spawn(feed::run(system, seen, feed)));
            }
            Request::Fed => {
                for feed in self.feeds.drain(..) {
                    let (jobs, commits) = feed.await??;
                    answer.jobs += jobs;
                    answer.commits.extend(commits);
                }
            }
            Request::Wait { done, within_ms } => {
                let within = Duration::from_millis(within_ms);
                (answer.jobs, answer.at_ns) = self.seen.wait(done, within).await;
                return Ok(answer);
            }
            Request::Count => answer.jobs = self.seen.done(),
            Request::Starts => answer.starts = self.seen.take_starts(),
            Request::Left => {
                // The time before the question: the answer is at least as old as its asking.
                answer.at_ns = now_ns();
                let left = self.system.left().await?;
                answer.jobs = left.unwrap_or_default();
                return Ok(answer);
            }
            Request::Stop => {
                for stop in self.stops.drain(..) {
                    stop().await?;
                }
            }
        }
        answer.at_ns = now_ns();
        Ok(answer)
    }

    async fn work(&mut self, work: Work) -> anyhow::Result<()> {
        self.seen.set(work.think_ms, work.record_from);
        let stop = self.system.work(work, Arc::clone(&self.seen)).await?;
        self.stops.push(stop);
        Ok(())
    }

    async fn load(&self, first: u64, jobs: u64, lanes: u64, bytes: usize) -> anyhow::Result<()> {
        let mut begin = first;
        while begin < first + jobs {
            let end = (begin + LOAD_BATCH).min(first + jobs);
            let job = |n: u64| Job { n, lane: n.checked_rem(lanes), bytes };
            self.system.enqueue((begin..end).map(job).collect()).await?;
            begin = end;
        }
        Ok(())
    }
}
