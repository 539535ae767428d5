//! The reconciler: looks through the threads in which the bot spoke within the last hour, and where
//! two messages of ours carry one key, takes one away and files an incident.
//!
//! The reply protocol keeps two from coming about; this is for the message of a process that was
//! thought dead. One process at a time looks, through a limit in the database, and only as far as
//! the budget for what nobody waits for goes.

use std::collections::HashMap;
use std::time::Duration;

use event::{ErrorChain, Timestamp};
use queue::{Limit, QueueError, Taken};
use serde::Deserialize;
use serde_json::json;
use slack::{Failure, KeyedMessage, SlackError};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::desk::Desk;

/// How often the fleet looks.
const PASS_EVERY: Duration = Duration::from_secs(20);

/// How far back.
const LOOKED_BACK: Duration = Duration::from_secs(3600);

/// Threads read in one pass: a third of what Slack grants of these calls.
const THREADS_MAX: usize = 5;

/// Acts that one pass knows of.
const EFFECTS_MAX: u32 = 1_000;

/// The kind of the incident.
const DUPLICATE: &str = "duplicate_reply";

/// Where one conversation is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
struct Thread {
    channel: String,
    thread_ts: String,
}

/// What is known of a thread: when its first act was intended, and which message each key became.
#[derive(Debug, Default)]
struct Known {
    since: Timestamp,
    recorded: HashMap<String, String>,
}

/// Why a pass ended early.
#[derive(Debug, thiserror::Error)]
enum PassError {
    #[error("the database failed while {doing}")]
    Queue {
        doing: &'static str,
        #[source]
        source: QueueError,
    },
    #[error("Slack failed while {doing}")]
    Slack {
        doing: &'static str,
        #[source]
        source: SlackError,
    },
}

/// Looks until `ended`.
pub(crate) async fn run(desk: &Desk, ended: &CancellationToken) {
    let mut looked = HashMap::new();
    let mut tick = interval(PASS_EVERY / 4);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while ended.run_until_cancelled(tick.tick()).await.is_some() {
        let passed = ended.run_until_cancelled(pass(desk, &mut looked)).await;
        if let Some(Err(error)) = passed {
            tracing::warn!(error = %ErrorChain::line(&error), "the look for duplicates broke off; it comes again");
        }
    }
}

async fn pass(desk: &Desk, looked: &mut HashMap<Thread, Instant>) -> Result<(), PassError> {
    let queue = |doing| move |source| PassError::Queue { doing, source };
    let hold = desk.queue.standing_hold().await.map_err(queue("looking for a hold"))?;
    if hold.is_some() || !is_our_turn(desk).await {
        return Ok(());
    }
    let threads = threads(desk).await.map_err(queue("looking for recent replies"))?;
    looked.retain(|thread, _| threads.contains_key(thread));
    for thread in least_looked_at(&threads, looked) {
        let Some(known) = threads.get(&thread) else { continue };
        looked.insert(thread.clone(), Instant::now());
        match look(desk, &thread, known).await {
            Ok(()) => {}
            Err(PassError::Slack { source, .. }) if is_limited(&source) => return Ok(()),
            Err(error @ PassError::Queue { .. }) => return Err(error),
            // A channel that the bot has left says no for ever.
            Err(error) => {
                tracing::debug!(error = %ErrorChain::line(&error), "a thread could not be looked at");
            }
        }
    }
    Ok(())
}

/// One process looks at a time, whichever asks first.
async fn is_our_turn(desk: &Desk) -> bool {
    let name = format!("reconciler:{}", desk.bot.team_id);
    let limit = Limit { name, per_second: 1.0 / PASS_EVERY.as_secs_f64(), burst: 1.0 };
    matches!(desk.queue.take(&limit, 1.0).await, Ok(Taken::Granted))
}

async fn threads(desk: &Desk) -> Result<HashMap<Thread, Known>, QueueError> {
    let mut threads: HashMap<Thread, Known> = HashMap::new();
    // Newest first: the last one seen of a thread is its first.
    for effect in desk.queue.recent_effects(LOOKED_BACK, EFFECTS_MAX).await? {
        let Ok(thread) = serde_json::from_value::<Thread>(effect.target) else { continue };
        let known = threads.entry(thread).or_default();
        known.since = effect.intended_at;
        known.recorded.extend(effect.result.map(|result| (effect.key, result)));
    }
    Ok(threads)
}

/// Those that were never looked at, newest first, then those whose look is longest ago.
fn least_looked_at(
    threads: &HashMap<Thread, Known>,
    looked: &HashMap<Thread, Instant>,
) -> Vec<Thread> {
    let mut order: Vec<_> = threads.iter().collect();
    order.sort_by_key(|(thread, known)| (looked.get(thread), std::cmp::Reverse(known.since)));
    order.into_iter().take(THREADS_MAX).map(|(thread, _)| thread.clone()).collect()
}

