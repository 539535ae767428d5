//! The processes of a soak and their lines to the database.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use rustix::process::Signal;
use serde_json::{Value, json};
use sim::link::Link;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use super::journal::Journal;
use super::orders::{ENOUGH_FILE, FINISH_FILE};
use super::outside::Outside;
use super::server::{Server, kill};
use super::{Options, enqueuer, worker};

/// How often the children are looked after.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How long a child that was told to finish may take.
const FINISH_WITHIN: Duration = Duration::from_secs(300);

/// What a child does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Enqueuer,
    Worker,
}

/// Everything that a run is made of.
pub(super) struct Stage {
    pub(super) options: Options,
    pub(super) seed: u64,
    pub(super) begun_us: i64,
    pub(super) run: PathBuf,
    pub(super) server: Server,
    pub(super) faults: Journal,
    pub(super) outside: Outside,
    /// libfaketime, where it is installed.
    pub(super) faketime: Option<PathBuf>,
    children: Mutex<Vec<Actor>>,
    fired: Mutex<BTreeMap<String, u64>>,
    excuses: Mutex<Vec<Excuse>>,
}

/// A place for a child, its line, and the child that has the place now.
struct Actor {
    role: Role,
    index: u32,
    life: u32,
    link: std::sync::Arc<Link>,
    child: Option<Child>,
    /// It ended by itself, having done all it should.
    done: bool,
}

/// Why a worker may have lost its jobs: something was done to it, not to the database.
#[derive(Clone, Copy, Debug)]
pub(super) struct Excuse {
    pub(super) pid: u32,
    /// Microseconds since 1970.
    pub(super) at_us: i64,
}

impl Stage {
    pub(super) async fn set(
        options: Options,
        seed: u64,
        run: PathBuf,
        server: Server,
    ) -> anyhow::Result<Self> {
        let mut children = Vec::new();
        let roles = [(Role::Enqueuer, options.enqueuers), (Role::Worker, options.workers)];
        for (role, count) in roles {
            for index in 0..count {
                let link = std::sync::Arc::new(Link::to(&server.url).await?);
                children.push(Actor { role, index, life: 0, link, child: None, done: false });
            }
        }
        let stage = Stage {
            faults: Journal::create(&run, "faults", "conductor")?,
            outside: Outside::start(&run).await?,
            faketime: faketime(),
            begun_us: wall_us(),
            children: Mutex::new(children),
            fired: Mutex::default(),
            excuses: Mutex::default(),
            options,
            seed,
            run,
            server,
        };
        Ok(stage)
    }

    /// Starts whoever is not there and should be, for ever.
    pub(super) async fn tend(&self) -> anyhow::Result<()> {
        loop {
            self.tend_once()?;
            sleep(LOOK_EVERY).await;
        }
    }

    fn tend_once(&self) -> anyhow::Result<()> {
        for actor in self.children().iter_mut().filter(|actor| !actor.done) {
            if let Some(child) = &mut actor.child {
                let Some(status) = child.try_wait()? else { continue };
                actor.done = status.success();
                actor.child = None;
                actor.life += 1;
                if status.code().is_some_and(|code| code != 0) {
                    bail!("{:?} {} ended with {status}", actor.role, actor.index);
                }
            }
            if !actor.done {
                actor.child = Some(self.start(actor)?);
            }
        }
        Ok(())
    }

    fn start(&self, actor: &Actor) -> anyhow::Result<Child> {
        let url = actor.link.url(&self.server.url);
        let (run, index, life, seed) = (self.run.clone(), actor.index, actor.life, self.seed);
        let skewed = actor.role == Role::Worker && index % 2 == 0;
        let skew_s = if skewed && self.faketime.is_some() { SKEWS_S[life as usize % 2] } else { 0 };
        let (verb, part) = match actor.role {
            Role::Enqueuer => {
                let share = u64::from(self.options.enqueuers.max(1));
                let part = enqueuer::Part {
                    events: self.options.events.div_ceil(share),
                    rate: self.options.rate.div_ceil(share),
                    begun_us: self.begun_us,
                    url,
                    run,
                    index,
                    life,
                    seed,
                };
                ("soak-enqueuer", serde_json::to_string(&part)?)
            }
            Role::Worker => {
                let (slots, skew_us) = (self.options.slots, skew_s * 1_000_000);
                let outside = self.outside.addr;
                let part = worker::Part { url, run, index, life, seed, slots, outside, skew_us };
                ("soak-worker", serde_json::to_string(&part)?)
            }
        };
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(verb).arg(part).stdin(Stdio::piped()).stdout(Stdio::null()).kill_on_drop(true);
        if let (Some(library), true) = (&self.faketime, skew_s != 0) {
            command.env("LD_PRELOAD", library).env("FAKETIME", format!("{skew_s:+}s"));
            command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        }
        let child = command.spawn().context("a child could not be started")?;
        if skew_s != 0 {
            self.fired("skew", true, json!({"pid": child.id()}));
        }
        Ok(child)
    }

