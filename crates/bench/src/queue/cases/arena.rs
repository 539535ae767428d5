//! A fresh database with one system's driver on it, for one round.

use std::time::Duration;

use anyhow::{bail, ensure};
use tokio::time::{Instant, sleep};
use tokio_postgres::Client;

use super::{PAYLOAD_BYTES, Round};
use crate::queue::driver::{Answer, Feed, Request, Work};
use crate::queue::process::Process;
use crate::queue::server::connect;

/// How long a round's work may take before the system counts as not able to run it.
pub(crate) const ROUND_LIMIT: Duration = Duration::from_secs(180);

/// How often the database is asked whether all has ended.
const LEFT_EVERY: Duration = Duration::from_millis(2);

/// Jobs of one enqueuing call where throughput is measured.
const BATCH: u64 = 250;
/// Calls at once.
const WRITERS: u64 = 4;
/// Jobs that wait at most.
const BACKLOG: u64 = 5_000;

/// One round's database and driver.
pub(crate) struct Arena<'a> {
    round: Round<'a>,
    name: String,
    url: String,
    /// The driver that everything is asked of, but what a second process does.
    pub(crate) driver: Process,
}

impl<'a> Arena<'a> {
    /// Makes the database and the system's schema.
    pub(crate) async fn open(round: Round<'a>) -> anyhow::Result<Self> {
        Self::open_with(round, None).await
    }

    /// As [`Arena::open`], with the durations of all statements logged.
    pub(crate) async fn open_logged(round: Round<'a>) -> anyhow::Result<Self> {
        Self::open_with(round, Some("log_min_duration_statement = 0")).await
    }

    async fn open_with(round: Round<'a>, setting: Option<&str>) -> anyhow::Result<Self> {
        let (name, url) = round.server.create_database().await?;
        let mut driver = Process::start(round.launcher.command(round.system)?, &url)?;
        driver.ask(&Request::Prepare).await?;
        if let Some(setting) = setting {
            // For sessions from now on, so the driver's begin again.
            let client = connect(&url).await?;
            client.batch_execute(&format!("ALTER DATABASE {name} SET {setting}")).await?;
            driver.end().await?;
            driver = Process::start(round.launcher.command(round.system)?, &url)?;
        }
        Ok(Arena { round, name, url, driver })
    }

    /// Another driver on the same database.
    pub(crate) fn second(&self) -> anyhow::Result<Process> {
        Process::start(self.round.launcher.command(self.round.system)?, &self.url)
    }

    /// Replaces the driver by a new one.
    pub(crate) async fn restart(&mut self) -> anyhow::Result<()> {
        let fresh = self.second()?;
        std::mem::replace(&mut self.driver, fresh).end().await
    }

    /// A connection of the bench's own.
    pub(crate) async fn connect(&self) -> anyhow::Result<Client> {
        connect(&self.url).await
    }

    /// Enqueues jobs, all at once.
    pub(crate) async fn load(&mut self, first: u64, jobs: u64, lanes: u64) -> anyhow::Result<()> {
        let bytes = PAYLOAD_BYTES;
        self.driver.ask(&Request::Load { first, jobs, lanes, bytes }).await?;
        Ok(())
    }

    /// Starts the workers as the system works best. Returns when that began.
    pub(crate) async fn work(&mut self) -> anyhow::Result<u64> {
        let work = Work { slots: 0, batch: 0, workers: 1, think_ms: 0, record_from: u64::MAX };
        Ok(self.driver.ask(&Request::Work(work)).await?.at_ns)
    }

    /// Waits until all so many jobs were handled since the driver's start. Returns when they were.
    pub(crate) async fn wait(&mut self, done: u64) -> anyhow::Result<u64> {
        let Answer { jobs, at_ns, .. } = self.wait_at_least(done).await?;
        ensure!(jobs == done, "{jobs} were handled, of {done} that there were");
        Ok(at_ns)
    }

    /// Waits until so many jobs were handled since the driver's start, or more.
    pub(crate) async fn wait_at_least(&mut self, done: u64) -> anyhow::Result<Answer> {
        let within_ms = u64::try_from(ROUND_LIMIT.as_millis()).unwrap_or(u64::MAX);
        let answer = self.driver.ask(&Request::Wait { done, within_ms }).await?;
        let jobs = answer.jobs;
        ensure!(jobs >= done, "only {jobs} of {done} jobs were done in {ROUND_LIMIT:?}");
        Ok(answer)
    }

    /// Waits until the database, too, knows all jobs as ended. Returns when it was asked.
    pub(crate) async fn wait_ended(&mut self) -> anyhow::Result<u64> {
        let deadline = Instant::now() + ROUND_LIMIT;
        loop {
            let Answer { jobs, at_ns, .. } = self.driver.ask(&Request::Left).await?;
            if jobs == 0 {
                return Ok(at_ns);
            }
            if Instant::now() > deadline {
                bail!("{jobs} jobs never ended in the database");
            }
            sleep(LEFT_EVERY).await;
        }
    }

    /// How many jobs a second are done over a time, while work is going on.
    pub(crate) async fn throughput(&mut self, over: Duration) -> anyhow::Result<f64> {
        let begin = self.driver.ask(&Request::Count).await?;
        sleep(over).await;
        let end = self.driver.ask(&Request::Count).await?;
        let seconds = (end.at_ns - begin.at_ns) as f64 / 1e9;
        // A system that stands still has no throughput to compare.
        ensure!(end.jobs > begin.jobs, "no job was done in {over:?}");
        Ok((end.jobs - begin.jobs) as f64 / seconds)
    }

    /// Ends driver and database.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        self.driver.end().await?;
        self.round.server.drop_database(&self.name).await
    }
}

/// Enqueuing as fast as the workers can follow.
pub(crate) fn flat_out(first: u64, over: Duration, lanes: u64) -> Feed {
    Feed {
        first,
        rate: 0.0,
        seconds: over.as_secs_f64(),
        batch: BATCH,
        writers: WRITERS,
        backlog: BACKLOG,
        lane_first: 0,
        lanes,
        bytes: PAYLOAD_BYTES,
        record: false,
    }
}

/// Single jobs at a steady rate, each commit's times kept; all in one lane, or in none.
pub(crate) fn probes(first: u64, rate: f64, over: Duration, lane: Option<u64>) -> Feed {
    Feed {
        first,
        rate,
        seconds: over.as_secs_f64(),
        batch: 1,
        writers: 1,
        backlog: 0,
        lane_first: lane.unwrap_or_default(),
        lanes: u64::from(lane.is_some()),
        bytes: PAYLOAD_BYTES,
        record: true,
    }
}
