//! Several callers of the engine, one statement at a time, in the order that a test chooses.
//!
//! Each caller has a seat: a queue of its own with its own connections, and a gate that every
//! statement passes. After each step the stage waits until every caller stands at its gate again, is
//! over, or waits in the server for another's lock, which `pg_blocking_pids` tells. So a schedule is a
//! list of choices and does not depend on how fast anything is.

use std::future::{Future, pending, ready};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use queue::Queue;
use queue::stepping::{Arrival, Gate, behind};
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{Instant, sleep, timeout};

use super::watcher::Watcher;
use crate::aids::{options, raw};

/// How long a statement runs before the stage asks whether it waits for a lock.
const PATIENCE: Duration = Duration::from_millis(2);

/// Nothing takes this long unless something is broken.
const DEADLINE: Duration = Duration::from_secs(30);

/// Where a caller is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nobody sits there.
    Empty,
    /// On its way to the next statement.
    Working,
    /// Before this statement.
    Gate(&'static str),
    /// This statement was sent and not yet answered.
    Sent(&'static str),
    /// Its statement was answered, and it will never know.
    Gone,
    /// Its work returned.
    Over,
}

/// What becomes of a statement that is let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is answered.
    Answered,
    /// Its answer is lost; the caller lives.
    Lost,
    /// It is carried out, and the caller dies before its answer.
    Crash,
}

/// Statement texts that are sent instead of the engine's own, by name.
pub type Texts = &'static [(&'static str, &'static str)];

struct Board {
    places: Mutex<Vec<(Place, Fate)>>,
    changed: Notify,
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, Vec<(Place, Fate)>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, seat: usize, place: Place) {
        self.lock()[seat].0 = place;
        self.changed.notify_one();
    }
}

/// Statements whose moment matters to nobody: numbers from a sequence, in a transaction of their own,
/// and what only tells the caller something.
const FREE: [&str; 3] = ["number new events", "check a lease", "look for requested cancellations"];

struct SeatGate {
    board: Arc<Board>,
    seat: usize,
    go: Notify,
    /// The numbers' own commit follows.
    numbering: AtomicBool,
    texts: Texts,
}

impl SeatGate {
    fn is_free(&self, statement: &str) -> bool {
        FREE.contains(&statement)
            || (statement == "commit" && self.numbering.load(Ordering::Relaxed))
    }
}

impl Gate for SeatGate {
    fn before(&self, statement: &'static str) -> BoxFuture<'_, ()> {
        if self.is_free(statement) {
            return ready(()).boxed();
        }
        self.board.put(self.seat, Place::Gate(statement));
        self.go.notified().boxed()
    }

    fn after(&self, statement: &'static str) -> BoxFuture<'_, Arrival> {
        if self.is_free(statement) {
            self.numbering.store(statement == FREE[0], Ordering::Relaxed);
            return ready(Arrival::Read).boxed();
        }
        let fate = self.board.lock()[self.seat].1;
        let place = if fate == Fate::Crash { Place::Gone } else { Place::Working };
        self.board.put(self.seat, place);
        async move {
            match fate {
                Fate::Answered => Arrival::Read,
                Fate::Lost => Arrival::Lost,
                Fate::Crash => pending().await,
            }
        }
        .boxed()
    }

    fn text(&self, statement: &'static str, text: &'static str) -> &'static str {
        self.texts.iter().find(|(name, _)| *name == statement).map_or(text, |(_, other)| other)
    }
}

/// Lets everything through.
pub struct Open;

impl Gate for Open {
    fn before(&self, _: &'static str) -> BoxFuture<'_, ()> {
        ready(()).boxed()
    }

    fn after(&self, _: &'static str) -> BoxFuture<'_, Arrival> {
        ready(Arrival::Read).boxed()
    }
}

struct Seat {
    name: &'static str,
    queue: Queue,
    gate: Arc<SeatGate>,
    task: Option<AbortHandle>,
}

/// The seats, and a connection that watches them.
pub struct Stage {
    board: Arc<Board>,
    seats: Vec<Seat>,
    pub sql: Watcher,
    /// Who waited for another's lock when all last rested.
    waited: Vec<usize>,
    /// What was done, in words.
    pub schedule: Vec<String>,
}

impl Stage {
    /// A stage over the database at `url`, whose engine sends `texts` instead of its own.
    pub async fn new(url: &str, names: &[&'static str], texts: Texts) -> Self {
        let places = Mutex::new(vec![(Place::Empty, Fate::Answered); names.len()]);
        let board = Arc::new(Board { places, changed: Notify::new() });
        let mut seats = Vec::new();
        for (seat, name) in names.iter().enumerate() {
            let mut options = options(url);
            options.application_name = name;
            options.pool_connections_max = 2;
            let queue = behind(Arc::new(Open), Queue::connect(options)).await.unwrap();
            let gate = Arc::new(SeatGate {
                board: Arc::clone(&board),
                seat,
                go: Notify::new(),
                numbering: AtomicBool::new(false),
                texts,
            });
            seats.push(Seat { name, queue, gate, task: None });
        }
        Stage { board, seats, sql: Watcher::new(raw(url).await), waited: vec![], schedule: vec![] }
    }

    pub fn queue(&self, seat: usize) -> Queue {
        self.seats[seat].queue.clone()
    }

    pub fn name(&self, seat: usize) -> &'static str {
        self.seats[seat].name
    }

    /// Seats a caller and lets it come to its first statement.
    pub async fn seat<T: Send + 'static>(
        &mut self,
        seat: usize,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        let gate = Arc::clone(&self.seats[seat].gate);
        let board = Arc::clone(&self.board);
        board.put(seat, Place::Working);
        let task = tokio::spawn(async move {
            let result = behind(gate, work).await;
            board.put(seat, Place::Over);
            result
        });
        self.seats[seat].task = Some(task.abort_handle());
        self.rest().await;
        task
    }

    pub fn place(&self, seat: usize) -> Place {
        self.board.lock()[seat].0
    }

    /// Who could take a step.
    pub fn ready(&self) -> Vec<usize> {
        let places = self.board.lock();
        let at_gate = |seat: &usize| matches!(places[*seat].0, Place::Gate(_));
        (0..places.len()).filter(at_gate).collect()
    }

    /// Whether the caller waits in the server for another's lock. Only true at rest.
    pub fn is_blocked(&self, seat: usize) -> bool {
        matches!(self.place(seat), Place::Sent(_))
    }

    /// The names of those who wait.
    pub fn waiting(&self) -> Vec<&'static str> {
        let blocked = (0..self.seats.len()).filter(|seat| self.is_blocked(*seat));
        blocked.map(|seat| self.name(seat)).collect()
    }

