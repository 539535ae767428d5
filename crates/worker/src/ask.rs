//! Answering a question that was asked on the command line.

use agent::{Asker, Progress, Question, Task, Unlimited};
use event::Outcome;
use queue::{Claim, Stop};
use serde::Deserialize;

use crate::answer::{ask_agent, now_utc};
use crate::desk::{Desk, JobError};

/// The body of an event of the kind `ask`.
#[derive(Deserialize)]
struct Body {
    text: String,
    user: String,
}

/// Answers into the event's outcome, where the asker's command waits for it.
pub(crate) async fn ask(desk: &Desk, claim: &Claim, stop: &Stop) -> Result<Outcome, JobError> {
    let Body { text, user } = serde_json::from_slice(&claim.raw).map_err(JobError::Body)?;
    let question = Question {
        text,
        asker: Asker { id: user, name: None, timezone: None },
        now_utc: now_utc(),
        ..Question::default()
    };
    let asked = ask_agent(desk, &question, &Unwatched, &Unlimited, stop).await?;
    Ok(Outcome::Done(Some(asked)))
}

/// Nobody watches: the answer is fetched when it is there.
struct Unwatched;

impl Progress for Unwatched {
    fn step(&self, text: &str) {
        tracing::debug!(step = text, "working");
    }

    fn task(&self, _: &Task<'_>) {}

    fn text(&self, _: &str) {}
}
