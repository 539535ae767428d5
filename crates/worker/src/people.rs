//! Who asks: names and time zones, kept for a while so that one answer costs no look-up.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use agent::Asker;
use event::ErrorChain;
use slack::Api;

/// How long a person's name and time zone are believed.
const BELIEVED: Duration = Duration::from_secs(3600);

/// How many people are remembered; above it all are looked up anew.
const PEOPLE_MAX: usize = 10_000;

/// The people seen lately.
#[derive(Default)]
pub(crate) struct People {
    seen: Mutex<HashMap<String, (Instant, Asker)>>,
}

impl People {
    /// The asker behind a user id. Slack's refusal costs only the name.
    pub(crate) async fn asker(&self, slack: &Api, user: &str) -> Asker {
        if let Some(asker) = self.remembered(user) {
            return asker;
        }
        let nameless = Asker { id: user.to_owned(), name: None, timezone: None };
        match slack.user(user).await {
            Ok(found) => {
                let asker = Asker { name: found.name, timezone: found.tz, ..nameless };
                self.remember(user, &asker);
                asker
            }
            Err(error) => {
                tracing::warn!(error = %ErrorChain::line(&error), "the asker stays nameless");
                nameless
            }
        }
    }

    fn remembered(&self, user: &str) -> Option<Asker> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, asker) = seen.get(user)?;
        (at.elapsed() < BELIEVED).then(|| asker.clone())
    }

    fn remember(&self, user: &str, asker: &Asker) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= PEOPLE_MAX {
            seen.clear();
        }
        seen.insert(user.to_owned(), (Instant::now(), asker.clone()));
    }
}
