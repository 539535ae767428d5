//! Where streams were refused lately, so that not every answer asks in vain: Slack has none for
//! guests, on free plans and where the app's agent features are off.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a refusal is believed.
const BELIEVED: Duration = Duration::from_secs(600);

/// How many refusals are remembered; above it all are forgotten.
const REFUSALS_MAX: usize = 10_000;

/// The refusals of this process, by channel and person.
#[derive(Default)]
pub(crate) struct Streams(Mutex<HashMap<(String, String), Instant>>);

impl Streams {
    pub(super) fn are_taken(&self, channel: &str, user: &str) -> bool {
        let refusals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = refusals.get(&(channel.to_owned(), user.to_owned()));
        refused.is_none_or(|at| at.elapsed() >= BELIEVED)
    }

    pub(super) fn refused_to(&self, channel: &str, user: &str) {
        let mut refusals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if refusals.len() >= REFUSALS_MAX {
            refusals.clear();
        }
        refusals.insert((channel.to_owned(), user.to_owned()), Instant::now());
    }
}