async fn look(desk: &Desk, thread: &Thread, known: &Known) -> Result<(), PassError> {
    let Thread { channel, thread_ts } = thread;
    let read = desk.slack.keyed_messages(channel, thread_ts, known.since).await;
    let read = read.map_err(|source| PassError::Slack { doing: "reading a thread", source })?;
    let ours = read.into_iter().filter(|message| {
        message
            .authors
            .iter()
            .any(|author| *author == desk.bot.user_id || Some(author) == desk.bot.bot_id.as_ref())
    });
    for duplicate in duplicates(ours, &known.recorded) {
        remove(desk, thread, &duplicate).await?;
    }
    Ok(())
}

/// A message that says again what another one says.
#[derive(Debug, PartialEq, Eq)]
struct Duplicate {
    key: String,
    kept: String,
    removed: String,
}

/// Of the messages of one key all but one: the one that the record names, else the first.
fn duplicates(
    messages: impl Iterator<Item = KeyedMessage>,
    recorded: &HashMap<String, String>,
) -> Vec<Duplicate> {
    let mut by_key: HashMap<String, Vec<String>> = HashMap::new();
    for KeyedMessage { ts, key, .. } in messages {
        by_key.entry(key).or_default().push(ts);
    }
    let mut found = Vec::new();
    for (key, mut all) in by_key {
        all.sort();
        let named = recorded.get(&key).filter(|ts| all.contains(ts));
        let Some(kept) = named.or(all.first()).cloned() else { continue };
        let others = all.into_iter().filter(|ts| *ts != kept);
        found.extend(others.map(|removed| Duplicate {
            key: key.clone(),
            kept: kept.clone(),
            removed,
        }));
    }
    found
}

/// Files before it deletes: a process that dies in between leaves the message to the next pass, and
/// the incident is the same one.
async fn remove(desk: &Desk, thread: &Thread, duplicate: &Duplicate) -> Result<(), PassError> {
    let Thread { channel, thread_ts } = thread;
    let Duplicate { key, kept, removed } = duplicate;
    let name = format!("{channel}:{removed}");
    let subject = json!({"channel": channel, "thread_ts": thread_ts, "key": key, "kept": kept,
        "removed": removed});
    let queue = |doing| move |source| PassError::Queue { doing, source };
    let new = desk.queue.file_incident(DUPLICATE, &name, subject).await;
    if new.map_err(queue("filing an incident"))? {
        metrics::counter!("worker_incidents_total", "kind" => DUPLICATE).increment(1);
        tracing::error!(
            channel,
            thread_ts,
            kept,
            removed,
            "a reply was there twice; the other one is taken away"
        );
    }
    let deleted = desk.slack.delete_message(channel, removed).await;
    deleted.map_err(|source| PassError::Slack { doing: "deleting a duplicate", source })?;
    desk.queue.resolve_incident(DUPLICATE, &name).await.map_err(queue("resolving an incident"))
}

fn is_limited(error: &SlackError) -> bool {
    matches!(error.kind(), Failure::RateLimited { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(ts: &str, key: &str) -> KeyedMessage {
        KeyedMessage { ts: ts.to_owned(), key: key.to_owned(), authors: Vec::new() }
    }

    fn found(messages: &[(&str, &str)], recorded: &[(&str, &str)]) -> Vec<(String, String)> {
        let messages = messages.iter().map(|(ts, key)| message(ts, key));
        let own = |(key, ts): &(&str, &str)| ((*key).to_owned(), (*ts).to_owned());
        let found = duplicates(messages, &recorded.iter().map(own).collect());
        found.into_iter().map(|duplicate| (duplicate.kept, duplicate.removed)).collect()
    }

    fn pair(kept: &str, removed: &str) -> (String, String) {
        (kept.to_owned(), removed.to_owned())
    }

    #[test]
    fn the_later_of_two_messages_of_one_key_goes_unless_the_record_names_it() {
        let twice = [("2.0", "k"), ("1.0", "k"), ("3.0", "other")];
        assert_eq!(found(&twice, &[]), [pair("1.0", "2.0")]);
        assert_eq!(found(&twice, &[("k", "1.0")]), [pair("1.0", "2.0")]);
        assert_eq!(found(&twice, &[("k", "2.0")]), [pair("2.0", "1.0")]);
        // What the record names is gone: somebody deleted it.
        assert_eq!(found(&twice, &[("k", "9.0")]), [pair("1.0", "2.0")]);
        assert_eq!(found(&[("1.0", "a"), ("2.0", "b")], &[]), []);
    }

    #[test]
    fn threads_take_turns_and_new_ones_come_first() {
        let thread = |n: usize| Thread { channel: "C1".to_owned(), thread_ts: format!("{n}.0") };
        let known = |n: i64| Known { since: Timestamp(n), ..Known::default() };
        let threads: HashMap<_, _> = (0..8_usize).map(|n| (thread(n), known(n as i64))).collect();
        let mut looked = HashMap::new();
        let first = least_looked_at(&threads, &looked);
        assert_eq!(first, [7, 6, 5, 4, 3].map(thread));
        for (at, thread) in first.into_iter().enumerate() {
            looked.insert(thread, Instant::now() + Duration::from_secs(at as u64));
        }
        assert_eq!(least_looked_at(&threads, &looked), [2, 1, 0, 7, 6].map(thread));
    }
}
