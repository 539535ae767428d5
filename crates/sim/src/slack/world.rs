//! Everything a local Slack is, shared by its servers and its controls.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    clock::Clock,
    faults::Faults,
    feed::Feed,
    journal::Journal,
    limits::Limits,
    link::Link,
    options::{Options, Settings},
    state::State,
};

/// The parts of a local Slack. Each part guards itself.
///
/// Lock order: `state`, then any one of the others; no lock is held over an await.
pub(super) struct World {
    pub options: Options,
    pub clock: Clock,
    /// The address others reach this server by, as `host:port`.
    pub authority: String,
    pub state: Mutex<State>,
    pub settings: Mutex<Settings>,
    pub link: Link,
    pub journal: Journal,
    pub faults: Faults,
    pub limits: Limits,
    pub feed: Feed,
    pub shutdown: CancellationToken,
    /// Ends the delivery to the app's request URL.
    pub requests: Mutex<CancellationToken>,
    pub tasks: TaskTracker,
}

impl World {
    pub fn new(options: Options, authority: String, state: State) -> Self {
        Self {
            clock: options.clock.clone(),
            authority,
            state: Mutex::new(state),
            settings: Mutex::new(options.settings.clone()),
            link: Link::new(options.socket.clone()),
            journal: Journal::new(options.clock.clone(), options.journal_entries_max),
            faults: Faults::default(),
            limits: Limits::default(),
            feed: Feed::new(),
            shutdown: CancellationToken::new(),
            requests: Mutex::default(),
            tasks: TaskTracker::new(),
            options,
        }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    pub fn settings(&self) -> MutexGuard<'_, Settings> {
        lock(&self.settings)
    }
}

/// Locks a mutex. A holder that panicked leaves at worst one half-made change behind, which the
/// test that panicked reports anyway.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An identifier that is unique across restarts: a letter or two and 16 hexadecimal digits.
pub(super) fn fresh_id(prefix: &str) -> String {
    let mut random = uuid::Uuid::new_v4().simple().to_string().to_uppercase();
    random.truncate(16);
    format!("{prefix}{random}")
}
