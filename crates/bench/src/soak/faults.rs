//! The fault injector: a deck of faults, shuffled by the seed, dealt while the run goes on.

use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;
use sim::link::{Break, Commit, Cut, Weather};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::plan::draw;
use super::server::Crash;
use super::stage::{Role, Stage};

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    KillWorker,
    KillEnqueuer,
    /// SIGSTOP, its lease ended meanwhile, then SIGCONT: it wakes as a zombie.
    StopWorker,
    /// SIGSTOP beyond the lease, as it is.
    StopBeyondLease,
    /// The lease of a healthy worker ends while it works.
    EndLease,
    Crash(Crash),
    /// A crash that outlasts every lease.
    CrashBeyondLease,
    KillBackend,
    TerminateBackend,
    CutCommit(Cut),
    Blackhole,
    Refuse,
    Reset,
    Slow(Weather),
}

impl Fault {
    /// Whether it ends every session: the server's crash, or a backend's.
    fn is_outage(self) -> bool {
        matches!(self, Fault::Crash(_) | Fault::CrashBeyondLease | Fault::KillBackend)
    }
}

/// The first round: every kind at least once.
const DECK: &[Fault] = &[
    Fault::KillWorker,
    Fault::KillWorker,
    Fault::KillWorker,
    Fault::KillEnqueuer,
    Fault::KillEnqueuer,
    Fault::StopWorker,
    Fault::EndLease,
    Fault::Crash(Crash::Immediate),
    Fault::Crash(Crash::KillPostmaster),
    Fault::CrashBeyondLease,
    Fault::KillBackend,
    Fault::TerminateBackend,
    Fault::TerminateBackend,
    Fault::CutCommit(Cut::Before),
    Fault::CutCommit(Cut::Before),
    Fault::CutCommit(Cut::Before),
    Fault::CutCommit(Cut::After),
    Fault::CutCommit(Cut::After),
    Fault::CutCommit(Cut::After),
    Fault::Blackhole,
    Fault::Refuse,
    Fault::Reset,
    Fault::Slow(Weather::Delay(Duration::from_millis(15))),
    Fault::Slow(Weather::Drip(200, Duration::from_millis(1))),
];

/// An outage of the database comes in one round of so many. No lease ends for one period after each, and
/// where they come faster than that nobody ever takes over what a killed worker held.
const OUTAGES_EVERY: u64 = 3;

/// A real SIGSTOP beyond the lease takes long, so it comes once in so many rounds.
const LONG_STOP_EVERY: u64 = 8;

/// How long a fault waits for what it is to meet: a cut for its commit, a kill for its backend.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often a backend is looked for meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How long a worker stands still whose lease is ended by hand.
const STOP_FOR: Duration = Duration::from_millis(2_500);

/// Longer than the lease and everything that it may take to notice.
const STOP_BEYOND_LEASE: Duration = Duration::from_secs(36);

/// How long a line stays bad.
const WEATHER_FOR: Duration = Duration::from_millis(2_000);

/// What must be seen in every run, by the names that the journal has.
pub(super) const REQUIRED: &[&str] = &[
    "sigkill",
    "sigkill_enqueuer",
    "sigstop",
    "end_lease",
    "database_crash",
    "postmaster_kill",
    "outage_beyond_lease",
    "backend_kill",
    "backend_terminate",
    "cut_before_commit",
    "cut_after_commit",
    "partition",
    "refuse",
    "reset",
    "slow",
];

/// Deals faults until told to stop, one every `every` on the average, then waits for those under
/// way.
pub(super) async fn inject(stage: Arc<Stage>, every: Duration, stop: CancellationToken) {
    let under_way = TaskTracker::new();
    let mut number = 0;
    'rounds: for round in 0_u64.. {
        for fault in shuffled(&stage, round) {
            number += 1;
            let roll = draw(stage.seed, "fault", number);
            let pause = every.mul_f64(0.5 + (roll % 1_000) as f64 / 1_000.0);
            if stop.run_until_cancelled(sleep(pause)).await.is_none() {
                break 'rounds;
            }
            let stage = Arc::clone(&stage);
            under_way.spawn(async move {
                if let Err(error) = strike(&stage, fault, roll >> 16).await {
                    let line = json!({"error": format!("{error:#}")});
                    stage.fired(name(fault), false, line);
                }
            });
        }
    }
    under_way.close();
    under_way.wait().await;
}

fn shuffled(stage: &Stage, round: u64) -> Vec<Fault> {
    let mut deck = DECK.to_vec();
    deck.retain(|fault| round.is_multiple_of(OUTAGES_EVERY) || !fault.is_outage());
    if round.is_multiple_of(LONG_STOP_EVERY) && stage.options.long_stops {
        deck.push(Fault::StopBeyondLease);
    }
    for last in (1..deck.len()).rev() {
        let roll = draw(stage.seed, "shuffle", round * 1_000 + last as u64);
        deck.swap(last, usize::try_from(roll % (last as u64 + 1)).unwrap_or_default());
    }
    deck
}