    /// Signals a random living child of a role, picked by `roll`; its process id.
    pub(super) fn signal(&self, role: Role, roll: u64, signal: Signal) -> Option<u32> {
        let children = self.children();
        let alive: Vec<u32> = children
            .iter()
            .filter(|actor| actor.role == role)
            .filter_map(|actor| actor.child.as_ref()?.id())
            .collect();
        let pid = *alive.get(usize::try_from(roll).ok()? % alive.len().max(1))?;
        // Excused before it is harmed, so that no loss comes before its excuse.
        self.excuse(pid);
        kill(i32::try_from(pid).ok()?, signal).ok().map(|()| pid)
    }

    /// A random line, and whose it is.
    pub(super) fn line(&self, roll: u64) -> Option<(std::sync::Arc<Link>, Option<u32>)> {
        let children = self.children();
        let index = usize::try_from(roll).ok()? % children.len().max(1);
        let actor = children.get(index)?;
        Some((actor.link.clone(), actor.child.as_ref().and_then(Child::id)))
    }

    /// All lines, to heal them.
    pub(super) fn links(&self) -> Vec<std::sync::Arc<Link>> {
        self.children().iter().map(|actor| actor.link.clone()).collect()
    }

    /// The process id of a role's every living child.
    pub(super) fn pids(&self, role: Role) -> Vec<u32> {
        let children = self.children();
        let of_role = children.iter().filter(|actor| actor.role == role);
        of_role.filter_map(|actor| actor.child.as_ref()?.id()).collect()
    }

    /// Whether all enqueuers have brought in all they had.
    pub(super) fn all_offered(&self) -> bool {
        self.children().iter().filter(|actor| actor.role == Role::Enqueuer).all(|actor| actor.done)
    }

    /// Tells all of a role to finish, and waits until they have.
    pub(super) async fn finish(&self, role: Role) -> anyhow::Result<()> {
        let file = match role {
            Role::Enqueuer => ENOUGH_FILE,
            Role::Worker => FINISH_FILE,
        };
        std::fs::write(self.run.join(file), "")?;
        let begun = Instant::now();
        loop {
            self.tend_once()?;
            if self.children().iter().all(|actor| actor.role != role || actor.done) {
                return Ok(());
            }
            ensure!(begun.elapsed() < FINISH_WITHIN, "a {role:?} does not finish");
            sleep(LOOK_EVERY).await;
        }
    }

    /// Journals a fault; counts it when it met something.
    pub(super) fn fired(&self, kind: &str, fired: bool, mut line: Value) {
        line["kind"] = kind.into();
        line["fired"] = fired.into();
        self.faults.write(line);
        if fired {
            let mut counts = self.fired.lock().unwrap_or_else(PoisonError::into_inner);
            *counts.entry(kind.to_owned()).or_default() += 1;
        }
    }

    /// How often each kind of fault met something.
    pub(super) fn counts(&self) -> BTreeMap<String, u64> {
        self.fired.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Something was done to this worker: from now on it may lose what it holds.
    pub(super) fn excuse(&self, pid: u32) {
        let mut excuses = self.excuses.lock().unwrap_or_else(PoisonError::into_inner);
        excuses.push(Excuse { pid, at_us: wall_us() });
    }

    pub(super) fn excuses(&self) -> Vec<Excuse> {
        self.excuses.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn children(&self) -> MutexGuard<'_, Vec<Actor>> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the wall clocks of every other worker are off by, in seconds, life by life.
const SKEWS_S: [i64; 2] = [7_200, -7_200];

/// Where Debian and others put it.
fn faketime() -> Option<PathBuf> {
    let folders =
        ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
    folders
        .iter()
        .map(|folder| PathBuf::from(folder).join("faketime/libfaketime.so.1"))
        .find(|library| library.is_file())
}

/// Microseconds since 1970, by this machine, which is the database's.
pub(super) fn wall_us() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