    /// Lets one statement through.
    pub async fn step(&mut self, seat: usize, fate: Fate) {
        let Place::Gate(statement) = self.place(seat) else {
            panic!("{} is not at its gate but {:?}", self.name(seat), self.place(seat));
        };
        self.board.lock()[seat] = (Place::Sent(statement), fate);
        self.seats[seat].gate.go.notify_one();
        self.rest().await;
        let blocked = if self.is_blocked(seat) { ", and waits" } else { "" };
        let fate = match fate {
            Fate::Answered => "",
            Fate::Lost => ", its answer lost",
            Fate::Crash => ", then dies",
        };
        self.schedule.push(format!("{}: {statement}{fate}{blocked}", self.name(seat)));
    }

    /// Lets a caller die at its gate; [`Stage::clear`] its seat then.
    pub fn crash(&mut self, seat: usize) {
        let place = self.place(seat);
        self.schedule.push(format!("{} dies at {place:?}", self.name(seat)));
        self.board.put(seat, Place::Gone);
    }

    /// Who has died and still has a seat.
    pub fn gone(&self) -> Vec<usize> {
        (0..self.seats.len()).filter(|seat| self.place(*seat) == Place::Gone).collect()
    }

    /// Steps until the caller stands before `statement`.
    pub async fn run_to(&mut self, seat: usize, statement: &str) {
        while self.place(seat) != Place::Over {
            if matches!(self.place(seat), Place::Gate(here) if here == statement) {
                return;
            }
            self.step(seat, Fate::Answered).await;
        }
        panic!("{} never came to {statement}: {:#?}", self.name(seat), self.schedule);
    }

    /// Steps until the caller is over, or waits for another's lock.
    pub async fn run(&mut self, seat: usize) {
        while matches!(self.place(seat), Place::Gate(_)) {
            self.step(seat, Fate::Answered).await;
        }
    }

    /// Empties all seats.
    pub async fn leave(&mut self) {
        for seat in 0..self.seats.len() {
            match self.place(seat) {
                Place::Empty => {}
                Place::Over => self.board.put(seat, Place::Empty),
                Place::Working | Place::Gate(_) | Place::Sent(_) | Place::Gone => {
                    self.clear(seat).await;
                }
            }
        }
    }

    /// Ends a dead caller's task, and waits until the server has noticed: its locks are free then.
    pub async fn clear(&mut self, seat: usize) {
        if let Some(task) = self.seats[seat].task.take() {
            task.abort();
        }
        let left = "SELECT count(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND application_name = $1
                       AND state <> 'idle'";
        let since = Instant::now();
        while self.sql.rows(left, &[&self.name(seat)]).await[0].get::<_, i64>(0) > 0 {
            assert!(since.elapsed() < DEADLINE, "{} does not go", self.name(seat));
            sleep(PATIENCE).await;
        }
        self.board.put(seat, Place::Empty);
        self.rest().await;
    }

    /// Waits until nobody moves.
    async fn rest(&mut self) {
        let since = Instant::now();
        let mut known: Vec<usize> = vec![];
        loop {
            let moving = |(place, _): &(Place, Fate)| match place {
                Place::Working | Place::Sent(_) => true,
                Place::Empty | Place::Gate(_) | Place::Gone | Place::Over => false,
            };
            let moving: Vec<usize> = {
                let places = self.board.lock();
                (0..places.len()).filter(|seat| moving(&places[*seat])).collect()
            };
            if moving.iter().all(|seat| known.contains(seat)) {
                self.waited = moving;
                return;
            }
            assert!(since.elapsed() < DEADLINE, "no rest: {:?}", self.board.lock());
            // Whoever waited before the step waits still, or was let go by it: asked about at once.
            let waited = moving.iter().all(|seat| self.waited.contains(seat));
            if waited || timeout(PATIENCE, self.board.changed.notified()).await.is_err() {
                known = self.blocked().await;
                self.waited.retain(|seat| known.contains(seat));
            } else {
                known.clear();
            }
        }
    }

    /// Who waits in the server for another's lock.
    async fn blocked(&self) -> Vec<usize> {
        let query = "SELECT application_name FROM pg_stat_activity
                      WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0";
        let rows = self.sql.rows(query, &[]).await;
        let names: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        let blocked = |seat: &usize| {
            matches!(self.place(*seat), Place::Sent(_))
                && names.iter().any(|name| name == self.seats[*seat].name)
        };
        (0..self.seats.len()).filter(blocked).collect()
    }
}