fn name(fault: Fault) -> &'static str {
    match fault {
        Fault::KillWorker => "sigkill",
        Fault::KillEnqueuer => "sigkill_enqueuer",
        Fault::StopWorker => "sigstop",
        Fault::StopBeyondLease => "sigstop_beyond_lease",
        Fault::EndLease => "end_lease",
        Fault::Crash(Crash::Immediate) => "database_crash",
        Fault::Crash(Crash::KillPostmaster) => "postmaster_kill",
        Fault::CrashBeyondLease => "outage_beyond_lease",
        Fault::KillBackend => "backend_kill",
        Fault::TerminateBackend => "backend_terminate",
        Fault::CutCommit(Cut::Before) => "cut_before_commit",
        Fault::CutCommit(Cut::After) => "cut_after_commit",
        Fault::Blackhole => "partition",
        Fault::Refuse => "refuse",
        Fault::Reset => "reset",
        Fault::Slow(_) => "slow",
    }
}

async fn strike(stage: &Stage, fault: Fault, roll: u64) -> anyhow::Result<()> {
    let name = name(fault);
    let fired = |met: bool| stage.fired(name, met, json!({}));
    let on = |pid: Option<u32>| stage.fired(name, pid.is_some(), json!({"pid": pid}));
    match fault {
        Fault::KillWorker => on(stage.signal(Role::Worker, roll, Signal::KILL)),
        Fault::KillEnqueuer => on(stage.signal(Role::Enqueuer, roll, Signal::KILL)),
        Fault::StopWorker => {
            let stopped = stage.signal(Role::Worker, roll, Signal::STOP);
            on(stopped);
            if let Some(pid) = stopped {
                let ended = end_lease(stage, pid).await;
                sleep(STOP_FOR).await;
                wake(pid);
                ended?;
            }
        }
        Fault::StopBeyondLease => {
            let stopped = stage.signal(Role::Worker, roll, Signal::STOP);
            on(stopped);
            if let Some(pid) = stopped {
                sleep(STOP_BEYOND_LEASE).await;
                wake(pid);
            }
        }
        Fault::EndLease => {
            let pids = stage.pids(Role::Worker);
            let pid = pids.get(usize::try_from(roll)? % pids.len().max(1)).copied();
            if let Some(pid) = pid {
                stage.excuse(pid);
                end_lease(stage, pid).await?;
            }
            on(pid);
        }
        Fault::Crash(crash) => {
            stage.server.crash(crash, Duration::ZERO).await?;
            fired(true);
        }
        Fault::CrashBeyondLease => {
            let end = "UPDATE workers SET lease_until = clock_timestamp() + INTERVAL '1 second'
                        WHERE fenced_at IS NULL AND stopped_at IS NULL";
            stage.server.sql().await?.execute(end, &[]).await?;
            stage.server.crash(Crash::Immediate, Duration::from_millis(1_500)).await?;
            fired(true);
        }
        Fault::KillBackend => fired(meets(|| stage.server.kill_backend()).await),
        Fault::TerminateBackend => {
            fired(meets(|| stage.server.terminate_backend()).await);
        }
        Fault::CutCommit(cut) => fired(cut_commit(stage, cut, roll).await),
        Fault::Blackhole => weather(stage, name, Weather::Blackhole, roll).await,
        Fault::Refuse => weather(stage, name, Weather::Refuse, roll).await,
        Fault::Slow(slow) => weather(stage, name, slow, roll).await,
        Fault::Reset => {
            let line = stage.line(roll);
            if let Some((link, _)) = &line {
                link.break_all(Break::Reset);
            }
            fired(line.is_some());
        }
    }
    Ok(())
}

/// Tries until it meets something. A server that is down, or that nobody has come back to, has nothing
/// to meet for a while.
async fn meets<F>(strike: impl Fn() -> F) -> bool
where
    F: Future<Output = anyhow::Result<Option<()>>>,
{
    let until = Instant::now() + PATIENCE;
    while !matches!(strike().await, Ok(Some(_))) {
        if Instant::now() > until {
            return false;
        }
        sleep(LOOK_EVERY).await;
    }
    true
}

/// Cuts the next commit that writes on some line, whichever statement it is.
async fn cut_commit(stage: &Stage, cut: Cut, roll: u64) -> bool {
    let Some((link, _)) = stage.line(roll) else { return false };
    let cuts = |counts: &sim::link::Counts| counts.cut_before + counts.cut_after;
    let before = cuts(&link.counts());
    let skip = u32::try_from(roll % 7).unwrap_or_default();
    link.arm(cut, skip, Commit::writes);
    let met = timeout(PATIENCE, link.until(|counts| cuts(counts) > before)).await.is_ok();
    if !met {
        link.disarm();
    }
    met
}

/// Lets a line be bad for a while. A worker behind it is excused: it may not reach its lease.
async fn weather(stage: &Stage, name: &str, weather: Weather, roll: u64) {
    let line = stage.line(roll);
    stage.fired(name, line.is_some(), json!({"pid": line.as_ref().and_then(|line| line.1)}));
    if let Some((link, _)) = line {
        link.set_weather(weather);
        sleep(WEATHER_FOR).await;
        link.set_weather(Weather::Clear);
    }
}

/// What a lease's end looks like in the database, for every incarnation of a process.
async fn end_lease(stage: &Stage, pid: u32) -> anyhow::Result<()> {
    let incarnations = super::verdict::incarnations(&stage.run, pid)?;
    let end = "UPDATE workers SET lease_until = clock_timestamp() - INTERVAL '1 second'
                WHERE id::bigint = ANY ($1) AND fenced_at IS NULL AND stopped_at IS NULL";
    stage.server.sql_soon().await?.execute(end, &[&incarnations]).await?;
    Ok(())
}

fn wake(pid: u32) {
    // It may have been killed meanwhile.
    if let Ok(pid) = i32::try_from(pid) {
        let _ = super::server::kill(pid, Signal::CONT);
    }
}
